"""Reads a tomosynthesis volume into memory, reduced, in a thread, with progress; and colours it grey."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from gmic_core.errors import GmicError
from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage, VoiTable, VoiWindow
from viewer.model.render import render
from viewer.model.resample import Frame, build_pyramid
from viewer.model.tissue import find_tissue
from viewer.model.volume import Volume, filled_box
from viewer.model.volume_grid import VolumeGrid, reduced, volume_grid
from viewer.model.volume_project import Stack

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
Decode = Callable[[MammoImage, int], Frame]
Air = tuple[int, int] | None
Gray = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Presentation:
    """How the 2D viewports show an image: what :class:`viewer.model.viewstate.ImageState` says of it.

    Attributes
    ----------
    window : chosen by the reader; None: each slice's own.
    auto_window : made from the pixels, for images whose file states none; None: not made yet.
    choice : which of the windows that every slice states of its own.
    air_black : whether air is black whatever the window says.
    """

    window: VoiWindow | VoiTable | None = None
    auto_window: VoiWindow | None = None
    inverted: bool = False
    choice: int = 0
    air_black: bool = True


@dataclass(frozen=True)
class Told:
    """Who hears of a volume, on the GUI thread: progress(done, total), then ready(volume) or failed(sentence)."""

    progress: Callable[[int, int], None]
    ready: Callable[[Volume], None]
    failed: Callable[[str], None]


class VolumeService:
    """Builds one volume at a time; asking for another gives up the one under way.

    Parameters
    ----------
    decode : returns stored pixels (rows, columns) of a slice; waits, and is called in a thread of this service.
    post : runs a callable on the GUI thread.
    """

    def __init__(self, decode: Decode, post: Post) -> None:
        self._decode, self._post = decode, post
        self._run = 0
        self._thread: threading.Thread | None = None

    def build(self, image: MammoImage, how: Presentation, told: Told) -> None:
        """Read an image of several slices."""
        self._start(partial(self._build, image, how), told)

    def recolour(self, volume: Volume, how: Presentation, told: Told) -> None:
        """Show a volume by another window."""
        self._start(partial(self._recolour, volume, how), told)

    def cancel(self) -> None:
        """Give up what is under way; nobody hears of it any more."""
        self._run += 1

    def close(self, timeout: float = 3.0) -> None:
        """Stop."""
        self.cancel()
        if self._thread is not None:
            self._thread.join(timeout)

    def _start(self, work: Callable[[Told, Callable[[], bool]], Volume | None], told: Told) -> None:
        self.cancel()
        run = self._run
        self._thread = threading.Thread(target=self._guard, args=(run, work, told), name="gmic-volume", daemon=True)
        self._thread.start()

    def _tell(self, run: int, call: Callable[[], None]) -> None:
        def deliver() -> None:
            if run == self._run:
                call()

        self._post(deliver)

    # -- in the thread -------------------------------------------------------------------------------------------
    def _guard(self, run: int, work: Callable[[Told, Callable[[], bool]], Volume | None], told: Told) -> None:
        try:
            volume = work(
                Told(lambda done, total: self._tell(run, partial(told.progress, done, total)), told.ready, told.failed),
                lambda: run != self._run,
            )
        except GmicError as error:
            self._tell(run, partial(told.failed, str(error)))
        except MemoryError:
            self._tell(run, partial(told.failed, "There is not enough memory for the volume; close other programs."))
        except Exception:  # whatever it is, the view must not wait for ever
            log.exception("the volume could not be made")
            self._tell(run, partial(told.failed, "The volume could not be made; the log has the details."))
        else:
            if volume is not None:
                self._tell(run, partial(told.ready, volume))

    def _build(self, image: MammoImage, how: Presentation, told: Told, stopped: Callable[[], bool]) -> Volume | None:
        grid = volume_grid(image)
        stored: Frame | None = None
        air: Air = None
        for index in range(image.frames):
            if stopped():
                return None
            frame = self._decode(image, index)
            small = reduced(frame, grid)
            if stored is None:
                stored = np.empty(grid.shape, small.dtype)
                how, air = _from_pixels(image, frame, how)
            stored[index] = small
            told.progress(index + 1, image.frames)
        if stored is None:
            raise GmicError("The image has no slices; choose a tomosynthesis (DBT) image.")
        return _volume(image, grid, stored, gray_values(image, grid, stored, how, air))

    def _recolour(self, volume: Volume, how: Presentation, _told: Told, _stopped: Callable[[], bool]) -> Volume:
        middle = volume.stored[len(volume.stored) // 2]
        how, air = _from_pixels(volume.image, middle, how)
        gray = gray_values(volume.image, volume.grid, volume.stored, how, air)
        return _volume(volume.image, volume.grid, volume.stored, gray)


def _volume(image: MammoImage, grid: VolumeGrid, stored: Frame, gray: Gray) -> Volume:
    stack = Stack(gray, grid.to_world)
    return Volume(image, grid, stored, stack, filled_box(grid, stack))


def _from_pixels(image: MammoImage, frame: Frame, how: Presentation) -> tuple[Presentation, Air]:
    """Work out what only pixels say: a window where the file states none, and which values are air."""
    from gmic_core.exam.voi import auto_window

    stated = image.windows or image.frame_windows or image.voi_tables
    auto = how.auto_window or (None if stated else auto_window(frame, image.pixel))
    air = find_tissue(build_pyramid(frame), image.pixel).air if how.air_black else None
    return replace(how, auto_window=auto), air


def gray_values(image: MammoImage, grid: VolumeGrid, stored: Frame, how: Presentation, air: Air) -> Gray:
    """Return the volume as the 2D viewports show it, uint8 (slices, rows, columns).

    Slices go through the same tables as in the viewports; a slice with a window of its own keeps it.
    """
    from gmic_core.exam.voi import default_window, stored_to_gray

    rows, cols = grid.shape[1:]
    gray = np.empty(grid.shape, np.uint8)
    table, of = None, None
    for index in range(grid.shape[0]):
        window = how.window or default_window(image, index, how.choice) or how.auto_window
        if table is None or window != of:
            table, of = stored_to_gray(image, index, window, how.inverted, how.air_black), window
        gray[index] = render((stored[index],), PlaneMap.identity(), cols, rows, table, air=air)[..., 0]
    return gray
