"""What the reader tries out on an AI result: occlusions, shifted runs, patches left out, and which map is shown.

Nothing here is ever a result: it hangs on the result that it was made from, is kept beside it, and goes with it. It is
gone when another exam is opened, when the image is run again, and when other weights are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from gmic_core.errors import InferenceError
from gmic_core.exam.model import MammoImage
from gmic_core.inference.occlusion import Occlusion, change
from gmic_core.inference.stability import Shift, ShiftOutcome, Stability, stability
from gmic_core.inference.whatif import Reduced
from gmic_core.types import Finding, ImageResult
from viewer.model.results import ResultEntry, ResultsModel

TrialStatus = Literal["waiting", "running", "done", "failed", "cancelled"]
MapName = Literal["result", "spread", "after", "change"]

MAP_TEXTS: dict[MapName, str] = {
    "result": "",
    "spread": "disagreement of the weights",
    "after": "EXPERIMENT: place filled",
    "change": "EXPERIMENT: change of the map",
}
"""What stands on an image while another map than the result's is shown."""


@dataclass
class Trial:
    """Something that the worker computes beside a result.

    Attributes
    ----------
    job_id : only its messages count.
    base : the result that it is compared with.
    stage, done, total : progress.
    message : why it failed.
    """

    job_id: str
    image: MammoImage
    base: ImageResult
    status: TrialStatus = "waiting"
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""

    @property
    def pending(self) -> bool:
        """Whether the worker still has to do with it."""
        return self.status in ("waiting", "running")


@dataclass
class Experiment(Trial):
    """An image with a place filled.

    Attributes
    ----------
    result : of the changed image; never kept.
    change : float16 (slices, 2, h, w), after minus before.
    """

    occlusion: Occlusion = field(default_factory=lambda: Occlusion(0, 0, 1, 1, 0, 0))
    result: ImageResult | None = None
    change: npt.NDArray[np.float16] | None = None


@dataclass
class Steadiness(Trial):
    """An image on moved grids.

    Attributes
    ----------
    shifts : what was asked for.
    outcomes : what has come back.
    """

    shifts: tuple[Shift, ...] = ()
    outcomes: list[ShiftOutcome] = field(default_factory=list)

    def of(self, finding: Finding) -> Stability:
        """Return range and drift of a class over the result and what has come back."""
        return stability(self.image, self.base, self.outcomes, finding)


@dataclass
class WhatIf(Trial):
    """Some patches left out.

    Attributes
    ----------
    keep : for each patch whether it counts.
    reduced : the scores over those that count; None while they are computed.
    """

    keep: tuple[bool, ...] = ()
    reduced: Reduced | None = None


Kind = TypeVar("Kind", bound=Trial)


