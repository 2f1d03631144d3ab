"""One anatomy, two compressed views: shared places, the classes' density, and the spectrum of real mammograms."""

from __future__ import annotations

import itertools
from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.errors import PhantomError
from gmic_core.phantom.breast import Breast
from gmic_core.phantom.compression import Compression, neutral_shape
from gmic_core.phantom.measure import spectral_slope
from gmic_core.phantom.outline import body_size, make_outline
from gmic_core.phantom.spec import BreastSpec, Density, ViewName, make_exam_spec
from gmic_core.phantom.view_tissue import ViewTissue

VIEWS: tuple[ViewName, ...] = ("CC", "MLO")
DENSITIES: tuple[Density, ...] = ("a", "b", "c", "d")
THICKNESS = 52


def spec_of(density: Density = "b", seed: int = 1, side: int = 0) -> BreastSpec:
    return make_exam_spec(seed, density=density, findings=(), thickness_mm=THICKNESS, size="small").breasts[side]


@cache
def breast(density: Density = "b") -> Breast:
    return Breast(spec_of(density))


@cache
def tissue(view: ViewName, density: Density = "b") -> ViewTissue:
    return breast(density).view(view)


@cache
def compression(view: ViewName, seed: int) -> Compression:
    spec = spec_of(seed=seed)
    return Compression(neutral_shape(body_size(spec)), make_outline(spec, view))


def inside_of(found: ViewTissue) -> np.ndarray:
    """Return the share of breast on the fine grid: the coarse one has 1 mm layers as a small view has, pixels twice."""
    return found.inside.repeat(2, axis=1).repeat(2, axis=2)


def flat_of(found: ViewTissue) -> np.ndarray:
    """Return where the breast is as thick as the paddle leaves it, on the fine grid's plane."""
    return inside_of(found).sum(axis=0) > 0.98 * THICKNESS


def quadrant(lateral: float, superior: float, depth: float = 0.35) -> np.ndarray:
    shape = neutral_shape(body_size(spec_of()))
    return np.array([[depth * shape.depth_mm, lateral * shape.radius_mm, superior * shape.radius_mm]])


@pytest.mark.parametrize(("density", "low", "high"), [("a", 4, 8), ("b", 8, 15), ("c", 15, 25), ("d", 25, 45)])
def test_each_density_class_has_its_share_of_gland(density: Density, low: float, high: float) -> None:
    assert low <= 100 * breast(density).glandular_fraction() <= high


def test_the_view_holds_as_much_gland_as_the_breast_says() -> None:
    """Counted in the view without its skin, where compression has moved it; right under the skin there is none."""
    found = tissue("CC", "c")
    inside = inside_of(found)
    under_skin = np.stack([cv2.erode(plane, np.ones((9, 9))) for plane in inside])
    under_skin[:2] = under_skin[-2:] = 0
    share = float((found.dense * (under_skin > 0.5)).sum() / inside.sum())
    assert share == pytest.approx(breast("c").glandular_fraction(), rel=0.25)


def test_dense_classes_look_denser() -> None:
    shares = [float(tissue("CC", density).dense.sum()) for density in DENSITIES]
    assert all(later > earlier * 1.1 for earlier, later in itertools.pairwise(shares))


@pytest.mark.parametrize("density", DENSITIES)
def test_the_projection_has_the_spectrum_of_mammograms(density: Density) -> None:
    """Beta of Burgess 1999 is 2.7 to 3.3; a small view's pixel of 0.5 mm resolves up to about 0.6 cycles per mm."""
    found = tissue("CC", density)
    beta = spectral_slope(found.dense.sum(axis=0), found.grid.spacing[1], flat_of(found), band=(0.1, 0.6))
    assert 2.4 <= beta <= 3.5


@given(st.floats(1.5, 4.0), st.integers(0, 3))
@settings(max_examples=12, deadline=None)
def test_the_slope_of_a_made_up_field_is_recovered(beta: float, seed: int) -> None:
    frequency = np.hypot(np.fft.fftfreq(512, 0.25)[:, None], np.fft.fftfreq(512, 0.25)[None, :])
    frequency[0, 0] = np.inf
    white = np.fft.fft2(np.random.default_rng(seed).standard_normal((512, 512)))
    image = np.fft.ifft2(white * frequency ** (-beta / 2)).real
    assert spectral_slope(image, 0.25) == pytest.approx(beta, abs=0.25)


def test_a_spectrum_without_room_for_a_patch_says_so() -> None:
    with pytest.raises(PhantomError, match="use smaller patches"):
        spectral_slope(np.zeros((20, 20)), 0.5)


@given(st.sampled_from(VIEWS), st.integers(0, 3), st.floats(-0.8, 0.8), st.floats(0.0, 0.9), st.floats(-0.95, 0.95))
@settings(max_examples=120, deadline=None)
def test_neutral_and_back_is_where_one_started(view: ViewName, seed: int, n: float, xi: float, s: float) -> None:
    chart = compression(view, seed)
    y = chart.outline.row(np.array([n]))
    x = xi * chart.outline.edge_at(y)
    half = chart.outline.half_thickness(chart.outline.depth_at(y, x))
    point = np.stack([0.5 * THICKNESS + s * half, y, x], axis=1)
    np.testing.assert_allclose(chart.to_view(chart.to_neutral(point)), point, atol=1e-3)


