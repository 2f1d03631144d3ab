"""What a kept result belongs to: only when all of it is the same, the image is not computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from gmic_core import __version__
from gmic_core.cohort.plan import RunOptions, Task
from gmic_core.exam.image_key import description
from gmic_core.inference.weights_key import is_of
from gmic_core.preprocessing.version import PREPROCESSING_VERSION

WORDS = {
    "files": "the files changed",
    "image": "side, view or geometry changed",
    "model": "another network",
    "weights": "other weights",
    "preprocessing": "another version of the preprocessing",
    "software": "another version of the program",
    "numbers": "another way of computing",
}
"""Why a result is not kept, by the first field in which it differs."""


@dataclass(frozen=True)
class Identity:
    """Of a result. Digests where a field would be long; nothing in it names a patient or a path.

    Attributes
    ----------
    files : sizes and times of the image's files.
    image : UID, side, view, orientation, geometry and pixel format.
    weights : all members of an ensemble in their order; tensors and hyperparameters.
    numbers : see :class:`~gmic_core.cohort.plan.RunOptions`.
    """

    files: str
    image: str
    model: str
    weights: str
    preprocessing: str
    software: str
    numbers: str

    @classmethod
    def of(cls, task: Task, weights_key: str, options: RunOptions) -> Identity:
        """Return what a result of this task belongs to.

        Parameters
        ----------
        weights_key : of all members; "" for weights that are not there.
        """
        weights = _digest(weights_key) if weights_key else ""
        return cls(
            task.stamp, _digest(description(task.image)), task.model, weights, PREPROCESSING_VERSION, _software(),
            options.numbers,
        )  # fmt: skip

    @classmethod
    def parse(cls, plain: object) -> Identity:
        """Return what :meth:`plain` wrote.

        Raises
        ------
        ValueError
            If it is nothing of the kind.
        """
        names = [entry.name for entry in fields(cls)]
        if not isinstance(plain, Mapping) or not all(isinstance(plain.get(name), str) for name in names):
            raise ValueError("not the identity of a result")
        return cls(**{name: plain[name] for name in names})

    def plain(self) -> dict[str, str]:
        """Return it as a JSON object."""
        return asdict(self)

    def difference(self, other: Identity) -> str:
        """Return in words how it differs from another one; "" when it does not."""
        mine, theirs = self.plain(), other.plain()
        return next((words for name, words in WORDS.items() if mine[name] != theirs[name]), "")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=1)
def _software() -> str:
    return f"gmic-viewer {__version__}, torch {version('torch').partition('+')[0]}"


def foreign(entry: Mapping[str, Any], task: Task, weights_key: str) -> str:
    """Return why a result was made with other things than this process has; "" when it was not.

    A worker may be another machine, and weights may be replaced while a run goes on.
    """
    made = entry["provenance"]
    program = f"gmic-viewer {__version__},"
    if not made["software"].startswith(program) or made["preprocessing_version"] != PREPROCESSING_VERSION:
        return f"It was computed by {made['software']}; install the same version on every machine, then run again."
    if not is_of(weights_key, task.refs, made["weights_sha256"]):
        return (
            "It was computed with other weights of the same name; put the same file on every machine and leave it as "
            "it is while a run goes on, then run again."
        )
    return ""
