"""The settings dialog, the keys on it, the guide, dialogs of one look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QKeySequence
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from tests.helpers.panel_fakes import make_context, make_exam
from viewer.app.window_run import SCALE_VARIABLE
from viewer.commands import COMMANDS, Context
from viewer.views.command_widgets import portable_key
from viewer.views.dialogs import MessageDialog
from viewer.views.guide_window import GuideWindow, topics
from viewer.views.key_page import KeyPage
from viewer.views.palette import Palette
from viewer.views.settings_dialog import SettingsDialog

Show = Callable[..., QWidget]


@pytest.fixture
def context() -> Context:
    return make_context(make_exam())


@pytest.fixture
def dialog(shown: Show, context: Context) -> SettingsDialog:
    return shown(SettingsDialog(context))


def control(dialog: SettingsDialog, command_id: str, kind: type) -> QWidget:
    found = dialog.findChild(kind, command_id)
    assert found is not None
    return found


def test_pages(dialog: SettingsDialog) -> None:
    assert [page.title for page in dialog.pages] == ["Display", "Reading", "AI", "Keys", "Storage"]
    assert [dialog.list.item(row).text() for row in range(dialog.list.count())] == [
        "Display", "Reading", "AI", "Keys", "Storage",
    ]  # fmt: skip


def test_a_choice_counts_at_once(dialog: SettingsDialog, context: Context, qtbot: QtBot) -> None:
    box = control(dialog, "settings.ui_scale", QComboBox)
    assert [box.itemText(row) for row in range(box.count())] == ["100 %", "125 %", "150 %", "175 %", "200 %"]
    assert box.accessibleName() == "Size of the interface"
    assert not dialog.pages[0].restart.isVisible()
    box.setFocus()
    qtbot.keyClick(box, Qt.Key.Key_Down)
    qtbot.keyClick(box, Qt.Key.Key_Down)
    assert context.settings.ui_scale == 1.5
    assert ("save_settings",) in context.actions.calls
    dialog.refresh()
    assert dialog.pages[0].restart.isVisible()


def test_a_switch_follows_the_window_and_the_window_the_switch(
    dialog: SettingsDialog, context: Context, qtbot: QtBot
) -> None:
    box = control(dialog, "view.hide_identity", QCheckBox)
    assert not box.isChecked()
    qtbot.keyClick(box, Qt.Key.Key_Space)
    assert context.session.identity_hidden
    context.session.set_identity_hidden(False)
    qtbot.waitUntil(lambda: not box.isChecked())


def test_a_disabled_control_says_why(dialog: SettingsDialog, context: Context, qtbot: QtBot) -> None:
    context.session.overlays.update(visible=False)
    box = control(dialog, "overlay.malignant", QCheckBox)
    qtbot.waitUntil(lambda: not box.isEnabled())
    assert box.toolTip().endswith("Not available: all AI is hidden; press G to show it.")


def test_storage_says_what_is_kept(dialog: SettingsDialog) -> None:
    page = dialog.pages[-1]
    assert page.results.text() == "3 results, 5 MiB"
    assert page.frames.text() == "700 MiB of at most 6.0 GiB"


@pytest.fixture
def keys(dialog: SettingsDialog) -> KeyPage:
    dialog.show_page("Keys")
    page = dialog.pages[3]
    assert isinstance(page, KeyPage)
    return page


def press(qtbot: QtBot, page: KeyPage, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
    page.edit.setFocus()
    qtbot.keyClick(page.edit, key, modifiers)


def test_a_pressed_key_is_judged_and_used(keys: KeyPage, context: Context, qtbot: QtBot) -> None:
    keys.choose("zoom.fit")
    assert keys.chosen.text() == "Fit"
    press(qtbot, keys, Qt.Key.Key_F10, Qt.KeyboardModifier.ControlModifier)
    assert keys.message.text() == "Ctrl+F10 is free."
    assert keys.assign.isEnabled()
    assert keys.take.isHidden()
    qtbot.mouseClick(keys.assign, Qt.MouseButton.LeftButton)
    assert COMMANDS["zoom.fit"].keys_now(context) == ("Ctrl+F10",)
    assert keys.list.currentItem().text(1) == "Ctrl+F10"
    qtbot.mouseClick(keys.reset, Qt.MouseButton.LeftButton)
    assert COMMANDS["zoom.fit"].keys_now(context) == ("F",)


def test_a_taken_key_names_its_command_and_can_be_taken(keys: KeyPage, context: Context, qtbot: QtBot) -> None:
    keys.choose("zoom.fit")
    press(qtbot, keys, Qt.Key.Key_H, Qt.KeyboardModifier.ControlModifier)
    assert keys.message.text() == "Ctrl+H already runs “Hide identity” (Window and help)."
    assert not keys.assign.isEnabled()
    assert keys.assign.toolTip().endswith("Not available: Ctrl+H already runs “Hide identity” (Window and help).")
    assert keys.take.isVisible()
    qtbot.mouseClick(keys.take, Qt.MouseButton.LeftButton)
    assert COMMANDS["zoom.fit"].keys_now(context) == ("Ctrl+H",)
    assert COMMANDS["view.hide_identity"].keys_now(context) == ()
    qtbot.mouseClick(keys.reset_all, Qt.MouseButton.LeftButton)
    assert COMMANDS["view.hide_identity"].keys_now(context) == ("Ctrl+H",)
    assert not context.keys.changes


def test_a_key_can_be_taken_away_and_commands_are_found_by_key(keys: KeyPage, context: Context, qtbot: QtBot) -> None:
    keys.field.setText("ctrl+q")
    assert keys.command_id == "file.quit"
    qtbot.mouseClick(keys.remove, Qt.MouseButton.LeftButton)
    assert COMMANDS["file.quit"].keys_now(context) == ()
    assert keys.remove.toolTip().endswith("Not available: the command has no key.")


@pytest.mark.parametrize(
    ("typed", "written"), [("Shift+?", "?"), ("Shift+N", "Shift+N"), ("Ctrl+.", "Ctrl+."), ("", "")]
)
def test_keys_are_written_as_the_table_does(typed: str, written: str) -> None:
    assert portable_key(QKeySequence(typed)) == written


def test_the_palette_runs_what_is_typed(shown: Show, context: Context, qtbot: QtBot) -> None:
    window = shown(QWidget(), 900, 700)
    palette = Palette(context, window)
    palette.toggle()
    assert palette.list.count() > 60
    qtbot.keyClicks(palette.field, "invert")
    assert palette.list.item(0).text() == "Invert"
    qtbot.keyClick(palette.field, Qt.Key.Key_Return)
    assert context.session.active_state.inverted
    assert palette.isHidden()
    palette.toggle()
    qtbot.keyClick(palette.field, Qt.Key.Key_Down)
    assert palette.list.currentRow() == 1
    qtbot.keyClick(palette.field, Qt.Key.Key_Escape)
    assert palette.isHidden()


def test_the_guide_shows_its_topics_and_finds_words(shown: Show, tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Second\n\nSee [the first](first-steps.md) about `code`.\n", "utf-8")
    (tmp_path / "first-steps.md").write_text(
        "# Zeroth steps\n\n## Open\n\nDrop a folder.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    guide = shown(GuideWindow(None, (tmp_path / "absent", tmp_path)))
    assert [guide.list.item(row).text() for row in range(guide.list.count())] == ["Zeroth steps", "Second"]
    assert "Drop a folder." in guide.page.toPlainText()
    assert guide.show_topic("b")
    assert "See the first about code." in guide.page.toPlainText()
    guide.page.anchorClicked.emit("first-steps.md")
    assert guide.current == "first-steps"
    guide.field.setText("code")
    assert guide.current == "b"
    guide.field.setText("nowhere")
    assert guide.page.toPlainText() == "No topic has these words."


def test_the_guide_is_shipped() -> None:
    found = {topic.name: topic for topic in topics()}
    assert "keys-and-settings" in found
    for topic in found.values():
        assert topic.text.startswith("# "), topic.path


def test_a_message_has_sign_words_details_and_actions(shown: Show, qtbot: QtBot) -> None:
    done: list[str] = []
    dialog = shown(MessageDialog("error", "It broke", "Nothing is lost. Start again.", details="line 1\nline 2"))
    dialog.add_action("Try again", lambda: done.append("again"))
    assert (dialog.windowTitle(), dialog.accessibleName()) == ("It broke - GMIC Viewer", "It broke")
    qtbot.mouseClick(dialog.copy, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "line 1\nline 2"
    dialog.findChildren(type(dialog.copy))[-1].click()
    assert done in ([], ["again"])
    assert SCALE_VARIABLE == "QT_SCALE_FACTOR"
