import numpy as np
import pytest

from gmic_core.types import Finding
from tests.helpers.colour_vision import DICHROMATS, delta_e, lab, seen_by
from viewer.model.colormaps import BENIGN, FAINTEST, MALIGNANT, alpha, line_rgb, ramp, rgba

READERS = [None, *DICHROMATS]
MINIMUM_DISTANCE = 50.0  # Delta E 1976 between *any* two colours of the ramps; about 2.3 is just noticeable
MINIMUM_CHROMA = 26.0  # distance from the grey of the same lightness


@pytest.mark.parametrize("reader", READERS)
def test_the_two_findings_stay_apart_at_any_two_values_for_every_reader(reader: str | None) -> None:
    orange, cyan = lab(seen_by(MALIGNANT, reader)), lab(seen_by(BENIGN, reader))
    assert delta_e(orange, cyan).min() > MINIMUM_DISTANCE


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("colours", [MALIGNANT, BENIGN], ids=["malignant", "benign"])
def test_more_saliency_is_lighter_for_every_reader(colours: np.ndarray, reader: str | None) -> None:
    lightness = lab(seen_by(colours, reader))[:, 0]
    assert (lightness[8:] - lightness[:-8] > 0).all()  # eight steps: single ones are smaller than 8-bit rounding
    assert lightness[-1] - lightness[0] > 30


@pytest.mark.parametrize("colours", [MALIGNANT, BENIGN], ids=["malignant", "benign"])
def test_every_colour_reads_on_grey(colours: np.ndarray) -> None:
    _, a, b = lab(seen_by(colours, None)).T
    assert np.hypot(a, b).min() > MINIMUM_CHROMA - 0.5


def test_malignant_is_orange_and_benign_is_cyan() -> None:
    red, green, blue = MALIGNANT.astype(int).T
    assert (red > green).all()
    assert (green > blue).all()
    red, green, blue = BENIGN.astype(int).T
    assert (red < green).all()
    assert (abs(green - blue) < 20).all()
    assert ramp(Finding.MALIGNANT) is MALIGNANT
    assert ramp(Finding.BENIGN) is BENIGN
    assert line_rgb(Finding.MALIGNANT) == tuple(MALIGNANT[160])


def test_ramps_cannot_be_changed_by_accident() -> None:
    assert MALIGNANT.shape == BENIGN.shape == (256, 3)
    with pytest.raises(ValueError, match="read-only"):
        MALIGNANT[0] = 0


def test_nothing_is_painted_at_and_under_the_threshold() -> None:
    values = np.array([0.0, 0.05, 0.1, np.nextafter(np.float32(0.1), np.float32(1)), 1.0], np.float32)
    opaque = alpha(values, 0.1, 0.5)
    assert opaque[:3].tolist() == [0.0, 0.0, 0.0]
    assert opaque[3] == pytest.approx(0.5 * FAINTEST, abs=1e-4)
    assert opaque[4] == pytest.approx(0.5)
    assert rgba(Finding.BENIGN, values, 0.1, 0.5)[:3].max() == 0


def test_a_threshold_of_one_hides_everything() -> None:
    assert alpha(np.array([0.5, 1.0], np.float32), 1.0, 1.0).max() == 0.0


def test_colours_are_premultiplied_and_unknown_is_transparent() -> None:
    out = rgba(Finding.MALIGNANT, np.array([1.0, np.nan], np.float16), 0.2, 0.5)
    assert out.dtype == np.uint8
    assert out[1].tolist() == [0, 0, 0, 0]
    assert out[0, 3] == 128
    assert np.abs(out[0, :3].astype(int) - MALIGNANT[255] * 0.5).max() <= 0.5
