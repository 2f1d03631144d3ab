"""Which exam was open when the window was closed, and how it hung: what is written down, and how it comes back.

Only paths that the reader opened, UIDs and numbers are kept; no names.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the settings know this module, and the session need not be imported to read them
    from viewer.model.session import Session

Record = dict[str, Any]
"""``path``, ``study``, ``layout``, ``image`` (texts), ``slots`` (UIDs) and ``slices`` (UID -> slice index)."""

_TEXTS = ("path", "study", "layout", "image")


def is_last_exam(value: object) -> bool:
    """Whether a value read from a file is a record, or empty."""
    if not isinstance(value, dict) or not value:
        return value == {}
    slices, slots = value.get("slices"), value.get("slots")
    return (
        all(isinstance(value.get(name), str) for name in _TEXTS)
        and isinstance(slots, list)
        and all(isinstance(uid, str) for uid in slots)
        and isinstance(slices, dict)
        and all(isinstance(index, int) and not isinstance(index, bool) and index >= 0 for index in slices.values())
    )


def record_of(session: Session, opened: Iterable[str]) -> Record:
    """Return the record of the open exam; empty when none is open.

    Parameters
    ----------
    opened : paths that the reader opened, newest first; the exam comes from one of them, or from its files' folder.
    """
    exam = session.exam
    files = [file for image in exam.images for file in image.files] if exam is not None else []
    if exam is None or not files:
        return {}
    holds = (path for path in opened if any(file == Path(path) or Path(path) in file.parents for file in files))
    active = session.active_image
    return {
        "path": next(holds, str(files[0].parent)),
        "study": exam.study_uid,
        "layout": session.layout,
        "image": active.sop_uid if active is not None else "",
        "slots": _hung(session),
        "slices": {image.sop_uid: session.state_of(image).slice_index for image in exam.images if image.frames > 1},
    }


def restore(session: Session, record: Record) -> None:
    """Go back to the images, the active one and the slices of a record, as far as the open exam has them."""
    for image in session.exam.images if session.exam is not None else ():
        index = record["slices"].get(image.sop_uid)
        if index is not None and index < image.frames:
            session.state_of(image).go_to_slice(index)
    hung = _hung(session)
    for place, uid in enumerate(record["slots"]):
        image_there = session.image(uid)
        if place < len(hung) and image_there is not None and hung[place] != uid:
            session.put_image(place, image_there)
    if record["image"] in (hung := _hung(session)):
        session.activate(hung.index(record["image"]))


def _hung(session: Session) -> list[str]:
    """Return the SOP instance UID in each viewport; "" for an empty one."""
    return [slot.state.image.sop_uid if slot.state is not None else "" for slot in session.slots]
