"""What the mouse does in a viewport: wheel, drags, double click. Numbers come from viewer.model.gestures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent

from gmic_core.exam.model import VoiWindow
from gmic_core.types import Laterality
from viewer.commands import Context
from viewer.model.gestures import WheelAccumulator, dragged_window, start_window, wheel_zoom_factor, zoom_drag_factor
from viewer.model.placement import Placement, image_laterality
from viewer.model.viewstate import ImageState

Drag = Literal["window", "pan", "zoom"]
STEP_NAMES: dict[Drag, str] = {"window": "Grey values", "pan": "Pan", "zoom": "Zoom"}
"""How drags are called where they are undone."""
SLACK = 3.0
"""A press that moves less than this is a click: a shaky hand must not change the grey values."""


@dataclass(frozen=True)
class _Press:
    """Where a drag began and what was in force then; every step is computed from here."""

    drag: Drag
    at: QPointF
    state: ImageState
    window: VoiWindow
    placement: Placement
    point: tuple[float, float]  # (down, depth) in view mm under the press


class ViewportMouse:
    """Turns mouse events of one viewport into changes of the session.

    Parameters
    ----------
    index : number of the viewport; the mouse acts on the viewport that it is over and makes it active.
    to_view_mm : widget position -> (down, depth) in view mm.
    ratio : device pixels per device-independent pixel.
    """

    def __init__(
        self,
        context: Context,
        index: int,
        to_view_mm: Callable[[QPointF], tuple[float, float]],
        ratio: Callable[[], float],
    ) -> None:
        self._session = context.session
        self._index = index
        self._to_view_mm = to_view_mm
        self._ratio = ratio
        self._wheel = WheelAccumulator()
        self._press: _Press | None = None
        self._moving = False

    @property
    def dragging(self) -> bool:
        """Whether a drag is under way."""
        return self._moving

    def reset(self) -> None:
        """Forget a gesture that was begun (another image hangs here now)."""
        self._press, self._moving = None, False
        self._wheel.reset()

    def _state(self) -> ImageState | None:
        slots = self._session.slots
        return slots[self._index].state if self._index < len(slots) else None

    def activate(self) -> None:
        """Make this viewport the active one."""
        if self._session.active != self._index:
            self._session.activate(self._index)

    # -- wheel ---------------------------------------------------------------------------------------------------
    def wheel(self, event: QWheelEvent) -> None:
        """One notch is one slice; with Ctrl, magnify about the mouse."""
        state = self._state()
        delta = event.angleDelta().y() or event.angleDelta().x()
        if state is None or delta == 0:
            return
        self.activate()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            down, depth = self._to_view_mm(event.position())
            placement = self._session.placement(self._index)
            with self._session.history.step("Zoom", merge=True):
                self._session.place(self._index, placement.zoomed(wheel_zoom_factor(delta), down, depth))
            return
        steps = self._wheel.add(delta)
        if steps:
            state.go_to_slice(state.slice_index - steps)  # towards the reader is onwards

    # -- drags ---------------------------------------------------------------------------------------------------
    def press(self, event: QMouseEvent) -> None:
        """Make the viewport active and remember where a drag may begin."""
        self.activate()
        state, drag = self._state(), self._drag_of(event)
        if state is None or drag is None:
            return
        self._moving = False
        self._session.history.begin(STEP_NAMES[drag])
        self._press = _Press(
            drag,
            event.position(),
            state,
            start_window(state.image, state.current_window),
            self._session.placement(self._index),
            self._to_view_mm(event.position()),
        )

    def _drag_of(self, event: QMouseEvent) -> Drag | None:
        if event.button() == Qt.MouseButton.LeftButton:
            annotation = self._session.annotation
            moves = annotation.on and annotation.settings.tool == "pan"
            return "pan" if moves or event.modifiers() & Qt.KeyboardModifier.ShiftModifier else "window"
        drags: dict[Qt.MouseButton, Drag] = {Qt.MouseButton.MiddleButton: "pan", Qt.MouseButton.RightButton: "zoom"}
        return drags.get(event.button())

    def move(self, event: QMouseEvent) -> None:
        """Go on with a drag."""
        press = self._press
        if press is None or press.state is not self._state():
            return
        moved = event.position() - press.at
        if not self._moving and max(abs(moved.x()), abs(moved.y())) < SLACK:
            return
        self._moving = True
        {"window": self._drag_window, "pan": self._drag_pan, "zoom": self._drag_zoom}[press.drag](press, moved)

    def release(self) -> None:
        """End a drag; it was one step."""
        if self._press is not None:
            self._session.history.end()
        self._press, self._moving = None, False

    @staticmethod
    def _drag_window(press: _Press, moved: QPointF) -> None:
        state = press.state
        window = dragged_window(press.window, moved.x(), moved.y(), state.image, inverted=state.inverted)
        if window != state.window:
            state.set_window(window)

    def _drag_pan(self, press: _Press, moved: QPointF) -> None:
        ratio = self._ratio()
        deeper = moved.x() if image_laterality(press.state.image) is Laterality.L else -moved.x()
        placement = press.placement.panned(moved.y() * ratio, deeper * ratio)
        self._session.place(self._index, replace(placement, mode="free"))

    def _drag_zoom(self, press: _Press, moved: QPointF) -> None:
        placement = press.placement.zoomed(zoom_drag_factor(moved.y()), *press.point)
        self._session.place(self._index, placement)

    def double_click(self, event: QMouseEvent) -> None:
        """Maximise the viewport, or go back."""
        self.release()
        if event.button() == Qt.MouseButton.LeftButton and self._state() is not None:
            self.activate()
            with self._session.history.step("Maximise viewport"):
                self._session.toggle_maximised()
