"""Wrong sides are the deadly bug: every one of 48 orders, on either side, ends where it was drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmic_core.errors import SegmentationError
from gmic_core.exam.geometry import PlanePosition, stored_to_patient
from gmic_core.segmentation.geometry import Reorder, VolumeGeometry, all_orders, fitting_order, match

ORDERS = list(all_orders())
SHAPE = (4, 6, 5)


def tomosynthesis(side: str = "L", tilt: float = 0.0, shape: tuple[int, int, int] = SHAPE) -> VolumeGeometry:
    """An image with a place: columns to the nipple, rows to the feet, slices across, turned by ``tilt`` radians."""
    across = 1.0 if side == "L" else -1.0
    turn = np.array([[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]])
    columns, rows, slices = (turn @ axis for axis in ([0, -1.0 * across, 0], [0, 0, -1.0], [across, 0, 0]))
    plane = PlanePosition((31.0 * across, -12.5, 40.25), tuple(columns), tuple(rows), tuple(slices))
    return VolumeGeometry(shape, stored_to_patient((0.1, 0.085), 1.0, plane))


def test_there_are_48_orders_and_each_has_an_inverse() -> None:
    assert len(set(ORDERS)) == 48
    volume = np.arange(120).reshape(SHAPE)
    for order in ORDERS:
        np.testing.assert_array_equal(order.inverse().apply(order.apply(volume)), volume)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ORDERS), st.sampled_from("LR"), st.floats(-0.6, 0.6), st.integers(0, 2**32 - 1))
def test_a_mask_lies_where_it_was_drawn_whatever_the_order(order: Reorder, side: str, tilt: float, seed: int) -> None:
    image = tomosynthesis(side, tilt)
    drawn = np.random.default_rng(seed).integers(0, 3, SHAPE).astype(np.uint8)
    stored = order.apply(drawn)
    to_image = order.inverse().matrix(stored.shape)
    mask = VolumeGeometry(stored.shape, (image.to_lps @ to_image).astype(np.float32).astype(np.float64))
    found = match(mask, image)
    assert found.question == ""
    assert found.order is not None
    np.testing.assert_array_equal(found.order.apply(stored), drawn)
    assert fitting_order(mask, image.to_lps, SHAPE[0]) == found.order


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.describe())
@pytest.mark.parametrize("side", "LR")
def test_a_mask_on_the_wrong_side_is_never_taken_for_right(order: Reorder, side: str) -> None:
    """The same voxels, but the place in space is that of the image's mirror image: never accepted in silence."""
    image = tomosynthesis(side)
    stored = order.apply(np.zeros(SHAPE, np.uint8))
    mirrored = np.diag([-1.0, 1.0, 1.0, 1.0]) @ image.to_lps @ order.inverse().matrix(stored.shape)
    mask = VolumeGeometry(stored.shape, mirrored)
    if order.axes[0] != 0:  # slices that are no slices: not even the size fits
        with pytest.raises(SegmentationError, match=r"Segmentation: .* Image: 5 x 6 pixels x 4 slices"):
            match(mask, image)
        return
    found = match(mask, image)
    assert found.order is None
    assert "How does it lie?" in found.question


def voxel_place(geometry: VolumeGeometry, index: tuple[int, int, int]) -> np.ndarray:
    return (geometry.to_lps @ (*index, 1.0))[:3]


def about_the_middle(image: VolumeGeometry, change: np.ndarray) -> np.ndarray:
    """Return float64 (4, 4), LPS to LPS: a change of the image's own (slices, rows, columns) about its middle."""
    middle = np.array([(n - 1) / 2 for n in image.shape])
    inside = np.eye(4)
    inside[:3, :3] = change
    inside[:3, 3] = middle - change @ middle
    return image.to_lps @ inside @ np.linalg.inv(image.to_lps)


MOVES = {
    "mirrored left-right": np.diag([1.0, 1, -1]),
    "mirrored up-down": np.diag([1.0, -1, 1]),
    "turned by 180 degrees": np.diag([1.0, -1, -1]),
    "slices reversed": np.diag([-1.0, 1, 1]),
    "turned by 180 degrees, slices reversed": np.diag([-1.0, -1, -1]),
    "mirrored, slices reversed": np.diag([-1.0, 1, -1]),
}


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.describe())
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("side", "LR")
def test_a_mirrored_or_turned_mask_is_laid_where_it_says_that_it_is(order: Reorder, move: str, side: str) -> None:
    """Mirrored or turned about the image's own middle: the grid is the same, and each voxel goes to its own place."""
    image = tomosynthesis(side, 0.2)
    stored_shape = order.shape(SHAPE)
    to_lps = about_the_middle(image, MOVES[move]) @ image.to_lps @ order.inverse().matrix(stored_shape)
    mask = VolumeGeometry(stored_shape, to_lps)
    found = match(mask, image).order
    assert found is not None
    assert (found == order.inverse()) is False, "as it was before it was moved: on the wrong side"
    for index in np.ndindex(*stored_shape):
        marked = np.zeros(stored_shape, np.uint8)
        marked[index] = 1
        (laid,) = np.argwhere(found.apply(marked))
        assert np.abs(voxel_place(image, tuple(laid)) - voxel_place(mask, index)).max() < 1e-6


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order.describe())
@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("side", "LR")
def test_a_mask_of_the_other_way_round_that_lies_elsewhere_is_never_taken(
    order: Reorder, move: str, side: str
) -> None:
    """The same, but a voxel beside its place: the corner was kept and the axes were turned, as sloppy tools do."""
    image = tomosynthesis(side, 0.2)
    stored_shape = order.shape(SHAPE)
    matrix = image.to_lps.copy()
    matrix[:3, :3] = matrix[:3, :3] @ MOVES[move]
    mask = VolumeGeometry(stored_shape, matrix @ order.inverse().matrix(stored_shape))
    if order.axes[0] != 0:
        with pytest.raises(SegmentationError, match="neither place nor size fits"):
            match(mask, image)
        return
    found = match(mask, image)
    assert found.order is None
    assert Reorder() in found.choices or order.axes != (0, 1, 2)
    assert "Segmentation: " in found.question
    assert "Image: 5 x 6 pixels x 4 slices" in found.question


