"""Lists the lesions of segmentations in a thread, label by label; what was asked for again meanwhile is begun anew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.lesion_list import LesionFinder, LesionRow, Spacing

log = logging.getLogger(__name__)

Done = Callable[[str, LabelMap, int, tuple[LesionRow, ...]], None]


class LesionLister:
    """Works out what the panel lists. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    done : gets SOP UID, map, its revision and the lesions, on the GUI thread.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], done: Done) -> None:
        self._post, self._done = post, done
        self._change = threading.Condition()
        self._asked: dict[str, tuple[LabelMap, Spacing, frozenset[int]]] = {}
        self._finders: dict[str, tuple[LabelMap, LesionFinder]] = {}
        self._closed = False
        self._thread: threading.Thread | None = None

    def ask(self, sop_uid: str, labels: LabelMap, spacing: Spacing, changed: frozenset[int]) -> None:
        """List the lesions of an image; ``changed`` are the labels that may be others than at the last call."""
        with self._change:
            before = self._asked.get(sop_uid)
            if before is not None and before[0] is labels:
                changed |= before[2]
            self._asked[sop_uid] = (labels, spacing, changed)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="lesions", daemon=True)
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
                uid, (labels, spacing, changed) = self._asked.popitem()
            self._find(uid, labels, spacing, changed)

    def _find(self, uid: str, labels: LabelMap, spacing: Spacing, changed: frozenset[int]) -> None:
        known = self._finders.get(uid)
        if known is None or known[0] is not labels:
            self._finders = {uid: (labels, LesionFinder(labels.shape, spacing))} | {
                other: kept for other, kept in self._finders.items() if other != uid
            }
        # strokes may go on meanwhile: then it is asked for again, and this list stands for a moment only
        revision, planes = labels.revision, labels.planes
        rows = self._finders[uid][1].find(planes, frozenset(labels.counts), changed, lambda: self._again(uid, changed))
        if rows is not None:
            self._post(lambda: self._done(uid, labels, revision, rows))

    def _again(self, uid: str, changed: frozenset[int]) -> bool:
        """Whether this image was asked about again; what had changed is not forgotten then."""
        with self._change:
            asked = self._asked.get(uid)
            if asked is not None:
                self._asked[uid] = (asked[0], asked[1], asked[2] | changed)
            return self._closed or asked is not None
