"""Editing segmentations: strokes, polygons, filling between slices, labels; going from lesion to lesion."""

from __future__ import annotations

from dataclasses import replace

from gmic_core.exam.geometry import Box
from gmic_core.exam.model import MammoImage
from gmic_core.segmentation.label_descriptions import LabelDescription, default_description
from gmic_core.segmentation.voxels import MAX_LABEL
from viewer.commands.annotation import (
    GROUP,
    active_segmentation,
    needs_mode,
    needs_mode_and_segmentation,
    needs_segmentation,
)
from viewer.commands.conditions import needs_exam
from viewer.commands.context import Context
from viewer.commands.marks import show_slice
from viewer.commands.table import command
from viewer.commands.zoom import one_to_one_scale
from viewer.model.annotation.edits import Edit
from viewer.model.annotation.lesion_list import LesionRow
from viewer.model.annotation.place import image_shape
from viewer.model.annotation.shapes import Filled, fill_polygon
from viewer.model.annotation.state import Segmentation
from viewer.model.linked import Cursor
from viewer.model.placement import Placement, view_mm_map

LESION_SHARE = 0.25
"""Of the viewport: what a lesion takes at least when it is jumped to, short of one pixel per stored pixel."""
MAX_NAME = 80


# -- strokes and fills -----------------------------------------------------------------------------------------------
@command("annotate.stroke", "Paint stroke", group=GROUP, why_disabled=needs_mode, takes="UID, Edit that is painted")
def stroke(context: Context, sop_uid: str, edit: Edit) -> None:
    """Keep a stroke that was painted."""
    context.session.annotation.commit(sop_uid, edit, written=True)


@command("annotate.polygon_to", "Draw polygon", group=GROUP, why_disabled=needs_mode, takes="UID, slice, place")
def polygon_to(context: Context, sop_uid: str, index: int, place: tuple[float, float]) -> None:
    """Go on with the polygon; on another image or slice another one begins."""
    annotation = context.session.annotation
    drawn = annotation.polygon
    before = drawn[2] if drawn is not None and drawn[:2] == (sop_uid, index) else ()
    annotation.set_polygon((sop_uid, index, (*before, place)))


def _needs_polygon(context: Context) -> str | None:
    reason = needs_mode(context)
    drawn = context.session.annotation.polygon
    if reason or (drawn is not None and len(drawn[2]) > 2):
        return reason
    return "no polygon of three corners is drawn; choose {annotate.tool_polygon} and click its corners."


@command("annotate.close_polygon", "Fill polygon", keys=("Return", "Enter"), group=GROUP, why_disabled=_needs_polygon,
         annotating=True)  # fmt: skip
def close_polygon(context: Context) -> None:
    """Fill the polygon that is being drawn with the active label."""
    session = context.session
    annotation, drawn = session.annotation, session.annotation.polygon
    image = session.image(drawn[0]) if drawn is not None else None
    if drawn is None or image is None:
        return
    segmentation = annotation.begin(image.sop_uid, image_shape(image))
    edit = fill_polygon(segmentation.map, drawn[1], drawn[2], annotation.settings.ink)
    annotation.set_polygon(None)
    annotation.commit(image.sop_uid, edit, written=False)
    if not edit.patches:
        session.notice.emit("hint", "The polygon changes nothing: it is too small, or must not be painted over.")


def _needs_corner(context: Context) -> str | None:
    reason = needs_mode(context)
    if reason or context.session.annotation.polygon is not None:
        return reason
    return "no polygon is being drawn; choose {annotate.tool_polygon}."


@command("annotate.polygon_back", "Take back a corner", keys=("Backspace", "Del"), group=GROUP,
         why_disabled=_needs_corner, repeats=True, annotating=True)  # fmt: skip
def polygon_back(context: Context) -> None:
    """Take the last corner of the polygon back."""
    annotation = context.session.annotation
    drawn = annotation.polygon
    if drawn is not None:
        annotation.set_polygon((drawn[0], drawn[1], drawn[2][:-1]) if len(drawn[2]) > 1 else None)


def _needs_volume(context: Context) -> str | None:
    reason = needs_mode_and_segmentation(context)
    image = context.session.active_image
    if reason or image is None:
        return reason
    return None if image.frames > 1 else f"{image.label} {image.modality} has one slice; nothing lies between slices."


@command("annotate.interpolate", "Fill between slices", keys="I", group=GROUP, icon="layers",
         why_disabled=_needs_volume, annotating=True)  # fmt: skip
