"""Cine: there and back or round and round, at its speed, until somebody scrolls."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from tests.helpers.panel_fakes import FakeFrames, make_context, make_exam
from viewer.app.cine import CinePlayer
from viewer.commands import Context
from viewer.model.viewstate import ImageState


@pytest.fixture
def context() -> Context:
    return make_context(make_exam(frames=5))


@pytest.fixture
def player(qapp: QApplication, context: Context) -> CinePlayer:
    parent = QObject(qapp)
    return CinePlayer(context.session, context.settings, context.frames, parent)


@pytest.fixture
def state(context: Context) -> ImageState:
    state = context.session.active_state
    assert state is not None
    state.go_to_slice(2)
    return state


def played(player: CinePlayer, state: ImageState, steps: int) -> list[int]:
    seen = []
    for _ in range(steps):
        player.step()
        seen.append(state.slice_index)
    return seen


def test_it_sweeps_to_and_fro(player: CinePlayer, state: ImageState) -> None:
    player.toggle()
    assert played(player, state, 10) == [3, 4, 3, 2, 1, 0, 1, 2, 3, 4]
    player.stop()


def test_or_goes_round_and_round(player: CinePlayer, state: ImageState, context: Context) -> None:
    context.settings.cine_sweep = False
    player.toggle()
    assert played(player, state, 7) == [3, 4, 0, 1, 2, 3, 4]
    player.stop()


def test_scrolling_by_hand_stops_it(player: CinePlayer, state: ImageState, context: Context) -> None:
    player.toggle()
    player.step()
    assert (player.playing, context.session.cine_fps) == (True, 10.0)
    state.go_to_slice(0)
    assert (player.playing, context.session.cine_fps, state.slice_index) == (False, 0.0, 0)
    player.toggle()  # and it can be started again
    assert played(player, state, 2) == [1, 2]
    player.toggle()
    assert not player.playing


def test_turning_to_another_viewport_stops_it(player: CinePlayer, state: ImageState, context: Context) -> None:
    player.toggle()
    context.session.activate(1)
    assert not player.playing


def test_it_waits_for_a_slice_that_is_not_decoded(player: CinePlayer, state: ImageState, context: Context) -> None:
    frames = context.frames
    assert isinstance(frames, FakeFrames)
    player.toggle()
    frames.ready = False
    assert played(player, state, 2) == [2, 2]
    assert frames.requested[-1] == (state.image.sop_uid, 3)
    frames.ready = True
    assert played(player, state, 1) == [3]
    player.stop()


class SteadyClock:
    """A clock that only goes on while the film waits and paints."""

    def __init__(self) -> None:
        self.now = 0.0

    def start(self) -> None:
        self.now = 0.0

    def elapsed(self) -> int:
        return int(self.now)


@pytest.mark.parametrize(("fps", "paint_ms"), [(5.0, 40.0), (10.0, 17.0), (24.0, 17.0), (30.0, 25.0)])
def test_the_speed_is_kept_whatever_painting_takes(
    player: CinePlayer,
    state: ImageState,
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    fps: float,
    paint_ms: float,
) -> None:
    clock, waits = SteadyClock(), []
    monkeypatch.setattr(player, "_clock", clock)
    monkeypatch.setattr(player._timer, "start", waits.append)
    context.settings.cine_fps = fps
    player.toggle()
    clock.now += waits[-1]
    steps = 0
    while clock.now <= 10_000.0:
        player._play()
        steps += 1
        clock.now += max(waits[-1], paint_ms)  # the timer runs while the viewport paints
    assert steps == pytest.approx(10 * fps, rel=0.1)
    player.stop()
