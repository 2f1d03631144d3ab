"""From a reference to weights in a network: random numbers, stored names, files."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from gmic_core.errors import ModelError, WeightsError
from gmic_core.models import available_models, create_model, load_model, resolve_weights
from gmic_core.models.registry import get_spec
from gmic_core.models.store import WeightsStore, file_sha256
from gmic_core.models.weight_fit import matching_models, release_number
from gmic_core.models.weights import import_weights, state_sha256
from tests.helpers.weight_files import save_new, save_old, torch_state


@pytest.mark.parametrize("name", available_models())
def test_random_weights_depend_on_the_seed_only(name: str) -> None:
    torch.manual_seed(1)
    first = resolve_weights(name, "random:7")
    torch.manual_seed(2)
    again, other = resolve_weights(name, "random:7"), resolve_weights(name, "random:8")
    assert first.sha256 == again.sha256 == state_sha256(first.state)
    assert first.sha256 != other.sha256
    assert first.untrained
    assert first.name == "random:7"
    assert first.hyper == dataclasses.asdict(get_spec(name).defaults)
    assert first.training_data == "none: random numbers"


@pytest.mark.parametrize("name", available_models())
@pytest.mark.parametrize("seed", [0, 3])
def test_random_weights_give_maps_with_something_on_them(name: str, seed: int) -> None:
    model, weights = load_model(name, f"random:{seed}")
    assert weights.untrained
    coarse = torch.randn((1, 1, 24, 20), generator=torch.Generator().manual_seed(seed))
    image = torch.nn.functional.interpolate(coarse, (512, 448), mode="bicubic", align_corners=False)
    image[..., 300:] = -1.0
    with torch.inference_mode():
        saliency = model.saliency_of(image)
    for index in (0, 1):
        assert float(saliency[:, index].max()) > 0.3
        assert float(saliency[:, index].std()) > 0.02
    chosen = model.select(saliency, (512, 448))
    assert len(chosen) == model.hyper.num_patches


@pytest.mark.parametrize("ref", ["random:", "random:-1", "random:x", "random:1.5", "random:4294967296", "random:0 "])
def test_other_seeds_are_refused(ref: str) -> None:
    with pytest.raises(WeightsError, match="is not random:SEED; the seed is a whole number from 0 to 4294967295"):
        resolve_weights("gmic2d", ref)


@pytest.mark.usefixtures("no_shipped_weights")
def test_a_reference_that_is_nothing_is_answered_with_what_there_is() -> None:
    with pytest.raises(WeightsError, match=r"'sample_model_1' is neither stored weights \(stored: none\) nor a file"):
        resolve_weights("gmic2d", "sample_model_1")
    with pytest.raises(WeightsError, match="There is no weight file"):
        resolve_weights("gmic2d", "./absent.p")
    with pytest.raises(ModelError, match="no network 'gmic4d'"):
        resolve_weights("gmic4d", "random:0")


def test_each_published_state_fits_its_network() -> None:
    assert matching_models(torch_state("gmic")) == [("gmic2d", {})]
    assert matching_models(torch_state("gmic3d")) == [("gmic3d", {}), ("gmic2d_park", {})]
    assert matching_models(torch_state("gmic3d_batchnorm")) == [("gmic3d", {"norm": "batch"})]
    assert matching_models({"a": torch.ones(1)}) == []


def test_release_numbers_are_read_from_names() -> None:
    spec = get_spec("gmic3d")
    names = (
        "sample_model_4",
        "model-2",
        "Model5",
        "model_03",
        "sample_model_6",
        "model_0",
        "my_weights",
        "model_4_fine",
    )
    assert [release_number(spec, name) for name in names] == [4, 2, 5, 3, None, None, None, None]
    assert release_number(get_spec("gmic2d_park"), "model_1") is None


def test_a_file_is_used_with_its_published_setting(tmp_path: Path) -> None:
    path = save_old(torch_state("gmic"), tmp_path / "sample_model_5.p")
    model, weights = load_model("gmic2d", str(path))
    assert weights.hyper == {"top_t": 0.1, "num_patches": 6}
    assert model.hyper.top_t == 0.1
    assert weights.sha256 == file_sha256(path)
    assert weights.name == "sample_model_5.p"
    assert not weights.untrained
    assert "AGPL" in weights.licence
    assert torch.equal(model.state_dict()["fusion_dnn.weight"], torch_state("gmic")["fusion_dnn.weight"])


def test_the_keys_decide_on_the_normalisation(tmp_path: Path) -> None:
    path = save_new({"model": torch_state("gmic3d_batchnorm")}, tmp_path / "mine.pt")
    weights = resolve_weights("gmic3d", str(path))
    assert weights.hyper["norm"] == "batch"
    assert weights.licence == "unknown"
    create_model("gmic3d", **weights.hyper).load_state_dict(weights.state)


def test_a_file_for_another_network_is_refused_with_that_networks_name(tmp_path: Path) -> None:
    path = save_new(torch_state("gmic"), tmp_path / "mine.pt")
    with pytest.raises(WeightsError, match=r"mine\.pt does not fit gmic2d_park: 65 unexpected .*It fits gmic2d\."):
        resolve_weights("gmic2d_park", str(path))


def test_import_show_and_use(tmp_path: Path, gmic_home: Path) -> None:
    path = save_old(torch_state("gmic3d"), tmp_path / "sample_model_4.p")
    record = import_weights(path, name="park-4")
    stored = gmic_home / "weights" / "park-4.safetensors"
    assert record.model == "gmic3d"
    assert record.hyper["num_patches"] == 16
    assert record.hyper["top_t"] == 1.5651680987233705
    assert record.origin == "sample_model_4.p"
    assert record.origin_sha256 == file_sha256(path)
    assert record.sha256 == file_sha256(stored)
    assert record.size == stored.stat().st_size
    assert "research-only" in record.licence
    assert WeightsStore().record("park-4") == record

    path.unlink()
    weights = resolve_weights("gmic3d", "park-4")
    assert weights.sha256 == record.sha256
    assert weights.hyper == record.hyper
    assert torch.equal(weights.state["mil_attn_V.weight"], torch_state("gmic3d")["mil_attn_V.weight"])

    with pytest.raises(WeightsError, match="imported for gmic3d, not for gmic2d_park"):
        resolve_weights("gmic2d_park", "park-4")
    stored.write_bytes(stored.read_bytes()[:-1] + b"\0")
    with pytest.raises(WeightsError, match="have changed since they were imported"):
        resolve_weights("gmic3d", "park-4")
    stored.unlink()
    with pytest.raises(WeightsError, match="are gone"):
        resolve_weights("gmic3d", "park-4")


def test_what_the_importer_says_counts(tmp_path: Path) -> None:
    path = save_new(torch_state("gmic3d"), tmp_path / "mine.pt")
    record = import_weights(path, model="gmic2d_park", overrides={"top_t": 0.07})
    assert (record.name, record.model, record.hyper) == ("mine", "gmic2d_park", {"top_t": 0.07, "num_patches": 6})
    with pytest.raises(ModelError, match="no hyperparameter tt"):
        import_weights(path, name="other", overrides={"tt": 1.0})
    with pytest.raises(WeightsError, match="stored already"):
        import_weights(path, name="MINE")
    with pytest.raises(WeightsError, match="is the name of a network"):
        import_weights(path, name="gmic3d")


def test_nothing_is_stored_of_a_file_that_does_not_fit(tmp_path: Path, gmic_home: Path) -> None:
    state = torch_state("gmic")
    for name, change, message in (
        ("less", {"fusion_dnn.bias": torch.zeros(3)}, r"fits none .* Against gmic2d: 1 misshapen \(fusion_dnn\.bias"),
        ("nan", {"fusion_dnn.bias": torch.full((2,), float("nan"))}, "fusion_dnn.bias contains NaN"),
        ("whole", {"fusion_dnn.bias": torch.zeros(2, dtype=torch.int32)}, "fusion_dnn.bias holds torch.int32"),
    ):
        path = save_new({**state, **change}, tmp_path / f"{name}.pt")
        with pytest.raises(WeightsError, match=message):
            import_weights(path)
    assert not (gmic_home / "weights").exists()


def test_other_precisions_become_float32(tmp_path: Path) -> None:
    path = save_new({key: value.double() for key, value in torch_state("gmic").items()}, tmp_path / "double.pt")
    state = resolve_weights("gmic2d", str(path)).state
    assert {value.dtype for value in state.values()} == {torch.float32, torch.int64}
