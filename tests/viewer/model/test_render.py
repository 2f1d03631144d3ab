from __future__ import annotations

import numpy as np
import pytest

from gmic_core.exam.geometry import Orientation, PlaneMap
from gmic_core.exam.voi import stored_to_gray
from gmic_core.types import Finding
from tests.helpers.breasts import breast
from tests.helpers.hung_images import make_image
from viewer.model.colormaps import BENIGN, FAINTEST, MALIGNANT, line_rgb
from viewer.model.overlay_paint import CONTOUR_PIXELS, HATCH_GAP, HATCH_PERIOD
from viewer.model.overlays import OverlaySettings
from viewer.model.render import OverlayLayer, build_pyramid, render, thumbnail

RAMP = np.arange(65536).clip(0, 255).astype(np.uint8)
GREY = 90
CELL = 20  # stored pixels along a cell


def grey_pyramid(rows: int = 120, cols: int = 100) -> tuple[np.ndarray, ...]:
    return build_pyramid(np.full((rows, cols), GREY, np.uint16))


def layer(
    cells: dict[tuple[int, int, int], float], *, untrained: bool = False, **settings: float | bool
) -> OverlayLayer:
    """Return 6 x 5 cells over the grey image, with values by (class, row, column)."""
    maps = np.zeros((2, 6, 5), np.float16)
    for place, value in cells.items():
        maps[place] = value
    return OverlayLayer(maps, PlaneMap.resampling(CELL, CELL), OverlaySettings(**settings), untrained)


def paint(
    overlay: OverlayLayer | None, to_screen: PlaneMap | None = None, size: tuple[int, int] = (100, 120)
) -> np.ndarray:
    return render(grey_pyramid(), to_screen or PlaneMap.identity(), *size, RAMP, overlay=overlay)


def centre(row: int, col: int) -> tuple[int, int]:
    """Return a pixel half a pixel off the middle of a cell at 1:1."""
    return row * CELL + CELL // 2, col * CELL + CELL // 2


def test_without_overlay_the_picture_is_grey_and_opaque() -> None:
    out = paint(None)
    assert out.shape == (120, 100, 4)
    assert out.dtype == np.uint8
    assert out.flags.c_contiguous
    assert (out == (GREY, GREY, GREY, 255)).all()


def test_an_image_beside_the_viewport_leaves_it_black() -> None:
    out = paint(layer({(1, 2, 2): 1.0}), PlaneMap.scale_offset(1, 1, 500, 0))
    assert (out == (0, 0, 0, 255)).all()


def test_the_middle_of_a_cell_has_the_colour_of_its_value() -> None:
    out = paint(layer({(1, 2, 2): 1.0, (0, 4, 1): 1.0}, opacity=0.6))
    for place, ramp in (((2, 2), MALIGNANT), ((4, 1), BENIGN)):
        wanted = 0.4 * GREY + 0.6 * ramp[255].astype(float)
        got = out[centre(*place)][:3][::-1].astype(float)
        assert np.abs(got - wanted).max() <= 9  # half a pixel off the middle of a fading cell
    assert out[..., 3].min() == 255


def test_a_uniform_map_is_blended_exactly() -> None:
    maps = np.zeros((2, 6, 5), np.float16)
    maps[1] = 0.75
    overlay = OverlayLayer(
        maps, PlaneMap.resampling(CELL, CELL), OverlaySettings(opacity=0.5, threshold_malignant=0.25)
    )
    out = paint(overlay)
    share = 0.5 * (FAINTEST + (1 - FAINTEST) * (0.75 - 0.25) / 0.75)
    wanted = (1 - share) * GREY + share * MALIGNANT[191][::-1].astype(float)
    assert np.abs(out[..., :3] - wanted).max() <= 1.5


def test_values_at_and_under_the_threshold_change_nothing() -> None:
    out = paint(layer({(1, 2, 2): 0.5, (1, 1, 1): 0.25, (0, 4, 4): 0.1}, threshold_malignant=0.5))
    assert (out[..., :3] == GREY).all()


def test_a_finding_never_reaches_beyond_its_neighbouring_cells() -> None:
    out = paint(layer({(1, 2, 2): 1.0}))
    changed = np.argwhere((out[..., :3] != GREY).any(axis=2))
    assert changed.min(axis=0).tolist() >= [1.5 * CELL - 1, 1.5 * CELL - 1]
    assert (changed.max(axis=0) <= [3.5 * CELL, 3.5 * CELL]).all()


def test_malignant_lies_over_benign() -> None:
    both = paint(layer({(1, 2, 2): 1.0, (0, 2, 2): 1.0}, opacity=1.0))
    alone = paint(layer({(1, 2, 2): 1.0}, opacity=1.0))
    at = centre(2, 2)
    assert np.abs(both[at].astype(int) - alone[at]).max() <= 8


