"""Lists the lesions of segmentations in a thread, label by label; what was asked for again meanwhile is begun anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.lesion_list import LesionFinder, LesionRow, Spacing
from viewer.services.asked import AskedThread

Done = Callable[[str, LabelMap, int, tuple[LesionRow, ...]], None]


@dataclass(frozen=True, eq=False)
class _Question:
    """Which labels of a map may be others than when it was listed last."""

    labels: LabelMap
    spacing: Spacing
    changed: frozenset[int]


def _both(before: _Question, now: _Question) -> _Question:
    same = before.labels is now.labels
    return replace(now, changed=now.changed | before.changed) if same else now


class LesionLister:
    """Works out what the panel lists. All methods are called on the GUI thread.

    Parameters
    ----------
    post : runs a callable on the GUI thread.
    done : gets SOP UID, map, its revision and the lesions, on the GUI thread.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], done: Done) -> None:
        self._post, self._done = post, done
        self._thread = AskedThread[_Question]("lesions", self._find, _both)
        self._finders: dict[str, tuple[LabelMap, LesionFinder]] = {}

    def ask(self, sop_uid: str, labels: LabelMap, spacing: Spacing, changed: frozenset[int]) -> None:
        """List the lesions of an image; ``changed`` are the labels that may be others than at the last call."""
        self._thread.ask(sop_uid, _Question(labels, spacing, changed))

    def close(self) -> None:
        """Stop."""
        self._thread.close()

    def _find(self, uid: str, asked: _Question) -> None:
        labels = asked.labels
        known = self._finders.get(uid)
        if known is None or known[0] is not labels:
            self._finders = {uid: (labels, LesionFinder(labels.shape, asked.spacing))} | {
                other: kept for other, kept in self._finders.items() if other != uid
            }
        # strokes may go on meanwhile: then it is asked for again, and this list stands for a moment only
        revision, planes = labels.revision, labels.planes
        finder = self._finders[uid][1]
        rows = finder.find(planes, frozenset(labels.counts), asked.changed, lambda: self._thread.overtaken(uid, asked))
        if rows is not None:
            self._post(lambda: self._done(uid, labels, revision, rows))
