"""The frozen baseline computes what the published networks do, and refuses to be compared with anything else."""

from __future__ import annotations

import eager
import numpy as np
import pytest
import torch

from tests.helpers import goldens
from tests.reference import checks, inputs

CASES_3D = ("gmic3d_small_m1", "gmic3d_small_m5", "gmic3d_odd_d4", "gmic3d_paper_d3")
CASES_2D = ("gmic_small", "gmic_odd")


def load(model: eager.EagerGmic, shapes: str) -> eager.EagerGmic:
    model.load_state_dict({key: torch.from_numpy(value) for key, value in goldens.numpy_state(shapes).items()})
    return model.eval()


def golden(name: str) -> tuple[dict, np.ndarray, dict]:
    entry = goldens.manifest()[name]
    image = goldens.make_input(entry["input"]["fn"])
    assert inputs.fingerprint(image) == entry["input"]["fingerprint"]
    return entry["parameters"], image, goldens.arrays(name)


@pytest.mark.parametrize("name", CASES_3D)
def test_the_baseline_is_the_published_3d_gmic(name: str) -> None:
    parameters, image, recorded = golden(name)
    model = load(eager.EagerGmic(True, parameters["percent_t"], parameters["K"]), "gmic3d")

    found = model.run_standardised(image)

    assert checks.worst(found.saliency, recorded["saliency_map"]) <= 1e-4
    for mine, theirs in ((found.y, "final"), (found.y_global, "y_global"), (found.y_local, "y_local")):
        assert checks.worst(mine, recorded[theirs]) <= 1e-5
    np.testing.assert_array_equal(found.slices, recorded["slice_index"])
    np.testing.assert_array_equal(found.corners, recorded["patch_location_px"])


@pytest.mark.parametrize("name", CASES_2D)
def test_the_baseline_is_the_published_gmic(name: str) -> None:
    parameters, image, recorded = golden(name)
    model = load(eager.EagerGmic(False, parameters["percent_t"], parameters["K"]), "gmic")

    found = model.run_standardised(image[:, 0])

    assert checks.worst(found.saliency, recorded["saliency_map"]) <= 1e-4
    for mine, theirs in ((found.y, "y_fusion"), (found.y_global, "y_global"), (found.y_local, "y_local")):
        assert checks.worst(mine, recorded[theirs]) <= 1e-5
    np.testing.assert_array_equal(found.corners, recorded["patch_location_px"][0])


def test_parameters_are_those_of_the_papers() -> None:
    sizes = [sum(p.numel() for p in eager.EagerGmic(three_d, 0.02, 6).parameters()) for three_d in (True, False)]
    assert sizes == [14_108_784, 14_110_322]


def test_stored_values_are_standardised_over_the_whole_volume() -> None:
    stored = np.random.default_rng(0).integers(0, 4000, (5, 40, 30), dtype=np.uint16)

    batches = list(eager.Standardised(stored))

    assert [tuple(batch.shape) for batch in batches] == [(4, 1, 40, 30), (1, 1, 40, 30)]
    expected = (stored - stored.mean()) / stored.std()
    assert checks.worst(torch.cat(batches)[:, 0], expected) <= 1e-5


def test_an_empty_map_gives_the_global_score_alone() -> None:
    model = eager.EagerGmic(True, 1.5, 12).eval()
    torch.nn.init.zeros_(model.left_postprocess_net["gn_conv_last"].weight)

    found = model.run_standardised(np.zeros((2, 512, 384), np.float32))

    assert found.y.tolist() == [[0.0, 0.0]]
    assert len(found.slices) == 0
    assert bool(found.y_local.isnan().all())


def test_a_comparison_with_other_results_is_refused() -> None:
    saliency = torch.full((1, 2, 3, 2), 0.5)
    pair = torch.tensor([[0.25, 0.75]])
    found = eager.EagerResult(saliency, pair, pair, pair, torch.zeros(0), torch.zeros(0, 2))
    same = ((0.25, 0.75),) * 3

    assert eager.check_same(found, saliency.numpy().astype(np.float16), same).saliency == 0.0
    with pytest.raises(ValueError, match=r"differ by 0\.0002 in saliency and 0 in the scores"):
        eager.check_same(found, saliency.numpy() + 2e-4, same)
    with pytest.raises(ValueError, match=r"differ by 0 in saliency and 0\.01 in the scores"):
        eager.check_same(found, saliency.numpy(), ((0.25, 0.76), *same[1:]))
    with pytest.raises(ValueError, match="differ by nan"):
        eager.check_same(found, saliency.numpy() * float("nan"), same)
