"""Findings: where they lie, how large and how dense they are, and that both views show the same one."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.errors import PhantomError
from gmic_core.phantom.calcifications import CLUSTERS, MINERAL
from gmic_core.phantom.findings import SIZES_MM, Finding, insert_findings, place_findings
from gmic_core.phantom.masses import CARCINOMA, FIBROADENOMA, MASSES, WATER
from gmic_core.phantom.outline import make_outline
from gmic_core.phantom.shapes import NEUTRAL_FROM_VIEW, Pose, Strands, share_of, strand_share, to_neutral, to_view
from gmic_core.phantom.spec import FINDING_KINDS
from gmic_core.phantom.view_tissue import Grid
from tests.helpers.plain_breasts import PlainBreast, plain_spec, plain_tissue

SOLID = ("malignant-mass", "malignant-lobulated", "benign-mass", "benign-cyst")


def insert_one(kind: str, diameter: float = 12.0, view: str = "CC", value: float = 0.1, seed: int = 1):
    spec = plain_spec(kind, seed=seed)
    breast = PlainBreast(spec)
    tissue = plain_tissue(spec, value)
    middle = breast.to_neutral("CC", np.array([[25.0, 116.0, 45.0]]))[0]
    finding = Finding(kind, kind.startswith("malignant"), diameter, tuple(middle), 1)
    return tissue, insert_findings(breast, view, tissue, (finding,))[0]


def centre_index(tissue, placed) -> tuple[int, ...]:
    grid = tissue.grid
    return tuple(round((c - o) / s) for c, o, s in zip(placed.centre, grid.origin, grid.spacing, strict=True))


def test_every_kind_has_a_shape_and_a_size():
    assert set(MASSES) | set(CLUSTERS) == set(FINDING_KINDS) == set(SIZES_MM)
    for median, _, low, high in SIZES_MM.values():
        assert 3.0 <= low < median < high <= 30.0


@pytest.mark.parametrize("seed", [1, 2])
def test_places_keep_their_distances_in_both_views(seed):
    spec = plain_spec("malignant-mass", "benign-cyst", "benign-node", seed=seed, thickness=60)
    breast = PlainBreast(spec)
    findings = place_findings(breast)
    assert [f.kind for f in findings] == list(spec.findings)
    assert [f.number for f in findings] == [1, 2, 3]
    assert [f.malignant for f in findings] == [True, False, False]
    for view in ("CC", "MLO"):
        outline = make_outline(spec, view)
        points = breast.to_view(view, np.array([f.centre for f in findings]))
        for finding, (z, y, x) in zip(findings, points, strict=True):
            radius = finding.diameter_mm / 2
            assert outline.depth_at(np.array([y]), np.array([x]))[0] >= min(12.0, radius + 1.3)
            assert radius < z < spec.thickness_mm - radius
            assert radius < y < spec.plate.height_mm - radius
            assert x > radius
            assert np.hypot(y - outline.nipple_row, x - outline.reach_mm) > radius + 5.0
        for i, one in enumerate(findings):
            for j, other in enumerate(findings[:i]):
                apart = np.linalg.norm(points[i, 1:] - points[j, 1:])
                assert apart > (one.diameter_mm + other.diameter_mm) / 2


def test_places_are_the_same_for_the_same_breast_only():
    first, again, other = (place_findings(PlainBreast(plain_spec("malignant-mass", seed=seed))) for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_most_findings_lie_at_gland():
    near = []
    for seed in range(6):
        breast = PlainBreast(plain_spec("malignant-mass", seed=seed))
        (finding,) = place_findings(breast)
        ring = np.array([finding.centre]) + 9.0 * np.vstack([np.eye(3), -np.eye(3), np.zeros((1, 3))])
        near.append(breast.dense_at(ring).max() > 0)
    assert sum(near) >= 5


def test_a_breast_without_findings_gets_none():
    assert place_findings(PlainBreast(plain_spec())) == ()


def test_too_many_findings_are_refused():
    with pytest.raises(PhantomError, match="40 findings do not fit into this breast"):
        place_findings(PlainBreast(plain_spec(*["malignant-distortion"] * 40)))


@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_views_turn_offsets_rigidly(view):
    matrix = NEUTRAL_FROM_VIEW[view]
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-12)
    offsets = np.array([[1.0, -2.0, 3.0]])
    np.testing.assert_allclose(to_view(view, to_neutral(view, offsets)), offsets, atol=1e-5)
    breast = PlainBreast(plain_spec())
    centre = np.array([0.5 * breast.shape.depth_mm, 0.0, 0.0])
    for axis in np.eye(3):  # the compression moves points the same way round as the turn
        moved = np.diff(breast.to_view(view, np.stack([centre, centre + 2.0 * axis])), axis=0)[0]
        assert moved @ to_view(view, axis) > 0.5 * np.linalg.norm(moved)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("malignant-mass", CARCINOMA),
        ("malignant-lobulated", 1.10),
        ("benign-mass", FIBROADENOMA),
        ("benign-cyst", WATER),
    ],
)
def test_a_mass_has_its_attenuation_in_its_middle(kind, value):
    tissue, placed = insert_one(kind)
    assert tissue.dense[centre_index(tissue, placed)] == pytest.approx(value, abs=1e-3)


def test_published_attenuation():
    """Johns and Yaffe 1987 at 20 keV: fat 0.456, fibrous 0.802, infiltrating ductal carcinoma 0.844 per cm."""
    assert pytest.approx((0.844 - 0.456) / (0.802 - 0.456), abs=0.005) == CARCINOMA
    assert pytest.approx((0.8096 - 0.456) / (0.802 - 0.456), abs=0.01) == WATER
    assert pytest.approx(0.85 / 2.19, abs=0.005) == MINERAL


@pytest.mark.parametrize("kind", SOLID)
def test_a_mass_is_as_large_as_it_says(kind):
    _, placed = insert_one(kind, 14.0)
    even = np.cbrt(6.0 / np.pi * placed.volume_mm3)
    assert 11.5 < even < 18.0
    for low, high in placed.extent:
        assert 10.0 < high - low < 24.0


def test_a_carcinoma_never_makes_dense_tissue_less_dense():
    tissue, _ = insert_one("malignant-mass", value=1.15)
    assert tissue.dense.min() == pytest.approx(1.15, abs=1e-5)


def test_a_spiculated_mass_reaches_beyond_its_core_in_all_directions():
    tissue, placed = insert_one("malignant-mass", 12.0)
    z, y, x = np.meshgrid(*(tissue.grid.axis(a) - placed.centre[a] for a in range(3)), indexing="ij")
    radius = np.sqrt(z * z + y * y + x * x)
    shell = (radius > 9.0) & (radius < 10.0)
    spicule = shell & (tissue.dense > 0.2)
    assert 0.01 < spicule.sum() / shell.sum() < 0.4  # strands, not a second mass
    for octant in np.ndindex(2, 2, 2):
        signs = [(one > 0) == bool(side) for one, side in zip((z, y, x), octant, strict=True)]
        assert (spicule & signs[0] & signs[1] & signs[2]).any()


def test_a_smooth_mass_has_a_halo_and_no_strands():
    tissue, placed = insert_one("benign-mass", 12.0, value=0.6)
    assert tissue.dense.min() < 0.5
    axes = [tissue.grid.axis(a) - placed.centre[a] for a in range(3)]
    radius = np.sqrt(sum(one**2 for one in np.meshgrid(*axes, indexing="ij")))
    np.testing.assert_allclose(tissue.dense[radius > 11.0], 0.6)


def test_a_node_has_fat_in_it():
    tissue, placed = insert_one("benign-node", 10.0, value=0.5)
    low, high = (
        tuple(
            round((e[side] - o) / s)
            for e, o, s in zip(placed.extent, tissue.grid.origin, tissue.grid.spacing, strict=True)
        )
        for side in (0, 1)
    )
    part = tissue.dense[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    assert part.max() > 1.0
    assert part.min() < 0.2


def test_a_distortion_draws_tissue_inwards_without_a_core():
    spec = plain_spec("malignant-distortion")
    breast, tissue = PlainBreast(spec), plain_tissue(spec, 0.0)
    middle = breast.to_neutral("CC", np.array([[25.0, 116.0, 45.0]]))[0]
    tissue.dense[:, :, tissue.grid.axis(2) > 51.0] = 0.8  # an edge of gland 6 mm from the centre
    finding = Finding("malignant-distortion", True, 22.0, tuple(middle), 1)
    (placed,) = insert_findings(breast, "CC", tissue, (finding,))
    line = tissue.dense[24:26, 228:236].mean(axis=(0, 1))
    x = tissue.grid.axis(2)
    assert line[(x > 48.0) & (x < 50.5)].mean() > 0.15  # gland has come nearer
    ball = [tissue.grid.axis(a) - placed.centre[a] for a in range(3)]
    near = np.sqrt(sum(one**2 for one in np.meshgrid(*ball, indexing="ij"))) < 4.0
    assert tissue.dense[near].mean() < 0.5
    assert placed.volume_mm3 == pytest.approx(4.0 / 3.0 * np.pi * 11.0**3, rel=0.03)


@pytest.mark.parametrize("kind", ["malignant-mass", "benign-node", "malignant-lobulated"])
def test_both_views_show_the_same_mass(kind):
    """The MLO is the CC's shape turned by 45 degrees about the depth axis: same volume, same shadow along x."""
    (_, cc), (_, mlo) = (insert_one(kind, 14.0, view) for view in ("CC", "MLO"))
    assert mlo.volume_mm3 == pytest.approx(cc.volume_mm3, rel=0.02)
    depth_cc, depth_mlo = (np.ptp(one.extent[2]) for one in (cc, mlo))
    assert depth_mlo == pytest.approx(depth_cc, abs=0.7)
    spread = []
    for one in (cc, mlo):
        points = np.argwhere(one.mask) * one.grid.spacing + one.grid.origin - np.asarray(one.centre)
        spread.append(to_neutral(one.view, points))
    for moment in range(3):
        assert spread[0][:, moment].mean() == pytest.approx(spread[1][:, moment].mean(), abs=0.15)
        assert spread[0][:, moment].std() == pytest.approx(spread[1][:, moment].std(), abs=0.15)


