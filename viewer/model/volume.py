"""What the 3D view shows and from where: state without a GUI, and the data that it is painted from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, TypeVar

import numpy as np
from psygnal import Signal

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import Modality, Roi
from viewer.model.resample import Frame
from viewer.model.volume_camera import Camera
from viewer.model.volume_grid import Box, FloatArray, VolumeGrid, World, middle
from viewer.model.volume_project import Stack, Stopped

VolumeKind = Literal["mip", "volume", "reslice"]
EngineKind = Literal["unknown", "hardware", "software", "missing"]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Engine:
    """What a trial in a process of its own found out about OpenGL.

    Attributes
    ----------
    kind : ``unknown`` while the trial runs, ``hardware``, ``software`` (it works, slowly), ``missing``.
    text : the renderer's name, or why there is none.
    """

    kind: EngineKind = "unknown"
    text: str = ""


@dataclass(frozen=True, eq=False)
class Volume:
    """A tomosynthesis volume in memory.

    Attributes
    ----------
    stored : (slices, rows, columns) of the grid, stored values in the file's own kind of number.
    gray : the same as the 2D viewports show it, uint8, 0 is air.
    extent : the box in mm of everything that is not air; what views are fitted to.
    """

    image: MammoImage
    grid: VolumeGrid
    stored: Frame
    gray: Stack = field(repr=False)
    extent: Box

    @property
    def nbytes(self) -> int:
        """Memory of both in bytes, with the copy that OpenGL's side takes of what is shown."""
        return int(self.stored.nbytes + 2 * self.gray.values.nbytes)


class Latest(Protocol):
    """Runs the newest piece of work in a thread; implemented by :class:`viewer.services.latest.LatestWorker`."""

    def submit(self, work: Callable[[Stopped], Iterator[Result]], done: Callable[[Result], None]) -> None:
        """Run ``work`` as soon as what runs now gives way; ``done`` gets what it yields, on the GUI thread.

        The first thing that it yields is always delivered, further ones only while nothing newer was submitted.
        """


class VolumeModel:
    """State of the 3D view.

    Signals
    -------
    opened(bool), changed() : what is shown, and from where; status_changed() : engine, progress, problem
    """

    opened = Signal(bool)
    changed = Signal()
    status_changed = Signal()

    def __init__(self) -> None:
        self.is_open = False
        self.sop_uid = ""
        self.kind: VolumeKind = "mip"
        self.camera = Camera()
        self.cursor: tuple[float, float] | None = None  # (y, x) in mm of the world; None: the volume's middle
        self.engine = Engine()
        self.forced = False  # the reader wants OpenGL although it runs in software
        self.progress = (0, 0)
        self.problem = ""

    def set_open(self, is_open: bool) -> None:
        """Show or hide the view."""
        if is_open != self.is_open:
            self.is_open = is_open
            self.opened.emit(is_open)

    def show_image(self, sop_uid: str) -> None:
        """Show the volume of another image, from where the one before was looked at."""
        if sop_uid != self.sop_uid:
            self.sop_uid, self.cursor = sop_uid, None
            self.set_status(progress=(0, 0), problem="")
            self.changed.emit()

    def set_kind(self, kind: VolumeKind) -> None:
        """Show a projection, a shaded volume or slices through it."""
        if kind != self.kind:
            self.kind = kind
            self.changed.emit()

    def look(self, camera: Camera) -> None:
        """Look from another direction."""
        if camera != self.camera:
            self.camera = camera
            self.changed.emit()

    def point(self, at: tuple[float, float] | None) -> None:
        """Put the cursor at (y, x) in mm of the world; its depth is that of the slice on screen."""
        if at != self.cursor:
            self.cursor = at
            self.changed.emit()

    def force_opengl(self, on: bool) -> None:
        """Use OpenGL although it runs in software."""
        self.forced = on
        if not on and self.kind == "volume":
            self.kind = "mip"
        self.changed.emit()
        self.status_changed.emit()

    def set_status(
        self, *, engine: Engine | None = None, progress: tuple[int, int] | None = None, problem: str | None = None
    ) -> None:
        """Tell what is known about OpenGL, how far reading is, and what went wrong."""
        self.engine = self.engine if engine is None else engine
        self.progress = self.progress if progress is None else progress
        self.problem = self.problem if problem is None else problem
        self.status_changed.emit()

    def opengl_failed(self, reason: str) -> None:
        """OpenGL did not paint after all: go on without it."""
        self.kind = "mip" if self.kind == "volume" else self.kind
        self.set_status(engine=Engine("missing", reason))
        self.changed.emit()

    @property
    def uses_opengl(self) -> bool:
        """Whether OpenGL paints; slices through the volume never need it."""
        able = self.engine.kind == "hardware" or (self.engine.kind == "software" and self.forced)
        return able and self.kind != "reslice"


