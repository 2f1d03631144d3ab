"""Marks that are there: select, move, write, copy, delete."""

from __future__ import annotations

from collections.abc import Callable

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import MammoImage
from viewer.commands.conditions import needs_image
from viewer.commands.context import Context
from viewer.commands.mark_tools import tell_unseen
from viewer.commands.navigation import go_to_slice
from viewer.commands.table import command
from viewer.model.marks import MAX_TEXT, Mark, clamped, handles, moved, with_handle
from viewer.model.marks_values import MarkValues, title_of
from viewer.model.placement import stored_to_screen
from viewer.model.seen_window import mark_lines

_GROUP = "Marks"


def image_of(context: Context, sop_uid: str) -> MammoImage | None:
    """Return an image of the open exam, or of another one that hangs beside it."""
    hung = (slot.state.image for slot in context.session.slots if slot.state is not None)
    return context.session.image(sop_uid) or next((image for image in hung if image.sop_uid == sop_uid), None)


def _why_not_selected(context: Context) -> str | None:
    reason = needs_image(context)
    if reason or context.session.marks.selected_mark is not None:
        return reason
    return "no mark is selected; click one, or press {marks.next}."


def _needs_marks(context: Context) -> str | None:
    reason = needs_image(context)
    image = context.session.active_image
    if reason or image is None:
        return reason
    return None if context.session.marks.of(image.sop_uid).marks else "nothing is marked on this image."


# -- selecting -------------------------------------------------------------------------------------------------------
@command("marks.go_to", "Go to mark", group=_GROUP, why_disabled=needs_image, takes="id of a mark")
def go_to(context: Context, mark_id: str) -> None:
    """Select a mark and show the slice that it is on."""
    session, mark = context.session, context.session.marks.find(mark_id)
    if mark is None:
        return
    show_slice(context, mark.sop_uid, None if mark.kind == "nipple" else mark.slice_index)
    session.marks.set_visible(True)
    session.marks.select(mark_id)


@command("marks.show_slice", "Show slice of image", group=_GROUP, why_disabled=needs_image, takes="UID, slice or None")
def show_slice(context: Context, sop_uid: str, index: int | None) -> None:
    """Make the viewport of an image active, hang the image where none shows it, and go to a slice."""
    session, image = context.session, image_of(context, sop_uid)
    if image is None or not session.slots:
        return
    shown = [i for i, slot in enumerate(session.slots) if slot.state and slot.state.image.sop_uid == sop_uid]
    if not shown:
        session.put_image(session.active, image)
    elif session.active not in shown:
        session.activate(shown[0])
    if index is not None:
        go_to_slice(context, index)


def _step_selection(context: Context, step: int) -> None:
    session, image = context.session, context.session.active_image
    if image is None:
        return
    order = sorted(session.marks.of(image.sop_uid).marks, key=lambda mark: mark.slice_index)
    ids = [mark.id for mark in order]
    chosen = session.marks.selected
    target = (ids.index(chosen) + step) % len(ids) if chosen in ids else (0 if step > 0 else len(ids) - 1)
    go_to(context, ids[target])


@command("marks.next", "Next mark", keys="Y", group=_GROUP, why_disabled=_needs_marks)
def next_mark(context: Context) -> None:
    """Select the next mark of this image, by slice; after the last one comes the first."""
    _step_selection(context, +1)


@command("marks.previous", "Previous mark", keys="Shift+Y", group=_GROUP, why_disabled=_needs_marks)
def previous_mark(context: Context) -> None:
    """Select the mark before of this image, by slice; before the first one comes the last."""
    _step_selection(context, -1)


@command("marks.next_handle", "Next handle of the mark", keys="H", group=_GROUP, why_disabled=_why_not_selected)
def next_handle(context: Context) -> None:
    """Choose which handle of the selected mark the keys move; after the last one comes the whole mark."""
    marks = context.session.marks
    mark = marks.selected_mark
    if mark is not None:
        index = 0 if marks.handle is None else marks.handle + 1
        marks.select(mark.id, index if index < len(handles(mark)) else None)


# -- changing --------------------------------------------------------------------------------------------------------
def _screen_map(context: Context, image: MammoImage) -> PlaneMap:
    """Return stored pixels -> device pixels of the viewport that shows an image; where it lies does not matter."""
    session = context.session
    shown = [i for i, slot in enumerate(session.slots) if slot.state and slot.state.image.sop_uid == image.sop_uid]
    return stored_to_screen(image, session.placement(shown[0] if shown else session.active), 2, 2)


