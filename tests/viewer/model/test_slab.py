"""Slabs equal numpy, say how thick they are, wait for their slices, and leave the decoded frames alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.hung_images import make_image
from tests.helpers.panel_fakes import FakeFrames
from viewer.model.resample import build_pyramid
from viewer.model.slab import Slab, SlabMaker, combine
from viewer.services.protocol import Task

VOLUME = make_image("R-CC", "DBT", frames=40, slice_spacing_mm=1.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16])
@pytest.mark.parametrize("count", [2, 3, 7, 20])
def test_a_slab_is_what_numpy_says(dtype: type[np.generic], count: int) -> None:
    ends = np.iinfo(dtype)  # type: ignore[type-var]
    rng = np.random.default_rng(count)
    stack = rng.integers(ends.min, ends.max, (count, 301, 77), dtype, endpoint=True)  # type: ignore[arg-type]
    mean = combine(list(stack), "mean")
    assert mean.dtype == stack.dtype
    assert np.array_equal(mean, np.rint(stack.mean(axis=0)).astype(dtype))
    assert np.array_equal(combine(list(stack), "maximum"), stack.max(axis=0))
    assert np.array_equal(combine(list(stack), "maximum", inverted=True), stack.min(axis=0))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 65535), min_size=2, max_size=80))
def test_means_are_rounded_as_exact_arithmetic_rounds_them(values: list[int]) -> None:
    frames = [np.full((3, 5), value, np.uint16) for value in values]
    whole, rest = divmod(sum(values), len(values))
    doubled = 2 * rest
    up = doubled > len(values) or (doubled == len(values) and whole % 2 == 1)
    assert combine(frames, "mean")[1, 1] == whole + up


def test_the_frames_that_a_slab_is_made_of_stay_as_they_are() -> None:
    stack = np.random.default_rng(1).integers(0, 4096, (6, 200, 90), np.uint16)
    before = stack.copy()
    for mode in ("mean", "maximum"):
        combine(list(stack), mode)  # type: ignore[arg-type]
    assert np.array_equal(stack, before)


@pytest.mark.parametrize(
    ("thickness", "spacing", "index", "slices"),
    [
        (1.0, 1.0, 10, range(10, 11)),
        (5.0, 1.0, 10, range(8, 13)),
        (10.0, 1.0, 10, range(6, 16)),
        (10.0, 1.0, 2, range(8)),  # at the end of the volume the slab is thinner, never shifted
        (10.0, 1.0, 39, range(35, 40)),
        (10.0, 0.5, 20, range(11, 31)),
        (3.0, None, 20, range(19, 22)),
        (1.0, 3.0, 20, range(20, 21)),
    ],
)
def test_which_slices_belong_to_a_slab(thickness: float, spacing: float | None, index: int, slices: range) -> None:
    image = dataclasses.replace(VOLUME, slice_spacing_mm=spacing)
    assert Slab(on=True, thickness_mm=thickness).slices(image, index) == slices
    assert Slab(on=False, thickness_mm=thickness).slices(image, index) == range(index, index + 1)


def test_thickness_stays_between_1_and_20_mm_and_steps_through_both() -> None:
    slab, seen = Slab(thickness_mm=1.0), []
    for _ in range(9):
        seen.append(slab.thickness_mm)
        slab = slab.stepped(+1)
    assert seen == [1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 20.0]
    assert [slab.thick(mm).thickness_mm for mm in (0.2, 6.5, 99.0)] == [1.0, 6.5, 20.0]
    assert Slab(thickness_mm=6.5).stepped(+1).thickness_mm == 7.0
    assert Slab(thickness_mm=6.5).stepped(-1).thickness_mm == 5.0


def test_words() -> None:
    assert Slab(on=True, thickness_mm=10.0).text(VOLUME) == "slab 10 mm mean"
    assert Slab(on=True, thickness_mm=2.5, mode="maximum").text(VOLUME) == "slab 2.5 mm maximum"
    assert Slab(on=True).text(dataclasses.replace(VOLUME, slice_spacing_mm=None)) == "slab 10 slices mean"


class ArrivingFrames(FakeFrames):
    """Frames of which only some slices are decoded."""

    def __init__(self, there: set[int]) -> None:
        super().__init__()
        self.there = there
        rng = np.random.default_rng(0)
        self.stack = rng.integers(0, 4096, (VOLUME.frames, VOLUME.rows, VOLUME.columns), np.uint16)

    def get(self, image, slice_index):
        return build_pyramid(self.stack[slice_index], 1) if slice_index in self.there else None


def test_a_slab_is_shown_when_all_its_slices_are_there_and_asks_for_those_that_are_not() -> None:
    frames = ArrivingFrames({20, 21})
    maker, slab = SlabMaker(frames), Slab(on=True, thickness_mm=5.0, mode="maximum")
    assert maker.shown(VOLUME, 30, slab) is None
    shown = maker.shown(VOLUME, 20, slab)
    assert shown is not None
    assert (shown.slices, shown.missing) == (range(18, 23), 3)
    assert np.array_equal(shown.pyramid[0], frames.stack[20])  # the slice itself, not a slab of some slices
    # the reader's own slice last: from there the loader reads ahead
    assert sorted(index for _, index in frames.requested[:-1]) == [18, 19, 22]
    assert frames.requested[-1] == (VOLUME.sop_uid, 20)
    maker.shown(VOLUME, 20, slab)
    assert len(frames.requested) == 4  # asked once
    frames.there |= {18, 19, 22}
    shown = maker.shown(VOLUME, 20, slab)
    assert shown is not None
    assert shown.missing == 0
    assert np.array_equal(shown.pyramid[0], frames.stack[18:23].max(axis=0))


def test_a_single_slice_costs_and_changes_nothing() -> None:
    frames = ArrivingFrames({5})
    shown = SlabMaker(frames).shown(VOLUME, 5, Slab(on=True, thickness_mm=1.0))
    assert shown is not None
    assert shown.missing == 0
    assert np.array_equal(shown.pyramid[0], frames.stack[5])


def test_the_network_is_told_nothing_about_slabs() -> None:
    """A task names an image, a model, weights and a device: how slices are looked at cannot reach the worker."""
    assert [field.name for field in dataclasses.fields(Task)] == ["job_id", "image", "model", "refs", "device", "stamp"]
    assert not any("slab" in field.name for field in dataclasses.fields(VOLUME))
