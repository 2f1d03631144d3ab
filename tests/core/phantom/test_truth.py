"""Label maps, descriptions and truth.json of simulated images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gmic_core.phantom.findings import Finding, PlacedFinding
from gmic_core.phantom.geometry import project
from gmic_core.phantom.truth import (
    centre_pixel,
    dbt_labels,
    ffdm_labels,
    label_descriptions,
    slice_range,
    synthetic_labels,
    to_stored,
    truth_document,
)
from gmic_core.phantom.view_tissue import Grid
from gmic_core.types import Laterality
from tests.helpers.plain_breasts import plain_spec

CENTRE = (20.0, 150.0, 40.0)


def ball(number: int = 1, centre=CENTRE, radius: float = 5.0, kind: str = "malignant-mass") -> PlacedFinding:
    step = (0.5, 0.3, 0.3)
    half = [int(np.ceil(radius / s)) + 1 for s in step]
    grid = Grid(
        tuple(2 * n + 1 for n in half), step, tuple(c - n * s for c, n, s in zip(centre, half, step, strict=True))
    )
    axes = np.meshgrid(*(grid.axis(a) - centre[a] for a in range(3)), indexing="ij")
    mask = sum(one**2 for one in axes) <= radius**2
    finding = Finding(kind, kind.startswith("malignant"), 2 * radius, (30.0, 0.0, 0.0), number)
    return PlacedFinding(finding, "CC", centre, grid, mask)


def test_a_ball_is_a_ball_in_the_volume():
    spec, placed = plain_spec(thickness=50), ball()
    labels = dbt_labels(spec, [placed])
    assert labels.shape == (56, 614, 472)
    assert labels.dtype == np.uint8
    assert sorted(np.unique(labels)) == [0, 1]
    pixel = spec.plate.dbt_mm
    k, r, c = (values.mean() for values in np.nonzero(labels))
    assert spec.slice_height(k) == pytest.approx(20.0, abs=0.1)
    assert (r + 0.5) * pixel == pytest.approx(150.0, abs=0.1)
    assert (c + 0.5) * pixel == pytest.approx(40.0, abs=0.1)
    assert labels.sum() * pixel**2 * 1.0 == pytest.approx(4 / 3 * np.pi * 125, rel=0.05)
    filled = np.flatnonzero(labels.any(axis=(1, 2)))
    assert (int(filled[0]), int(filled[-1])) == slice_range(spec, placed) == (18, 27)


def test_the_synthetic_image_shows_what_any_slice_shows():
    spec, placed = plain_spec(), [ball(1), ball(2, (35.0, 100.0, 60.0), 3.0)]
    flat = synthetic_labels(spec, placed)
    np.testing.assert_array_equal(flat, dbt_labels(spec, placed).max(axis=0))
    assert (flat == 2).sum() * spec.plate.dbt_mm**2 == pytest.approx(np.pi * 9, rel=0.06)


def test_a_mammogram_enlarges_what_lies_high():
    """Source 700 mm above the detector, support 25 mm above it: 20 mm up the magnification is 700 / 655."""
    spec, placed = plain_spec(), ball()
    labels = ffdm_labels(spec, [placed])
    assert labels.shape == (832, 640)
    pixel, scale = spec.plate.ffdm_mm, 700.0 / 655.0
    assert labels.sum() * pixel**2 == pytest.approx(np.pi * 25 * scale**2, rel=0.04)
    r, c = (values.mean() for values in np.nonzero(labels))
    y, x = project([CENTRE], 0.0, spec.plate)[0]
    assert (r + 0.5) * pixel == pytest.approx(y, abs=0.15)
    assert (c + 0.5) * pixel == pytest.approx(x, abs=0.15)
    assert x == pytest.approx(40.0 * scale)


def test_labels_beyond_the_field_are_cut():
    spec = plain_spec()
    for centre in ((20.0, 1.0, 2.0), (1.0, 232.0, 40.0), (60.0, -80.0, 40.0)):
        assert dbt_labels(spec, [ball(1, centre)]).shape == (56, 614, 472)
        assert ffdm_labels(spec, [ball(1, centre)]).shape == (832, 640)
    assert not dbt_labels(spec, [ball(1, (60.0, -80.0, 40.0))]).any()


def test_no_findings_no_labels():
    spec = plain_spec()
    assert not dbt_labels(spec, []).any()
    assert not ffdm_labels(spec, []).any()


def test_right_breasts_are_stored_facing_left():
    array = np.arange(12).reshape(2, 2, 3)
    np.testing.assert_array_equal(to_stored(array, Laterality.L), array)
    np.testing.assert_array_equal(to_stored(array, Laterality.R)[0], [[2, 1, 0], [5, 4, 3]])


@pytest.mark.parametrize("side", [Laterality.L, Laterality.R])
@pytest.mark.parametrize("image", ["DBT", "S2D", "FFDM"])
def test_the_centre_pixel_is_in_the_stored_label(side, image):
    spec, placed = plain_spec(side=side), ball()
    make = {"DBT": dbt_labels, "S2D": synthetic_labels, "FFDM": ffdm_labels}[image]
    labels = to_stored(make(spec, [placed]), side)
    flat = labels.max(axis=0) if labels.ndim == 3 else labels
    r, c = (values.mean() for values in np.nonzero(flat))
    row, column = centre_pixel(spec, placed, image)
    assert row == pytest.approx(r, abs=0.5)
    assert column == pytest.approx(c, abs=0.5)
    assert (column > flat.shape[1] / 2) == (side == Laterality.R)


def test_itk_snap_reads_the_description():
    text = label_descriptions([ball(2, kind="benign-cyst"), ball(1)])
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert text.startswith("################################################\n# ITK-SnAP Label Description File\n")
    assert [line.split()[0] for line in lines] == ["0", "1", "2"]
    assert lines[0].split()[1:7] == ["0", "0", "0", "0", "0", "0"]
    assert lines[0].endswith('"Clear Label"')
    assert lines[1].split()[:7] == ["1", "255", "0", "0", "1", "1", "1"]
    assert lines[1].endswith('"1 malignant-mass"')
    assert lines[2].endswith('"2 benign-cyst"')


def test_the_document_says_where_everything_is():
    spec = plain_spec("malignant-mass", side=Laterality.R)
    document = truth_document(spec, "CC", [ball()], {"DBT": "a.dcm", "FFDM": "b.dcm"}, lambda z, y, x: (x, y, -z))
    assert json.loads(json.dumps(document)) == document
    assert document["simulated"] is True
    assert (document["laterality"], document["view"], document["seed"]) == ("R", "CC", 1)
    assert document["images"]["FFDM"]["file"] == "b.dcm"
    finding = document["images"]["DBT"]["findings"][0]
    assert finding["label"] == 1
    assert finding["class"] == "malignant"
    assert finding["kind"] == "malignant-mass"
    assert finding["diameter_mm"] == 10.0
    assert finding["volume_mm3"] == pytest.approx(523.6, rel=0.03)
    assert finding["centre_mm"] == [20.0, 150.0, 40.0]
    assert finding["centre_lps_mm"] == [40.0, 150.0, -20.0]
    assert finding["slice_range"] == [18, 27]
    pixel = finding["centre_pixel"]
    assert pixel["slice"] == pytest.approx(22.5)
    assert pixel["row"] == pytest.approx(150.0 / spec.plate.dbt_mm - 0.5, abs=0.1)
    assert pixel["column"] == pytest.approx(471 - (40.0 / spec.plate.dbt_mm - 0.5), abs=0.1)
    assert "slice_range" not in document["images"]["FFDM"]["findings"][0]
