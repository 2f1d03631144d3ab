"""Why a command cannot run now: short sentences that also say what to do; None means that it can."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.model.results import ResultEntry

NO_EXAM = "no exam is open; drop a DICOM folder on the window or press {file.open}."
NO_IMAGE = "the active viewport is empty; drag an image from the study list into it."


def needs_exam(context: Context) -> str | None:
    """An exam must be open."""
    return None if context.session.exam else NO_EXAM


def needs_image(context: Context) -> str | None:
    """The active viewport must show an image."""
    if context.session.exam is None:
        return NO_EXAM
    return None if context.session.active_image else NO_IMAGE


def needs_slices(context: Context) -> str | None:
    """The active image must have several slices."""
    reason = needs_image(context)
    if reason:
        return reason
    image = context.session.active_image
    if image is not None and image.frames < 2:
        return f"{image.label} {image.modality} has one slice; choose a tomosynthesis (DBT) viewport."
    return None


def needs_several_viewports(context: Context) -> str | None:
    """More than one viewport must be filled."""
    if context.session.exam is None:
        return NO_EXAM
    filled = sum(slot.state is not None for slot in context.session.slots)
    return (
        None
        if filled > 1
        else "only one viewport shows an image; choose another layout with {layout.2x2} or {layout.compare}."
    )


def active_entry(context: Context) -> ResultEntry | None:
    """Return what the AI knows about the active image."""
    image = context.session.active_image
    return context.session.results.get(image.sop_uid) if image else None


def needs_map(context: Context) -> str | None:
    """The active image must have a saliency map, be it of the slices computed so far, and AI must be shown."""
    reason = needs_image(context)
    if reason:
        return reason
    if not context.session.overlays.settings.visible:
        return "all AI is hidden; press {overlay.toggle_all} to show it."
    entry = active_entry(context)
    if entry is None or entry.saliency is None:
        return "there is no AI result for this image yet; press {ai.run_exam} to run it."
    return None


def needs_patches(context: Context) -> str | None:
    """The active image must have patches."""
    reason = needs_map(context)
    if reason:
        return reason
    entry = active_entry(context)
    if entry is None or entry.result is None:
        return "the patches are chosen when all slices are computed; wait until the run is done."
    return None if entry.result.rois else "the network chose no patch in this image; its notes say why."
