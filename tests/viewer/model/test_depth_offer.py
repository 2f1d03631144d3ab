"""From a place on a 2D image to the slice of the DBT volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation
from gmic_core.exam.model import MammoImage
from gmic_core.types import Finding
from tests.helpers.hung_images import make_exam, make_image, make_result
from viewer.model.depth_offer import find_offer, volume_of
from viewer.model.linked import Cursor, DepthOffer
from viewer.model.placement import link_key, view_mm_map
from viewer.model.resample import Pyramid, build_pyramid
from viewer.model.session import Session
from viewer.model.viewstate import Slot

AT = (-11.2, 23.3)
"""The place in mm: 11.2 mm above the middle, 23.3 mm from the chest wall."""


class Slices:
    """Noise with a dot of 2 mm at a place of one slice; ``ready`` slices are decoded."""

    def __init__(self, volume: MammoImage, at: tuple[float, float], dot_slice: int, ready: int | None = None) -> None:
        self.ready = volume.frames if ready is None else ready
        self.volume, self.dot_slice = volume, dot_slice
        self.rng = np.random.default_rng(3)
        self.row, self.column = view_mm_map(volume).inverse().apply(at)

    def get(self, image: MammoImage, index: int) -> Pyramid | None:
        if index >= self.ready:
            return None
        pixels = self.rng.normal(1000, 30, (image.rows, image.columns))
        if index == self.dot_slice:
            rows, columns = np.ogrid[: image.rows, : image.columns]
            radius = 1.0 / (image.spacing_mm or (1.0, 1.0))[0]
            pixels[(rows - self.row) ** 2 + (columns - self.column) ** 2 < radius**2] += 400
        return build_pyramid(pixels.astype(np.uint16))

    def loaded(self, _image: MammoImage) -> frozenset[int]:
        return frozenset(range(self.ready))


def pair(label: str = "R-CC", stored: Orientation | None = None) -> tuple[MammoImage, MammoImage]:
    """Return an FFDM of 0.065 mm and a DBT volume of 0.1 mm of one view, both of 65 x 52 mm."""
    return (
        make_image(label, "FFDM", shape=(1000, 800), spacing=(0.065, 0.065)),
        make_image(label, "DBT", shape=(650, 520), spacing=(0.1, 0.1), frames=12, stored=stored),
    )


def pointing(source: MammoImage, *others: MammoImage, at: tuple[float, float] = AT) -> Session:
    session = Session()
    images = (source, *others)
    session.open_exam(make_exam(*images))
    session.hang("compare", (1, len(images)), [Slot(0, i, "", session.state_of(im)) for i, im in enumerate(images)])
    session.links.set_cursor(Cursor(0, source.sop_uid, link_key(source), *at))
    return session


@pytest.mark.parametrize("label", ["R-CC", "L-CC", "R-MLO", "L-MLO"])
@pytest.mark.parametrize("stored", [None, *ORIENTATIONS[1::3]])
def test_without_ai_the_slice_with_the_strongest_contrast(label: str, stored: Orientation | None) -> None:
    ffdm, dbt = pair(label, stored)
    session = pointing(ffdm, dbt)
    assert find_offer(session, Slices(dbt, AT, 8)) == DepthOffer(dbt.sop_uid, 8, "strongest contrast here")


def test_a_dot_elsewhere_is_not_taken_for_one_here() -> None:
    ffdm, dbt = pair()
    frames = Slices(dbt, (AT[0] + 8.0, AT[1]), 8)
    found = find_offer(pointing(ffdm, dbt, at=(AT[0] + 8.0, AT[1])), frames)
    elsewhere = find_offer(pointing(ffdm, dbt), Slices(dbt, (AT[0] + 8.0, AT[1]), 8))
    assert isinstance(found, DepthOffer)
    assert found.slice_index == 8
    assert isinstance(elsewhere, DepthOffer)
    assert elsewhere.slice_index != 8


def test_slices_that_are_not_there_yet_are_told() -> None:
    ffdm, dbt = pair()
    session = pointing(ffdm, dbt)
    offer = find_offer(session, Slices(dbt, AT, 3, ready=5))
    assert offer == DepthOffer(dbt.sop_uid, 3, "strongest contrast here of 5 slices loaded so far", final=False)
    nothing = find_offer(session, Slices(dbt, AT, 3, ready=0))
    assert nothing == "the slices of the DBT volume are still loading; try again in a moment."


@pytest.mark.parametrize("label", ["R-CC", "L-CC", "R-MLO", "L-MLO"])
@pytest.mark.parametrize("stored", [None, *ORIENTATIONS[1::3]])
def test_with_ai_the_slice_with_the_highest_saliency(label: str, stored: Orientation | None) -> None:
    """The contrast of slice 2 and a higher peak elsewhere in slice 5 count for nothing at this place."""
    ffdm, dbt = pair(label, stored)
    cells = (65, 52)  # of 1 mm, however the image is stored
    if stored is not None and stored.transpose:
        cells = cells[::-1]
    saliency = np.zeros((12, 2, *cells))
    row, column = view_mm_map(dbt).inverse().apply(AT)
    here = (int(row // 10), int(column // 10))
    saliency[9, Finding.MALIGNANT, here[0], here[1]] = 0.625
    saliency[4, Finding.BENIGN, here[0], here[1]] = 0.5
    saliency[5, Finding.MALIGNANT, here[0] + 2, here[1]] = 0.9
    session = pointing(ffdm, dbt)
    session.results.restore(make_result(dbt, cells=cells, saliency=saliency))
    frames = Slices(dbt, AT, 2)
    assert find_offer(session, frames) == DepthOffer(dbt.sop_uid, 9, "highest saliency here (0.62 malignant)")
    session.overlays.update(malignant=False)  # what is not shown gives no hints
    assert find_offer(session, frames) == DepthOffer(dbt.sop_uid, 4, "highest saliency here (0.50 benign)")
    session.overlays.update(visible=False)
    assert find_offer(session, frames) == DepthOffer(dbt.sop_uid, 2, "strongest contrast here")


def test_an_empty_map_leaves_it_to_the_contrast() -> None:
    ffdm, dbt = pair()
    session = pointing(ffdm, dbt)
    session.results.restore(make_result(dbt, saliency=np.full((12, 2, 6, 4), 0.01)))
    offer = find_offer(session, Slices(dbt, AT, 7))
    assert isinstance(offer, DepthOffer)
    assert (offer.slice_index, offer.reason) == (7, "strongest contrast here")


def test_an_untrained_map_says_so() -> None:
    ffdm, dbt = pair()
    session = pointing(ffdm, dbt)
    session.results.restore(make_result(dbt, saliency=np.full((12, 2, 6, 4), 0.5), untrained=True))
    offer = find_offer(session, Slices(dbt, AT, 7))
    assert isinstance(offer, DepthOffer)
    assert offer.reason.startswith("highest untrained saliency here")


def test_why_there_is_nothing_to_offer() -> None:
    ffdm, dbt = pair()
    frames = Slices(dbt, AT, 1)
    session = pointing(ffdm, dbt)
    session.links.set_cursor(None)
    assert "point at a place on an FFDM" in str(find_offer(session, frames))
    assert find_offer(pointing(ffdm), frames) == "the exam has no DBT volume of R-CC with a known pixel size."
    plain = replace(ffdm, spacing_mm=None)
    assert "pixel size of R-CC FFDM is not known" in str(find_offer(pointing(plain, dbt), frames))
    assert "on a slice of R-CC already" in str(find_offer(pointing(dbt, ffdm), frames))
    assert find_offer(pointing(ffdm, dbt, at=(0.0, 60.0)), frames) == "the DBT volume does not reach this place."


def test_the_volume_on_screen_is_meant_and_never_that_of_another_exam() -> None:
    ffdm, dbt = pair()
    again, prior = replace(dbt, sop_uid="again"), replace(dbt, sop_uid="prior")
    session = Session()
    now, old = make_exam(ffdm, dbt, again, study="2.25.2"), make_exam(prior, study="2.25.1")
    session.add_exams([replace(old, date="20200101"), now], [])
    session.open_exam(now)
    assert volume_of(session, ffdm) is dbt
    session.hang("x", (1, 2), [Slot(0, 0, "", session.state_of(prior)), Slot(0, 1, "", session.state_of(again))])
    assert volume_of(session, ffdm) is again
