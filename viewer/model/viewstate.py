"""How one image is being looked at: slice, window, inversion; kept as long as its exam is open."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from gmic_core.exam.model import MammoImage, VoiTable, VoiWindow
from gmic_core.exam.voi import default_window, stored_to_gray


class ImageState:
    """Slice and presentation of one image.

    Signals
    -------
    slice_changed(int), presentation_changed(), seen_changed(int): a slice was on screen for the first time
    """

    slice_changed = Signal(int)
    presentation_changed = Signal()
    seen_changed = Signal(int)

    def __init__(self, image: MammoImage) -> None:
        self.image = image
        self.slice_index = image.frames // 2
        self.window: VoiWindow | VoiTable | None = None  # None: the image's own first window, or one from its pixels
        self.auto_window: VoiWindow | None = None  # made from the pixels once they are there
        self.choice = 0  # which of the windows that every slice states of its own
        self.inverted = False
        self.seen: set[int] = set()
        self._lut: tuple[tuple[VoiWindow | VoiTable | None, bool], npt.NDArray[np.uint8]] | None = None

    def go_to_slice(self, index: int) -> None:
        """Show another slice; out of range means the first or the last one."""
        index = min(max(index, 0), self.image.frames - 1)
        if index != self.slice_index:
            self.slice_index = index
            self.slice_changed.emit(index)

    def mark_seen(self, index: int) -> None:
        """A slice was painted: from now on it counts as seen in this reading."""
        if index not in self.seen:
            self.seen.add(index)
            self.seen_changed.emit(index)

    def set_window(self, window: VoiWindow | VoiTable | None) -> None:
        """Use another VOI window or table; None goes back to the image's own."""
        self.window, self.choice = window, 0
        self.presentation_changed.emit()

    def choose_own(self, choice: int) -> None:
        """Use another of the windows that every slice states of its own (``MammoImage.frame_choices``)."""
        self.window, self.choice = None, choice
        self.presentation_changed.emit()

    def set_auto_window(self, window: VoiWindow) -> None:
        """Remember the window made from the pixels, for images whose file states none."""
        self.auto_window = window
        self.presentation_changed.emit()

    def set_inverted(self, inverted: bool) -> None:
        """Show the image inverted (air stays black)."""
        self.inverted = inverted
        self.presentation_changed.emit()

    @property
    def current_window(self) -> VoiWindow | VoiTable | None:
        """The window in force for the current slice; None until one was made from the pixels."""
        return self.window or default_window(self.image, self.slice_index, self.choice) or self.auto_window

    def lut(self) -> npt.NDArray[np.uint8]:
        """Return grey values by stored value for the current slice; made anew only when window or inversion change."""
        key = (self.current_window, self.inverted)
        if self._lut is None or self._lut[0] != key:
            self._lut = (key, stored_to_gray(self.image, self.slice_index, *key))
        return self._lut[1]


@dataclass
class Slot:
    """One viewport of a layout.

    Attributes
    ----------
    row, column : place in the grid of the layout.
    title : what hangs here, e.g. ``R-CC``; shown when nothing fits.
    candidates : all images that fit, in order of preference; the first one hangs.
    """

    row: int
    column: int
    title: str
    state: ImageState | None = None
    candidates: list[MammoImage] = field(default_factory=list)
