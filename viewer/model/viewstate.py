"""How one image is being looked at: slice, window, inversion; kept as long as its exam is open."""

from __future__ import annotations

from dataclasses import dataclass, field

from psygnal import Signal

from gmic_core.exam.model import MammoImage, VoiTable, VoiWindow


class ImageState:
    """Slice and presentation of one image.

    Signals
    -------
    slice_changed(int), presentation_changed()
    """

    slice_changed = Signal(int)
    presentation_changed = Signal()

    def __init__(self, image: MammoImage) -> None:
        self.image = image
        self.slice_index = image.frames // 2
        self.window: VoiWindow | VoiTable | None = None  # None: the image's own first window, or one from its pixels
        self.auto_window: VoiWindow | None = None  # made from the pixels once they are there
        self.inverted = False
        self.seen: set[int] = set()

    def go_to_slice(self, index: int) -> None:
        """Show another slice; out of range means the first or the last one."""
        index = min(max(index, 0), self.image.frames - 1)
        if index != self.slice_index:
            self.slice_index = index
            self.slice_changed.emit(index)

    def set_window(self, window: VoiWindow | VoiTable | None) -> None:
        """Use another VOI window or table; None goes back to the image's own."""
        self.window = window
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
        """The window in force for the current slice."""
        image = self.image
        if self.window is not None:
            return self.window
        if image.frame_windows:
            return image.frame_windows[self.slice_index]
        if image.windows:
            return image.windows[0]
        return image.voi_tables[0] if image.voi_tables else self.auto_window


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
