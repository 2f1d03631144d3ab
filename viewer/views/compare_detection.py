"""FROC of a comparison: curves of peaks and patches per class, what each is worth, and the rule of a hit in words."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QHBoxLayout, QTableView, QVBoxLayout, QWidget

from gmic_core.comparison.folder import HIT_RULE, Compared
from gmic_core.comparison.tables import Detection
from gmic_core.detection.froc import Froc
from gmic_core.types import CLASSES
from viewer.commands import Context
from viewer.model.compared_rows import shown_names
from viewer.views import parts
from viewer.views.froc_plot import Curve, FrocPlot
from viewer.views.text_table import UNDEFINED, Column, TextTable, dress

COLUMNS = (
    Column("candidates"),
    Column("FAUC-1", "Area under the curve, a staircase, up to one false positive per image.", True),
    Column("at 0.5", "Sensitivity at 0.5 false positives per image.", True),
    Column("at 1", "Sensitivity at 1 false positive per image.", True),
    Column("lesions", "Connected parts of the label maps.", True),
    Column("images", "With and without a lesion.", True),
)
RULE = (
    f"Hit: {HIT_RULE} Lesions are connected parts of the segmentations, each with its box. Peaks are maxima of the "
    "saliency, at least 100 pixels apart; patches count by their attention. Several hits on one lesion count once."
)
NOTHING = "Nothing was compared yet, so there is no curve."


class FrocPage(QWidget):
    """Plot at the left, curves with their figures at the right, the chosen point in words below.

    Attributes
    ----------
    plot, table, rows : the curves, and what they are worth.
    readout : the chosen point.
    """

    def __init__(self, columns: tuple[Column, ...] = COLUMNS, rule: str = RULE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plot, self.table, self.rows = FrocPlot(self), QTableView(self), TextTable(columns)
        self.readout = parts.Label("", "")
        self.readout.setWordWrap(True)
        self.note = parts.caption("", "warning", wrap=True)
        self._places: list[int | None] = []
        self.table.setModel(self.rows)
        dress(self.table, "Curves", "Choose a curve with the arrow keys")
        self.plot.setToolTip("Left and Right go along a curve, Up and Down to another one; so does the mouse")
        self.plot.pointed.connect(self._pointed)
        self.table.selectionModel().currentRowChanged.connect(self._chosen)
        side = QVBoxLayout()
        side.setSpacing(8)
        side.addWidget(self.table, 1)
        side.addWidget(self.readout)
        side.addWidget(self.note)
        side.addWidget(parts.caption(rule, wrap=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 8, 0, 0)
        row.setSpacing(12)
        row.addWidget(self.plot, 3)
        row.addLayout(side, 2)

    def show_curves(self, entries: list[tuple[str, Curve | None, str]], note: str = "") -> None:
        """Show curves.

        Parameters
        ----------
        entries : name, curve, and why there is none.
        """
        curves = [curve for _, curve, _ in entries if curve is not None]
        self._places, count, texts = [], 0, []
        for name, curve, _reason in entries:
            self._places.append(count if curve is not None else None)
            count += curve is not None
            texts.append((name, *(figures(curve.froc) if curve is not None else [UNDEFINED] * 5)))
        missing = frozenset(k for k, place in enumerate(self._places) if place is None)
        self.rows.set_rows(texts, missing)
        self.table.resizeColumnsToContents()
        self.plot.show_curves(curves)
        reasons = [f"{name}: {reason}" for name, curve, reason in entries if curve is None and reason]
        self.note.setText("\n".join([*([note] if note else []), *reasons]))
        self.note.setVisible(bool(self.note.text()))
        first = next((k for k, place in enumerate(self._places) if place is not None), None)
        if first is not None:
            self.table.selectRow(first)
        self._pointed(self.plot.text)

    def _pointed(self, text: str) -> None:
        self.readout.setText(f"{text}." if text else NOTHING)
        if text and self.plot.active in self._places:
            row = self._places.index(self.plot.active)
            if row != self.table.currentIndex().row():
                self.table.selectRow(row)

    def _chosen(self, index: QModelIndex, _before: QModelIndex) -> None:
        place = self._places[index.row()] if index.isValid() else None
        if place is not None and place != self.plot.active:
            self.plot.choose(place)


def figures(froc: Froc) -> list[str]:
    """Return FAUC-1, two sensitivities, lesions and images as texts."""
    rates = [froc.fauc(), froc.at(0.5), froc.at(1.0)]
    return [*(f"{rate:.3f}" for rate in rates), str(froc.lesions), str(froc.images)]


class DetectionPage(FrocPage):
    """The curves of a comparison."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._context = context
        self._shown: tuple[Compared | None, bool] = (None, False)

    def refresh(self) -> None:
        """Show the curves of what was compared."""
        found, hidden = self._context.session.comparing.found, self._context.session.identity_hidden
        if found is not None and found is self._shown[0] and hidden is self._shown[1]:
            return
        self._shown = (found, hidden)
        detections = sorted(found.detections, key=lambda one: -one.finding) if found is not None else []
        self.show_curves([self._entry(one) for one in detections])
        if found is not None and hidden:  # reasons name images, whose names may name a patient
            for image, name in shown_names(found, hidden=True).items():
                self.note.setText(self.note.text().replace(image, name))

    @staticmethod
    def _entry(one: Detection) -> tuple[str, Curve | None, str]:
        name = f"{CLASSES[one.finding]}, {one.pointer}"
        if one.froc is None:
            return name, None, one.reason
        return name, Curve(name, one.froc, one.finding, one.pointer == "patches"), ""
