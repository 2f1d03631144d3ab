"""The whole application asks the worker with the weights that made a result, and says so when they are others now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.inference.occlusion import Occlusion
from tests.helpers.dicom_files import write_exam
from tests.helpers.panel_fakes import make_result
from viewer.app import Application
from viewer.commands import run
from viewer.views.model_card import ModelCard


@pytest.fixture
def app(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Application]:
    """One exam of FFDM, without any weights but random ones."""
    write_exam(tmp_path / "exam", 192, 144, modalities=("FFDM",))
    app = Application(qapp, named=["gmic2d=random:0"])
    app.window.show()
    app.actions.open_paths([tmp_path / "exam"])
    qtbot.waitUntil(lambda: app.session.exam is not None, timeout=60_000)
    yield app
    app.window.close()
    app.shutdown()


def test_trials_run_with_the_weights_of_the_result(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    notices: list[str] = []
    monkeypatch.setattr(app.client, "try_out", lambda *call: asked.append(call))
    app.session.notice.connect(lambda _level, text: notices.append(text))
    image = app.session.active_image
    result = make_result(image, untrained=True)
    object.__setattr__(result.provenance, "model", "gmic2d")
    app.session.results.restore(result)
    run("trial.occlude_patch", app.context)
    ((shown, base, refs, device, place),) = asked
    assert (shown, base, refs, device) == (image, result, ("random:0",), "auto")
    assert isinstance(place, Occlusion)

    # features are missing in this result: what to do is said, nothing is asked
    run("trial.patch", app.context)
    assert "computed by an earlier version" in notices[-1]

    # two sets of weights are chosen now: they did not make this result
    app.runs._named["gmic2d"] = ("random:0", "random:1")
    run("trial.stability", app.context)
    assert len(asked) == 1
    assert notices[-1] == ("Other weights are chosen now than those that made this result; run the AI again first.")

    # what the header tells is known without a result: tiny pixels are simulated here, so are the breasts
    assert set(app.session.ai.notes) == {one.sop_uid for one in app.session.exam.images}
    assert any("no patient" in note for note in app.session.ai.notes[image.sop_uid])

    # the card of the network that made it
    run("ai.model_card", app.context)
    (card,) = app.window.findChildren(ModelCard)
    assert card.windowTitle() == "Model card: gmic2d"
    text = card.page.toPlainText()
    assert "Research use only. Not for diagnosis." in text
    assert "UNTRAINED: scores and maps are noise" in text
    card.close()


def test_networks_whose_results_are_shown_are_loaded_ahead(
    app: Application, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    warmed: list[tuple[object, ...]] = []
    monkeypatch.setattr(app.client, "warm", lambda *call: warmed.append(call))
    app.runs.warm()
    assert warmed == [("auto", {})]  # nothing is shown yet
    image = app.session.active_image
    assert image is not None
    result = make_result(image, untrained=True)
    object.__setattr__(result.provenance, "model", "gmic2d")
    app.session.results.restore(result)
    app.runs.warm()
    assert warmed[1] == ("auto", {"gmic2d": ("random:0",)})

    # an exam that is opened while the worker runs: once its kept results are there
    monkeypatch.setattr(type(app.client), "worker_pid", property(lambda _client: 1))

    def kept(_images: object, _weights: object, done: Callable[[], None], _device: str) -> None:
        app.session.results.restore(result)
        done()

    monkeypatch.setattr(app.client, "restore", kept)
    app.session.results.clear()
    app.runs.exam_opened(app.session.exam)
    assert warmed[2] == ("auto", {"gmic2d": ("random:0",)})