def volume_image(exam: Exam | None, active: MammoImage | None) -> MammoImage | None:
    """Return the tomosynthesis volume that belongs to the active image: itself, or that of the same side and view."""
    if exam is None or active is None:
        return None
    if active.frames > 1:
        return active
    fits = (
        image
        for image in exam.images
        if image.frames > 1
        and image.modality is Modality.DBT
        and image.laterality is not None
        and (image.laterality, image.view) == (active.laterality, active.view)
    )
    return next(fits, None)


def patch_box(roi: Roi, image: MammoImage, grid: VolumeGrid, to_plane: PlaneMap) -> FloatArray | None:
    """Return the eight corners (8, 3) of a patch in world mm: its square, one slice thick; corner = 4 z + 2 y + x.

    Only the part inside the image; None where there is none.

    Parameters
    ----------
    to_plane : stored pixels -> (y, x) in mm (:func:`viewer.model.volume_grid.stored_to_plane`).
    """
    inside = roi.inside(image.rows, image.columns)
    if inside is None:
        return None
    row0, col0, row1, col1 = inside
    ends = to_plane.apply([[row0 - 0.5, col0 - 0.5], [row1 - 0.5, col1 - 0.5]])
    (y0, x0), (y1, x1) = ends.min(axis=0), ends.max(axis=0)
    heights = (grid.z_of(roi.slice_index - 0.5), grid.z_of(roi.slice_index + 0.5))
    return np.array([[z, y, x] for z in heights for y in (y0, y1) for x in (x0, x1)])


BOX_EDGES = tuple((a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b) in (1, 2, 4))
"""Pairs of corners of :func:`patch_box` that an edge joins."""


def filled_box(grid: VolumeGrid, gray: Stack) -> Box:
    """Return the box in mm of all voxels that are not 0; the whole grid where all are."""
    filled = [np.flatnonzero(some) for some in gray.filled]
    if any(some.size == 0 for some in filled):
        return grid.bounds
    (k0, r0, c0), (k1, r1, c1) = ([int(some[end]) for some in filled] for end in (0, -1))
    return grid.box_of((k0, r0, c0), (k1 + 1, r1 + 1, c1 + 1))


def slice_outline(volume: Volume, slice_index: int) -> FloatArray:
    """Return the four corners (4, 3) in world mm, in order around it, of what of a slice is not air."""
    (_, y0, x0), (_, y1, x1) = volume.extent
    z = volume.grid.z_of(slice_index)
    return np.array([[z, y0, x0], [z, y0, x1], [z, y1, x1], [z, y1, x0]])


def cursor_place(model: VolumeModel, volume: Volume, slice_index: int) -> World:
    """Return the cursor in world mm, in the breast's middle where nobody pointed yet."""
    y, x = model.cursor if model.cursor is not None else middle(volume.extent)[1:]
    return volume.grid.z_of(slice_index), y, x


def preset(camera: Camera, name: Literal["front", "side", "top"]) -> Camera:
    """Return the camera that looks at the slices as they hang, from the right, or from above."""
    azimuth, elevation = {"front": (0.0, 0.0), "side": (90.0, 0.0), "top": (0.0, -90.0)}[name]
    return replace(camera, azimuth=azimuth, elevation=elevation)