def interpolate(context: Context) -> None:
    """Fill the slices between drawn ones: the outline of the active label changes steadily from one to the next."""
    context.actions.annotations.fill_between()


@command("annotate.filled", "Fill between slices", group=GROUP, why_disabled=needs_exam, takes="UID, label, Filled")
def filled(context: Context, sop_uid: str, label: int, filled: Filled) -> None:
    """Take what was filled between slices; the segmentation must be as it was when that began."""
    session, found = context.session, context.session.annotation.of(sop_uid)
    if found is None:
        return
    name = found.name(label).name
    session.annotation.commit(found.sop_uid, filled.edit, written=False)
    if not filled.slices:
        text = f"Nothing to fill: “{name}” has no gap between two drawn slices."
    else:
        text = f"Filled {filled.slices} slice{'s' if filled.slices > 1 else ''} of “{name}”."
    if filled.alone:
        outlines = "outline has" if filled.alone == 1 else "outlines have"
        text += f" {filled.alone} {outlines} nothing over it on the next drawn slice and was left alone."
    session.notice.emit("hint", text)


# -- labels ----------------------------------------------------------------------------------------------------------
@command("annotate.label", "Active label", group=GROUP, why_disabled=needs_mode, takes="number of a label")
def set_label(context: Context, label: int) -> None:
    """Paint with this label from now on."""
    context.session.annotation.update(label=label)


def _step_label(context: Context, step: int) -> None:
    annotation, found = context.session.annotation, active_segmentation(context)
    numbers = [entry.index for entry in found.labels] if found is not None else [1]
    now = annotation.settings.label
    order = numbers or [1]
    target = order[(order.index(now) + step) % len(order)] if now in order else order[0]
    annotation.update(label=target)
    name = found.name(target).name if found is not None else default_description(target).name
    context.session.notice.emit("hint", f"Active label: {target} {name}")


@command("annotate.previous_label", "Previous label", keys=(",", "<"), group=GROUP, why_disabled=needs_mode,
         annotating=True)  # fmt: skip
def previous_label(context: Context) -> None:
    """Make the label before the active one; before the first one comes the last."""
    _step_label(context, -1)


@command("annotate.next_label", "Next label", keys=(".", ">"), group=GROUP, why_disabled=needs_mode, annotating=True)
def next_label(context: Context) -> None:
    """Make the label after the active one; after the last one comes the first."""
    _step_label(context, +1)


@command("annotate.new_label", "New label", group=GROUP, icon="file-plus", why_disabled=needs_mode)
def new_label(context: Context) -> None:
    """Add a label with the next free number and paint with it."""
    session, image = context.session, context.session.active_image
    if image is None:
        return
    found = session.annotation.begin(image.sop_uid, image_shape(image))
    taken = {entry.index for entry in found.labels}
    number = next((n for n in range(1, MAX_LABEL + 1) if n not in taken), None)
    if number is None:
        session.notice.emit("hint", f"There is no free number: labels end at {MAX_LABEL:,}.")
        return
    session.annotation.describe(image.sop_uid, default_description(number))
    session.annotation.update(label=number)


@command("annotate.describe", "Describe label", group=GROUP, why_disabled=needs_segmentation,
         takes="LabelDescription")  # fmt: skip
def describe(context: Context, entry: LabelDescription) -> None:
    """Give a label another name, colour or visibility."""
    found = active_segmentation(context)
    if found is not None:
        name = " ".join(entry.name.split())[:MAX_NAME] or default_description(entry.index).name
        context.session.annotation.describe(found.sop_uid, replace(entry, name=name))


@command("annotate.over", "Paint over", group=GROUP, why_disabled=needs_mode, takes="number of a label, or None")
def set_over(context: Context, label: int | None) -> None:
    """Paint over this label only (0: what is clear), or over everything."""
    context.session.annotation.update(over=label)


def _pointed(context: Context) -> tuple[Cursor, int, tuple[int, int]] | None:
    """Return the cursor, the slice and the stored pixel that it points at."""
    session = context.session
    cursor = session.links.cursor
    image = session.image(cursor.sop_uid) if cursor is not None else None
    if cursor is None or image is None:
        return None
    row, column = view_mm_map(image).inverse().apply([cursor.down, cursor.depth])
    return cursor, session.state_of(image).slice_index, (round(float(row)), round(float(column)))


