"""Undo and redo: five hundred random steps lead back to the same state; a drag is one step; what is not undone."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from gmic_core.exam.model import VoiWindow
from tests.helpers.panel_fakes import hang_four, make_context, make_exam
from viewer.commands import Context, run
from viewer.model.history import MAX_STEPS, History
from viewer.model.marks import Mark, moved
from viewer.model.placement import Placement
from viewer.model.session import Session
from viewer.model.viewstate import Slot


@pytest.fixture
def context() -> Context:
    context = make_context(make_exam())
    session = context.session

    def tell_sizes() -> None:  # as the viewports of a window do
        for index in range(len(session.slots)):
            session.set_viewport_size(index, 400, 500)

    session.layout_changed.connect(tell_sizes)
    return context


def everything(session: Session) -> tuple[object, ...]:
    """What the reader set, read without the history's own eyes."""
    assert session.exam is not None
    return (
        session.layout,
        session.grid,
        session.maximised,
        [slot.state.image.sop_uid if slot.state else None for slot in session.slots],
        [session.placement(index) for index in range(len(session.slots))],
        [(state.window, state.choice, state.inverted) for state in map(session.state_of, session.exam.images)],
        {uid: (content.marks, content.key_slices) for uid, content in session.marks.images.items()},
    )


def line(session: Session, rng: random.Random) -> Mark:
    image = session.active_image
    assert image is not None
    kind = rng.choice(["length", "arrow", "ellipse"])
    points = tuple((rng.uniform(0, 500), rng.uniform(0, 380)) for _ in range(2))
    return Mark(kind, image.sop_uid, rng.randrange(image.frames), points, rng.choice(["", "seen before"]))


# -- steps a reader may take ------------------------------------------------------------------------------------------
def drag_window(context: Context, rng: random.Random) -> None:
    session = context.session
    session.history.begin("Grey values")
    for _ in range(5):
        assert session.active_state is not None
        session.active_state.set_window(VoiWindow(rng.uniform(0, 4000), rng.uniform(1, 4000)))
    session.history.end()


def choose_own_window(context: Context, rng: random.Random) -> None:
    with context.session.history.step("Window preset"):
        assert context.session.active_state is not None
        context.session.active_state.choose_own(rng.randrange(3))


def drag_pan(context: Context, rng: random.Random) -> None:
    session = context.session
    session.history.begin("Pan")
    for _ in range(5):
        now = session.placement(session.active)
        session.place(session.active, now.panned(rng.uniform(-9, 9), rng.uniform(-9, 9)))
    session.history.end()


def drag_mark(context: Context, rng: random.Random) -> None:
    marks = [mark for content in context.session.marks.images.values() for mark in content.marks]
    if not marks:
        return
    mark = rng.choice(marks)
    context.session.history.begin("Move mark")
    for _ in range(5):
        mark = moved(mark, rng.uniform(-5, 5), rng.uniform(-5, 5))
        context.session.marks.replace(mark)
    context.session.history.end()


def change_layout(context: Context, rng: random.Random) -> None:
    session = context.session
    assert session.exam is not None
    with session.history.step("Layout"):
        if rng.random() < 0.5:
            hang_four(session, session.exam)
        else:
            images = rng.sample(session.exam.images, 2)
            session.hang(
                "compare", (1, 2), [Slot(0, n, image.label, session.state_of(image)) for n, image in enumerate(images)]
            )


def command(*ids: str) -> Callable[[Context, random.Random], None]:
    return lambda context, rng: run(rng.choice(ids), context) and None


STEPS: tuple[Callable[[Context, random.Random], object], ...] = (
    drag_window,
    choose_own_window,
    drag_pan,
    drag_mark,
    change_layout,
    lambda context, rng: run("marks.add", context, line(context.session, rng)),
    lambda context, rng: run("layout.put_image", context, None, rng.choice(context.session.exam.images).sop_uid),
    lambda context, rng: run("navigate.go_to_slice", context, rng.randrange(12)),
    command("marks.key_image", "marks.key_image", "marks.next_key_image", "marks.previous_key_image"),
    command("marks.delete", "marks.next", "marks.previous", "marks.next_handle", "marks.move_left", "marks.move_down"),
    command("zoom.in", "zoom.out", "zoom.fit", "zoom.one_to_one", "zoom.pan_left", "zoom.pan_up"),
    command("window.invert", "window.reset", "window.preset_2", "window.brighter", "window.more_contrast"),
    command("layout.maximise", "navigate.next_viewport", "navigate.next_slice", "overlay.toggle_all"),
    command("marks.tool_ellipse", "marks.place_by_key", "marks.tool_nipple", "help.escape", "marks.toggle_visible"),
)


@pytest.mark.parametrize("seed", range(6))
def test_five_hundred_random_steps_lead_back_and_forth(context: Context, seed: int) -> None:
    rng, session = random.Random(seed), context.session
    before = everything(session)
    for _ in range(500):
        rng.choice(STEPS)(context, rng)
    after = everything(session)
    assert after != before
    undone = 0
    while run("edit.undo", context):
        undone += 1
    assert 100 < undone <= 500
    assert everything(session) == before
    while run("edit.redo", context):
        undone -= 1
    assert undone == 0
    assert everything(session) == after
    for _ in range(60):  # to and fro among new steps
        run(rng.choice(["edit.undo", "edit.redo"]), context)
        rng.choice(STEPS)(context, rng)
    while run("edit.undo", context):
        pass
    assert everything(session) == before


