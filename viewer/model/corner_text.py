"""What stands in the corners of a viewport: lines of text and what kind each is; where they go is the view's matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gmic_core.exam.geometry import PlaneMap
from gmic_core.exam.model import Exam, MammoImage, VoiTable
from gmic_core.exam.voi import modality_values
from viewer.model.placement import image_orientation, view_mm_map
from viewer.model.resample import Pyramid, magnification, sample_values
from viewer.model.viewstate import ImageState

SIMULATED = "SIMULATED"
"""Stands on every image that was computed: nobody may take it for a patient's."""

Tone = Literal["normal", "secondary", "warning", "error"]

_FUNCTIONS = {"SIGMOID": "sigmoid", "LINEAR_EXACT": "exact"}


@dataclass(frozen=True)
class Line:
    """One line; ``badge`` words follow it, each in a frame of its own."""

    text: str
    tone: Tone = "secondary"
    badges: tuple[tuple[str, Tone], ...] = ()


def marker_line(image: MammoImage, *, untrained: bool) -> Line:
    """Return the big side marker with what kind of image it is and what the reader must know about it."""
    badges: list[tuple[str, Tone]] = [(str(image.modality), "secondary")]
    badges += [(modifier.lower(), "normal") for modifier in image.view_modifiers]
    if image.simulated:
        badges.append((SIMULATED, "warning"))
    if image.for_processing:
        badges.append(("for processing", "warning"))
    if image_orientation(image).mirrored:
        badges.append(("mirrored", "secondary"))
    if untrained:
        badges.append(("UNTRAINED", "warning"))
    return Line(image.label, "normal", tuple(badges))


def person_lines(exam: Exam | None, *, hidden: bool) -> list[Line]:
    """Return who this is and when; nothing while the identity is hidden."""
    if exam is None or hidden:
        return []
    name = " ".join(part for part in exam.patient_name.split("=")[0].split("^")[:2] if part)
    date = exam.date
    when = f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 else date
    # the number on a line of its own: a narrow viewport must not cut it off
    number = exam.patient_id if exam.patient_id != name else ""
    return [Line(text) for text in (name, "  ".join(part for part in (number, when) if part)) if text]


def image_lines(state: ImageState, zoom: float) -> list[Line]:
    """Return slice, window, zoom and exposure, the most important first.

    Parameters
    ----------
    zoom : device pixels per stored pixel.
    """
    image = state.image
    lines = [Line(text) for text in (slice_text(state), window_text(state), f"zoom {zoom:.2f}") if text]
    exposure = exposure_text(image)
    if exposure:
        lines.append(Line(exposure))
    lines += [Line(text, "warning") for text in image.warnings[:2]]
    return lines


def slice_text(state: ImageState) -> str:
    """Return e.g. ``slice 42 / 66   41.0 mm``; nothing for an image with one slice."""
    image = state.image
    if image.frames < 2:
        return ""
    text = f"slice {state.slice_index + 1} / {image.frames}"
    if image.slice_spacing_mm:
        text += f"   {state.slice_index * image.slice_spacing_mm:.0f} mm"
    return text


def window_text(state: ImageState) -> str:
    """Return the window in force, e.g. ``W 3200  L 1840``."""
    window = state.current_window
    if window is None:
        return ""
    if isinstance(window, VoiTable):
        text = f"table {window.explanation}".rstrip()
    else:
        text = f"W {_number(window.width)}  L {_number(window.center)}"
        parts = (_FUNCTIONS.get(window.function, ""), window.explanation.lower())
        text += "".join(f"  {part}" for part in parts if part)
    return text + ("  inverted" if state.inverted else "")


def _number(value: float) -> str:
    """Return a centre or width; small ones have digits that count."""
    return f"{value:.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.2g}"


def exposure_text(image: MammoImage) -> str:
    """Return compression and tube voltage where the file states them."""
    parts = []
    if image.compression_mm:
        parts.append(f"breast {image.compression_mm:.0f} mm")
    if image.compression_n:
        parts.append(f"{image.compression_n:.0f} N")
    if image.kvp:
        parts.append(f"{image.kvp:.0f} kVp")
    return "  ".join(parts)


def zoom_of(to_screen: PlaneMap) -> float:
    """Return device pixels per stored pixel."""
    return magnification(to_screen)


def readout(state: ImageState, pyramid: Pyramid, stored: tuple[float, float]) -> str:
    """Return the value under the mouse and its distance from the chest wall, or nothing outside the image."""
    image = state.image
    value = sample_values(pyramid[0], stored)
    if value is None:
        return ""
    text = f"value {modality_values(np.array([round(value)]), image.pixel)[0]:.0f}"
    if image.spacing_mm is None:
        return text + f"   row {stored[0]:.0f}  column {stored[1]:.0f}"
    down, depth = view_mm_map(image).apply(np.asarray(stored))
    return text + f"   {depth:.0f} mm deep  {abs(down):.0f} mm {'below' if down > 0 else 'above'} middle"
