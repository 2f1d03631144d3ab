"""Scores in words: which breasts, how each number was made, where the result comes from."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gmic_core.inference.scores import BreastScore, breast_scores
from gmic_core.types import STANDARD_VIEWS, Finding, ImageResult, Laterality, Modality
from viewer.model.results import ResultEntry

UNTRAINED = "UNTRAINED - random weights, noise"
NOT_CALIBRATED = "An output of a network between 0 and 1; it is no calibrated probability of cancer."
MISSING = "\N{EM DASH}"

_MADE = {
    "gmic3d": "0.5 x global + 0.5 x local",
    "gmic2d": "fusion layer over the features of the whole image and of the patches",
    "gmic2d_park": "0.5 x global + 0.5 x local",
}


def score_text(value: float | None) -> str:
    """Return a score with two decimals; a dash where there is none."""
    return MISSING if value is None or math.isnan(value) else f"{value:.2f}"


def results_of(entries: Iterable[ResultEntry | None], modality: Modality) -> list[ImageResult]:
    """Return the finished results of one modality."""
    return [entry.result for entry in entries if entry and entry.result and entry.result.modality is modality]


def breast_of(results: Iterable[ImageResult], side: Laterality) -> BreastScore | None:
    """Return the score of one side, or None without a result in a standard view."""
    return next((score for score in breast_scores(results) if score.laterality is side), None)


def breast_tooltip(
    score: BreastScore | None, results: Iterable[ImageResult], side: Laterality, finding: Finding
) -> str:
    """Say how a breast score was made from the image scores ``results``."""
    name = f"{side} breast, {finding.name.lower()}"
    if score is None:
        return f"{name}: no result yet."
    made = " and ".join(
        f"{side}-{result.view} {result.y[finding]:.2f}"
        for view in score.views
        for result in results
        if result.laterality is side and result.view == view
    )
    how = f"Mean of {made}" if score.complete else f"From {made} alone"
    lines = [f"{name}: {score.y[finding]:.4f}", f"{how}, by {score.model}."]
    missing = [f"{side}-{view}" for view in STANDARD_VIEWS if view not in score.views]
    lines += [f"{label} is missing; a breast score is the mean of both views." for label in missing]
    return "\n".join([*lines, NOT_CALIBRATED])


def image_tooltip(result: ImageResult, finding: Finding) -> str:
    """Say how an image score was made."""
    made = _MADE.get(result.provenance.model, "as its model card says")
    if math.isnan(result.y_local[finding]):
        made = "global alone, because no patch could be chosen"
    parts = f"global {score_text(result.y_global[finding])}, local {score_text(result.y_local[finding])}"
    return f"{finding.name.capitalize()} {result.y[finding]:.4f}: {made}\n{parts}\n{NOT_CALIBRATED}"


def origin_rows(result: ImageResult) -> list[tuple[str, str]]:
    """Return what is known about where a result comes from, as (what, value)."""
    prov = result.provenance
    exact = f"{prov.mode} ({prov.precision})"
    return [
        ("Model", prov.model),
        ("Weights", prov.weights),
        ("SHA-256", prov.weights_sha256[:8]),
        ("Trained on", prov.training_data),
        ("Preprocessing", prov.preprocessing_version),
        ("Precision", exact),
        ("Device", prov.device),
        ("Duration", f"{prov.seconds:.1f} s"),
        ("Not analysed", _unseen(result)),
        ("Software", prov.software),
        ("Made", prov.created),
    ]


def _unseen(result: ImageResult) -> str:
    """Return how much of the breast was not analysed, counted where that is known."""
    share, found = f"{result.outside_fraction:.3f} of the breast", result.coverage
    if found is None:
        return share
    of = ", maximum over all slices" if found.projected else ""
    return f"{share} ({found.breast_outside} of {found.breast_pixels} pixels{of})"
