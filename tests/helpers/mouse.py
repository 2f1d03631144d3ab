"""Mouse events at places of a widget, as the reader makes them; for gestures that QTest does not know."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

NO_MODIFIER = Qt.KeyboardModifier.NoModifier


def wheel(widget: QWidget, delta: int, at: QPointF | None = None, modifiers: Qt.KeyboardModifier = NO_MODIFIER) -> None:
    """Turn the wheel: +120 is one notch away from the reader."""
    place = at or QPointF(widget.rect().center())
    event = QWheelEvent(
        place, widget.mapToGlobal(place), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton, modifiers,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)


def drag(
    widget: QWidget,
    start: QPointF,
    by: QPointF,
    button: Qt.MouseButton = Qt.MouseButton.LeftButton,
    modifiers: Qt.KeyboardModifier = NO_MODIFIER,
    steps: int = 4,
) -> None:
    """Press, move in steps, release."""
    _send(widget, QEvent.Type.MouseButtonPress, start, button, button, modifiers)
    for step in range(1, steps + 1):
        place = start + by * (step / steps)
        _send(widget, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton, button, modifiers)
    _send(widget, QEvent.Type.MouseButtonRelease, start + by, button, Qt.MouseButton.NoButton, modifiers)


def move(widget: QWidget, to: QPointF) -> None:
    """Move the mouse without a button."""
    none = Qt.MouseButton.NoButton
    _send(widget, QEvent.Type.MouseMove, to, none, none, NO_MODIFIER)


def move_held(widget: QWidget, to: QPointF, button: Qt.MouseButton) -> None:
    """Move the mouse with a button that was pressed before."""
    _send(widget, QEvent.Type.MouseMove, to, Qt.MouseButton.NoButton, button, NO_MODIFIER)


def leave(widget: QWidget) -> None:
    """Move the mouse away."""
    QApplication.sendEvent(widget, QEvent(QEvent.Type.Leave))


def double_click(widget: QWidget, at: QPointF | None = None) -> None:
    """Click twice with the left button."""
    place, left = at or QPointF(widget.rect().center()), Qt.MouseButton.LeftButton
    for kind in (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease, QEvent.Type.MouseButtonDblClick):
        _send(widget, kind, place, left, left, NO_MODIFIER)


def _send(
    widget: QWidget,
    kind: QEvent.Type,
    at: QPointF,
    button: Qt.MouseButton,
    buttons: Qt.MouseButton,
    modifiers: Qt.KeyboardModifier,
) -> None:
    QApplication.sendEvent(widget, QMouseEvent(kind, at, widget.mapToGlobal(at), button, buttons, modifiers))
