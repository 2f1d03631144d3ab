"""Frames on demand: uncompressed ones are mapped here, all others come from the decoder process."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gmic_core.errors import DecodeError, ExamError
from gmic_core.exam.decoder_client import STALL_S, DecoderClient
from gmic_core.exam.frame_request import FrameRequest, frame_request
from gmic_core.exam.model import MammoImage

Frame = npt.NDArray[Any]

_BYTE_ORDER: dict[str, Literal["<", ">"]] = {
    "1.2.840.10008.1.2": "<",
    "1.2.840.10008.1.2.1": "<",
    "1.2.840.10008.1.2.2": ">",
}
"""Transfer syntaxes whose pixels lie in the file as they are."""


class FrameReader:
    """Reads frames of images through one decoder process, which is replaced when a file kills it. Thread-safe.

    Parameters
    ----------
    start : start the decoder process now, so that its imports are done when the first frame is wanted.
    stall_s : seconds after which a frame is given up and the process replaced.
    """

    def __init__(self, *, start: bool = True, stall_s: float = STALL_S) -> None:
        self._client = DecoderClient(stall_s)
        if start:
            self.start()

    def start(self) -> None:
        """Start the decoder process unless it runs; the first frame starts it at the latest."""
        self._client.start()

    def read(self, image: MammoImage, slice_index: int) -> Frame:
        """Return the stored values of a slice, (rows, columns), in native byte order; mapped ones are read-only.

        Raises
        ------
        ExamError
            If the frame cannot be had; the message says why.
        """
        return self.submit(image, slice_index).result()

    def submit(self, image: MammoImage, slice_index: int) -> Future[Frame]:
        """Ask for a slice; frames are decoded in the order of asking. What goes wrong is in the future."""
        future: Future[Frame] = Future()
        try:
            request = frame_request(image, slice_index)
            mapped = _mapped(request)
        except ExamError as error:
            future.set_exception(error)
            return future
        if mapped is None:
            return self._client.submit(request)
        future.set_result(mapped)
        return future

    def close(self) -> None:
        """Stop the decoder process; frames still waited for fail with a message."""
        self._client.close()

    @property
    def decoder_pid(self) -> int | None:
        """Process id of the decoder while it runs."""
        return self._client.process_id

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True)
class _Place:
    """Where an uncompressed frame lies.

    Attributes
    ----------
    element : numpy type string of the stored values.
    """

    path: Path
    offset: int
    element: str


def _mapped(request: FrameRequest) -> Frame | None:
    """Return an uncompressed frame straight from the file; None where it has to be decoded."""
    place = _place(request)
    if place is None:
        return None
    path = place.path
    try:
        if place.offset + request.nbytes > path.stat().st_size:
            raise DecodeError(
                f"Slice {request.slice_index + 1} is missing: the file {path.name} is cut short, copy it again."
            )
        shape = (request.rows, request.columns)
        frame = np.memmap(path, dtype=place.element, mode="r", offset=place.offset, shape=shape)
    except FileNotFoundError as error:
        raise DecodeError(f"The file {path.name} is gone; open the exam again.") from error
    except OSError as error:
        raise DecodeError(f"The file {path.name} cannot be read ({error.strerror}); check the drive.") from error
    return frame if frame.dtype.isnative else np.asarray(frame.astype(request.dtype))


def _place(request: FrameRequest) -> _Place | None:
    """Return where a frame lies uncompressed, or None."""
    source = request.source
    if source.member is not None:
        return None
    if source.kind == "nifti":
        same_type = bool(source.element) and np.dtype(source.element).newbyteorder("=") == request.dtype
        if source.pixel_offset is None or not same_type:
            return None
        return _Place(source.paths[0], source.pixel_offset + request.slice_index * request.nbytes, source.element)
    order = _BYTE_ORDER.get(source.transfer_syntax)
    if order is None:
        return None
    element = request.dtype.newbyteorder(order).str
    if source.kind == "dicom-series" and source.pixel_offsets:
        return _Place(source.paths[request.slice_index], source.pixel_offsets[request.slice_index], element)
    if source.kind != "dicom" or source.pixel_offset is None:
        return None
    return _Place(source.paths[0], source.pixel_offset + request.stored_index * request.nbytes, element)
