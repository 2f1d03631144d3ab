"""One image asked: figures of class, label and lesion; misses, strays, patches; what labels mean."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gmic_core.comparison.classes import REMEMBERED, ClassMap, Subject, effective, remember, remembered
from gmic_core.comparison.curves import RankedMap
from gmic_core.comparison.one_image import OneImage, maps_of, patches_of
from gmic_core.comparison.placing import place
from gmic_core.errors import SegmentationError
from gmic_core.segmentation.lesions import parts
from gmic_core.types import Finding, Member, Roi
from tests.helpers.panel_fakes import make_image, make_result
from tests.helpers.plain_measures import covered, plain, same, upsampled

SHAPE = (5, 40, 30)
CELLS = np.array([[5.0, 0, 2.0], [0, 5.0, 2.0], [0, 0, 1.0]])  # cells of 5 x 5 pixels from the corner
CLASSES = ClassMap({1: Finding.MALIGNANT, 2: Finding.MALIGNANT, 3: Finding.BENIGN, 4: None}, None)


def image(values: np.ndarray, labels: np.ndarray, patches: tuple[tuple[Roi, ...], ...] | None = None) -> OneImage:
    ranked = RankedMap(place(values, CELLS, SHAPE[1:]))
    return OneImage(dict.fromkeys(Finding, ranked), parts(labels), CLASSES, patches)


def scene() -> tuple[np.ndarray, np.ndarray]:
    """Two lesions of label 1, one of label 2; a map that is high on the first, low on the second, and elsewhere."""
    values, labels = np.zeros((5, 8, 6), np.float32), np.zeros(SHAPE, np.uint8)
    labels[1:3, 5:10, 5:10] = 1
    labels[4, 20:30, 0:5] = 1
    labels[0, 35:38, 25:28] = 2
    values[1, 1, 1] = 0.9
    values[4, 4, 0] = 0.25
    values[2:4, 5, 4] = 0.6
    values[3, 6, 5] = 0.4  # shares a corner with the region before
    values[0, 0, 5] = 0.3
    return values, labels


def test_whole_class_label_and_lesion_are_measured_apart() -> None:
    values, labels = scene()
    asked = image(values, labels)
    assert asked.labels(Finding.MALIGNANT) == (1, 2)
    fine = values.repeat(5, axis=1).repeat(5, axis=2)
    first = np.zeros_like(labels, bool)
    first[1:3, 5:10, 5:10] = True
    for subject, mask in (
        (Subject(Finding.MALIGNANT), labels > 0),
        (Subject(Finding.MALIGNANT, 1), labels == 1),
        (Subject(Finding.MALIGNANT, 1, 1), first),
        (Subject(Finding.MALIGNANT, 2, 1), labels == 2),
    ):
        found = asked.compared(subject)
        assert found is not None
        assert found.measures_3d is not None
        same(found.measures, plain(fine.max(axis=0), mask.any(axis=0), np.nan))
        same(found.measures_3d, plain(fine, mask, np.nan))
    for gone in (Subject(Finding.BENIGN), Subject(Finding.MALIGNANT, 3), Subject(Finding.MALIGNANT, 1, 3)):
        assert asked.compared(gone) is None


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.4, 0.59, 0.6, 0.9, 1.0])
def test_what_is_painted_is_what_lies_above_the_threshold(threshold: float) -> None:
    values, labels = scene()
    found = image(values, labels).compared(Subject(Finding.MALIGNANT))
    assert found is not None
    fine, mask = values.repeat(5, axis=1).repeat(5, axis=2), labels > 0
    for deep, a, m in ((False, fine.max(axis=0), mask.any(axis=0)), (True, fine, mask)):
        over = a > np.float32(threshold)
        painted = found.painted(threshold, deep=deep)
        assert painted.dice == pytest.approx(2 * (over & m).sum() / (over.sum() + m.sum()), abs=1e-12)
        assert painted.recall == pytest.approx((over & m).sum() / m.sum(), abs=1e-12)
        if over.any():
            assert painted.precision == pytest.approx((over & m).sum() / over.sum(), abs=1e-12)
        else:
            assert np.isnan(painted.precision)


def test_lesions_are_told_with_their_peak_and_what_patches_cover() -> None:
    values, labels = scene()
    patches = ((Roi(1, 0, 0, 20, 20, 0.7), Roi(4, 20, 0, 26, 30, 0.3)),)
    found = image(values, labels, patches).found(Finding.MALIGNANT)
    told = [(one.component.label, one.component.number, round(one.peak, 2), one.at, one.covered) for one in found]
    assert told == [(1, 1, 0.9, 1, 1.0), (1, 2, 0.25, 4, 0.6), (2, 1, 0.0, 0, 0.0)]
    assert [one.indicated for one in found] == [True, False, False]
    assert [one.painted(0.25) for one in found] == [True, False, False]
    assert [one.painted(0.2) for one in found] == [True, True, False]
    assert all(one.indicated for one in image(values, labels).found(Finding.MALIGNANT))  # no patches are known


def test_painted_regions_that_touch_no_lesion_are_listed_highest_first() -> None:
    values, labels = scene()
    asked = image(values, labels)
    found, count = asked.strays(Finding.MALIGNANT, 0.1)
    assert count == 2
    assert [(round(one.score, 2), one.at, one.slices, one.box) for one in found] == [
        (0.6, 2, (2, 4), (25, 20, 35, 30)), (0.3, 0, (0, 1), (0, 25, 5, 30)),
    ]  # fmt: skip
    assert [one.box for one in asked.strays(Finding.MALIGNANT, 0.5)[0]] == [(25, 20, 30, 25)]
    assert asked.strays(Finding.MALIGNANT, 0.9) == ((), 0)
    only, count = asked.strays(Finding.MALIGNANT, 0.1, most=1)
    assert (len(only), count) == (1, 2)
    # none of the regions touches a benign lesion: there is none
    assert asked.strays(Finding.BENIGN, 0.1)[1] == 4


def test_patches_on_no_lesion_say_whether_one_lies_on_other_slices() -> None:
    values, labels = scene()
    rois = (
        Roi(1, 0, 0, 20, 20, 0.2),
        Roi(4, 0, 0, 20, 20, 0.1),
        Roi(2, 10, 15, 20, 30, 0.7),
        Roi(1, -9, -9, 0, 0, 0.3),
    )
    found = image(values, labels).stray_patches(rois)
    assert [(one.index, one.elsewhere) for one in found] == [(2, False), (3, False), (1, True)]


@pytest.mark.parametrize(
    ("corner", "size"), [((0, 0), (40, 30)), ((7, 3), (11, 20)), ((39, 29), (1, 1)), ((5, 5), (0, 4))]
)
def test_pixels_of_each_rectangle_are_counted(corner: tuple[int, int], size: tuple[int, int]) -> None:
    grid = place(np.zeros((1, 8, 6), np.float32), CELLS @ np.diag([0.7, 0.9, 1.0]), SHAPE[1:]).grid
    mask = np.random.default_rng(1).random(size) > 0.4
    whole = np.zeros(SHAPE[1:], bool)
    whole[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = mask
    rows = np.append(grid.row_starts, SHAPE[1])
    columns = np.append(grid.column_starts, SHAPE[2])
    expected = [
        [whole[r0:r1, c0:c1].sum() for c0, c1 in pairwise(columns)]
        for r0, r1 in pairwise(rows)
    ]
    assert np.array_equal(grid.count(mask, corner), expected)


def test_maps_lie_on_the_image_and_a_result_of_other_slices_is_refused() -> None:
    shown = make_image("L", "MLO")
    result = make_result(shown)
    maps = maps_of(result, (1, shown.rows, shown.columns))
    for finding in Finding:
        expected = upsampled(result, finding, (1, shown.rows, shown.columns))
        assert np.array_equal(maps[finding].placed.upsampled(0), expected[0])
    with pytest.raises(SegmentationError, match=r"The AI result has 1 slices and the image 3; run the AI again\."):
        maps_of(result, (3, shown.rows, shown.columns))


def test_coverage_is_that_of_each_set_of_weights_on_its_own() -> None:
    shown = make_image()
    result = make_result(shown, patches=6)
    assert patches_of(result) == (result.rois,)
    two = tuple(Member(name, "", (0, 0), (0, 0), (0, 0), 3) for name in ("one", "two"))
    assert patches_of(replace(result, members=two)) == (result.rois[:3], result.rois[3:])
    assert patches_of(replace(result, rois=())) == ()
    mask = np.zeros((1, shown.rows, shown.columns), bool)
    mask[0, 60:300, 200:330] = True
    asked = OneImage(maps_of(result, mask.shape), parts(mask.astype(np.uint8)), CLASSES, patches_of(result))  # type: ignore[arg-type]
    found = asked.compared(Subject(Finding.MALIGNANT))
    assert found is not None
    assert found.measures.patch_coverage == pytest.approx(covered(result, mask, deep=False), abs=1e-12)


# -- what labels mean ------------------------------------------------------------------------------------------------
def test_a_choice_goes_before_a_name_and_a_name_before_the_rest() -> None:
    chosen = ClassMap({1: Finding.BENIGN, 2: None})
    names = {1: "malignant mass", 2: "benign cyst", 3: "Benign node", 4: "Label 4", 5: "benign or malignant"}
    assert effective(chosen, names).classes == {
        1: Finding.BENIGN, 2: None, 3: Finding.BENIGN, 4: Finding.MALIGNANT, 5: Finding.MALIGNANT,
    }  # fmt: skip


def test_a_map_without_labels_is_forgotten(gmic_home: Path) -> None:
    remember(ClassMap({3: None, 1: Finding.BENIGN}))
    assert remembered() == ClassMap({1: Finding.BENIGN, 3: None}, Finding.MALIGNANT)
    remember(ClassMap())
    assert not (gmic_home / REMEMBERED).exists()
    assert remembered() == ClassMap()
    remember(ClassMap())
