"""Windows of stored values on their way to a device, where they are standardised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from gmic_core.inference.reader import Frame
from gmic_core.preprocessing import Moments
from gmic_core.preprocessing.normalise import MIN_STD

STAGES = 2
"""Page-locked buffers in turn: one is filled while the other travels."""


class Uploader:
    """Brings the windows of a batch of slices to a device as float32 with mean 0 and deviation 1.

    To a CUDA device go the stored values themselves, 16 bits where they have 16, through page-locked memory and without
    waiting; the arithmetic is that of :meth:`~gmic_core.preprocessing.normalise.Moments.apply`, there as here.

    Parameters
    ----------
    moments : of each window, over all slices of the image.
    """

    def __init__(self, device: torch.device, moments: Sequence[Moments]) -> None:
        self._device, self._moments = device, tuple(moments)
        self._stages = [_Stage() for _ in range(STAGES)]
        self._turn = 0

    def standardised(self, batch: Sequence[tuple[Frame, ...]]) -> Iterator[Tensor]:
        """Yield one (n, 1, rows, columns) for each window, the next one when it is asked for.

        Parameters
        ----------
        batch : the windows of each of n slices.
        """
        for number, moments in enumerate(self._moments):
            yield self._one([windows[number] for windows in batch], moments)

    def _one(self, cuts: Sequence[Frame], moments: Moments) -> Tensor:
        if self._device.type == "cpu":
            return torch.from_numpy(np.stack([moments.apply(cut) for cut in cuts])[:, None])
        self._turn = (self._turn + 1) % STAGES
        raw = self._stages[self._turn].send(np.stack(cuts), self._device)
        return on_device(raw, moments)[:, None]


def on_device(raw: Tensor, moments: Moments) -> Tensor:
    """Return (raw - mean) / max(std, 1e-5) as float32, computed where ``raw`` is."""
    values = raw.to(torch.float32)
    return values.sub_(float(np.float32(moments.mean))).div_(float(np.float32(max(moments.std, MIN_STD))))


class _Stage:
    """A page-locked buffer and the moment from which it may be filled again."""

    def __init__(self) -> None:
        self._buffer: Tensor | None = None
        self._sent: torch.cuda.Event | None = None

    def send(self, values: Frame, device: torch.device) -> Tensor:
        """Return the values on the device; the copy may still be under way, in the order of the stream."""
        source = torch.from_numpy(values)
        if self._sent is not None:
            self._sent.synchronize()
        if self._buffer is None or self._buffer.shape != source.shape or self._buffer.dtype != source.dtype:
            self._buffer = torch.empty_like(source, pin_memory=True)
        self._buffer.copy_(source)
        arrived = self._buffer.to(device, non_blocking=True)
        self._sent = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._sent.record()
        return arrived
