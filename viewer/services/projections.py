"""Works out in a thread how segmentations are seen along the slices; what changed meanwhile is worked out again."""

from __future__ import annotations

from collections.abc import Callable

from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.linked_outlines import Projection, project
from viewer.services.asked import AskedThread

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
        self._thread = AskedThread[tuple[LabelMap, frozenset[int]]]("projections", self._project)

    def ask(self, sop_uid: str, labels: LabelMap, hidden: frozenset[int]) -> None:
        """Project the segmentation of an image without its hidden labels; an earlier question about it is dropped."""
        self._thread.ask(sop_uid, (labels, hidden))

    def close(self) -> None:
        """Stop."""
        self._thread.close()

    def _project(self, uid: str, asked: tuple[LabelMap, frozenset[int]]) -> None:
        labels, hidden = asked
        # strokes may go on meanwhile: their end asks again, and this picture stands for a moment only
        found = project(labels.planes, labels.boxes, hidden, lambda: self._thread.overtaken(uid))
        if not self._thread.overtaken(uid):
            self._post(lambda: self._done(uid, labels, found))
