"""The projection by numpy and OpenCV puts every voxel where the camera says, and colours as the overlay does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.types import Finding
from tests.helpers.panel_fakes import make_result
from tests.helpers.volumes import volume_image_of, volume_of
from viewer.model.colormaps import rgba
from viewer.model.overlays import OverlaySettings
from viewer.model.results import ResultsModel
from viewer.model.volume import preset
from viewer.model.volume_camera import Camera, View, view_of
from viewer.model.volume_grid import middle, stored_to_plane
from viewer.model.volume_layout import cells_for
from viewer.model.volume_paint import FINE, Projection, compose, finding_stacks, shown
from viewer.model.volume_project import Stack, project
from viewer.model.volume_reslice import Plane, brightest_along, planes_through, resliced

DIRECTIONS = [(0, 0), (20, 10), (45, 0), (89, 3), (90, 0), (0, -90), (-70, 30), (130, -40), (180, 0)]


def block_volume(side: str = "L", at: tuple[int, int, int] = (6, 30, 22)):  # type: ignore[no-untyped-def]
    """Return faint tissue with a bright block of 2 x 4 x 4 voxels, and the block's middle in mm."""
    frames = np.zeros((20, 60, 40), np.uint8)
    frames[2:-2, 4:-4, :34] = 60
    k, r, c = at
    frames[k : k + 2, r : r + 4, c : c + 4] = 240
    image = volume_image_of(side)
    volume = volume_of(image, frames[:, :, ::-1] if side == "R" else frames)
    k, r, c = (n + (size - 1) / 2 for n, size in zip(at, (2, 4, 4), strict=True))
    y, x = stored_to_plane(image).apply([r, c if side == "L" else 39 - c])
    return volume, np.array([volume.grid.z_of(k), y, x])


def center_of(picture: np.ndarray, threshold: float) -> tuple[float, float]:
    rows, cols = np.nonzero(picture > threshold)
    assert rows.size
    return float(rows.mean()), float(cols.mean())


@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_bright_block_is_seen_where_the_camera_maps_it(side: str, direction: tuple[float, float]) -> None:
    volume, place = block_volume(side)
    view = view_of(Camera(*direction), volume.extent, 240, 300)
    picture = project(volume.gray, view)
    assert picture.shape == (300, 240)
    assert picture.dtype == np.uint8
    assert center_of(picture, 150) == pytest.approx(tuple(view.apply(place)), abs=0.75)


def front_view(volume, zoom: float = 1.0) -> View:  # type: ignore[no-untyped-def]
    """Return a view in which a voxel is a pixel."""
    scale, matrix = 2.0, np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 0.0]])
    matrix[:, 3] = -2.0 * np.asarray(volume.grid.origin[1:])
    return View(matrix, scale, np.eye(3), middle(volume.extent), 40, 60)


def test_from_the_front_it_is_the_maximum_of_the_slices() -> None:
    rng = np.random.default_rng(3)
    volume = volume_of(volume_image_of(), rng.integers(0, 256, (20, 60, 40)).astype(np.uint8))
    assert np.array_equal(project(volume.gray, front_view(volume)), volume.gray.values.max(axis=0))


def test_from_the_side_it_is_the_maximum_of_the_columns() -> None:
    rng = np.random.default_rng(4)
    volume = volume_of(volume_image_of(spacing=(1.0, 1.0)), rng.integers(0, 256, (20, 60, 40)).astype(np.uint8))
    matrix = np.array([[0.0, 1.0, 0.0, -volume.grid.origin[1]], [1.0, 0.0, 0.0, 0.0]])
    rotation = Camera(90.0).rotation
    view = View(matrix, 1.0, rotation, middle(volume.extent), 20, 60)
    assert np.allclose(rotation[1:], [[0, 1, 0], [1, 0, 0]], atol=1e-12)
    assert np.array_equal(project(volume.gray, view), volume.gray.values.max(axis=2).T)


def test_presets_look_from_where_they_say() -> None:
    camera = Camera(17.0, 5.0, 2.0)
    away = {name: preset(camera, name).rotation[0].round(9).tolist() for name in ("front", "side", "top")}
    # (z, y, x): into the slices; from the right to the left; from above down
    assert away == {"front": [1, 0, 0], "side": [0, 0, -1], "top": [0, 1, 0]}
    assert preset(camera, "side").zoom == 2.0


def test_what_is_near_follows_the_hand() -> None:
    near = np.array([-10.0, 0.0, 0.0])
    assert (Camera(15.0).rotation @ near)[2] < 0  # to the left
    assert (Camera(0.0, 15.0).rotation @ near)[1] < 0  # up
    assert Camera(170.0).turned(20.0, 0.0).azimuth == -170.0
    assert Camera(0.0, 80.0).turned(0.0, 20.0).elevation == 90.0
    assert Camera().zoomed(100.0).zoom == 8.0


