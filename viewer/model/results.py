"""AI results as the window knows them: partial maps while they arrive, then scores, patches and provenance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import ImageResult

Status = Literal["queued", "running", "done", "failed", "cancelled"]


@dataclass
class ResultEntry:
    """What is known about one image.

    Attributes
    ----------
    saliency : float16 (slices, 2, h, w) or None before the first slice; slices not computed yet are NaN.
    simulated_only : the weights never saw a patient.
    stage, done, total : progress of a running image.
    message : reason when failed or refused.
    """

    sop_uid: str
    job_id: str
    status: Status
    model: str = ""
    weights: str = ""
    untrained: bool = False
    simulated_only: bool = False
    saliency: npt.NDArray[np.float16] | None = None
    saliency_to_stored: PlaneMap | None = None
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    result: ImageResult | None = None

    def cells(self, slice_index: int) -> npt.NDArray[np.float16] | None:
        """Return the map (2, h, w) of a slice, or None where it has not been computed."""
        if self.saliency is None or not 0 <= slice_index < len(self.saliency):
            return None
        cells = self.saliency[slice_index]
        return None if np.isnan(cells[0, 0, 0]) else cells

    def profile(self) -> npt.NDArray[np.float32]:
        """Return the maximum per slice and class, (slices, 2); NaN where not computed."""
        if self.result is not None:
            return self.result.profile
        if self.saliency is None:
            return np.zeros((0, 2), np.float32)
        return np.asarray(self.saliency.astype(np.float32).max(axis=(2, 3)), np.float32)


class ResultsModel:
    """All results of the open exam. Messages of unknown or stale jobs are dropped here, in one place.

    Signals
    -------
    changed(sop_uid), slice_arrived(sop_uid, slice_index), cleared()
    """

    changed = Signal(str)
    slice_arrived = Signal(str, int)
    cleared = Signal()

    def __init__(self) -> None:
        self._entries: dict[str, ResultEntry] = {}

    def get(self, sop_uid: str) -> ResultEntry | None:
        """Return the entry of an image, or None."""
        return self._entries.get(sop_uid)

    def clear(self) -> None:
        """Forget everything (another exam was opened)."""
        self._entries.clear()
        self.cleared.emit()

    def expect(self, job_id: str, sop_uids: tuple[str, ...]) -> None:
        """A job was sent: from now on only its messages count for these images."""
        for uid in sop_uids:
            self._entries[uid] = ResultEntry(uid, job_id, "queued")
            self.changed.emit(uid)

    def _current(self, job_id: str, sop_uid: str) -> ResultEntry | None:
        """Return the entry that a message of this job may change: late ones of an ended image change nothing."""
        entry = self._entries.get(sop_uid)
        wanted = entry is not None and entry.job_id == job_id and entry.status in ("queued", "running")
        return entry if wanted else None

    def started(
        self,
        job_id: str,
        sop_uid: str,
        *,
        slices: int,
        cells: tuple[int, int],
        to_stored: PlaneMap,
        model: str,
        weights: str,
        untrained: bool,
        simulated_only: bool = False,
    ) -> None:
        """The worker began an image and says how its maps will lie on it."""
        entry = self._current(job_id, sop_uid)
        if entry is None:
            return
        entry.status, entry.model, entry.weights, entry.untrained = "running", model, weights, untrained
        entry.simulated_only = simulated_only
        entry.saliency = np.full((slices, 2, *cells), np.nan, np.float16)
        entry.saliency_to_stored = to_stored
        self.changed.emit(sop_uid)

    def slice_computed(self, job_id: str, sop_uid: str, slice_index: int, values: npt.NDArray[np.float16]) -> None:
        """One slice's map (2, h, w) has arrived."""
        entry = self._current(job_id, sop_uid)
        if entry is None or entry.saliency is None:
            return
        entry.saliency[slice_index] = values
        self.slice_arrived.emit(sop_uid, slice_index)

    def progress(self, job_id: str, sop_uid: str, stage: str, done: int, total: int) -> None:
        """The running image advanced."""
        entry = self._current(job_id, sop_uid)
        if entry is not None:
            entry.status, entry.stage, entry.done, entry.total = "running", stage, done, total
            self.changed.emit(sop_uid)

    def finished(self, job_id: str, result: ImageResult) -> None:
        """The image is done."""
        entry = self._current(job_id, result.sop_uid)
        if entry is not None:
            self._entries[result.sop_uid] = _entry_of(job_id, result)
            self.changed.emit(result.sop_uid)

    def failed(self, job_id: str, sop_uid: str, message: str, *, cancelled: bool = False) -> None:
        """The image could not be computed, or the reader cancelled; a half-made map is not kept."""
        if self._current(job_id, sop_uid) is not None:
            self._entries[sop_uid] = ResultEntry(
                sop_uid, job_id, "cancelled" if cancelled else "failed", message=message
            )
            self.changed.emit(sop_uid)

    def waits_again(self, job_id: str, sop_uid: str) -> None:
        """The worker ended in the middle of the image, which is run again: a half-made map is not kept."""
        if self._current(job_id, sop_uid) is not None:
            self._entries[sop_uid] = ResultEntry(sop_uid, job_id, "queued")
            self.changed.emit(sop_uid)

    def restore(self, result: ImageResult) -> None:
        """Show a stored result, unless something newer is under way."""
        entry = self._entries.get(result.sop_uid)
        if entry is None or entry.status in ("failed", "cancelled"):
            self._entries[result.sop_uid] = _entry_of("", result)
            self.changed.emit(result.sop_uid)

    @property
    def pending(self) -> tuple[str, ...]:
        """Images that are queued or running."""
        return tuple(uid for uid, entry in self._entries.items() if entry.status in ("queued", "running"))


def _entry_of(job_id: str, result: ImageResult) -> ResultEntry:
    prov = result.provenance
    slices = len(result.saliency)
    return ResultEntry(
        result.sop_uid,
        job_id,
        "done",
        prov.model,
        prov.weights,
        prov.untrained,
        prov.simulated_only,
        result.saliency,
        PlaneMap(result.saliency_to_stored),
        "done",
        slices,
        slices,
        "",
        result,
    )
