"""Executors: the same sums as the modules, whatever the batch and the number of threads; modes and known answers."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch

from gmic_core.errors import InferenceError
from gmic_core.inference.execution import choose, onednn_layers
from gmic_core.inference.execution.choose import choose_executor, choose_mode
from gmic_core.inference.execution.executor import ModuleExecutor
from gmic_core.inference.execution.modes import PLACES, TOLERANCE, split_place, suits
from gmic_core.inference.execution.onednn import OneDnnExecutor
from gmic_core.inference.execution.rounding import RoundingExecutor
from gmic_core.inference.execution.upload import on_device
from gmic_core.inference.known_answer import check_known_answer
from gmic_core.inference.network import LoadedNetwork, load_network
from gmic_core.models import create_model
from gmic_core.models.gmic_network import GmicNetwork
from gmic_core.models.known_answer import answer, reference_answer, tiny_input
from gmic_core.models.random_weights import random_state
from gmic_core.preprocessing import Moments

CPU = torch.device("cpu")
MODELS = ("gmic3d", "gmic2d", "gmic2d_park")

pytestmark = pytest.mark.skipif(not onednn_layers.available(), reason="this build of torch has no oneDNN")


def network(name: str, seed: int = 0) -> GmicNetwork:
    found = create_model(name)
    found.load_state_dict(random_state(found, seed))
    return found.requires_grad_(False)


@pytest.fixture(scope="module", params=MODELS)
def net(request) -> GmicNetwork:
    return network(request.param)


def slices(count: int, rows: int, columns: int) -> torch.Tensor:
    """Noise on a step, as a breast beside air, with a mean far from 0 in parts."""
    generator = torch.Generator().manual_seed(rows * columns)
    x = torch.randn((count, 1, rows, columns), generator=generator)
    x[..., columns // 2 :] = -0.8
    return x


def double(net: GmicNetwork) -> GmicNetwork:
    return copy.deepcopy(net).double()


# --- oneDNN -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "columns"), [(192, 160), (317, 211), (530, 201), (131, 137)])
def test_the_global_network_is_as_close_to_float64_as_the_modules_are(net, rows, columns):
    x = slices(1, rows, columns)
    with torch.inference_mode():
        found = OneDnnExecutor(net).global_pass(x)
        exact = double(net).global_pass(x.double())
    assert found.saliency.shape == exact.saliency.shape
    assert float((found.saliency - exact.saliency).abs().max()) < 2e-5
    assert float((found.vector - exact.vector).abs().max()) < 5e-5


def test_the_local_network_is_as_close_to_float64_as_the_modules_are(net):
    patches = slices(3, 256, 256)[:, 0]
    with torch.inference_mode():
        found = OneDnnExecutor(net).local(patches)
        exact = double(net).local(patches.double())
    for part in ("attention", "y_local", "patch_scores", "features", "z"):
        assert float((getattr(found, part) - getattr(exact, part)).abs().max()) < 1e-5, part


def test_batches_and_threads_change_nothing(net):
    x = slices(3, 317, 211)
    executor = OneDnnExecutor(net)
    before = torch.get_num_threads()
    with torch.inference_mode():
        together = executor.global_pass(x)
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            alone = [executor.global_pass(one) for one in x.split(1)]
            torch.testing.assert_close(torch.cat([one.saliency for one in alone]), together.saliency, rtol=0, atol=0)
    torch.set_num_threads(before)


def test_the_input_is_left_as_it_was(net):
    x, patches = slices(1, 192, 160), slices(2, 128, 128)[:, 0]
    kept = x.clone(), patches.clone()
    executor = OneDnnExecutor(net)
    with torch.inference_mode():
        executor.global_pass(x)
        executor.local(patches)
    assert torch.equal(x, kept[0])
    assert torch.equal(patches, kept[1])


def test_variance_of_a_large_map_far_from_zero_is_right():
    # torch's channels-last GroupNorm is off by 1e-3 here: it subtracts squares of sums in float32
    generator = torch.Generator().manual_seed(1)
    x = (torch.randn((1, 16, 528, 334), generator=generator) + 30).contiguous(memory_format=torch.channels_last)
    norm = torch.nn.GroupNorm(8, 16)
    with torch.inference_mode():
        found = onednn_layers.GroupNormReLU(norm)(x)
        exact = torch.relu(copy.deepcopy(norm).double()(x.double()))
    assert float((found - exact).abs().max()) < 2e-4


def test_an_image_that_is_too_small_is_refused_by_name(net):
    with pytest.raises(Exception, match="too small for"):
        OneDnnExecutor(net).global_pass(torch.zeros(1, 1, 4, 4))


# --- which one --------------------------------------------------------------------------------------------------


def test_the_cpu_computes_exactly_whatever_is_asked_for_and_says_so():
    assert choose_mode("auto", CPU) == ("exact", "")
    assert choose_mode("exact", CPU) == ("exact", "")
    mode, note = choose_mode("fast", CPU)
    assert mode == "exact"
    assert note == "Fast mode was asked for; this CPU gains nothing from half precision, so it computed exactly."


@pytest.mark.parametrize(("capability", "mode"), [((9, 0), "fast"), ((7, 0), "fast"), ((6, 1), "exact")])
def test_a_gpu_with_tensor_cores_computes_fast_unless_exact_is_asked_for(monkeypatch, capability, mode):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    gpu = torch.device("cuda:0")
    assert choose_mode("auto", gpu) == (mode, "")
    assert choose_mode("exact", gpu) == ("exact", "")
    assert choose_mode("fast", gpu)[0] == mode


def test_without_the_operators_the_modules_run(monkeypatch, net):
    assert isinstance(choose_executor(net, CPU, "exact"), OneDnnExecutor)
    monkeypatch.setattr(choose.onednn_layers, "available", lambda: False)
    assert isinstance(choose_executor(net, CPU, "exact"), ModuleExecutor)


def test_places_of_the_settings():
    assert [split_place(place) for place in PLACES] == [
        ("auto", "auto"), ("auto", "exact"), ("cpu", "auto"), ("cuda", "auto"), ("cuda", "exact"),
    ]  # fmt: skip
    assert suits("fast", "cuda")
    assert suits("exact", "cuda/exact")
    assert not suits("fast", "auto/exact")


# --- half precision, judged without a device that has it ------------------------------------------------------------


def test_rounding_to_float16_stays_within_the_fast_mode(net):
    x, patches = slices(2, 317, 211), slices(3, 128, 128)[:, 0]
    with torch.inference_mode():
        rounded, plain = RoundingExecutor(net), ModuleExecutor(net)
        maps = rounded.global_pass(x).saliency, plain.global_pass(x).saliency
        scores = rounded.local(patches).y_local, plain.local(patches).y_local
    off = float((maps[0] - maps[1]).abs().max())
    assert 0 < off < 0.02  # it does round
    assert float((scores[0] - scores[1]).abs().max()) < TOLERANCE["fast"]


def test_what_a_device_makes_of_sixteen_bits_is_what_numpy_makes_of_them():
    values = np.random.default_rng(0).integers(0, 65536, (3, 300, 200)).astype(np.uint16)
    moments = Moments().plus(values)
    assert np.array_equal(on_device(torch.from_numpy(values), moments).numpy(), moments.apply(values))


# --- known answers ------------------------------------------------------------------------------------------------


def test_the_tiny_input_is_the_same_on_every_machine():
    image, patches = tiny_input()
    assert (image.shape, patches.shape) == ((1, 1, 192, 160), (2, 64, 64))
    assert float(image[0, 0, 96, 60]) == 1.943359375
    assert float(image[0, 0, 5, 130]) == -1.0
    assert torch.equal(image * 1024, (image * 1024).round())


@pytest.mark.parametrize("weights", ["digital-breast-3d-1", "digital-breast-2d-1"])
def test_shipped_weights_carry_their_answer(weights):
    model = "gmic3d" if "3d" in weights else "gmic2d_park"
    loaded = load_network(model, weights, "cpu")
    assert len(loaded.weights.known_answer) == 36
    assert loaded.weights.known_answer == pytest.approx(reference_answer(loaded.network), abs=1e-8)
    assert max(loaded.weights.known_answer[:18]) > 0.4  # the map answers too


def with_answer(net: GmicNetwork, known: tuple[float, ...]) -> LoadedNetwork:
    loaded = load_network(net.spec.name, "random:0", "cpu")
    return LoadedNetwork(net, dataclasses.replace(loaded.weights, known_answer=known), CPU, "cpu")


def test_a_network_that_answers_wrongly_computes_no_score(net):
    known = reference_answer(net)
    check_known_answer(with_answer(net, known))
    for place in (0, 20, 35):
        wrong = list(known)
        wrong[place] += 3e-4
        with pytest.raises(InferenceError, match=r"test of random:0 failed on cpu in exact mode .* no score"):
            check_known_answer(with_answer(net, tuple(wrong)))


def test_weights_damaged_in_memory_are_noticed(net):
    known = reference_answer(net)
    damaged = copy.deepcopy(net)
    with torch.no_grad():
        damaged.ds_net.layer_list[2][0].conv1.weight[3, 2] *= 1.5
    with pytest.raises(InferenceError, match="Import the weights again"):
        check_known_answer(with_answer(damaged, known))


def test_not_a_number_is_never_the_answer(net):
    damaged = copy.deepcopy(net)
    with torch.no_grad():
        damaged.classifier_linear.weight[0, 0] = torch.nan
    with pytest.raises(InferenceError, match="no score is shown"):
        check_known_answer(with_answer(damaged, reference_answer(net)))


def test_the_rounded_network_passes_in_fast_mode_only(net):
    known = reference_answer(net)
    given = answer(RoundingExecutor(net), net, CPU)
    worst = max(abs(a - b) for a, b in zip(given, known, strict=True) if abs(b) <= 1)
    assert TOLERANCE["exact"] < worst < TOLERANCE["fast"]
