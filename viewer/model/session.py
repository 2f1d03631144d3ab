"""The root of the application's state: exams, the one on screen, its viewports, overlays, results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from psygnal import Signal

from gmic_core.exam.model import Exam, MammoImage, Rejection
from viewer.model.annotation.state import AnnotationModel
from viewer.model.comparing import Comparing
from viewer.model.displays import DisplayModel
from viewer.model.history import History
from viewer.model.left_exams import LeftExams
from viewer.model.linked import Links
from viewer.model.marks_model import MarksModel
from viewer.model.measuring import MeasuringModel
from viewer.model.overlays import OverlayModel, OverlaySettings
from viewer.model.placement import LinkKey, Placement, fit_scale, fitted, link_key
from viewer.model.priors import prior_exams, related_exams
from viewer.model.reader_state import ReaderState
from viewer.model.results import ResultsModel
from viewer.model.trials import TrialsModel
from viewer.model.viewing import ViewingModel
from viewer.model.viewstate import ImageState, Slot
from viewer.model.volume import VolumeModel
from viewer.model.worklist import Worklist

__all__ = ["Activity", "AiState", "LinkKey", "Session", "link_key"]


@dataclass
class AiState:
    """What the reader is told about the worker."""

    device: str = ""
    state: str = "starting"  # starting | idle | running | dead
    message: str = ""
    automatic: bool = False
    jobs: tuple[str, ...] = field(default=())
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by SOP UID: to be known before a run


@dataclass(frozen=True)
class Activity:
    """Something over a second that the status bar tells about: what, how far, of how much (0: not known)."""

    text: str
    done: int = 0
    total: int = 0


class Session:
    """Everything on screen, without a widget.

    Signals
    -------
    exams_changed(), exam_changed(Exam | None), layout_changed(), active_changed(int), placement_changed(),
    ai_changed(), identity_changed(bool), cine_changed(float frames per second), activity_changed(),
    background_changed(),
    patch_selected(str sop_uid, int index in the result's rois),
    notice(str level, str text): level ``hint`` (passing, status bar), ``info``, ``warning``, ``error`` (banner)
    """

    exams_changed = Signal()
    exam_changed = Signal(object)
    layout_changed = Signal()
    active_changed = Signal(int)
    placement_changed = Signal()
    ai_changed = Signal()
    identity_changed = Signal(bool)
    cine_changed = Signal(float)
    patch_selected = Signal(str, int)
    activity_changed = Signal()
    background_changed = Signal()
    notice = Signal(str, str)

    def __init__(self) -> None:
        self.exams: list[Exam] = []
        self.rejected: list[Rejection] = []
        self.exam: Exam | None = None
        self.layout = "2x2"
        self.slots: list[Slot] = []
        self.grid: tuple[int, int] = (1, 1)
        self.active = 0
        self.maximised: int | None = None
        self.identity_hidden = False
        self.cine_fps = 0.0
        self.selected_patch: tuple[str, int] | None = None
        self.activity: Activity | None = None
        self.exporting = False
        self.background = ""
        self.coming: frozenset[str] = frozenset()
        self.overlays = OverlayModel()
        self.displays = DisplayModel()
        self.viewing = ViewingModel()
        self.volume = VolumeModel()
        self.links = Links(self)
        self.results = ResultsModel()
        self.worklist = Worklist()
        self.overlays.changed.connect(self._hide_scores)
        self.trials = TrialsModel(self.results)
        self.ai = AiState()
        self._states: dict[str, ImageState] = {}
        self._placements: dict[LinkKey, Placement] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._left = LeftExams()
        self.marks = MarksModel()
        self.annotation = AnnotationModel()
        self.comparing = Comparing()
        self.measuring = MeasuringModel(self)
        reader = ReaderState(self, self._states, self._placements)
        self.history = History(reader.capture, reader.restore)

    def _hide_scores(self, settings: OverlaySettings) -> None:
        """The worklist knows while all AI is hidden: the order of its rows and which are left out tell scores, too."""
        self.worklist.hide_ai(not settings.visible)

    # -- exams ---------------------------------------------------------------------------------------------------
    def add_exams(self, exams: list[Exam], rejected: list[Rejection]) -> None:
        """Add what a scan found; an exam that is there already (same patient and study) is replaced."""
        keys = {(exam.patient_id, exam.study_uid) for exam in exams}
        self.exams = [exam for exam in self.exams if (exam.patient_id, exam.study_uid) not in keys] + exams
        again = {rejection.path for rejection in rejected}
        self.rejected = [rejection for rejection in self.rejected if rejection.path not in again] + rejected
        self.exams_changed.emit()

    def open_exam(self, exam: Exam | None) -> None:
        """Put an exam on screen; results of the one before are dropped, how it was looked at waits for its return."""
        if self.exam is not None:
            self._left.leave(self.exam.study_uid, self._states, self._placements)
        self.exam = exam
        self._states.clear()
        self._placements.clear()
        if exam is not None:
            self._left.come_back(exam.study_uid, self.image, self._states, self._placements)
        self.results.clear()
        self.marks.clear()
        self.annotation.clear()
        self.slots, self.active, self.maximised, self.selected_patch = [], 0, None, None
        self.history.clear()
        self.exam_changed.emit(exam)

    def image(self, sop_uid: str) -> MammoImage | None:
        """Return an image of the open exam, or of another exam of the same patient."""
        exam = self.exam_of(sop_uid)
        return next((image for image in exam.images if image.sop_uid == sop_uid), None) if exam else None

    @property
    def related(self) -> list[Exam]:
        """The other exams of the same patient, the newest first."""
        return related_exams(self.exam, self.exams) if self.exam is not None else []

    @property
    def priors(self) -> list[Exam]:
        """The earlier exams of the same patient, the newest first."""
        return prior_exams(self.exam, self.exams) if self.exam is not None else []

    def exam_of(self, sop_uid: str) -> Exam | None:
        """Return which exam of the patient holds an image: the open one, or another one; None: it is not theirs."""
        if self.exam is None or any(image.sop_uid == sop_uid for image in self.exam.images):
            return self.exam
        return next((one for one in self.related if any(image.sop_uid == sop_uid for image in one.images)), None)

    @property
    def images_at_hand(self) -> list[MammoImage]:
        """The images of the open exam, and those of the patient's other exams that hang beside them."""
        own = list(self.exam.images) if self.exam is not None else []
        known = {image.sop_uid for image in own}
        hung = {slot.state.image.sop_uid: slot.state.image for slot in self.slots if slot.state is not None}
        return own + [image for uid, image in hung.items() if uid not in known]

    def replace_image(self, image: MammoImage) -> None:
        """Describe an image of the patient anew: a question came up or was answered; the pixels stay the same."""
        before = self.exam_of(image.sop_uid)
        if before is None:
            return
        images = tuple(image if old.sop_uid == image.sop_uid else old for old in before.images)
        after = replace(before, images=images)
        self.exam = after if before is self.exam else self.exam
        self.exams = [after if exam is before else exam for exam in self.exams]
        if image.sop_uid in self._states:
            self._states[image.sop_uid].image = image
        for slot in self.slots:
            slot.candidates = [image if old.sop_uid == image.sop_uid else old for old in slot.candidates]
        self.exams_changed.emit()
        self.layout_changed.emit()
        self.ai_changed.emit()

    def extend_exam(self, exam: Exam) -> tuple[MammoImage, ...]:
        """Take what was added to the open exam, and keep everything that the reader did; return the added images.

        Parameters
        ----------
        exam : the open exam as it is now; its images that are known already are kept as they are known.
        """
        if self.exam is None:
            return ()
        known = {image.sop_uid: image for image in self.exam.images}
        images = tuple(known.get(image.sop_uid, image) for image in exam.images)
        added = tuple(image for image in images if image.sop_uid not in known)
        before, self.exam = self.exam, replace(self.exam, images=images)
        self.exams = [self.exam if one is before else one for one in self.exams]
        self.exams_changed.emit()
        return added

    def refill(self, slots: list[Slot]) -> None:
        """Put other slots in the places of the present ones; what is active or fills the window stays so."""
        self.slots = slots
        self.layout_changed.emit()
        self.active_changed.emit(self.active)

    def state_of(self, image: MammoImage) -> ImageState:
        """Return the (one) state of an image of the open exam."""
        return self._states.setdefault(image.sop_uid, ImageState(image))

    # -- layout --------------------------------------------------------------------------------------------------
    def hang(self, layout: str, grid: tuple[int, int], slots: list[Slot]) -> None:
        """Show another arrangement; the active image stays active where it hangs again."""
        before = self.active_image
        self.layout, self.grid, self.slots, self.maximised = layout, grid, slots, None
        # a viewport that keeps its size gets no resize event: what is known stays until it is told otherwise
        self._sizes = {index: size for index, size in self._sizes.items() if index < len(slots)}
        shown = [slot.state.image.sop_uid if slot.state else None for slot in slots]
        self.active = shown.index(before.sop_uid) if before and before.sop_uid in shown else self._first_filled()
        self.layout_changed.emit()
        self.active_changed.emit(self.active)

    def _first_filled(self) -> int:
        return next((i for i, slot in enumerate(self.slots) if slot.state), 0)

    def put_image(self, index: int, image: MammoImage) -> None:
        """Hang an image of the open exam in a viewport (drag from the study tree)."""
        self.slots[index].state = self.state_of(image)
        self.slots[index].title = image.label
        self.layout_changed.emit()
        self.activate(index)

    def activate(self, index: int) -> None:
        """Make a viewport the active one; where one fills the window, it is this one from now on."""
        if not self.slots:
            return
        self.active = index % len(self.slots)
        if self.maximised not in (None, self.active):
            self.maximised = self.active
            self.layout_changed.emit()
        self.active_changed.emit(self.active)

    def toggle_maximised(self) -> None:
        """Let the active viewport fill the window, or go back."""
        self.maximised = None if self.maximised is not None else self.active
        self.layout_changed.emit()

    @property
    def active_state(self) -> ImageState | None:
        """State of the image in the active viewport."""
        return self.slots[self.active].state if self.active < len(self.slots) else None

    @property
    def active_image(self) -> MammoImage | None:
        """Image in the active viewport."""
        state = self.active_state
        return state.image if state else None

    # -- zoom and pan --------------------------------------------------------------------------------------------
    def set_viewport_size(self, index: int, width: int, height: int) -> None:
        """A viewport has so many device pixels now; fitted images follow."""
        if self._sizes.get(index) != (width, height):
            self._sizes[index] = (width, height)
            self.placement_changed.emit()

    def viewport_size(self, index: int) -> tuple[int, int]:
        """Return (width, height) of a viewport in device pixels."""
        return self._sizes.get(index, (100, 100))

    def shared_fit_scale(self, image: MammoImage) -> float:
        """Return the scale at which all visible images of the same unit fit: the same mm everywhere."""
        unit = image.spacing_mm is None
        scales = [
            fit_scale(slot.state.image, *size)
            for i, size in self._sizes.items()
            if i < len(self.slots)
            and (slot := self.slots[i]).state
            and self._is_visible(i)
            and (slot.state.image.spacing_mm is None) == unit
        ]
        return min(scales, default=1.0)

    def _is_visible(self, index: int) -> bool:
        return self.maximised is None or self.maximised == index

    def placement(self, index: int) -> Placement:
        """Return where the image of a viewport lies; ``fit`` is worked out from the viewports' sizes."""
        state = self.slots[index].state
        width, _ = self.viewport_size(index)
        if state is None:
            return Placement()
        stored = self._placements.get(link_key(state.image))
        return stored or fitted(width, self.shared_fit_scale(state.image))

    def place(self, index: int, placement: Placement | None) -> None:
        """Zoom or pan a viewport and all linked ones; None means fit."""
        state = self.slots[index].state
        if state is None:
            return
        if placement is None:
            self._placements.pop(link_key(state.image), None)
        else:
            self._placements[link_key(state.image)] = placement
        self.placement_changed.emit()

    def select_patch(self, sop_uid: str, index: int) -> None:
        """Mark a patch of a result, wherever patches are shown."""
        self.selected_patch = (sop_uid, index)
        self.patch_selected.emit(sop_uid, index)

    # -- ai and identity -----------------------------------------------------------------------------------------
    def set_ai(self, **fields: object) -> None:
        """Change what is told about the worker."""
        for name, value in fields.items():
            if not hasattr(self.ai, name):
                raise AttributeError(name)
            setattr(self.ai, name, value)
        self.ai_changed.emit()

    def set_identity_hidden(self, hidden: bool) -> None:
        """Hide or show who the patient is, everywhere at once."""
        self.identity_hidden = hidden
        self.identity_changed.emit(hidden)

    # -- cine and background work --------------------------------------------------------------------------------
    def set_cine(self, fps: float) -> None:
        """Tell that the active viewport plays at so many frames per second; 0: it stands still."""
        if fps != self.cine_fps:
            self.cine_fps = fps
            self.cine_changed.emit(fps)

    def set_background(self, text: str, coming: frozenset[str] | None = None) -> None:
        """Tell what goes on for minutes without the reader having to wait for it; "": nothing.

        Parameters
        ----------
        coming : labels of the views that it will add to the open exam; None: as before.
        """
        coming = self.coming if coming is None else coming
        if (text, coming) != (self.background, self.coming):
            self.background, self.coming = text, coming
            self.background_changed.emit()

    def set_activity(self, activity: Activity | None) -> None:
        """Tell what the program is busy with (reading files, ...); None: nothing."""
        if activity != self.activity:
            self.activity = activity
            self.activity_changed.emit()
