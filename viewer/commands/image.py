"""What a reader says about an image: its side, its view, how it is turned."""

from __future__ import annotations

from viewer.commands.conditions import needs_exam
from viewer.commands.context import Context
from viewer.commands.table import command


def _why_not_answer(context: Context) -> str | None:
    reason = needs_exam(context)
    if reason or context.session.exam is None:
        return reason
    if any(image.questions for image in context.session.images_at_hand):
        return None
    return "no question about side, view or orientation is open."


@command(
    "image.answer",
    "Answer the question about an image",
    keys="A",
    group="Viewports and hanging",
    why_disabled=_why_not_answer,
)
def answer(context: Context) -> None:
    """State side, view and orientation of an image whose header is silent or contradicts its pixels."""
    context.actions.answer_question()