def test_a_pleomorphic_cluster_is_what_its_name_says():
    tissue, placed = insert_one("malignant-calcifications", 12.0)
    grains = tissue.calcifications
    centres = np.array([grain.centre for grain in grains])
    assert 24 <= len(grains) <= 200  # balls; 8 to 40 grains
    assert np.linalg.norm(centres - np.asarray(placed.centre), axis=1).max() <= 6.5
    radii = np.array([grain.radii for grain in grains])
    assert 0.02 < radii.min()
    assert radii.max() < 0.4
    assert all(0.25 <= grain.mineral <= 0.55 for grain in grains)
    index = np.rint((centres - placed.grid.origin) / placed.grid.spacing).astype(int)
    assert placed.mask[tuple(index.T)].all()  # the envelope holds them all
    np.testing.assert_allclose(tissue.dense, 0.1)


def test_scattered_calcifications_are_round_and_large():
    tissue, _ = insert_one("benign-calcifications", 20.0)
    assert 4 <= len(tissue.calcifications) <= 9
    assert all(0.25 <= grain.radii[0] == grain.radii[2] <= 0.6 for grain in tissue.calcifications)


def test_a_vessel_is_calcified_in_its_wall():
    rng = np.random.default_rng(3)
    cluster = CLUSTERS["benign-vascular"](rng, 22.0)
    path = cluster.links
    nearest = np.linalg.norm(cluster.centres[:, None] - path[None], axis=-1).min(axis=1)
    assert len(cluster.centres) > 200
    assert nearest.min() > 0.4  # nothing in its middle
    assert nearest.max() < 1.6
    assert cluster.strands is not None


