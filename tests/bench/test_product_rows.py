"""Layers of the product's executor: all of them, with the operations that the baseline's have."""

from __future__ import annotations

import counting
import papers
import torch
from layers import total
from product_rows import Product

GREY_CONV = 64 * 49 * 128 * 128
"""Operations of the local network's first convolution with one channel in; the baseline has three equal ones."""


def test_the_layers_of_a_slice_have_the_operations_of_a_slice() -> None:
    rows = Product("gmic3d", 1).global_rows(torch.randn(1, 1, 212, 134))
    stages = list(dict.fromkeys(row.stage for row in rows))
    names = [f"global stage {n}" for n in range(1, 6)]
    assert stages == ["global first layers", *names, "global last norm", "class map"]
    assert len([row for row in rows if row.macs]) == 26  # 1 + 5 x (2 blocks of 2, one projection)
    assert rows[0].macs == 16 * 49 * 106 * 67
    model, _ = papers.gmic_3d()
    counted = counting.count_inference(model, counting.empty(1, 1, 212, 134), call=model.global_pass).macs
    class_map = 2 * 256 * 4 * 3
    assert total(rows).macs == counted - class_map  # a module of torch's in both
    assert all(row.seconds > 0 for row in rows)


def test_norms_of_two_dimensional_gmic_are_in_the_convolutions() -> None:
    rows = Product("gmic2d", 1).global_rows(torch.randn(1, 1, 212, 134))
    names = [row.name for row in rows if row.stage == "global stage 3"]
    assert names == ["norm, ReLU", "1x1", "3x3, norm, ReLU", "3x3, sum", "norm, ReLU", "3x3, norm, ReLU", "3x3, sum"]


def test_a_patch_costs_what_it_costs_the_baseline_but_for_two_equal_channels() -> None:
    rows = Product("gmic3d", 1).local_rows(torch.randn(1, 256, 256))
    assert rows[0].macs == GREY_CONV
    attention_and_classifier = 2 * 512 * 128 + 128 + 2 * 512 * 2 + 512
    assert abs(total(rows).macs - (2_368_865_920 - 2 * GREY_CONV)) <= attention_and_classifier