def _register_nudge(name: str, key: str, down: float, right: float) -> None:
    def nudge(context: Context) -> None:
        """Move the selected mark, or its chosen handle, by one pixel of the screen."""
        marks = context.session.marks
        mark = marks.selected_mark
        image = image_of(context, mark.sop_uid) if mark is not None else None
        if mark is None or image is None:
            return
        to_stored = _screen_map(context, image).inverse()
        rows, cols = (float(value) for value in to_stored.apply([down, right]) - to_stored.apply([0.0, 0.0]))
        if marks.handle is None:
            marks.replace(moved(mark, rows, cols))
        else:
            row, col = handles(mark)[marks.handle]
            to = clamped((row + rows, col + cols), image.rows, image.columns)
            marks.replace(with_handle(mark, marks.handle, to))

    register: Callable[[Callable[..., None]], Callable[..., None]] = command(
        f"marks.move_{name}",
        f"Move mark {name}",
        keys=key,
        group=_GROUP,
        why_disabled=_why_not_selected,
        repeats=True,
    )
    register(nudge)


for _name, _key, _down, _right in (
    ("left", "Alt+Shift+Left", 0.0, -1.0),
    ("right", "Alt+Shift+Right", 0.0, 1.0),
    ("up", "Alt+Shift+Up", -1.0, 0.0),
    ("down", "Alt+Shift+Down", 1.0, 0.0),
):
    _register_nudge(_name, _key, _down, _right)


@command(
    "marks.delete",
    "Delete mark",
    keys=("Del", "Backspace"),
    group=_GROUP,
    icon="trash-2",
    why_disabled=_why_not_selected,
)
def delete(context: Context) -> None:
    """Delete the selected mark."""
    mark = context.session.marks.selected_mark
    if mark is not None:
        context.session.marks.remove(mark.id)


@command("marks.edit_text", "Write on the mark", keys="Ctrl+T", group=_GROUP, why_disabled=_why_not_selected)
def edit_text(context: Context) -> None:
    """Write words beside the selected mark, or change them."""
    mark = context.session.marks.selected_mark
    if mark is not None:
        go_to(context, mark.id)
        context.session.marks.text_wanted.emit(mark)


@command("marks.write", "Write text", group=_GROUP, why_disabled=needs_image, takes="Mark, its words")
def write(context: Context, mark: Mark, text: str) -> None:
    """Give a mark its words; a text mark without words is deleted."""
    marks = context.session.marks
    text = " ".join(text.split())[:MAX_TEXT]
    written = Mark(mark.kind, mark.sop_uid, mark.slice_index, mark.points, text, mark.id)
    if mark.kind == "text" and not text:
        marks.remove(mark.id)
    elif marks.find(mark.id) is not None:
        marks.replace(written)
    else:
        marks.add(written)
        tell_unseen(context, written)


@command("marks.copy", "Copy values", keys="Ctrl+C", group=_GROUP, icon="copy", why_disabled=_needs_marks)
def copy(context: Context) -> None:
    """Copy the values of the selected mark, or of all marks of this image; nothing about the patient."""
    session, image = context.session, context.session.active_image
    chosen = session.marks.selected_mark
    chosen_on = image_of(context, chosen.sop_uid) if chosen is not None else None
    values = MarkValues(session.marks, context.frames)
    marked = [(chosen, chosen_on)] if chosen else [(mark, image) for mark in session.marks.of(_uid(image)).marks]
    blocks = [
        "\n".join((title_of(mark, on), *values.full_lines(mark, on), *mark_lines(session, mark)))
        for mark, on in marked
        if on is not None
    ]
    context.actions.copy_text("\n\n".join(blocks))
    session.notice.emit("hint", f"Copied the values of {len(blocks)} mark{'' if len(blocks) == 1 else 's'}.")


def _uid(image: MammoImage | None) -> str:
    return image.sop_uid if image is not None else ""


@command(
    "marks.toggle_visible",
    "Show marks",
    keys="Ctrl+M",
    group=_GROUP,
    icon="eye",
    why_disabled=needs_image,
    checked=lambda context: context.session.marks.visible,
)
def toggle_visible(context: Context) -> None:
    """Show or hide all marks on the images."""
    context.session.marks.set_visible(not context.session.marks.visible)
