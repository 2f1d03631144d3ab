"""An evaluation against a recorded one: whether published figures are reproduced, for all images or for a subset."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import EvaluationError
from gmic_core.evaluation.document import image_row
from gmic_core.evaluation.records import Evaluated

TOLERANCE = 2e-3
"""Largest difference of a score or figure: devices add up in another order, and a patch may win by a hair."""
_TEXT = ("case", "image", "modality", "laterality", "view", "benign_label", "malignant_label")
_COMPARED = (
    "benign_pred", "malignant_pred", "benign_projected_soft_dice", "malignant_projected_soft_dice",
    "benign_projected_pxap", "malignant_projected_pxap",
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    differences : one sentence each.
    missing : images of this evaluation that were not recorded.
    """

    compared: int
    equal: int
    missing: int
    differences: tuple[str, ...]


def compare(path: Path, images: Sequence[Evaluated]) -> Comparison:
    """Compare images with the ``images.csv`` of an earlier evaluation; images that only that one has do not count.

    Raises
    ------
    EvaluationError
        If the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            recorded = {row["image"]: row for row in csv.DictReader(file)}
    except (OSError, KeyError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path} cannot be read as images.csv of an evaluation ({error}).") from error
    differences: list[str] = []
    compared = equal = 0
    for one in images:
        row = recorded.get(one.score.image)
        if row is None:
            continue
        found = list(_differences(one, row, path))
        compared, equal = compared + 1, equal + (not found)
        differences += found
    return Comparison(compared, equal, len(images) - compared, tuple(differences))


def _differences(one: Evaluated, recorded: dict[str, str], path: Path) -> Iterator[str]:
    now = image_row(one)
    for name in (*_TEXT, *_COMPARED):
        if name not in recorded:
            raise EvaluationError(f"{path.name} has no column {name}; give the images.csv of an evaluation.")
        before, value = recorded[name], now[name]
        if name in _TEXT or value is None or before == "":
            same = str("" if value is None else value) == before
        else:
            same = abs(float(before) - value) <= TOLERANCE
        if not same:
            yield f"{one.score.image}: {name} is {value}, recorded {before or 'nothing'}"
