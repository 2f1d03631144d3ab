"""Toolbar, menus and keys made from the command table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLineEdit, QMenu, QSlider, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from tests.helpers.panel_fakes import hang_four, make_context, make_exam
from viewer.commands import COMMANDS, GROUPS, Context
from viewer.views.command_widgets import KeepKeys, install_shortcuts, key_text
from viewer.views.toolbar import Toolbar, exam_title, format_date

Show = Callable[..., QWidget]


def settle(qtbot: QtBot) -> None:
    qtbot.wait(10)


def test_title_says_whose_exam_it_is() -> None:
    exam = make_exam()
    assert exam_title(None, identity_hidden=False) == "No exam open"
    assert exam_title(exam, identity_hidden=False) == "SIMULATED, Ada   SIM-1   2024-03-18"
    assert exam_title(exam, identity_hidden=True) == "Identity hidden"
    assert exam_title(replace(exam, patient_name="SIM-1"), identity_hidden=False) == "SIM-1   2024-03-18"
    assert exam_title(replace(exam, patient_name="", patient_id="", date=""), identity_hidden=False) == (
        "Patient not named in the file"
    )
    assert exam_title(replace(exam, patient_name="", patient_id="0"), identity_hidden=False) == "ID 0   2024-03-18"
    assert format_date("2024") == "2024"


def test_toolbar_follows_the_session(shown: Show, qtbot: QtBot) -> None:
    context = make_context()
    bar = shown(Toolbar(context), 1200, 36)
    assert bar.height() == 36
    fit = bar.buttons["zoom.fit"]
    assert not fit.isEnabled()
    assert (
        fit.toolTip() == "Fit (F)\nNot available: no exam is open; drop a DICOM folder on the window or press Ctrl+O."
    )
    exam = make_exam()
    context.session.add_exams([exam], [])
    context.session.open_exam(exam)
    hang_four(context.session, exam)
    settle(qtbot)
    assert bar.title.text() == "SIMULATED, Ada   SIM-1   2024-03-18"
    assert fit.isEnabled()
    assert fit.isChecked()
    assert bar.buttons["layout.2x2"].isChecked()
    assert fit.toolTip().startswith("Fit (F)\nShow the whole image")
    context.session.set_identity_hidden(True)
    settle(qtbot)
    assert bar.title.text() == "Identity hidden"


def test_a_click_runs_the_command_and_leaves_the_focus(shown: Show, qtbot: QtBot) -> None:
    context = make_context(make_exam())
    bar = shown(Toolbar(context), 1200, 36)
    bar.setFocus()
    qtbot.mouseClick(bar.buttons["zoom.one_to_one"], Qt.MouseButton.LeftButton)
    assert context.session.placement(0).mode == "one_to_one"
    assert bar.buttons["zoom.one_to_one"].isChecked()
    assert not bar.buttons["zoom.one_to_one"].hasFocus()


def test_run_becomes_cancel_while_the_networks_run(shown: Show, qtbot: QtBot) -> None:
    context = make_context(make_exam())
    bar = shown(Toolbar(context), 1200, 36)
    run, cancel = bar.buttons["ai.run_exam"], bar.buttons["ai.cancel"]
    assert (run.isVisible(), cancel.isVisible(), run.text()) == (True, False, "Run AI")
    uid = context.session.exam.images[0].sop_uid
    context.session.results.expect("job", (uid,))
    settle(qtbot)
    assert (run.isVisible(), cancel.isVisible(), cancel.text()) == (False, True, "Cancel run")
    qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    assert context.actions.calls == [("cancel_ai",)]
    context.session.results.failed("job", uid, "", cancelled=True)
    settle(qtbot)
    assert run.isVisible()


def test_the_state_of_the_ai_is_always_visible(shown: Show, qtbot: QtBot) -> None:
    context = make_context(make_exam())
    bar = shown(Toolbar(context), 1200, 36)
    button = bar.buttons["overlay.toggle_all"]
    assert (button.text(), button.isChecked()) == ("AI on", True)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    settle(qtbot)
    assert (button.text(), button.isChecked()) == ("AI hidden", False)


def test_every_button_has_a_name_and_a_tooltip(shown: Show) -> None:
    bar = shown(Toolbar(make_context()), 1200, 36)
    for button in bar.findChildren(QToolButton):
        assert button.accessibleName()
        assert button.toolTip()
        assert button.height() == 28
    assert bar.minimumSizeHint().width() <= 900


def test_the_title_gives_way_with_an_ellipsis(shown: Show) -> None:
    exam = make_exam(name="SIMULATED^" + "Ada" * 40)
    bar = shown(Toolbar(make_context(exam)), 1000, 36)
    assert bar.title.shown_text().endswith("…")
    bar.grab()
    assert bar.title.toolTip() == bar.title.text()


def menu_texts(menu: QMenu) -> list[str]:
    menu.aboutToShow.emit()
    return [action.text() for action in menu.actions()]


def test_the_menu_holds_every_command_with_its_key(shown: Show) -> None:
    context = make_context()
    context.settings.recent = ["/data/exam-1"]
    bar = shown(Toolbar(context), 1200, 36)
    menu = bar.findChild(QToolButton, "menu").menu()
    submenus = {action.menu().title(): action.menu() for action in menu.actions()}
    assert list(submenus) == list(GROUPS)
    texts = {name: menu_texts(submenu) for name, submenu in submenus.items()}
    assert texts["File"][:4] == [
        "Open files\tCtrl+O", "Open folder\tCtrl+Shift+O", "Open recent", "Open last exam\tCtrl+Shift+T",
    ]  # fmt: skip
    for group in GROUPS:
        for entry in COMMANDS.values():
            if entry.group == group and not entry.takes:
                assert (f"{entry.label}\t{key_text(entry.keys[:1])}" if entry.keys else entry.label) in texts[group]
    quit_action = next(action for action in submenus["File"].actions() if action.text() == "Quit\tCtrl+Q")
    quit_action.trigger()
    assert context.actions.calls == [("quit",)]


def test_recent_paths_open_and_hide_with_the_identity(shown: Show) -> None:
    context = make_context()
    long = "/data/" + "x" * 80
    context.settings.recent = [long]
    bar = shown(Toolbar(context), 1200, 36)
    file_menu = bar.findChild(QToolButton, "menu").menu().actions()[0].menu()
    menu_texts(file_menu)
    recent = file_menu.actions()[2].menu()
    assert recent.actions()[0].text() == "…" + "x" * 59
    recent.actions()[0].trigger()
    assert context.actions.calls == [("open_paths", [Path(long)])]
    context.session.set_identity_hidden(True)
    menu_texts(file_menu)
    assert not file_menu.actions()[2].menu().isEnabled()


@pytest.fixture
def window(shown: Show) -> tuple[QWidget, Context]:
    context = make_context(make_exam())
    box = QWidget()
    layout = QVBoxLayout(box)
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setObjectName("slider")
    KeepKeys(slider)
    layout.addWidget(slider)
    layout.addWidget(QLineEdit())
    install_shortcuts(box, context)
    shown(box, 300, 200)
    box.activateWindow()
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setFocus()
    return box, context


def test_keys_run_commands(window: tuple[QWidget, Context], qtbot: QtBot) -> None:
    box, context = window
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert context.session.active_state.slice_index == 7
    qtbot.keyClick(box, Qt.Key.Key_PageUp)
    assert context.session.active_state.slice_index == 6
    qtbot.keyClick(box, Qt.Key.Key_Right)
    assert context.session.active == 1
    qtbot.keyClick(box, Qt.Key.Key_M)
    assert not context.session.overlays.settings.malignant
    qtbot.keyClick(box, Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClick(box, Qt.Key.Key_Question)
    qtbot.keyClick(box, Qt.Key.Key_Period)
    assert context.actions.calls == [("show_help",), ("show_help",), ("step_hanging", 1)]


def test_a_key_of_a_disabled_command_says_why(window: tuple[QWidget, Context], qtbot: QtBot) -> None:
    box, context = window
    told: list[str] = []
    context.session.notice.connect(lambda level, text: told.append(text))
    qtbot.keyClick(box, Qt.Key.Key_N)
    assert told == ["Next highlighted slice: there is no AI result for this image yet; press R to run it."]


def test_a_focused_slider_keeps_its_arrows(window: tuple[QWidget, Context], qtbot: QtBot) -> None:
    box, context = window
    slider = box.findChild(QSlider, "slider")
    slider.setFocus()
    qtbot.keyClick(slider, Qt.Key.Key_Right)
    assert (slider.value(), context.session.active) == (1, 0)
    qtbot.keyClick(slider, Qt.Key.Key_G)
    assert not context.session.overlays.settings.visible
