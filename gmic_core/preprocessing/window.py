"""The window that a network sees: padding, shift into the image, random noise for training and augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box
from gmic_core.preprocessing.centre import is_craniocaudal

NO_NOISE = (0, 0)


@dataclass(frozen=True)
class AugmentationWindow:
    """A window laid on a crop.

    Attributes
    ----------
    box : half-open window in pixels of the *crop*; reaches outside where padding lies. Its size differs from
        ``size`` only with size noise.
    placed : the window before size noise, in pixels of the padded crop.
    padded_box : ``box`` in pixels of the padded crop.
    padded_shape : (rows, columns) of the crop with its padding.
    size : (rows, columns) of the network's input.
    """

    box: Box
    placed: Box
    padded_box: Box
    padded_shape: tuple[int, int]
    size: tuple[int, int]

    def cut(self, cropped: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return the pixels of the window, (rows, columns) = ``size``; what lies outside the crop is 0.

        A window of another size is resized by cubic interpolation; the result is float32 then.
        """
        pixels = cut_box(cropped, self.box)
        if pixels.shape == self.size:
            return pixels
        rows, columns = self.size
        resized = cv2.resize(pixels.astype(np.float32), (columns, rows), interpolation=cv2.INTER_CUBIC)
        return np.asarray(resized, np.float32)


def cut_box(image: npt.NDArray[np.generic], box: Box) -> npt.NDArray[np.generic]:
    """Return the pixels of a half-open box that may reach outside the image, where they are 0; always a copy."""
    row0, col0, row1, col1 = box
    out = np.zeros((row1 - row0, col1 - col0), image.dtype)
    top, left = max(row0, 0), max(col0, 0)
    bottom, right = min(row1, image.shape[0]), min(col1, image.shape[1])
    if bottom > top and right > left:
        out[top - row0 : bottom - row0, left - col0 : right - col0] = image[top:bottom, left:right]
    return out


def augmentation_window(
    shape: tuple[int, int],
    view: str | None,
    centre: tuple[int, int],
    size: tuple[int, int],
    *,
    location_noise: tuple[int, int] = NO_NOISE,
    size_noise: int = 0,
    random: np.random.RandomState | None = None,
) -> AugmentationWindow:
    """Lay a window on a crop that faces right.

    A crop that is smaller than window and noise need is padded with zeros: columns on the right; rows at the bottom,
    for CC at top and bottom. Where it was padded, the window starts at the edge (CC rows: in the middle), otherwise
    at its centre, moved inside. Then come the location noise and the size noise, which never leave the padded crop.

    Parameters
    ----------
    shape : (rows, columns) of the crop.
    centre : of :func:`~gmic_core.preprocessing.centre.optimal_centre`.
    size : (rows, columns) of the network's input.
    location_noise : largest shift of rows, of columns.
    size_noise : largest change of each border in rows; columns change in the window's proportion.
    random : six numbers are drawn when there is any noise.
    """
    craniocaudal = is_craniocaudal(view)
    slack = (location_noise[0] + size_noise, location_noise[1] + size_noise)
    needed = (size[0] + slack[0] * (2 if craniocaudal else 1), size[1] + slack[1])
    padding = (max(needed[0] - shape[0], 0), max(needed[1] - shape[1], 0))
    padded = (shape[0] + padding[0], shape[1] + padding[1])
    above = padding[0] // 2 if craniocaudal else 0
    row_rest = (padded[0] - size[0]) // 2 if craniocaudal else 0
    row = _start(centre[0], size[0], padded[0], row_rest if padding[0] else None)
    col = _start(centre[1], size[1], padded[1], 0 if padding[1] else None)
    noisy = random is not None and (any(location_noise) or size_noise > 0)
    shifts = random.uniform(-1, 1, 2) if random is not None and noisy else np.zeros(2)
    row = _shifted(row, size[0], padded[0], location_noise[0], float(shifts[0]))
    col = _shifted(col, size[1], padded[1], location_noise[1], float(shifts[1]))
    placed = (row, col, row + size[0], col + size[1])
    box = _resized(placed, padded, size_noise, random) if random is not None and noisy else placed
    in_crop = (box[0] - above, box[1], box[2] - above, box[3])
    return AugmentationWindow(in_crop, placed, box, padded, size)


def _start(centre: int, size: int, total: int, padded_start: int | None) -> int:
    """Return the first index of the window along one axis."""
    start = centre - size // 2 if padded_start is None else padded_start
    return min(max(start, 0), total - size)


def _shifted(start: int, size: int, total: int, limit: int, draw: float) -> int:
    """Return ``start`` moved by ``draw`` (-1..1) of the room on that side; without room it moves the other way."""
    before, after = start, total - size - start
    if (before if draw < 0 else after) <= 0:
        draw = -draw
    room = before if draw < 0 else after
    return start + round(draw * min(limit, room))


def _resized(box: Box, total: tuple[int, int], limit: int, random: np.random.RandomState) -> Box:
    """Return the box with every border moved by chance, at most by the room that the closest border has."""
    row0, col0, row1, col1 = box
    rows = min(limit, row0, total[0] - row1, col0, total[1] - col1)
    columns = round(rows * (col1 - col0) / (row1 - row0))
    top, bottom, left, right = (float(draw) for draw in random.uniform(-1, 1, 4))
    return (
        row0 + round(top * rows),
        col0 + round(left * columns),
        row1 + round(bottom * rows),
        col1 + round(right * columns),
    )
