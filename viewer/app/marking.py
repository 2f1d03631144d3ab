"""Brings kept marks back when an image comes, and keeps every change at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from gmic_core.errors import GmicError
from gmic_core.exam.model import MammoImage
from viewer.model.marks_model import ImageMarks
from viewer.model.session import Session
from viewer.services.marks import MarkStore, image_key


class Marking:
    """Connects the marks of the session with the store.

    Parameters
    ----------
    post : runs a call on the thread of the window.
    remember : whether marks are kept between runs; snapshots leave no trace.
    """

    # What is loaded while a reader's action runs (a prior exam is hung, say) is no part of that action: undoing it must
    # not take kept marks away.

    def __init__(self, session: Session, post: Callable[[Callable[[], None]], None], *, remember: bool = True) -> None:
        def tell(message: str) -> None:
            post(lambda: session.notice.emit("warning", message))

        self._session = session
        store = self._store = MarkStore(tell) if remember else None
        self._keys: dict[str, str] = {}
        self._loading = False
        if store is None:
            return
        session.marks.cleared.connect(self._forget)
        session.marks.changed.connect(self._changed)
        for signal in (session.exam_changed, session.exams_changed, session.layout_changed):
            signal.connect(self._look_for_images, check_nargs=False)

    def _forget(self) -> None:
        self._keys.clear()

    def _look_for_images(self, *_: object) -> None:
        """Load the marks of images that came: of the open exam, and of others that hang beside it."""
        session, store = self._session, self._store
        images = {image.sop_uid: image for image in (session.exam.images if session.exam else ())}
        images.update({slot.state.image.sop_uid: slot.state.image for slot in session.slots if slot.state is not None})
        new = [image for uid, image in images.items() if uid not in self._keys]
        if not new or store is None:
            return
        keys = {image.sop_uid: image_key(image) for image in new}
        try:
            found = store.load(list(keys.values()))
        except GmicError as error:
            # what cannot be read must not be written over by an image that seems to have no marks
            self._keys.update(dict.fromkeys(keys, ""))
            session.notice.emit("warning", str(error))
            return
        self._keys.update(keys)
        self._loading = True
        for image in new:
            content = found.get(self._keys[image.sop_uid])
            if content is not None:
                session.marks.put(image.sop_uid, _of_image(content, image))
        self._loading = False
        session.history.accept([("marks", image.sop_uid) for image in new])

    def _changed(self, sop_uid: str) -> None:
        key = self._keys.get(sop_uid)
        if key and self._store is not None and not self._loading:
            self._store.save(key, self._session.marks.of(sop_uid))

    def close(self) -> None:
        """Write what waits."""
        if self._store is not None:
            self._store.close()


def _of_image(content: ImageMarks, image: MammoImage) -> ImageMarks:
    """Return kept marks as those of an image; what lies on slices that it does not have is left out."""
    marks = tuple(replace(mark, sop_uid=image.sop_uid) for mark in content.marks if mark.slice_index < image.frames)
    return ImageMarks(marks, frozenset(index for index in content.key_slices if index < image.frames))
