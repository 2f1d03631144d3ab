"""Marks: what they measure, which pixels a region has, where a place is, how they are taken hold of."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation, PlaneMap
from gmic_core.exam.model import PixelFormat, VoiTable
from tests.helpers.hung_images import make_image
from tests.helpers.panel_fakes import FakeFrames
from viewer.model.marks import Mark, bounds, clamped, handles, is_degenerate, moved, outline, simplified, with_handle
from viewer.model.marks_model import ImageMarks, MarksModel
from viewer.model.marks_place import guess_nipple, place_of
from viewer.model.marks_region import polygon_mask, region_of, statistics
from viewer.model.marks_values import MarkValues, angle_of, lengths_of, title_of
from viewer.model.placement import view_mm_map
from viewer.model.tissue import Tissue


def mark(kind, *points, text="", slice_index=0):
    return Mark(kind, "1", slice_index, points, text)


# -- lengths and angles ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("spacing", "meaning", "words"),
    [
        ((0.1, 0.1), "detector", "5.0 mm at detector"),
        ((0.1, 0.1), "corrected", "5.0 mm corrected"),
        ((0.1, 0.1), "calibrated", "5.0 mm calibrated"),
        ((0.1, 0.1), "", "5.0 mm as stated"),
        ((0.2, 0.1), "detector", "7.2 mm at detector"),
        (None, "", "50 px uncalibrated"),
    ],
)
def test_a_length_says_what_its_spacing_means(spacing, meaning, words):
    image = make_image(shape=(100, 100), spacing=spacing, spacing_meaning=meaning)
    values = MarkValues(MarksModel(), FakeFrames(ready=False))
    assert values.short_lines(mark("length", (10.0, 10.0), (40.0, 50.0)), image) == (words,)


def test_the_meaning_of_the_spacing_is_told_in_full():
    values = MarkValues(MarksModel(), FakeFrames(ready=False))
    line = mark("length", (0.0, 0.0), (30.0, 40.0))
    image = make_image(shape=(100, 100), spacing_meaning="detector")
    assert values.full_lines(line, image)[0] == (
        "5.0 mm, at the detector: larger than in the breast by the magnification, which the file does not state."
    )
    plain = make_image(shape=(100, 100), spacing=None)
    assert values.full_lines(line, plain)[0] == (
        "50 px, uncalibrated: the file states no pixel spacing, so this is in pixels."
    )
    assert title_of(line, make_image("L-MLO", "DBT", frames=9)) == "L-MLO DBT slice 1: Length"


@pytest.mark.parametrize(
    ("one", "other", "degrees"),
    [((0, 10), (10, 0), 90.0), ((0, 10), (0, -5), 180.0), ((0, 10), (10, 10), 45.0), ((0, 10), (0, 4), 0.0)],
)
def test_an_angle(one, other, degrees):
    lengths = lengths_of(make_image())
    assert angle_of(mark("angle", one, (0, 0), other), lengths) == pytest.approx(degrees)


def test_an_angle_is_measured_in_mm_and_has_none_without_an_arm():
    lengths = lengths_of(make_image(spacing=(0.2, 0.1)))
    assert angle_of(mark("angle", (0, 10), (0, 0), (5, 10)), lengths) == pytest.approx(45.0)
    assert angle_of(mark("angle", (0, 0), (0, 0), (5, 10)), lengths) is None


# -- regions ---------------------------------------------------------------------------------------------------------
def inside_reference(points, rows, columns):
    """The even-odd rule pixel by pixel, written out on its own (PNPOLY)."""
    out = np.zeros((rows, columns), bool)
    for row in range(rows):
        for col in range(columns):
            odd = False
            for (r0, c0), (r1, c1) in zip(points, [*points[1:], points[0]], strict=True):
                if (r0 > row) != (r1 > row) and col < c0 + (row - r0) * (c1 - c0) / (r1 - r0):
                    odd = not odd
            out[row, col] = odd
    return out


@pytest.mark.parametrize("seed", range(12))
def test_a_free_form_region_has_the_pixels_of_the_reference(seed):
    rng = np.random.default_rng(seed)
    points = [tuple(map(float, point)) for point in rng.uniform(-4, 30, (3 + seed, 2))]  # most cross themselves
    found = region_of(mark("freeform", *points), 24, 26)
    whole = np.zeros((24, 26), bool)
    whole[found.row0 : found.row0 + found.mask.shape[0], found.col0 : found.col0 + found.mask.shape[1]] = found.mask
    assert np.array_equal(whole, inside_reference(points, 24, 26))


def test_regions_that_share_an_edge_share_no_pixel():
    left = polygon_mask([(2, 2), (2, 5), (7, 5), (7, 2)], 0, 0, 10, 10)
    right = polygon_mask([(2, 5), (2, 9), (7, 9), (7, 5)], 0, 0, 10, 10)
    assert not (left & right).any()
    expected = np.zeros((10, 10), bool)
    expected[2:7, 2:9] = True  # centres on the upper and the left border are inside, on the lower and the right one not
    assert np.array_equal(left | right, expected)


def test_an_ellipse_has_the_pixels_whose_centres_are_in_it():
    found = region_of(mark("ellipse", (10.0, 6.0), (2.0, 18.0)), 40, 40)
    rows, cols = np.mgrid[0:40, 0:40]
    expected = ((rows - 6) / 4) ** 2 + ((cols - 12) / 6) ** 2 <= 1
    whole = np.zeros((40, 40), bool)
    whole[2:11, 6:19] = found.mask
    assert np.array_equal(whole, expected)
    large = region_of(mark("ellipse", (10.0, 10.0), (110.0, 210.0)), 400, 400)
    assert large.pixels == pytest.approx(math.pi * 50 * 100, rel=1e-3)


def test_statistics_are_of_values_after_the_modality_lut():
    image = make_image(shape=(40, 40), spacing=(0.2, 0.5))
    image = replace(image, pixel=replace(image.pixel, slope=2.0, intercept=-100.0))
    frame = np.arange(1600, dtype=np.uint16).reshape(40, 40)
    found = statistics(region_of(mark("freeform", (5, 5), (5, 9), (8, 9), (8, 5)), 40, 40), frame, image)
    values = frame[5:8, 5:9].astype(float) * 2 - 100
    assert (found.mean, found.sd) == (pytest.approx(values.mean()), pytest.approx(values.std()))
    assert (found.pixels, found.lowest, found.highest) == (12, values.min(), values.max())
    assert found.area_mm2 == pytest.approx(12 * 0.2 * 0.5)


def test_a_modality_table_counts_and_padding_does_not():
    table = VoiTable(0, 16, tuple(range(0, 3000, 3)))
    pixel = PixelFormat(modality_table=table, padding=(0, 0))
    image = replace(make_image(shape=(20, 20), spacing=None), pixel=pixel)
    frame = np.zeros((20, 20), np.uint16)
    frame[5:9, 5:7] = 10
    found = statistics(region_of(mark("freeform", (5, 5), (5, 9), (9, 9), (9, 5)), 20, 20), frame, image)
    assert (found.mean, found.sd, found.pixels, found.padding) == (30.0, 0.0, 16, 8)
    assert found.area_mm2 is None
    empty = statistics(region_of(mark("ellipse", (1.2, 1.2), (1.4, 1.4)), 20, 20), frame, image)
    assert (empty.mean, empty.pixels) == (None, 0)


def test_a_region_says_area_mean_sd_and_what_they_are_of():
    class Flat(FakeFrames):
        def get(self, image, slice_index):
            frame = np.full((image.rows, image.columns), 700, np.uint16)
            frame[:, ::2] = 500
            return (frame,)

    values = MarkValues(MarksModel(), Flat())
    square = mark("freeform", (10, 10), (10, 30), (30, 30), (30, 10))
    image = make_image(shape=(60, 40), spacing_meaning="corrected")
    assert values.short_lines(square, image) == ("4.0 mm² corrected", "mean 600  SD 100", "stored values")
    rescaled = replace(image, pixel=replace(image.pixel, slope=0.5), sop_uid="other")
    assert values.short_lines(square, rescaled)[1:] == ("mean 300.0  SD 50.0", "values after the modality LUT")
    bare = replace(image, spacing_mm=None, sop_uid="bare")
    assert values.short_lines(square, bare)[0] == "400 px uncalibrated"
    waiting = MarkValues(MarksModel(), FakeFrames(ready=False))
    assert waiting.short_lines(square, image) == ("values when the slice is loaded",)


def test_pixels_outside_the_image_do_not_count():
    found = region_of(mark("ellipse", (-20.0, -20.0), (20.0, 20.0)), 50, 50)
    rows, cols = np.mgrid[0:50, 0:50]
    assert found.pixels == np.count_nonzero(rows**2 + cols**2 <= 400)


# -- places ----------------------------------------------------------------------------------------------------------
def stored_at(image, down, depth):
    row, col = view_mm_map(image).inverse().apply([down, depth])
    return float(row), float(col)


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize(
    ("view", "down", "half"),
    [
        ("CC", -20.0, "outer"),
        ("CC", 20.0, "inner"),
        ("CC", 2.0, "at the nipple line"),
        ("MLO", -20.0, "upper"),
        ("ML", 20.0, "lower"),
        ("XCCL", -20.0, "outer"),
        ("SIO", 20.0, ""),
    ],
)
def test_the_half_follows_the_hanging_whatever_is_stored(turn, side, view, down, half):
    image = make_image(f"{side}-{view}", shape=(1200, 800), stored=turn)
    place = place_of(image, stored_at(image, down, 30.0), stored_at(image, 0.0, 70.0), guessed=False)
    assert place is not None
    assert (place.half, place.third) == (half, "middle third")
    assert place.from_nipple == pytest.approx(math.hypot(down, 40.0))
    assert (place.behind_nipple, place.from_wall) == (pytest.approx(40.0), pytest.approx(30.0))


@pytest.mark.parametrize(
    ("depth", "third"),
    [(65, "anterior third"), (40, "middle third"), (10, "posterior third"), (75, "in front of the nipple")],
)
def test_thirds_from_nipple_to_chest_wall(depth, third):
    image = make_image("L-CC", shape=(1200, 800))
    place = place_of(image, stored_at(image, -30.0, depth), stored_at(image, 0.0, 72.0), guessed=True)
    assert place is not None
    assert place.third == third


def test_a_place_says_what_one_view_cannot_tell():
    image = make_image("R-MLO", shape=(1200, 800))
    place = place_of(image, stored_at(image, -30.0, 40.0), stored_at(image, 0.0, 70.0), guessed=True)
    assert place is not None
    assert place.lines() == ("R upper half, middle third", "42 mm from nipple (guessed)")
    assert place.sentences() == (
        "R upper half, middle third; 42 mm from nipple (guessed), 30 mm behind it.",
        "MLO alone does not tell outer from inner. It is oblique: an outer place appears higher, an inner one lower "
        "than in a lateral view.",
        "40 mm from the image's chest-wall edge; thirds are counted from the nipple to that edge.",
    )


@pytest.mark.parametrize("fields", [{"questions": ("Which side?",)}, {"view": None}, {"laterality": None}])
def test_no_place_while_side_or_view_are_in_question(fields):
    image = replace(make_image("R-CC"), **fields)
    assert place_of(image, (1.0, 1.0), (2.0, 2.0), guessed=True) is None
    values = MarkValues(MarksModel(), FakeFrames(ready=False))
    assert values.short_lines(mark("place", (1.0, 1.0)), image) in (
        ("side or view in question",),
        ("no nipple found; place it",),
    )


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("side", ["L", "R"])
def test_the_nipple_is_guessed_at_the_tip_whatever_is_stored(turn: Orientation, side: str):
    facing = np.zeros((120, 80), bool)
    rows, cols = np.mgrid[0:120, 0:80]
    facing[((rows - 60) / 50) ** 2 + (cols / 60) ** 2 <= 1] = True
    facing[68:73, 56:66] = True  # the nipple, below the middle
    facing[0:5, :78] = True  # an arm
    image = make_image(f"{side}-CC", shape=(120, 80), stored=turn, spacing=(1.0, 1.0))
    display = facing if side == "L" else facing[:, ::-1]
    mask = _stored(display, image)
    guess = guess_nipple(image, Tissue(mask, PlaneMap.identity(), None))
    assert guess is not None
    down, depth = view_mm_map(image).apply(guess)
    assert (down, depth) == (pytest.approx(70 - 59.5, abs=1.5), pytest.approx(65, abs=1.5))


def test_in_an_oblique_view_the_nipple_is_looked_for_lower():
    """The outline of an MLO is as deep at two heights; the lower one lies further from the pectoral muscle."""
    facing = np.zeros((240, 120), bool)
    rows, cols = np.mgrid[0:240, 0:120]
    facing[((rows - 90) / 60) ** 2 + (cols / 80) ** 2 <= 1] = True
    facing[((rows - 150) / 60) ** 2 + (cols / 78) ** 2 <= 1] = True
    found = []
    for view in ("MLO", "ML"):
        image = make_image(f"L-{view}", shape=(240, 120), spacing=(1.0, 1.0))
        found.append(guess_nipple(image, Tissue(facing, PlaneMap.identity(), None)))
    assert found[0] == (pytest.approx(160, abs=4), pytest.approx(76, abs=2))
    assert found[1] == (pytest.approx(90, abs=8), pytest.approx(79, abs=2))


def _stored(display, image):
    """Return the stored mask of a displayed one, through nothing but the map of its pixel centres."""
    out = np.zeros((image.rows, image.columns), bool)
    rows, cols = np.mgrid[0 : image.rows, 0 : image.columns]
    down, depth = np.moveaxis(view_mm_map(image).apply(np.stack([rows, cols], axis=-1)), -1, 0)
    row = np.rint(down + (display.shape[0] - 1) / 2).astype(int)
    col = np.rint(depth - 0.5).astype(int)
    out[rows, cols] = (display if image.laterality == "L" else display[:, ::-1])[row, col]
    return out


# -- shapes ----------------------------------------------------------------------------------------------------------
def test_marks_refuse_points_that_do_not_fit():
    for kind, points in [
        ("length", [(0, 0)]),
        ("freeform", [(0, 0), (1, 1)]),
        ("text", []),
        ("length", [(0, 0), (math.nan, 1)]),
    ]:
        with pytest.raises(ValueError, match=kind):
            mark(kind, *points)


def test_handles_of_an_ellipse_are_the_ends_of_its_axes():
    oval = mark("ellipse", (10.0, 40.0), (30.0, 20.0))
    assert handles(oval) == ((10.0, 30.0), (20.0, 40.0), (30.0, 30.0), (20.0, 20.0))
    assert bounds(with_handle(oval, 1, (0.0, 50.0))) == ((10.0, 20.0), (30.0, 50.0))
    assert bounds(with_handle(oval, 0, (5.0, 99.0))) == ((5.0, 20.0), (30.0, 40.0))
    line = mark("length", (1.0, 2.0), (3.0, 4.0))
    assert with_handle(line, 1, (9.0, 9.0)).points == ((1.0, 2.0), (9.0, 9.0))
    assert moved(line, 1.0, -1.0).points == ((2.0, 1.0), (4.0, 3.0))
    assert clamped((-7.0, 99.0), 10, 20) == (-0.5, 19.5)


def test_slips_of_the_hand_and_lines_with_too_many_points():
    assert is_degenerate(mark("length", (1.0, 1.0), (1.5, 1.0)), 2.0)
    assert is_degenerate(mark("ellipse", (1.0, 1.0), (1.5, 40.0)), 2.0)
    assert not is_degenerate(mark("text", (1.0, 1.0)), 2.0)
    circle = [(50 + 40 * math.sin(a), 50 + 40 * math.cos(a)) for a in np.linspace(0, 6.28, 500)]
    kept = simplified(circle, 0.5)
    assert 10 < len(kept) < 60
    ratio = polygon_mask(kept, 0, 0, 100, 100).sum() / polygon_mask(circle, 0, 0, 100, 100).sum()
    assert ratio == pytest.approx(1.0, abs=0.02)
    assert len(outline(mark("freeform", *kept))[0]) == len(kept) + 1


# -- the model -------------------------------------------------------------------------------------------------------
def test_an_image_has_one_nipple_and_the_selection_follows():
    marks = MarksModel()
    first, second = mark("nipple", (1.0, 1.0)), mark("nipple", (2.0, 2.0))
    marks.add(first)
    marks.add(second)
    assert marks.of("1").marks == (second,)
    assert marks.selected == second.id
    marks.remove(second.id)
    assert (marks.selected, marks.images) == (None, {})


def test_escape_leaves_one_thing_after_the_other():
    marks = MarksModel()
    line = mark("length", (1.0, 1.0), (2.0, 9.0))
    marks.add(line)
    marks.choose_tool("length")
    marks.set_draft(line)
    left = [(marks.escape(), marks.draft, marks.tool, marks.selected) for _ in range(4)]
    assert left[:2] == [(True, None, "length", line.id), (True, None, None, line.id)]
    assert left[2:] == [(True, None, None, None), (False, None, None, None)]


def test_key_slices_toggle():
    marks = MarksModel()
    assert marks.toggle_key_slice("1", 4)
    assert marks.of("1") == ImageMarks((), frozenset({4}))
    assert not marks.toggle_key_slice("1", 4)
    assert marks.images == {}


def test_a_place_in_a_tomosynthesis_says_how_deep_its_slice_lies():
    marks, image = MarksModel(), make_image("R-CC", "DBT", frames=40, shape=(1200, 800), slice_spacing_mm=1.0)
    marks.add(Mark("nipple", image.sop_uid, 0, (stored_at(image, 0.0, 70.0),)))
    there = Mark("place", image.sop_uid, 12, (stored_at(image, -30.0, 40.0),))
    values = MarkValues(marks, FakeFrames(ready=False))
    assert values.short_lines(there, image) == ("R outer half, middle third", "42 mm from nipple")
    assert values.full_lines(there, image) == (
        "R outer half, middle third; 42 mm from nipple, 30 mm behind it.",
        "CC alone does not tell upper from lower.",
        "40 mm from the image's chest-wall edge; thirds are counted from the nipple to that edge.",
        "12 mm from the first of 40 slices.",
    )
    assert values.headline(there, image) == "Place 42 mm from nipple"
