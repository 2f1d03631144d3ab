"""What the worker computes beside results: a place filled, moved grids, patches left out.

What brings torch is imported by the functions, as in :mod:`viewer.services.worker`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gmic_core.errors import InferenceError
from gmic_core.inference.events import Event, Progress
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.reader import Reader
from gmic_core.inference.stability import outcome
from gmic_core.inference.whatif import Reduced, mean_reduced
from gmic_core.types import ImageResult
from viewer.services.protocol import Message, Occluded, Rescore, Shifted, Told, Trial

if TYPE_CHECKING:
    from gmic_core.inference.network import LoadedNetwork
    from gmic_core.models.gmic_network import GmicNetwork

Load = Callable[[str, str, str], "LoadedNetwork"]
"""(model, weights, device) -> the network."""


def run_trial(
    task: Trial, send: Callable[[Message], None], load: Load, reader: Reader, cancelled: Callable[[], bool]
) -> Message:
    """Run an image otherwise; progress and all outcomes but the last are sent, the last is returned.

    Raises
    ------
    GmicError
        If a run fails or is cancelled.
    """
    from gmic_core.inference.engine import Run
    from gmic_core.inference.ensemble import ensemble_mean
    from gmic_core.inference.reruns import run_shifted

    networks = [load(task.model, ref, task.device) for ref in task.refs]
    if isinstance(task.what, Occlusion):
        return Occluded(task.job_id, task.sop_uid, _occluded(task, task.what, networks, send, reader, cancelled))
    if not task.what:
        raise InferenceError("No shifts were asked for; this is a mistake of the program.")
    message: Message | None = None
    for number, shift in enumerate(task.what):
        if message is not None:
            send(message)
        done, count = number * len(networks), len(task.what) * len(networks)
        members = [
            run_shifted(task.image, one, reader, shift, Run(_told(task, f"{shift}", done + k, count, send), cancelled))
            for k, one in enumerate(networks)
        ]
        last = number == len(task.what) - 1
        message = Shifted(task.job_id, task.sop_uid, outcome(shift, ensemble_mean(members)), last)
    assert message is not None  # there is a shift
    return message


def _occluded(
    task: Trial,
    occlusion: Occlusion,
    networks: Sequence[LoadedNetwork],
    send: Callable[[Message], None],
    reader: Reader,
    cancelled: Callable[[], bool],
) -> ImageResult:
    from gmic_core.inference.engine import Run
    from gmic_core.inference.ensemble import ensemble_mean
    from gmic_core.inference.reruns import run_occluded

    members = [
        run_occluded(
            task.image, one, reader, occlusion, Run(_told(task, "occluded", k, len(networks), send), cancelled)
        )
        for k, one in enumerate(networks)
    ]
    return ensemble_mean(members)


def _told(
    task: Trial, text: str, run_number: int, runs: int, send: Callable[[Message], None]
) -> Callable[[Event], None]:
    """Return what sends progress on, counted over all runs of a trial; maps and results of trials are not streamed."""

    def tell(event: Event) -> None:
        # the network's slices are most of the time; reading and patches are told as the run's beginning and end
        if isinstance(event, Progress) and event.stage == "global network":
            done, total = run_number * event.total + event.done, runs * event.total
            send(Told(task.job_id, Progress(event.sop_uid, text, done, total)))
        elif isinstance(event, Progress) and event.done == 1:
            total = task.image.frames
            send(Told(task.job_id, Progress(event.sop_uid, f"{text}, {event.stage}", run_number * total, runs * total)))

    return tell


def rescored(networks: Sequence[GmicNetwork], request: Rescore) -> Reduced:
    """Return the scores of an image without some of its patches, the mean over the members.

    Raises
    ------
    InferenceError
        If the request does not speak of every patch of every member.
    """
    from gmic_core.inference.reruns import without_patches

    if len(networks) != len(request.parts) or sum(len(p.features) for p in request.parts) != len(request.keep):
        raise InferenceError("The patches are not those of the chosen weights; run the AI again.")
    members, start = [], 0
    for network, part in zip(networks, request.parts, strict=True):
        stop = start + len(part.features)
        members.append(without_patches(network, part, request.keep[start:stop]))
        start = stop
    return mean_reduced(members)