def test_strands_thinner_than_a_voxel_keep_their_volume():
    strands = Strands(np.zeros((10, 3), np.float32), np.full(10, 0.0002, np.float32))
    for step in (0.25, 0.5, 1.0):
        grid = Grid((12, 12, 12), (step, step, step), (-6 * step, -6 * step, -6 * step))
        share = strand_share(strands, grid, Pose("MLO", (0.03, -0.06, 0.09)))
        assert share.sum() * step**3 == pytest.approx(0.002, rel=1e-4)


def test_edges_are_shared_between_voxels():
    """A ball of 5 mm radius keeps its volume on a coarse grid."""
    grid = Grid((14, 14, 14), (1.0, 1.0, 1.0), (-6.7, -6.3, -6.5))
    share = share_of(lambda offsets: 5.0 - np.linalg.norm(offsets, axis=-1), grid, Pose("CC", (0.0, 0.0, 0.0)))
    assert share.sum() == pytest.approx(4.0 / 3.0 * np.pi * 125.0, rel=0.01)


@pytest.mark.parametrize("kind", FINDING_KINDS)
def test_a_finding_is_drawn_alike_every_time(kind):
    (first, one), (again, two) = insert_one(kind, 15.0), insert_one(kind, 15.0)
    np.testing.assert_array_equal(first.dense, again.dense)
    assert first.calcifications == again.calcifications
    np.testing.assert_array_equal(one.mask, two.mask)
    other, _ = insert_one(kind, 15.0, seed=2)
    assert not np.array_equal(first.dense, other.dense) or first.calcifications != other.calcifications
