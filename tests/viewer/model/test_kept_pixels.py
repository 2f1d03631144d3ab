"""What is kept while grey values are dragged is never taken for anything else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gmic_core.exam.geometry import PlaneMap
from viewer.model import kept_pixels
from viewer.model.kept_pixels import KeptPixels
from viewer.model.overlay_paint import OverlayLayer, overlay_pixels
from viewer.model.overlays import OverlaySettings
from viewer.model.render import render

REGION = (0, 0, 64, 64)
LUT = np.arange(256, dtype=np.uint8)


@pytest.fixture
def frame() -> np.ndarray:
    return np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)


@pytest.fixture
def layer() -> OverlayLayer:
    cells = np.zeros((2, 8, 8), np.float16)
    cells[1, 2:4, 2:4] = 0.9
    return OverlayLayer(cells, PlaneMap.resampling(8.0, 8.0), OverlaySettings())


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is made anew."""
    made: list[str] = []

    def counted(name: str, make):
        return lambda *args, **named: (made.append(name), make(*args, **named))[1]

    for name in ("warp", "overlay_pixels"):
        monkeypatch.setattr(kept_pixels, name, counted(name, getattr(kept_pixels, name)))
    return made


def test_other_grey_values_resample_nothing(frame: np.ndarray, layer: OverlayLayer, calls: list[str]) -> None:
    kept, here = KeptPixels(), PlaneMap.identity()
    for table in (LUT, LUT[::-1].copy()):
        picture = render((frame,), here, 64, 64, table, overlay=layer, kept=kept)
        assert np.array_equal(picture, render((frame,), here, 64, 64, table, overlay=layer))
    assert calls.count("warp") == 1 + 2  # the two pictures to compare with keep nothing
    assert calls.count("overlay_pixels") == 1 + 2


def test_another_slice_or_place_is_sampled_anew(frame: np.ndarray) -> None:
    kept, here = KeptPixels(), PlaneMap.identity()
    moved = PlaneMap.scale_offset(1.0, 1.0, 3.0, 0.0)
    assert kept.sampled(frame, here, REGION, nearest=False)[5, 7] == (5 * 64 + 7) % 256
    assert kept.sampled(frame + np.uint8(1), here, REGION, nearest=False)[5, 7] == (5 * 64 + 8) % 256
    assert kept.sampled(frame, moved, REGION, nearest=False)[5, 7] == (2 * 64 + 7) % 256


def test_an_overlay_changed_in_place_is_laid_out_anew(layer: OverlayLayer) -> None:
    kept, here = KeptPixels(), PlaneMap.identity()
    before = kept.overlay(layer, here, REGION)
    assert before is not None
    assert before.box == (8, 8, 40, 40)  # the cells and one around them
    layer.cells[1] = 0.0
    layer.cells[0, 6, 6] = 0.9
    after = kept.overlay(layer, here, REGION)
    assert after is not None
    assert after.box == (40, 40, 64, 64)


@pytest.mark.parametrize(
    "change",
    [
        {"untrained": True},
        {"to_stored": PlaneMap.resampling(8.0, 8.0) @ PlaneMap.scale_offset(1.0, 1.0, 1.0, 0.0)},
        {"settings": OverlaySettings(opacity=0.2)},
        {"settings": OverlaySettings(contour=True)},
    ],
)
def test_another_overlay_is_laid_out_anew(layer: OverlayLayer, change: dict[str, object]) -> None:
    kept, here = KeptPixels(), PlaneMap.identity()
    kept.overlay(layer, here, REGION)
    other = replace(layer, **change)
    found, wanted = kept.overlay(other, here, REGION), overlay_pixels(other, here, REGION)
    assert found is not None
    assert wanted is not None
    assert found.box == wanted.box
    assert np.array_equal(found.colours, wanted.colours)
    assert np.array_equal(found.through, wanted.through)
