"""Properties of pooling and patch choice that no recorded case states."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.errors import ModelError
from gmic_core.models import crop_patch, select_rois, top_t_mean


def random_map(seed: int, slices: int, h: int, w: int) -> torch.Tensor:
    return torch.rand((slices, 2, h, w), generator=torch.Generator().manual_seed(seed))


maps = st.builds(random_map, st.integers(0, 999), st.integers(1, 6), st.integers(4, 12), st.integers(4, 9))


@settings(deadline=None, max_examples=25)
@given(saliency=maps, t=st.floats(0.01, 3.0))
def test_top_t_mean_lies_between_mean_and_maximum(saliency: torch.Tensor, t: float) -> None:
    score = top_t_mean(saliency, t)[0]
    assert bool((score <= saliency.amax(dim=(0, 2, 3)) + 1e-6).all())
    assert bool((score >= saliency.mean(dim=(0, 2, 3)) - 1e-6).all())


@settings(deadline=None, max_examples=25)
@given(saliency=maps, patches=st.integers(1, 8), zeta=st.integers(0, 3))
def test_chosen_windows_do_not_meet_while_there_is_room(saliency: torch.Tensor, patches: int, zeta: int) -> None:
    slices, _, h, w = saliency.shape
    chosen = select_rois(saliency, (64 * h, 64 * w), patches, zeta)
    assert chosen.cells.shape == (patches, 2)
    free = torch.ones((slices, h, w), dtype=torch.bool)
    for slice_index, (row, column) in zip(chosen.slices.tolist(), chosen.cells.tolist(), strict=True):
        window = free[slice_index, row : row + 4, column : column + 4]
        assert window.shape == (4, 4)  # 256 pixels are four cells, and the window lies on the map
        assert bool(window.any()) or not bool(free.unfold(1, 4, 1).unfold(2, 4, 1).any())
        free[max(0, slice_index - zeta) : slice_index + zeta + 1, row : row + 4, column : column + 4] = False


@settings(deadline=None, max_examples=25)
@given(saliency=maps, scale=st.floats(0.1, 10.0), shift=st.floats(-5.0, 5.0))
def test_the_first_choice_ignores_scale_and_offset_of_the_maps(
    saliency: torch.Tensor, scale: float, shift: float
) -> None:
    size = (64 * saliency.shape[2], 64 * saliency.shape[3])
    first = select_rois(saliency.double(), size, 1)
    other = select_rois(saliency.double() * scale + shift, size, 1)
    assert first.slices.tolist() == other.slices.tolist()
    assert first.cells.tolist() == other.cells.tolist()


def test_the_callers_map_is_left_alone() -> None:
    saliency = random_map(0, 3, 8, 6)
    before = saliency.clone()
    select_rois(saliency, (512, 384), 5)
    assert torch.equal(saliency, before)


def test_a_map_smaller_than_a_patch_still_gives_one() -> None:
    chosen = select_rois(random_map(0, 1, 2, 2), (130, 130), 2)
    assert chosen.cells.tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("shape", [(2, 8, 6), (3, 1, 8, 6), (0, 2, 8, 6), (1, 2, 0, 6)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match=r"shape \(slices, 2, h, w\)"):
        top_t_mean(torch.zeros(shape), 1.0)


def test_nan_is_refused_and_not_ranked() -> None:
    saliency = random_map(0, 1, 8, 6)
    saliency[0, 1, 3, 3] = float("nan")
    with pytest.raises(ModelError, match="NaN"):
        select_rois(saliency, (512, 384), 1)


def test_a_patch_inside_the_image_is_a_view() -> None:
    image = torch.rand((300, 300))
    assert crop_patch(image, (10, 20)).data_ptr() == image[10:, 20:].data_ptr()
