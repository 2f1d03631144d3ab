"""What the mouse does, in numbers: window drag, drag zoom, wheel steps. No widget, no event class.

A drag is always computed from where it *started* (window at the press, pixels since then), never from event to event:
rounding cannot add up, and dragging back to the starting point restores exactly what was there.
"""

from __future__ import annotations

import math

from gmic_core.exam.model import MammoImage, VoiTable, VoiWindow
from gmic_core.exam.voi import full_range

NOTCH = 120
"""What one notch of a mouse wheel reports (eighths of a degree); touchpads and fine wheels report parts of it."""

DRAG_PIXELS = 400.0
"""Device-independent pixels of drag that move the centre by one window width, or change the width e-fold."""

MIN_WIDTH_SHARE = 1.0 / 2048.0
"""Narrowest window as a share of the image's value range: half a grey step of a 10-bit display."""

MAX_WIDTH_SHARE = 4.0
"""Widest window as a share of the image's value range; wider ones show one grey."""

ZOOM_DRAG_PIXELS = 200.0
"""Device-independent pixels of drag that magnify e-fold."""

ZOOM_PER_NOTCH = 1.15
"""Magnification of one wheel notch."""


class WheelAccumulator:
    """Turns wheel deltas into whole steps: one notch is one step, touchpads add up to steps.

    What is left over is kept for the next event, unless the direction changes: a reader who turns back wants the
    answer at once, not after paying off the remainder.
    """

    def __init__(self, notch: float = NOTCH) -> None:
        self._notch = notch
        self._left = 0.0

    def add(self, delta: float) -> int:
        """Add a wheel delta (``angleDelta``; positive: away from the reader) and return the whole steps due, signed."""
        if delta * self._left < 0:
            self._left = 0.0
        self._left += delta
        steps = math.trunc(self._left / self._notch)
        self._left -= steps * self._notch
        return steps

    def reset(self) -> None:
        """Forget what is left over (another image, another gesture)."""
        self._left = 0.0


def start_window(image: MammoImage, window: VoiWindow | VoiTable | None) -> VoiWindow:
    """Return the window to start a drag from: a table counts as the linear window over its inputs.

    Without any window the whole value range is taken.
    """
    if isinstance(window, VoiWindow):
        return window
    if isinstance(window, VoiTable):
        count = max(len(window.entries), 1)
        return VoiWindow(window.first + count / 2.0, float(count))
    return full_range(image.pixel)


def dragged_window(
    start: VoiWindow, right: float, down: float, image: MammoImage, *, inverted: bool = False
) -> VoiWindow:
    """Return the window after a drag of so many pixels since the press.

    To the right the window gets wider (less contrast), upwards the picture gets brighter. The gain follows the
    window's own width, so a drag feels the same on 10, 12 and 16 bits.

    Parameters
    ----------
    start : window at the press.
    right, down : device-independent pixels since the press.
    image : whose value range bounds the result.
    inverted : whether the reader inverted the image; then, as in MONOCHROME1, a higher centre is brighter.
    """
    everything = full_range(image.pixel)
    low, high = everything.center - everything.width / 2.0, everything.center + everything.width / 2.0
    narrowest = max((high - low) * MIN_WIDTH_SHARE, 1.0)
    factor = math.exp(_bounded(right / DRAG_PIXELS, -20.0, 20.0))
    widest = max((high - low) * MAX_WIDTH_SHARE, start.width)
    width = _bounded(start.width * factor, min(narrowest, start.width), widest)
    darker = down if image.pixel.low_is_bright == inverted else -down
    moved = start.center + darker * max(start.width, narrowest) / DRAG_PIXELS
    # a centre further out shows one grey only, and a reader who got lost there would not find back
    center = _bounded(moved, min(low, start.center), max(high, start.center))
    return VoiWindow(center, width, start.function)


def _bounded(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def zoom_drag_factor(down: float) -> float:
    """Return the magnification of a zoom drag: up magnifies, as turning the wheel away with Ctrl does.

    Parameters
    ----------
    down : device-independent pixels since the press or since the last event (the factors multiply).
    """
    return math.exp(_bounded(-down / ZOOM_DRAG_PIXELS, -20.0, 20.0))


def wheel_zoom_factor(delta: float) -> float:
    """Return the magnification of a wheel delta; fine wheels zoom smoothly, away from the reader magnifies."""
    return float(ZOOM_PER_NOTCH ** (delta / NOTCH))
