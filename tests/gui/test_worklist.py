"""The worklist over the images: table, filters, keys, hidden identity, AI over the list; in the real window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.helpers.panel_fakes import RecordedActions
from viewer.commands import Context, run
from viewer.model.worklist import BrokenFile, ListedExam, ListedFolder, ListRun, ListScore, Scan, WorklistFilter
from viewer.views import theme
from viewer.views.main_window import MainWindow
from viewer.views.worklist_rows import DATE, FOLDER, ID, IMAGES, MADE, PATIENT, SCORE, STATE

SCORE_OF_ADA = ListScore(0.71, "R DBT, mean of CC and MLO", "gmic3d nyu-1 (sha 3fa94c1e), 2026-01-01T00:00:00Z", 8, 8)
UNTRAINED = ListScore(0.52, "L FFDM, CC alone", "gmic2d random:0", 3, 4, untrained=True)


def listed(key: str, number: int, name: str, date: str, **more: object) -> ListedExam:
    return ListedExam(key, number, f"ID-{number}", name, date, "4 FFDM, 4 DBT", 8, "/data/exams", **more)  # type: ignore[arg-type]


@pytest.fixture
def window(context: Context, open_window: Callable[[Context], MainWindow]) -> MainWindow:
    worklist = context.session.worklist
    worklist.fill(
        [
            listed("a", 1, "Lovelace^Ada", "20240318", score=SCORE_OF_ADA),
            listed("b", 2, "Hopper^Grace", "20240102", state="done", score=UNTRAINED),
            listed("c", 3, "Curie^Marie", "20231130", missing="Its files are gone."),
        ],
        [ListedFolder("/data/exams", 3), ListedFolder("/usb", 0, "The folder is not there; connect its drive.")],
        [BrokenFile("/data/exams/Curie.dcm", "the header is damaged")],
    )
    window = open_window(context)
    run("worklist.toggle", context)
    QApplication.processEvents()
    return window


def texts(window: MainWindow, column: int) -> list[str]:
    rows = window.worklist.table.rows
    return [rows.data(rows.index(row, column)) for row in range(rows.rowCount())]


def calls(context: Context) -> list[tuple[object, ...]]:
    assert isinstance(context.actions, RecordedActions)
    return context.actions.calls


def test_scores_are_hidden_with_all_ai(window: MainWindow, context: Context) -> None:
    before = texts(window, SCORE), texts(window, MADE)
    run("overlay.toggle_all", context)
    assert texts(window, SCORE) == ["", "", ""]
    assert texts(window, MADE) == ["hidden with all AI", "hidden with all AI", "not there"]
    rows = window.worklist.table.rows
    assert rows.data(rows.index(0, SCORE), Qt.ItemDataRole.ToolTipRole).startswith("All AI is hidden")
    run("overlay.toggle_all", context)
    assert (texts(window, SCORE), texts(window, MADE)) == before


def test_order_and_filter_do_not_tell_hidden_scores(window: MainWindow, context: Context) -> None:
    notices: list[tuple[str, str]] = []
    context.session.notice.connect(lambda kind, text: notices.append((kind, text)))
    run("worklist.sort", context, "score", False)
    QApplication.processEvents()
    assert texts(window, DATE) == ["2024-01-02", "2024-03-18", "2023-11-30"]
    run("overlay.toggle_all", context)
    QApplication.processEvents()
    assert texts(window, DATE) == ["2024-03-18", "2024-01-02", "2023-11-30"]
    assert window.worklist.table.horizontalHeader().sortIndicatorSection() == DATE
    score = window.worklist.filter.score
    assert not score.isEnabled()
    assert score.toolTip() == "Not available: all AI is hidden; what remains above a score would tell it."
    run("worklist.sort", context, "score", True)
    assert notices == [("hint", "All AI is hidden: show it to sort by its scores.")]
    run("overlay.toggle_all", context)
    QApplication.processEvents()
    assert texts(window, DATE) == ["2024-01-02", "2024-03-18", "2023-11-30"]
    assert score.isEnabled()


def test_the_table_says_who_when_what_and_how_the_score_was_made(window: MainWindow) -> None:
    assert texts(window, STATE) == ["New", "Done", "New"]
    assert texts(window, PATIENT) == ["Lovelace, Ada", "Hopper, Grace", "Curie, Marie"]
    assert texts(window, ID) == ["ID-1", "ID-2", "ID-3"]
    assert texts(window, DATE) == ["2024-03-18", "2024-01-02", "2023-11-30"]
    assert texts(window, IMAGES) == ["4 FFDM, 4 DBT"] * 3
    assert texts(window, SCORE) == ["0.71", "0.52", "\N{EM DASH}"]
    assert texts(window, MADE) == [
        "R DBT, mean of CC and MLO", "L FFDM, CC alone; UNTRAINED, noise; 3 of 4 images", "not there",
    ]  # fmt: skip
    rows = window.worklist.table.rows
    tip = rows.data(rows.index(0, SCORE), Qt.ItemDataRole.ToolTipRole)
    assert "Malignant 0.7100: R DBT, mean of CC and MLO." in tip
    assert "Made by gmic3d nyu-1 (sha 3fa94c1e)" in tip
    assert rows.data(rows.index(1, MADE), Qt.ItemDataRole.ForegroundRole) == theme.color(theme.WARNING)
    assert rows.data(rows.index(2, PATIENT), Qt.ItemDataRole.ToolTipRole) == "Its files are gone."
    assert window.worklist.count.text() == "3 exams, 2 new, 1 done"


def test_hidden_identity_is_hidden_everywhere(window: MainWindow, context: Context) -> None:
    context.session.worklist.set_filter(WorklistFilter(patient="ada"))
    context.session.worklist.set_filter(WorklistFilter())
    run("view.hide_identity", context)
    QApplication.processEvents()
    assert texts(window, PATIENT) == ["Exam 1", "Exam 2", "Exam 3"]
    assert texts(window, ID) == ["", "", ""]
    assert texts(window, DATE) == ["hidden"] * 3
    assert texts(window, FOLDER) == ["hidden"] * 3
    assert window.worklist.foot.files.pairs == [("File 1", "the header is damaged")]
    field = window.worklist.filter.patient
    assert not field.isEnabled()
    assert field.toolTip().startswith("Not available: identity is hidden")
    run("worklist.filter", context, WorklistFilter(patient="ada"))
    assert context.session.worklist.filter.patient == ""


def test_enter_opens_and_arrows_move(window: MainWindow, context: Context, qtbot: QtBot) -> None:
    table = window.worklist.table
    assert QApplication.focusWidget() is table
    qtbot.keyClick(table, Qt.Key.Key_Down)
    assert context.session.worklist.selected == "b"
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert calls(context)[-1] == ("worklist.open", "b")


def test_keys_of_the_images_do_nothing_below_the_list(window: MainWindow, context: Context, qtbot: QtBot) -> None:
    state = context.session.active_state
    assert state is not None
    qtbot.keyClick(window.worklist.table, Qt.Key.Key_I)
    assert not state.inverted
    qtbot.keyClick(window.worklist.table, Qt.Key.Key_Escape)
    assert calls(context)[-1] == ("escape",)  # what the application does then:
    window.escape()
    assert not window.worklist.isVisible()
    assert window.grid.isAncestorOf(QApplication.focusWidget() or window) or QApplication.focusWidget() is window.grid


def test_typing_filters(window: MainWindow, context: Context, qtbot: QtBot) -> None:
    qtbot.keyClicks(window.worklist.filter.patient, "hopper")
    qtbot.waitUntil(lambda: texts(window, PATIENT) == ["Hopper, Grace"], timeout=5000)
    assert window.worklist.count.text().startswith("1 of 3 exams")
    run("worklist.clear_filter", context)
    qtbot.waitUntil(lambda: len(texts(window, PATIENT)) == 3, timeout=5000)
    assert window.worklist.filter.patient.text() == ""
    qtbot.keyClicks(window.worklist.filter.score, "0.6")
    qtbot.waitUntil(lambda: texts(window, PATIENT) == ["Lovelace, Ada"], timeout=5000)
    qtbot.keyClicks(window.worklist.filter.first, "yesterday")
    qtbot.waitUntil(lambda: "Write a date as" in window.worklist.filter.first.toolTip(), timeout=5000)


def test_a_click_on_a_heading_sorts(window: MainWindow, context: Context) -> None:
    head = window.worklist.table.horizontalHeader()
    head.sectionClicked.emit(SCORE)
    assert context.session.worklist.sort == ("score", True)
    head.sectionClicked.emit(SCORE)
    QApplication.processEvents()
    assert context.session.worklist.sort == ("score", False)
    assert texts(window, SCORE) == ["0.52", "0.71", "\N{EM DASH}"]
    head.sectionClicked.emit(ID)  # nothing to sort by
    assert context.session.worklist.sort == ("score", False)


def test_states_are_changed_by_command(window: MainWindow, context: Context) -> None:
    context.session.worklist.select("c")
    run("worklist.mark_done", context)
    assert calls(context)[-1] == ("worklist.set_state", ["c"], "done")
    run("worklist.toggle", context)
    told: list[str] = []
    context.session.notice.connect(lambda _level, text: told.append(text))
    assert not run("worklist.mark_done", context)
    assert told[-1] == "Mark as done: the open exam is not on the worklist; open one with Ctrl+L."
    context.session.worklist.set_current("a")
    run("worklist.done_next", context)
    assert calls(context)[-2:] == [("worklist.set_state", ["a"], "done"), ("worklist.step", 1)]


def test_what_cannot_be_done_says_why(window: MainWindow, context: Context) -> None:
    told: list[str] = []
    context.session.notice.connect(lambda _level, text: told.append(text))
    context.session.worklist.set_current("c")
    assert not run("worklist.next", context)
    context.session.worklist.set_filter(WorklistFilter(patient="nobody"))
    context.session.worklist.set_current("")
    assert not run("worklist.next", context)
    assert not run("worklist.pause_ai", context)
    assert told == [
        "Next exam: this is the last exam of the worklist.",
        "Next exam: the filter of the worklist leaves no exam; clear it with “Show all exams” in the menu.",
        "Pause AI over the worklist: AI is not running over the worklist.",
    ]


def test_the_foot_tells_of_folders_files_scan_and_run(window: MainWindow, context: Context) -> None:
    foot, worklist = window.worklist.foot, context.session.worklist
    assert foot.folders.button.text() == "Folders (2), 1 not there"
    assert foot.broken.button.text() == "Files not shown (1)"
    assert foot.files.pairs == [("/data/exams/Curie.dcm", "the header is damaged")]
    worklist.set_scan(Scan(34, 66))
    worklist.set_run(ListRun("running", 12, 24, 1, "R-MLO DBT", 5, 60))
    QApplication.processEvents()
    assert foot.scan_progress.text == "34/66"
    assert foot.run_text.text() == "AI runs over the worklist, 12 of 24 images, R-MLO DBT, 1 not possible"
    assert foot.buttons["worklist.pause_ai"].isVisible()
    assert not foot.buttons["worklist.run_ai"].isVisible()
    worklist.set_run(replace(worklist.run, state="paused", now=""))
    QApplication.processEvents()
    assert foot.buttons["worklist.run_ai"].text() == "Go on"
    run("worklist.run_ai", context)
    assert calls(context)[-1] == ("worklist.run_ai", "resume")


def test_an_empty_list_says_what_to_do(context: Context, open_window: Callable[[Context], MainWindow]) -> None:
    window = open_window(context)
    run("worklist.toggle", context)
    QApplication.processEvents()
    assert window.worklist.empty.isVisible()
    assert window.worklist.empty.text() == (
        "Drop a folder of exams here, or press Ctrl+Shift+L. It is looked through now and at every start."
    )


def test_errors_are_told_on_the_page(window: MainWindow, context: Context) -> None:
    context.session.notice.emit("error", "The exam cannot be opened. Its files are gone.")
    assert window.worklist.message.isVisible()
    assert window.worklist.message.text() == "The exam cannot be opened. Its files are gone."


def test_tab_stays_within_the_page(window: MainWindow, qtbot: QtBot) -> None:
    seen = []
    for _ in range(30):
        widget = QApplication.focusWidget()
        assert widget is not None
        assert window.worklist.isAncestorOf(widget)
        assert widget.accessibleName()
        if widget in seen:
            break
        seen.append(widget)
        window.worklist.focusNextPrevChild(True)
    assert window.worklist.table in seen
    assert window.worklist.filter.patient in seen
    assert len(seen) >= 8
