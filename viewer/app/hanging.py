"""Hangs the open exam by its protocols, with the patient's earlier exams beside it, and steps through."""

from __future__ import annotations

from gmic_core.exam.exams import NO_PATIENT_ID
from gmic_core.exam.model import MammoImage
from viewer.model.hanging import Protocol, arrange, unplaced
from viewer.model.hanging_steps import Stage, current_stage, stages
from viewer.model.priors import names_somebody, same_patient
from viewer.model.session import Session
from viewer.model.settings import Settings
from viewer.services.loader import FrameLoader

STANDARD = "2x2"
"""The protocol of whoever never chose one, and where the chosen one does not fit an exam."""


class Hanging:
    """Arranges what is on screen.

    Parameters
    ----------
    protocols : hanging protocols by id.
    """

    def __init__(
        self, session: Session, settings: Settings, loader: FrameLoader, protocols: dict[str, Protocol]
    ) -> None:
        self._session, self._settings, self._loader = session, settings, loader
        self.protocols = protocols
        session.layout_changed.connect(self._load_other_exams)

    def _load_other_exams(self) -> None:
        """Let images of the patient's other exams be decoded from when they hang: no sooner, memory is for today's."""
        own = {image.sop_uid for image in self._session.exam.images} if self._session.exam is not None else set()
        hung = [slot.state.image for slot in self._session.slots if slot.state is not None]
        self._loader.extend([image for image in hung if image.sop_uid not in own])

    # -- which ---------------------------------------------------------------------------------------------------
    def why_not(self, layout: str) -> str | None:
        """Return why the open exam cannot hang by a protocol, in words for the reader; None: it can."""
        session, protocol = self._session, self.protocols.get(layout)
        if protocol is None:
            return f"there is no hanging protocol {layout}; the folder hanging of your data folder may hold one."
        return protocol.match.reason(session.exam, session.priors) if session.exam is not None else None

    def offered(self) -> list[tuple[str, str]]:
        """Return (id, label) of all protocols, in the order of their steps."""
        found = sorted(self.protocols.values(), key=lambda one: (one.steps.order if one.steps else 1000, one.id))
        return [(protocol.id, protocol.label) for protocol in found]

    # -- how -----------------------------------------------------------------------------------------------------
    def hang_first(self) -> None:
        """Hang an exam that was just opened, by the protocol that was used last."""
        exam = self._session.exam
        layout = self._settings.layout
        if layout not in self.protocols or self.why_not(layout) is not None:
            layout = STANDARD
        if layout == STANDARD and exam is not None and len(exam.images) == 1:
            layout = "single"
        self.hang(Stage(layout, None, None, ""), remember=False)

    def hang(self, stage: Stage, *, remember: bool = True) -> None:
        """Hang the open exam as a step says."""
        exam, protocol = self._session.exam, self.protocols.get(stage.layout)
        if exam is None or protocol is None:
            return
        grid, slots = arrange(protocol, exam, self._session, focus=stage.focus, prefer=stage.prefer)
        self._session.hang(stage.layout, grid, slots)
        if stage.focus is not None:
            self.activate(stage.focus)
        if remember:
            self._settings.layout = stage.layout

    def refill(self) -> None:
        """Hang the open exam by its present layout without touching viewports that show something."""
        session = self._session
        protocol = self.protocols.get(session.layout)
        if session.exam is None or protocol is None:
            return
        grid, slots = arrange(protocol, session.exam, session)
        before = {(slot.row, slot.column): slot for slot in session.slots}
        if grid != session.grid or {(slot.row, slot.column) for slot in slots} != before.keys():
            session.hang(session.layout, grid, slots)
            return
        for slot in slots:
            old = before[slot.row, slot.column]
            if old.state is not None:
                slot.state, slot.title = old.state, old.title
        session.refill(slots)

    def step(self, step: int) -> None:
        """Go to the next or previous hanging step; the ends say so."""
        session = self._session
        if session.exam is None:
            return
        steps = stages(session.exam, self.protocols, session.priors)
        target = current_stage(steps, session) + step
        if 0 <= target < len(steps):
            self.hang(steps[target])
            session.notice.emit("hint", f"Hanging step {target + 1} of {len(steps)}: {steps[target].label}")
        else:
            session.notice.emit("hint", f"This is the {'last' if step > 0 else 'first'} hanging step.")

    def activate(self, image: MammoImage) -> bool:
        """Make the viewport that shows an image the active one; return whether there is one."""
        for index, slot in enumerate(self._session.slots):
            if slot.state is not None and slot.state.image.sop_uid == image.sop_uid:
                self._session.activate(index)
                return True
        return False

    def tell_more(self) -> None:
        """Say what is doubtful about an exam, and what there is beside what hangs: priors, other images."""
        session = self._session
        if session.exam is None:
            return
        for doubt in session.exam.warnings:
            if doubt != NO_PATIENT_ID:
                session.notice.emit("warning", f"About this exam: {doubt}.")
        number = session.exam.patient_id
        alike = [one for one in session.exams if one.patient_id == number and one is not session.exam]
        if names_somebody(number) and any(not same_patient(session.exam, one) for one in alike):
            text = "Another open exam has the same patient ID but another name or birth date; it is kept apart."
            session.notice.emit("warning", text)
        hints = []
        if session.priors:
            date = session.priors[0].date
            when = f" of {date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and not session.identity_hidden else ""
            hints.append(f"There is an earlier exam{when}; “Prior beside current” hangs it too.")
        protocol = self.protocols.get(session.layout)
        whole = protocol is not None and not protocol.follows_focus  # one image alone leaves all others out
        left = len(unplaced(session.exam, session.slots)) if whole else 0
        if left:
            count = "1 more image is" if left == 1 else f"{left} more images are"
            hints.append(f"{count} in the study list and in the next hanging steps.")
        if hints:
            session.notice.emit("hint", " ".join(hints))
