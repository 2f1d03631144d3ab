"""Two results of one image from two devices: what differs, and which patches flipped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.inference.agreement import agreement, comparable, flip_note
from gmic_core.inference.notes import is_calm
from gmic_core.types import ImageResult, Roi
from tests.helpers.hung_images import make_image, make_result


@pytest.fixture
def first() -> ImageResult:
    result = make_result(make_image("L-CC", "DBT", frames=3))
    rois = tuple(Roi(k, 100 * k, 50, 100 * k + 256, 306, 0.25) for k in range(4))
    return replace(result, rois=rois, y=(0.25, 0.75))


def elsewhere(result: ImageResult, **changes) -> ImageResult:
    there = replace(result.provenance, device="cuda:0 (NVIDIA H200)", mode="fast", precision="float16")
    return replace(result, provenance=there, **changes)


def test_the_same_result_agrees(first):
    found = agreement(first, elsewhere(first))
    assert (found.probability, found.saliency, found.flipped) == (0.0, 0.0, ())
    assert flip_note(first, elsewhere(first)) == ""


def test_a_patch_that_flips_is_reported_with_the_device_and_the_difference(first):
    moved = (*first.rois[:2], replace(first.rois[2], row0=900, row1=1156), first.rois[3])
    other = elsewhere(first, rois=moved, y=(0.25, 0.74))
    assert agreement(first, other).flipped == (3,)
    assert agreement(first, other).probability == pytest.approx(0.01)
    assert flip_note(first, other) == (
        "Patch 3 was not chosen on cuda:0 (NVIDIA H200) in fast mode, where the scores differ by 0.01: near ties turn "
        "with rounding."
    )


def test_the_order_of_choice_is_no_flip(first):
    assert flip_note(first, elsewhere(first, rois=first.rois[::-1])) == ""


def test_only_results_of_the_same_weights_window_and_another_device_are_compared(first):
    none = elsewhere(first, rois=())
    assert flip_note(first, none).startswith("Patches 1, 2, 3, 4 were not chosen on cuda:0")
    assert flip_note(first, replace(first, rois=())) == ""  # the same device and mode
    weights = replace(none, provenance=replace(none.provenance, weights_sha256="f" * 64))
    assert not comparable(first, weights)
    assert flip_note(first, weights) == ""
    moved = replace(none, window_to_stored=none.window_to_stored + np.eye(3))
    assert flip_note(first, moved) == ""


@pytest.mark.parametrize(
    ("note", "calm"),
    [
        ("Near tie in the choice of patch 5: another place was within 1e-06; another device may choose it.", True),
        ("Patch 3 was not chosen on cpu in exact mode, where they differ by 0.01: near ties turn with rounding.", True),
        ("Verified against the plain modules on the CPU: scores differ by 1e-07; the same patches.", True),
        ("Verified against the plain modules: scores differ by 0.2, which is MORE: do not trust this device.", False),
        ("12.0% of the breast lies outside the network's window and was not analysed.", False),
        ("Made by GE; the published networks saw Hologic images only.", False),
    ],
)
def test_notes_on_how_a_result_was_made_are_quiet(note, calm):
    assert is_calm(note) is calm
