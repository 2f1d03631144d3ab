"""AI results of the open exam as files, in the formats of ``gmic-core predict`` (docs/results-schema.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gmic_core.exam.model import MammoImage, Rejection
from gmic_core.inference.document import Prediction, Refused, image_indices
from gmic_core.inference.export import Outputs, prepare_folder
from gmic_core.types import ImageResult
from viewer.model.session import Session
from viewer.services.jobs import Tell


@dataclass(frozen=True)
class Exported:
    """What is to be written.

    Attributes
    ----------
    results : images in the order of the tables, each with its result or why it has none.
    identified : whether images go by the names of their files, and rejected files are named.
    """

    study_uid: str
    results: tuple[tuple[MammoImage, ImageResult | str], ...]
    rejected: tuple[Rejection, ...] = ()
    identified: bool = False


def gather_results(session: Session, *, identified: bool) -> Exported:
    """Return what the open exam has; on the GUI thread."""
    exam = session.exam
    images = exam.images if exam is not None else ()
    results = tuple((image, _result(session, image)) for image in images)
    rejected = tuple(session.rejected) if identified else ()
    return Exported(exam.study_uid if exam is not None else "", results, rejected, identified)


def _result(session: Session, image: MammoImage) -> ImageResult | str:
    if image.questions:
        return f"A question about this image is open: {image.questions[0]}"
    entry = session.results.get(image.sop_uid)
    if entry is not None and entry.result is not None:
        return entry.result
    return entry.message if entry is not None and entry.message else "no network was run on it"


def write_results(folder: Path, exported: Exported, tell: Tell) -> int:
    """Write tables and maps; return how many images had a result. When it is cancelled, what is there is complete.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    CancelledError
        If it was cancelled.
    """
    prepare_folder(folder)
    images = [image for image, _ in exported.results]
    indices = image_indices(images) if exported.identified else {image.sop_uid: image.sop_uid for image in images}
    refused = [
        Refused(image, indices[image.sop_uid], result) for image, result in exported.results if isinstance(result, str)
    ]
    outputs = Outputs(
        folder,
        order={image.sop_uid: position for position, image in enumerate(images)},
        refused=refused,
        rejected=[(str(rejection.path), rejection.reason) for rejection in exported.rejected],
    )
    try:
        for number, (image, result) in enumerate(exported.results):
            tell(number, len(images))
            if isinstance(result, ImageResult):
                name = indices[image.sop_uid]
                outputs.add(Prediction(image, name, exported.study_uid, result, members_of(result)))
    finally:
        outputs.write()
    return len(outputs.predictions)


def members_of(result: ImageResult) -> tuple[ImageResult, ...]:
    """Return what each set of weights of an ensemble said, with its own patches; () for a single one."""
    found = []
    start = 0
    for member in result.members:
        provenance = replace(result.provenance, weights=member.weights, weights_sha256=member.weights_sha256)
        rois = result.rois[start : start + member.patches]
        start += member.patches
        found.append(
            replace(
                result, y=member.y, y_global=member.y_global, y_local=member.y_local, rois=rois, provenance=provenance,
                members=(), spread=None, features=None, vectors=None,
            )
        )  # fmt: skip
    return tuple(found)
