"""From a place on a 2D image to the DBT slice that it most likely belongs to: highest saliency, else local contrast.

A tomosynthesis slice shows sharply what lies in its plane and smears what does not, so the grey values around a lesion
vary most in the slice that it lies in. Where the network marked something, its map says more than the contrast.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gmic_core.exam.model import MammoImage
from gmic_core.types import Finding
from viewer.model.frames import FrameProvider
from viewer.model.linked import Cursor, DepthOffer
from viewer.model.overlays import OverlaySettings
from viewer.model.placement import image_spacing, link_key, view_mm_map
from viewer.model.resample import Pyramid
from viewer.model.results import ResultEntry
from viewer.model.session import Session

Profile = npt.NDArray[np.float64]

EMPTY_MAP = 0.02
"""A map that stays below this at a place in all slices says nothing about its depth."""
CONTRAST_SIGMA_MM = 1.5
"""Grey values around the place count by a Gaussian of this width: about the size of a small mass."""
CONTRAST_PIXEL_MM = 0.2
"""Contrast is looked for on a pyramid level of about this pixel size: finer is noise."""

NO_CURSOR = "point at a place on an FFDM or synthetic 2D image first, with the mouse or {compare.cursor_right}."


def find_offer(session: Session, frames: FrameProvider) -> DepthOffer | str:
    """Return the slice to offer for the cursor, or in words why there is none; takes about 10 ms."""
    target = offer_target(session)
    return target if isinstance(target, str) else _offer(session, frames, *target)


def offer_target(session: Session) -> tuple[MammoImage, tuple[float, float]] | str:
    """Return the volume of the cursor's view and the cursor's (row, column) in it, or in words why there is none."""
    cursor = session.links.cursor
    source = session.image(cursor.sop_uid) if cursor is not None else None
    if cursor is None or source is None:
        return NO_CURSOR
    if source.frames > 1:
        return f"the cursor is on a slice of {source.label} already; point at the FFDM or the synthetic 2D image."
    volume = volume_of(session, source)
    if volume is None:
        if source.spacing_mm is None:
            return (
                f"the pixel size of {source.label} {source.modality} is not known; no other image can be linked to it."
            )
        return f"the exam has no DBT volume of {source.label} with a known pixel size."
    stored = view_mm_map(volume).inverse().apply(cursor.at)
    row, column = float(stored[0]), float(stored[1])
    if not (-0.5 <= row < volume.rows - 0.5 and -0.5 <= column < volume.columns - 0.5):
        return "the DBT volume does not reach this place."
    return volume, (row, column)


def volume_of(session: Session, source: MammoImage) -> MammoImage | None:
    """Return the volume of the same side, view and exam, one that hangs before one that does not."""
    exam = session.exam_of(source.sop_uid)
    hung = [slot.state.image.sop_uid for slot in session.slots if slot.state is not None]
    found = [
        image
        for image in (exam.images if exam is not None else ())
        if image.frames > 1 and link_key(image) == link_key(source)
    ]
    return min(found, key=lambda image: (image.sop_uid not in hung, bool(image.view_modifiers)), default=None)


def _offer(
    session: Session, frames: FrameProvider, volume: MammoImage, stored: tuple[float, float]
) -> DepthOffer | str:
    entry = session.results.get(volume.sop_uid)
    values = saliency_profile(entry, stored, session.overlays.settings) if entry is not None else None
    if values is not None and entry is not None:
        best = int(values.max(axis=1).argmax())
        finding = Finding(int(values[best].argmax())).name.lower()
        word = "untrained " if entry.untrained else ""
        return DepthOffer(volume.sop_uid, best, f"highest {word}saliency here ({values[best].max():.2f} {finding})")
    contrast = contrast_profile(volume, stored, sorted(frames.loaded(volume)), lambda i: frames.get(volume, i))
    known = int(np.isfinite(contrast).sum())
    if known == 0:
        return "the slices of the DBT volume are still loading; try again in a moment."
    so_far = "" if known == volume.frames else f" of {known} slices loaded so far"
    best = int(np.nanargmax(contrast))
    return DepthOffer(volume.sop_uid, best, f"strongest contrast here{so_far}", final=known == volume.frames)


def saliency_profile(
    entry: ResultEntry, stored: tuple[float, float], shown: OverlaySettings
) -> npt.NDArray[np.float32] | None:
    """Return the map's values at a place per slice and class, (slices, 2), or None where it says nothing.

    Only a finished result counts (the highest of half a volume would mislead), and only classes that the reader sees:
    hidden AI gives no hints either.

    Parameters
    ----------
    stored : (row, column) in the volume's stored pixels.
    """
    classes = {Finding.BENIGN: shown.benign, Finding.MALIGNANT: shown.malignant}
    if entry.status != "done" or entry.saliency is None or entry.saliency_to_stored is None or not shown.visible:
        return None
    cell = np.rint(entry.saliency_to_stored.inverse().apply(stored)).astype(int)
    row, column = int(cell[0]), int(cell[1])
    if not (0 <= row < entry.saliency.shape[2] and 0 <= column < entry.saliency.shape[3]):
        return None
    values = np.nan_to_num(np.asarray(entry.saliency[:, :, row, column], np.float32))
    for finding, visible in classes.items():
        if not visible:
            values[:, finding] = 0.0
    return values if values.max() >= EMPTY_MAP else None


def contrast_profile(
    volume: MammoImage, stored: tuple[float, float], slices: list[int], get: Callable[[int], Pyramid | None]
) -> Profile:
    """Return how much the grey values vary around a place in each slice, float64 (frames,); NaN where not decoded.

    Parameters
    ----------
    stored : (row, column) in stored pixels.
    slices : the ones to look at.
    get : pyramid of a slice, or None.
    """
    row_mm, column_mm = image_spacing(volume)
    found = np.full(volume.frames, np.nan)
    for index in slices:
        pyramid = get(index)
        if pyramid is None:
            continue
        level = min(max(round(np.log2(CONTRAST_PIXEL_MM / row_mm)), 0), len(pyramid) - 1)
        size = 2.0**level
        place = ((stored[0] + 0.5) / size - 0.5, (stored[1] + 0.5) / size - 0.5)
        sigma = (CONTRAST_SIGMA_MM / (row_mm * size), CONTRAST_SIGMA_MM / (column_mm * size))
        found[index] = _spread(pyramid[level], place, sigma)
    return found


def _spread(pixels: npt.NDArray[np.generic], place: tuple[float, float], sigma: tuple[float, float]) -> float:
    """Return the standard deviation of the pixels around a place, weighted by a Gaussian, cut at three sigma."""
    spans, weights = [], []
    for middle, width, size in zip(place, sigma, pixels.shape, strict=True):
        first = max(int(middle - 3 * width), 0)
        last = min(int(middle + 3 * width) + 2, size)
        spans.append(slice(first, last))
        weights.append(np.exp(-0.5 * ((np.arange(first, last) - middle) / width) ** 2))
    weight = np.outer(*weights)
    values = np.asarray(pixels[spans[0], spans[1]], np.float64)
    total = weight.sum()
    if values.size == 0 or total == 0.0:
        return 0.0
    mean = float((weight * values).sum() / total)
    return float(np.sqrt((weight * (values - mean) ** 2).sum() / total))


def cursor_in(session: Session, index: int) -> Cursor | None:
    """Return the cursor if a viewport shows its view."""
    cursor = session.links.cursor
    state = session.slots[index].state if index < len(session.slots) else None
    return cursor if cursor is not None and state is not None and link_key(state.image) == cursor.key else None
