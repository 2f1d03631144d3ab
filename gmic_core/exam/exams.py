"""Images sorted into exams: one patient, one study; nothing of two patients ever meets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from gmic_core.exam.candidate import Candidate, Owner, uid_of
from gmic_core.exam.model import Exam, MammoImage
from gmic_core.types import Modality

_MODALITIES = list(Modality)
_VIEWS = {"CC": 0, "MLO": 1}
NO_PATIENT_ID = "no patient ID; images of one study or folder were taken for one patient"
"""The one doubt that most exams without DICOM headers raise: nothing is wrong with them."""


def group_exams(candidates: Iterable[Candidate]) -> tuple[Exam, ...]:
    """Return the exams in the order of patient, date and study; images in the order in which they are hung."""
    groups: dict[tuple[str, str, str, int], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        groups[candidate.owner.key].append(candidate)
    # an exam that was split off for its UIDs stands behind the one that it was split from: that one is opened first
    keys = sorted(groups, key=lambda key: key[-1])
    exams = _warn_of_shared_studies([_exam(groups[key]) for key in keys])
    copies = [key[-1] for key in keys]
    order = sorted(zip(exams, copies, strict=True), key=lambda pair: (*_place(pair[0]), pair[1], pair[0].study_uid))
    return tuple(exam for exam, _copy in order)


def _place(exam: Exam) -> tuple[str, str]:
    return exam.patient_id, exam.date


def _exam(group: list[Candidate]) -> Exam:
    images = tuple(sorted((candidate.image for candidate in group), key=_hanging_order))
    owners = [candidate.owner for candidate in group]
    owner = owners[0]
    study = owner.study_uid or uid_of("study", *sorted(image.sop_uid for image in images))
    if owner.copy:
        study = uid_of("impostor", study, owner.copy)
    warnings = [warning for candidate in group for warning in candidate.exam_warnings]
    return Exam(
        patient_id=owner.patient_id,
        patient_name=owner.patient_name,
        study_uid=study,
        date=min((one.date for one in owners if one.date), default=""),
        images=images,
        birth_date=owner.birth_date,
        warnings=tuple(dict.fromkeys((*_doubts(owners), *warnings))),
    )


def _doubts(owners: list[Owner]) -> list[str]:
    """Return warnings about images that claim one patient and study but do not fit together."""
    doubts = []
    if len({one.patient_name.upper().rstrip("^ ") for one in owners if one.patient_name}) > 1:
        doubts.append("images of one patient ID carry different patient names; check that they belong together")
    if len({one.birth_date for one in owners if one.birth_date}) > 1:
        doubts.append("images of one patient ID carry different birth dates; check that they belong together")
    if not owners[0].patient_id:
        doubts.append(NO_PATIENT_ID)
    return doubts


def _warn_of_shared_studies(exams: list[Exam]) -> list[Exam]:
    """Warn where several patients share a Study Instance UID."""
    patients = defaultdict(set)
    for exam in exams:
        patients[exam.study_uid].add(exam.patient_id)
    shared = "another patient's images carry the same Study Instance UID; they were split"
    return [
        replace(exam, warnings=(*exam.warnings, shared)) if len(patients[exam.study_uid]) > 1 else exam
        for exam in exams
    ]


def _hanging_order(image: MammoImage) -> tuple[int, int, str, str, str, str]:
    """Order by modality, then CC before MLO before others, then right before left, then time."""
    return (
        _MODALITIES.index(image.modality), _VIEWS.get(image.view or "", 2), image.view or "",
        {"R": "0", "L": "1"}.get(image.laterality or "", "2"), image.acquisition_time, image.sop_uid,
    )  # fmt: skip
