"""The GSDF against values of PS3.14 and against what DCMTK sends to a calibrated screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gmic_core.exam.model import VoiWindow
from gmic_core.exam.voi import window_levels
from tests.reference.voi import cases
from viewer.model.displays import DisplayProfile, output_levels
from viewer.model.gsdf import driving_levels, jnd_index, luminance, screen_luminance


def test_luminance_of_jnd_indices_is_that_of_table_b1() -> None:
    # PS3.14 annex B
    for index, candela in ((1, 0.05), (2, 0.0547), (3, 0.0594), (1023, 3993.404)):
        assert float(luminance(index)) == pytest.approx(candela, rel=1e-3)


def test_the_inverse_returns_the_index() -> None:
    indices = np.arange(5, 1024)
    assert np.abs(jnd_index(luminance(indices)) - indices).max() < 0.1


@pytest.mark.parametrize(("darkest", "brightest"), [(0.5, 250), (0.8, 500), (1, 120), (0.2, 400)])
def test_steps_of_the_ramp_are_equally_many_jnds_apart(darkest: float, brightest: float) -> None:
    profile = DisplayProfile("gsdf", darkest, brightest)
    sent = output_levels(np.arange(0.0, 256.0, 15.0), profile)  # the 18 levels of AAPM TG18-LN
    steps = np.diff(jnd_index(screen_luminance(sent, darkest, brightest)))
    assert np.abs(steps / steps.mean() - 1).max() < 0.10
    exact = driving_levels(np.arange(256.0), darkest, brightest)  # before rounding to the 8 bits of the screen
    fine = np.diff(jnd_index(screen_luminance(exact, darkest, brightest)))
    assert np.abs(fine / fine.mean() - 1).max() < 0.02


def test_without_gsdf_the_ramp_of_an_srgb_screen_is_far_from_it() -> None:
    sent = output_levels(np.arange(0.0, 256.0, 15.0), DisplayProfile())
    assert sent.tolist() == list(range(0, 256, 15))
    steps = np.diff(jnd_index(screen_luminance(sent, 0.5, 250)))
    assert np.abs(steps / steps.mean() - 1).max() > 0.20


def test_driving_levels_are_those_of_dcm2pnm() -> None:
    with np.load(Path(cases.__file__).parent / "dcm2pnm.npz") as data:
        theirs = data["gsdf"].ravel().astype(int)
    levels = window_levels(np.arange(4096.0), VoiWindow(2048, 4096))
    profile = DisplayProfile("gsdf", cases.SRGB_DARKEST, cases.SRGB_BRIGHTEST)
    assert np.abs(output_levels(levels, profile).astype(int) - theirs).max() <= 1


def test_black_and_white_stay_what_they_are() -> None:
    assert output_levels(np.array([0.0, 255.0]), DisplayProfile("gsdf", 0.5, 250)).tolist() == [0, 255]
    assert output_levels(np.array([64.0, 128.0]), DisplayProfile("gsdf", 0.5, 250)).tolist() == [45, 96]
