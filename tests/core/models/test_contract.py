"""What every registered network keeps to; a new one is tested by being registered."""

from __future__ import annotations

import functools

import pytest
import torch

from gmic_core.errors import ModelError, WeightsError
from gmic_core.models import GmicNetwork, GmicOutput, available_models, create_model, get_spec, load_reference_state
from gmic_core.models.random_weights import random_state
from gmic_core.models.resnet22 import cells_of
from gmic_core.types import Modality
from tests.helpers import goldens

SHAPES = {"gmic3d": "gmic3d", "gmic2d": "gmic", "gmic2d_park": "gmic3d"}
PARAMETERS = {"gmic3d": 14_108_784, "gmic2d": 14_110_322, "gmic2d_park": 14_108_784}
ROWS, COLUMNS = 320, 288
DEPTH = 3

every_model = pytest.mark.parametrize("name", available_models())


@functools.cache
def state_of(name: str) -> dict[str, torch.Tensor]:
    return random_state(create_model(name), seed=1)


def network(name: str, **hyper: object) -> GmicNetwork:
    model = create_model(name, **hyper)
    model.load_state_dict(state_of(name))
    return model


def image_for(model: GmicNetwork, seed: int = 0, count: int = DEPTH) -> torch.Tensor:
    """Return a volume (1, 1, D, H, W) or images (N, 1, H, W) of smooth noise."""
    coarse = torch.randn((count, 1, 20, 18), generator=torch.Generator().manual_seed(seed))
    images = torch.nn.functional.interpolate(coarse, (ROWS, COLUMNS), mode="bilinear", align_corners=False)
    return images.transpose(0, 1)[None] if model.spec.is_3d else images


def run(model: GmicNetwork, x: torch.Tensor) -> GmicOutput:
    with torch.inference_mode():
        output: GmicOutput = model(x)
    return output


def test_the_networks_are_those_of_the_papers() -> None:
    assert available_models() == ("gmic3d", "gmic2d", "gmic2d_park")


@every_model
def test_parameters_are_counted_as_published(name: str) -> None:
    model = create_model(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name] == get_spec(name).parameters


@every_model
def test_the_keys_are_the_published_ones(name: str) -> None:
    state = create_model(name).state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == goldens.shapes(SHAPES[name])


def test_3d_gmic_with_batchnorm_has_the_published_keys() -> None:
    state = create_model("gmic3d", norm="batch", saliency="sigmoid").state_dict()
    assert {key: tuple(value.shape) for key, value in state.items()} == goldens.shapes("gmic3d_batchnorm")


@every_model
def test_output_shapes(name: str) -> None:
    model = network(name, num_patches=3)
    out = run(model, image_for(model))
    h, w = cells_of(ROWS, COLUMNS)
    assert (h, w) == (5, 5)
    lead = () if model.spec.is_3d else (DEPTH,)
    rows = 1 if model.spec.is_3d else DEPTH
    assert out.saliency.shape == (DEPTH, 2, h, w)
    assert out.y.shape == out.y_global.shape == out.y_local.shape == (rows, 2)
    assert out.attention.shape == (rows, 3)
    assert out.patch_corners.shape == (*lead, 3, 2)
    assert out.patch_scores.shape == (*lead, 3, 2)
    assert out.patches.shape == (*lead, 3, 256, 256)
    assert out.patch_corners.dtype == torch.int64
    if model.spec.is_3d:
        assert out.patch_slices is not None
        assert out.patch_slices.shape == (3,)
        assert out.patch_slices.dtype == torch.int64
    else:
        assert out.patch_slices is None
    assert torch.allclose(out.attention.sum(dim=1), torch.ones(rows))
    for scores in (out.y, out.y_global, out.y_local, out.patch_scores, out.saliency):
        assert bool(((scores >= 0) & (scores <= 1)).all())


@every_model
def test_the_batch_size_does_not_change_the_result(name: str) -> None:
    model = network(name, num_patches=2)
    x = image_for(model)
    results = []
    for model.slice_batch in (1, 2, 3):
        results.append(run(model, x))
    for other in results[1:]:
        assert torch.equal(other.saliency, results[0].saliency)  # on the CPU to the last bit
        assert torch.equal(other.y, results[0].y)
        assert torch.equal(other.patch_corners, results[0].patch_corners)


def test_of_equal_slices_the_first_is_chosen_whatever_the_batch_size() -> None:
    model = network("gmic3d", num_patches=1)
    x = image_for(model, count=1).expand(-1, -1, 5, -1, -1)
    for model.slice_batch in (1, 2, 3, 5):
        assert run(model, x).patch_slices.tolist() == [0]


@every_model
def test_the_same_input_gives_the_same_result(name: str) -> None:
    model = network(name, num_patches=2)
    assert not model.training
    x = image_for(model, count=2)
    first, second = run(model, x), run(model, x)
    assert torch.equal(first.y, second.y)
    assert torch.equal(first.saliency, second.saliency)


