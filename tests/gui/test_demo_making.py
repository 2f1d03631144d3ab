"""The demo exam grows in the open window: nothing that the reader did is lost, and it is said what goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.types import Modality
from tests.helpers.demo_makers import VIEWS, write_views
from tests.helpers.fake_worker import main as fake_worker
from viewer.app import Application
from viewer.app.demo_making import DemoMaking
from viewer.services.simulation import Ended, Making, MakingText, Message, ViewReady

Start = Callable[..., tuple[Application, "Scripted"]]


class Scripted:
    """A simulation that says what the test wants."""

    def __init__(self) -> None:
        self._tell: Callable[[Message], None] | None = None

    def attach(self, post: Callable[[Callable[[], None]], None], listener: Callable[[Message], None]) -> None:
        self._tell = lambda message: post(lambda: listener(message))

    def say(self, message: Message) -> None:
        assert self._tell is not None
        self._tell(message)


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, ...]]:
    return write_views(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def start(
    qtbot: QtBot, qapp: QApplication, views: dict[str, tuple[Path, ...]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Start]:
    started: list[Application] = []

    def begin(first: str = "R-CC", *, automatic: bool = False) -> tuple[Application, Scripted]:
        app = Application(qapp, named=["random:0"], remember=False)
        monkeypatch.setattr(app.client, "_main", fake_worker)
        started.append(app)
        app.session.set_ai(automatic=automatic)
        text, script = MakingText(), Scripted()
        text.hear(ViewReady(views[first]))
        app.kept = DemoMaking(app, script, text, views[first])  # type: ignore[attr-defined,arg-type]
        app.window.resize(1200, 800)
        app.window.show()
        app.actions.open_paths(views[first])
        qtbot.waitUntil(lambda: app.session.exam is not None, timeout=90_000)
        return app, script

    yield begin
    for app in started:
        app.window.close()
        app.shutdown()


def add(qtbot: QtBot, app: Application, script: Scripted, files: tuple[Path, ...]) -> None:
    assert app.session.exam is not None
    count = len(app.session.exam.images)
    script.say(ViewReady(files))
    qtbot.waitUntil(lambda: len(app.session.exam.images) == count + len(files), timeout=60_000)  # type: ignore[union-attr]


def titles(app: Application) -> list[str]:
    return [slot.title for slot in app.session.slots]


def test_finished_views_fill_the_empty_viewports(
    qtbot: QtBot, start: Start, views: dict[str, tuple[Path, ...]]
) -> None:
    app, script = start()
    assert titles(app) == ["R-CC", "L-CC is being made", "R-MLO is being made", "L-MLO is being made"]
    add(qtbot, app, script, views["L-MLO"])
    assert titles(app) == ["R-CC", "L-CC is being made", "R-MLO is being made", "L-MLO"]
    assert [slot.state is not None for slot in app.session.slots] == [True, False, False, True]
    for view in ("L-CC", "R-MLO"):
        add(qtbot, app, script, views[view])
    assert titles(app) == ["R-CC", "L-CC", "R-MLO", "L-MLO"]
    qtbot.waitUntil(lambda: all(view.picture() is not None for view in app.window.grid.views), timeout=60_000)
    script.say(Ended())
    qtbot.waitUntil(lambda: app.session.background == "", timeout=5_000)
    assert len(app.session.exams) == 1


def test_what_the_reader_did_stays(qtbot: QtBot, start: Start, views: dict[str, tuple[Path, ...]]) -> None:
    app, script = start()
    exam = app.session.exam
    assert exam is not None
    dbt = next(image for image in exam.images if image.modality is Modality.DBT)
    app.session.put_image(0, dbt)  # the reader wants to see the volume here
    state = app.session.active_state
    assert state is not None
    state.go_to_slice(2)
    state.set_inverted(True)
    shown = app.session.slots[0].state
    app.session.activate(0)
    add(qtbot, app, script, views["L-CC"])
    assert app.session.slots[0].state is shown
    assert (state.slice_index, state.inverted, app.session.active) == (2, True, 0)
    assert app.session.slots[1].state is not None
    # where one viewport fills the window, it goes on filling it
    app.session.toggle_maximised()
    add(qtbot, app, script, views["R-MLO"])
    assert app.session.maximised == 0


def test_an_exam_that_was_closed_grows_in_the_list(
    qtbot: QtBot, start: Start, views: dict[str, tuple[Path, ...]]
) -> None:
    app, script = start()
    app.session.open_exam(None)
    script.say(ViewReady(views["L-CC"]))
    qtbot.waitUntil(lambda: len(app.session.exams[0].images) == 6, timeout=60_000)
    assert app.session.exam is None


def test_the_networks_run_on_every_view_that_arrives(
    qtbot: QtBot, start: Start, views: dict[str, tuple[Path, ...]]
) -> None:
    app, script = start(automatic=True)

    def done() -> int:
        images = app.session.exam.images if app.session.exam else ()
        entries = [app.session.results.get(image.sop_uid) for image in images]
        return sum(entry is not None and entry.status == "done" for entry in entries)

    qtbot.waitUntil(lambda: done() == 3, timeout=90_000)
    first = app.session.results.get(app.session.exam.images[0].sop_uid)  # type: ignore[union-attr]
    add(qtbot, app, script, views["L-CC"])
    qtbot.waitUntil(lambda: done() == 6, timeout=90_000)
    assert app.session.results.get(first.sop_uid) is first  # type: ignore[union-attr]


def test_other_weights_are_chosen_in_the_menu(qtbot: QtBot, start: Start) -> None:
    app, _ = start()
    exam = app.session.exam
    assert exam is not None
    app.runs.run("exam")
    qtbot.waitUntil(lambda: not app.session.results.pending, timeout=90_000)
    image = exam.images[0]
    assert app.session.results.get(image.sop_uid) is not None
    app.actions.choose_weights("gmic2d", "random:1")
    assert app.session.results.get(image.sop_uid) is None  # what the others said is gone from the screen
    assert app.runs.weights(exam.images)["gmic2d"] == ("random:1",)
    chosen = {(one.model, one.ref) for one in app.actions.offered_weights() if one.chosen}
    assert chosen == {("gmic3d", "random:0"), ("gmic2d", "random:1"), ("gmic2d_park", "random:0")}
    qtbot.waitUntil(lambda: not app.runs.restoring, timeout=10_000)
    app.runs.run("exam")
    qtbot.waitUntil(lambda: bool(app.session.results.pending), timeout=5_000)
    qtbot.waitUntil(lambda: not app.session.results.pending, timeout=90_000)
    app.actions.choose_weights("gmic2d", "")
    assert "gmic2d" not in app.runs.weights(exam.images)


def test_the_status_bar_says_how_far_it_is_beside_the_networks(qtbot: QtBot, start: Start) -> None:
    app, script = start()
    script.say(Making(0.4, "simulated: reconstructing L-CC"))
    line = "Making the demo exam: left CC, 1 of 4 views ready"
    qtbot.waitUntil(lambda: app.window.status.hint.text() == line, timeout=5_000)
    app.session.notice.emit("hint", "a passing hint")
    assert app.window.status.hint.text() == "a passing hint"


def test_a_simulation_that_fails_says_why_and_the_places_are_free(qtbot: QtBot, start: Start) -> None:
    app, script = start()
    told: list[tuple[str, str]] = []
    app.session.notice.connect(lambda level, text: told.append((level, text)))
    script.say(Ended("The disk is full; free some space."))
    qtbot.waitUntil(lambda: bool(told), timeout=5_000)
    assert told == [("error", "The demo exam is not complete. The disk is full; free some space.")]
    assert titles(app)[1:] == ["no L-CC", "no R-MLO", "no L-MLO"]
    assert VIEWS[0] == titles(app)[0]
