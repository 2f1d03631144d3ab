"""The picture of one viewport: asks for the frame, keeps look-up table and painted pixels until something changes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PySide6.QtGui import QImage

from gmic_core.exam.geometry import Box, PlaneMap
from gmic_core.exam.model import MammoImage
from gmic_core.exam.voi import stored_to_levels
from gmic_core.segmentation.label_descriptions import LabelDescription
from viewer.commands import Context
from viewer.model.annotation.linked_outlines import LinkedOutline, linked_outlines
from viewer.model.annotation.paint import LabelLayer, lay_labels
from viewer.model.annotation.state import Painted
from viewer.model.displays import output_levels
from viewer.model.kept_pixels import KeptPixels
from viewer.model.render import OverlayLayer, render
from viewer.model.resample import Pyramid
from viewer.model.results import ResultEntry
from viewer.model.slab import Shown, SlabMaker
from viewer.model.tissue import Tissue, find_tissue
from viewer.model.viewstate import ImageState

Pixels = npt.NDArray[np.uint8]


AROUND = 8
"""Device-independent pixels around what a stroke changed that are painted anew: its outline moves inwards, too."""


@dataclass(frozen=True)
class Picture:
    """What was painted and from what."""

    image: QImage
    pyramid: Pyramid


@dataclass(frozen=True)
class LabelsKey:
    """What differs when another picture of a segmentation is to be painted."""

    segmentation: int
    revision: int
    labels: tuple[LabelDescription, ...]
    looks: tuple[bool, float]


class ViewportPixels:
    """Turns the state of an image into a ``QImage``; the same request twice costs nothing.

    A mouse that moves over the image, a box that is drawn, a title that changes: none of them touches pixels.

    Parameters
    ----------
    screen : tells the key of the screen that the viewport is on; each screen has its own output.
    ratio : device pixels per device-independent pixel; outlines are as wide everywhere.
    """

    def __init__(
        self, context: Context, screen: Callable[[], str] = lambda: "", ratio: Callable[[], float] = lambda: 1.0
    ) -> None:
        self._context, self._screen, self._ratio = context, screen, ratio
        self._lut: tuple[object, Pixels] | None = None
        self._painted: tuple[object, Picture, Pixels] | None = None
        self._under: tuple[object, Pixels] | None = None  # what segmentations lie on
        self._stroke: Painted | None = None  # what changed since the picture was painted
        self._tissue: dict[str, Tissue] = {}
        self._revision = 0
        self._slabs, self._kept = SlabMaker(context.frames), KeptPixels()

    def paint_over(self, painted: Painted, state: ImageState) -> None:
        """Note what a stroke changed: only that part of the picture is painted anew, if nothing else changes."""
        last = self._stroke
        if last is None or last.after != painted.before or painted.slice_index != state.slice_index:
            self._stroke = painted if painted.slice_index == state.slice_index else None
            return
        box = (
            min(last.box[0], painted.box[0]), min(last.box[1], painted.box[1]),
            max(last.box[2], painted.box[2]), max(last.box[3], painted.box[3]),
        )  # fmt: skip
        self._stroke = Painted(painted.slice_index, box, last.before, painted.after)

    def invalidate_overlay(self) -> None:
        """Forget what was painted: saliency changed in place."""
        self._revision += 1

    def forget(self) -> None:
        """Drop everything (another exam)."""
        self._lut = self._painted = self._under = None
        self._kept = KeptPixels()
        self._tissue.clear()
        self._slabs.forget()

    def tissue(self, image: MammoImage) -> Tissue | None:
        """Return where the breast is in an image, once one of its slices was painted."""
        return self._tissue.get(image.sop_uid)

    def _find_tissue(self, image: MammoImage, pyramid: Pyramid) -> Tissue:
        if image.sop_uid not in self._tissue:
            self._tissue[image.sop_uid] = find_tissue(pyramid, image.pixel)
        return self._tissue[image.sop_uid]

    def shown(self, state: ImageState) -> Shown | None:
        """Return the slice or slab that is shown, or None when the slice is not there yet."""
        return self._slabs.shown(state.image, state.slice_index, self._context.session.viewing.slab)

    def picture(self, state: ImageState, to_screen: PlaneMap, width: int, height: int) -> Picture | None:
        """Return the picture of the current slice in device pixels, or None when the frame is not there yet."""
        image, index = state.image, state.slice_index
        shown = self.shown(state)
        if shown is None:
            return None
        pyramid = shown.pyramid
        lut_key = self._lut_key(state)
        key = (
            id(pyramid[0]), image.sop_uid, index, lut_key, to_screen.matrix.tobytes(), width, height,
            self._context.session.overlays.settings, self._revision, self._context.session.trials.revision,
        )  # fmt: skip
        labels, linked = self._labels(state, index), linked_outlines(self._context.session, image)
        whole = (key, self._labels_key(state) if labels is not None else None, tuple(one.key for one in linked))
        if self._painted is not None and self._painted[0] == whole:
            return self._painted[1]
        tissue = self._find_tissue(image, pyramid)
        black = self._context.session.displays.air_black
        if self._under is None or self._under[0] != key:
            self._under = (
                key,
                render(
                    pyramid, to_screen, width, height, self._table(state, lut_key),
                    tissue=tissue if black else None, overlay=self._layer(state), kept=self._kept,
                ),
            )  # fmt: skip
        pixels = self._under[1]
        if labels is not None or linked:  # a stroke changes them sixty times a second, and nothing below them
            changed, before = self._only_stroke(whole), self._painted
            if changed is not None and before is not None:
                pixels = before[2]
                self._lay_part(pixels, changed, labels, linked, to_screen)
            else:
                pixels = pixels.copy()
                self._lay(pixels, labels, linked, to_screen)
        self._stroke = None
        qimage = QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32)
        picture = Picture(qimage, pyramid)
        self._painted = (whole, picture, pixels)  # the QImage reads the array's memory: both live and die together
        return picture

    def region(
        self, state: ImageState, to_screen: PlaneMap, width: int, height: int, index: int | None = None
    ) -> QImage | None:
        """Return what is shown through another map, with the same grey values and overlay; nothing is kept.

        Parameters
        ----------
        index : another slice than the current one, by itself even where a slab is shown.
        """
        if index is None:
            shown = self.shown(state)
            pyramid = shown.pyramid if shown is not None else None
        else:
            pyramid = self._context.frames.get(state.image, index)
        if pyramid is None:
            return None
        tissue = self._find_tissue(state.image, pyramid) if self._context.session.displays.air_black else None
        pixels = render(
            pyramid, to_screen, width, height, self._table(state, self._lut_key(state)),
            tissue=tissue, overlay=self._layer(state, index),
        )  # fmt: skip
        labels = self._labels(state, state.slice_index if index is None else index)
        self._lay(pixels, labels, linked_outlines(self._context.session, state.image), to_screen)
        # a copy: the QImage would go on reading memory that nobody keeps
        return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_RGB32).copy()

    def _only_stroke(self, whole: tuple[object, ...]) -> Box | None:
        """Return the stored box that a stroke changed since the picture was painted; None where more changed."""
        stroke, before = self._stroke, self._painted
        if stroke is None or before is None or not isinstance(before[0], tuple):
            return None
        (key, labels, linked), (old_key, old_labels, old_linked) = whole, before[0]
        if (key, linked) != (old_key, old_linked) or not isinstance(labels, LabelsKey):
            return None
        as_noted = isinstance(old_labels, LabelsKey) and replace(old_labels, revision=stroke.after) == labels
        return stroke.box if as_noted and old_labels.revision == stroke.before else None

    def _lay_part(
        self, pixels: Pixels, box: Box, labels: LabelLayer | None, linked: tuple[LinkedOutline, ...],
        to_screen: PlaneMap,
    ) -> None:  # fmt: skip
        """Lay segmentations anew over a part of a picture, with room around it for outlines to be right at its edge."""
        assert self._under is not None  # the picture was made from it
        around = math.ceil(AROUND * self._ratio())
        top, left, bottom, right = to_screen.apply_box(box)
        height, width = pixels.shape[:2]
        row0, col0 = max(math.floor(top) - around, 0), max(math.floor(left) - around, 0)
        row1, col1 = min(math.ceil(bottom) + around, height), min(math.ceil(right) + around, width)
        if row0 >= row1 or col0 >= col1:
            return
        up, aside = max(row0 - around, 0), max(col0 - around, 0)
        part = self._under[1][up : row1 + around, aside : col1 + around].copy()
        self._lay(part, labels, linked, PlaneMap.scale_offset(1.0, 1.0, -up, -aside) @ to_screen)
        pixels[row0:row1, col0:col1] = part[row0 - up : row1 - up, col0 - aside : col1 - aside]

    def _lay(
        self, pixels: Pixels, labels: LabelLayer | None, linked: tuple[LinkedOutline, ...], to_screen: PlaneMap
    ) -> None:
        """Lay segmentations over a picture: the outlines of other modalities under the image's own."""
        for one in linked:
            lay_labels(pixels, one.layer, to_screen @ one.to_target, self._ratio())
        if labels is not None:
            lay_labels(pixels, labels, to_screen, self._ratio())

    def _labels(self, state: ImageState, index: int) -> LabelLayer | None:
        """Return the segmentation of a slice, None where nothing of it is to be seen."""
        return self._context.session.annotation.layer(state.image.sop_uid, index)

    def _labels_key(self, state: ImageState) -> object:
        annotation = self._context.session.annotation
        found, settings = annotation.of(state.image.sop_uid), annotation.settings
        if found is None:
            return None
        return LabelsKey(id(found), found.map.revision, tuple(found.labels), (settings.fill, settings.opacity))

    def _lut_key(self, state: ImageState) -> tuple[object, ...]:
        displays = self._context.session.displays
        profile = displays.profile(self._screen())
        return (state.image.sop_uid, state.current_window, state.inverted, profile, displays.air_black)

    def _table(self, state: ImageState, key: object) -> Pixels:
        if self._lut is None or self._lut[0] != key:
            displays = self._context.session.displays
            levels = stored_to_levels(
                state.image, state.slice_index, state.current_window, state.inverted, displays.air_black
            )
            self._lut = (key, output_levels(levels, displays.profile(self._screen())))
        return self._lut[1]

    def entry(self, state: ImageState) -> ResultEntry | None:
        """Return what the AI knows about an image, unless its side or view is still in question."""
        return None if state.image.questions else self._context.session.results.get(state.image.sop_uid)

    def _layer(self, state: ImageState, index: int | None = None) -> OverlayLayer | None:
        entry, settings = self.entry(state), self._context.session.overlays.settings
        if entry is None or not settings.visible or entry.saliency_to_stored is None:
            return None
        cells = self._context.session.trials.cells(entry, state.slice_index if index is None else index)
        if cells is None:
            return None
        return OverlayLayer(cells, entry.saliency_to_stored, settings, entry.untrained)
