"""Reading by the worklist in the running program: what was opened is seen, what is done leads to the next exam."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.gui.test_application import Start, exam_folder, start
from tests.helpers.dicom_files import write_exam
from viewer.app.application import Application
from viewer.commands import run

__all__ = ["exam_folder", "start"]  # fixtures


def states(app: Application) -> list[str]:
    return [exam.state for exam in app.session.worklist.rows()]


def listed(qtbot: QtBot, app: Application, count: int) -> None:
    worklist = app.session.worklist
    qtbot.waitUntil(lambda: len(worklist.exams) == count and worklist.scan is None, timeout=30_000)


def test_an_exam_that_is_open_is_seen_also_when_it_is_listed_later(
    qtbot: QtBot, start: Start, exam_folder: Path
) -> None:
    app = start(exam_folder)
    run("worklist.add_folders", app.context, [exam_folder])
    listed(qtbot, app, 1)
    qtbot.waitUntil(lambda: states(app) == ["seen"], timeout=5_000)
    run("worklist.mark_new", app.context)  # what the reader says counts, whatever the list tells afterwards
    qtbot.waitUntil(lambda: states(app) == ["new"], timeout=5_000)
    run("worklist.rescan", app.context)
    listed(qtbot, app, 1)
    QApplication.processEvents()
    assert states(app) == ["new"]


def test_folders_are_dropped_once_and_done_leads_to_the_next(qtbot: QtBot, start: Start, tmp_path: Path) -> None:
    for study in ("1", "2"):
        write_exam(tmp_path / study, 96, 72, patient=f"SIM-{study}", study=study)
    app = start()
    session, worklist = app.session, app.session.worklist
    told: list[str] = []
    session.notice.connect(lambda _level, text: told.append(text))
    run("worklist.toggle", app.context)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    dropped = QDropEvent(
        QPointF(20, 200), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier,
        QEvent.Type.Drop,
    )  # fmt: skip
    app.window.worklist.dropEvent(dropped)
    listed(qtbot, app, 2)
    run("worklist.add_folders", app.context, [tmp_path])
    qtbot.waitUntil(lambda: told == ["The folder is listed already."], timeout=5_000)
    assert len(worklist.folders) == 1
    app.window.worklist.table.selectRow(0)
    qtbot.keyClick(app.window.worklist.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: session.exam is not None, timeout=30_000)
    assert not worklist.shown
    qtbot.waitUntil(lambda: states(app)[0] == "seen", timeout=5_000)
    first = session.exam
    run("worklist.done_next", app.context)
    qtbot.waitUntil(lambda: states(app)[0] == "done", timeout=5_000)
    qtbot.waitUntil(lambda: session.exam is not first, timeout=30_000)
    qtbot.waitUntil(lambda: states(app) == ["done", "seen"], timeout=5_000)
