"""When the networks run, on what and with which weights."""

from __future__ import annotations

from collections.abc import Sequence

from gmic_core.errors import GmicError
from gmic_core.exam.model import Exam, MammoImage
from viewer.app.trying import Trying
from viewer.app.weights import Weights, chosen_weights, has_shipped_weights, models_of, offered_weights
from viewer.commands.context import RunScope, WeightsOffer
from viewer.model.session import Session
from viewer.model.settings import Settings
from viewer.services.inference import InferenceClient

NO_WEIGHTS = (
    "There are no weights for {models}. Import the published files with gmic-core models import FILE, or try the "
    "program with random ones: gmic-viewer --weights random:0 (marked UNTRAINED)."
)
SHIPPED = (
    " The weights that come with the program were trained on simulated breasts only and say nothing about patients; "
    "the menu AI, Weights chooses them all the same."
)


class AiRuns:
    """Runs the networks when asked, or by itself when that is switched on.

    Parameters
    ----------
    named : weights of the command line; they come before those that are remembered or stored.
    """

    def __init__(self, session: Session, settings: Settings, client: InferenceClient, named: Weights) -> None:
        self._session, self._settings, self._client, self._named = session, settings, client, named
        session.exams_changed.connect(self.tell_notes)
        self.trying = Trying(session, settings, client, self.weights)
        self.restoring = False
        self._automatic = session.ai.automatic
        self._asked: set[str] = set()  # images of other exams whose kept results were asked for
        session.layout_changed.connect(self._restore_beside)

    def weights(self, images: Sequence[MammoImage]) -> Weights:
        """Return the weights of each network that runs on these images and has some."""
        return chosen_weights(images, self._named, self._settings.weights)

    def offers(self) -> list[WeightsOffer]:
        """Return the weights that the reader may choose between."""
        try:
            return offered_weights(self._named, self._settings.weights)
        except GmicError as error:  # a damaged record: the menu cannot tell more than that
            self._session.notice.emit("warning", str(error))
            return []

    def choose(self, model: str, ref: str) -> None:
        """Let a network run with these weights from now on; results by others make room for what is known by these."""
        self._use(model, (ref,) if ref else ())

    def toggle(self, model: str, ref: str) -> None:
        """Let these weights take part in the ensemble of a network, or not any more."""
        before = tuple(self._named.get(model) or self._settings.weights.get(model) or ())
        without = tuple(other for other in before if other != ref)
        self._use(model, without if len(without) < len(before) else (*before, ref))

    def _use(self, model: str, refs: tuple[str, ...]) -> None:
        self._named.pop(model, None)
        self._settings.weights.pop(model, None)
        if refs:  # counts like the command line now, and is remembered
            self._named[model] = refs
            self._settings.weights[model] = list(refs)
        self._session.results.clear()
        self.exam_opened(self._session.exam)

    def warm(self) -> None:
        """Start the worker; where there are weights to run, let it import torch as well."""
        self._client.start()
        exam = self._session.exam
        if exam is not None and self.weights(exam.images):
            self._client.warm(self._settings.device, self._shown_weights(exam))

    def _shown_weights(self, exam: Exam) -> Weights:
        """Return the weights of the networks whose results are on screen: they are what is tried out next."""
        entries = (self._session.results.get(image.sop_uid) for image in exam.images)
        shown = {entry.result.provenance.model for entry in entries if entry is not None and entry.result is not None}
        return {model: refs for model, refs in self.weights(exam.images).items() if model in shown}

    def run(self, scope: RunScope) -> None:
        """Send the active image, or all images of the exam, to the worker."""
        exam, active = self._session.exam, self._session.active_image
        images = exam.images if scope == "exam" and exam is not None else (active,) if active is not None else ()
        self.run_on(list(images))

    def run_on(self, images: list[MammoImage]) -> None:
        """Send images of the open exam to the worker; without any weights, say how to get some."""
        weights = self.weights(images)
        missing = [model for model in models_of(images, weights) if model not in weights]
        if missing and not weights:
            text = NO_WEIGHTS.format(models=" and ".join(missing))
            self._session.notice.emit("error", text + (SHIPPED if has_shipped_weights() else ""))
            return
        self._client.submit(images, weights, self._settings.device)

    def exam_opened(self, exam: Exam | None) -> None:
        """Show the kept results of an exam; run on the others when that is switched on."""
        self._asked.clear()
        if exam is None:
            return
        self.tell_notes()
        self.restoring = True

        def restored() -> None:
            now = self._session.exam
            if now is not exam and now is not None and _same_study(now, exam):
                self.exam_opened(now)  # a question about an image came up meanwhile: the client dropped what it read
                return
            self.restoring = False
            if now is exam and self._client.worker_pid is not None and (shown := self._shown_weights(exam)):
                self._client.warm(self._settings.device, shown)
            if now is exam and self._session.ai.automatic:
                self.run_missing()

        self._client.restore(exam.images, self.weights(exam.images), restored, self._settings.device)
        self._restore_beside()

    def _restore_beside(self) -> None:
        """Show the kept results of images of the patient's other exams once they hang beside the open one."""
        own = {image.sop_uid for image in self._session.exam.images} if self._session.exam is not None else set()
        beside = [image for image in self._session.images_at_hand if image.sop_uid not in own | self._asked]
        if beside:
            self._asked |= {image.sop_uid for image in beside}
            self._client.restore(beside, self.weights(beside), device=self._settings.device)

    def tell_notes(self) -> None:
        """Tell what has to be known of the images of the open exam before a network runs on them."""
        exam = self._session.exam
        notes = self.trying.notes_before(exam.images) if exam is not None else {}
        if notes != self._session.ai.notes:
            self._session.set_ai(notes=notes)

    def automatic_changed(self) -> None:
        """Automatic runs may have been switched on: begin with the exam that is open."""
        before, self._automatic = self._automatic, self._session.ai.automatic
        if self._automatic and not before and not self.restoring:
            self.run_missing()

    def run_missing(self) -> None:
        """Run on the images of the open exam that have no result and no open question."""
        exam, results = self._session.exam, self._session.results
        images = exam.images if exam is not None else ()
        missing = [image for image in images if not image.questions and results.get(image.sop_uid) is None]
        missing = [image for image in missing if models_of([image])]
        if missing and self.weights(missing):
            self.run_on(missing)


def _same_study(one: Exam, other: Exam) -> bool:
    return (one.patient_id, one.study_uid) == (other.patient_id, other.study_uid)
