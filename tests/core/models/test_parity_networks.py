"""Our networks against the outputs of the published ones, on the same weights and inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gmic_core.models import GmicNetwork, GmicOutput, create_model, load_reference_state
from tests.helpers import goldens
from tests.reference import checks, inputs, weights

PROBABILITY = 1e-5
SALIENCY = 1e-4
FEATURES = 1e-4

CASES_3D = goldens.cases("gmic3d_")
CASES_2D = goldens.cases("gmic_", without=("gmic_v1_small",))  # v1: another global network, not part of this project


def test_every_recorded_case_is_here() -> None:
    assert len(CASES_3D) == 14
    assert len(CASES_2D) == 9


def torch_state(model: str) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value) for key, value in goldens.numpy_state(model).items()}


def network_3d(parameters: dict[str, Any]) -> GmicNetwork:
    norm = parameters["norm_class"]
    activation = {"tanh_relu": "relu_tanh", "sigmoid": "sigmoid"}[parameters["saliency_nonlinearity"]]
    model = create_model(
        "gmic3d", top_t=parameters["percent_t"], num_patches=parameters["K"], norm=norm, saliency=activation
    )
    load_reference_state(model, torch_state("gmic3d_batchnorm" if norm == "batch" else "gmic3d"))
    return model


def network_2d(parameters: dict[str, Any]) -> GmicNetwork:
    model = create_model("gmic2d", top_t=parameters["percent_t"], num_patches=parameters["K"])
    load_reference_state(model, torch_state("gmic"))
    return model


def image_of(name: str) -> torch.Tensor:
    """Return the input of a case in its dtype; the fingerprint proves that it is the recorded one."""
    entry = goldens.manifest()[name]
    image = goldens.make_input(entry["input"]["fn"])
    if name == "gmic3d_allzero":  # recorded on zeros, see tests/reference/README.md
        image = np.zeros_like(image)
    assert inputs.fingerprint(image) == entry["input"]["fingerprint"]
    return torch.from_numpy(image).to({"torch.float32": torch.float32, "torch.float64": torch.float64}[entry["dtype"]])


def run_recording(model: GmicNetwork, image: torch.Tensor) -> tuple[GmicOutput, torch.Tensor, torch.Tensor]:
    """Return the output, and h_k and z of all images, which no output carries."""
    features: list[torch.Tensor] = []
    pooled: list[torch.Tensor] = []
    hooks = [
        model.dn_resnet.register_forward_hook(lambda _module, _inputs, output: features.append(output)),
        model.classifier_linear.register_forward_pre_hook(lambda _module, arguments: pooled.append(arguments[0])),
    ]
    with torch.inference_mode():
        output = model.to(image.dtype)(image)
    for hook in hooks:
        hook.remove()
    return output, torch.stack(features), torch.cat(pooled[::2])  # every second call scores the single patches


def assert_near(found: torch.Tensor, recorded: np.ndarray, tolerance: float) -> None:
    assert checks.worst(found.numpy(), recorded) <= tolerance


def assert_rows(found: torch.Tensor, recorded: np.ndarray, tolerance: float = FEATURES) -> None:
    """Compare checks.chk() rows of the last recorded axis."""
    rows = np.stack([checks.chk(item) for item in found.flatten(0, recorded.ndim - 2).numpy()])
    assert checks.worst(rows, recorded.reshape(-1, recorded.shape[-1])) <= tolerance


@pytest.mark.parametrize("name", CASES_3D)
def test_3d_gmic_computes_what_the_published_network_computes(name: str) -> None:
    entry, golden = goldens.manifest()[name], goldens.arrays(name)
    image = image_of(name)
    model = network_3d(entry["parameters"])

    out, features, z = run_recording(model, image[None, None])

    assert_near(out.y, golden["final"], PROBABILITY)
    assert_near(out.y_global, golden["y_global"], PROBABILITY)
    assert_near(out.y_local, golden["y_local"], PROBABILITY)
    assert_near(out.attention, golden["patch_attns"], PROBABILITY)
    assert_near(out.saliency, golden["saliency_map"], SALIENCY)
    assert out.patch_slices is not None
    np.testing.assert_array_equal(out.patch_slices, golden["slice_index"])
    np.testing.assert_array_equal(out.patch_corners, golden["patch_location_px"])
    assert_rows(out.patches, golden["patch_chk"])
    assert_rows(features[0], golden["h_crops_chk"])
    assert_near(z, golden["z"], FEATURES)
    assert [note for note in out.notes if not note.startswith("Near tie")] == []  # the last choices are among zeros


@pytest.mark.parametrize("name", CASES_2D)
def test_2d_gmic_computes_what_the_published_network_computes(name: str) -> None:
    entry, golden = goldens.manifest()[name], goldens.arrays(name)
    model = network_2d(entry["parameters"])

    out, features, z = run_recording(model, image_of(name))

    assert_near(out.y, golden["y_fusion"], PROBABILITY)
    assert_near(out.y_global, golden["y_global"], PROBABILITY)
    assert_near(out.y_local, golden["y_local"], PROBABILITY)
    assert_near(out.attention, golden["patch_attns"], PROBABILITY)
    assert_near(out.saliency, golden["saliency_map"], SALIENCY)
    assert out.patch_slices is None
    np.testing.assert_array_equal(out.patch_corners, golden["patch_location_px"])
    assert_rows(out.patches, golden["patch_chk"])
    assert_rows(features, golden["h_crops_chk"])
    assert_near(z, golden["z"], FEATURES)
    assert [note for note in out.notes if not note.startswith("Near tie")] == []  # the last choices are among zeros


@pytest.mark.parametrize("name", ["gmic_small", "gmic_small_batch2"])
def test_the_fusion_sees_the_recorded_global_vector(name: str) -> None:
    golden = goldens.arrays(name)
    model = network_2d(goldens.manifest()[name]["parameters"])
    with torch.inference_mode():
        found = model.global_pass(image_of(name))
    assert_near(found.vector, golden["global_vec"], FEATURES)


@pytest.mark.parametrize(
    ("name", "build"),
    [("gmic3d_small_m1", network_3d), ("gmic3d_sigmoid_batchnorm", network_3d), ("gmic_small", network_2d)],
)
def test_every_stage_matches_the_recorded_one(name: str, build: Any) -> None:
    """When parity breaks, this names the first stage that differs."""
    model = build(goldens.manifest()[name]["parameters"])
    recorded = checks.table(goldens.arrays(name), "mid")
    outputs: dict[str, list[torch.Tensor]] = {}

    def recorder(stage: str) -> Any:
        def record(_module: object, _inputs: object, output: torch.Tensor) -> None:
            outputs.setdefault(stage, []).append(output.clone())  # the ReLU after a norm works in place

        return record

    for stage, module in model.named_modules():
        if stage in recorded:
            module.register_forward_hook(recorder(stage))
    image = image_of(name)
    with torch.inference_mode():
        model(image[None, None] if model.spec.is_3d else image)

    del outputs["classifier_linear"][1:]  # the second call scores the single patches
    found = {stage: checks.chk(torch.cat(parts).numpy()) for stage, parts in outputs.items()}
    del recorded["dn_resnet"]  # theirs ends before the mean over positions: it equals dn_resnet.layer4
    assert recorded.keys() - found.keys() == {"ds_net.relu"}  # ours is a function call
    differing = [
        stage for stage in recorded if stage in found and checks.worst(found[stage], recorded[stage]) > FEATURES
    ]
    assert differing == []


@pytest.mark.parametrize("model", ["gmic", "gmic3d"])
def test_the_weights_are_the_recorded_ones(model: str) -> None:
    digests = {
        "gmic": goldens.manifest()["gmic_small"]["weights_digest"],
        "gmic3d": goldens.manifest()["gmic3d_small_m1"]["weights_digest"],
    }
    assert weights.digest(goldens.numpy_state(model)) == digests[model]
