"""Operations and memory are counted exactly, on tensors without contents."""

from __future__ import annotations

import counting
import eager
import eager_blocks
import layers
import papers
import pytest
import torch
from torch import nn


def test_3d_gmic_takes_799_billion_multiply_accumulates() -> None:
    model, _ = papers.gmic_3d()
    each = counting.count_inference(model, counting.empty(1, 1, 2116, 1339), call=model.global_pass).macs
    patch = counting.count_inference(model, counting.empty(1, 256, 256), call=model.local).macs

    assert each == 8_031_161_792
    assert patch == 2_368_865_920
    assert round((96 * each + 12 * patch) / 1e9, 1) == 799.4


def test_gmic_takes_30_billion_for_one_mammogram() -> None:
    model, call = papers.gmic_2d()
    count = counting.count_inference(model, counting.empty(1, 1, 2944, 1920), counting.empty(1, 6, 256, 256), call=call)
    assert round(count.macs / 1e9, 1) == 30.2


@pytest.mark.parametrize(
    ("blocks", "three_d", "parameters"),
    [(papers.R18, False, 11_176_512), (papers.R34, False, 21_284_672), (papers.R18, True, 33_203_904)],
)
def test_the_resnets_have_the_published_sizes(blocks: tuple[int, ...], three_d: bool, parameters: int) -> None:
    model = counting.on_meta(lambda: eager_blocks.ResNet(blocks, 3, three_d=three_d))
    assert sum(p.numel() for p in model.parameters()) == parameters


def test_resnet_18_takes_1_8_billion_on_a_photograph() -> None:
    model = counting.on_meta(lambda: eager_blocks.ResNet(papers.R18, 3))
    assert counting.count_inference(model, counting.empty(1, 3, 224, 224)).macs == 1_813_561_344


def test_memory_is_what_is_alive_at_once() -> None:
    model = nn.Sequential(nn.Linear(100, 100, bias=False), nn.Linear(100, 50, bias=False))
    model.to("meta")

    count = counting.count_inference(model, counting.empty(10, 100))

    assert count.macs == 10 * 100 * 100 + 10 * 100 * 50
    assert count.parameter_bytes == 4 * (100 * 100 + 100 * 50)
    assert count.peak_bytes == 4 * (10 * 100 + 10 * 100 + 10 * 50)  # the caller keeps the input


def test_training_keeps_what_the_backward_pass_needs() -> None:
    model = nn.Sequential(*(nn.Sequential(nn.Linear(64, 64, bias=False), nn.ReLU()) for _ in range(10))).to("meta")

    once = counting.count_inference(model, counting.empty(1000, 64))
    step = counting.count_training(model, counting.empty(1000, 64))

    layer = 4 * 1000 * 64
    assert once.peak_bytes == 4 * layer  # the input, what a block was given, its product, its result
    assert step.peak_bytes >= 11 * layer  # the input, and the result of every block
    assert step.macs == 3 * once.macs - 1000 * 64 * 64  # no gradient of the input is asked for
    assert step.training_bytes == step.peak_bytes + 3 * once.parameter_bytes


def test_nothing_is_left_counted_after_a_pass() -> None:
    ledger = counting.Ledger()
    with ledger:
        x = torch.empty(10, device="meta") + 1
        y = x.view(2, 5)
        assert ledger.alive == 40
        del x
        assert ledger.alive == 40  # y looks at the same numbers
        del y
    assert (ledger.alive, ledger.peak) == (0, 80)


def test_a_straight_line_goes_on_to_96_slices() -> None:
    assert papers.at_96([100.0 + 7 * slices for slices in (4, 8, 16)]) == pytest.approx(772.0)


def test_the_papers_table_has_ours_beside_theirs() -> None:
    line = papers.Line("3D-GMIC", 14_108_784, 799.42, 27_145e6, 8_697e6, 798, 22_219)

    last = papers.markdown_3d([line]).splitlines()[2]

    assert last == "| 3D-GMIC | 14.11 M | 799 | 798 | 1.00 | 27,145 | 22,219 | 1.22 | 8,697 |"


def test_layers_add_up_to_the_network() -> None:
    model = eager.EagerGmic(True, 1.5, 12).eval()
    slices = torch.zeros(1, 1, 256, 192)

    rows = layers.of_module(model, lambda: model.global_pass(slices), lambda name: name.split(".")[0], repeats=1)

    counter, _ = papers.gmic_3d()
    whole = counting.count_inference(counter, counting.empty(1, 1, 256, 192), call=counter.global_pass)
    assert sum(row.macs for row in rows) == whole.macs
    assert [row.stage for row in layers.by_stage(rows)] == ["ds_net", "left_postprocess_net"]
    first = rows[0]
    assert first.name == "ds_net.first_conv (Conv2d 7x7, 16x128x96)"
    assert first.macs == 16 * 128 * 96 * 49
    assert first.moved == 4 * (256 * 192 + 16 * 49 + 16 * 128 * 96)
