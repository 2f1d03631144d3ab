"""In which order slices are decoded, and which are forgotten first."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.exam.image_key import slice_stamp
from gmic_core.exam.model import MammoImage
from tests.helpers.hung_images import make_image
from viewer.services.frame_plan import RECENT, FramePlan

SHAPE = (60, 40)
FRAME = 60 * 40 * 2
PYRAMID = FRAME * 4 // 3


def volume(uid: str = "dbt", frames: int = 9) -> MammoImage:
    return make_image("L-CC", "DBT", uid=uid, frames=frames, shape=SHAPE)


def pyramid():
    return (np.zeros(PYRAMID // 2, np.uint16),)


def decode_all(plan: FramePlan, limit: int = 10_000) -> list[tuple[str, int]]:
    """Play the loader: what was asked for first, then what comes next."""
    order = []
    while (task := plan.next_asked() or plan.next_ahead()) is not None:
        image, index = task
        plan.put(image.sop_uid, index, pyramid())
        order.append((image.sop_uid, index))
        assert len(order) < limit
    return order


def test_middle_slices_of_all_images_then_outward_nearest_image_first():
    plan = FramePlan(1 << 30)
    plan.open([volume("a", 5), volume("b", 5)])
    plan.look_at("b", 2)
    assert decode_all(plan) == [
        ("b", 2), ("a", 2),
        ("b", 1), ("b", 3), ("b", 0), ("b", 4),  # the volume that is looked at
        ("a", 1), ("a", 3), ("a", 0), ("a", 4),
    ]  # fmt: skip


def test_reading_ahead_follows_the_reader():
    plan = FramePlan(1 << 30)
    plan.open([volume(frames=30)])
    plan.look_at("dbt", 15)
    plan.put("dbt", 15, pyramid())
    plan.look_at("dbt", 25)
    assert [index for _, index in decode_all(plan)][:5] == [25, 24, 26, 23, 27]


def test_what_was_asked_for_last_comes_first_and_nothing_asked_for_is_lost():
    plan = FramePlan(1 << 30)
    plan.open([volume(frames=40)])
    for index in (3, 7, 30):
        plan.look_at("dbt", index)
    assert [plan.next_asked()[1] for _ in range(3)] == [30, 7, 3]
    assert plan.next_asked() is None


def test_full_memory_keeps_the_slices_around_the_reader():
    plan = FramePlan(5 * PYRAMID)
    plan.open([volume(frames=101)])
    plan.look_at("dbt", 50)
    decode_all(plan)
    assert plan.loaded("dbt") == {48, 49, 50, 51, 52}
    assert plan.used_bytes == 5 * PYRAMID


def test_a_jump_far_away_takes_the_room_of_what_was_left_behind():
    plan = FramePlan(5 * PYRAMID)
    plan.open([volume(frames=101)])
    plan.look_at("dbt", 50)
    decode_all(plan)
    plan.look_at("dbt", 90)
    decode_all(plan)
    assert plan.used_bytes == 5 * PYRAMID
    assert plan.loaded("dbt") == {50, 89, 90, 91, 92} or plan.loaded("dbt") == {50, 88, 89, 90, 91}
    # 50 was looked at a moment ago: going back must not show an empty viewport


def test_a_cap_below_one_slice_still_shows_what_the_reader_looks_at():
    plan = FramePlan(1)
    plan.open([volume("a"), volume("b")])
    plan.look_at("a", 0)
    plan.look_at("b", 8)
    assert decode_all(plan) == [("b", 8), ("a", 0)]
    assert plan.get("a", 0) is not None
    assert plan.get("b", 8) is not None
    plan.look_at("b", 7)
    decode_all(plan)
    assert plan.loaded("b") == {7}


def test_slices_that_cannot_be_read_are_told_and_not_tried_again():
    plan = FramePlan(1 << 30)
    plan.open([volume(frames=3)])
    assert plan.look_at("dbt", 1) is None
    assert plan.next_asked() is not None
    plan.fail("dbt", 1, "damaged")
    assert plan.look_at("dbt", 1) == "damaged"
    assert [index for _, index in decode_all(plan)] == [0, 2]


def test_unknown_images_and_slices_are_ignored():
    plan = FramePlan(1 << 30)
    plan.open([volume(frames=3)])
    assert plan.look_at("other", 0) is None
    assert plan.look_at("dbt", 3) is None
    assert plan.next_asked() is None
    assert plan.get("other", 0) is None
    assert plan.loaded("other") == frozenset()


def test_another_exam_drops_everything_but_the_same_pixels():
    plan = FramePlan(1 << 30)
    one, two = volume("one", 3), volume("two", 3)
    plan.open([one, two])
    decode_all(plan)
    answered = replace(one, view="MLO", questions=("which side?",))  # described anew, same file
    plan.open([answered, replace(two, rows=two.rows + 1)])
    assert plan.loaded("one") == {0, 1, 2}
    assert plan.loaded("two") == frozenset()
    assert plan.used_bytes == 3 * PYRAMID
    plan.open([])
    assert plan.used_bytes == 0


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 12),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 19), st.booleans()), max_size=40),
)
def test_whatever_the_reader_does_memory_is_bounded_and_the_focus_is_there(cap, looks):
    plan = FramePlan(cap * PYRAMID)
    plan.open([volume(uid, 20) for uid in "abc"])
    focus: dict[str, int] = {}
    for uid, index, finish in looks:
        plan.look_at(uid, index)
        focus[uid] = index
        if finish:
            decode_all(plan)
            for seen, at in focus.items():
                assert at in plan.loaded(seen)
    decode_all(plan)
    # what is on screen, and the slice decoded last because it was asked for, stay whatever the cap; nothing else does
    assert plan.used_bytes <= max(cap, len(focus) + 1) * PYRAMID
    assert RECENT == 24


def test_an_exam_opened_again_shows_its_files_as_they_are_now(tmp_path):
    kept, edited = (
        replace(image, source=replace(image.source, paths=(tmp_path / image.sop_uid,)))
        for image in (volume("kept", 3), volume("edited", 3))
    )
    plan = FramePlan(1 << 30)
    plan.open([kept, edited])
    for image in (kept, edited):
        image.files[0].write_bytes(b"pixels")
        for index in range(3):
            plan.put(image.sop_uid, index, pyramid(), slice_stamp(image, index))
    plan.open([kept, edited])
    assert plan.loaded("kept") == plan.loaded("edited") == {0, 1, 2}
    before = edited.files[0].stat()
    edited.files[0].write_bytes(b"others")
    os.utime(edited.files[0], ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened
    plan.open([kept, edited])
    assert plan.loaded("kept") == {0, 1, 2}
    assert plan.loaded("edited") == set()
    assert plan.used_bytes == 3 * PYRAMID // 2 * 2
