"""A pattern to check a screen with, after TG18-QC (AAPM report OR-03): made of p-values, one per device pixel.

What to look for stands in docs/guide/display.md. It is made for the size of the screen, because a pattern that was
scaled cannot show whether single pixels are resolved.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]

BACKGROUND = 128
LINES = 191
STEPS = tuple(range(0, 256, 17))
"""p-values of the 16 grey patches, equally spaced from black to white."""
CORNER_CONTRAST = 4
"""How much the squares in the corners of a patch differ from it, p-values."""
TEXT_CONTRASTS = tuple(range(14, 0, -1))
"""Contrast of the 14 letters of the hidden text, p-values."""
HIDDEN_TEXT = "QUALITY CONTROL"


def make_pattern(width: int, height: int) -> Pixels:
    """Return the pattern for a screen of so many device pixels: uint8 (height, width), p-values.

    Raises
    ------
    ValueError
        If the screen is smaller than 320 x 240: the caller shows it on a whole screen only.
    """
    if width < 320 or height < 240:
        raise ValueError(f"a screen of {width} x {height} pixels is too small for the test pattern")
    pattern = np.full((height, width), BACKGROUND, np.uint8)
    unit = min(width, height) // 16
    _grid(pattern, unit)
    _ramps(pattern, unit)
    _patches(pattern, unit)
    _black_and_white(pattern, unit)
    _line_pairs(pattern, unit)
    _letters(pattern, unit)
    return pattern


def patch_centres(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """Return (row, column) of the middles of the grey patches, in the order of :data:`STEPS`."""
    unit = min(width, height) // 16
    left, top = width // 2 - 4 * unit, height // 2 - 4 * unit
    ring = [(0, k) for k in range(5)] + [(k, 4) for k in range(1, 5)]
    ring += [(4, k) for k in range(3, -1, -1)] + [(k, 0) for k in range(3, 0, -1)]
    return tuple((top + 2 * unit * row, left + 2 * unit * column) for row, column in ring)


def _grid(pattern: Pixels, unit: int) -> None:
    """Draw lines at equal distances from the middle and a frame: the geometry."""
    height, width = pattern.shape
    for offset in range(0, max(height, width) // 2, 2 * unit):
        for row in (height // 2 - offset, height // 2 + offset):
            pattern[np.clip(row, 0, height - 1)] = LINES
        for column in (width // 2 - offset, width // 2 + offset):
            pattern[:, np.clip(column, 0, width - 1)] = LINES
    pattern[[0, -1]] = 255
    pattern[:, [0, -1]] = 255


def _ramps(pattern: Pixels, unit: int) -> None:
    """Draw every p-value once along both sides, in opposite directions."""
    height, width = pattern.shape
    tall = 14 * unit
    top = (height - tall) // 2
    values = np.linspace(0, 255, tall).round().astype(np.uint8)[:, None]
    left = max(width // 2 - 7 * unit, unit // 4)
    right = min(width // 2 + 6 * unit, width - unit - unit // 4)
    pattern[top : top + tall, left : left + unit] = values
    pattern[top : top + tall, right : right + unit] = values[::-1]


def _patches(pattern: Pixels, unit: int) -> None:
    """Draw 16 steps from black to white on a ring; in the corners of each small squares of slight contrast."""
    height, width = pattern.shape
    half, small = unit * 3 // 4, max(unit // 4, 2)
    for value, (row, column) in zip(STEPS, patch_centres(width, height), strict=True):
        pattern[row - half : row + half, column - half : column + half] = value
        darker, brighter = max(value - CORNER_CONTRAST, 0), min(value + CORNER_CONTRAST, 255)
        for level, row0, column0 in (
            (brighter, row - half, column - half),
            (brighter, row + half - small, column + half - small),
            (darker, row - half, column + half - small),
            (darker, row + half - small, column - half),
        ):
            pattern[row0 : row0 + small, column0 : column0 + small] = level


def _black_and_white(pattern: Pixels, unit: int) -> None:
    """Draw 5 % on black and 95 % on white beside the middle: both squares must be seen."""
    height, width = pattern.shape
    half, small = unit * 3 // 4, unit // 4
    for outer, inner, column in ((0, 13, width // 2 - 2 * unit), (255, 242, width // 2 + 2 * unit)):
        row = height // 2 - 2 * unit
        pattern[row - half : row + half, column - half : column + half] = outer
        pattern[row - small : row + small, column - small : column + small] = inner


def _line_pairs(pattern: Pixels, unit: int) -> None:
    """Draw lines of one and of two pixels in the middle and near the corners: what the screen resolves."""
    height, width = pattern.shape
    away_row, away_column = height // 2 - unit, width // 2 - unit
    places = [(height // 2, width // 2)]
    places += [(height // 2 + r * away_row, width // 2 + c * away_column) for r in (-1, 1) for c in (-1, 1)]
    size = unit * 2 // 3
    row, column = np.ogrid[:size, :size]
    for middle_row, middle_column in places:
        for line, offset in ((1, 0), (2, size)):
            for stripes, side in ((row, -size), (column, 0)):
                top, left = middle_row - size + offset, middle_column + side
                bars = np.broadcast_to(255 * ((stripes // line) % 2), (size, size))
                target = pattern[max(top, 0) : top + size, max(left, 0) : left + size]
                target[...] = bars[: target.shape[0], : target.shape[1]]


def _letters(pattern: Pixels, unit: int) -> None:
    """Write a text three times whose letters fade into black, grey and white: how many are read."""
    import cv2

    height, width = pattern.shape
    scale, cell, tall = unit / 60.0, unit * 2 // 5, unit * 7 // 10
    left = width // 2 - cell * len(HIDDEN_TEXT) // 2
    for number, value in enumerate((0, BACKGROUND, 255)):
        top = height // 2 + unit * 17 // 20 + number * unit * 3 // 4
        pattern[top : top + tall, left : left + cell * len(HIDDEN_TEXT)] = value
        contrasts = iter(TEXT_CONTRASTS)
        for index, letter in enumerate(HIDDEN_TEXT):
            if letter == " ":
                continue
            contrast, thick = next(contrasts), max(round(scale * 2), 1)
            (wide, high), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
            place = (left + index * cell + (cell - wide) // 2, top + (tall + high) // 2)
            level = value + contrast if value < 255 else value - contrast
            cv2.putText(pattern, letter, place, cv2.FONT_HERSHEY_SIMPLEX, scale, int(level), thick)
