"""Test-time augmentation: windows moved and resized by chance, and where their maps lie."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.errors import InferenceError
from gmic_core.evaluation.digital import ArrayReader
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.inference.augmented import mean_scores, moved, noisy_planner, run_augmented
from gmic_core.preprocessing import PixelLevels, Projection, plan_window
from gmic_core.preprocessing.window import AugmentationWindow
from gmic_core.types import Laterality, Modality
from tests.helpers.breasts import breast
from tests.helpers.networks import COLUMNS, ROWS, small_network


def volume(slices: int = 2) -> tuple[MammoImage, np.ndarray]:
    pixels = np.stack([breast(520, 400, seed=2)] * slices)
    image = MammoImage(
        sop_uid="1.2.3", modality=Modality.DBT, laterality=Laterality.L, view="CC", frames=slices, rows=520,
        columns=400, source=PixelSource("dicom", ()), pixel=PixelFormat(16, 12), spacing_mm=(0.1, 0.1),
    )  # fmt: skip
    return image, pixels


def test_ten_windows_differ_and_are_the_same_twice() -> None:
    image, pixels = volume(1)
    loaded = small_network("gmic3d")
    reader = ArrayReader(pixels, 1)
    first = run_augmented(image, loaded, reader, count=3, noise=40)
    again = run_augmented(image, loaded, reader, count=3, noise=40)
    other = run_augmented(image, loaded, reader, count=3, noise=40, seed=1)
    assert [result.y for result in first] == [result.y for result in again]
    assert [result.y for result in first] != [result.y for result in other]
    assert len({tuple(result.saliency_to_stored.ravel()) for result in first}) == 3
    assert first[1].notes[-1] == "Augmentation 2 of 3."
    y, y_global = mean_scores(first)
    assert y == pytest.approx(np.mean([result.y for result in first], axis=0))
    assert y_global == pytest.approx(np.mean([result.y_global for result in first], axis=0))
    with pytest.raises(InferenceError, match="at least once"):
        run_augmented(image, loaded, reader, count=0)


def test_the_map_back_leads_where_the_pixels_came_from() -> None:
    """A bright dot in the stored image is found again where the moved window's map says it is."""
    image, pixels = volume(1)
    spec = small_network("gmic3d").network.spec
    projection = Projection(PixelLevels.of(image.pixel))
    projection.add(pixels[0])
    levels, highest = projection.finish()
    plain = plan_window(highest, levels, image, spec)
    for number in range(6):
        plan = noisy_planner("1.2.3", 0, number, 60)(highest, levels, image, spec)
        dot = np.zeros((520, 400), np.uint16)
        dot[198:203, 148:153] = 4000
        taken = plan.take(dot)
        assert taken.shape == (ROWS, COLUMNS)
        rows, columns = np.indices(taken.shape)
        weight = np.maximum(taken.astype(np.float64), 0)
        centre = (rows * weight).sum() / weight.sum(), (columns * weight).sum() / weight.sum()
        np.testing.assert_allclose(plan.window.stored_to_network().inverse().apply(centre), (200, 150), atol=0.3)
    assert plan.window != plain.window


def test_a_window_that_stays_is_the_plain_one() -> None:
    image, pixels = volume(1)
    spec = small_network("gmic3d").network.spec
    projection = Projection(PixelLevels.of(image.pixel))
    projection.add(pixels[0])
    levels, highest = projection.finish()
    plain = plan_window(highest, levels, image, spec)
    row, col = int(plain.window.row0) - plain.crop_box[0], int(plain.window.col0) - plain.crop_box[1]
    box = (row, col, row + ROWS, col + COLUMNS)
    same = moved(plain, AugmentationWindow(box, box, box, (0, 0), (ROWS, COLUMNS)))
    assert same.window == plain.window
    np.testing.assert_array_equal(same.take(pixels[0]), plain.take(pixels[0]))
