"""Product and baseline run in turn on the same decoded pixels and find the same; only then is anything told."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import in_memory
import numpy as np
import pytest
import ratio
import roofline
import torch

from gmic_core.inference.network import LoadedNetwork
from tests.helpers.breasts import breast_volume
from tests.helpers.dicom_files import write_dbt, write_mg
from tests.helpers.networks import small_network

SLICES = 3


@pytest.fixture(autouse=True)
def quick_roof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratio, "measure_roof", lambda: roofline.Roof(50e9, 20e9))


def network(name: str) -> LoadedNetwork:
    """Return a small network with patches as large as the baseline's."""
    loaded = small_network(name, num_patches=2)
    loaded.network.spec = dataclasses.replace(loaded.network.spec, patch_size=(256, 256))
    return loaded


def volume(folder: Path) -> in_memory.Decoded:
    frames = breast_volume(SLICES, 400, 340, seed=3, bits=10)
    return in_memory.decode(write_dbt(folder / "volume.dcm", frames, "L", "MLO", syntax="jpegls", bits=10))


def test_3d_gmic_and_its_baseline_agree(tmp_path: Path) -> None:
    found = ratio.measure(volume(tmp_path), network("gmic3d"), pairs=2, budget_s=60.0)

    assert (found.slices, len(found.ratios)) == (3, 2)
    assert found.saliency_apart <= 1e-4
    assert found.scores_apart <= 1e-5
    assert found.gmac == pytest.approx(3 * 0.485943 + 2 * 2.368866, abs=1e-4)
    assert (found.matmul_gmac_s, found.memory_gb_s) == (50.0, 20.0)
    assert 0.0 < found.before_s < found.product_s


def test_gmic_and_its_baseline_agree(tmp_path: Path) -> None:
    frame = breast_volume(1, 400, 340, seed=3, bits=10)[0]
    decoded = in_memory.decode(write_mg(tmp_path / "image.dcm", frame, "L", "MLO"))

    found = ratio.measure(decoded, network("gmic2d"), pairs=3, budget_s=0.0)

    assert (found.slices, len(found.ratios)) == (1, 1)  # no other pair begins once the time is up
    assert found.scores_apart <= 1e-5


def test_another_result_is_never_timed_against_the_product(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = network("gmic3d")
    other = ratio.same_network(loaded)
    torch.nn.init.normal_(other.classifier_linear.weight)
    monkeypatch.setattr(ratio, "same_network", lambda _loaded: other)

    with pytest.raises(ValueError, match="times of different results cannot be compared"):
        ratio.measure(volume(tmp_path), loaded, pairs=1, budget_s=0.0)


def test_decoded_frames_are_handed_out_as_they_are(tmp_path: Path) -> None:
    decoded = volume(tmp_path)

    short = decoded.first(2)

    assert short.image.frames == 2
    np.testing.assert_array_equal(short.submit(short.image, 1).result(), decoded.frames[1])
    assert decoded.windows(network("gmic3d").network.spec).shape == (3, 448, 384)
