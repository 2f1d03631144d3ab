"""The window of an image that the network saw: where it lies, and whether a place was in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import ImageResult

NOT_ANALYSED = "outside the network's window, not analysed"


def window_box(result: ImageResult) -> tuple[float, float, float, float]:
    """Return the window as a half-open box (row0, col0, row1, col1) in stored pixels; it may reach beyond the image."""
    rows, columns = result.window_shape
    return PlaneMap(result.window_to_stored).apply_box((0, 0, rows, columns))


def window_within(result: ImageResult, rows: int, columns: int) -> tuple[float, float, float, float] | None:
    """Return the part of the window inside a stored image of (rows, columns); None where there is none."""
    row0, col0, row1, col1 = window_box(result)
    box = max(row0, 0.0), max(col0, 0.0), min(row1, float(rows)), min(col1, float(columns))
    return box if box[0] < box[2] and box[1] < box[3] else None


def is_analysed(result: ImageResult, row: float, column: float) -> bool:
    """Whether the network saw a place of the stored image."""
    row0, col0, row1, col1 = window_box(result)
    return row0 - 0.5 <= row < row1 - 0.5 and col0 - 0.5 <= column < col1 - 0.5


def outside_boxes(result: ImageResult, rows: int, columns: int) -> list[tuple[float, float, float, float]]:
    """Return the parts of a stored image of (rows, columns) that the network did not see, as separate boxes."""
    row0, col0, row1, col1 = (float(value) for value in window_box(result))
    top, bottom = np.clip([row0, row1], 0, rows)
    left, right = np.clip([col0, col1], 0, columns)
    parts: npt.NDArray[np.float64] = np.array(
        [
            (0, 0, top, columns),
            (bottom, 0, rows, columns),
            (top, 0, bottom, left),
            (top, right, bottom, columns),
        ],
        np.float64,
    )
    boxes = [(float(a), float(b), float(c), float(d)) for a, b, c, d in parts]
    return [box for box in boxes if box[2] - box[0] >= 1.0 and box[3] - box[1] >= 1.0]
