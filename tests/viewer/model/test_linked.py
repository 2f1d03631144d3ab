"""The same place and the same depth in several images."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gmic_core.exam.geometry import ORIENTATIONS, Orientation, PlanePosition
from gmic_core.exam.model import MammoImage
from gmic_core.types import Roi
from tests.helpers.hung_images import make_exam, make_image, make_result
from viewer.model.linked import Cursor, DepthOffer, linked_patch, same_box, same_depth
from viewer.model.placement import link_key, view_mm_map
from viewer.model.session import Session
from viewer.model.viewstate import Slot

PATCHES = (Roi(2, 0, 0, 16, 16, 0.3, (0.1, 0.2)), Roi(4, 20, 10, 36, 26, 0.7, (0.1, 0.8)))


def side_by_side(*images: MammoImage) -> Session:
    session = Session()
    session.open_exam(make_exam(*images))
    session.hang("x", (1, len(images)), [Slot(0, i, im.label, session.state_of(im)) for i, im in enumerate(images)])
    return session


# -- depth -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("slices", "index", "others", "expected"),
    [(66, 0, 40, 0), (66, 65, 40, 39), (40, 20, 79, 40), (61, 30, 21, 10), (1, 0, 40, 0), (60, 59, 1, 0)],
)
def test_relative_depth(slices: int, index: int, others: int, expected: int) -> None:
    leader, follower = make_image("R-CC", "DBT", frames=slices), make_image("R-MLO", "DBT", frames=others)
    assert same_depth(leader, index, follower) == expected


@pytest.mark.parametrize("slices", [20, 66, 120])
def test_depth_there_and_back_is_off_by_one_slice_at_most(slices: int) -> None:
    one, other = make_image("R-CC", "DBT", frames=slices), make_image("R-MLO", "DBT", frames=47)
    for index in range(slices):
        there = same_depth(one, index, other)
        assert abs(there / 46 - index / (slices - 1)) <= 0.5 / 46 + 1e-9
        if slices <= 47:
            assert same_depth(other, there, one) == index


def toward(image: MammoImage, z: float) -> MammoImage:
    return replace(image, plane=PlanePosition((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.7 * z, z)))


def test_volumes_stored_from_different_ends_meet_at_the_same_depth() -> None:
    up, down = toward(make_image("R-CC", "DBT", frames=11), 1.0), toward(make_image("R-MLO", "DBT", frames=21), -1.0)
    assert same_depth(up, 2, down) == 16
    assert same_depth(up, 2, toward(down, 1.0)) == 4
    assert same_depth(up, 2, replace(down, plane=None)) == 4  # what nobody states is not turned round


def test_all_volumes_follow_the_one_that_moves_while_depth_is_linked() -> None:
    cc, mlo = make_image("R-CC", "DBT", frames=11), make_image("R-MLO", "DBT", frames=21)
    session = side_by_side(cc, make_image("R-CC"), mlo)
    first, second = session.state_of(cc), session.state_of(mlo)
    first.go_to_slice(3)
    assert second.slice_index == 10  # not linked yet
    session.links.set_depth(True)
    assert second.slice_index == 6  # the active one leads
    second.go_to_slice(19)
    assert (first.slice_index, second.slice_index) == (10, 19)  # who leads is not pushed by who follows
    session.hang("x", (1, 1), [Slot(0, 0, "", second)])
    second.go_to_slice(0)
    assert first.slice_index == 10  # what hangs no longer does not follow
    session.hang("x", (1, 2), [Slot(0, 0, "", second), Slot(0, 1, "", first)])
    assert first.slice_index == 0
    session.links.set_depth(False)
    second.go_to_slice(20)
    assert first.slice_index == 0


# -- cursor ----------------------------------------------------------------------------------------------------------
def test_the_cursor_goes_with_its_image_and_takes_its_offer_along() -> None:
    ffdm, dbt = make_image("R-CC"), make_image("R-CC", "DBT", frames=5)
    session = side_by_side(ffdm, dbt)
    links = session.links
    links.set_cursor(Cursor(0, ffdm.sop_uid, link_key(ffdm), 1.0, 2.0))
    links.set_offer(DepthOffer(dbt.sop_uid, 3, "strongest contrast here"))
    assert links.offer is not None
    assert links.offer.text == "DBT slice 4: strongest contrast here"
    links.set_cursor(Cursor(0, ffdm.sop_uid, link_key(ffdm), 1.0, 2.5))
    assert links.offer is None
    session.hang("x", (1, 1), [Slot(0, 0, "", session.state_of(dbt))])
    assert links.cursor is None


# -- patches ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("label", ["R-CC", "L-CC", "R-MLO", "L-MLO"])
@pytest.mark.parametrize("stored", ORIENTATIONS)
def test_a_box_covers_the_same_mm_in_an_image_of_other_pixels(label: str, stored: Orientation) -> None:
    """10 x 10 mm, 20 mm from the chest wall, 6 mm above the middle, whatever way the image is stored."""
    fine = make_image(label, "FFDM", shape=(1200, 800), spacing=(0.065, 0.065), stored=stored)
    coarse = make_image(label, "DBT", shape=(780, 520), spacing=(0.1, 0.1), frames=3)
    corners = view_mm_map(fine).inverse().apply([(-6.0, 20.0), (4.0, 30.0)]) + 0.5  # edges of pixels, not centres
    box = (*corners.min(axis=0), *corners.max(axis=0))
    left = 200 if label[0] == "L" else 520 - 300
    assert same_box(fine, box, coarse) == pytest.approx((330, left, 430, left + 100), abs=1e-6)


def test_the_chosen_patch_is_known_in_every_modality_of_its_view_only() -> None:
    dbt, ffdm, s2d = (make_image("R-CC", m, frames=f) for m, f in (("DBT", 9), ("FFDM", 1), ("S2D", 1)))
    other, odd = make_image("L-CC"), make_image("R-CC", "MG", uid="odd", spacing=None)
    session = side_by_side(dbt, ffdm, s2d, other, odd)
    assert linked_patch(session, ffdm) is None
    session.results.restore(make_result(dbt, rois=PATCHES))
    session.select_patch(dbt.sop_uid, 1)
    patch = linked_patch(session, ffdm)
    assert patch is not None
    assert patch.box == pytest.approx((20, 10, 36, 26))
    assert patch.label == "1  DBT slice 5"
    assert linked_patch(session, s2d) is not None
    assert [linked_patch(session, image) for image in (dbt, other, odd)] == [None, None, None]


def test_a_patch_at_the_edge_is_boxed_as_far_as_both_images_go() -> None:
    dbt = make_image("R-CC", "DBT", frames=9, shape=(60, 40), spacing=(0.5, 0.5))
    small = make_image("R-CC", "S2D", shape=(50, 40), spacing=(0.5, 0.5))
    session = side_by_side(dbt, small)
    rois = tuple(
        Roi(0, row, column, row + 16, column + 16, attention)
        for row, column, attention in ((-6, 30, 0.5), (40, 10, 0.3), (64, 10, 0.2))
    )
    session.results.restore(make_result(dbt, rois=rois))
    boxes = []
    for index in range(3):
        session.select_patch(dbt.sop_uid, index)
        patch = linked_patch(session, small)
        boxes.append(patch.box if patch is not None else None)
    # rows are counted from the middle of each image: the smaller one begins five rows later
    assert boxes == [(0, 30, 5, 40), (35, 10, 50, 26), None]


def test_a_patch_of_today_is_not_boxed_on_the_prior() -> None:
    dbt = make_image("R-CC", "DBT", frames=9)
    before = make_image("R-CC", uid="before")
    now, prior = make_exam(dbt, study="2.25.2"), replace(make_exam(before, study="2.25.1"), date="20200101")
    session = Session()
    session.add_exams([now, prior], [])
    session.open_exam(now)
    session.results.restore(make_result(dbt, rois=PATCHES))
    session.select_patch(dbt.sop_uid, 0)
    assert session.image("before") is before
    assert linked_patch(session, before) is None


def test_escape_takes_away_the_cross_of_the_keys_only() -> None:
    ffdm = make_image("R-CC")
    links = side_by_side(ffdm).links
    assert not links.escape()
    links.set_cursor(Cursor(0, ffdm.sop_uid, link_key(ffdm), 1.0, 2.0))
    assert not links.escape()  # the mouse is still there
    links.set_cursor(Cursor(0, ffdm.sop_uid, link_key(ffdm), 1.0, 2.0, by="keys"))
    assert links.escape()
    assert links.cursor is None
