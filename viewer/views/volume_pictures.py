"""Pictures of the 3D view, made in a thread: projections by OpenGL or by the program itself, and slices through."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gmic_core.errors import GmicError
from gmic_core.types import Finding
from viewer.model.displays import DisplayProfile, output_levels
from viewer.model.overlays import OverlaySettings
from viewer.model.results import ResultEntry
from viewer.model.volume import Latest, Volume, VolumeKind
from viewer.model.volume_camera import Camera, View, view_of
from viewer.model.volume_grid import World, stored_to_plane
from viewer.model.volume_layout import Cells, cells_for
from viewer.model.volume_paint import FindingStacks, Pixels, Projection, compose, finding_stacks, shown
from viewer.model.volume_project import Stack, Stopped, project
from viewer.model.volume_reslice import Plane, planes_through, resliced

if TYPE_CHECKING:  # VTK is imported when the first picture by OpenGL is asked for, in the thread that makes it
    from viewer.views.volume_vtk import VtkProjector

log = logging.getLogger(__name__)

DRAFT = 3
"""A projection without OpenGL is made first at a third of the size, so that it follows the hand."""


@dataclass(frozen=True)
class Request:
    """Everything that a picture depends on.

    Attributes
    ----------
    opengl, quick : whether OpenGL paints, and whether without a graphics card.
    profile : how the screen is driven.
    entry, revision : the AI result, and how often its map changed in place.
    cursor : world mm.
    size : (width, height) in device pixels.
    """

    volume: Volume
    kind: VolumeKind
    camera: Camera
    cursor: World
    size: tuple[int, int]
    ratio: float
    settings: OverlaySettings
    entry: ResultEntry | None = field(compare=False)  # the revision tells of every change
    revision: int
    opengl: bool
    quick: bool
    profile: DisplayProfile


@dataclass(frozen=True)
class Picture:
    """What was painted and how places map to it.

    Attributes
    ----------
    pixels : uint8 (height, width, 4) BGRA; a draft is smaller than the view.
    view : world -> device pixels of the whole view; None for slices through the volume.
    planes : slices through the volume with the upper left corner (row, column) of each in the view.
    """

    request: Request
    pixels: Pixels
    view: View | None = None
    planes: tuple[tuple[Plane, tuple[int, int]], ...] = ()
    untrained: bool = False


class VolumePictures:
    """Makes pictures one after another; only the newest request counts.

    Parameters
    ----------
    latest : the thread; everything private here is used in it only.
    done : gets each picture on the GUI thread.
    opengl_failed : gets the reason, on the GUI thread, when OpenGL does not paint after all.
    """

    def __init__(self, latest: Latest, done: Callable[[Picture], None], opengl_failed: Callable[[str], None]) -> None:
        self._latest, self._done, self._opengl_failed = latest, done, opengl_failed
        self._projector: VtkProjector | None = None
        self._findings: tuple[object, FindingStacks | None] | None = None

    def request(self, request: Request) -> None:
        """Ask for a picture."""
        self._latest.submit(lambda stopped: self._make(request, stopped), self._arrived)

    def _arrived(self, made: Picture | str) -> None:
        if isinstance(made, str):
            self._opengl_failed(made)
        else:
            self._done(made)

    # -- in the thread -------------------------------------------------------------------------------------------
    def release(self) -> None:
        """Give the graphics card back."""
        if self._projector is not None:
            self._projector.close()
            self._projector = None

    def _make(self, request: Request, stopped: Stopped) -> Iterator[Picture | str]:
        stacks = self._stacks(request)
        untrained = stacks is not None and stacks.untrained
        findings = shown(stacks, request.settings)
        if request.kind == "reslice":
            yield _resliced(request, findings, untrained)
            return
        if not request.opengl:
            self.release()
            yield from _projected(request, findings, untrained, stopped)
            return
        try:
            yield self._by_opengl(request, findings, untrained)
        except (GmicError, ImportError) as error:
            log.warning("OpenGL: %s", error)
            self._projector = None
            yield str(error)

    def _stacks(self, request: Request) -> FindingStacks | None:
        volume, entry = request.volume, request.entry
        key = (id(volume), id(entry), request.revision)
        if self._findings is None or self._findings[0] != key:
            self._findings = (key, finding_stacks(entry, volume.grid, stored_to_plane(volume.image)))
        return self._findings[1]

    def _by_opengl(self, request: Request, findings: dict[Finding, Stack], untrained: bool) -> Picture:
        if self._projector is not None and self._projector.quick != request.quick:
            self.release()
        if self._projector is None:
            from viewer.views.volume_vtk import VtkProjector

            self._projector = VtkProjector(quick=request.quick)
        view = view_of(request.camera, request.volume.extent, *request.size)
        shaded = request.kind == "volume"
        projection = self._projector.project(request.volume.gray, findings, view, shaded=shaded)
        pixels = _composed(request, projection, untrained)
        return Picture(request, pixels, view, untrained=untrained)


def _composed(request: Request, projection: Projection, untrained: bool) -> Pixels:
    """Return the picture as the screen wants it: grey levels go through its output, colours do not."""
    levels = output_levels(np.arange(256, dtype=np.float64), request.profile)
    driven = replace(projection, gray=levels[projection.gray])
    return compose(driven, request.settings, untrained=untrained)


def _projected(
    request: Request, findings: dict[Finding, Stack], untrained: bool, stopped: Stopped
) -> Iterator[Picture]:
    """Yield a draft, then the whole picture, by numpy and OpenCV."""
    width, height = request.size
    extent, camera = request.volume.extent, request.camera
    view = view_of(camera, extent, width, height)
    gray = request.volume.gray.coarse
    for smaller in (DRAFT, 1):
        part = view_of(camera, extent, max(width // smaller, 1), max(height // smaller, 1))
        wait = stopped if smaller == 1 else lambda: False
        projection = Projection(
            np.asarray(project(gray, part, wait), np.uint8),
            {finding: project(stack, part, wait) for finding, stack in findings.items()},
        )
        yield Picture(request, _composed(request, projection, untrained), view, untrained=untrained)


def _resliced(request: Request, findings: dict[Finding, Stack], untrained: bool) -> Picture:
    """Return the three planes side by side as an engineer draws them."""
    volume = request.volume
    cells: Cells = cells_for(volume.extent, request.size, request.ratio)
    pixels = np.zeros((request.size[1], request.size[0], 4), np.uint8)
    pixels[..., 3] = 255
    planes = planes_through(request.cursor, volume.extent, request.camera, cells.sizes, cells.scale)
    for plane in planes:
        projection = Projection(
            np.asarray(resliced(volume.gray, plane), np.uint8),
            {finding: resliced(stack, plane) for finding, stack in findings.items()},
        )
        row, col = cells.corners[plane.name]
        part = pixels[row : row + plane.height, col : col + plane.width]
        made = _composed(request, projection, untrained)
        part[...] = made[: part.shape[0], : part.shape[1]]
    return Picture(request, pixels, None, tuple((plane, cells.corners[plane.name]) for plane in planes), untrained)
