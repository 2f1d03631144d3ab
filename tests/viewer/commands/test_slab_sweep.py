"""Slab, lens and sweep as a reader runs them: what changes, what is said, why they cannot run."""

from __future__ import annotations

import pytest

from tests.helpers.panel_fakes import FakeFrames, make_context, make_exam, make_image
from viewer.commands import Context, run, why_disabled
from viewer.model.slab import Slab
from viewer.model.viewing import Lens
from viewer.model.viewstate import Slot


@pytest.fixture
def context() -> Context:
    return make_context(make_exam(frames=12))


@pytest.fixture
def hints(context: Context) -> list[str]:
    said: list[str] = []
    context.session.notice.connect(lambda _level, text: said.append(text))
    return said


def show_ffdm(context: Context) -> None:
    image = make_image("R", "CC", frames=1, spacing=(0.1, 0.1))
    context.session.hang("single", (1, 1), [Slot(0, 0, "R-CC", context.session.state_of(image))])
    context.session.set_viewport_size(0, 200, 200)


def test_slab_on_and_off_mode_and_thickness(context: Context, hints: list[str]) -> None:
    viewing = context.session.viewing
    run("slab.toggle", context)
    assert viewing.slab == Slab(True, 10.0, "mean")
    run("slab.mode", context)
    run("slab.thicker", context)
    assert viewing.slab == Slab(True, 15.0, "maximum")
    run("slab.toggle", context)
    assert viewing.slab == Slab(False, 15.0, "maximum")
    run("slab.thinner", context)  # first brings back what was there
    assert viewing.slab == Slab(True, 15.0, "maximum")
    run("slab.set_thickness", context, 3.5)
    assert viewing.slab.thickness_mm == 3.5
    assert hints == [
        "Now shown: slab 10 mm mean.",
        "Now shown: slab 10 mm maximum.",
        "Now shown: slab 15 mm maximum.",
        "Now shown: single slices.",
        "Now shown: slab 15 mm maximum.",
        "Now shown: slab 3.5 mm maximum.",
    ]


def test_the_ends_of_the_thickness_say_so(context: Context) -> None:
    run("slab.set_thickness", context, 20.0)
    assert why_disabled("slab.thicker", context) == "the slab is 20 mm thick already."
    run("slab.set_thickness", context, 1.0)
    assert why_disabled("slab.thinner", context) == "the slab is 1 mm thick already."


def test_a_slab_needs_slices(context: Context) -> None:
    show_ffdm(context)
    assert why_disabled("slab.toggle", context) == (
        "R-CC FFDM has one slice; choose a tomosynthesis (DBT) viewport."
    )  # fmt: skip


def test_slab_stays_while_slices_viewports_and_hanging_change(context: Context) -> None:
    run("slab.set_thickness", context, 5.0)
    run("navigate.next_slice", context)
    run("navigate.next_viewport", context)
    show_ffdm(context)
    assert context.session.viewing.slab == Slab(True, 5.0, "mean")


def test_lens_strengths_go_round_and_escape_takes_it_away(context: Context, hints: list[str]) -> None:
    viewing = context.session.viewing
    run("zoom.lens", context)
    assert viewing.lens == Lens(True, 2.0)
    found = []
    for _ in range(3):
        run("zoom.lens_strength", context)
        found.append(viewing.lens.strength)
    assert found == [3.0, 4.0, 2.0]
    assert hints[-1] == "The lens magnifies 2 times, and to 1:1 at least."
    assert (viewing.escape(), viewing.lens.on, viewing.escape()) == (True, False, False)


def test_lens_magnifies_at_least_to_one_to_one() -> None:
    assert Lens(strength=2.0).scale(3.0, 10.0) == 10.0
    assert Lens(strength=4.0).scale(3.0, 10.0) == 12.0


def test_sweep_goes_through_all_fields_and_fits_again(context: Context, hints: list[str]) -> None:
    show_ffdm(context)
    session = context.session
    seen = []
    for _ in range(20):
        run("zoom.sweep_next", context)
        placement = session.placement(0)
        if placement.mode == "fit":
            break
        seen.append((placement.down, placement.depth))
        assert placement.mode == "one_to_one"
        assert placement.scale == pytest.approx(10.0)
    assert len(seen) == len(set(seen)) >= 6
    assert hints[0] == f"Field 1 of {len(seen)} of R-CC at 1:1."
    assert hints[-1] == f"The sweep over R-CC is done: {len(seen)} fields showed the whole breast at 1:1."
    run("zoom.sweep_previous", context)  # backwards it begins at the last field
    assert (session.placement(0).down, session.placement(0).depth) == seen[-1]
    run("zoom.sweep_previous", context)
    assert (session.placement(0).down, session.placement(0).depth) == seen[-2]


def test_sweep_begins_anew_after_the_reader_looked_elsewhere(context: Context) -> None:
    show_ffdm(context)
    run("zoom.sweep_next", context)
    first = context.session.placement(0)
    run("zoom.sweep_next", context)
    run("zoom.pan_left", context)
    run("zoom.sweep_next", context)
    assert context.session.placement(0) == first


def test_sweep_waits_for_pixels(context: Context) -> None:
    frames = context.frames
    assert isinstance(frames, FakeFrames)
    frames.ready = False
    assert why_disabled("zoom.sweep_next", context) == "the image is still loading; wait until it is shown."


def test_cine_way_is_remembered_and_said(context: Context, hints: list[str]) -> None:
    run("navigate.cine_sweep", context)
    assert not context.settings.cine_sweep
    run("navigate.cine_sweep", context)
    assert context.settings.cine_sweep
    assert hints == ["Cine plays from the first slice to the last and again.", "Cine plays to and fro."]
