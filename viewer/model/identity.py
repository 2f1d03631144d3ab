"""Takes out of messages what may tell whose exam it is: names, numbers, and paths (often named after patients)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from viewer.model.session import Session

HIDDEN = "[hidden]"
SHORTEST = 3
"""Shorter names and numbers are left: taking every "A" out of a sentence would leave nothing to read."""

_PATH = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[\\/][^\s\"'<>|,;()]*[^\s\"'<>|,;().:]")
_TWICE = re.compile(rf"(?:{re.escape(HIDDEN)}){{2,}}")  # a folder and what lies in it
_URL = re.compile(r"\bhttps?://\S+")


def without_identity(text: str, session: Session) -> str:
    """Return a message without the names, numbers and paths of the exams and files that are known."""
    for word in sorted(set(_words(session)), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", HIDDEN, text, flags=re.IGNORECASE)
    text = _PATH.sub(HIDDEN, text) if not _URL.search(text) else text
    return _TWICE.sub(HIDDEN, text)


def shown_message(text: str, session: Session) -> str:
    """Return a message as it may be shown now."""
    return without_identity(text, session) if session.identity_hidden else text


def _words(session: Session) -> Iterator[str]:
    exams = [*session.exams, *([session.exam] if session.exam else [])]
    for exam in exams:
        # nobody is named in a simulated one, and its "name" is made of words that messages need
        parts = [] if exam.simulated else re.split(r"[\^=\s]+", exam.patient_name)
        yield from (word for word in (*parts, exam.patient_id) if len(word) >= SHORTEST)
        for image in exam.images:
            for path in image.files[:1]:  # of a series: the folder says it
                yield from (str(path), path.name, str(path.parent))
    for rejection in session.rejected:
        yield from (str(rejection.path), rejection.path.name, str(rejection.path.parent))