def _needs_cursor(context: Context) -> str | None:
    reason = needs_mode(context)
    if reason or context.session.links.cursor is not None:
        return reason
    return "nothing is pointed at; move the mouse over an image."


@command("annotate.pick", "Pick label under the cursor", keys="P", group=GROUP, why_disabled=_needs_cursor,
         annotating=True)  # fmt: skip
def pick(context: Context) -> None:
    """Make the label under the mouse, or under the linked cursor, the active one."""
    found = _pointed(context)
    if found is not None:
        pick_at(context, found[0].sop_uid, found[1], found[2])


@command("annotate.pick_at", "Pick label", group=GROUP, why_disabled=needs_mode, takes="UID, slice, pixel")
def pick_at(context: Context, sop_uid: str, index: int, pixel: tuple[int, int]) -> None:
    """Make the label of a pixel the active one."""
    session = context.session
    found = session.annotation.of(sop_uid)
    label = found.map.label_at(index, *pixel) if found is not None else 0
    if found is None or label == 0:
        session.notice.emit("hint", "There is no label there; the active label stays.")
        return
    session.annotation.update(label=label)
    session.notice.emit("hint", f"Active label: {label} {found.name(label).name}")


@command("annotate.centre", "Centre on the cursor", keys="C", group=GROUP, why_disabled=_needs_cursor, annotating=True)
def centre(context: Context) -> None:
    """Move the image so that what the mouse points at comes to the middle."""
    session, found = context.session, _pointed(context)
    if found is not None:
        cursor = found[0]
        now = session.placement(cursor.index)
        session.place(cursor.index, replace(now, mode="free", down=cursor.down, depth=cursor.depth))


# -- lesions ---------------------------------------------------------------------------------------------------------
def _needs_lesions(context: Context) -> str | None:
    reason = needs_segmentation(context)
    found = active_segmentation(context)
    if reason or (found is not None and found.lesions):
        return reason
    return "the segmentation of this image holds no lesion."


@command("annotate.go_to_lesion", "Go to lesion", group=GROUP, why_disabled=needs_segmentation, takes="LesionRow")
def go_to_lesion(context: Context, row: LesionRow) -> None:
    """Show the slice where a lesion is largest, with the lesion in the middle."""
    found = active_segmentation(context)
    if found is not None:
        _show(context, found, row)


def _show(context: Context, found: Segmentation, row: LesionRow) -> None:
    session, image = context.session, context.session.image(found.sop_uid)
    if image is None:
        return
    show_box(context, image, row.best_slice, row.box)
    session.annotation.update(visible=True)
    session.annotation.show_lesion(found.sop_uid, row)


def show_box(context: Context, image: MammoImage, slice_index: int, box: Box) -> None:
    """Show a slice with a box (row0, col0, row1, col1) of stored pixels in the middle, large enough to be seen."""
    session = context.session
    show_slice(context, image.sop_uid, slice_index)
    to_mm = view_mm_map(image)
    top, left, bottom, right = box
    corners = to_mm.apply([[top - 0.5, left - 0.5], [bottom - 0.5, right - 0.5]])
    down, depth = (float(value) for value in corners.mean(axis=0))
    across = float(abs(corners[1] - corners[0]).max())
    now = session.placement(session.active)
    wanted = min(LESION_SHARE * min(session.viewport_size(session.active)) / across, one_to_one_scale(image))
    session.place(session.active, Placement("free", max(now.scale, wanted), down, depth))


def _step_lesion(context: Context, step: int) -> None:
    found = active_segmentation(context)
    if found is None or not found.lesions:
        return
    rows, shown = list(found.lesions), context.session.annotation.shown_lesion
    at = next((k for k, row in enumerate(rows) if shown == (found.sop_uid, row.label, row.id)), None)
    target = (0 if step > 0 else len(rows) - 1) if at is None else (at + step) % len(rows)
    _show(context, found, rows[target])


@command("annotate.next_lesion", "Next lesion", keys="N", group=GROUP, why_disabled=_needs_lesions, annotating=True)
def next_lesion(context: Context) -> None:
    """Go to the next lesion of the list; after the last one comes the first."""
    _step_lesion(context, +1)


@command("annotate.previous_lesion", "Previous lesion", keys="Shift+N", group=GROUP, why_disabled=_needs_lesions,
         annotating=True)  # fmt: skip
def previous_lesion(context: Context) -> None:
    """Go to the lesion before in the list; before the first one comes the last."""
    _step_lesion(context, -1)
