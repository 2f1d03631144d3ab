"""Commands for hanging and comparing: what they ask for, what they change, why they cannot run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gmic_core.types import Modality
from tests.helpers.panel_fakes import hang_four, make_context, make_exam, make_image
from viewer.commands import COMMANDS, Context, run
from viewer.model.viewstate import Slot


@pytest.fixture
def context() -> Context:
    return make_context(make_exam())


def reason(context: Context, command_id: str) -> str | None:
    return COMMANDS[command_id].why_disabled(context)


@pytest.mark.parametrize(
    ("command_id", "layout"),
    [("layout.all", "all"), ("layout.dbt", "dbt"), ("layout.prior", "prior"), ("layout.prior_view", "prior-view")],
)
def test_the_application_hangs_by_protocol(context: Context, command_id: str, layout: str) -> None:
    assert reason(make_context(), command_id) is not None
    assert run(command_id, context)
    assert run("layout.hang", context, layout)
    assert context.actions.calls == [("hang", layout), ("hang", layout)]
    assert not COMMANDS[command_id].checked(context)
    context.session.layout = layout
    assert COMMANDS[command_id].checked(context)


def test_a_protocol_that_does_not_fit_says_why(context: Context) -> None:
    context.actions.why_not_hang = lambda layout: "no earlier exam of this patient is open; press {file.open_folder}."
    hints: list[str] = []
    context.session.notice.connect(lambda level, text: hints.append(text))
    assert not run("layout.prior", context)
    run("layout.hang", context, "prior")
    assert context.actions.calls == []
    why = "no earlier exam of this patient is open; press Ctrl+Shift+O."
    assert hints == [f"Prior beside current: {why}", f"Hang by protocol: {why}"]


def test_the_images_that_fit_a_viewport_take_turns(context: Context) -> None:
    session = context.session
    hints: list[str] = []
    session.notice.connect(lambda level, text: hints.append(text))
    assert session.active_image.modality is Modality.DBT
    run("layout.next_image", context)
    assert session.active_image.modality is Modality.FFDM
    run("layout.next_image", context)
    run("layout.previous_image", context)
    assert session.active_image.modality is Modality.FFDM
    assert hints == [
        "R-CC FFDM: 2 of 2 images that fit here.",
        "R-CC DBT: 1 of 2 images that fit here.",
        "R-CC FFDM: 2 of 2 images that fit here.",
    ]
    session.slots[0].candidates.pop()
    assert reason(context, "layout.next_image") == (
        "nothing else fits this viewport; drag an image from the study list into it."
    )


def test_an_image_of_another_patient_cannot_be_put_into_a_viewport(context: Context) -> None:
    session = context.session
    session.add_exams([make_exam("9", pid="SIM-9")], [])
    before = session.active_image
    run("layout.put_image", context, 0, session.exams[-1].images[0].sop_uid)
    assert session.active_image is before


# -- depth -----------------------------------------------------------------------------------------------------------
def test_linking_the_depth_is_a_switch(context: Context) -> None:
    session = context.session
    run("compare.link_depth", context)
    assert COMMANDS["compare.link_depth"].checked(context)
    session.active_state.go_to_slice(2)
    assert [slot.state.slice_index for slot in session.slots] == [2, 2, 2, 2]
    run("compare.link_depth", context)
    session.active_state.go_to_slice(9)
    assert [slot.state.slice_index for slot in session.slots] == [9, 2, 2, 2]


def test_one_volume_alone_cannot_be_linked(context: Context) -> None:
    session = context.session
    session.hang("single", (1, 1), [Slot(0, 0, "", session.active_state)])
    assert reason(context, "compare.link_depth") == (
        "two DBT volumes must be on screen, as CC and MLO or now and before."
    )


# -- cursor ----------------------------------------------------------------------------------------------------------
def test_the_cursor_starts_in_the_middle_and_stops_at_the_edges(context: Context) -> None:
    session = context.session
    run("compare.cursor_left", context)
    placement = session.placement(0)
    assert session.links.cursor.at == pytest.approx((0.0, placement.depth))
    run("compare.cursor_left", context)  # in a right breast the chest wall is on the right
    assert session.links.cursor.depth == pytest.approx(min(placement.depth + 8 / placement.scale, 38.4))
    for _ in range(200):
        run("compare.cursor_left", context)
        run("compare.cursor_down", context)
    assert session.links.cursor.at == pytest.approx((25.6, 38.4))


def test_a_cursor_of_another_view_is_not_moved(context: Context) -> None:
    session = context.session
    run("compare.cursor_up", context)
    run("compare.cursor_up", context)
    session.activate(3)
    run("compare.cursor_up", context)
    assert (session.links.cursor.index, session.links.cursor.down) == (3, 0.0)


def test_why_there_is_no_slice_to_go_to(context: Context) -> None:
    session = context.session
    assert reason(context, "compare.go_to_depth") == (
        "point at a place on an FFDM or synthetic 2D image first, with the mouse or Ctrl+Alt+Right."
    )
    run("compare.cursor_up", context)
    assert reason(context, "compare.go_to_depth") == (
        "the cursor is on a slice of R-CC already; point at the FFDM or the synthetic 2D image."
    )
    odd = replace(make_image("R", "CC"), spacing_mm=None, sop_uid="odd")
    exam = replace(session.exam, images=(*session.exam.images, odd))
    session.open_exam(exam)
    hang_four(session, exam)
    session.put_image(0, odd)
    run("compare.cursor_up", context)
    assert reason(context, "compare.go_to_depth") == (
        "the pixel size of R-CC FFDM is not known; no other image can be linked to it."
    )


def test_a_chosen_patch_is_told_to_all_views(context: Context) -> None:
    told: list[tuple[str, int]] = []
    context.session.patch_selected.connect(lambda uid, index: told.append((uid, index)))
    run("compare.select_patch", context, "1.2.3", 4)
    assert told == [("1.2.3", 4)]
    assert context.session.selected_patch == ("1.2.3", 4)
