"""Slices, viewports, highlights, patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.types import Modality
from tests.helpers.panel_fakes import RecordedActions, hang_four, make_context, make_exam, make_image, make_result
from viewer.commands import COMMANDS, Context, run
from viewer.model.placement import stored_to_screen


@pytest.fixture
def context() -> Context:
    """Four DBT views of 12 slices are hung; the R-CC is active, on its middle slice 6."""
    return make_context(make_exam(frames=12))


def slice_of(context: Context) -> int:
    state = context.session.active_state
    assert state is not None
    return state.slice_index


def reason(context: Context, command_id: str) -> str | None:
    return COMMANDS[command_id].why_disabled(context)


def give_result(context: Context, **changes: object) -> None:
    image = context.session.active_image
    assert image is not None
    context.session.results.restore(make_result(image, **changes))


def test_slices_step_and_stop_at_the_ends(context: Context) -> None:
    run("navigate.next_slice", context)
    assert slice_of(context) == 7
    run("navigate.previous_slice", context)
    run("navigate.previous_slice", context)
    assert slice_of(context) == 5
    run("navigate.last_slice", context)
    run("navigate.next_slice", context)
    assert slice_of(context) == 11
    run("navigate.first_slice", context)
    run("navigate.previous_slice", context)
    assert slice_of(context) == 0


def test_a_mammogram_has_no_slices_to_step_through(context: Context) -> None:
    context.session.put_image(0, context.session.exam.images[4])
    assert reason(context, "navigate.next_slice") == ("R-CC FFDM has one slice; choose a tomosynthesis (DBT) viewport.")


def test_viewports_step_over_empty_ones_and_wrap(context: Context) -> None:
    context.session.slots[1].state = None
    visited = []
    for _ in range(3):
        run("navigate.next_viewport", context)
        visited.append(context.session.active)
    assert visited == [2, 3, 0]
    run("navigate.previous_viewport", context)
    assert context.session.active == 3


def test_the_next_viewport_fills_the_middle_when_one_does(context: Context) -> None:
    run("layout.maximise", context)
    assert context.session.maximised == 0
    run("navigate.next_viewport", context)
    assert (context.session.active, context.session.maximised) == (1, 1)


def test_one_viewport_leaves_nothing_to_step_to(context: Context) -> None:
    for slot in context.session.slots[1:]:
        slot.state = None
    assert reason(context, "navigate.next_viewport") == (
        "only one viewport shows an image; choose another layout with Ctrl+1 or Ctrl+2."
    )


def test_highlighted_slices_are_visited_in_order_and_wrap(context: Context) -> None:
    give_result(context, patches=3)  # patches in slices 0, 5, 10; both maps peak in slice 6
    visited = []
    for _ in range(4):
        run("navigate.next_highlight", context)
        visited.append(slice_of(context))
    assert visited == [10, 0, 5, 6]
    run("navigate.previous_highlight", context)
    assert slice_of(context) == 5


def test_highlights_need_a_result_that_is_shown(context: Context) -> None:
    assert reason(context, "navigate.next_highlight") == "there is no AI result for this image yet; press R to run it."
    give_result(context)
    assert reason(context, "navigate.next_highlight") is None
    context.session.overlays.update(visible=False)
    assert reason(context, "navigate.next_highlight") == "all AI is hidden; press G to show it."


def test_highlights_work_while_the_maps_arrive(context: Context) -> None:
    image, results = context.session.active_image, context.session.results
    done = make_result(image)
    results.expect("job", (image.sop_uid,))
    results.started(
        "job", image.sop_uid, slices=12, cells=(32, 24), to_stored=None, model="gmic3d", weights="w", untrained=False
    )
    results.slice_computed("job", image.sop_uid, 3, done.saliency[6])
    run("navigate.next_highlight", context)
    assert slice_of(context) == 3
    assert reason(context, "navigate.next_patch") == (
        "the patches are chosen when all slices are computed; wait until the run is done."
    )


@pytest.mark.parametrize("side", ["R", "L"])
def test_a_patch_comes_to_the_middle_at_full_resolution(side: str) -> None:
    context = make_context(make_exam(frames=12))
    session = context.session
    session.activate(0 if side == "R" else 1)
    give_result(context, patches=4)
    image = session.active_image
    result = session.results.get(image.sop_uid).result
    run("navigate.go_to_patch", context, image.sop_uid, 2)
    roi = result.rois[2]
    assert slice_of(context) == roi.slice_index
    assert session.selected_patch == (image.sop_uid, 2)
    placement = session.placement(session.active)
    assert placement.scale == 10.0  # device pixels per mm: one stored pixel of 0.1 mm per pixel of the screen
    middle = [(roi.row0 + roi.row1 - 1) / 2, (roi.col0 + roi.col1 - 1) / 2]
    on_screen = stored_to_screen(image, placement, 400, 500).apply(middle)
    np.testing.assert_allclose(on_screen, [249.5, 199.5], atol=1e-6)


def test_a_closer_look_is_not_undone_by_going_to_a_patch(context: Context) -> None:
    give_result(context)
    run("zoom.one_to_one", context)
    run("zoom.in", context)
    run("navigate.go_to_patch", context, context.session.active_image.sop_uid, 0)
    assert context.session.placement(0).scale == 12.5


def test_patches_are_visited_by_attention(context: Context) -> None:
    give_result(context, patches=3)
    uid = context.session.active_image.sop_uid
    result = context.session.results.get(uid).result
    rois = tuple(replace(roi, attention=a) for roi, a in zip(result.rois, (0.2, 0.7, 0.1), strict=True))
    context.session.results.clear()
    context.session.results.restore(replace(result, rois=rois))
    visited = []
    for command_id in ("navigate.next_patch",) * 4 + ("navigate.previous_patch",) * 2:
        run(command_id, context)
        visited.append(context.session.selected_patch[1])
    assert visited == [1, 0, 2, 1, 2, 0]


def test_a_patch_of_an_image_in_another_viewport_activates_it(context: Context) -> None:
    context.session.activate(1)
    give_result(context)
    uid = context.session.active_image.sop_uid
    context.session.activate(0)
    run("navigate.go_to_patch", context, uid, 0)
    assert context.session.active == 1


def test_an_image_that_hangs_nowhere_is_hung_for_its_patch(context: Context) -> None:
    ffdm = context.session.exam.images[5]
    context.session.results.restore(make_result(ffdm))
    run("navigate.go_to_patch", context, ffdm.sop_uid, 0)
    assert context.session.active_image is ffdm


def test_no_patch_is_said_so(context: Context) -> None:
    give_result(context, patches=0)
    assert reason(context, "navigate.next_patch") == "the network chose no patch in this image; its notes say why."


def test_cine_is_the_applications_business(context: Context) -> None:
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    run("navigate.toggle_cine", context)
    assert reason(context, "navigate.cine_faster") == "cine is not running; press C to start it."
    context.session.set_cine(28.0)
    run("navigate.cine_faster", context)
    context.session.set_cine(7.0)
    run("navigate.cine_slower", context)
    assert actions.calls == [("toggle_cine",), ("set_cine", 30.0), ("set_cine", 5.0)]
    assert COMMANDS["navigate.toggle_cine"].checked(context) is True


def test_an_empty_viewport_says_what_to_do(context: Context) -> None:
    context.session.slots[0].state = None
    assert reason(context, "navigate.next_slice") == (
        "the active viewport is empty; drag an image from the study list into it."
    )


def test_a_volume_of_one_slice_counts_as_one_image() -> None:
    exam = replace(make_exam(), images=(make_image("L", "CC", Modality.DBT, frames=1),))
    context = make_context(exam)
    hang_four(context.session, exam)
    assert "L-CC DBT has one slice" in str(reason(context, "navigate.toggle_cine"))
