"""What the network missed and what it marked beside the lesions, as a list to click through."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QListWidgetItem, QWidget

from gmic_core.exam.model import MammoImage
from viewer.commands import Context, run
from viewer.model.annotation.state import Segmentation
from viewer.model.measuring import Miss, Misses
from viewer.views import icons, theme
from viewer.views.annotation_lists import ENTRY, LESION_HEIGHT, LesionDelegate, PlainList, swatch
from viewer.views.overlay_controls import finding_icon


def counts_text(misses: Misses) -> str:
    """Return how many errors there are, in words."""
    missed = f"Missed lesions: {misses.count('lesion')} of {misses.lesions}."
    return f"{missed} On no lesion: regions {misses.regions}, patches {misses.count('patch')}."


def miss_title(miss: Miss, found: Segmentation | None, rank: int) -> str:
    """Return what an error is, in a few words."""
    if miss.kind == "lesion":
        name = found.name(miss.label).name if found is not None else f"Label {miss.label}"
        return f"Missed: {name}  {miss.number}"
    return f"Painted on no lesion  {rank}" if miss.kind == "region" else f"Patch on no lesion  {rank}"


def where_text(miss: Miss, image: MammoImage) -> str:
    """Return the slices, counted from 1; "" for single images."""
    if image.frames == 1:
        return ""
    first, last = miss.slices[0] + 1, miss.slices[1]
    return f"slice {first}   " if first == last else f"slices {first} - {last}   "


class MissList(PlainList):
    """Errors of the active image; a click goes there."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__("Misses and false positives", LESION_HEIGHT, 7, parent)
        self._context = context
        self.setItemDelegate(LesionDelegate(self))
        self.setToolTip("A click or the arrow keys go there, to the slice where the saliency is highest")
        self.itemClicked.connect(self._go)
        self.currentItemChanged.connect(self._chosen)

    def fill(self, misses: Misses | None, *, stale: bool) -> None:
        """Show the errors; those that are older than what is on screen are dimmed and lead nowhere."""
        session = self._context.session
        image, found = session.active_image, session.measuring.segmentation
        entries = misses.entries if misses is not None and image is not None else ()
        ranks: dict[str, int] = {}
        with QSignalBlocker(self):
            self.resize_to(len(entries))
            current = -1
            for number, miss in enumerate(entries):
                assert image is not None  # it has errors
                assert misses is not None
                ranks[miss.kind] = ranks.get(miss.kind, 0) + 1
                self._dress(self.item(number), miss, misses, image, found, ranks[miss.kind])
                self.item(number).setForeground(theme.color(theme.DISABLED if stale else theme.TEXT))
                current = number if miss == session.measuring.selected else current
            self.setCurrentRow(current)
        self.setEnabled(not stale)
        self.fit()

    def _dress(
        self,
        item: QListWidgetItem,
        miss: Miss,
        misses: Misses,
        image: MammoImage,
        found: Segmentation | None,
        rank: int,
    ) -> None:
        text = f"{miss_title(miss, found, rank)}\n{where_text(miss, image)}{miss.reason}"
        if item.data(ENTRY) == miss and item.text() == text:
            return
        item.setData(ENTRY, miss)
        item.setText(text)
        item.setToolTip(text)
        if miss.kind == "lesion":
            colour = found.name(miss.label).colour if found is not None else (128, 128, 128)
            item.setIcon(QIcon(swatch(colour, self.devicePixelRatioF())))
        elif miss.kind == "region":
            item.setIcon(finding_icon(misses.finding, side=12))
        else:
            item.setIcon(icons.icon("square"))

    def _chosen(self, item: QListWidgetItem | None, _before: object) -> None:
        if item is not None:
            self._go(item)

    def _go(self, item: QListWidgetItem) -> None:
        miss = item.data(ENTRY)
        if isinstance(miss, Miss):
            run("measure.go_to_miss", self._context, miss)
