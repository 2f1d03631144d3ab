"""Stored values to intensities: air 0, tissue brighter, whatever the photometric interpretation."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.errors import InferenceError
from gmic_core.exam.model import PixelFormat
from gmic_core.preprocessing import Moments, PixelLevels, Projection, standardise


def levelled(frames, **pixel):
    projection = Projection(PixelLevels.of(PixelFormat(**pixel)))
    for frame in frames:
        projection.add(frame)
    levels, highest = projection.finish()
    return [levels.apply(frame) for frame in frames], highest


def test_unsigned_values_without_padding_are_taken_as_they_are():
    frame = np.array([[0, 7, 4095]], np.uint16)
    (out,), highest = levelled([frame], bits_stored=12, padding=(0, 0))
    assert out is frame
    assert highest.tolist() == [[0, 7, 4095]]


def test_monochrome1_is_turned_within_the_stored_bits():
    (out,), _ = levelled([np.array([[4095, 4000, 95, 0]], np.uint16)], bits_stored=12, photometric="MONOCHROME1")
    assert out.dtype == np.uint16
    assert out.tolist() == [[0, 95, 4000, 4095]]


def test_an_inverse_presentation_shape_means_the_same():
    (out,), _ = levelled([np.array([[255, 5]], np.uint8)], bits_stored=8, presentation_lut_shape="INVERSE")
    assert out.tolist() == [[0, 250]]


def test_inverted_values_beyond_the_stored_bits_are_air():
    (out,), highest = levelled([np.array([[5000, 4095, 95]], np.uint16)], bits_stored=12, photometric="MONOCHROME1")
    assert out.tolist() == highest.tolist() == [[0, 0, 4000]]


def test_padding_is_air():
    (out,), highest = levelled([np.array([[40, 50, 60, 70]], np.uint16)], padding=(60, 50))
    assert out.tolist() == highest.tolist() == [[40, 0, 0, 70]]


def test_padding_of_an_inverted_image_is_air():
    frame = np.array([[0, 100, 255]], np.uint8)
    (out,), _ = levelled([frame], bits_stored=8, photometric="MONOCHROME1", padding=(0, 0))
    assert out.tolist() == [[0, 155, 0]]


def test_signed_values_without_negatives_stay():
    (out,), _ = levelled([np.array([[0, 7, 900]], np.int16)], signed=True)
    assert out.dtype == np.uint16
    assert out.tolist() == [[0, 7, 900]]


def test_negative_values_lift_all_slices_alike_and_padding_stays_air():
    frames = [np.array([[-2000, -100, 50]], np.int16), np.array([[-2000, 0, -40]], np.int16)]
    out, highest = levelled(frames, signed=True, padding=(-2000, -2000))
    assert [frame.tolist() for frame in out] == [[[0, 0, 150]], [[0, 100, 60]]]
    assert highest.tolist() == [[0, 100, 150]]


def test_a_projection_of_mapped_frames_keeps_none_of_them():
    frames = [np.array([[1, 5]], np.uint16), np.array([[4, 2]], np.uint16)]
    projection = Projection(PixelLevels())
    for frame in frames:
        projection.add(frame)
        frame[:] = 0
    assert projection.finish()[1].tolist() == [[4, 5]]


def test_no_frame_at_all_is_an_error():
    with pytest.raises(InferenceError, match="no frames"):
        Projection(PixelLevels()).finish()


def test_moments_do_not_depend_on_the_order_or_the_pieces():
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 65536, (5, 40, 30)).astype(np.uint16)
    whole = Moments().plus(volume)
    parts = Moments()
    for index in (3, 0, 4, 1, 2):
        parts = parts.plus(volume[index])
    assert parts == whole
    assert whole.mean == pytest.approx(volume.mean(), rel=1e-12)
    assert whole.std == pytest.approx(volume.std(), rel=1e-12)


def test_a_constant_image_is_zero_after_standardisation():
    out = standardise(np.full((3, 4), 9, np.uint16))
    assert out.dtype == np.float32
    assert not out.any()


def test_standardisation_by_hand():
    np.testing.assert_allclose(standardise(np.array([[1, 3]], np.uint16)), [[-1, 1]])
    np.testing.assert_allclose(standardise(np.array([[0.5, 2.5]], np.float32)), [[-1, 1]])
