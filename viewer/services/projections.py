"""Works out in a thread how segmentations are seen along the slices; what changed meanwhile is worked out again."""

from __future__ import annotations

import threading
from collections.abc import Callable

from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.linked_outlines import Projection, project

Done = Callable[[str, LabelMap, Projection | None], None]


class Projector:
    """Projects segmentations, the last one asked for first. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    done : gets SOP UID, map and how it is seen along the slices, on the GUI thread.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], done: Done) -> None:
        self._post, self._done = post, done
        self._change = threading.Condition()
        self._asked: dict[str, tuple[LabelMap, frozenset[int]]] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, sop_uid: str, labels: LabelMap, hidden: frozenset[int]) -> None:
        """Project the segmentation of an image without its hidden labels; an earlier question about it is dropped."""
        with self._change:
            self._asked[sop_uid] = (labels, hidden)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="projections", daemon=True)
                self._thread.start()
            self._change.notify()

    def close(self) -> None:
        """Stop."""
        with self._change:
            self._closed = True
            self._change.notify()
        if self._thread is not None:
            self._thread.join(3.0)

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._asked or self._closed)
                if self._closed:
                    return
                uid, (labels, hidden) = self._asked.popitem()
            self._project(uid, labels, hidden)

    def _project(self, uid: str, labels: LabelMap, hidden: frozenset[int]) -> None:
        # strokes may go on meanwhile: their end asks again, and this picture stands for a moment only
        found = project(labels.planes, labels.boxes, hidden, lambda: self._again(uid))
        if not self._again(uid):
            self._post(lambda: self._done(uid, labels, found))

    def _again(self, uid: str) -> bool:
        with self._change:
            return self._closed or uid in self._asked