class TrialsModel:
    """All trials of the open exam, at most one of each kind per image.

    Signals
    -------
    changed() : anything of the below.

    Attributes
    ----------
    drawing : the next drag on an image draws the place to occlude.
    draft : (SOP UID, place) while it is drawn.
    whole_depth : a place is filled in all slices of a volume, not only in those near the one on screen.
    revision : another number whenever another map may have to be painted.
    """

    changed = Signal()

    def __init__(self, results: ResultsModel) -> None:
        self._results = results
        self._trials: dict[tuple[type[Trial], str], Trial] = {}
        self._map: MapName = "result"
        self.drawing = False
        self.draft: tuple[str, Occlusion] | None = None
        self.whole_depth = True
        self.revision = 0
        results.changed.connect(self._result_changed)
        results.cleared.connect(self.clear)

    # -- what there is -------------------------------------------------------------------------------------------
    def experiment(self, sop_uid: str) -> Experiment | None:
        """Return the occlusion of an image, or None."""
        return self._get(Experiment, sop_uid)

    def steadiness(self, sop_uid: str) -> Steadiness | None:
        """Return the shifted runs of an image, or None."""
        return self._get(Steadiness, sop_uid)

    def what_if(self, sop_uid: str) -> WhatIf | None:
        """Return which patches of an image are left out, or None."""
        return self._get(WhatIf, sop_uid)

    def _get(self, kind: type[Kind], sop_uid: str) -> Kind | None:
        trial = self._trials.get((kind, sop_uid))
        return trial if isinstance(trial, kind) else None

    @property
    def pending(self) -> tuple[Trial, ...]:
        """Reruns that the worker still has to do with."""
        return tuple(one for one in self._trials.values() if one.pending and not isinstance(one, WhatIf))

    def _of_job(self, job_id: str) -> Trial | None:
        return next((one for one in self._trials.values() if one.job_id == job_id and one.pending), None)

    # -- what changes it -----------------------------------------------------------------------------------------
    def begin(self, trial: Trial) -> None:
        """A trial was asked for; an earlier one of its kind on the same image is forgotten."""
        self._trials[type(trial), trial.image.sop_uid] = trial
        self.revision += 1
        if isinstance(trial, Experiment):
            self._map, self.drawing, self.draft = "result", False, None
        self.changed.emit()

    def forget(self, kind: type[Trial], sop_uid: str) -> None:
        """Drop a trial."""
        if self._trials.pop((kind, sop_uid), None) is not None:
            self._check_map()
            self.changed.emit()

    def clear(self) -> None:
        """Drop everything (another exam, other weights)."""
        self.revision += 1
        self._trials.clear()
        self._map, self.drawing, self.draft = "result", False, None
        self.changed.emit()

    def _result_changed(self, sop_uid: str) -> None:
        """What was compared with a result that is gone says nothing any more."""
        entry = self._results.get(sop_uid)
        result = entry.result if entry else None
        stale = [key for key, one in self._trials.items() if key[1] == sop_uid and one.base is not result]
        for key in stale:
            del self._trials[key]
        if stale:
            self._check_map()
            self.changed.emit()

    def _check_map(self) -> None:
        self.revision += 1
        kept = any(isinstance(one, Experiment) and one.result is not None for one in self._trials.values())
        if self._map in ("after", "change") and not kept:
            self._map = "result"

    # -- what the worker says; words of trials that are gone change nothing --------------------------------------
    def progress(self, job_id: str, stage: str, done: int, total: int) -> None:
        """A trial advanced."""
        trial = self._of_job(job_id)
        if trial is not None:
            trial.status, trial.stage, trial.done, trial.total = "running", stage, done, total
            self.changed.emit()

    def failed(self, job_id: str, message: str, *, cancelled: bool = False) -> None:
        """A trial ended without an outcome."""
        trial = self._of_job(job_id)
        if trial is not None:
            trial.status, trial.message = "cancelled" if cancelled else "failed", message
            self.changed.emit()

    def occluded(self, job_id: str, result: ImageResult) -> None:
        """The image with its place filled is computed: show its map."""
        trial = self._of_job(job_id)
        if not isinstance(trial, Experiment):
            return
        try:
            trial.change = change(trial.base, result)
        except InferenceError as error:
            self.failed(job_id, str(error))
            return
        trial.result, trial.status, self._map = result, "done", "after"
        self.revision += 1
        self.changed.emit()

    def shifted(self, job_id: str, outcome: ShiftOutcome) -> None:
        """One moved grid is computed."""
        trial = self._of_job(job_id)
        if isinstance(trial, Steadiness):
            trial.outcomes.append(outcome)
            if len(trial.outcomes) == len(trial.shifts):
                trial.status = "done"
            self.changed.emit()

    def rescored(self, job_id: str, reduced: Reduced) -> None:
        """The scores without some patches are computed."""
        trial = self._of_job(job_id)
        if isinstance(trial, WhatIf):
            trial.reduced, trial.status = reduced, "done"
            self.changed.emit()

    # -- drawing -------------------------------------------------------------------------------------------------
    def set_drawing(self, drawing: bool) -> None:
        """Let the next drag draw the place to occlude, or not."""
        self.drawing, self.draft = drawing, None
        self.changed.emit()

    def escape(self) -> bool:
        """Stop drawing; return whether there was anything to stop."""
        if self.drawing:
            self.set_drawing(False)
            return True
        return False

    def set_draft(self, sop_uid: str, occlusion: Occlusion | None) -> None:
        """Show the place that is being drawn."""
        self.draft = (sop_uid, occlusion) if occlusion is not None else None
        self.changed.emit()

    def set_whole_depth(self, whole: bool) -> None:
        """Fill the next place in all slices, or near the one on screen only."""
        self.whole_depth = whole
        self.changed.emit()

    # -- maps ----------------------------------------------------------------------------------------------------
    @property
    def map(self) -> MapName:
        """Which map is asked for; images that have none of it show their result's."""
        return self._map

    def show_map(self, name: MapName) -> None:
        """Show another map."""
        self._map = name
        self.revision += 1
        self.changed.emit()

    def maps(self, entry: ResultEntry | None) -> tuple[MapName, ...]:
        """Return the maps that an image has."""
        if entry is None or entry.saliency is None:
            return ()
        experiment = self.experiment(entry.sop_uid)
        has: dict[MapName, bool] = {
            "result": True,
            "spread": entry.result is not None and entry.result.spread is not None,
            "after": experiment is not None and experiment.result is not None,
            "change": experiment is not None and experiment.change is not None,
        }
        return tuple(name for name, there in has.items() if there)

    def shown(self, entry: ResultEntry | None) -> MapName:
        """Return which map of an image is shown."""
        return self._map if self._map in self.maps(entry) else "result"

    def cells(self, entry: ResultEntry, slice_index: int) -> npt.NDArray[np.float16] | None:
        """Return the shown map (2, h, w) of a slice, or None where there is none."""
        name, experiment = self.shown(entry), self.experiment(entry.sop_uid)
        maps: npt.NDArray[np.float16] | None = None
        if name == "spread" and entry.result is not None:
            maps = entry.result.spread
        elif experiment is not None and experiment.result is not None and name != "result":
            maps = experiment.result.saliency if name == "after" else experiment.change
        if maps is None:
            return entry.cells(slice_index)
        if not 0 <= slice_index < len(maps):
            return None
        cells: npt.NDArray[np.float16] = maps[slice_index]
        return np.abs(cells) if name == "change" else cells
