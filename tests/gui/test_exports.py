"""Screenshots, the report and AI results as files: with identity only when asked for, the notice always."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pypdf
import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from gmic_core.errors import CancelledError, DecodeError
from gmic_core.exam.model import MammoImage
from tests.helpers.panel_fakes import FakeFrames, RecordedActions
from viewer.app.exporting import Exports
from viewer.app.post import Poster
from viewer.app.report_file import write_report
from viewer.commands import Context, run
from viewer.model.report import gather
from viewer.model.report_pictures import render_views
from viewer.services.jobs import JobRunner
from viewer.views.main_window import MainWindow
from viewer.views.report_page import picture_size

Notices = list[tuple[str, str]]


def decode(image: MammoImage, index: int) -> npt.NDArray[np.generic]:
    pyramid = FakeFrames().get(image, index)
    assert pyramid is not None
    return pyramid[0]


@pytest.fixture
def notices(results_context: Context) -> Notices:
    told: Notices = []
    results_context.session.notice.connect(lambda level, text: told.append((level, text)))
    return told


@pytest.fixture
def exports(
    results_context: Context,
    open_window: Callable[[Context], MainWindow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> Iterator[Exports]:
    """Exports of a real window whose dialogs answer with the proposed name, in an empty folder."""
    window = open_window(results_context)
    post = Poster()
    jobs = JobRunner(results_context.session, post)
    made = Exports(results_context, window, decode, jobs)
    assert isinstance(results_context.actions, RecordedActions)
    results_context.actions.exports = made
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda _parent, _title, name, _kind: (str(tmp_path / Path(name).name), "")
    )
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    yield made
    jobs.close()
    post.close()


def save(qtbot: QtBot, context: Context, notices: Notices, command: str) -> None:
    before = len(notices)
    assert run(command, context)
    qtbot.waitUntil(lambda: len(notices) > before and not context.session.exporting, timeout=30_000)


def text_of(path: Path) -> str:
    reader = pypdf.PdfReader(path, strict=True)
    assert len(reader.pages) == 1
    return reader.pages[0].extract_text()


def test_the_report_is_one_page_without_identity(
    exports: Exports, results_context: Context, notices: Notices, qtbot: QtBot, tmp_path: Path
) -> None:
    save(qtbot, results_context, notices, "export.report")
    (path,) = tmp_path.glob("*.pdf")
    assert path.name.startswith("gmic-report-20")
    assert notices == [("hint", f"Saved {path.name}.")]
    text = text_of(path)
    for wanted in (
        "Identity removed",
        "Research use only. Not for diagnosis.",
        "R-CC DBT 7/12",
        "malignant 0.71 benign 0.12",
        "RESEARCH ONLY",
        "attention",
        "mean of CC and MLO, gmic3d",
        "no calibrated probabilities of cancer",
        "digital-breast-3d-1 (sha 3fa94c1e0000)",
        "images in",  # and how long that took
        "Saliency: malignant above 0.10, benign above 0.10; opacity 0.55",
        "Page 1 of 1",
    ):
        assert wanted in " ".join(text.split()), wanted
    raw = path.read_bytes()
    assert "Ada" not in text
    assert "SIM-1" not in text
    assert "2024-03-18" not in text
    assert b"Ada" not in raw
    assert text.count("Not for diagnosis.") == 2  # at the top and at the bottom


def test_identity_is_on_the_report_when_it_was_asked_for(
    exports: Exports, results_context: Context, notices: Notices, qtbot: QtBot, tmp_path: Path
) -> None:
    save(qtbot, results_context, notices, "export.report_identified")
    (path,) = tmp_path.glob("*.pdf")
    text = " ".join(text_of(path).split())
    assert "SIMULATED, Ada SIM-1" in text
    assert "Exam of 2024-03-18" in text
    assert "Ada" not in path.name
    results_context.session.set_identity_hidden(True)
    assert not run("export.report_identified", results_context)
    assert notices[-1][1] == "Save PDF report with identity: identity is hidden; show it first with Ctrl+H."


def test_pictures_of_the_report_show_the_overlay_where_it_lies(results_context: Context) -> None:
    report = gather(results_context.session, identified=False)
    first = report.views[0]
    assert (first.image.label, first.slice_index) == ("R-CC", 6)  # the slice with the highest malignant saliency
    size = picture_size(report)
    with_ai = render_views(report, size, decode, lambda: None)[0]
    assert with_ai.pixels.shape == (size[1], size[0], 4)
    results_context.session.overlays.update(visible=False)
    bare = render_views(gather(results_context.session, identified=False), size, decode, lambda: None)[0]
    row, column = first.layer.to_stored.apply((12, 8))  # type: ignore[union-attr]  # the peak of the map
    y, x = (round(float(value)) for value in with_ai.to_picture.apply((float(row), float(column))))
    blue, _green, red = (int(value) for value in with_ai.pixels[y, x, :3])
    assert red > blue + 40  # orange
    gray = bare.pixels[y, x, :3]
    assert gray.max() == gray.min()


def test_a_report_that_fails_leaves_no_file(results_context: Context, tmp_path: Path) -> None:
    report = gather(results_context.session, identified=False)

    def broken(_image: MammoImage, index: int) -> npt.NDArray[np.generic]:
        raise DecodeError(f"Slice {index + 1} is damaged.")

    with pytest.raises(DecodeError, match="Slice 7 is damaged"):
        write_report(tmp_path / "r.pdf", report, broken, lambda _done, _total: None)

    def cancelled(done: int, _total: int) -> None:
        if done == 3:
            raise CancelledError("Saving the report was cancelled.")

    with pytest.raises(CancelledError):
        write_report(tmp_path / "r.pdf", report, decode, cancelled)
    assert list(tmp_path.iterdir()) == []


def test_screenshots_hide_who_it_is_unless_asked(
    exports: Exports,
    results_context: Context,
    notices: Notices,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = iter(("one.png", "two.png"))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / next(names)), ""))
    save(qtbot, results_context, notices, "file.screenshot")
    save(qtbot, results_context, notices, "export.screenshot_identified")
    assert not results_context.session.identity_hidden  # as before
    without, identified = QImage(str(tmp_path / "one.png")), QImage(str(tmp_path / "two.png"))
    title = (0, 0, 400, 36)
    assert without.size() == identified.size()
    assert without.copy(*title) != identified.copy(*title)
    assert without.copy(400, 0, 300, 36) == identified.copy(400, 0, 300, 36)


def test_a_viewport_carries_the_notice(
    exports: Exports, results_context: Context, notices: Notices, qtbot: QtBot, tmp_path: Path
) -> None:
    save(qtbot, results_context, notices, "export.viewport")
    (path,) = tmp_path.glob("gmic-viewer-viewport-*.png")
    picture = QImage(str(path))
    strip = picture.copy(0, picture.height() - 24, 220, 24)
    amber = sum(
        strip.pixelColor(x, y).red() > 150 and strip.pixelColor(x, y).blue() < 120
        for x in range(strip.width())
        for y in range(strip.height())
    )
    assert amber > 100  # "Research use only. Not for diagnosis."
    # and in the file itself, whole and whatever is cut off
    assert picture.text("Disclaimer") == "Research use only. Not for diagnosis."
    active = results_context.session.active_image
    prov = results_context.session.results.get(active.sop_uid).result.provenance  # type: ignore[union-attr]
    source = picture.text("Source")
    assert source.startswith(f"gmic3d on {active.modality}: weights {prov.weights} (sha {prov.weights_sha256[:12]})")  # type: ignore[union-attr]
    for part in (prov.training_data, prov.preprocessing_version, prov.precision, prov.device, f"{prov.seconds:.1f} s"):
        assert part in source
    assert "Ada" not in source


def test_without_ai_on_screen_a_picture_names_no_weights(
    exports: Exports, results_context: Context, notices: Notices, qtbot: QtBot, tmp_path: Path
) -> None:
    results_context.session.overlays.update(visible=False)
    save(qtbot, results_context, notices, "file.screenshot")
    (path,) = tmp_path.glob("gmic-viewer-window-*.png")
    assert QImage(str(path)).text("Source") == ""
    assert QImage(str(path)).text("Disclaimer") == "Research use only. Not for diagnosis."


def test_results_are_those_of_predict(
    exports: Exports, results_context: Context, notices: Notices, qtbot: QtBot, tmp_path: Path
) -> None:
    save(qtbot, results_context, notices, "export.results")
    (folder,) = tmp_path.glob("gmic-results-*")
    assert notices[-1] == ("hint", f"Saved the results of 8 images in {folder.name}.")
    with (folder / "predictions.csv").open() as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["image_index", "benign_pred", "malignant_pred", "benign_label", "malignant_label"]
    exam = results_context.session.exam
    assert exam is not None
    assert [row[0] for row in rows[1:]] == [image.sop_uid for image in exam.images]
    assert rows[1][1:3] == ["0.1200", "0.7100"]
    document = json.loads((folder / "results.json").read_text())
    assert document["notice"] == "Research use only. Not for diagnosis."
    assert len(document["images"]) == 8
    assert len(document["images"][0]["patches"]) == 6
    assert len(list((folder / "saliency").iterdir())) == 16
    assert "Ada" not in (folder / "results.json").read_text()
    save(qtbot, results_context, notices, "export.results_identified")


def test_what_cannot_be_saved_says_why(context: Context, qtbot: QtBot) -> None:
    told: list[str] = []
    context.session.notice.connect(lambda _level, text: told.append(text))
    assert not run("export.results", context)
    assert not run("export.cancel", context)
    context.session.exporting = True
    assert not run("export.report", context)
    assert told == [
        "Save AI results: there is no AI result for this exam yet; R runs it.",
        "Stop saving: nothing is being saved.",
        "Save PDF report: something is being saved; wait for it, or stop it with “Stop saving” in the menu.",
    ]
    QApplication.processEvents()
