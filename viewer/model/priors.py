"""Which of the open exams are the same patient's, and which of them came before: what may hang beside an exam.

Two patients' images must never hang together. An equal patient ID alone does not prove it: hospitals number their
patients independently, and anonymised exams often carry one ID for everybody.
"""

from __future__ import annotations

from collections.abc import Iterable

from gmic_core.exam.model import Exam

PLACEHOLDERS = frozenset({"", "0", "anon", "anonymous", "anonymized", "anonymised", "none", "unknown", "unnamed"})
"""Patient IDs that stand for "not known": nothing is told by two exams having one."""


def same_patient(one: Exam, other: Exam) -> bool:
    """Return whether two exams are surely one patient's.

    The IDs must be equal and birth dates must not contradict each other. Names that differ are excused (marriage,
    spelling) only where both exams state the same birth date.
    """
    if not names_somebody(one.patient_id) or _plain(one.patient_id) != _plain(other.patient_id):
        return False
    born, other_born = one.birth_date.strip(), other.birth_date.strip()
    if born and other_born:
        return born == other_born
    name, other_name = _plain(one.patient_name), _plain(other.patient_name)
    return not name or not other_name or name == other_name


def names_somebody(patient_id: str) -> bool:
    """Return whether a patient ID is one, and no word for "not known"."""
    return _plain(patient_id) not in PLACEHOLDERS


def related_exams(exam: Exam, exams: Iterable[Exam]) -> list[Exam]:
    """Return the other exams of this patient, the newest first."""
    others = [
        other
        for other in exams
        if other is not exam and other.study_uid != exam.study_uid and same_patient(exam, other)
    ]
    return sorted(others, key=lambda other: (other.date, other.study_uid), reverse=True)


def prior_exams(exam: Exam, exams: Iterable[Exam]) -> list[Exam]:
    """Return the exams of this patient that are earlier by date, the newest first; undated ones are none."""
    return [other for other in related_exams(exam, exams) if other.date and exam.date and other.date < exam.date]


def relation(exam: Exam, other: Exam) -> str:
    """Return how another exam of this patient stands to the open one, as a badge on its images."""
    if not other.date or not exam.date:
        return "OTHER EXAM"
    if other.date == exam.date:
        return "SAME DAY"
    return "PRIOR" if other.date < exam.date else "LATER"


def _plain(text: str) -> str:
    """Return a name or ID without what different machines write differently: case, padding, separators."""
    return " ".join(text.split("=")[0].replace("^", " ").casefold().split())
