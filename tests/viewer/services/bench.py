"""A session with an inference client on it, and what the reader was told."""

from __future__ import annotations

import psutil

from gmic_core.exam.model import Exam, MammoImage
from tests.helpers.gui_thread import FakeGuiThread
from viewer.model.session import Session
from viewer.services.inference import InferenceClient
from viewer.services.store import ResultStore


class Bench:
    """Everything between a click on "Run AI" and a result, without a window."""

    def __init__(self, post: FakeGuiThread, exam: Exam, folder, **options) -> None:
        self.post, self.exam = post, exam
        self.session = Session()
        self.session.open_exam(exam)
        self.store = ResultStore(folder)
        self.client = InferenceClient(self.session, self.store, post, **options)
        self.notices: list[tuple[str, str]] = []
        self.slices: list[tuple[str, int]] = []
        self.states: list[str] = []
        self.session.notice.connect(lambda level, text: self.notices.append((level, text)))
        self.session.results.slice_arrived.connect(lambda uid, k: self.slices.append((uid, k)))
        self.session.ai_changed.connect(lambda: self.states.append(self.session.ai.state))

    def images(self, modality: str) -> list[MammoImage]:
        """Return the exam's images of a modality."""
        return [image for image in self.exam.images if image.modality == modality]

    def entry(self, image: MammoImage):
        """Return what the session knows of an image."""
        return self.session.results.get(image.sop_uid)

    def status(self, image: MammoImage) -> str:
        """Return the status of an image, "none" when there is no entry."""
        entry = self.entry(image)
        return entry.status if entry else "none"

    def wait(self, image: MammoImage, *statuses: str, timeout: float = 90.0) -> None:
        """Run the GUI thread until an image has one of these states."""
        self.post.run_until(lambda: self.status(image) in statuses, timeout)

    def wait_state(self, state: str, timeout: float = 30.0) -> None:
        """Run the GUI thread until the worker has a state."""
        self.post.run_until(lambda: self.session.ai.state == state, timeout)


def spawned() -> list[psutil.Process]:
    """Return the living processes below this one that multiprocessing spawned (not its resource tracker)."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if "spawn_main" in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found
