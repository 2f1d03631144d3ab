"""What undo and redo put back: marks, key images, segmentations, grey values, zoom and pan, the layout.

Scrolling is no step of its own (nobody wants to undo sixty notches); a mark that comes or goes is shown at its slice.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from viewer.model.annotation.label_map import Node
from viewer.model.history import ABSENT, Values
from viewer.model.marks_model import NOTHING, ImageMarks
from viewer.model.placement import Placement
from viewer.model.viewstate import ImageState, Slot

if TYPE_CHECKING:  # the session holds this
    from viewer.model.session import LinkKey, Session


@dataclass(frozen=True)
class Hung:
    """What hangs where; two are equal when the same images hang in the same places.

    Attributes
    ----------
    places : (row, column, title, SOP instance UID or None) of each viewport.
    slots : copies of the viewports' slots, to hang them again.
    """

    layout: str
    grid: tuple[int, int]
    places: tuple[tuple[int, int, str, str | None], ...]
    maximised: int | None
    slots: tuple[Slot, ...] = field(compare=False)
    active: int = field(compare=False)


class ReaderState:
    """Reads and puts back what the reader set.

    Parameters
    ----------
    states, placements : the session's own tables; read here, and written where something is put back.
    """

    def __init__(
        self, session: Session, states: Mapping[str, ImageState], placements: dict[LinkKey, Placement]
    ) -> None:
        self._session, self._states, self._placements = session, states, placements

    def capture(self) -> Values:
        """Return everything that differs from how an exam is opened, as frozen values."""
        session = self._session
        values: dict[Hashable, object] = {("layout",): self._hung()}
        for uid, state in self._states.items():
            if state.window is not None or state.inverted or state.choice:
                values["grey", uid] = (state.window, state.inverted, state.choice)
        values.update({("place", key): placement for key, placement in self._placements.items()})
        values.update({("marks", uid): marks for uid, marks in session.marks.images.items()})
        for uid, segmentation in session.annotation.images.items():
            values["labels", uid] = segmentation.map.state
            values["label names", uid] = segmentation.names
            values["lesion notes", uid] = segmentation.remarks
        values["label classes",] = tuple(sorted(session.measuring.classes.classes.items()))
        return values

    def _hung(self) -> Hung:
        session = self._session
        uids = (slot.state.image.sop_uid if slot.state else None for slot in session.slots)
        places = tuple((slot.row, slot.column, slot.title, uid) for slot, uid in zip(session.slots, uids, strict=True))
        slots = tuple(replace(slot) for slot in session.slots)
        return Hung(session.layout, session.grid, places, session.maximised, slots, session.active)

    def restore(self, values: Values) -> None:
        """Put entries back; those of images that are gone meanwhile are left out."""
        placed = False
        for key, value in values.items():
            match key:
                case ("layout",) if isinstance(value, Hung):
                    self._hang(value)
                case ("grey", str(uid)) if uid in self._states:
                    self._set_grey(self._states[uid], value)
                case ("place", (str(side), str(view), str(unit))):
                    placed = True
                    self._set_placement((side, view, unit), value)
                case ("labels", str(uid)) if isinstance(value, Node):
                    self._set_labels(uid, value)
                case ("label names", str(uid)) if isinstance(value, tuple):
                    self._session.annotation.rename(uid, value)
                case ("lesion notes", str(uid)) if isinstance(value, tuple):
                    self._session.annotation.set_remarks(uid, value)
                case ("label classes",) if isinstance(value, tuple):
                    measuring = self._session.measuring
                    measuring.set_classes(replace(measuring.classes, classes=dict(value)))
                case ("marks", str(uid)):
                    self._set_marks(uid, value if isinstance(value, ImageMarks) else NOTHING)
                case _:
                    continue
        if placed:
            self._session.placement_changed.emit()

    def _hang(self, hung: Hung) -> None:
        session = self._session
        session.hang(hung.layout, hung.grid, [replace(slot) for slot in hung.slots])
        session.activate(hung.active)
        if hung.maximised is not None:
            session.maximised = hung.maximised
            session.layout_changed.emit()

    def _set_labels(self, uid: str, target: Node) -> None:
        slices = self._session.annotation.go_to(uid, target)
        state = self._states.get(uid)
        if state is not None and slices and state.slice_index not in slices:
            state.go_to_slice(min(slices, key=lambda index: abs(index - state.slice_index)))

    @staticmethod
    def _set_grey(state: ImageState, value: object) -> None:
        window, inverted, choice = value if isinstance(value, tuple) else (None, False, 0)
        if window != state.window:
            state.set_window(window)
        if choice != state.choice:
            state.choose_own(choice)
        if inverted != state.inverted:
            state.set_inverted(inverted)

    def _set_placement(self, link: LinkKey, value: object) -> None:
        if isinstance(value, Placement):
            self._placements[link] = value
        elif value is ABSENT:
            self._placements.pop(link, None)

    def _set_marks(self, uid: str, content: ImageMarks) -> None:
        before = self._session.marks.of(uid)
        others = {mark.slice_index for mark in set(before.marks) ^ set(content.marks) if mark.kind != "nipple"}
        others |= before.key_slices ^ content.key_slices
        self._session.marks.put(uid, content)
        state = self._states.get(uid)
        if state is not None and others and state.slice_index not in others:
            state.go_to_slice(min(others, key=lambda index: abs(index - state.slice_index)))
