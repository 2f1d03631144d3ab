"""What hangs where: layouts, hanging steps, maximising, images dropped into viewports."""

from __future__ import annotations

from collections.abc import Callable

from gmic_core.exam.model import Exam, MammoImage
from viewer.commands.conditions import NO_EXAM, needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import command, with_keys

_GROUP = "Viewports and hanging"


def _hangs(layout: str) -> Callable[[Context], bool]:
    return lambda context: context.session.exam is not None and context.session.layout == layout


@command(
    "layout.2x2",
    "Four views",
    keys="Ctrl+1",
    group=_GROUP,
    icon="layout-grid",
    why_disabled=needs_exam,
    checked=_hangs("2x2"),
)
def hang_2x2(context: Context) -> None:
    """Hang R-CC L-CC over R-MLO L-MLO, chest walls touching."""
    context.actions.hang("2x2")


@command(
    "layout.compare",
    "Compare one view",
    keys="Ctrl+2",
    group=_GROUP,
    icon="columns-3",
    why_disabled=needs_exam,
    checked=_hangs("compare"),
)
def hang_compare(context: Context) -> None:
    """Hang DBT, FFDM and synthetic 2D of the active view side by side."""
    context.actions.hang("compare")


@command(
    "layout.single",
    "Single image",
    keys="Ctrl+3",
    group=_GROUP,
    icon="square",
    why_disabled=needs_exam,
    checked=_hangs("single"),
)
def hang_single(context: Context) -> None:
    """Hang the active image alone."""
    context.actions.hang("single")


def _can_hang(layout: str) -> Callable[[Context], str | None]:
    return lambda context: needs_exam(context) or context.actions.why_not_hang(layout)


@command(
    "layout.all",
    "All modalities",
    keys="Ctrl+4",
    group=_GROUP,
    why_disabled=_can_hang("all"),
    checked=_hangs("all"),
)
def hang_all(context: Context) -> None:
    """Hang all views of every modality, one modality a row."""
    context.actions.hang("all")


@command(
    "layout.dbt",
    "DBT stack alone",
    keys="Ctrl+5",
    group=_GROUP,
    why_disabled=_can_hang("dbt"),
    checked=_hangs("dbt"),
)
def hang_dbt(context: Context) -> None:
    """Hang the tomosynthesis volume of the active view alone."""
    context.actions.hang("dbt")


@command(
    "layout.prior",
    "Prior beside current",
    keys="Ctrl+6",
    group=_GROUP,
    why_disabled=_can_hang("prior"),
    checked=_hangs("prior"),
)
def hang_prior(context: Context) -> None:
    """Hang four views of the open exam beside those of the exam before it."""
    context.actions.hang("prior")


@command(
    "layout.prior_view",
    "One view with its prior",
    keys="Ctrl+7",
    group=_GROUP,
    why_disabled=_can_hang("prior-view"),
    checked=_hangs("prior-view"),
)
def hang_prior_view(context: Context) -> None:
    """Hang the active view beside the same view of the exam before."""
    context.actions.hang("prior-view")


@command("layout.hang", "Hang by protocol", group=_GROUP, why_disabled=needs_exam, takes="id of a hanging protocol")
def hang(context: Context, layout: str) -> None:
    """Hang the open exam by any protocol, one of your own too."""
    reason = context.actions.why_not_hang(layout)
    if reason is None:
        context.actions.hang(layout)
    else:
        context.session.notice.emit("hint", with_keys(f"Hang by protocol: {reason}", context))


@command("layout.next", "Next hanging step", keys=".", group=_GROUP, icon="chevron-right", why_disabled=needs_exam)
def next_step(context: Context) -> None:
    """Go to the next step of the hanging protocol."""
    context.actions.step_hanging(+1)


@command(
    "layout.previous", "Previous hanging step", keys=",", group=_GROUP, icon="chevron-left", why_disabled=needs_exam
)
def previous_step(context: Context) -> None:
    """Go to the previous step of the hanging protocol."""
    context.actions.step_hanging(-1)


@command(
    "layout.maximise",
    "Maximise viewport",
    keys=("Return", "Enter"),
    group=_GROUP,
    icon="maximize-2",
    why_disabled=needs_image,
    checked=lambda context: context.session.maximised is not None,
)
def maximise(context: Context) -> None:
    """Let the active viewport fill the middle, or go back; a double click does the same."""
    context.session.toggle_maximised()


@command("layout.activate", "Make viewport active", group=_GROUP, why_disabled=needs_exam, takes="viewport number")
def activate(context: Context, index: int) -> None:
    """Make a viewport the active one."""
    context.session.activate(index)


def _needs_choice(context: Context) -> str | None:
    """Several images must fit the active viewport."""
    if context.session.exam is None:
        return NO_EXAM
    if len(_choice(context)) > 1:
        return None
    return "nothing else fits this viewport; drag an image from the study list into it."


def _choice(context: Context) -> list[MammoImage]:
    session = context.session
    slot = session.slots[session.active] if session.active < len(session.slots) else None
    return slot.candidates if slot is not None else []


def _exchange(context: Context, step: int) -> None:
    session, choice = context.session, _choice(context)
    shown = session.active_image
    uids = [image.sop_uid for image in choice]
    if shown is None or shown.sop_uid not in uids:
        place = 0
    else:
        place = (uids.index(shown.sop_uid) + step) % len(choice)
    session.put_image(session.active, choice[place])
    image = choice[place]
    session.notice.emit("hint", f"{image.label} {image.modality}: {place + 1} of {len(choice)} images that fit here.")


@command("layout.next_image", "Next image for this viewport", keys="X", group=_GROUP, why_disabled=_needs_choice)
def next_image(context: Context) -> None:
    """Show the next image that fits the active viewport: another modality, a repeated or an extra view."""
    _exchange(context, +1)


@command(
    "layout.previous_image",
    "Previous image for this viewport",
    keys="Shift+X",
    group=_GROUP,
    why_disabled=_needs_choice,
)
def previous_image(context: Context) -> None:
    """Show the image before among those that fit the active viewport."""
    _exchange(context, -1)


@command(
    "layout.put_image",
    "Show image in viewport",
    group=_GROUP,
    why_disabled=needs_exam,
    takes="viewport number (None: the active one), SOP instance UID",
)
def put_image(context: Context, index: int | None, sop_uid: str) -> None:
    """Hang an image of the open exam, or of another exam of this patient, in a viewport."""
    session = context.session
    image = session.image(sop_uid)
    if image is None:
        session.notice.emit("hint", "That image is of another patient's exam; open that exam to see it.")
    elif session.slots:
        session.put_image(session.active if index is None else index, image)


@command("layout.open_exam", "Open exam", group=_GROUP, takes="Exam")
def open_exam(context: Context, exam: Exam) -> None:
    """Put an exam of the worklist on screen."""
    context.actions.open_exam(exam)
