"""What the results store knows of listed exams: scores for the table, and what is still to be computed."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gmic_core.exam.model import Exam, MammoImage
from gmic_core.inference.choice import default_model, model_with_weights, refusal
from gmic_core.inference.scores import BreastScore, breast_scores
from gmic_core.inference.weights_key import joint_key
from gmic_core.models.registry import get_spec
from gmic_core.types import Finding, ImageResult
from viewer.model.worklist import ListScore
from viewer.services.store import ResultStore, result_key

Weights = Mapping[str, tuple[str, ...]]
WeightsOf = Callable[[Sequence[MammoImage]], Weights]
"""Weights of each network that runs on these images and has some."""
MALIGNANT = Finding.MALIGNANT


@dataclass(frozen=True)
class ExamWork:
    """How far the networks are with one exam.

    Attributes
    ----------
    results : kept results, without their maps.
    missing : images still to be computed, each with what a failure of it is kept under.
    refused : why images are not computed.
    """

    exam: Exam
    weights: Weights
    results: tuple[ImageResult, ...]
    missing: tuple[tuple[MammoImage, str], ...]
    refused: tuple[str, ...]


class ListScores:
    """Looks up exams in the results store; may be called from any one thread at a time.

    Parameters
    ----------
    weights_of : asked once for each kind of exam and then remembered until :meth:`forget`.
    """

    def __init__(self, results: ResultStore, weights_of: WeightsOf) -> None:
        self._results, self._weights_of = results, weights_of
        self._weights: dict[tuple[object, ...], Weights] = {}

    def forget(self) -> None:
        """Ask for the weights anew: others may have been chosen or imported."""
        self._weights.clear()

    def work(self, exam: Exam, failures: Mapping[str, str]) -> ExamWork:
        """Return what is known of an exam and what is to be done.

        Parameters
        ----------
        failures : reasons of images that failed before, by :func:`viewer.services.store.result_key`.
        """
        weights = self._weights_for(exam)
        results: list[ImageResult] = []
        missing: list[tuple[MammoImage, str]] = []
        refused: list[str] = []
        for image in exam.images:
            model = model_with_weights(image.modality, weights)
            reason = _why_not(image, weights)
            key = joint_key(tuple(weights[model])) if model in weights and model is not None else ""
            if reason is not None or model is None:
                refused.append(f"{image.label} {image.modality}: {reason}")
                continue
            result = self._results.record(image, model, key)
            name = result_key(image, model, key)
            if result is not None:
                results.append(result)
            elif name in failures:
                refused.append(f"{image.label} {image.modality}: {failures[name]}")
            else:
                missing.append((image, name))
        return ExamWork(exam, weights, tuple(results), tuple(missing), tuple(refused))

    def _weights_for(self, exam: Exam) -> Weights:
        kind = (all(image.simulated for image in exam.images), *sorted({image.modality for image in exam.images}))
        if kind not in self._weights:
            self._weights[kind] = self._weights_of(exam.images)
        return self._weights[kind]


def _why_not(image: MammoImage, weights: Weights) -> str | None:
    if model_with_weights(image.modality, weights) is None:
        return "no network takes images of this kind"
    model = default_model(image, weights)
    return refusal(image, get_spec(model)) or (None if model in weights else f"there are no weights for {model}")


def score_of(work: ExamWork) -> ListScore:
    """Return what the table says of an exam."""
    total = len(work.results) + len(work.missing)
    best = max(breast_scores(work.results), key=lambda score: score.y[MALIGNANT], default=None)
    common = {
        "done": len(work.results),
        "total": total,
        "untrained": any(result.provenance.untrained for result in work.results),
        "outside": any(result.provenance.simulated_only for result in work.results) and not work.exam.simulated,
        "refused": work.refused,
    }
    if best is not None:
        used = [r for r in work.results if (r.laterality, r.modality) == (best.laterality, best.modality)]
        return ListScore(best.y[MALIGNANT], _where(best), _origin(used), **common)  # type: ignore[arg-type]
    finite = [result for result in work.results if math.isfinite(result.y[MALIGNANT])]
    top = max(finite, key=lambda result: result.y[MALIGNANT], default=None)
    if top is None:
        return ListScore(**common)  # type: ignore[arg-type]
    where = f"{top.laterality or '?'}-{top.view or '?'} {top.modality}, one image"
    return ListScore(top.y[MALIGNANT], where, _origin([top]), **common)  # type: ignore[arg-type]


def _where(score: BreastScore) -> str:
    views = "mean of CC and MLO" if score.complete else f"{score.views[0]} alone"
    return f"{score.laterality} {score.modality}, {views}"


def _origin(results: Sequence[ImageResult]) -> str:
    made = {
        f"{r.provenance.model} {r.provenance.weights} (sha {r.provenance.weights_sha256[:8]}), {r.provenance.created}"
        for r in results
    }
    return "; ".join(sorted(made))
