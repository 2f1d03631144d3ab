from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gmic_core.exam.model import MammoImage, Rejection, VoiWindow
from tests.helpers.hung_images import make_exam, make_image, make_result
from viewer.model.hanging import arrange, load_protocols
from viewer.model.placement import Placement
from viewer.model.session import Activity, Session, link_key

PROTOCOLS = load_protocols()
FOUR = tuple(make_image(label, shape=(300, 200)) for label in ("R-CC", "L-CC", "R-MLO", "L-MLO"))


def opened(*images: MammoImage, layout: str = "2x2") -> Session:
    session = Session()
    exam = make_exam(*(images or FOUR))
    session.open_exam(exam)
    session.hang(layout, *arrange(PROTOCOLS[layout], exam, session))
    return session


def test_opening_an_exam_drops_everything_of_the_one_before() -> None:
    session = opened()
    session.results.restore(make_result(FOUR[0]))
    session.state_of(FOUR[0]).set_inverted(True)
    session.place(0, Placement("free", 3.0))
    session.select_patch(FOUR[0].sop_uid, 2)
    session.maximised = 1
    told: list[object] = []
    session.exam_changed.connect(told.append)
    session.results.cleared.connect(lambda: told.append("cleared"))
    other = make_exam(*FOUR, study="2.25.2")
    session.open_exam(other)
    assert told == ["cleared", other]
    assert session.results.get(FOUR[0].sop_uid) is None
    assert not session.state_of(FOUR[0]).inverted
    assert (session.slots, session.active, session.maximised, session.selected_patch) == ([], 0, None, None)
    assert session.active_image is None
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], other, session))
    assert session.placement(0).mode == "fit"


def test_closing_the_exam_leaves_nothing_on_screen() -> None:
    session = opened()
    session.open_exam(None)
    assert session.exam is None
    assert session.image(FOUR[0].sop_uid) is None


def test_a_second_scan_replaces_exams_and_rejections() -> None:
    session = Session()
    first, other = make_exam(FOUR[0]), make_exam(FOUR[1], study="2.25.9")
    session.add_exams([first, other], [Rejection(Path("a"), "no image"), Rejection(Path("b"), "no image")])
    again = make_exam(*FOUR)
    told: list[bool] = []
    session.exams_changed.connect(lambda: told.append(True))
    session.add_exams([again], [Rejection(Path("b"), "damaged")])
    assert session.exams == [other, again]
    assert [(str(item.path), item.reason) for item in session.rejected] == [("a", "no image"), ("b", "damaged")]
    assert told == [True]


def test_hanging_keeps_the_active_image_active() -> None:
    session = opened()
    session.activate(2)
    exam = session.exam
    assert exam
    told: list[object] = []
    session.layout_changed.connect(lambda: told.append("layout"))
    session.active_changed.connect(told.append)
    session.hang("single", *arrange(PROTOCOLS["single"], exam, session))
    assert session.active_image is FOUR[2]
    assert told == ["layout", 0]
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], exam, session))
    assert (session.active, session.layout, session.grid) == (2, "2x2", (2, 2))


def test_an_empty_viewport_is_not_the_first_active_one() -> None:
    session = opened(FOUR[1], FOUR[2])
    assert session.slots[0].state is None
    assert session.active == 1


def test_viewports_are_visited_round_the_end() -> None:
    session = opened()
    session.activate(3)
    session.activate(session.active + 1)
    assert session.active == 0
    session.activate(-1)
    assert session.active == 3
    Session().activate(1)  # without viewports there is nothing to do


def test_activating_another_viewport_maximises_that_one() -> None:
    session = opened()
    session.toggle_maximised()
    assert session.maximised == 0
    told: list[object] = []
    session.layout_changed.connect(lambda: told.append("layout"))
    session.active_changed.connect(told.append)
    session.activate(2)
    assert (session.maximised, session.active_image) == (2, FOUR[2])
    assert told == ["layout", 2]
    session.toggle_maximised()
    session.activate(1)
    assert session.maximised is None
    assert told == ["layout", 2, "layout", 1]


def test_an_image_dropped_into_a_viewport_hangs_there_and_is_active() -> None:
    extra = make_image("R-ML")
    session = opened(*FOUR, extra)
    session.put_image(3, extra)
    assert session.active_image is extra
    assert session.slots[3].title == "R-ML"
    session.put_image(0, extra)  # the same image twice shares slice and window
    assert session.slots[0].state is session.slots[3].state


def test_fitted_images_share_one_scale_in_mm() -> None:
    small, large = make_image("R-CC", shape=(100, 80)), make_image("L-CC", shape=(300, 200))
    session = opened(small, large)
    for index in range(4):
        session.set_viewport_size(index, 90, 120)
    assert session.placement(0).scale == session.placement(1).scale == pytest.approx(4.0)
    session.activate(0)
    session.toggle_maximised()
    session.set_viewport_size(0, 180, 240)
    assert session.placement(0).scale == pytest.approx(min(180 / 8, 240 / 10))  # alone it may be larger


