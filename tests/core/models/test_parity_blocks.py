"""Pooling, choice of patches and cropping against the published functions, and where ours differ on purpose."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gmic_core.models import crop_patch, retrieve_rois, select_rois, top_t_mean
from gmic_core.models.gmic_blocks import pooled_cells
from tests.helpers import goldens
from tests.reference import checks, inputs

DEGENERATE = ("roi2d_constant", *goldens.cases("roi3d_zero_class_"))
OTHER_3D = ("roi3d_training_seed0", *DEGENERATE)


def saliency(expression: str) -> torch.Tensor:
    return torch.from_numpy(goldens.make_input(expression))


def recorded_map(name: str) -> torch.Tensor:
    entry = goldens.manifest()[name]["input"]
    image = goldens.make_input(entry["fn"])
    assert inputs.fingerprint(image) == entry["fingerprint"]
    return torch.from_numpy(image)


def test_every_recorded_case_is_here() -> None:
    assert len(goldens.cases("roi2d_", without=DEGENERATE)) == 24
    assert len(goldens.cases("roi3d_", without=OTHER_3D)) == 48


@pytest.mark.parametrize("name", goldens.cases("roi2d_", without=DEGENERATE))
def test_2d_patches_are_chosen_as_published(name: str) -> None:
    entry, golden = goldens.manifest()[name], goldens.arrays(name)
    for index, image_map in enumerate(recorded_map(name).split(1)):
        chosen = select_rois(
            image_map, tuple(entry["image_size"]), entry["K"], zeta=0, patch_size=tuple(entry["crop_shape"])
        )
        np.testing.assert_array_equal(chosen.cells, golden["loc_cam"][index])
        np.testing.assert_array_equal(chosen.corners, golden["loc_px"][index])
        assert chosen.slices.tolist() == [0] * entry["K"]


@pytest.mark.parametrize("name", goldens.cases("roi3d_", without=OTHER_3D))
def test_3d_patches_are_chosen_as_published(name: str) -> None:
    entry, golden = goldens.manifest()[name], goldens.arrays(name)

    slices, corners = retrieve_rois(recorded_map(name), tuple(entry["image_size"]), entry["K"], entry["zeta"])

    np.testing.assert_array_equal(slices, golden["slice_index"])
    np.testing.assert_array_equal(corners, golden["loc_px"])
    assert slices.dtype == corners.dtype == torch.int64


def test_training_draws_the_slice_from_the_closed_range() -> None:
    golden = goldens.arrays("roi3d_training_seed0")

    chosen = select_rois(
        saliency("random_saliency(25,2,16,10,0,'smooth')"), (1024, 672), 8, 10, draw=np.random.RandomState(0).randint
    )

    np.testing.assert_array_equal(chosen.centres, golden["intended"])
    np.testing.assert_array_equal(chosen.slices, golden["sampled"])
    np.testing.assert_array_equal(chosen.cells, golden["loc_cam"])


@pytest.mark.parametrize(("empty", "kept"), [("benign", 1), ("malignant", 0)])
def test_a_constant_class_leaves_the_choice_to_the_other_one(empty: str, kept: int) -> None:
    """Published: 0/0 = NaN, and the first window of slice 0 six times. Ours: what the other class alone chooses."""
    published = goldens.arrays(f"roi3d_zero_class_{empty}")
    assert published["slice_index"].tolist() == [0] * 6
    assert published["loc_cam"].tolist() == [[0, 0]] * 6
    maps = saliency("random_saliency(7,2,33,21,0,'sparse')").clone()
    maps[:, 1 - kept] = 0.0
    alone = maps.clone()
    alone[:, 1 - kept] = maps[:, kept]  # the same map in both classes ranks as the map alone

    chosen = select_rois(maps, (2116, 1339), 6, 10)

    expected = select_rois(alone, (2116, 1339), 6, 10)
    np.testing.assert_array_equal(chosen.cells, expected.cells)
    np.testing.assert_array_equal(chosen.slices, expected.slices)
    assert len({tuple(cell) for cell in chosen.cells.tolist()}) == 6
    assert chosen.notes == (f"The {empty} map is constant: it had no part in the choice of patches.",)


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_nothing_is_chosen_on_two_constant_maps(value: float) -> None:
    """Published: NaN, and the first window K times (roi3d_zero_class_both, roi2d_constant). Ours: no patch, a note."""
    assert goldens.arrays("roi3d_zero_class_both")["loc_cam"].tolist() == [[0, 0]] * 6
    assert goldens.arrays("roi2d_constant")["loc_cam"].tolist() == [[[0, 0]] * 3]

    chosen = select_rois(torch.full((7, 2, 33, 21), value), (2116, 1339), 6, 10)

    assert len(chosen) == 0
    assert chosen.corners.shape == (0, 2)
    assert chosen.notes == ("Both saliency maps are constant: no patch was chosen; the score is the global one.",)


@pytest.mark.parametrize("name", ["topt2d", "topt3d"])
def test_top_t_pooling_is_the_published_one(name: str) -> None:
    golden = goldens.arrays(name)
    exact = {
        round(t, 5): t
        for t in (1.5108578607685, 2.0584660301930686, 1.1336909878403076, 1.5651680987233705, 2.293890202354881)
    }
    for label, row in zip(golden["r__names"], golden["r__chk"], strict=True):
        t_text, *depth, size, pooled = str(label).split("_")
        t = exact.get(float(t_text), float(t_text))
        slices = depth[0][1:] if depth else "2"
        maps = saliency(f"random_saliency({slices},2,{size.replace('x', ',')},0,'sparse')")
        groups = (maps,) if depth else maps.split(1)
        assert {pooled_cells(group.shape, t)[0] for group in groups} == {int(pooled[1:])}, label
        found = torch.cat([top_t_mean(group, t) for group in groups])
        assert found.shape == (len(groups), 2)
        assert checks.worst(found.numpy().ravel(), row) <= 1e-6, label


def test_top_t_pooling_takes_all_cells_where_more_are_asked_for() -> None:
    """Published: an error. Ours: all cells, and a note."""
    maps = saliency("random_saliency(1,2,12,9,0,'smooth')")
    assert torch.allclose(top_t_mean(maps, 1.5), maps.mean(dim=(2, 3)))
    assert pooled_cells(maps.shape, 1.5) == (108, "Top-t pooling asked for 162 cells of 108; all were averaged.")


def test_top_t_pooling_takes_one_cell_where_none_is_asked_for() -> None:
    maps = saliency("random_saliency(1,2,12,9,0,'smooth')")
    assert torch.equal(top_t_mean(maps, 0.001), maps.amax(dim=(2, 3)))


def test_patches_are_cropped_as_published() -> None:
    golden = goldens.arrays("crop_upper_left")
    image = torch.from_numpy(inputs.standardise(inputs.mammogram(300, 280, 0)))
    for position, row in zip(golden["pos"], golden["rows"], strict=True):
        patch = crop_patch(image, tuple(position))
        found = [*checks.chk(patch.numpy()), patch[0, 0], patch[0, -1], patch[-1, 0], patch[-1, -1], patch[128, 128]]
        assert checks.worst(np.array(found, np.float64), row) == 0.0, position


def test_the_part_inside_the_image_sits_at_the_bottom_right() -> None:
    image = torch.arange(12.0).reshape(3, 4) + 5.0
    assert crop_patch(image, (1, 2), (3, 3)).tolist() == [[5, 5, 5], [5, 11, 12], [5, 15, 16]]
    assert crop_patch(image, (1, 2), (3, 3), fill=-1.0).tolist() == [[-1, -1, -1], [-1, 11, 12], [-1, 15, 16]]
    assert crop_patch(image, (-1, -2), (2, 3)).tolist() == [[5, 5, 5], [5, 5, 5]]
    assert crop_patch(image, (9, 9), (2, 2)).tolist() == [[5, 5], [5, 5]]
