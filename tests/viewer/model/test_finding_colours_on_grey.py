"""The two findings over tissue of any grey, as every reader sees them: CIEDE2000, published dichromat matrices."""

from __future__ import annotations

import numpy as np
import pytest

from gmic_core.types import Finding
from tests.helpers.colour_vision import DICHROMATS, ciede2000, lab, seen_by
from viewer.model.colormaps import BENIGN, MALIGNANT, rgba
from viewer.model.overlays import OverlaySettings

READERS = [None, *DICHROMATS]
GREYS = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[:, None], 3, axis=1)
NOTICED = 2.3  # Delta E that is just noticeable
SALIENCY = (0.3, 0.5, 0.7, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [  # pairs of Sharma et al., Table 1
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_distance_is_the_published_one(one: tuple[float, ...], other: tuple[float, ...], wanted: float) -> None:
    assert float(ciede2000(np.array(one), np.array(other))) == pytest.approx(wanted, abs=1e-4)


def over_grey(finding: Finding, saliency: float) -> np.ndarray:
    """Return the colours of one saliency over all greys, as the renderer blends them, (greys, 3)."""
    settings = OverlaySettings()
    colour = rgba(finding, np.array([saliency], np.float32), settings.threshold(finding), settings.opacity)[0]
    blended = colour[:3].astype(np.float64) + GREYS * (1.0 - colour[3] / 255.0)
    return np.rint(blended).astype(np.uint8)


@pytest.mark.parametrize("reader", READERS)
def test_full_colours_stay_far_apart_at_any_two_values(reader: str | None) -> None:
    orange, cyan = lab(seen_by(MALIGNANT[::5], reader)), lab(seen_by(BENIGN[::5], reader))
    closest = min(float(ciede2000(np.repeat(colour[None], len(cyan), axis=0), cyan).min()) for colour in orange)
    assert closest > 34.0


@pytest.mark.parametrize("saliency", SALIENCY)
@pytest.mark.parametrize("reader", READERS)
def test_over_any_grey_the_two_findings_differ_from_each_other_and_from_the_tissue(
    reader: str | None, saliency: float
) -> None:
    tissue = lab(seen_by(GREYS, reader))
    malignant, benign = (lab(seen_by(over_grey(f, saliency), reader)) for f in (Finding.MALIGNANT, Finding.BENIGN))
    assert ciede2000(malignant, benign).min() > 14.0
    assert ciede2000(malignant, tissue).min() > 4.0 * NOTICED
    assert ciede2000(benign, tissue).min() > 1.5 * NOTICED  # least: protanopes, for whom cyan is nearly grey
