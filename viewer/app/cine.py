"""Playing a volume: one slice after another, there and back."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt, QTimer

from viewer.model.frames import FrameProvider
from viewer.model.session import Session
from viewer.model.settings import CINE_FPS, Settings
from viewer.model.viewstate import ImageState


class CinePlayer(QObject):
    """Plays the active image; it waits for slices that are not decoded yet instead of showing gaps."""

    def __init__(self, session: Session, settings: Settings, frames: FrameProvider, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._settings, self._frames = session, settings, frames
        self._state: ImageState | None = None
        self._direction = 1
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self.step)
        session.active_changed.connect(self._follow, check_nargs=False)
        session.exam_changed.connect(self._follow, check_nargs=False)
        session.layout_changed.connect(self._follow, check_nargs=False)

    @property
    def playing(self) -> bool:
        """Whether it plays."""
        return self._timer.isActive()

    def toggle(self) -> None:
        """Start with the active image, or stop."""
        if self.playing:
            self.stop()
            return
        state = self._session.active_state
        if state is not None and state.image.frames > 1:
            self._state, self._direction = state, 1
            self._start()

    def _start(self) -> None:
        self._timer.start(round(1000.0 / self._settings.cine_fps))
        self._session.set_cine(self._settings.cine_fps)

    def stop(self) -> None:
        """Stop where it is."""
        self._timer.stop()
        self._state = None
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

    def step(self) -> None:
        """Show the next slice if it is decoded; turn round at the ends."""
        state = self._state
        if state is None:
            return
        if not 0 <= state.slice_index + self._direction < state.image.frames:
            self._direction = -self._direction
        target = state.slice_index + self._direction
        if self._frames.get(state.image, target) is None:
            self._frames.request(state.image, target)
        else:
            state.go_to_slice(target)
