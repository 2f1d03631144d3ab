"""The Qt bindings keep count of what they return: a version that does not takes the program down after some minutes."""

from __future__ import annotations

import sys

from PySide6.QtGui import QImage, QPainter

CALLS = 1000


def test_calls_that_return_nothing_do_not_wear_out_none() -> None:
    """PySide6 6.12.0 gave None away without counting it: Python 3.11 aborted in the middle of a scroll."""
    image = QImage(8, 8, QImage.Format.Format_RGB32)  # the painter does not keep it alive
    painter = QPainter(image)
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        painter.save()
        painter.restore()
    lost = before - sys.getrefcount(None)
    painter.end()
    assert lost < CALLS // 10
