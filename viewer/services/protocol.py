"""What the window and the worker process say to each other; everything carries the id of its job."""

from __future__ import annotations

from dataclasses import dataclass

from gmic_core.exam.model import MammoImage
from gmic_core.inference.events import Event
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import Shift, ShiftOutcome
from gmic_core.inference.whatif import PatchFeatures, Reduced
from gmic_core.types import ImageResult


@dataclass(frozen=True)
class Task:
    """One image to run a network on; headers and paths only, never pixels.

    Attributes
    ----------
    device : one of :data:`gmic_core.inference.execution.modes.PLACES`.
    refs : weights as users write them (name, file, ``random:SEED``); several make an ensemble.
    stamp : of the image's files when its exam was opened; a result of any other pixels is refused. "": not known.
    """

    job_id: str
    image: MammoImage
    model: str
    refs: tuple[str, ...]
    device: str
    stamp: str = ""

    @property
    def sop_uid(self) -> str:
        """UID of the image."""
        return self.image.sop_uid

    def same_work(self, other: Task) -> bool:
        """Whether both would give the same result, whatever their jobs; a trial gives none."""
        if Trial in (type(self), type(other)):
            return False
        mine, others = (self.image, self.model, self.refs), (other.image, other.model, other.refs)
        return mine == others and (self.device, self.stamp) == (other.device, other.stamp)


@dataclass(frozen=True)
class Trial(Task):
    """An image to run otherwise: with a place filled, or on moved grids. What comes of it is never its result."""

    what: Occlusion | tuple[Shift, ...] = ()


@dataclass(frozen=True)
class Rescore:
    """Score an image without some of its patches; answered at once, whatever task runs.

    Attributes
    ----------
    parts : what each set of weights (``refs``) kept of the image.
    keep : for each patch of all of them whether it counts.
    """

    job_id: str
    sop_uid: str
    model: str
    refs: tuple[str, ...]
    device: str
    parts: tuple[PatchFeatures, ...]
    keep: tuple[bool, ...]


@dataclass(frozen=True)
class Warm:
    """Import torch now, so that the first task does not wait for it.

    Attributes
    ----------
    networks : (network, its weights) to load as well: what is tried out on a kept result is answered at once.
    """

    device: str
    networks: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Ready:
    """The worker can take tasks; ``device`` is where networks run, "" before torch was imported."""

    device: str = ""


@dataclass(frozen=True)
class Told:
    """An event of a running task."""

    job_id: str
    event: Event


@dataclass(frozen=True)
class Occluded:
    """An image with a place filled is computed."""

    job_id: str
    sop_uid: str
    result: ImageResult


@dataclass(frozen=True)
class Shifted:
    """One moved grid of an image is computed; ``last``: it was the last one."""

    job_id: str
    sop_uid: str
    outcome: ShiftOutcome
    last: bool


@dataclass(frozen=True)
class Rescored:
    """An image is scored without some of its patches."""

    job_id: str
    sop_uid: str
    reduced: Reduced


@dataclass(frozen=True)
class Failed:
    """A task ended without a result, and why."""

    job_id: str
    sop_uid: str
    reason: str
    cancelled: bool = False


QUIT = b"quit"
"""On the control pipe: leave at once, whatever runs."""


def cancel_word(job_id: str, sop_uid: str) -> bytes:
    """Return what is written to the control pipe to stop the image of a job."""
    return f"{job_id} {sop_uid}".encode()


TrialMessage = Occluded | Shifted | Rescored
Request = Task | Rescore | Warm
Message = Ready | Told | Failed | TrialMessage
