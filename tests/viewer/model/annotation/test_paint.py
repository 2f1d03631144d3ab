"""Segmentations on the screen: filling and outline follow the voxels in every orientation and at every zoom."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation, PlaneMap
from gmic_core.segmentation.label_descriptions import LabelDescription
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.paint import LabelLayer, lay_labels

RED = LabelDescription(1, "mass", (255, 0, 0))
GREEN = LabelDescription(2, "cyst", (0, 255, 0))


def _layer(labels: np.ndarray, *names: LabelDescription, opacity: float = 0.5) -> LabelLayer:
    found = LabelMap.of(labels[None])
    plane, box = found.plane(0), found.box(0)
    assert plane is not None
    assert box is not None
    return LabelLayer(plane, box, names or (RED, GREEN), opacity)


def _canvas(height: int, width: int, grey: int = 100) -> np.ndarray:
    canvas = np.full((height, width, 4), grey, np.uint8)
    canvas[..., 3] = 255
    return canvas


def _asymmetric() -> np.ndarray:
    labels = np.zeros((12, 16), np.uint8)
    labels[2:6, 3:9] = 1
    labels[6:9, 3:5] = 1
    labels[4:6, 9:12] = 2
    return labels


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("zoom", [1, 3, 8])
def test_outline_and_filling_follow_the_voxel_border(turn: Orientation, zoom: int) -> None:
    labels = _asymmetric()
    shown = turn.apply(labels)
    big = np.kron(shown, np.ones((zoom, zoom), np.uint8))
    to_screen = PlaneMap.resampling(zoom, zoom) @ turn.plane_map(*labels.shape)
    canvas = _canvas(big.shape[0] + 5, big.shape[1] + 7)
    lay_labels(canvas, _layer(labels), to_screen)
    padded = np.pad(big, 1, mode="edge")
    around = [padded[1 + dr : padded.shape[0] - 1 + dr, 1 + dc : padded.shape[1] - 1 + dc]
              for dr in (-1, 0, 1) for dc in (-1, 0, 1)]  # fmt: skip
    edge = (np.max(around, axis=0) != np.min(around, axis=0)) & (big > 0)
    expected = _canvas(*canvas.shape[:2])
    part = expected[: big.shape[0], : big.shape[1]]
    for label, bgr in ((1, (0, 0, 255)), (2, (0, 255, 0))):
        inside = (big == label) & ~edge
        part[inside, :3] = np.rint(100 * 127 / 255) + np.rint(np.array(bgr) * 0.5)
        part[(big == label) & edge, :3] = bgr
    assert np.abs(canvas.astype(int) - expected).max() <= 1
    assert (canvas[..., 3] == 255).all()


def test_hidden_labels_and_background_show_nothing() -> None:
    labels = _asymmetric()
    canvas = _canvas(12, 16)
    hidden = LabelDescription(1, "mass", (255, 0, 0), visible=False)
    lay_labels(canvas, _layer(labels, hidden, GREEN), PlaneMap.identity())
    changed = (canvas[..., :3] != 100).any(axis=-1)
    assert (changed == (labels == 2)).all()
    untouched = _canvas(12, 16)
    assert lay_labels(untouched, _layer(labels, hidden), PlaneMap.identity()) is None
    assert (untouched == _canvas(12, 16)).all()


def test_without_filling_the_tissue_inside_stays_as_it_is() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[5:15, 5:15] = 1
    canvas = _canvas(20, 20)
    lay_labels(canvas, _layer(labels, opacity=0.0), PlaneMap.identity())
    assert (canvas[6:14, 6:14, :3] == 100).all()
    assert (canvas[5, 5:15, :3] == (0, 0, 255)).all()
    assert (canvas[4, :, :3] == 100).all()


@pytest.mark.parametrize("scale", [0.5, 0.31, 0.1])
def test_a_single_voxel_is_seen_however_small_the_image_is_shown(scale: float) -> None:
    for row, column in ((100, 100), (101, 103), (57, 211)):
        labels = np.zeros((300, 400), np.uint8)
        labels[row, column] = 1
        canvas = _canvas(round(300 * scale), round(400 * scale))
        lay_labels(canvas, _layer(labels), PlaneMap.resampling(scale, scale))
        rows, columns = np.nonzero(canvas[..., 2] == 255)
        assert 1 <= rows.size <= 4
        assert abs(rows.mean() - row * scale) <= 1.0
        assert abs(columns.mean() - column * scale) <= 1.0


def test_only_what_is_on_screen_is_painted() -> None:
    labels = np.zeros((300, 400), np.uint8)
    labels[:, :] = 1
    canvas = _canvas(40, 50)
    box = lay_labels(canvas, _layer(labels), PlaneMap.scale_offset(2.0, 2.0, -100.0, -100.0))
    assert box == (0, 0, 40, 50)
    beside = _canvas(40, 50)
    assert lay_labels(beside, _layer(labels), PlaneMap.scale_offset(1.0, 1.0, 500.0, 0.0)) is None
    assert (beside == _canvas(40, 50)).all()


def test_labels_beyond_255_have_their_colours() -> None:
    labels = np.zeros((10, 10), np.uint16)
    labels[2:8, 2:8] = 40000
    canvas = _canvas(10, 10)
    lay_labels(canvas, _layer(labels, LabelDescription(40000, "x", (10, 20, 30)), opacity=1.0), PlaneMap.identity())
    assert (canvas[2:8, 2:8, :3] == (30, 20, 10)).all()
