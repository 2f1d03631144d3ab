"""Pictures, the report and AI results as files. Identity goes with them only by the commands that say so."""

from __future__ import annotations

import viewer.commands.file  # noqa: F401  # opening stands above saving in the menu
from viewer.commands.conditions import needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "File"
BUSY = "something is being saved; wait for it, or stop it with {export.cancel}."


def _needs_exam(context: Context) -> str | None:
    return BUSY if context.session.exporting else needs_exam(context)


def _needs_image(context: Context) -> str | None:
    return BUSY if context.session.exporting else needs_image(context)


def _needs_identity(context: Context) -> str | None:
    """Identity that is hidden must be shown before it is given away: nobody shall do it without looking."""
    reason = _needs_exam(context)
    if reason is None and context.session.identity_hidden:
        return "identity is hidden; show it first with {view.hide_identity}."
    return reason


def _needs_results(context: Context) -> str | None:
    reason = _needs_exam(context)
    if reason is not None or context.session.exam is None:
        return reason
    entries = [context.session.results.get(image.sop_uid) for image in context.session.exam.images]
    if not any(entry is not None and entry.result is not None for entry in entries):
        return "there is no AI result for this exam yet; {ai.run_exam} runs it."
    return None


def _needs_results_and_identity(context: Context) -> str | None:
    return _needs_results(context) or _needs_identity(context)


def _needs_export(context: Context) -> str | None:
    return None if context.session.exporting else "nothing is being saved."


@command(
    "file.screenshot",
    "Save screenshot",
    keys=("Ctrl+S", "Ctrl+Shift+S"),
    group=_GROUP,
    icon="camera",
    why_disabled=_needs_exam,
)
def screenshot(context: Context) -> None:
    """Save the window as a picture, without the patient's identity."""
    context.actions.exports.screenshot("window", identified=False)


@command(
    "export.viewport",
    "Save viewport as picture",
    keys="Ctrl+Alt+S",
    group=_GROUP,
    icon="camera",
    why_disabled=_needs_image,
)
def viewport(context: Context) -> None:
    """Save the active viewport with its overlays as a picture, without the patient's identity."""
    context.actions.exports.screenshot("viewport", identified=False)


@command("export.report", "Save PDF report", keys="Ctrl+P", group=_GROUP, icon="file-text", why_disabled=_needs_exam)
def report(context: Context) -> None:
    """Save one page with images, patches, scores and where they come from, without the patient's identity."""
    context.actions.exports.report(identified=False)


@command(
    "export.results", "Save AI results", keys="Ctrl+Alt+E", group=_GROUP, icon="download", why_disabled=_needs_results
)
def results(context: Context) -> None:
    """Save scores, patches and saliency maps as gmic-core predict writes them; images go by their UIDs."""
    context.actions.exports.results(identified=False)


@command("export.screenshot_identified", "Save screenshot with identity", group=_GROUP, why_disabled=_needs_identity)
def screenshot_identified(context: Context) -> None:
    """Save the window as a picture with name, id and dates of the patient in it."""
    context.actions.exports.screenshot("window", identified=True)


@command("export.viewport_identified", "Save viewport with identity", group=_GROUP, why_disabled=_needs_identity)
def viewport_identified(context: Context) -> None:
    """Save the active viewport as a picture with name, id and dates of the patient in it."""
    context.actions.exports.screenshot("viewport", identified=True)


@command("export.report_identified", "Save PDF report with identity", group=_GROUP, why_disabled=_needs_identity)
def report_identified(context: Context) -> None:
    """Save the one-page report with name, id and dates of the patient on it."""
    context.actions.exports.report(identified=True)


@command(
    "export.results_identified", "Save AI results by file name", group=_GROUP, why_disabled=_needs_results_and_identity
)
def results_identified(context: Context) -> None:
    """Save AI results with the names of image files, as gmic-core predict does; such names may name a patient."""
    context.actions.exports.results(identified=True)


@command("export.cancel", "Stop saving", group=_GROUP, icon="x", why_disabled=_needs_export)
def cancel(context: Context) -> None:
    """Stop the report or the AI results that are being saved."""
    context.actions.exports.cancel()
