"""What one viewport resampled last: while grey values are dragged, neither the slice nor the overlay moves."""

from __future__ import annotations

from gmic_core.exam.geometry import Box, PlaneMap
from viewer.model.overlay_paint import OverlayLayer, Painted, overlay_pixels
from viewer.model.resample import Frame, warp


class KeptPixels:
    """Resamples a slice and lays out an overlay, each anew only when anything that it is made from has changed.

    The overlay is compared by its values, not by where they lie in memory: an overlay of another slice, of another
    result, or one that was changed in place can never be taken for it.
    """

    def __init__(self) -> None:
        self._slice: tuple[Frame, object, Frame] | None = None
        self._overlay: tuple[object, Painted | None] | None = None

    def sampled(self, frame: Frame, to_screen: PlaneMap, region: Box, *, nearest: bool) -> Frame:
        """Return :func:`viewer.model.resample.warp` of a frame; whoever gets it must not write into it."""
        key = (to_screen.matrix.tobytes(), region, nearest)
        if self._slice is None or self._slice[0] is not frame or self._slice[1] != key:
            self._slice = (frame, key, warp(frame, to_screen, region, nearest=nearest))
        return self._slice[2]

    def overlay(self, layer: OverlayLayer, stored_to_screen: PlaneMap, region: Box) -> Painted | None:
        """Return :func:`viewer.model.overlay_paint.overlay_pixels`; whoever gets it must not write into it."""
        key = (
            layer.cells.tobytes(), layer.cells.shape, layer.cells.dtype, layer.to_stored.matrix.tobytes(),
            layer.settings, layer.untrained, stored_to_screen.matrix.tobytes(), region,
        )  # fmt: skip
        if self._overlay is None or self._overlay[0] != key:
            self._overlay = (key, overlay_pixels(layer, stored_to_screen, region))
        return self._overlay[1]
