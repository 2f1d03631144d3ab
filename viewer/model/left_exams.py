"""How exams were looked at when the reader left them: slice, grey values, zoom and pan are there again on return."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from gmic_core.exam.model import MammoImage
from viewer.model.placement import LinkKey, Placement
from viewer.model.viewstate import ImageState

KEPT = 16
"""So many exams are remembered, those left last: stepping to and fro through a worklist."""

States = dict[str, ImageState]
Placements = dict[LinkKey, Placement]


class LeftExams:
    """View states of exams that are not on screen, by study."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[States, Placements]] = OrderedDict()

    def leave(self, study_uid: str, states: States, placements: Placements) -> None:
        """Remember how an exam is looked at."""
        self._kept[study_uid] = (dict(states), dict(placements))
        self._kept.move_to_end(study_uid)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)

    def come_back(
        self, study_uid: str, find: Callable[[str], MammoImage | None], states: States, placements: Placements
    ) -> None:
        """Put back what is remembered of an exam.

        Parameters
        ----------
        find : an image of the exam as it is now; one that changed (other pixels, another side) starts anew, and with it
            zoom and pan of the whole exam.
        states, placements : filled in place.
        """
        before, places = self._kept.pop(study_uid, ({}, {}))
        if any(find(uid) not in (None, state.image) for uid, state in before.items()):
            return
        states.update((uid, state) for uid, state in before.items() if find(uid) is not None)
        placements.update(places)
