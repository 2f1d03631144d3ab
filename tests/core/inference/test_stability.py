"""The same image on a moved grid: scores, peaks, and where slices come from."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan
from gmic_core.inference.engine import run_image
from gmic_core.inference.reruns import run_shifted
from gmic_core.inference.stability import (
    Peak,
    Shift,
    ShiftedReader,
    ShiftOutcome,
    outcome,
    peak_of,
    shifts_for,
    stability,
)
from gmic_core.types import Finding, Modality
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt
from tests.helpers.networks import small_network
from tests.helpers.panel_fakes import make_image, make_result


@pytest.fixture(scope="module")
def volume(tmp_path_factory: pytest.TempPathFactory):
    pixels = breast_volume(3, 400, 340, seed=3, bits=10)
    path = write_dbt(tmp_path_factory.mktemp("volume") / "v.dcm", pixels, "L", "CC", bits=10)
    (image,) = scan([Path(path)]).exams[0].images
    return image


def test_a_volume_is_moved_in_depth_too_and_a_single_image_is_not() -> None:
    plane = ["-2 pixels down", "+2 pixels down", "-2 pixels across", "+2 pixels across"]
    assert [str(shift) for shift in shifts_for(make_image())] == plane
    assert [str(s) for s in shifts_for(make_image(modality=Modality.DBT, frames=9))] == ["-1 slice", "+1 slice", *plane]


def test_slices_are_taken_from_the_neighbour_and_repeated_at_the_end(volume) -> None:
    with FrameReader(start=False) as reader:
        stored = [np.array(reader.read(volume, k)) for k in range(3)]
        for step, order in ((1, (1, 2, 2)), (-1, (0, 0, 1))):
            moved = ShiftedReader(reader, step)
            for k, source in enumerate(order):
                assert (moved.read(volume, k) == stored[source]).all()
                assert (moved.submit(volume, k).result() == stored[source]).all()


def test_the_window_moves_by_two_pixels_and_its_maps_know(volume) -> None:
    loaded = small_network("gmic3d")
    with FrameReader(start=False) as reader:
        base = run_image(volume, loaded, reader)
        down = run_shifted(volume, loaded, reader, Shift(rows=2))
        deeper = run_shifted(volume, loaded, reader, Shift(slices=1))
    at = np.array([10.0, 20.0, 1.0])
    assert (down.window_to_stored @ at - base.window_to_stored @ at).tolist() == pytest.approx([2.0, 0.0, 0.0])
    assert (deeper.window_to_stored == base.window_to_stored).all()
    assert down.y != base.y


def test_a_peak_is_told_in_stored_pixels_and_in_the_slices_of_the_image() -> None:
    image = make_image(modality=Modality.DBT, frames=9)
    result = make_result(image)
    peak = peak_of(result, Finding.MALIGNANT)
    assert peak is not None
    assert peak.slice_index == 4  # the middle one
    assert outcome(Shift(slices=1), result).peaks[Finding.MALIGNANT].slice_index == 5
    assert outcome(Shift(slices=-1), result).peaks[Finding.MALIGNANT].slice_index == 3
    row, column = result.saliency_to_stored[:2] @ [12.0, 8.0, 1.0]
    assert (peak.row, peak.column) == (pytest.approx(row), pytest.approx(column))
    empty = dataclasses.replace(result, saliency=np.zeros_like(result.saliency))
    assert peak_of(empty, Finding.BENIGN) is None


def test_range_and_drift_are_those_of_the_farthest_run() -> None:
    image = make_image(spacing=(0.1, 0.2))
    base = make_result(image, y=(0.12, 0.70))
    home = peak_of(base, Finding.MALIGNANT)
    assert home is not None
    moved = Peak(0, home.row + 30.0, home.column + 20.0, 0.5)
    outcomes = [
        ShiftOutcome(Shift(rows=2), (0.10, 0.66), (None, moved)),
        ShiftOutcome(Shift(rows=-2), (0.14, 0.74), (None, None)),
    ]
    found = stability(image, base, outcomes, Finding.MALIGNANT)
    assert (found.lowest, found.highest) == (0.66, 0.74)
    assert found.drift == pytest.approx(5.0)  # 30 x 0.1 mm down, 20 x 0.2 mm across
    assert found.drift_slices == 0
    assert found.in_mm
    assert found.cell == pytest.approx(3.2)  # 16 pixels of 0.2 mm
    assert not found.steady  # farther than one and a half cells, 4.8 mm
    benign = stability(image, base, outcomes, Finding.BENIGN)
    assert math.isnan(benign.drift)
    assert benign.steady
    farther = [dataclasses.replace(outcomes[0], y=(0.1, 0.55))]
    assert not stability(image, base, farther, Finding.MALIGNANT).steady
    # a neighbouring cell, one beyond it; as deep as a patch, and deeper
    for columns, slices, steady in ((16, 0, True), (32, 0, False), (0, 10, True), (0, 11, False)):
        place = Peak(slices, home.row, home.column + columns, 0.5)
        jump = [dataclasses.replace(outcomes[0], peaks=(None, place))]
        assert stability(image, base, jump, Finding.MALIGNANT).steady is steady, (columns, slices)
    pixels = stability(dataclasses.replace(image, spacing_mm=None), base, outcomes, Finding.MALIGNANT)
    assert (pixels.drift, pixels.in_mm) == (pytest.approx(math.hypot(30, 20)), False)
