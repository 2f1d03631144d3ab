"""Running the networks, the overlay's switches, hanging, files, help: what reaches session and application."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.panel_fakes import make_context, make_exam, make_image
from viewer.commands import COMMANDS, Context, run


@pytest.fixture
def context() -> Context:
    return make_context(make_exam())


def reason(context: Context, command_id: str) -> str | None:
    return COMMANDS[command_id].why_disabled(context)


@pytest.mark.parametrize(
    ("command_id", "values", "call"),
    [
        ("ai.run_exam", (), ("run_ai", "exam")),
        ("ai.run_image", (), ("run_ai", "image")),
        ("layout.2x2", (), ("hang", "2x2")),
        ("layout.compare", (), ("hang", "compare")),
        ("layout.single", (), ("hang", "single")),
        ("layout.next", (), ("step_hanging", 1)),
        ("layout.previous", (), ("step_hanging", -1)),
        ("layout.open_exam", ("an exam",), ("open_exam", "an exam")),
        ("file.open", (), ("open_dialog",)),
        ("file.open_folder", (), ("open_folder_dialog",)),
        ("file.open_paths", ((Path("a"),),), ("open_paths", [Path("a")])),
        ("file.screenshot", (), ("exports.screenshot", "window", False)),
        ("file.quit", (), ("quit",)),
        ("view.study_list", (), ("toggle_panel", "study")),
        ("view.ai_panel", (), ("toggle_panel", "ai")),
        ("view.full_screen", (), ("toggle_full_screen",)),
        ("help.show", (), ("show_help",)),
        ("help.escape", (), ("escape",)),
        ("help.copy_report", (), ("copy_report",)),
    ],
)
def test_the_application_is_asked(
    context: Context, command_id: str, values: tuple[object, ...], call: tuple[object, ...]
) -> None:
    assert run(command_id, context, *values)
    assert context.actions.calls == [call]


def test_one_run_at_a_time(context: Context) -> None:
    assert reason(context, "ai.cancel") == "no AI run is under way."
    context.session.results.expect("job", (context.session.exam.images[0].sop_uid,))
    assert reason(context, "ai.run_exam") == "a run is under way; wait for it, or press Shift+Esc to cancel it."
    assert run("ai.cancel", context)
    assert context.actions.calls == [("cancel_ai",)]


def test_a_dead_worker_must_be_restarted_first(context: Context) -> None:
    assert reason(context, "ai.restart") == "the AI worker is running."
    context.session.set_ai(state="dead")
    assert reason(context, "ai.run_image") == "the AI worker has stopped; press Ctrl+R to restart it."
    assert run("ai.restart", context)
    assert context.actions.calls == [("restart_worker",)]


def test_ai_waits_for_an_answer_about_the_side() -> None:
    image = replace(make_image(), questions=("Left or right breast?",))
    context = make_context(replace(make_exam(), images=(image,)))
    assert reason(context, "ai.run_image") == "Left or right breast? Press A to answer this first."
    assert run("image.answer", context)
    assert context.actions.calls == [("answer_question",)]
    assert reason(make_context(make_exam()), "image.answer") == ("no question about side, view or orientation is open.")


def test_automatic_is_a_switch(context: Context) -> None:
    run("ai.automatic", context)
    assert context.session.ai.automatic
    assert COMMANDS["ai.automatic"].checked(context)
    run("ai.automatic", context)
    assert not context.session.ai.automatic


@pytest.mark.parametrize(
    ("command_id", "name"),
    [
        ("overlay.toggle_all", "visible"),
        ("overlay.malignant", "malignant"),
        ("overlay.benign", "benign"),
        ("overlay.patches", "boxes"),
        ("overlay.contour", "contour"),
    ],
)
def test_switches_of_the_overlay(context: Context, command_id: str, name: str) -> None:
    before = getattr(context.session.overlays.settings, name)
    run(command_id, context)
    assert getattr(context.session.overlays.settings, name) is not before
    assert COMMANDS[command_id].checked(context) is not before
    run(command_id, context)
    assert getattr(context.session.overlays.settings, name) is before


@pytest.mark.parametrize("name", ["opacity", "threshold_malignant", "threshold_benign"])
def test_sliders_of_the_overlay(context: Context, name: str) -> None:
    run(f"overlay.{name}", context, 0.42)
    assert getattr(context.session.overlays.settings, name) == 0.42


def test_nothing_of_the_overlay_changes_while_all_ai_is_hidden(context: Context) -> None:
    run("overlay.toggle_all", context)
    assert reason(context, "overlay.malignant") == "all AI is hidden; press G to show it."
    assert not run("overlay.opacity", context, 0.9)
    assert context.session.overlays.settings.opacity == 0.55


def test_an_image_is_put_where_it_is_dropped_or_in_the_active_viewport(context: Context) -> None:
    ffdm = context.session.exam.images[7]
    run("layout.put_image", context, 2, ffdm.sop_uid)
    assert (context.session.active, context.session.active_image) == (2, ffdm)
    other = context.session.exam.images[6]
    run("layout.put_image", context, None, other.sop_uid)
    assert context.session.slots[2].state.image is other
    run("layout.put_image", context, 1, "no such image")
    assert context.session.active == 2


def test_layouts_show_which_one_hangs(context: Context) -> None:
    assert COMMANDS["layout.2x2"].checked(context)
    assert not COMMANDS["layout.compare"].checked(context)
    run("layout.activate", context, 3)
    assert context.session.active == 3


def test_maximising_goes_back(context: Context) -> None:
    run("layout.maximise", context)
    assert context.session.maximised == 0
    run("layout.maximise", context)
    assert context.session.maximised is None


def test_identity_is_hidden_at_once(context: Context) -> None:
    told: list[bool] = []
    context.session.identity_changed.connect(told.append)
    run("view.hide_identity", context)
    run("view.hide_identity", context)
    assert told == [True, False]