@pytest.mark.parametrize("camera", [Camera(0, 0), Camera(90, 0), Camera(45, 0), Camera(0, 90), Camera(0, -45)])
def test_the_volume_fits_however_it_is_turned_about_an_axis(camera: Camera) -> None:
    volume, _ = block_volume()
    view = view_of(camera, volume.extent, 200, 310)
    low, high = volume.extent
    corners = [[z, y, x] for z in (low[0], high[0]) for y in (low[1], high[1]) for x in (low[2], high[2])]
    seen = view.apply(corners)
    assert seen.min() >= 0
    assert (seen.max(axis=0) <= (309, 199)).all()


def test_halving_keeps_the_brightest_specks() -> None:
    values = np.zeros((3, 7, 5), np.uint8)
    values[1, 6, 4], values[2, 1, 1] = 250, 130
    stack = Stack(values, np.diag([1.0, 0.5, 0.5, 1.0]))
    from viewer.model.volume_project import _halved

    half = _halved(stack)
    assert half.values.shape == (3, 4, 3)
    assert (half.values[1, 3, 2], half.values[2, 0, 0]) == (250, 130)
    assert half.to_world @ [0, 0, 0, 1] == pytest.approx([0.0, 0.25, 0.25, 1.0])  # between voxels 0 and 1
    assert stack.coarse is stack  # a small one is not halved


def test_a_projection_that_nobody_wants_any_more_is_given_up() -> None:
    volume, _ = block_volume()
    assert project(volume.gray, view_of(Camera(), volume.extent, 50, 60), lambda: True).max() == 0


# -- colours -----------------------------------------------------------------------------------------------------
def entry_of(volume):  # type: ignore[no-untyped-def]
    results = ResultsModel()
    results.restore(make_result(volume.image, y=(0.3, 0.9)))
    return results.get(volume.image.sop_uid)


@pytest.mark.parametrize("side", ["L", "R"])
def test_saliency_lies_over_the_voxels_that_it_means(side: str) -> None:
    volume, _ = block_volume(side)
    entry = entry_of(volume)
    stacks = finding_stacks(entry, volume.grid, stored_to_plane(volume.image))
    assert stacks is not None
    stack = stacks.stacks[Finding.MALIGNANT]
    peak = np.unravel_index(np.argmax(stack.values), stack.values.shape)
    assert stack.values[peak] == round(float(entry.saliency[:, 1].max()) * FINE)
    z, y, x, _ = stack.to_world @ [*peak, 1.0]
    assert z == volume.grid.z_of(peak[0])
    assert (y, x) == pytest.approx(tuple(stored_to_plane(volume.image).apply(entry.saliency_to_stored.apply(peak[1:]))))
    for direction in DIRECTIONS:
        view = view_of(Camera(*direction), volume.extent, 240, 300)
        seen = center_of(project(stack, view), 0.85 * stack.values.max())
        assert seen == pytest.approx(tuple(view.apply([z, y, x])), abs=5.0)  # a cell is 9 pixels wide


def test_slices_that_are_not_computed_show_nothing() -> None:
    volume, _ = block_volume()
    entry = entry_of(volume)
    entry.saliency[3:] = np.nan
    stacks = finding_stacks(entry, volume.grid, stored_to_plane(volume.image))
    assert stacks is not None
    assert stacks.stacks[Finding.MALIGNANT].values[3:].max() == 0
    assert finding_stacks(None, volume.grid, stored_to_plane(volume.image)) is None


def test_colours_and_thresholds_are_those_of_the_overlay() -> None:
    settings = OverlaySettings(threshold_malignant=0.2, threshold_benign=0.1, opacity=0.6)
    gray = np.full((2, 3), 100, np.uint8)
    malignant = np.array([[0.0, 0.2, 0.9], [0.0, 0.0, 0.0]])
    benign = np.array([[0.0, 0.0, 0.0], [0.1, 0.5, 0.0]])
    projection = Projection(
        gray,
        {
            Finding.BENIGN: np.rint(benign * FINE).astype(np.uint16),
            Finding.MALIGNANT: np.rint(malignant * FINE).astype(np.uint16),
        },
    )
    picture = compose(projection, settings, untrained=False)
    assert picture[0, :2].tolist() == [[100, 100, 100, 255]] * 2  # nothing at and under the threshold
    assert picture[1, 0].tolist() == [100, 100, 100, 255]
    for finding, value, at in ((Finding.MALIGNANT, 0.9, (0, 2)), (Finding.BENIGN, 0.5, (1, 1))):
        red, green, blue, alpha = (
            int(v) for v in rgba(finding, np.array([value], np.float32), settings.threshold(finding), 0.6)[0]
        )
        under = (100 * (255 - alpha) + 127) // 255
        assert picture[at].tolist() == [blue + under, green + under, red + under, 255]