@given(st.sampled_from(VIEWS), st.floats(0.02, 0.9), st.floats(0, 2 * np.pi), st.floats(0.05, 0.9))
@settings(max_examples=120, deadline=None)
def test_every_neutral_place_lies_inside_both_views(view: ViewName, radius: float, turn: float, depth: float) -> None:
    chart = compression(view, 1)
    wide = chart.shape.radius_mm * radius * np.sqrt(1 - depth**2)
    neutral = np.array([[depth * chart.shape.depth_mm, wide * np.cos(turn), wide * np.sin(turn)]])
    z, y, x = chart.to_view(neutral)[0]
    assert 0 < z < THICKNESS
    assert 0 <= x < chart.outline.edge_at(np.array([y]))[0]
    np.testing.assert_allclose(chart.to_neutral([[z, y, x]]), neutral, atol=1e-3)


def test_upper_outer_tissue_is_at_the_top_of_both_views() -> None:
    one = breast()
    for view in VIEWS:
        upper_outer, lower_inner = (one.to_view(view, quadrant(sign * 0.4, sign * 0.4))[0] for sign in (1, -1))
        nipple = tissue(view).nipple
        assert upper_outer[1] < nipple[1] - 10
        assert lower_inner[1] > nipple[1] + 10


def test_z_tells_upper_from_lower_in_cc_and_inner_from_outer_in_mlo() -> None:
    one = breast()
    upper, lower = (one.to_view("CC", quadrant(0.0, sign * 0.4))[0, 0] for sign in (1, -1))
    assert upper > 0.5 * THICKNESS + 5 > lower + 10
    upper_inner, lower_outer = (one.to_view("MLO", quadrant(-sign * 0.3, sign * 0.3))[0, 0] for sign in (1, -1))
    assert upper_inner > 0.5 * THICKNESS + 5 > lower_outer + 10


@pytest.mark.parametrize("view", VIEWS)
def test_both_views_show_the_breasts_own_tissue(view: ViewName) -> None:
    """At the same neutral places the view holds what the breast says, within the view's own grain."""
    rng = np.random.default_rng(0)
    one, found = breast("c"), tissue(view, "c")
    shape = neutral_shape(body_size(spec_of("c")))
    points = np.stack(
        [rng.uniform(0.35, 0.7, 4000), rng.uniform(-0.35, 0.35, 4000), rng.uniform(-0.35, 0.35, 4000)], axis=1
    ) * (shape.depth_mm, shape.radius_mm, shape.radius_mm)
    index = np.rint((one.to_view(view, points) - found.grid.origin) / found.grid.spacing).astype(int)
    centres = index * np.array(found.grid.spacing) + found.grid.origin
    seen = found.dense[tuple(index.T)]

    def likeness(z: float, y: float, x: float) -> float:
        return float(np.corrcoef(seen, one.dense_at(one.to_neutral(view, centres + np.array([z, y, x]))))[0, 1])

    here = likeness(0, 0, 0)
    assert here > 0.75
    for shift in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
        assert likeness(*shift) < here - 0.05


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_is_dense_outside_the_breast(view: ViewName) -> None:
    found = tissue(view)
    assert found.dense.dtype == found.inside.dtype == np.float32
    assert found.dense.shape == found.grid.shape
    assert not found.dense[inside_of(found) == 0].any()
    assert 0 <= found.dense.min() < found.dense.max() <= 1.2
    assert not found.inside[:, :, -1].any()
    assert found.inside.min() == 0
    assert found.inside.max() == 1


@pytest.mark.parametrize("view", VIEWS)
def test_skin_is_under_two_millimetres_and_fat_lies_beneath(view: ViewName) -> None:
    """Top and bottom of the stack: a bright layer or two, then darker tissue."""
    found = tissue(view)
    row = round(found.nipple[1] / found.grid.spacing[1])
    column = round(0.5 * found.nipple[2] / found.grid.spacing[2])
    profile = found.dense[:, row - 20 : row + 20, column - 20 : column + 20].mean(axis=(1, 2))
    for end in (profile, profile[::-1]):
        assert end[0] == pytest.approx(1.0, abs=0.02)
        assert end[2:4].max() < 0.5


@pytest.mark.parametrize("view", VIEWS)
def test_the_nipple_is_the_foremost_point(view: ViewName) -> None:
    found = tissue(view)
    there = np.argwhere(found.inside > 0.5) * found.inside_grid.spacing + np.array(found.inside_grid.origin)
    foremost = there[there[:, 2].argmax()]
    assert np.abs(foremost - found.nipple).max() < 6


def test_only_the_mlo_shows_muscle_and_it_reaches_the_upper_edge() -> None:
    """Half of the thickness at the upper chest-wall corner is muscle; the CC is empty there."""
    corner = tissue("MLO").dense[:, :20, :20]
    assert corner[THICKNESS // 2].mean() > 0.5
    assert not tissue("CC").dense[:, :8, :8].any()


def test_the_outline_of_the_mlo_runs_up_to_the_axilla() -> None:
    chart = make_outline(spec_of(), "MLO")
    top, nipple = chart.edge_at(np.array([0.0, chart.nipple_row]))
    assert 0.3 * nipple < top < 0.7 * nipple
    assert chart.edge_at(np.array([spec_of().plate.height_mm]))[0] == 0


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_bytes(threads: int) -> None:
    before = cv2.getNumThreads()
    cv2.setNumThreads(threads)
    try:
        again = Breast(spec_of("a")).view("MLO")
    finally:
        cv2.setNumThreads(before)
    assert again.dense.tobytes() == tissue("MLO", "a").dense.tobytes()
    assert again.inside.tobytes() == tissue("MLO", "a").inside.tobytes()
    assert again.nipple == tissue("MLO", "a").nipple


def test_the_other_breast_is_alike_but_not_the_same() -> None:
    left, right = (body_size(spec_of(side=side)) for side in (0, 1))
    assert left != right
    assert left.reach_mm == pytest.approx(right.reach_mm, rel=0.07)
