"""Where pixels and saliency appear on the screen, predicted from anatomy: a swapped side or flip must fail here."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation
from gmic_core.exam.voi import stored_to_gray
from tests.helpers.hung_images import expected_screen, make_image, network_window
from viewer.model.overlays import OverlaySettings
from viewer.model.placement import Placement, fit_scale, fitted, stored_to_screen
from viewer.model.render import OverlayLayer, build_pyramid, render

SHAPE, SPACING = (64, 44), (0.1, 0.08)  # of the right-facing breast
POINT = (13.5, 26.5)  # middle of the planted 4 x 4 block: off every axis of symmetry
SIZE = (151, 204)  # width, height of the viewport
PLACEMENTS = [  # device pixels per mm, (down, depth) in the viewport's middle
    (5.0, 0.0, 1.0),  # reduced to 0.5 x 0.4
    (9.0, -0.7, 1.6),
    (12.5, -1.1, 1.9),  # 1:1 along the columns
    (25.0, -1.2, 2.0),
    (90.0, -1.8, 2.1),  # 9 x: nearest neighbour
]
CASES = list(itertools.product(ORIENTATIONS, ("L", "R"), ("CC", "MLO")))


def name(case: object) -> str:
    if isinstance(case, Orientation):
        return "".join(letter for letter, on in zip("TRC", vars(case).values(), strict=True) if on) or "-"
    return str(case)


def centre_of(weights: np.ndarray) -> tuple[float, float]:
    rows, cols = np.indices(weights.shape)
    total = weights.sum()
    return float((rows * weights).sum() / total), float((cols * weights).sum() / total)


def planted(stored: Orientation, *, inverted: bool) -> np.ndarray:
    facing = np.full(SHAPE, 200, np.uint16)
    row, col = (int(value - 1.5) for value in POINT)
    facing[row : row + 4, col : col + 4] = 4000
    if inverted:
        facing = 4095 - facing
    return np.ascontiguousarray(stored.apply(facing))


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
@pytest.mark.parametrize(("stored", "side", "view"), CASES, ids=name)
def test_a_bright_block_appears_where_anatomy_says(stored: Orientation, side: str, view: str, photometric: str) -> None:
    image = make_image(f"{side}-{view}", shape=SHAPE, spacing=SPACING, stored=stored, photometric=photometric)
    pyramid = build_pyramid(planted(stored, inverted=photometric == "MONOCHROME1"))
    lut = stored_to_gray(image, 0, None)
    for scale, down, depth in PLACEMENTS:
        to_screen = stored_to_screen(image, Placement("free", scale, down, depth), *SIZE)
        out = render(pyramid, to_screen, *SIZE, lut)
        expected = expected_screen(image, POINT, SHAPE, SPACING, (scale, down, depth), SIZE)
        found = centre_of(np.maximum(out[..., 0].astype(float) - 60, 0))
        assert np.abs(np.subtract(found, expected)).max() < 0.6, (scale, found, expected)


@pytest.mark.parametrize(("stored", "side", "view"), CASES, ids=name)
def test_a_planted_dot_of_saliency_lies_on_its_place(stored: Orientation, side: str, view: str) -> None:
    image = make_image(f"{side}-{view}", shape=SHAPE, spacing=SPACING, stored=stored)
    pyramid = build_pyramid(planted(stored, inverted=False))
    lut = np.zeros(65536, np.uint8)
    window = network_window(image, SHAPE, scale=1.5)
    cells = (17, 12)
    cell = (5, 6)
    maps = np.zeros((2, *cells), np.float16)
    maps[1][cell] = 1.0
    layer = OverlayLayer(maps, window.saliency_to_stored(cells), OverlaySettings(opacity=1.0))
    size_in_facing = np.array([window.rows / cells[0], window.columns / cells[1]]) / 1.5
    # cell centre -> network pixel -> pixel of the breast, edges aligned
    network = (np.array(cell) + 0.5) * np.array([window.rows / cells[0], window.columns / cells[1]])
    facing = (network + np.array([window.row0, window.col0])) / 1.5 - 0.5
    for scale, down, depth in PLACEMENTS[:4]:
        to_screen = stored_to_screen(image, Placement("free", scale, down, depth), *SIZE)
        out = render(pyramid, to_screen, *SIZE, lut, overlay=layer)
        assert out[..., 2].max() > 60  # red: malignant
        found = centre_of(out[..., 2].astype(float))
        expected = expected_screen(image, tuple(facing), SHAPE, SPACING, (scale, down, depth), SIZE)
        cell_on_screen = size_in_facing * SPACING * scale
        assert (np.abs(np.subtract(found, expected)) < np.maximum(0.1 * cell_on_screen, 0.7)).all(), (found, expected)


@pytest.mark.parametrize("stored", ORIENTATIONS, ids=name)
@pytest.mark.parametrize("size", [(44, 64), (100, 102), (45, 65), (31, 41)])
def test_one_to_one_shows_every_stored_value_as_the_table_says(stored: Orientation, size: tuple[int, int]) -> None:
    facing = np.random.default_rng(3).integers(0, 4096, SHAPE).astype(np.uint16)
    for side in "LR":
        image = make_image(f"{side}-CC", shape=SHAPE, spacing=(0.07, 0.07), stored=stored)
        lut = stored_to_gray(image, 0, None)
        placement = Placement("one_to_one", 1 / 0.07, 0.0, 44 / 2 * 0.07)
        out = render(build_pyramid(stored.apply(facing)), stored_to_screen(image, placement, *size), *size, lut)
        gray = lut[facing if side == "L" else facing[:, ::-1]]
        # the picture stands in the middle; where that is half a pixel, on either side of it
        tops = {(size[1] - 64) // 2, -((64 - size[1]) // 2)}
        lefts = {(size[0] - 44) // 2, -((44 - size[0]) // 2)}
        wanted = [black_around(gray, top, left, size) for top in tops for left in lefts]
        assert sum(np.array_equal(out[..., 1], picture) for picture in wanted) == 1


def black_around(gray: np.ndarray, top: int, left: int, size: tuple[int, int]) -> np.ndarray:
    """Return a black picture of size (width, height) with ``gray`` at (top, left), cut where it does not fit."""
    canvas = np.zeros((size[1] + 200, size[0] + 200), np.uint8)
    canvas[100 + top : 100 + top + gray.shape[0], 100 + left : 100 + left + gray.shape[1]] = gray
    return canvas[100:-100, 100:-100]


def test_chest_walls_touch_at_the_shared_border() -> None:
    facing = np.full(SHAPE, 3000, np.uint16)
    facing[:10] = facing[-10:] = 0
    for stored in ORIENTATIONS:
        edges = []
        for side in "RL":
            image = make_image(f"{side}-MLO", shape=SHAPE, spacing=SPACING, stored=stored)
            placement = fitted(SIZE[0], fit_scale(image, *SIZE))
            lut = stored_to_gray(image, 0, None)
            frame = np.ascontiguousarray(stored.apply(facing))
            out = render(build_pyramid(frame), stored_to_screen(image, placement, *SIZE), *SIZE, lut)
            middle = out[SIZE[1] // 2, :, 0]
            edges.append(middle[::-1] if side == "R" else middle)  # R's viewport stands left of L's
        for line in edges:
            assert line[0] > 100  # tissue in the very first pixel of both: a gap of 0
            assert line[-1] == 0  # black beyond the nipple


@pytest.mark.parametrize("side", ["L", "R"])
def test_air_and_surroundings_stay_black(side: str) -> None:
    facing = np.zeros(SHAPE, np.uint16)
    facing[20:40, :20] = 2000
    image = make_image(f"{side}-CC", shape=SHAPE, spacing=SPACING, stored=Orientation())
    to_screen = stored_to_screen(image, Placement("free", 12.0, 0.0, 4.0), *SIZE)
    for invert in (False, True):
        out = render(build_pyramid(facing), to_screen, *SIZE, stored_to_gray(image, 0, None, invert))
        air = expected_screen(image, (5, 35), SHAPE, SPACING, (12.0, 0.0, 4.0), SIZE)
        breast = expected_screen(image, (30, 10), SHAPE, SPACING, (12.0, 0.0, 4.0), SIZE)
        assert out[round(air[0]), round(air[1])].tolist() == [0, 0, 0, 255]
        assert out[round(breast[0]), round(breast[1]), 0] > 100
        assert out[0, 0].tolist() == [0, 0, 0, 255]
        assert out[-1, -1].tolist() == [0, 0, 0, 255]


def test_a_100_mm_object_is_as_large_on_every_detector() -> None:
    widths = []
    for spacing in (0.065, 0.1):
        shape = (round(40 / spacing), round(120 / spacing))
        frame = np.zeros(shape, np.uint8)
        frame[:, : round(100 / spacing)] = 200
        image = make_image("L-CC", shape=shape, spacing=(spacing, spacing), bits=8)
        to_screen = stored_to_screen(image, Placement("free", 7.3, 0.0, 50.0), 900, 300)
        out = render(build_pyramid(frame), to_screen, 900, 300, np.arange(256, dtype=np.uint8))
        widths.append(out[150, :, 0].astype(float).sum() / 200)
    assert widths == pytest.approx([730, 730], abs=1.0)
