"""Lesions as the annotator knows them: notes, and all of them as a table."""

from __future__ import annotations

from viewer.commands.annotation import GROUP, needs_segmentation
from viewer.commands.conditions import needs_exam
from viewer.commands.context import Context
from viewer.commands.table import command


def _shown(context: Context) -> tuple[str, int] | None:
    """Return (SOP UID, number) of the lesion of the active image that was gone to last."""
    session = context.session
    image, shown = session.active_image, session.annotation.shown_lesion
    found = session.annotation.of(image.sop_uid) if image is not None else None
    if found is None or shown is None or shown[0] != found.sop_uid:
        return None
    row = next((row for row in found.lesions if (row.label, row.id) == shown[1:]), None)
    return (found.sop_uid, row.id) if row is not None else None


def shown_note(context: Context) -> str:
    """Return the note on the lesion that was gone to last; "" where there is none."""
    shown = _shown(context)
    found = context.session.annotation.of(shown[0]) if shown is not None else None
    return found.note(shown[1]) if found is not None and shown is not None else ""


def _needs_shown(context: Context) -> str | None:
    reason = needs_segmentation(context)
    if reason or _shown(context) is not None:
        return reason
    return "no lesion is chosen; click one in the list or press {annotate.next_lesion}."


@command("annotate.note", "Note on the lesion", group=GROUP, why_disabled=_needs_shown, takes="text")
def write_note(context: Context, text: str) -> None:
    """Note something on the chosen lesion; it is kept with the segmentation and goes into the lesion table."""
    shown = _shown(context)
    if shown is not None:
        context.session.annotation.write_note(*shown, text)


def _needs_lesions(context: Context) -> str | None:
    reason = needs_exam(context)
    if reason:
        return reason
    if context.session.exporting:
        return "another file is being saved; wait until it is there."
    if any(found.lesions for found in context.session.annotation.images.values()):
        return None
    return "no image holds a lesion; paint one with {annotate.tool_paint} or open one with {annotate.open}."


@command("annotate.save_lesions", "Save lesion table", group=GROUP, icon="file-text", why_disabled=_needs_lesions)
def save_lesions(context: Context) -> None:
    """Save all lesions of the exam with their sizes and notes as a CSV table, without name, id or dates."""
    context.actions.annotations.save_lesions()
