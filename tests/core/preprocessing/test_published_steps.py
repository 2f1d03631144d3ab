"""Crop, centre and window against what the published code does: every position exact."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from gmic_core.preprocessing import augmentation_window, crop_breast, optimal_centre, standardise
from tests.helpers.goldens import arrays, make_input, manifest
from tests.reference import checks, inputs

DBT_WINDOW = (2116, 1339)
GMIC_WINDOW = (2944, 1920)


def stored_box(box, width, faces_left):
    """Return a facing box as the published code writes it: top, bottom, left, right in stored pixels."""
    row0, col0, row1, col1 = box
    return [row0, row1, width - col1, width - col0] if faces_left else [row0, row1, col0, col1]


def assert_positions(golden, crop, centre, width, faces_left):
    shift = 1 if faces_left else 0  # the published code counts from the far edge there, see optimal_centre
    assert golden["window"].tolist() == stored_box(crop.box, width, faces_left)
    assert golden["rightmost"].tolist() == [*crop.rightmost_rows, crop.rightmost + shift]
    low, high = crop.bottommost_columns
    assert golden["bottommost"].tolist() == [crop.bottommost, low + shift, high + shift]
    assert golden["distance"].item() == crop.box[1] == 0
    assert golden["best_center"].tolist() == list(centre)


@pytest.mark.parametrize("name", ["L-CC_flipNO", "R-MLO_flipNO", "L-MLO_flipYES"])
def test_volumes(name):
    golden, case = arrays(f"dbt_preproc_{name}"), manifest()[f"dbt_preproc_{name}"]
    faces_left = case["mode"] == "left"
    assert faces_left == case["raw_mirrored"]
    volume = np.roll(make_input("tomo(4,2457,1890,0)"), 120, axis=1)  # the last 120 rows are air
    highest = volume.max(axis=0)
    view = case["view"].split("-")[1]
    crop = crop_breast(highest, 100, filled=True)
    centre = optimal_centre(highest[crop.slices], crop, view, DBT_WINDOW, far_edge=faces_left)
    assert_positions(golden, crop, centre, 1890, faces_left)
    window = augmentation_window(crop.shape, view, centre, DBT_WINDOW)
    out = standardise(np.stack([window.cut(one[crop.slices]) for one in volume]))
    assert list(out.shape) == golden["out_shape"].tolist()
    np.testing.assert_allclose(checks.chk(out), golden["out_chk"], atol=2e-6)
    np.testing.assert_allclose([checks.chk(one) for one in out], golden["out_slice_chk"], atol=2e-6)


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ["L-CC", "R-CC", "L-MLO", "R-MLO"])
def test_real_mammograms(shared: Path, name):
    golden = arrays(f"real_gmic_0_{name}")
    stored = cv2.imread(str(shared / "data" / "gmic-sample" / f"0_{name}.png"), cv2.IMREAD_UNCHANGED)
    assert inputs.fingerprint(stored) == manifest()[f"real_gmic_0_{name}"]["raw"]
    side, view = name.split("-")
    facing = np.ascontiguousarray(stored[:, ::-1]) if side == "R" else stored
    crop = crop_breast(facing)
    centre = optimal_centre(facing[crop.slices], crop, view, GMIC_WINDOW, far_edge=side == "R")
    assert_positions(golden, crop, centre, stored.shape[1], side == "R")
    out = standardise(augmentation_window(crop.shape, view, centre, GMIC_WINDOW).cut(facing[crop.slices]))
    np.testing.assert_allclose(checks.chk(out), golden["out_chk"], atol=2e-6)
    np.testing.assert_allclose(out[::97, ::89], golden["out_probe"], atol=2e-6)


@pytest.mark.parametrize("index", range(128))
def test_window_noise(index):
    rows, cols, name, centre, location, size, seed, _ = manifest()["augment_window"]["cases"][index]
    row = arrays("augment_window")["rows"][index]
    image = make_input(f"mammogram({rows},{cols},0)").astype(np.float32)
    window = augmentation_window(
        (rows, cols),
        name.split("-")[1],
        tuple(centre),
        (640, 420),
        location_noise=tuple(location),
        size_noise=size,
        random=np.random.RandomState(seed),
    )

    def borders(box):
        row0, col0, row1, col1 = box
        return [row0, row1, col0, col1]

    assert list(window.padded_shape) == row[:2].tolist()
    assert borders(window.placed) == row[2:6].tolist()
    assert borders(window.padded_box) == row[6:10].tolist()
    crop = window.cut(image)
    np.testing.assert_allclose(checks.chk(crop), row[10:31], rtol=0, atol=2e-7 * 65535)
    out = standardise(crop)
    np.testing.assert_allclose([out.mean(), out.std(), out.min(), out.max()], row[31:], atol=2e-5)


def test_nifti_axes_of_volumes():
    golden = arrays("nifti_axes")
    volume = np.arange(3 * 40 * 30).reshape(3, 40, 30)  # (slices, rows, columns)
    assert golden["stored_shape"].tolist() == list(volume.T.shape)
    assert np.diag(golden["affine"]).tolist() == [-1, -1, 1, 1]
    assert golden["equal"]
