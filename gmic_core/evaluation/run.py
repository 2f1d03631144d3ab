"""Image after image: predict, measure, keep. What is kept already is not made again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gmic_core.errors import CancelledError, EvaluationError, GmicError
from gmic_core.evaluation.measure import localise
from gmic_core.evaluation.predictions import Predicted, PredictionFolder
from gmic_core.evaluation.records import Evaluated, Records
from gmic_core.evaluation.scores import ImageScore
from gmic_core.evaluation.sources import LeftOut, Subject
from gmic_core.evaluation.truth import ImageTruth
from gmic_core.exam.model import MammoImage

Predict = Callable[[MammoImage], Predicted]
Key = Callable[[MammoImage], Mapping[str, Any]]


def evaluate_subjects(
    subjects: Sequence[Subject],
    predict: Predict,
    key: Key,
    records: Records,
    done: Callable[[Subject, bool], object],
) -> tuple[list[Evaluated], list[LeftOut]]:
    """Return the evaluated images and those that could not be, with the reason.

    Parameters
    ----------
    predict : gives the prediction of an image.
    key : what the prediction depends on; a kept record counts only for the same key.
    done : called after each image; the flag tells whether it was kept from before.

    Raises
    ------
    CancelledError
        If it was stopped; finished images are kept.
    """
    evaluated: list[Evaluated] = []
    left_out: list[LeftOut] = []
    for subject in subjects:
        image = subject.image
        try:
            whole_key = _whole_key(subject, key(image))
            kept = records.get(image.sop_uid, whole_key)
            found = kept or evaluate_one(subject, predict(image), _truth(subject))
            if kept is None:
                records.put(image.sop_uid, whole_key, found)
            evaluated.append(found)
        except CancelledError:
            raise
        except GmicError as error:
            left_out.append(LeftOut(image.sop_uid, str(error)))
            kept = None
        done(subject, kept is not None)
    return evaluated, left_out


def evaluate_one(subject: Subject, predicted: Predicted, truth: ImageTruth | None) -> Evaluated:
    """Return the scores and figures of one image."""
    image = subject.image
    if image.laterality is None or image.view is None:
        raise EvaluationError("Its side or view is unknown; state it first.")
    score = ImageScore(
        case=subject.case,
        image=image.sop_uid,
        modality=image.modality,
        laterality=image.laterality,
        view=image.view,
        labels=subject.labels,
        y=predicted.y,
        y_global=predicted.y_global,
        localisation={} if truth is None else localise(predicted.maps, predicted.rois, truth),
    )
    return Evaluated(score, predicted.model, predicted.weights_name, predicted.weights, predicted.untrained)


def folder_key(folder: PredictionFolder) -> Key:
    """Return the key of predictions that lie in a folder."""
    return lambda image: {"predictions": folder.key(image.sop_uid)}


def _truth(subject: Subject) -> ImageTruth | None:
    return None if subject.truth is None else subject.truth.read(subject.image)


def _whole_key(subject: Subject, key: Mapping[str, Any]) -> dict[str, Any]:
    truth = "" if subject.truth is None else subject.truth.digest()
    return {**key, "case": subject.case, "labels": [int(v) for v in subject.labels], "truth": truth}
