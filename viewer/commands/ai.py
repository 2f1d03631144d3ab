"""Running the networks."""

from __future__ import annotations

from viewer.commands.conditions import active_entry, needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "AI"


def _needs_worker(context: Context) -> str | None:
    session = context.session
    if session.ai.state == "dead":
        return "the AI worker has stopped; press {ai.restart} to restart it."
    if session.results.pending:
        return "a run is under way; wait for it, or press {ai.cancel} to cancel it."
    return None


def _why_not_run_exam(context: Context) -> str | None:
    return needs_exam(context) or _needs_worker(context)


def _why_not_run_image(context: Context) -> str | None:
    reason, image = needs_image(context), context.session.active_image
    if reason or image is None:
        return reason
    if image.questions:
        return f"{image.questions[0]} Press {{image.answer}} to answer this first."
    return _needs_worker(context)


def _needs_run(context: Context) -> str | None:
    busy = context.session.results.pending or context.session.trials.pending
    return None if busy else "no AI run is under way."


@command("ai.run_exam", "Run AI", keys="R", group=_GROUP, icon="scan-search", why_disabled=_why_not_run_exam)
def run_exam(context: Context) -> None:
    """Let the networks read all images of the exam, each by the network made for its kind."""
    context.actions.run_ai("exam")


@command("ai.run_image", "Run AI on this image", keys="Shift+R", group=_GROUP, why_disabled=_why_not_run_image)
def run_image(context: Context) -> None:
    """Let the network read the active image only."""
    context.actions.run_ai("image")


@command("ai.cancel", "Cancel AI run", keys="Shift+Esc", group=_GROUP, icon="x", why_disabled=_needs_run)
def cancel(context: Context) -> None:
    """Stop the run; finished images keep their results."""
    context.actions.cancel_ai()


@command(
    "ai.automatic",
    "Run AI when an exam opens",
    keys="Ctrl+Shift+R",
    group=_GROUP,
    checked=lambda context: context.session.ai.automatic,
)
def toggle_automatic(context: Context) -> None:
    """Run the networks by themselves on exams that have no results yet."""
    context.session.set_ai(automatic=not context.session.ai.automatic)


@command("ai.choose_weights", "Weights", group=_GROUP, takes="network, weights")
def choose_weights(context: Context, model: str, ref: str) -> None:
    """Let a network run with these weights from now on, and show what is known of the exam by them."""
    context.actions.choose_weights(model, ref)


@command("ai.toggle_weights", "Ensemble", group=_GROUP, takes="network, weights")
def toggle_weights(context: Context, model: str, ref: str) -> None:
    """Let these weights take part in the ensemble of a network, or not any more; scores are the mean of its members."""
    context.actions.toggle_weights(model, ref)


def _needs_dead_worker(context: Context) -> str | None:
    return None if context.session.ai.state == "dead" else "the AI worker is running."


@command(
    "ai.restart", "Restart AI worker", keys="Ctrl+R", group=_GROUP, icon="rotate-cw", why_disabled=_needs_dead_worker
)
def restart(context: Context) -> None:
    """Start the worker process again after it stopped; press {ai.run_exam} afterwards to run again."""
    context.actions.restart_worker()


def _needs_network(context: Context) -> str | None:
    entry = active_entry(context)
    if entry is not None and entry.model and entry.weights:
        return None
    return needs_image(context) or "no network has read this image yet; press {ai.run_exam} to run it."


@command("ai.model_card", "Model card", keys="Ctrl+I", group=_GROUP, icon="info", why_disabled=_needs_network)
def show_model_card(context: Context) -> None:
    """Tell what the network that read the active image was made for, and what its weights are."""
    entry = active_entry(context)
    if entry is not None:
        context.actions.show_model_card(entry.model, entry.weights.split(" + "))
