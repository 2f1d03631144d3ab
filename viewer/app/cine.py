"""Playing a volume: a sweep to and fro, or round and round."""

from __future__ import annotations

from PySide6.QtCore import QElapsedTimer, QObject, Qt, QTimer

from viewer.model.frames import FrameProvider
from viewer.model.session import Session
from viewer.model.settings import CINE_FPS, Settings
from viewer.model.viewstate import ImageState

LATE_STEPS = 3
"""A picture that comes so many steps too late is not made up for: the film goes on from there at its own pace."""


class CinePlayer(QObject):
    """Plays the active image; it waits for slices that are not decoded yet instead of showing gaps.

    Every step has its time, counted from the start: what painting takes does not add up to a slower film. Whoever
    scrolls by hand, jumps to a slice or turns to another image has stopped it.
    """

    def __init__(self, session: Session, settings: Settings, frames: FrameProvider, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._settings, self._frames = session, settings, frames
        self._state: ImageState | None = None
        self._direction = 1
        self._stepping = False
        self._clock = QElapsedTimer()
        self._due_ms = 0.0
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._play)
        session.active_changed.connect(self._follow, check_nargs=False)
        session.exam_changed.connect(self._follow, check_nargs=False)
        session.layout_changed.connect(self._follow, check_nargs=False)

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._state is not None

    def toggle(self) -> None:
        """Start with the active image, or stop."""
        if self.playing:
            self.stop()
            return
        state = self._session.active_state
        if state is not None and state.image.frames > 1:
            self._state, self._direction = state, 1
            state.slice_changed.connect(self._moved)
            self._start()

    def _start(self) -> None:
        self._clock.start()
        self._due_ms = 0.0
        self._wait()
        self._session.set_cine(self._settings.cine_fps)

    def _wait(self) -> None:
        """Set the timer to when the next slice is due."""
        period, now = 1000.0 / self._settings.cine_fps, float(self._clock.elapsed())
        self._due_ms = self._due_ms + period if now - self._due_ms < LATE_STEPS * period else now + period
        self._timer.start(max(round(self._due_ms - now), 0))

    def stop(self) -> None:
        """Stop where it is."""
        self._timer.stop()
        state, self._state = self._state, None
        if state is not None:
            state.slice_changed.disconnect(self._moved)
        self._session.set_cine(0.0)

    def set_fps(self, fps: float) -> None:
        """Change the speed, while playing too."""
        self._settings.cine_fps = min(max(fps, CINE_FPS[0]), CINE_FPS[1])
        if self.playing:
            self._start()

    def _follow(self, *_: object) -> None:
        """Stop when another image becomes active: a moving picture beside the one that is read disturbs."""
        if self.playing and self._session.active_state is not self._state:
            self.stop()

    def _moved(self, _index: int) -> None:
        if not self._stepping:
            self.stop()

    def _play(self) -> None:
        self._wait()
        self.step()

    def step(self) -> None:
        """Show the next slice if it is decoded; at the ends turn round, or begin again."""
        state = self._state
        if state is None:
            return
        target = self._target(state)
        if self._frames.get(state.image, target) is None:
            self._frames.request(state.image, target)
            return
        self._stepping = True
        try:
            state.go_to_slice(target)
        finally:
            self._stepping = False

    def _target(self, state: ImageState) -> int:
        frames = state.image.frames
        if not self._settings.cine_sweep:
            self._direction = 1
            return (state.slice_index + 1) % frames
        if not 0 <= state.slice_index + self._direction < frames:
            self._direction = -self._direction
        return state.slice_index + self._direction
