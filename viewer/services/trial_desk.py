"""Trials on their way to the worker and back to the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gmic_core.exam.model import MammoImage
from gmic_core.inference.events import Event, Progress
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import Shift
from gmic_core.inference.whatif import patch_features
from gmic_core.types import ImageResult
from viewer.model.trials import Experiment, Steadiness, TrialsModel, WhatIf
from viewer.services.protocol import Occluded, Rescore, Rescored, Shifted, Trial, TrialMessage


class TrialDesk:
    """Applies messages about trials to the session's trials; the words of trials that are gone are dropped there."""

    def __init__(self, trials: TrialsModel) -> None:
        self._trials = trials

    # -- to the worker -------------------------------------------------------------------------------------------
    def ask(
        self,
        job_id: str,
        image: MammoImage,
        base: ImageResult,
        refs: tuple[str, ...],
        device: str,
        what: Occlusion | tuple[Shift, ...],
        stamp: str,
    ) -> Trial:
        """Enter a rerun and return the task for it; ``stamp``: see :class:`viewer.services.protocol.Task`."""
        if isinstance(what, Occlusion):
            self._trials.begin(Experiment(job_id, image, base, occlusion=what))
        else:
            self._trials.begin(Steadiness(job_id, image, base, shifts=what))
        return Trial(job_id, replace(image, voi_tables=()), base.provenance.model, refs, device, stamp, what)

    def ask_score(
        self,
        job_id: str,
        image: MammoImage,
        base: ImageResult,
        refs: tuple[str, ...],
        device: str,
        keep: Sequence[bool],
    ) -> Rescore:
        """Enter which patches count and return the request for their score.

        Raises
        ------
        InferenceError
            If the result has no features to score again.
        """
        parts = patch_features(base)
        self._trials.begin(WhatIf(job_id, image, base, keep=tuple(keep)))
        return Rescore(job_id, image.sop_uid, base.provenance.model, refs, device, parts, tuple(keep))

    # -- from the worker -----------------------------------------------------------------------------------------
    def event(self, job_id: str, event: Event) -> None:
        """Apply what a running trial tells."""
        if isinstance(event, Progress):
            self._trials.progress(job_id, event.stage, event.done, event.total)

    def heard(self, message: TrialMessage) -> bool:
        """Apply an outcome; return whether its task is over."""
        if isinstance(message, Occluded):
            self._trials.occluded(message.job_id, message.result)
            return True
        if isinstance(message, Shifted):
            self._trials.shifted(message.job_id, message.outcome)
            return message.last
        assert isinstance(message, Rescored)  # the only one left
        self._trials.rescored(message.job_id, message.reduced)
        return False

    def failed(self, job_id: str, reason: str, *, cancelled: bool = False) -> None:
        """A trial ended without an outcome."""
        self._trials.failed(job_id, reason, cancelled=cancelled)
