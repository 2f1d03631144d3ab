"""What the window and the worker process say to each other; everything carries the id of its job."""

from __future__ import annotations

from dataclasses import dataclass

from gmic_core.exam.model import MammoImage
from gmic_core.inference.events import Event


@dataclass(frozen=True)
class Task:
    """One image to run a network on; headers and paths only, never pixels.

    Attributes
    ----------
    refs : weights as users write them (name, file, ``random:SEED``); several make an ensemble.
    """

    job_id: str
    image: MammoImage
    model: str
    refs: tuple[str, ...]
    device: str

    @property
    def sop_uid(self) -> str:
        """UID of the image."""
        return self.image.sop_uid

    def same_work(self, other: Task) -> bool:
        """Whether both would give the same result, whatever their jobs."""
        mine, others = (self.image, self.model, self.refs), (other.image, other.model, other.refs)
        return mine == others and self.device == other.device


@dataclass(frozen=True)
class Warm:
    """Import torch now, so that the first task does not wait for it."""

    device: str


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


Request = Task | Warm
Message = Ready | Told | Failed