@pytest.mark.parametrize(
    ("switch", "malignant", "benign"),
    [({"visible": False}, False, False), ({"malignant": False}, False, True), ({"benign": False}, True, False)],
)
def test_switches(switch: dict[str, bool], malignant: bool, benign: bool) -> None:
    out = paint(layer({(1, 2, 2): 1.0, (0, 4, 1): 1.0}, **switch))
    assert bool((out[centre(2, 2)][:3] != GREY).any()) == malignant
    assert bool((out[centre(4, 1)][:3] != GREY).any()) == benign


def test_slices_that_are_not_computed_show_nothing() -> None:
    overlay = OverlayLayer(np.full((2, 6, 5), np.nan, np.float16), PlaneMap.resampling(CELL, CELL), OverlaySettings())
    assert (paint(overlay)[..., :3] == GREY).all()


def test_the_overlay_is_cut_at_the_image() -> None:
    maps = np.ones((2, 6, 5), np.float32)
    overlay = OverlayLayer(maps, PlaneMap.scale_offset(40, 40, -60, -50), OverlaySettings())  # wider than the image
    out = paint(overlay, PlaneMap.scale_offset(1, 1, 10, 15), (140, 150))
    assert (out[10:130, 15:115, :3] != GREY).any(axis=2).all()
    outside = np.ones((150, 140), bool)
    outside[10:130, 15:115] = False
    assert (out[outside] == (0, 0, 0, 255)).all()


def test_a_contour_is_a_line_around_the_finding() -> None:
    maps = np.zeros((2, 6, 5), np.float16)
    maps[1, 2:4, 1:4] = 1.0
    overlay = OverlayLayer(
        maps, PlaneMap.resampling(CELL, CELL), OverlaySettings(contour=True, threshold_malignant=0.5)
    )
    out = paint(overlay)
    line = (out[..., :3] != GREY).any(axis=2)
    assert np.unique(out[line][:, :3], axis=0).tolist() == [list(line_rgb(Finding.MALIGNANT)[::-1])]
    assert not line[centre(2, 2)]
    along_row = np.flatnonzero(line[60])  # the saliency crosses 0.5 midway between cell centres
    assert along_row.tolist() == [20, 21, 78, 79]
    assert along_row.size == 2 * CONTOUR_PIXELS
    along_column = np.flatnonzero(line[:, 50])
    assert along_column.tolist() == [40, 41, 78, 79]


def test_contours_of_both_findings_have_their_own_colours() -> None:
    out = paint(layer({(1, 1, 1): 1.0, (0, 4, 3): 1.0}, contour=True))
    colours = {tuple(int(v) for v in pixel) for pixel in out[(out[..., :3] != GREY).any(axis=2)][:, :3]}
    assert colours == {line_rgb(Finding.BENIGN)[::-1], line_rgb(Finding.MALIGNANT)[::-1]}


def test_a_contour_is_not_closed_along_the_edge_of_the_viewport() -> None:
    maps = np.zeros((2, 6, 5), np.float16)
    maps[1, :, :3] = 1.0
    overlay = OverlayLayer(maps, PlaneMap.resampling(CELL, CELL), OverlaySettings(contour=True))
    line = (paint(overlay)[..., :3] != GREY).any(axis=2)
    assert not line[:, 0].any()
    assert line.sum() == 120 * CONTOUR_PIXELS


def test_untrained_noise_is_hatched() -> None:
    maps = np.ones((2, 6, 5), np.float16)
    overlay = OverlayLayer(maps, PlaneMap.resampling(CELL, CELL), OverlaySettings(), untrained=True)
    out = paint(overlay)
    gaps = (out[..., :3] == GREY).all(axis=2)
    assert gaps.mean() == pytest.approx(HATCH_GAP / HATCH_PERIOD, abs=0.02)
    assert gaps[0, 0]
    assert not gaps[0, HATCH_GAP:HATCH_PERIOD].any()
    assert (out[~gaps] == paint(OverlayLayer(maps, overlay.to_stored, overlay.settings))[~gaps]).all()


@pytest.mark.parametrize("turn", [Orientation(), Orientation(True, False, True), Orientation(False, True, True)])
@pytest.mark.parametrize("scale", [0.11, 0.27, 0.4, 1.0, 3.3, 11.0])
def test_resized_cells_lie_within_half_a_pixel_of_the_exact_affine(scale: float, turn: Orientation) -> None:
    rng = np.random.default_rng(5)
    maps = rng.random((2, 6, 5)).astype(np.float32)
    overlay = OverlayLayer(maps, PlaneMap.resampling(CELL, CELL), OverlaySettings())
    to_screen = PlaneMap.scale_offset(scale, scale, 3.3, 4.7) @ turn.plane_map(120, 100)
    size = (round(120 * scale) + 9, round(120 * scale) + 7)
    out = render(grey_pyramid(), to_screen, *size, RAMP, overlay=overlay).astype(int)

    import viewer.model.overlay_paint as paint_module

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paint_module, "RESIZED_CELLS", (1e9, 0.0))
        exact = render(grey_pyramid(), to_screen, *size, RAMP, overlay=overlay).astype(int)
    difference = np.abs(out - exact)
    steepest = 2 * 165 / (CELL * scale)  # grey levels per pixel: two axes, from clear to the full colour
    assert difference.max() <= 0.5 * steepest + 2