@every_model
def test_the_steps_called_one_by_one_give_the_same_result(name: str) -> None:
    model = network(name, num_patches=3)
    count = DEPTH if model.spec.is_3d else 1
    x = image_for(model, count=count)
    whole = run(model, x)
    slices = x[0].transpose(0, 1) if model.spec.is_3d else x
    with torch.inference_mode():
        passes = [model.global_pass(one) for one in slices.split(1)]
        saliency = torch.cat([one.saliency for one in passes])
        vector = torch.cat([one.vector for one in passes]).amax(dim=0, keepdim=True)
        chosen = model.select(saliency, (ROWS, COLUMNS))
        local = model.local(model.crop(slices, chosen))
        y_global = model.global_score(saliency)
        y = model.combine(y_global, local.y_local, vector, local.z)
    assert torch.allclose(y, whole.y, atol=1e-5, rtol=0)
    assert torch.allclose(local.attention, whole.attention, atol=1e-5, rtol=0)
    assert torch.equal(chosen.corners, whole.patch_corners.reshape(-1, 2))


@every_model
def test_a_patch_score_is_the_local_head_on_that_patch_alone(name: str) -> None:
    model = network(name, num_patches=3)
    out = run(model, image_for(model, count=1))
    with torch.inference_mode():
        alone = model.local(out.patches.reshape(-1, 256, 256)[1:2])
    assert torch.allclose(alone.y_local, out.patch_scores.reshape(-1, 2)[1:2], atol=1e-6)


@every_model
def test_an_empty_map_gives_the_global_score_and_no_patches(name: str) -> None:
    model = network(name)
    with torch.no_grad():
        model.left_postprocess_net["gn_conv_last"].weight.zero_()
    out = run(model, image_for(model, count=1))
    assert bool(out.y_local.isnan().all())
    assert torch.equal(out.y, out.y_global)
    assert out.patch_corners.shape[-2:] == (0, 2)
    assert out.attention.shape == (1, 0)
    assert any("no patch was chosen" in note for note in out.notes)


def test_one_empty_map_in_a_batch_leaves_the_other_image_alone() -> None:
    model = network("gmic2d_park", num_patches=2)
    images = image_for(model, count=2)
    alone = run(model, images[:1])
    images[1] = 0.0  # an image of zeros: with the norms' biases removed its map is empty
    with torch.no_grad():
        for key, parameter in model.ds_net.named_parameters():
            if key.endswith("bias"):
                parameter.zero_()
    alone, both = run(model, images[:1]), run(model, images)
    assert torch.allclose(both.y[0], alone.y[0], atol=1e-6)
    assert torch.equal(both.patch_corners[0], alone.patch_corners[0])
    assert both.patch_corners[1].tolist() == [[-1, -1], [-1, -1]]
    assert bool(both.attention[1].isnan().all())
    assert torch.equal(both.y[1], both.y_global[1])
    assert both.notes == (
        "Image 1: Both saliency maps are constant: no patch was chosen; the score is the global one.",
    )


def test_pooling_of_all_cells_is_noted() -> None:
    model = network("gmic3d", top_t=2.0, num_patches=1)
    out = run(model, image_for(model, count=1))
    assert out.notes[0] == "Top-t pooling asked for 50 cells of 25; all were averaged."
    assert torch.allclose(out.y_global, out.saliency.mean(dim=(0, 2, 3))[None], atol=1e-6)


@every_model
def test_gradients_reach_every_part(name: str) -> None:
    model = network(name, num_patches=2)
    out = model(image_for(model, count=1))
    out.y.sum().backward()
    silent = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    # 2D GMIC predicts from features: its class map and patch head are trained by losses of their own
    expected = {"left_postprocess_net.gn_conv_last.weight", "classifier_linear.weight"} if name == "gmic2d" else set()
    assert set(silent) == expected


@every_model
def test_a_state_survives_saving_and_loading(name: str) -> None:
    model = network(name, num_patches=1)
    copy = create_model(name, num_patches=1)
    load_reference_state(copy, model.state_dict())
    x = image_for(model, count=1)
    assert torch.equal(run(model, x).y, run(copy, x).y)


@every_model
def test_keys_that_do_not_fit_are_named(name: str) -> None:
    model = create_model(name)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    state = dict(model.state_dict())
    del state["mil_attn_U.weight"]
    state["surplus.weight"] = torch.zeros(1)
    state["classifier_linear.weight"] = torch.zeros((3, 512))
    with pytest.raises(WeightsError) as caught:
        load_reference_state(model, state)
    message = str(caught.value)
    assert f"do not fit {name}" in message
    assert "1 missing (mil_attn_U.weight)" in message
    assert "1 unexpected (surplus.weight)" in message
    assert "1 misshapen (classifier_linear.weight is (3, 512), expected (2, 512))" in message
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@every_model
def test_wrong_inputs_are_refused(name: str) -> None:
    model = create_model(name)
    wrong = torch.zeros((2, 1, ROWS, COLUMNS)) if model.spec.is_3d else torch.zeros((1, 1, 2, ROWS, COLUMNS))
    small = torch.zeros((1, 1, 1, 4, 4)) if model.spec.is_3d else torch.zeros((1, 1, 4, 4))
    with pytest.raises(ModelError, match="shape"):
        model(wrong)
    with pytest.raises(ModelError, match="too small"):
        model(small)


@every_model
def test_the_spec_is_complete(name: str) -> None:
    spec = get_spec(name)
    assert {entry.modality for entry in spec.inputs} == {*spec.accepts, *spec.tolerates}
    assert spec.is_3d == (Modality.DBT in spec.accepts)
    assert bool(spec.tolerance_note) == bool(spec.tolerates)
    for entry in spec.inputs:
        assert entry.takes_spacing(entry.spacing_mm)
        assert 0 not in cells_of(entry.rows, entry.columns)
    for text in (spec.title, spec.paper, spec.weights_licence, spec.training_data):
        assert text