# -- one by one -------------------------------------------------------------------------------------------------------
def test_undo_says_what_it_undid_and_why_it_cannot(context: Context) -> None:
    said: list[str] = []
    context.session.notice.connect(lambda _level, text: said.append(text))
    run("edit.undo", context)
    run("window.invert", context)
    run("edit.undo", context)
    run("edit.redo", context)
    assert said == [
        "Undo: nothing was done to marks, segmentations, grey values, zoom or layout since the exam was opened.",
        "Undone: Invert",
        "Done again: Invert",
    ]
    state = context.session.active_state
    assert state is not None
    assert state.inverted


def test_a_drag_is_one_step_and_a_click_none(context: Context) -> None:
    rng, history = random.Random(0), context.session.history
    history.begin("Pan")
    history.end()
    assert history.undo_label is None
    drag_pan(context, rng)
    assert history.undo_label == "Pan"
    history.undo()
    assert history.undo_label is None
    assert context.session.placement(0).mode == "fit"


def test_a_held_key_is_one_step_until_it_rests() -> None:
    context, now = make_context(make_exam()), [0.0]
    session = context.session
    session.history._clock = lambda: now[0]
    for _ in range(5):
        run("zoom.in", context)
        now[0] += 0.1
    now[0] += 5.0
    run("zoom.in", context)
    run("window.invert", context)
    labels = []
    while (label := session.history.undo()) is not None:
        labels.append(label)
    assert labels == ["Invert", "Zoom in", "Zoom in"]


def test_a_drag_that_comes_back_to_its_start_is_no_step(context: Context) -> None:
    session = context.session
    session.history.begin("Pan")
    session.place(0, Placement("free", 4.0, 1.0, 2.0))
    session.place(0, None)
    session.history.end()
    assert session.history.undo_label is None


def test_a_key_pressed_in_the_middle_of_a_drag_is_a_step_of_its_own(context: Context) -> None:
    session = context.session
    session.history.begin("Pan")
    session.place(0, Placement("free", 4.0, 1.0, 2.0))
    run("window.invert", context)
    session.place(0, Placement("free", 4.0, 5.0, 2.0))
    session.history.end()
    assert [session.history.undo() for _ in range(3)] == ["Pan", "Invert", "Pan"]
    assert session.placement(0).mode == "fit"


def test_a_drag_that_never_ended_does_not_swallow_what_follows(context: Context) -> None:
    session = context.session
    session.history.begin("Pan")
    session.place(0, Placement("free", 4.0, 1.0, 2.0))
    session.history.begin("Zoom")
    session.place(0, Placement("free", 9.0, 1.0, 2.0))
    session.history.end()
    assert [session.history.undo() for _ in range(2)] == ["Zoom", "Pan"]


def test_what_the_program_does_is_never_undone(context: Context) -> None:
    session = context.session
    state = session.active_state
    assert state is not None
    run("window.invert", context)
    state.set_auto_window(VoiWindow(7.0, 9.0))
    session.set_viewport_size(0, 900, 900)
    assert session.exam is not None
    session.refill([replace(slot) for slot in session.slots[:3]])  # an exam that grows
    run("zoom.in", context)
    session.history.undo()
    session.history.undo()
    assert (state.inverted, state.auto_window, len(session.slots)) == (False, VoiWindow(7.0, 9.0), 3)


def test_scrolling_is_no_step_and_an_undone_mark_is_shown_where_it_was(context: Context) -> None:
    session = context.session
    state = session.active_state
    assert state is not None
    state.go_to_slice(2)
    run("marks.add", context, Mark("place", state.image.sop_uid, 2, ((100.0, 100.0),)))
    run("navigate.go_to_slice", context, 9)
    assert session.history.undo() == "Add mark"
    assert state.slice_index == 2
    assert not session.marks.images


def test_opening_an_exam_begins_a_new_history(context: Context) -> None:
    session = context.session
    run("window.invert", context)
    with session.history.step("Open exam"):
        session.open_exam(make_exam("2"))
        assert session.exam is not None
        hang_four(session, session.exam)
    assert (session.history.undo_label, session.history.redo_label) == (None, None)


def test_a_new_step_ends_what_could_be_done_again(context: Context) -> None:
    run("window.invert", context)
    run("edit.undo", context)
    run("zoom.in", context)
    assert context.session.history.redo_label is None
    assert not run("edit.redo", context)


def test_values_that_were_accepted_are_not_undone() -> None:
    state: dict[object, object] = {}
    history = History(lambda: dict(state), lambda values: state.update(values))
    with history.step("Hang prior"):
        state["layout"] = "prior"
        state["marks"] = "kept from last time"
        history.accept(["marks"])
    assert history.undo() == "Hang prior"
    assert state["marks"] == "kept from last time"


def test_the_oldest_steps_are_dropped() -> None:
    state = {"x": 0}
    history = History(lambda: dict(state), lambda values: state.update(values))
    for number in range(MAX_STEPS + 10):
        with history.step("Step"):
            state["x"] = number + 1
    while history.undo():
        pass
    assert state["x"] == 10
