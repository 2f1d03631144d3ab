"""What is measured beside the image: AI result against segmentation, and whether what is shown is still true.

Nothing is computed here: a thread answers a :class:`Question`, and its answer counts only while the image, the
revision of its segmentation, the AI result and the classes of the labels are those that it was asked about.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from psygnal import Signal

from gmic_core.comparison.classes import EVERY_LABEL_MALIGNANT, ClassMap, Subject, effective
from gmic_core.types import Finding, ImageResult
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.lesion_list import LesionRow
from viewer.model.annotation.state import Segmentation

if TYPE_CHECKING:  # they bring scipy and OpenCV along, which the window must not wait for
    from gmic_core.comparison.measures import Compared
    from viewer.model.session import Session

FINDINGS = (Finding.MALIGNANT, Finding.BENIGN)
MissKind = Literal["lesion", "region", "patch"]


@dataclass(frozen=True, eq=False)
class Basis:
    """What figures belong to.

    Attributes
    ----------
    revision : of ``labels``, when it was asked.
    classes : what the labels of this image mean.
    """

    sop_uid: str
    labels: LabelMap
    revision: int
    result: ImageResult
    classes: ClassMap

    def same(self, other: Basis | None) -> bool:
        """Whether both mean the same pixels, the same result and the same classes."""
        return (
            other is not None
            and (self.labels is other.labels and self.result is other.result)
            and (self.sop_uid, self.revision, self.classes) == (other.sop_uid, other.revision, other.classes)
        )


@dataclass(frozen=True, eq=False)
class Question:
    """What the thread is asked.

    Attributes
    ----------
    threshold : saliency above which the overlay paints the class of the subject.
    """

    basis: Basis
    subject: Subject
    threshold: float

    def same(self, other: Question | None) -> bool:
        """Whether both ask for the same."""
        return (
            other is not None
            and self.basis.same(other.basis)
            and (self.subject, self.threshold) == (other.subject, other.threshold)
        )


@dataclass(frozen=True)
class Miss:
    """A missed lesion, or a false positive.

    Attributes
    ----------
    reason : in words, e.g. ``not painted (0.04), patches 34 %``.
    score : what false positives are ordered by: highest saliency, or attention.
    slice_index, box : where to look: slice, and half-open (row0, col0, row1, col1) in stored pixels.
    slices : half-open range.
    label, number : of a lesion. ``patch``: place in the result's ``rois``.
    """

    kind: MissKind
    reason: str
    score: float
    slice_index: int
    slices: tuple[int, int]
    box: tuple[int, int, int, int]
    label: int = 0
    number: int = 0
    patch: int = -1


@dataclass(frozen=True, eq=False)
class Misses:
    """All errors of one class at one threshold.

    Attributes
    ----------
    entries : missed lesions, the largest first; painted regions on no lesion, then patches on none, the highest first.
    lesions : how many lesions the class has.
    regions : how many regions there are; those beyond the first some hundred are not entries.
    """

    basis: Basis
    finding: Finding
    threshold: float
    entries: tuple[Miss, ...]
    lesions: int
    regions: int

    def count(self, kind: MissKind) -> int:
        """Return how many errors of a kind there are."""
        return self.regions if kind == "region" else sum(entry.kind == kind for entry in self.entries)


@dataclass(frozen=True, eq=False)
class Figures:
    """The figures of one subject; ``compared`` is None where it is not there any more."""

    basis: Basis
    subject: Subject
    compared: Compared | None


@dataclass
class _Shown:
    """What was answered last."""

    figures: Figures | None = None
    misses: Misses | None = None
    problem: tuple[Question, str] | None = None
    progress: tuple[int, int] = field(default=(0, 0))


class MeasuringModel:
    """Subject, classes, and the answers.

    Signals
    -------
    changed() : subject, answers, progress, or whether they are current.
    shown_changed(bool), classes_changed(ClassMap)

    Attributes
    ----------
    shown : whether it is wanted beside the image; None: nobody said so yet.
    deep : whether the curves count all slices instead of the projection.
    classes : what was chosen for labels; those that are not named go by their names, else they are malignant.
    """

    changed = Signal()
    shown_changed = Signal(bool)
    classes_changed = Signal(object)

    def __init__(self, session: Session) -> None:
        self._session = session
        self.shown: bool | None = None
        self.deep = False
        self.classes = EVERY_LABEL_MALIGNANT
        self.selected: Miss | None = None
        self._wanted = Subject(Finding.MALIGNANT)
        self._answers = _Shown()
        self._was_current = False
        session.annotation.lesion_shown.connect(self._follow_lesion)
        session.exam_changed.connect(self.forget, check_nargs=False)

    # -- what is asked -------------------------------------------------------------------------------------------
    @property
    def segmentation(self) -> Segmentation | None:
        """Segmentation of the active image."""
        image = self._session.active_image
        return self._session.annotation.of(image.sop_uid) if image is not None else None

    @property
    def result(self) -> ImageResult | None:
        """Finished AI result of the active image, unless its side or view is in question: it is not shown then."""
        image = self._session.active_image
        if image is None or image.questions:
            return None
        entry = self._session.results.get(image.sop_uid)
        return entry.result if entry is not None else None

    def classes_of(self, found: Segmentation) -> ClassMap:
        """Return what the labels of a segmentation mean."""
        return effective(self.classes, {entry.index: entry.name for entry in found.labels})

    def labels(self, finding: Finding) -> tuple[int, ...]:
        """Return the labels of a class that the active image shows."""
        found = self.segmentation
        if found is None:
            return ()
        classes = self.classes_of(found)
        return tuple(label for label in sorted(found.map.counts) if classes.of(label) is finding)

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """Everything that can be chosen: each class, its labels, their lesions."""
        found, subjects = self.segmentation, list[Subject]()
        rows: dict[int, list[LesionRow]] = {}
        for row in found.lesions if found is not None else ():
            rows.setdefault(row.label, []).append(row)
        for finding in FINDINGS:
            labels = self.labels(finding)
            subjects += [Subject(finding)] if labels else []
            for label in labels:
                subjects.append(Subject(finding, label))
                subjects += [Subject(finding, label, row.number) for row in rows.get(label, ())]
        return tuple(subjects)

    @property
    def subject(self) -> Subject | None:
        """What is measured: what was chosen, or the nearest to it that this image has; None: no label counts."""
        offered, wanted = self.subjects, self._wanted
        for one in (wanted, replace(wanted, number=None), Subject(wanted.finding)):
            if one in offered:
                return one
        return offered[0] if offered else None

    @property
    def threshold(self) -> float:
        """Saliency above which the subject's class is painted."""
        subject = self.subject
        return self._session.overlays.settings.threshold(subject.finding if subject else self._wanted.finding)

    @property
    def basis(self) -> Basis | None:
        """What could be measured now; None: something is missing."""
        found, result = self.segmentation, self.result
        if found is None or result is None:
            return None
        return Basis(found.sop_uid, found.map, found.map.revision, result, self.classes_of(found))

    def question(self) -> Question | None:
        """Return what the thread should be asked now; None: nothing can be measured."""
        basis, subject = self.basis, self.subject
        return Question(basis, subject, self.threshold) if basis is not None and subject is not None else None

    # -- what was answered ---------------------------------------------------------------------------------------
    @property
    def figures(self) -> Figures | None:
        """The last figures, of whatever they are; ask :attr:`current`."""
        return self._answers.figures

    @property
    def misses(self) -> Misses | None:
        """The last list of errors; ask :attr:`misses_current`."""
        return self._answers.misses

    @property
    def progress(self) -> tuple[int, int]:
        """Steps done and in all of a measurement that takes long; (0, 0): none."""
        return self._answers.progress

    @property
    def problem(self) -> str:
        """Why the present question has no answer; ""."""
        question, problem = self.question(), self._answers.problem
        same = question is not None and problem is not None and question.basis.same(problem[0].basis)
        return problem[1] if same and problem is not None else ""

    @property
    def current(self) -> bool:
        """Whether the figures are those of what is on screen."""
        question, figures = self.question(), self._answers.figures
        if question is None or figures is None:
            return False
        return question.basis.same(figures.basis) and question.subject == figures.subject

    @property
    def misses_current(self) -> bool:
        """Whether the list of errors is that of what is on screen."""
        question, misses = self.question(), self._answers.misses
        if question is None or misses is None:
            return False
        asked = (question.subject.finding, question.threshold)
        return question.basis.same(misses.basis) and asked == (misses.finding, misses.threshold)

    @property
    def about_active(self) -> bool:
        """Whether the last figures are of the active image and what is chosen there, be they older than its edits."""
        found, figures = self.segmentation, self._answers.figures
        if found is None or figures is None or self.result is not figures.basis.result:
            return False
        return figures.basis.sop_uid == found.sop_uid and figures.subject == self.subject

    def take_figures(self, figures: Figures) -> None:
        """Show figures; those that are no longer of what is on screen are dropped."""
        question = self.question()
        if question is None or not question.basis.same(figures.basis) or question.subject != figures.subject:
            return
        self._answers.figures, self._answers.progress = figures, (0, 0)
        self.tell()

    def take_misses(self, misses: Misses) -> None:
        """Show a list of errors, unless it is no longer of what is on screen."""
        question = self.question()
        if question is None or not question.basis.same(misses.basis):
            return
        if (question.subject.finding, question.threshold) == (misses.finding, misses.threshold):
            self._answers.misses = misses
            self.tell()

    def take_problem(self, question: Question, message: str) -> None:
        """Tell why a question has no answer."""
        self._answers.problem, self._answers.progress = (question, message), (0, 0)
        self.tell()

    def take_progress(self, question: Question, done: int, total: int) -> None:
        """Tell how far a measurement is."""
        now = self.question()
        if now is not None and now.basis.same(question.basis) and now.subject == question.subject:
            self._answers.progress = (done, total)
            self.changed.emit()

    def tell(self) -> None:
        """Tell that something is different."""
        self._was_current = self.current
        self.changed.emit()

    def tell_if_stale(self, *_: object) -> None:
        """Tell only where what was current is not any more: strokes ask sixty times a second."""
        if self._was_current and not self.current:
            self.tell()

    def forget(self, *_: object) -> None:
        """Another exam is open."""
        self._answers, self.selected = _Shown(), None
        self.tell()

    # -- what the annotator chooses ------------------------------------------------------------------------------
    def choose(self, subject: Subject) -> None:
        """Measure something else."""
        if subject != self._wanted:
            self._wanted = subject
            self.tell()

    def _follow_lesion(self, sop_uid: str, row: LesionRow) -> None:
        """The lesion that was jumped to in the list is the one that is measured."""
        found = self._session.annotation.of(sop_uid)
        finding = self.classes_of(found).of(row.label) if found is not None else None
        if finding is not None:
            self.choose(Subject(finding, row.label, row.number))

    def select(self, miss: Miss | None) -> None:
        """Remember which error was jumped to."""
        self.selected = miss
        self.changed.emit()

    def show(self, shown: bool) -> None:
        """Show it beside the image, or put it away."""
        if shown != self.shown:
            self.shown = shown
            self.shown_changed.emit(shown)

    def set_deep(self, deep: bool) -> None:
        """Let the curves count all slices, or the projection."""
        if deep != self.deep:
            self.deep = deep
            self.tell()

    def set_classes(self, classes: ClassMap) -> None:
        """Let labels mean something else."""
        if classes != self.classes:
            self.classes = classes
            self.classes_changed.emit(classes)
            self.tell()