def test_only_the_size_fits() -> None:
    image = tomosynthesis()
    found = match(VolumeGeometry.of_pixels(SHAPE), image)
    assert found.order is None
    assert found.question == (
        "The segmentation has the size of this image, but not its place in space. Segmentation: 5 x 6 pixels x 4 "
        "slices, no spacing and orientation stated. Image: 5 x 6 pixels x 4 slices, 0.085 x 0.1 x 1 mm, first voxel at "
        "(31.0, -12.5, 40.2) mm LPS, columns to A, rows to F, slices to L. How does it lie?"
    )
    assert [choice.describe() for choice in found.choices[:4]] == [
        "as stored", "turned by 180 degrees", "mirrored left-right", "mirrored up-down",
    ]  # fmt: skip
    assert len(found.choices) == 8
    square = match(VolumeGeometry.of_pixels((1, 5, 5)), tomosynthesis(shape=(1, 5, 5)))
    assert len(square.choices) == 8
    assert square.choices[4].describe() == "axes exchanged"


def test_a_volume_that_is_turned_by_180_degrees_in_its_file_is_asked_about() -> None:
    """Known in BCS-DBT: the header's place is that of the volume before it was turned."""
    image = tomosynthesis()
    turned = Reorder(flips=(False, True, True))
    mask = VolumeGeometry(SHAPE, image.to_lps @ turned.matrix(SHAPE))
    found = match(mask, image)
    assert found.order == turned, "the mask says where it lies"
    unplaced = match(VolumeGeometry.of_pixels(SHAPE), image)
    assert turned in unplaced.choices


def test_nothing_fits() -> None:
    with pytest.raises(SegmentationError) as refused:
        match(VolumeGeometry.of_pixels((1, 10, 20)), tomosynthesis())
    assert str(refused.value) == (
        "The segmentation does not belong to this image: neither place nor size fits. Segmentation: 20 x 10 pixels, no "
        "spacing and orientation stated. Image: 5 x 6 pixels x 4 slices, 0.085 x 0.1 x 1 mm, first voxel at (31.0, "
        "-12.5, 40.2) mm LPS, columns to A, rows to F, slices to L. Open the image that it was drawn on."
    )


@pytest.mark.parametrize("signs", [(-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)])
def test_files_that_state_nothing_belong_together_as_they_are(signs: tuple[float, float]) -> None:
    """The 3D-GMIC convention diag(-1, -1, 1, 1), NIfTI's identity, and pictures."""
    ras = np.diag([*signs, 1.0, 1.0])
    to_lps = np.diag([-1.0, -1, 1, 1]) @ ras @ np.eye(4)[:, [2, 1, 0, 3]]
    mask, picture = VolumeGeometry(SHAPE, to_lps), VolumeGeometry.of_pixels(SHAPE)
    assert not mask.stated
    assert match(mask, picture).order == match(picture, mask).order == Reorder()


@pytest.mark.parametrize("order", [o for o in ORDERS if o.axes[0] == 0 and not o.flips[0]], ids=Reorder.describe)
def test_mammograms_have_detector_pixels_or_breast_pixels(order: Reorder) -> None:
    """ITK-SNAP takes the pixels of the detector, this program those of the breast; neither has a position."""
    breast = VolumeGeometry((1, 50, 40), stored_to_patient((0.065, 0.065), None, None))
    detector = VolumeGeometry((1, 50, 40), stored_to_patient((0.07, 0.07), None, None))
    shape = order.shape((1, 50, 40))
    mask = VolumeGeometry(shape, detector.to_lps @ order.inverse().matrix(shape))
    found = match(mask, breast).order
    assert found is not None
    drawn = np.arange(2000).reshape(1, 50, 40)
    np.testing.assert_array_equal(found.apply(order.apply(drawn)), drawn)


def test_a_magnification_view_is_asked_about() -> None:
    breast = VolumeGeometry((1, 50, 40), stored_to_patient((0.05, 0.05), None, None))
    detector = VolumeGeometry((1, 50, 40), stored_to_patient((0.09, 0.09), None, None))
    assert match(detector, breast).order is None


@pytest.mark.parametrize(("shift", "taken"), [(0.2, True), (0.3, False), (0.5, False)])
def test_half_a_voxel_is_a_shift(shift: float, taken: bool) -> None:
    image = tomosynthesis()
    moved = image.to_lps.copy()
    moved[:3, 3] += image.to_lps[:3, 2] * shift
    assert (match(VolumeGeometry(SHAPE, moved), image).order == Reorder()) is taken


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_no_place_at_all(value: float) -> None:
    broken = tomosynthesis().to_lps.copy()
    broken[:3, 1] = value
    with pytest.raises(SegmentationError, match=r"write the file again\."):
        match(VolumeGeometry(SHAPE, broken), tomosynthesis())
