"""All marks and key images of what is open, which one is selected, and the tool in the reader's hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from psygnal import Signal

from viewer.model.marks import Mark, MarkKind


@dataclass(frozen=True)
class ImageMarks:
    """What is marked on one image.

    Attributes
    ----------
    marks : in the order in which they were made.
    key_slices : slices that the reader marked as key images.
    """

    marks: tuple[Mark, ...] = ()
    key_slices: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.marks or self.key_slices)


NOTHING = ImageMarks()


class MarksModel:
    """Marks by image.

    Signals
    -------
    changed(str sop_uid) : marks, key images or the draft of an image are others now.
    cleared() : another exam is opened.
    selection_changed(), tool_changed(), visibility_changed()
    text_wanted(Mark) : the reader is to write the words of this mark (which need not be kept yet).

    Attributes
    ----------
    tool : kind of mark that the next press begins, or None.
    draft : mark that is being drawn; not kept until it is whole.
    selected : id of the selected mark, or None.
    handle : handle of the selected mark that keys move; None: the whole mark.
    visible : whether marks are shown.
    """

    changed = Signal(str)
    cleared = Signal()
    selection_changed = Signal()
    tool_changed = Signal()
    visibility_changed = Signal()
    text_wanted = Signal(object)

    def __init__(self) -> None:
        self._images: dict[str, ImageMarks] = {}
        self.tool: MarkKind | None = None
        self.draft: Mark | None = None
        self.selected: str | None = None
        self.handle: int | None = None
        self.visible = True

    # -- what there is -------------------------------------------------------------------------------------------
    def of(self, sop_uid: str) -> ImageMarks:
        """Return what is marked on an image."""
        return self._images.get(sop_uid, NOTHING)

    @property
    def images(self) -> dict[str, ImageMarks]:
        """Everything, by SOP instance UID; a copy."""
        return dict(self._images)

    def find(self, mark_id: str | None) -> Mark | None:
        """Return a mark by its id."""
        every = (mark for image in self._images.values() for mark in image.marks)
        return next((mark for mark in every if mark.id == mark_id), None)

    @property
    def selected_mark(self) -> Mark | None:
        """Return the selected mark."""
        return self.find(self.selected) if self.selected is not None else None

    def nipple(self, sop_uid: str) -> Mark | None:
        """Return the nipple that the reader placed on an image."""
        return next((mark for mark in self.of(sop_uid).marks if mark.kind == "nipple"), None)

    # -- changes -------------------------------------------------------------------------------------------------
    def put(self, sop_uid: str, content: ImageMarks) -> None:
        """Replace everything that is marked on an image."""
        if content == self.of(sop_uid):
            return
        self._images[sop_uid] = content
        if not content:
            del self._images[sop_uid]
        if self.selected is not None and self.find(self.selected) is None:
            self.select(None)
        self.changed.emit(sop_uid)

    def _put_marks(self, sop_uid: str, marks: Iterable[Mark]) -> None:
        self.put(sop_uid, ImageMarks(tuple(marks), self.of(sop_uid).key_slices))

    def add(self, mark: Mark) -> None:
        """Keep a mark and select it; an image has one nipple."""
        before = self.of(mark.sop_uid).marks
        if mark.kind == "nipple":
            before = tuple(other for other in before if other.kind != "nipple")
        self._put_marks(mark.sop_uid, (*before, mark))
        self.select(mark.id)

    def replace(self, mark: Mark) -> None:
        """Put a mark in the place of the one with its id."""
        before = self.of(mark.sop_uid).marks
        self._put_marks(mark.sop_uid, (mark if other.id == mark.id else other for other in before))

    def remove(self, mark_id: str) -> None:
        """Delete a mark."""
        mark = self.find(mark_id)
        if mark is not None:
            marks = self.of(mark.sop_uid).marks
            self._put_marks(mark.sop_uid, (other for other in marks if other.id != mark_id))

    def toggle_key_slice(self, sop_uid: str, slice_index: int) -> bool:
        """Make a slice a key image, or an ordinary one again; return whether it is one now."""
        before = self.of(sop_uid)
        self.put(sop_uid, ImageMarks(before.marks, before.key_slices ^ {slice_index}))
        return slice_index in self.of(sop_uid).key_slices

    def clear(self) -> None:
        """Forget everything: another exam is opened. What is kept between runs stays kept."""
        self.choose_tool(None)
        self.drop_draft()
        self.select(None)
        self._images.clear()
        self.cleared.emit()

    # -- the reader's hand ---------------------------------------------------------------------------------------
    def choose_tool(self, kind: MarkKind | None) -> None:
        """Take a tool, or lay it down (None)."""
        if kind != self.tool:
            self.drop_draft()
            self.tool = kind
            self.tool_changed.emit()

    def set_draft(self, mark: Mark) -> None:
        """Show a mark that is being drawn."""
        self.draft = mark
        self.changed.emit(mark.sop_uid)

    def drop_draft(self) -> None:
        """Forget the mark that is being drawn."""
        draft, self.draft = self.draft, None
        if draft is not None:
            self.changed.emit(draft.sop_uid)

    def select(self, mark_id: str | None, handle: int | None = None) -> None:
        """Select a mark (None: nothing), and the handle that keys move."""
        if (mark_id, handle) != (self.selected, self.handle):
            self.selected, self.handle = mark_id, handle
            self.selection_changed.emit()

    def set_visible(self, visible: bool) -> None:
        """Show or hide all marks."""
        if visible != self.visible:
            self.visible = visible
            self.visibility_changed.emit()

    def escape(self) -> bool:
        """Leave one thing: the mark being drawn, then the tool, then the selection; return whether there was one."""
        if self.draft is not None:
            self.drop_draft()
        elif self.tool is not None:
            self.choose_tool(None)
        elif self.selected is not None:
            self.select(None)
        else:
            return False
        return True
