"""The figures of what is measured: one row each, projected and, of volumes, on all slices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from viewer.views import parts

if TYPE_CHECKING:
    from gmic_core.comparison.measures import Compared, Measures

NONE = "\u2013"  # en dash
ROWS = {
    "dice_soft": ("Soft Dice", "2 Σ(A·M) / (ΣA + ΣM): saliency A of every pixel, lesion M."),
    "dice_max": ("Largest Dice", "Dice of (A ≥ t), the largest over all values t of the map."),
    "dice_max_threshold": ("at threshold", "The t of the largest Dice; of equally good ones the highest."),
    "iou_max": ("Largest IoU", "Intersection over union of (A ≥ t), the largest over all t."),
    "pxap": ("PxAP", "Pixel average precision: the precision of pixels, summed over steps of recall."),
    "pixel_auc": ("Pixel AUC", "Area under the ROC curve over all pixels; ties count half."),
    "pointing_hit": ("Pointing", "Whether a pixel of the highest saliency is lesion."),
    "patch_coverage": ("Patch coverage", "Share of lesion pixels inside the network's patches; from 0.70 on the "
                       "lesion is indicated."),
}  # fmt: skip
"""Figure -> its name and what it is."""
PAINTED = "painted"
REASONS = {
    "pixel_auc": "every pixel is lesion: there is nothing else that it could be told from",
    "patch_coverage": "no patches of this result are known",
    "dice_soft": "map and lesion add up to nothing",
}
"""Why a figure does not exist."""


def figure_text(name: str, value: float) -> str:
    """Return a figure as it is shown."""
    if math.isnan(value):
        return NONE
    if name == "pointing_hit":
        return "hit" if value else "no hit"
    return f"{value:.3f}"


class FigureTable(QWidget):
    """Names at the left, then two columns of numbers.

    Attributes
    ----------
    values : the label of each figure by (name, column); column 0 is projected, 1 all slices.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.values: dict[tuple[str, int], parts.Label] = {}
        self.names: dict[str, parts.Label] = {}
        self._heads = [parts.caption("projected"), parts.caption("3D")]
        self.setAccessibleName("Figures")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for column, head in enumerate(self._heads):
            grid.addWidget(head, 0, column + 1, Qt.AlignmentFlag.AlignRight)
        self._heads[0].setToolTip("The maximum along the slices of saliency and segmentation, as in the 3D-GMIC paper")
        self._heads[1].setToolTip("All voxels of all slices")
        for row, name in enumerate((*ROWS, PAINTED), start=1):
            self.names[name] = parts.caption(ROWS[name][0] if name in ROWS else "")
            grid.addWidget(self.names[name], row, 0)
            for column in (0, 1):
                value = parts.caption(NONE, "")
                value.setMinimumWidth(48)
                value.setAlignment(Qt.AlignmentFlag.AlignRight)
                self.values[name, column] = value
                grid.addWidget(value, row, column + 1)

    def show_figures(self, compared: Compared | None, threshold: float, *, volume: bool, stale: bool, why: str) -> None:
        """Show figures.

        Parameters
        ----------
        compared : None: there are none.
        threshold : what the overlay paints above.
        volume : whether there is a column for all slices.
        stale : whether they are older than what is on screen; they are dimmed then.
        why : the reason where there are none.
        """
        self._heads[0].setVisible(volume)
        self._heads[1].setVisible(volume)
        self.names[PAINTED].setText(f"Dice above {threshold:.2f}")
        for column in (0, 1):
            measures = None if compared is None else compared.measures if column == 0 else compared.measures_3d
            for name in (*ROWS, PAINTED):
                self.values[name, column].setVisible(column == 0 or volume)
                self._show(name, column, measures, stale=stale, why=why)
            if compared is not None and measures is not None:
                dice = compared.painted(threshold, deep=column == 1).dice
                self._dress(PAINTED, column, figure_text(PAINTED, dice), _PAINTED_TIP.format(value=dice), stale=stale)

    def _show(self, name: str, column: int, measures: Measures | None, *, stale: bool, why: str) -> None:
        title, meaning = ROWS.get(name, ("Dice", ""))
        if measures is None or name == PAINTED:
            self._dress(name, column, NONE, f"{title}: {why}", stale=stale)
            return
        value = float(getattr(measures, name))
        exact = REASONS.get(name, "it does not exist here") if math.isnan(value) else f"{value:.6f}"
        self._dress(name, column, figure_text(name, value), f"{title}: {exact}\n{meaning}", stale=stale)

    def _dress(self, name: str, column: int, text: str, tip: str, *, stale: bool) -> None:
        label = self.values[name, column]
        label.setText(text)
        label.setEnabled(not stale)
        old = "\nOlder than what is on screen; it is being measured anew." if stale and text != NONE else ""
        label.setToolTip(tip + old)
        where = "all slices" if column else "projected"
        label.setAccessibleName(f"{self.names[name].text()}, {where}: {text}{', out of date' if old else ''}")


_PAINTED_TIP = "Dice of what the overlay paints now: {value:.6f}"
