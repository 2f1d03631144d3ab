"""The patches of the active image as rows, ordered by attention."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt

from gmic_core.exam.model import MammoImage
from gmic_core.types import Finding, ImageResult, Roi

ALONE = "this patch alone (not part of the published model)"

Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True)
class Patch:
    """One row.

    Attributes
    ----------
    image : whose patch it is.
    number : index in the result's ``rois``.
    rank : 1 for the highest attention.
    count : how many patches the image has.
    weights : the set of weights that chose it, where there are several; "" else.
    """

    image: MammoImage
    roi: Roi
    number: int
    rank: int
    count: int
    weights: str = ""

    @property
    def attention(self) -> str:
        """The attention score with two decimals."""
        return f"{self.roi.attention:.2f}"

    @property
    def slice_text(self) -> str:
        """The slice as the reader counts them, from 1; nothing for a 2D image."""
        return f"slice {self.roi.slice_index + 1}" if self.image.frames > 1 else ""

    @property
    def local_text(self) -> str:
        """What the local head says about this patch, labelled as what it is."""
        if self.roi.local_scores is None:
            return ""
        malignant, benign = self.roi.local_scores[Finding.MALIGNANT], self.roi.local_scores[Finding.BENIGN]
        return f"malignant {malignant:.2f}, benign {benign:.2f} - {ALONE}"

    @property
    def title(self) -> str:
        """Name, slice and attention in one line."""
        where = f", {self.slice_text}" if self.slice_text else ""
        return f"Patch {self.rank} of {self.count}{where}, attention {self.attention}"

    @property
    def _within(self) -> str:
        return f" within each set of weights; this patch was chosen by {self.weights}" if self.weights else ""

    @property
    def tooltip(self) -> str:
        """Everything that is known about the patch."""
        roi = self.roi
        lines = [
            self.title,
            f"Attention {roi.attention:.4f}; the attention scores of one image sum to 1{self._within}.",
            self.local_text,
            f"Rows {roi.row0} to {roi.row1}, columns {roi.col0} to {roi.col1} as stored.",
            "Click or Enter goes there; the box at its corner leaves it out of the score.",
        ]
        return "\n".join(line for line in lines if line)


def patches_of(image: MammoImage, result: ImageResult) -> list[Patch]:
    """Return the patches of a result, the highest attention first."""
    order = sorted(range(len(result.rois)), key=lambda number: -result.rois[number].attention)
    count = len(order)
    by = [member.weights for member in result.members for _ in range(member.patches)] or [""] * count
    return [Patch(image, result.rois[number], number, rank, count, by[number]) for rank, number in enumerate(order, 1)]


class PatchModel(QAbstractListModel):
    """Rows for the strip."""

    def __init__(self) -> None:
        super().__init__()
        self.patches: list[Patch] = []
        self.keep: tuple[bool, ...] = ()

    def counts(self, patch: Patch) -> bool:
        """Whether a patch is not left out."""
        return self.keep[patch.number] if patch.number < len(self.keep) else True

    def set_keep(self, keep: tuple[bool, ...]) -> None:
        """Show which patches count; empty: all."""
        if keep != self.keep:
            self.keep = keep
            if self.patches:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self.patches) - 1, 0))

    def set_patches(self, patches: list[Patch]) -> None:
        """Show other patches."""
        self.beginResetModel()
        self.patches = patches
        self.endResetModel()

    def rowCount(self, parent: Index | None = None) -> int:
        """Return the number of patches."""
        return 0 if parent is not None and parent.isValid() else len(self.patches)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> str | Qt.CheckState | None:
        """Return text, tooltip and accessible text of a row."""
        if not 0 <= index.row() < len(self.patches):
            return None
        patch = self.patches[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return patch.title if self.counts(patch) else f"{patch.title}, left out"
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if self.counts(patch) else Qt.CheckState.Unchecked
        return patch.tooltip if role == Qt.ItemDataRole.ToolTipRole else None

    def row_of(self, number: int) -> int | None:
        """Return the row of a patch's number in the result."""
        return next((row for row, patch in enumerate(self.patches) if patch.number == number), None)