def test_images_without_spacing_are_fitted_among_themselves() -> None:
    session = opened(make_image("R-CC", spacing=None, shape=(300, 200)), make_image("L-CC", shape=(300, 200)))
    for index in range(4):
        session.set_viewport_size(index, 90, 120)
    assert session.placement(0).scale == pytest.approx(0.4)
    assert session.placement(1).scale == pytest.approx(4.0)


def test_sizes_are_known_after_the_layout_changed_but_for_viewports_that_are_gone() -> None:
    session = opened()
    for index in range(4):
        session.set_viewport_size(index, 90, 120)
    exam = session.exam
    assert exam
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], exam, session))
    assert session.placement(0).scale == pytest.approx(4.0)  # no resize event comes where nothing is resized
    session.hang("single", *arrange(PROTOCOLS["single"], exam, session))
    session.set_viewport_size(0, 180, 240)
    assert session.placement(0).scale == pytest.approx(8.0)


def test_resizing_is_told_once() -> None:
    session = opened()
    told: list[bool] = []
    session.placement_changed.connect(lambda: told.append(True))
    session.set_viewport_size(0, 90, 120)
    session.set_viewport_size(0, 90, 120)
    assert told == [True]


def test_zoom_is_linked_inside_a_view_and_nowhere_else() -> None:
    images = [make_image(label, modality) for label in ("R-CC", "R-MLO", "L-CC") for modality in ("DBT", "FFDM")]
    session = opened(*images)
    session.hang("compare", *arrange(PROTOCOLS["compare"], make_exam(*images), session, focus=images[0]))
    zoomed = Placement("free", 7.0, 1.0, 2.0)
    session.place(0, zoomed)
    assert [session.placement(index) for index in range(2)] == [zoomed, zoomed]
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], make_exam(*images), session))
    assert [session.placement(index).mode for index in range(4)] == ["free", "fit", "fit", "fit"]
    session.place(0, None)
    assert session.placement(0).mode == "fit"


def test_uncalibrated_images_and_images_of_unknown_view_are_linked_to_nothing() -> None:
    one, other = make_image("R-CC", "FFDM", spacing=None), make_image("R-CC", "S2D", spacing=None)
    assert link_key(one) != link_key(other)
    assert link_key(make_image("R-?", "FFDM")) != link_key(make_image("R-?", "S2D"))
    assert link_key(make_image("?-CC", "FFDM")) != link_key(make_image("?-CC", "S2D"))
    assert link_key(make_image("R-CC", "FFDM")) == link_key(make_image("R-CC", "DBT"))


def test_an_empty_viewport_can_neither_be_placed_nor_break_anything() -> None:
    session = opened(FOUR[1])
    session.place(0, Placement("free", 2.0))
    assert session.placement(0) == Placement()


def test_what_is_told_about_the_worker() -> None:
    session = Session()
    told: list[bool] = []
    session.ai_changed.connect(lambda: told.append(True))
    session.set_ai(state="running", device="cpu", jobs=("a",))
    assert (session.ai.state, session.ai.device, session.ai.jobs) == ("running", "cpu", ("a",))
    assert told == [True]
    with pytest.raises(AttributeError, match="speed"):
        session.set_ai(speed=3)


def test_identity_cine_and_activity_are_told_when_they_change() -> None:
    session = Session()
    told: list[object] = []
    session.identity_changed.connect(told.append)
    session.cine_changed.connect(told.append)
    session.activity_changed.connect(lambda: told.append(session.activity))
    session.set_identity_hidden(True)
    session.set_cine(10.0)
    session.set_cine(10.0)
    session.set_activity(Activity("Reading", 3, 10))
    session.set_activity(Activity("Reading", 3, 10))
    session.set_activity(None)
    assert told == [True, 10.0, Activity("Reading", 3, 10), None]
    assert session.identity_hidden


def test_zoom_pan_and_grey_values_outlive_hanging_steps_and_the_next_exam() -> None:
    session = opened()
    first, other = session.exam, make_exam(*(replace(i, sop_uid=f"{i.sop_uid}x") for i in FOUR), study="2.25.2")
    assert first is not None
    placement, window = Placement("free", 7.5, 3.0, 20.0), VoiWindow(900.0, 1800.0)
    session.place(2, placement)
    session.state_of(FOUR[2]).set_window(window)
    session.hang("single", *arrange(PROTOCOLS["single"], first, session, focus=FOUR[2]))
    assert (session.placement(0), session.slots[0].state.current_window) == (placement, window)  # type: ignore[union-attr]
    session.open_exam(other)
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], other, session))
    assert session.placement(2).mode == "fit"
    session.open_exam(first)
    session.hang("2x2", *arrange(PROTOCOLS["2x2"], first, session))
    assert (session.placement(2), session.state_of(FOUR[2]).current_window) == (placement, window)
    session.open_exam(other)
    changed = make_exam(*(replace(image, view="LM") for image in FOUR))
    session.open_exam(changed)
    assert session.state_of(changed.images[2]).window is None
