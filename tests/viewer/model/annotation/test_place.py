"""Which image a file belongs to, and when the annotator is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.geometry import PlanePosition
from gmic_core.exam.model import MammoImage
from gmic_core.segmentation.geometry import Reorder, VolumeGeometry
from gmic_core.types import Modality
from tests.helpers.panel_fakes import make_image
from viewer.model.annotation.place import choose_image, image_geometry
from viewer.model.answers import Answer, answered

PLANE = PlanePosition((10.0, 20.0, 30.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0))


def volume(turned: bool, plane: PlanePosition | None = None) -> MammoImage:
    stored = replace(make_image("L", "MLO", Modality.DBT, frames=4), plane=plane)
    return answered(stored, Answer(stored.laterality, "MLO", "turned")) if turned else stored  # type: ignore[arg-type]


def test_a_volume_stored_turned_without_a_place_is_asked_about() -> None:
    image = volume(turned=True)
    found = choose_image("case.nii.gz", image_geometry(image), [image], image, pointed=True)
    assert not found.sure
    match = found.candidates[0].match
    assert match.order is None
    assert [order.describe() for order in match.choices] == ["as stored", "turned by 180 degrees"]
    assert match.question.startswith("This volume is stored upside down, and neither it nor the segmentation has a ")
    assert match.question.count("384 x 512 pixels x 4 slices") == 2
    labels = np.arange(4 * 6 * 5).reshape(4, 6, 5)
    assert (match.choices[1].apply(labels) == labels[:, ::-1, ::-1]).all()


@pytest.mark.parametrize("turned", [False, True])
def test_a_place_in_space_or_an_upright_volume_answers_it(turned: bool) -> None:
    image = volume(turned, PLANE)
    mask = image_geometry(image)
    flipped = Reorder(flips=(False, True, True))
    for order in (Reorder(), flipped):
        moved = VolumeGeometry(mask.shape, mask.to_lps @ order.matrix(mask.shape))
        found = choose_image("case.nii.gz", moved, [image], image, pointed=False)
        assert found.sure
        assert found.candidates[0].match.order == order
    upright = volume(turned=False)
    assert choose_image("case.nii.gz", image_geometry(upright), [upright], upright, pointed=True).sure


def test_a_name_of_the_other_side_is_asked_about() -> None:
    image = volume(turned=False)
    found = choose_image("R-MLO_seg.nii.gz", image_geometry(image), [image], image, pointed=False)
    assert not found.sure
    assert found.doubt == "The name of the file says R-MLO, but by its place it belongs to L-MLO DBT."
