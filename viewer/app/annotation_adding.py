"""A label map that is added to the segmentation that an image has: one more edit, undone like any other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial

from gmic_core.errors import GmicError
from viewer.model.annotation.joining import Joined, join
from viewer.model.annotation.state import Names, Segmentation
from viewer.model.session import Session


class Adding:
    """Joins label maps away from the thread of the window.

    Parameters
    ----------
    threads : runs what takes long.
    post : runs a call on the thread of the window.
    """

    def __init__(self, session: Session, threads: Executor, post: Callable[[Callable[[], None]], None]) -> None:
        self._session, self._threads, self._post = session, threads, post

    def add(self, found: Segmentation, alone: Callable[[], object]) -> None:
        """Add a label map to the segmentation of its image; ``alone`` is called in a thread where there is none."""
        present = self._session.annotation.of(found.sop_uid)
        if present is None:
            self._threads.submit(alone)
        else:
            self._threads.submit(self._join, present, found)

    def _join(self, present: Segmentation, found: Segmentation) -> None:
        names = present.names
        try:
            joined = join(present.map, names, found.map, found.names)
        except GmicError as error:
            message = str(error)
            self._post(lambda: self._session.notice.emit("error", message))
            return
        self._post(partial(self._joined, present, names, found, joined))

    def _joined(self, present: Segmentation, names: Names, found: Segmentation, joined: Joined) -> None:
        session = self._session
        image = session.image(found.sop_uid)
        if image is None or session.annotation.of(found.sop_uid) is not present:
            return  # another exam, or another segmentation, was opened meanwhile
        if present.map.revision != joined.revision or present.names != names:  # the annotator went on meanwhile
            self._threads.submit(self._join, present, found)
            return
        with session.history.step("Add segmentation"):
            session.annotation.commit(found.sop_uid, joined.edit, written=False)
            session.annotation.rename(found.sop_uid, joined.names)
        present.notes = tuple(dict.fromkeys((*present.notes, *found.notes)))
        session.annotation.update(visible=True)
        session.notice.emit("hint", _told(joined, f"{image.label} {image.modality}"))


def _told(joined: Joined, where: str) -> str:
    count = len(joined.numbers)
    moved = ", ".join(f"{old} is {new} now" for old, new in joined.numbers.items() if old != new)
    text = f"{count} label{'' if count == 1 else 's'} added on {where}{f' ({moved})' if moved else ''}."
    if joined.hidden:
        text += f" {joined.hidden:,} voxels had a label already and keep it."
    return text
