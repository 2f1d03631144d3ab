"""The process that makes the demo exam: what it says, in words, and that it ends."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path
from typing import Any

import pytest

from gmic_core.errors import CancelledError, GmicError
from tests.helpers import demo_makers
from viewer.services import simulation
from viewer.services.simulation import Ended, Making, MakingText, Message, Simulation, ViewReady


def heard(running: Simulation) -> list[Message]:
    messages: list[Message] = []
    while not messages or not isinstance(messages[-1], Ended):
        message = running.next_message(90.0)
        assert message is not None
        messages.append(message)
    return messages


def test_views_are_told_as_they_are_finished(tmp_path: Path) -> None:
    running = Simulation(tmp_path, demo_makers.tell_at_once)
    try:
        messages = heard(running)
    finally:
        running.close()
    views = [message.files[0].name.split("_")[0] for message in messages if isinstance(message, ViewReady)]
    assert views == ["R-CC", "L-CC", "R-MLO", "L-MLO"]
    assert messages[-1] == Ended()
    assert not running.process.is_alive()


@pytest.mark.parametrize(
    ("main", "problem"),
    [(demo_makers.fail, "The disk is full; free some space."), (demo_makers.die, "exit code 7")],
)
def test_why_it_ended_is_told(tmp_path: Path, main: object, problem: str) -> None:
    running = Simulation(tmp_path, main)  # type: ignore[arg-type]
    try:
        last = heard(running)[-1]
    finally:
        running.close()
    assert isinstance(last, Ended)
    assert problem in last.problem


def test_closing_stops_it_at_once(tmp_path: Path) -> None:
    running = Simulation(tmp_path, demo_makers.make_one_and_wait)
    assert isinstance(running.next_message(90.0), ViewReady)
    begun = time.monotonic()
    running.close()
    assert time.monotonic() - begun < 3.0
    assert not running.process.is_alive()


def test_a_listener_hears_what_came_before_it_too(tmp_path: Path) -> None:
    running = Simulation(tmp_path, demo_makers.tell_at_once)
    try:
        running.process.join(90.0)
        messages: list[Message] = []
        running.attach(lambda call: call(), messages.append)
        end = time.monotonic() + 5.0
        while not (messages and isinstance(messages[-1], Ended)) and time.monotonic() < end:
            time.sleep(0.01)
        assert sum(isinstance(message, ViewReady) for message in messages) == 4
    finally:
        running.close()


def test_the_process_tells_what_the_simulation_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def grow(folder: Path, *, on_view: Any, progress: Any, cancelled: Any) -> Path:
        assert folder == tmp_path
        progress(0.5, "simulated: exposing R-CC")
        on_view([folder / "R-CC_DBT.dcm"])
        assert not cancelled()
        raise GmicError("The disk is full; free some space.")

    monkeypatch.setattr(simulation, "grow_simulated_exam", grow)
    monkeypatch.setattr(simulation, "NICENESS", 0)
    ours, theirs = multiprocessing.Pipe()
    simulation.make(theirs, tmp_path)
    assert [ours.recv() for _ in range(3)] == [
        Making(0.5, "simulated: exposing R-CC"),
        ViewReady((tmp_path / "R-CC_DBT.dcm",)),
        Ended("The disk is full; free some space."),
    ]


def test_the_process_stops_between_two_steps_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = multiprocessing.Pipe()

    def grow(_folder: Path, *, on_view: Any, progress: Any, cancelled: Any) -> Path:
        ours.send_bytes(b"stop")
        if cancelled():
            raise CancelledError("The simulation was cancelled.")
        raise AssertionError("it was told to stop")

    monkeypatch.setattr(simulation, "grow_simulated_exam", grow)
    monkeypatch.setattr(simulation, "NICENESS", 0)
    simulation.make(theirs, tmp_path)
    assert not ours.poll()


def test_progress_is_one_calm_line() -> None:
    now = [100.0]
    text = MakingText(lambda: now[0])
    assert text.line() == "Making the demo exam: 0 of 4 views ready"
    assert text.hear(Making(0.0, "simulated: growing the R breast")) == "Making the demo exam: 0 of 4 views ready"
    now[0] += 36.0
    line = text.hear(Making(0.10, "simulated: exposing R-CC"))
    assert line == "Making the demo exam: right CC, 0 of 4 views ready, about 5 min left"
    line = text.hear(Making(0.10, "simulated: exposing L-CC"))
    assert line == "Making the demo exam: right CC and left CC, 0 of 4 views ready, about 5 min left"
    line = text.hear(ViewReady((Path("R-CC_DBT.dcm"), Path("R-CC_S2D.dcm"))))
    assert line == "Making the demo exam: left CC, 1 of 4 views ready, about 5 min left"
    assert text.hear(Making(0.15, "simulated: R-CC is ready")).startswith("Making the demo exam: left CC, 1 of 4")
    for percent in range(20, 96, 5):
        now[0] += 20.0
        line = text.hear(Making(percent / 100.0, "simulated: writing L-MLO"))
    assert line == "Making the demo exam: left MLO, 1 of 4 views ready, less than a minute left"
    assert text.share == 0.95


def test_what_was_made_before_does_not_count_as_speed() -> None:
    now = [0.0]
    text = MakingText(lambda: now[0])
    line = text.hear(Making(0.0, "waiting for another process that simulates into this folder"))
    assert line == "Waiting for another window that makes the demo exam"
    now[0] = 30.0
    text.hear(Making(0.75, "simulated: growing the L breast"))
    now[0] = 90.0
    assert text.hear(Making(0.80, "simulated: exposing L-MLO")).endswith("about 4 min left")
