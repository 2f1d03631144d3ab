"""What hangs where: layouts, hanging steps, maximising, images dropped into viewports."""

from __future__ import annotations

from collections.abc import Callable

from gmic_core.exam.model import Exam
from viewer.commands.conditions import needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import command

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


@command(
    "layout.put_image",
    "Show image in viewport",
    group=_GROUP,
    why_disabled=needs_exam,
    takes="viewport number (None: the active one), SOP instance UID",
)
def put_image(context: Context, index: int | None, sop_uid: str) -> None:
    """Hang an image of the open exam in a viewport."""
    session = context.session
    image = session.image(sop_uid)
    if image is not None and session.slots:
        session.put_image(session.active if index is None else index, image)


@command("layout.open_exam", "Open exam", group=_GROUP, takes="Exam")
def open_exam(context: Context, exam: Exam) -> None:
    """Put an exam of the worklist on screen."""
    context.actions.open_exam(exam)
