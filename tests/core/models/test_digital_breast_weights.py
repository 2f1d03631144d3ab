"""The weights that really come with the program."""

from __future__ import annotations

import math

import pytest
import torch

from gmic_core.models.shipped import SIMULATED_NOTE, ShippedWeights
from gmic_core.models.weights import resolve_weights

NAMES = ShippedWeights().names()
MOST_BYTES = 30_000_000


def test_a_network_for_volumes_and_one_for_images_are_there() -> None:
    assert set(NAMES) == {"digital-breast-2d-1", "digital-breast-3d-1"}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_file_is_small_complete_and_says_what_it_is(name: str) -> None:
    shipped = ShippedWeights()
    record = shipped.record(name)
    assert record.size <= MOST_BYTES
    assert "simulated" in record.training_data.lower()
    assert "says nothing about patients" in shipped.statement(name)
    assert SIMULATED_NOTE.startswith("Trained on simulated breasts only")
    resolved = resolve_weights(record.model, name)
    assert all(bool(torch.isfinite(value.float()).all()) for value in resolved.state.values())
    expected = {"gmic3d": 0.12, "gmic2d_park": 0.02}[record.model]
    assert math.isclose(float(record.hyper["top_t"]), expected)
