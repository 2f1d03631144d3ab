"""Results to and from the store, in a thread of its own: the disk never holds up the window."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from gmic_core.errors import GmicError
from gmic_core.exam import image_key
from gmic_core.exam.model import MammoImage
from gmic_core.inference.choice import model_with_weights
from gmic_core.inference.execution.modes import suits
from gmic_core.inference.weights_key import is_of, joint_key
from gmic_core.types import ImageResult
from viewer.model.session import Session
from viewer.services.protocol import Task
from viewer.services.store import ResultStore

log = logging.getLogger(__name__)

Post = Callable[[Callable[[], None]], None]
Weights = Mapping[str, tuple[str, ...]]
"""Weight references of each network."""


class KeptResults:
    """Keeps what the worker finished, and shows it again when its exam is opened."""

    def __init__(self, session: Session, store: ResultStore, post: Post) -> None:
        self._session, self._store, self._post = session, store, post
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="gmic-results")
        self._opened: dict[str, str] = {}  # stamps of files as they were when their exam was opened

    def forget(self) -> None:
        """Another exam is on screen."""
        self._opened.clear()

    def stamp_of(self, image: MammoImage) -> str:
        """Return the stamp of the files that an image on screen was read from; of others, of what is there now."""
        return self._opened.get(image.sop_uid) or image_key.stamp(image)

    def keep(self, task: Task, result: ImageResult) -> None:
        """Write a finished result; the reader is told when that fails."""
        self._disk.submit(self._guarded, lambda: self._save(task, result))

    def restore(
        self,
        images: Iterable[MammoImage],
        weights: Weights,
        done: Callable[[], None] | None = None,
        device: str = "auto",
    ) -> None:
        """Show the kept results of these images that were made with the chosen weights, unless the exam changes.

        Parameters
        ----------
        device : one of :data:`gmic_core.inference.execution.modes.PLACES`; where it asks for the exact mode, results
            of the fast one stay away.
        done : called on the GUI thread when all are shown, or there were none.
        """
        wanted, exam = list(images), self._session.exam

        def show(found: list[ImageResult], stamps: dict[str, str]) -> None:
            if self._session.exam is exam:
                self._opened = {**stamps, **self._opened}
                for result in found:
                    self._session.results.restore(result)
            if done is not None:
                done()

        def load() -> None:
            found: list[ImageResult] = []
            stamps = {image.sop_uid: image_key.stamp(image) for image in wanted}
            try:
                found = [one for one in self._load(wanted, weights) if suits(one.provenance.mode, device)]
            finally:
                self._post(lambda: show(found, stamps))

        self._disk.submit(self._guarded, load)

    def close(self) -> None:
        """Finish what is being written."""
        self._disk.shutdown(wait=True)

    # -- in the disk's thread ------------------------------------------------------------------------------------
    def _load(self, images: list[MammoImage], weights: Weights) -> list[ImageResult]:
        keys = {model: joint_key(tuple(refs)) for model, refs in weights.items()}
        wanted = {}
        for image in images:
            model = model_with_weights(image.modality, weights)
            if model is not None and keys.get(model):
                wanted[image.sop_uid] = (model, keys[model])
        return self._store.load_exam(images, wanted)

    def _save(self, task: Task, result: ImageResult) -> None:
        key = joint_key(task.refs)
        if not key or not is_of(key, task.refs, result.provenance.weights_sha256):
            return  # the weight file changed while the network ran: its result belongs to no file any more
        try:
            self._store.save(task.image, key, result, task.stamp)
        except GmicError as error:
            text = str(error)
            self._post(lambda: self._session.notice.emit("warning", text))

    @staticmethod
    def _guarded(work: Callable[[], None]) -> None:
        """Log what nobody expected; a future that nobody asks would swallow it."""
        try:
            work()
        except Exception:
            log.exception("a result could not be kept or restored")
