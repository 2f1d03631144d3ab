"""Segmentations and saliency from files: read by a process of their own, because files are untrusted."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gmic_core.errors import CancelledError, SegmentationError
from gmic_core.segmentation import read_process
from gmic_core.segmentation.geometry import Shape, VolumeGeometry
from gmic_core.segmentation.read_process import ALIVE, MAX_BYTES, READERS, Header, Kind, Refused, Request, suffix_of

STALL_S = 120.0
"""Seconds without a sign of life after which a file is given up; the largest volume takes ten."""
_POLL_S = 0.05

ProgressCall = Callable[[int, int], object]


@dataclass(frozen=True)
class LabelMap:
    """A segmentation.

    Attributes
    ----------
    labels : uint8 or uint16 (slices, rows, columns) in the order of the file; 0 is background.
    geometry : where it lies.
    placed : whether the format keeps a place at all; PNG does not.
    notes : sentences on what was unusual.
    """

    labels: npt.NDArray[np.unsignedinteger]
    geometry: VolumeGeometry
    placed: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MapFile:
    """Saliency: float32 (slices, rows, columns) in the order of the file, and where it lies."""

    values: npt.NDArray[np.float32]
    geometry: VolumeGeometry
    placed: bool = True


class SegmentationReader:
    """Reads one file at a time in a child process, which is started when it is needed and replaced when it dies.

    Use it as a context manager, or call :meth:`close`. Reading blocks: call it from a worker thread.
    """

    def __init__(self, stall_s: float = STALL_S) -> None:
        self._stall = stall_s
        self._busy = threading.Lock()
        self._link: tuple[BaseProcess, Connection] | None = None
        self._closed = False

    def __enter__(self) -> SegmentationReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def process_id(self) -> int | None:
        """Process id while the process runs."""
        return self._link[0].pid if self._link is not None else None

    def labels(
        self, path: Path, progress: ProgressCall | None = None, cancelled: Callable[[], bool] | None = None
    ) -> LabelMap:
        """Return the segmentation in a file.

        Parameters
        ----------
        progress : called with slices done and slices in all.
        cancelled : asked every 50 ms.

        Raises
        ------
        SegmentationError
            Naming the file and why it cannot be used.
        CancelledError
            If ``cancelled`` said so, or the reader was closed.
        """
        header, array = self._read(path, "labels", progress, cancelled)
        return LabelMap(array, _geometry(header), header.to_lps is not None, header.notes)

    def map(
        self, path: Path, progress: ProgressCall | None = None, cancelled: Callable[[], bool] | None = None
    ) -> MapFile:
        """Return the saliency in a file; parameters and errors as for :meth:`labels`."""
        header, array = self._read(path, "map", progress, cancelled)
        return MapFile(array, _geometry(header), header.to_lps is not None)

    def close(self) -> None:
        """Stop the process; a file under way ends with CancelledError."""
        self._closed = True
        link = self._link
        if link is not None:
            link[0].kill()
        with self._busy:
            self._replace()

    def _read(
        self, path: Path, kind: Kind, progress: ProgressCall | None, cancelled: Callable[[], bool] | None
    ) -> tuple[Header, npt.NDArray[Any]]:
        if suffix_of(path) is None:
            raise SegmentationError(f"{path.name} cannot be read: its ending is none of {', '.join(READERS)}.")
        with self._busy:
            process, pipe = self._running_link()
            talk = _Talk(pipe, self._stall, cancelled)
            try:
                pipe.send(Request(str(path.absolute()), kind))
                return _received(talk, progress)
            except _RefusedError as error:
                raise SegmentationError(f"{path.name} cannot be used: {_ended(str(error))}") from None
            except (EOFError, OSError) as error:
                self._replace()
                if self._closed:
                    raise CancelledError("Reading was cancelled.") from error
                raise SegmentationError(
                    f"{path.name} cannot be used: it brought the reading process down (exit code {process.exitcode}); "
                    "the file is damaged, or larger than the memory. Save it again as an 8-bit label map."
                ) from error
            except _StalledError as error:
                self._replace()
                raise SegmentationError(
                    f"{path.name} cannot be used: reading made no progress for {self._stall:g} s and was stopped; "
                    "check the drive, or copy the file."
                ) from error
            except CancelledError:
                self._replace()
                raise

    def _running_link(self) -> tuple[BaseProcess, Connection]:
        if self._closed:
            raise CancelledError("Reading was cancelled.")
        if self._link is None or not self._link[0].is_alive():
            self._replace()
            context = multiprocessing.get_context("spawn")  # fork would copy the window's threads and locks
            ours, theirs = context.Pipe()
            process = context.Process(target=read_process.main, args=(theirs,), name="gmic-segmentation", daemon=True)
            process.start()
            theirs.close()
            self._link = (process, ours)
        return self._link

    def _replace(self) -> None:
        """Forget the process; the next file starts another one."""
        link, self._link = self._link, None
        if link is not None:
            link[0].kill()  # at once: it has nothing to put in order, and one that hangs would not listen
            link[0].join(2.0)
            link[1].close()


class _RefusedError(Exception):
    """The child said why."""


class _StalledError(Exception):
    """The child says nothing any more."""


class _Talk:
    """Receives, while looking at the clock and at whether it is still wanted."""

    def __init__(self, pipe: Connection, stall_s: float, cancelled: Callable[[], bool] | None) -> None:
        self._pipe, self._stall, self._cancelled = pipe, stall_s, cancelled

    def header(self) -> Header:
        """Return what comes."""
        while True:
            self._wait()
            message = self._pipe.recv()
            if isinstance(message, Refused):
                raise _RefusedError(message.reason)
            if isinstance(message, Header):
                return message
            if message != ALIVE:
                raise _RefusedError("the reading process gave an answer that is none")

    def plane(self, target: npt.NDArray[Any]) -> None:
        """Receive one slice; an empty message leaves it at 0."""
        self._wait()
        data = self._pipe.recv_bytes(target.nbytes)
        if data:
            target[...] = np.frombuffer(data, target.dtype).reshape(target.shape)

    def _wait(self) -> None:
        heard = time.monotonic()
        while not self._pipe.poll(_POLL_S):
            if self._cancelled is not None and self._cancelled():
                raise CancelledError("Reading was cancelled.")
            if time.monotonic() - heard > self._stall:
                raise _StalledError
        if self._cancelled is not None and self._cancelled():
            raise CancelledError("Reading was cancelled.")


def _received(talk: _Talk, progress: ProgressCall | None) -> tuple[Header, npt.NDArray[Any]]:
    header = talk.header()
    dtype = np.dtype(header.dtype)
    slices, rows, columns = header.shape
    if min(header.shape) < 1 or slices * rows * columns * dtype.itemsize > MAX_BYTES:
        raise _RefusedError("it claims more voxels than any breast image has")
    array = np.zeros(header.shape, dtype)  # pages of slices without a label are never touched
    for k in range(slices):
        talk.plane(array[k])
        if progress is not None:
            progress(k + 1, slices)
    return header, array


def _ended(reason: str) -> str:
    return reason if reason.endswith((".", "?")) else reason + "."


def _geometry(header: Header) -> VolumeGeometry:
    shape: Shape = header.shape
    if header.to_lps is None:
        return VolumeGeometry.of_pixels(shape)
    return VolumeGeometry(shape, np.asarray(header.to_lps, np.float64).reshape(4, 4))
