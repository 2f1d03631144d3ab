"""Stored pixels onto the screen: visible region, pyramid level, one exact affine. numpy and OpenCV, no Qt.

OpenCV is imported inside the functions: it takes 0.3 s, and the window shall be up before the first frame is painted.

Which interpolation
-------------------
* Smaller than stored: the pyramid level (:func:`build_pyramid`) that leaves a reduction between 1 and 2, then linear.
* 1:1 on whole pixels: the linear weights are 0 and 1, so the stored values come out exactly.
* Up to 4 x: linear. From 4 x on: nearest neighbour, because whoever looks that closely wants to see the pixels.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box, PlaneMap

Frame = npt.NDArray[np.generic]
Pyramid = tuple[Frame, ...]

NEAREST_FROM = 4.0
"""Magnification (device pixels per stored pixel) from which pixels are shown as squares."""
EDGE = 1e-6
"""Slack, in pixels, for edges that fall on a pixel centre but for rounding."""


def halve(frame: Frame) -> Frame:
    """Return the frame reduced to half by area averaging.

    An odd last row or column is averaged with its own copy, so that cell (i, j) always covers stored pixels 2i, 2i+1
    by 2j, 2j+1 and the geometry is exactly ``PlaneMap.resampling(0.5, 0.5)`` whatever the size.
    """
    rows, cols = frame.shape
    half = np.empty(((rows + 1) // 2, (cols + 1) // 2), frame.dtype)
    _halve_into(frame[: rows - rows % 2, : cols - cols % 2], half[: rows // 2, : cols // 2])
    if rows % 2:  # only the edge is copied: a copy of the whole frame would take as long as all the rest
        edge = np.repeat(frame[-1:], 2, axis=0)
        _halve_into(edge[:, : cols - cols % 2], half[-1:, : cols // 2])
    if cols % 2:
        edge = np.repeat(frame[:, -1:], 2, axis=1)
        edge = np.pad(edge, ((0, rows % 2), (0, 0)), mode="edge")
        _halve_into(edge, half[:, -1:])
    return half


def _halve_into(frame: Frame, half: Frame) -> None:
    """Write the averages of 2 x 2 pixels; both sides of ``frame`` are even."""
    import cv2

    if frame.size:
        half[...] = cv2.resize(frame, half.shape[::-1], interpolation=cv2.INTER_AREA)


def build_pyramid(frame: Frame, levels: int = 3) -> Pyramid:
    """Return the frame and ``levels`` halvings of it (fewer where nothing is left to halve).

    Values beyond 16 bits are clipped to what 16 bits hold, as the look-up table does; int8 is widened, which OpenCV
    cannot halve.
    """
    pyramid = [_paintable(frame)]
    while len(pyramid) <= levels and min(pyramid[-1].shape) > 1:
        pyramid.append(halve(pyramid[-1]))
    return tuple(pyramid)


def _paintable(frame: Frame) -> Frame:
    if frame.dtype in (np.uint8, np.uint16, np.int16):
        return np.ascontiguousarray(frame)
    kind = np.int16 if frame.dtype.kind == "i" else np.uint16
    ends = np.iinfo(kind)
    clipped: Frame = np.clip(frame, ends.min, ends.max).astype(kind)
    return clipped


def sample_values(frame: Frame, point: tuple[float, float]) -> float | None:
    """Return the stored value at a stored point (row, column), or None outside the image."""
    row, col = (math.floor(value + 0.5) for value in point)
    if 0 <= row < frame.shape[0] and 0 <= col < frame.shape[1]:
        return float(frame[row, col])
    return None


def screen_region(to_screen: PlaneMap, shape: tuple[int, int], width: int, height: int) -> Box | None:
    """Return the screen pixels (row0, col0, row1, col1) whose centres lie on an image of ``shape``; None: none do."""
    corners = to_screen.apply([[-0.5, -0.5], [shape[0] - 0.5, shape[1] - 0.5]])
    low = np.ceil(corners.min(axis=0) - EDGE)
    high = np.ceil(corners.max(axis=0) - EDGE)
    row0, col0 = (int(value) for value in np.clip(low, 0, (height, width)))
    row1, col1 = (int(value) for value in np.clip(high, 0, (height, width)))
    return (row0, col0, row1, col1) if row0 < row1 and col0 < col1 else None


def intersection(one: Box, other: Box) -> Box | None:
    """Return the common part of two boxes, or None."""
    row0, col0 = max(one[0], other[0]), max(one[1], other[1])
    row1, col1 = min(one[2], other[2]), min(one[3], other[3])
    return (row0, col0, row1, col1) if row0 < row1 and col0 < col1 else None


def magnification(to_screen: PlaneMap) -> float:
    """Return device pixels per pixel along the axis that is magnified more."""
    return float(np.sqrt((to_screen.matrix[:2, :2] ** 2).sum(axis=0)).max())


def pick_level(pyramid: Pyramid, to_screen: PlaneMap) -> tuple[Frame, PlaneMap]:
    """Return the pyramid level to paint from and its own map to the screen.

    Halvings that the pyramid lacks are made here, so a thumbnail of a large image does not turn into speckle.
    """
    scale = max(magnification(to_screen), 1e-9)
    wanted = max(math.floor(math.log2(1.0 / scale) + 1e-9), 0)
    level = min(wanted, len(pyramid) - 1)
    frame = pyramid[level]
    while level < wanted and min(frame.shape) > 1:
        frame = halve(frame)
        level += 1
    return frame, to_screen @ PlaneMap.resampling(0.5**level, 0.5**level).inverse()


def warp(frame: Frame, to_screen: PlaneMap, region: Box, *, nearest: bool = False) -> Frame:
    """Return the screen pixels of ``region`` sampled from ``frame`` (rows, columns[, channels]); edges are repeated.

    Only the part of the frame under the region is touched. A transposed image is transposed first, because the affine
    would otherwise walk down the columns and miss the cache at every step. Signed integers come back shifted up by half
    their range as unsigned ones: OpenCV interpolates int16 in steps of 1/32 pixel only, uint16 exactly.
    """
    import cv2

    row0, col0, row1, col1 = region
    to_frame = to_screen.inverse() @ PlaneMap.scale_offset(1.0, 1.0, row0, col0)
    crop, (top, left) = _crop(frame, to_frame, (row1 - row0, col1 - col0))
    crop = as_unsigned(crop)
    matrix = (PlaneMap.scale_offset(1.0, 1.0, -top, -left) @ to_frame).matrix
    if abs(matrix[0, 1]) > abs(matrix[0, 0]):
        crop = cv2.transpose(crop)
        matrix = matrix[[1, 0, 2]]
    out: Frame = cv2.warpAffine(
        crop,
        matrix[[1, 0]][:, [1, 0, 2]],  # OpenCV counts (x, y)
        (col1 - col0, row1 - row0),
        flags=(cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return out


def as_unsigned(values: Frame) -> Frame:
    """Return signed integers shifted up by half their range, as unsigned ones; anything else as it is."""
    if values.dtype.kind != "i":
        return values
    unsigned = np.dtype(f"u{values.dtype.itemsize}")
    shifted: Frame = np.ascontiguousarray(values).view(unsigned) ^ unsigned.type(1 << (8 * unsigned.itemsize - 1))
    return shifted


def _crop(frame: Frame, to_frame: PlaneMap, size: tuple[int, int]) -> tuple[Frame, tuple[int, int]]:
    """Return the part of the frame that a screen rectangle at the origin needs, with its upper left corner."""
    corners = to_frame.apply([[0.0, 0.0], [size[0] - 1.0, size[1] - 1.0]])
    low = np.floor(corners.min(axis=0)).astype(int) - 1
    high = np.ceil(corners.max(axis=0)).astype(int) + 2
    top, left = (int(value) for value in np.clip(low, 0, np.subtract(frame.shape[:2], 1)))
    bottom, right = (int(value) for value in np.clip(high, (top + 1, left + 1), frame.shape[:2]))
    return frame[top:bottom, left:right], (top, left)
