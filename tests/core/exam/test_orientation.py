"""Chest wall by tags and by pixels, in all stored orientations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.exam.orientation import check_orientation, observed_chest_wall, predicted_chest_wall
from gmic_core.types import Laterality, Modality
from tests.helpers.breasts import breast, patient_orientation


def stored_image(side: str, view: str, turn: Orientation) -> tuple[MammoImage, np.ndarray]:
    pixels = np.ascontiguousarray(turn.apply(breast(256, 192, seed=3)))
    image = MammoImage(
        "1.2.3", Modality.FFDM, Laterality(side), view, 1, *pixels.shape, PixelSource("dicom", (Path("a.dcm"),)),
        PixelFormat(16, 12), patient_orientation=patient_orientation(side, view, turn),
    )  # fmt: skip
    return image, pixels


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("side", ["L", "R"])
@pytest.mark.parametrize("view", ["CC", "MLO"])
def test_tags_and_pixels_agree_in_every_stored_orientation(side, view, turn):
    image, pixels = stored_image(side, view, turn)
    assert observed_chest_wall(pixels, image) == predicted_chest_wall(image)
    assert check_orientation(image, pixels) is None


@pytest.mark.parametrize("turn", ORIENTATIONS)
@pytest.mark.parametrize("side", ["L", "R"])
def test_a_breast_that_points_the_other_way_raises_the_question(side, turn):
    image, pixels = stored_image(side, "CC", turn)
    turned = pixels[::-1, ::-1]
    question = check_orientation(image, turned)
    assert question is not None
    assert question.startswith(f"{side}-CC: the header says that the chest wall is on the")
    assert "Confirm the side and orientation" in question


def test_literal_edges_without_patient_orientation():
    pixels = breast(256, 192, seed=3)
    for side, edge in (("L", "left"), ("R", "right")):
        image = MammoImage(
            "1", Modality.FFDM, Laterality(side), "MLO", 1, 256, 192, PixelSource("png", ()), PixelFormat(16, 12)
        )
        assert predicted_chest_wall(image) == edge
        assert observed_chest_wall(pixels, image) == "left"
    assert check_orientation(image, pixels) is not None  # the right breast must not face right as stored


def test_pixels_without_a_clear_edge_raise_no_question():
    image, pixels = stored_image("L", "CC", ORIENTATIONS[0])
    assert observed_chest_wall(np.zeros_like(pixels), image) is None
    assert check_orientation(image, np.zeros_like(pixels)) is None
    assert check_orientation(image, np.full_like(pixels, 900)) is None