def test_switches_hide_classes_and_untrained_colours_are_striped() -> None:
    volume, _ = block_volume()
    stacks = finding_stacks(entry_of(volume), volume.grid, stored_to_plane(volume.image))
    assert set(shown(stacks, OverlaySettings())) == {Finding.BENIGN, Finding.MALIGNANT}
    assert set(shown(stacks, OverlaySettings(benign=False))) == {Finding.MALIGNANT}
    assert shown(stacks, OverlaySettings(visible=False)) == {}
    steps = np.full((40, 40), FINE, np.uint16)
    full = Projection(np.zeros((40, 40), np.uint8), {Finding.MALIGNANT: steps})
    plain = compose(full, OverlaySettings(), untrained=False)[..., 2] > 0
    striped = compose(full, OverlaySettings(), untrained=True)[..., 2] > 0
    assert plain.all()
    assert striped.mean() == pytest.approx(10 / 14, abs=0.02)  # four of fourteen pixels are gaps


# -- slices through the volume --------------------------------------------------------------------------------------
def test_planes_through_a_place_show_it_in_one_line_with_each_other() -> None:
    volume, place = block_volume()
    cells = cells_for(volume.extent, (400, 500), 1.0)
    cursor = tuple(float(v) for v in place)
    planes = {plane.name: plane for plane in planes_through(cursor, volume.extent, Camera(), cells.sizes, cells.scale)}
    spots = {}
    for name, plane in planes.items():
        picture = resliced(volume.gray, plane)
        assert picture.shape == (plane.height, plane.width)
        spots[name] = center_of(picture, 150)
        assert spots[name] == pytest.approx(plane.pixel_of(place), abs=cells.scale)
        assert plane.place_at(*plane.pixel_of(place)) == pytest.approx(cursor)
    corners = cells.corners
    # the same place stands at one column above each other, at one row beside each other
    assert spots["above"][1] + corners["above"][1] == pytest.approx(spots["tilted"][1] + corners["tilted"][1], abs=1.5)
    assert spots["side"][0] + corners["side"][0] == pytest.approx(spots["tilted"][0] + corners["tilted"][0], abs=1.5)


@pytest.mark.parametrize("camera", [Camera(25, -15), Camera(-60, 40), Camera(90, 0)])
def test_a_tilted_plane_goes_through_the_cursor(camera: Camera) -> None:
    volume, place = block_volume()
    cells = cells_for(volume.extent, (400, 500), 1.0)
    plane = planes_through(tuple(place), volume.extent, camera, cells.sizes, cells.scale)[2]
    normal = np.cross(plane.down, plane.right)
    assert abs(float((place - np.asarray(plane.center)) @ normal)) < 1e-9
    row, column = plane.pixel_of(place)
    if 0 <= row < plane.height and 0 <= column < plane.width:
        assert resliced(volume.gray, plane)[round(row), round(column)] > 150


def test_reslicing_interpolates_linearly_and_is_black_outside() -> None:
    ramp = np.repeat(np.arange(20, dtype=np.uint8)[:, None, None] * 10, 60, axis=1).repeat(40, axis=2)
    volume = volume_of(volume_image_of(), ramp)
    plane = Plane("side", (9.5, 0.0, 10.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), 2.0, 60, 8)
    row = resliced(volume.gray, plane)[4]
    wanted = [((column - 29.5) / 2.0 + 9.5) * 10.0 for column in range(60)]
    for column, value in enumerate(wanted):
        assert row[column] == (pytest.approx(value, abs=1.0) if 0.0 <= value <= 190.0 else 0)


def test_reslices_have_one_scale_and_stay_in_the_view() -> None:
    volume, _ = block_volume()
    for size in ((400, 300), (180, 600), (1600, 900), (20, 20)):
        cells = cells_for(volume.extent, size, 1.0)
        for name, (width, height) in cells.sizes.items():
            row, col = cells.corners[name]
            assert row >= 0
            assert col >= 0
            if min(size) > 100:
                assert row + height <= size[1]
                assert col + width <= size[0]
        assert cells.sizes["above"][0] == cells.sizes["tilted"][0]
        assert cells.sizes["side"][1] == cells.sizes["tilted"][1]


def test_a_click_on_a_projection_means_the_brightest_place_under_it() -> None:
    volume, place = block_volume()
    for direction in DIRECTIONS:
        view = view_of(Camera(*direction), volume.extent, 240, 300)
        start, along = view.ray(*view.apply(place))
        found = brightest_along(volume.gray, start, along, 60.0, 0.5)
        assert found is not None
        assert np.abs(np.asarray(found) - place).max() < 1.6  # inside the block of 2 x 2 x 2 mm
    view = view_of(Camera(), volume.extent, 240, 300)
    assert brightest_along(volume.gray, *view.ray(-500.0, 0.0), 60.0, 0.5) is None


def test_air_under_a_click_means_nothing() -> None:
    frames = np.zeros((20, 60, 40), np.uint8)
    frames[:, :20, :20] = 90
    volume = volume_of(volume_image_of(), frames)
    whole = replace(volume, extent=volume.grid.bounds)
    view = view_of(Camera(), whole.extent, 240, 300)
    place = volume.grid.to_world @ [10, 50, 35, 1]
    assert brightest_along(volume.gray, *view.ray(*view.apply(place[:3])), 60.0, 0.5) is None
