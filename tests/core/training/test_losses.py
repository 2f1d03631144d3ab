"""Losses against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from gmic_core.errors import TrainingError
from gmic_core.training.losses import bce, image_loss
from gmic_core.training.ranking import auc

LABELS = torch.tensor([[0.0, 1.0]])


def test_equation_7_sums_both_predictions_of_both_classes_and_all_cells() -> None:
    saliency = torch.full((3, 2, 2, 5), 0.1)  # 60 cells over slices and classes: L1 norm 6
    loss = image_loss(saliency, torch.tensor([[0.2, 0.5]]), torch.tensor([[0.5, 0.8]]), None, LABELS, beta=0.01)
    # -ln 0.8 - ln 0.5 = 0.223144 + 0.693147; -ln 0.5 - ln 0.8: the same; 0.01 * 6
    assert float(loss.global_) == pytest.approx(0.916291, abs=1e-6)
    assert float(loss.local) == pytest.approx(0.916291, abs=1e-6)
    assert float(loss.fusion) == 0.0
    assert float(loss.regularisation) == pytest.approx(0.06, abs=1e-7)
    assert float(loss.total) == pytest.approx(1.892582, abs=1e-5)


def test_equation_13_adds_the_fusion() -> None:
    saliency = torch.zeros((1, 2, 4, 4))
    half = torch.tensor([[0.5, 0.5]])
    loss = image_loss(saliency, half, half, torch.tensor([[0.1, 0.9]]), LABELS, beta=1.0)
    assert float(loss.fusion) == pytest.approx(-2 * math.log(0.9), abs=1e-6)
    assert float(loss.total) == pytest.approx(4 * math.log(2) - 2 * math.log(0.9), abs=1e-6)


def test_an_image_without_patches_has_the_global_loss_only() -> None:
    loss = image_loss(torch.zeros((1, 2, 2, 2)), torch.tensor([[0.5, 0.5]]), None, None, LABELS, beta=1.0)
    assert float(loss.total) == pytest.approx(2 * math.log(2), abs=1e-6)


def test_a_prediction_of_exactly_0_or_1_is_no_infinite_loss() -> None:
    wrong = torch.tensor([[1.0, 0.0]], requires_grad=True)
    loss = bce(wrong, LABELS)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(-2 * math.log(1e-6), rel=0.02)
    assert wrong.grad is not None
    assert torch.isfinite(wrong.grad).all()
    assert wrong.grad[0, 0] > 0 > wrong.grad[0, 1]  # and it points the right way


def test_the_norm_grows_with_slices_and_not_with_the_mean() -> None:
    one, three = (torch.full((n, 2, 2, 2), 0.5) for n in (1, 3))
    y = torch.tensor([[0.5, 0.5]])
    losses = [float(image_loss(a, y, None, None, LABELS, beta=0.1).regularisation) for a in (one, three)]
    assert losses == pytest.approx([0.4, 1.2])


def test_auc_counts_ties_one_half() -> None:
    # pairs (positive, negative): 0.9 > 0.5, 0.9 > 0.1, 0.5 = 0.5, 0.5 > 0.1
    assert auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1], "images") == 3.5 / 4


def test_auc_of_one_class_names_it() -> None:
    with pytest.raises(TrainingError, match="malignant images: 0 positive and 2 negative"):
        auc([0, 0], [0.1, 0.2], "malignant images")
