"""A label map that is added to the segmentation that an image has: one more edit, undone like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gmic_core.errors import GmicError
from viewer.model.annotation.joining import Joined, join
from viewer.model.annotation.state import Names, Segmentation
from viewer.model.session import Session


@dataclass(frozen=True)
class _Wish:
    """A label map to be added; ``done`` is called on the thread of the window when it was, or could not be."""

    found: Segmentation
    present: Segmentation
    done: Callable[[], object]


class Adding:
    """Joins label maps away from the thread of the window.

    Parameters
    ----------
    submit : runs a call with its arguments in a thread.
    post : runs a call on the thread of the window.
    """

    def __init__(
        self, session: Session, submit: Callable[..., object], post: Callable[[Callable[[], None]], None]
    ) -> None:
        self._session, self._submit, self._post = session, submit, post

    def add(self, found: Segmentation, alone: Callable[[], object], done: Callable[[], object]) -> None:
        """Add a label map to the segmentation of its image; ``alone`` is called in a thread where there is none."""
        present = self._session.annotation.of(found.sop_uid)
        if present is None:
            self._submit(alone)
        else:
            self._submit(self._join, _Wish(found, present, done))

    def _join(self, wish: _Wish) -> None:
        names = wish.present.names
        try:
            joined = join(wish.present.map, names, wish.found.map, wish.found.names)
        except GmicError as error:
            self._post(partial(self._failed, wish, str(error)))
        else:
            self._post(partial(self._joined, wish, names, joined))

    def _failed(self, wish: _Wish, message: str) -> None:
        wish.done()
        self._session.notice.emit("error", message)

    def _joined(self, wish: _Wish, names: Names, joined: Joined) -> None:
        session, present, uid = self._session, wish.present, wish.found.sop_uid
        image = session.image(uid)
        if image is None or session.annotation.of(uid) is not present:
            wish.done()  # another exam, or another segmentation, was opened meanwhile
            return
        if present.map.revision != joined.revision or present.names != names:  # the annotator went on meanwhile
            self._submit(self._join, wish)
            return
        with session.history.step("Add segmentation"):
            session.annotation.commit(uid, joined.edit, written=False)
            session.annotation.rename(uid, joined.names)
        present.notes = tuple(dict.fromkeys((*present.notes, *wish.found.notes)))
        session.annotation.update(visible=True)
        wish.done()
        session.notice.emit("hint", _told(joined, f"{image.label} {image.modality}"))


def _told(joined: Joined, where: str) -> str:
    count = len(joined.numbers)
    moved = ", ".join(f"{old} is {new} now" for old, new in joined.numbers.items() if old != new)
    text = f"{count} label{'' if count == 1 else 's'} added on {where}{f' ({moved})' if moved else ''}."
    if joined.hidden:
        text += f" {joined.hidden:,} voxels had a label already and keep it."
    return text