def test_signed_pixels_meet_their_table() -> None:
    image = make_image(shape=(8, 8), bits=16, signed=True)
    frame = np.arange(-32768, 32768, 1024, dtype=np.int16).reshape(8, 8)
    lut = stored_to_gray(image, 0, None)
    out = render(build_pyramid(frame), PlaneMap.identity(), 8, 8, lut)
    wanted = np.rint((frame.astype(float) + 32768) / 65535 * 255)
    wanted[0, 0] = 0
    assert np.abs(out[..., 0] - wanted).max() <= 1


@pytest.mark.parametrize(
    ("dtype", "entries", "stored", "grey"),
    [
        (np.uint8, 65536, 200, 200),  # a 16-bit table for pixels that the decoder gave as 8 bits
        (np.uint16, 256, 300, 255),  # values beyond a short table take its last entry
        (np.uint16, 4096, 77, 77),
    ],
)
def test_tables_and_pixels_of_different_depth(dtype: type[np.generic], entries: int, stored: int, grey: int) -> None:
    out = render((np.full((4, 4), stored, dtype),), PlaneMap.identity(), 4, 4, RAMP[:entries])
    assert out[0, 0].tolist() == [grey, grey, grey, 255]


def test_short_signed_tables_keep_zero_in_the_middle() -> None:
    table = np.arange(256, dtype=np.uint8)  # -128 .. 127
    out = render((np.array([[-128, 0, 127, 900]], np.int16),), PlaneMap.identity(), 4, 1, table)
    assert out[0, :, 0].tolist() == [0, 128, 255, 255]


def test_noisy_air_can_be_kept_black() -> None:
    frame = np.array([[0, 3, 7, 8, 200]], np.uint16)
    out = render((frame,), PlaneMap.identity(), 5, 1, 255 - RAMP, air=(0, 7))
    assert out[0, :, 0].tolist() == [0, 0, 0, 247, 55]
    signed = render((frame.astype(np.int16) - 5,), PlaneMap.identity(), 5, 1, np.full(65536, 9, np.uint8), air=(-5, 2))
    assert signed[0, :, 0].tolist() == [0, 0, 0, 9, 9]


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 2)])
def test_any_size_of_viewport(size: tuple[int, int]) -> None:
    overlay = layer({(1, 2, 2): 1.0})
    assert paint(overlay, PlaneMap.scale_offset(7.7, 7.7, -300, -200), size).shape == (size[1], size[0], 4)


@pytest.mark.parametrize("stored", [Orientation(), Orientation(True, False, True), Orientation(False, True, True)])
@pytest.mark.parametrize("side", ["L", "R"])
def test_a_thumbnail_is_the_whole_image_hung_upright(stored: Orientation, side: str) -> None:
    facing = breast(240, 120, seed=4)
    image = make_image(f"{side}-MLO", shape=(240, 120), spacing=(0.1, 0.2), stored=stored)
    out = thumbnail(image, np.ascontiguousarray(stored.apply(facing)), (64, 64))
    assert out.shape == (64, 64, 4)  # 24 x 24 mm
    wall, tip = (out[:, 0, 0], out[:, -1, 0]) if side == "L" else (out[:, -1, 0], out[:, 0, 0])
    assert wall[32] > 60
    assert tip.max() < 10
    tissue = out[..., 0] > 20
    widest_row = int(tissue.sum(axis=1).argmax())
    assert 30 <= widest_row <= 40  # helpers.breasts: the widest row stands below the middle
    wide = thumbnail(image, np.ascontiguousarray(stored.apply(facing)), (200, 50))
    assert wide.shape == (50, 50, 4)


def test_zoomed_in_far_pixels_are_squares() -> None:
    frame = np.array([[0, 100], [200, 50]], np.uint16)
    out = render((frame,), PlaneMap.resampling(5, 5), 10, 10, RAMP)
    assert np.unique(out[..., 0]).tolist() == [0, 50, 100, 200]
    assert (out[:5, 5:, 0] == 100).all()
    smooth = render((frame,), PlaneMap.resampling(3, 3), 6, 6, RAMP)
    assert np.unique(smooth[..., 0]).size > 4
