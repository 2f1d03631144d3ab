"""Pictures of simulated breasts for the documentation, each marked as simulated."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.errors import PhantomError
from gmic_core.phantom.geometry import project

if TYPE_CHECKING:
    from gmic_core.phantom.findings import PlacedFinding
    from gmic_core.phantom.measurements import Shown

Grey = npt.NDArray[np.uint8]

VIEW_ROWS = 460
CROP_MM = 40.0
CROP_ROWS = 264
GAP = 6
TEXT_SCALE = 0.42
MARK = "SIMULATED"


def draw(shown: Sequence[Shown], folder: Path) -> list[Path]:
    """Draw all pictures and return their files.

    Parameters
    ----------
    shown : the CC views of the four density classes, then the MLO view of class b.
    """
    folder.mkdir(parents=True, exist_ok=True)
    by_density = {one.spec.density: one for one in shown if one.view == "CC"}
    oblique = next(one for one in shown if one.view == "MLO")
    mass = by_density["b"]
    lesion = {one.finding.kind: one for one in mass.placed}
    spiculated, cluster = lesion["malignant-mass"], lesion["malignant-calcifications"]
    pictures = {
        "phantom-densities": [(f"density {name}", whole(one)) for name, one in by_density.items()],
        "phantom-views": [("CC", whole(mass)), ("MLO", whole(oblique))],
        "phantom-mass": modalities(mass, spiculated),
        "phantom-calcifications": modalities(mass, cluster, 20.0),
        "phantom-focus": through(mass, cluster, 20.0),
        "phantom-focus-mass": through(mass, spiculated),
    }
    files = []
    for name, panels in pictures.items():
        files.append(folder / f"{name}.png")
        row = [part for text, panel in panels for part in (labelled(panel, text), _gap(panel))]
        ok, data = cv2.imencode(".png", np.hstack(row[:-1]), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        if not ok:
            raise PhantomError(f"The picture {name} could not be encoded; check the installation of OpenCV.")
        files[-1].write_bytes(data.tobytes())
    return files


def whole(shown: Shown) -> Grey:
    """Return a mammogram, cut to the breast."""
    image = shown.ffdm
    columns = int(np.flatnonzero(image.any(axis=0))[-1]) + 40
    cut = image[:, : min(columns, image.shape[1])]
    width = round(VIEW_ROWS * cut.shape[1] / cut.shape[0])
    grey = cv2.resize(cut.astype(np.float32), (width, VIEW_ROWS), interpolation=cv2.INTER_AREA)
    return windowed(grey, 300.0, 3300.0)


def modalities(shown: Shown, one: PlacedFinding, crop_mm: float = CROP_MM) -> list[tuple[str, Grey]]:
    """Return a finding in the slice through its middle, in the synthetic image and in the mammogram."""
    plate, (_, y, x) = shown.spec.plate, one.centre
    on_film = project([one.centre], 0.0, plate)[0]
    return [
        ("DBT slice", crop(shown.slices[shown.focus(one)], (y, x), plate.dbt_mm, crop_mm)),
        ("synthetic 2D", crop(shown.s2d, (y, x), plate.dbt_mm, crop_mm)),
        ("FFDM", crop(shown.ffdm, (float(on_film[0]), float(on_film[1])), plate.ffdm_mm, crop_mm)),
    ]


def through(shown: Shown, one: PlacedFinding, crop_mm: float = CROP_MM) -> list[tuple[str, Grey]]:
    """Return slices at, above and below the middle of a finding, all with the window of the slice in focus."""
    from gmic_core.phantom.measurements import FOCUS_STEPS

    focus, plate = shown.focus(one), shown.spec.plate
    limits = _limits(_square(shown.slices[focus], one.centre[1:], plate.dbt_mm, crop_mm))
    panels = []
    for step in FOCUS_STEPS:
        if focus + step in shown.slices:
            image = shown.slices[focus + step]
            text = f"{step:+d} mm" if step else "in focus"
            panels.append((text, crop(image, one.centre[1:], plate.dbt_mm, crop_mm, limits)))
    return panels


def crop(
    image: npt.NDArray[np.uint16],
    centre_mm: tuple[float, float],
    spacing_mm: float,
    crop_mm: float,
    limits: tuple[float, float] | None = None,
) -> Grey:
    """Return a square of an image around a place (y, x), its window fitted to it or given."""
    square = _square(image, centre_mm, spacing_mm, crop_mm)
    scaled = cv2.resize(square, (CROP_ROWS, CROP_ROWS), interpolation=cv2.INTER_AREA)
    return windowed(scaled, *(limits or _limits(square)))


def _square(
    image: npt.NDArray[np.uint16], centre_mm: tuple[float, float], spacing_mm: float, crop_mm: float
) -> npt.NDArray[np.float32]:
    half = round(0.5 * crop_mm / spacing_mm)
    row, column = (round(place / spacing_mm) for place in centre_mm)
    padded = np.pad(image, half)
    return padded[row : row + 2 * half, column : column + 2 * half].astype(np.float32)


def _limits(square: npt.NDArray[np.float32]) -> tuple[float, float]:
    breast = square[square > 0]
    return float(np.percentile(breast, 1.0)), float(np.percentile(breast, 99.8))


def windowed(values: npt.NDArray[np.float32], low: float, high: float) -> Grey:
    """Return grey values between two stored values."""
    grey: Grey = np.clip((values - low) * (255.0 / max(high - low, 1.0)), 0.0, 255.0).astype(np.uint8)
    return grey


def labelled(panel: Grey, text: str) -> Grey:
    """Return a panel that says what it is, and that it is simulated."""
    out = panel.copy()
    for words, row in ((text, 16), (MARK, out.shape[0] - 7)):
        (width, height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 1)
        out[row - height - 3 : row + 4, 3 : width + 9] = 0
        cv2.putText(out, words, (6, row), cv2.FONT_HERSHEY_SIMPLEX, TEXT_SCALE, 255, 1, cv2.LINE_AA)
    return out


def _gap(panel: Grey) -> Grey:
    return np.full((panel.shape[0], GAP), 255, np.uint8)
