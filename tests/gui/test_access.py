"""The window for everyone: names for screen readers, reasons on disabled controls, the keyboard alone, no text cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QHeaderView,
    QItemDelegate,
    QLabel,
    QLineEdit,
    QListView,
    QPlainTextEdit,
    QScrollArea,
    QScrollBar,
    QStyledItemDelegate,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.helpers.panel_fakes import RecordedActions, make_context, make_exam, make_result
from viewer.app.crash import CrashDialog
from viewer.commands import COMMANDS, Context, run
from viewer.model.displays import DisplayProfile
from viewer.model.session import Activity
from viewer.views import parts
from viewer.views.command_widgets import CommandButton
from viewer.views.dialogs import MessageDialog
from viewer.views.display_dialog import DisplayDialog
from viewer.views.guide_window import GuideWindow
from viewer.views.main_window import MainWindow
from viewer.views.question_dialog import QuestionDialog
from viewer.views.settings_dialog import SettingsDialog

OpenWindow = Callable[[Context], MainWindow]
CONTROLS = (QAbstractButton, QAbstractSlider, QComboBox, QLineEdit, QAbstractSpinBox, QAbstractItemView, QPlainTextEdit)
SIZES = {"1366x768": (1366, 768), "1366x768 at 200 %": (683, 384), "1920x1080 at 200 %": (960, 540)}
PANELS = {(1366, 768): ["study", "ai"], (683, 384): [], (960, 540): ["ai"]}
"""Side panels for which there is room."""


def widgets(root: QWidget) -> Iterator[QWidget]:
    """All widgets in a window but Qt's own parts of others (scroll bars, fields of lists, headers)."""
    for widget in root.findChildren(QWidget):
        inner = isinstance(widget, QScrollBar) or widget.objectName().startswith("qt_")
        if not inner and not isinstance(_holder(widget), QComboBox | QAbstractSpinBox):
            yield widget


def _holder(widget: QWidget) -> QObject | None:
    """The control that a widget is an inner part of, if it is one: the field or the list of a box to choose from."""
    parent = widget.parent()
    inner = isinstance(parent, QComboBox | QAbstractSpinBox)
    return parent if inner or parent is None else _holder(parent) if type(parent).__name__ == "QFrame" else None


def where(widget: QObject) -> str:
    names = []
    at: QObject | None = widget
    while at is not None:
        names.append(f"{type(at).__name__}[{at.objectName()}]")
        at = at.parent()
    return " < ".join(names[:5])


def dialogs(context: Context) -> list[QDialog]:
    return [
        SettingsDialog(context),
        GuideWindow(),
        MessageDialog("warning", "Something happened", "It means little. Go on."),
        CrashDialog("Traceback\n" * 40),
    ]


@pytest.fixture(params=["no exam", "exam", "results"])
def any_context(request: pytest.FixtureRequest) -> Context:
    if request.param == "no exam":
        return make_context()
    context = make_context(make_exam())
    if request.param == "results" and context.session.exam is not None:
        for number, image in enumerate(context.session.exam.images):
            context.session.results.restore(make_result(image, seed=number))
    return context


@pytest.fixture
def whole(any_context: Context, open_window: OpenWindow, qtbot: QtBot) -> list[QWidget]:
    """The window and every dialog."""
    found: list[QWidget] = [open_window(any_context)]
    for dialog in dialogs(any_context):
        qtbot.addWidget(dialog)
        dialog.show()
        found.append(dialog)
    QApplication.processEvents()
    return found


def test_everything_that_takes_the_focus_has_a_name(whole: list[QWidget]) -> None:
    nameless = []
    for root in whole:
        for widget in widgets(root):
            name = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
            if widget.focusPolicy() != Qt.FocusPolicy.NoFocus and not name.strip():
                nameless.append(where(widget))
    assert nameless == []


def test_every_disabled_control_says_why(whole: list[QWidget]) -> None:
    silent = []
    for root in whole:
        for widget in widgets(root):
            if not isinstance(widget, CONTROLS) or widget.isEnabled() or not widget.parentWidget().isEnabled():
                continue
            if not ("Not available" in widget.toolTip() and "Not available" in widget.accessibleDescription()):
                silent.append((where(widget), widget.toolTip(), widget.accessibleDescription()))
    assert silent == []


def test_every_control_explains_itself(whole: list[QWidget]) -> None:
    silent = []
    for root in whole:
        for widget in widgets(root):
            if isinstance(widget, CONTROLS) and not widget.toolTip() and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
                silent.append(where(widget))
    # the list of exams tells row by row; over the slice bar the picture of the slice appears
    assert [text for text in silent if not text.startswith(("StudyList", "SliceBar"))] == []


@pytest.mark.parametrize("entry", COMMANDS.values(), ids=lambda entry: entry.id)
def test_a_command_that_cannot_run_says_why_in_its_tooltip(entry) -> None:
    for context in (make_context(), make_context(make_exam())):
        reason = entry.why_disabled(context)
        if reason is not None:
            assert f"Not available: {reason}" in entry.tooltip_now(context)
            assert reason.endswith(".")


def cut(root: QWidget) -> list[str]:
    """Texts that stand in less room than they need."""
    found = []
    for widget in root.findChildren(QWidget):
        if not widget.isVisible() or widget.width() <= 1:
            continue
        if isinstance(widget, parts.ElidedLabel):
            continue  # made to give way; the whole text is its tooltip
        if isinstance(widget, QLabel) and widget.text() and not widget.wordWrap():
            need, have = widget.sizeHint().width(), widget.width()
        elif isinstance(widget, QLabel) and widget.text():
            need, have = widget.heightForWidth(widget.width()), widget.height()
        elif isinstance(widget, QAbstractButton) and widget.text():
            need, have = widget.fontMetrics().horizontalAdvance(widget.text()), widget.contentsRect().width()
        elif isinstance(widget, QComboBox):
            need, have = widget.fontMetrics().horizontalAdvance(widget.currentText()) + 32, widget.width()
        else:
            continue
        if need > have:
            found.append(f"{where(widget)} needs {need}, has {have}")
    return found


def cut_in_lists(root: QWidget) -> list[str]:
    """Rows, headings, tabs and hints of fields that stand in less room than they need."""
    found = []
    for view in root.findChildren(QAbstractItemView):
        plain = type(view.itemDelegate()) in (QStyledItemDelegate, QItemDelegate)
        if not view.isVisible() or view.model() is None or not plain or not isinstance(view, QListView):
            continue
        need, have = view.sizeHintForColumn(0), view.viewport().width()
        if need > have:
            found.append(f"{where(view)} needs {need}, has {have}")
    for head in root.findChildren(QHeaderView):
        for section in range(head.count() if head.isVisible() else 0):
            need, have = head.sectionSizeHint(section), head.sectionSize(section)
            if need > have and not head.isSectionHidden(section):
                found.append(f"{where(head)} {section} needs {need}, has {have}")
    for field in root.findChildren(QLineEdit):
        need, have = field.fontMetrics().horizontalAdvance(field.placeholderText()) + 22, field.width()
        if field.isVisible() and field.placeholderText() and need > have:
            found.append(f"{where(field)} needs {need}, has {have}")
    return found


def out_of_room(root: QWidget) -> list[str]:
    """Controls and words that reach over the right edge of the window or of the page that scrolls up and down."""
    found = []
    for widget in root.findChildren(QWidget):
        if not isinstance(widget, (*CONTROLS, QLabel)) or not widget.isVisible() or widget.width() <= 1:
            continue
        page = widget.parentWidget()
        while page is not root and not isinstance(page.parentWidget(), QScrollArea):
            page = page.parentWidget()
        right = widget.mapTo(page, widget.rect().topRight()).x()
        if right >= page.width():
            found.append(f"{where(widget)} ends at {right} of {page.width()}")
    return found


def overlaps(root: QWidget) -> list[str]:
    """Controls that lie on each other."""
    controls = [w for w in root.findChildren(QWidget) if isinstance(w, CONTROLS) and w.isVisible() and w.width() > 1]
    found = []
    for number, one in enumerate(controls):
        for other in controls[number + 1 :]:
            if one.parentWidget() is other.parentWidget() and one.geometry().intersects(other.geometry()):
                found.append(f"{where(one)} on {where(other)}")
    return found


def faults(root: QWidget) -> list[str]:
    return [*cut(root), *cut_in_lists(root), *out_of_room(root), *overlaps(root)]


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_panels_give_way_where_the_window_is_narrow(size: tuple[int, int], open_window: OpenWindow) -> None:
    """The viewports keep 480 px, unless a panel was asked for; in a larger window it is back by itself."""
    context = make_context(make_exam())
    window = open_window(context)
    window.resize(*size)
    QApplication.processEvents()
    assert [name for name in ("study", "ai") if window.panel_visible(name)] == PANELS[size]
    assert window.grid.width() >= 480
    window.set_panel_visible("ai", True)
    QApplication.processEvents()
    assert window.panel_visible("ai")
    assert faults(window) == []
    window.resize(1366, 768)
    QApplication.processEvents()
    assert window.panel_visible("study")
    assert window.panel_visible("ai")
    assert context.settings.panels == {"ai": True}


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_nothing_is_cut_with_results_and_long_messages(
    size: tuple[int, int], results_context: Context, open_window: OpenWindow, qtbot: QtBot
) -> None:
    """Panels, worklist, palette, sheet of keys, and every dialog, at the size at which they are really shown."""
    window = open_window(results_context)
    window.resize(*size)
    results_context.session.set_activity(Activity("Reading headers of a folder that holds many exams", 120, 5000))
    results_context.session.notice.emit("error", "R-CC DBT could not be read; copy it again from the archive. " * 2)
    qtbot.wait(20)
    assert (window.width(), window.height()) == size
    assert window.minimumSizeHint().width() <= 640
    assert faults(window) == []
    for command in ("worklist.toggle", "help.show", "help.palette"):
        run(command, results_context)
        window.worklist.show()
        QApplication.processEvents()
        assert faults(window) == [], command
        results_context.session.worklist.show(False)
    image = results_context.session.active_image
    assert image is not None
    asked = QuestionDialog(replace(image, questions=("The header says left, the pixels say right.",)), window)
    screen = DisplayDialog(window.screen(), DisplayProfile(), lambda: None, window)
    for dialog in (*dialogs(results_context), asked, screen):
        qtbot.addWidget(dialog)
        dialog.resize(min(dialog.width(), size[0] - 40), min(dialog.height(), size[1] - 60))
        dialog.show()
        QApplication.processEvents()
        assert (dialog.width(), dialog.height()) <= (size[0], size[1])
        for title in [page.title for page in dialog.pages] if isinstance(dialog, SettingsDialog) else [""]:
            if isinstance(dialog, SettingsDialog):
                dialog.show_page(title)
                QApplication.processEvents()
            assert faults(dialog) == [], (type(dialog), title)
        for widget in widgets(dialog):
            if isinstance(widget, CONTROLS) and not widget.isEnabled():
                assert "Not available" in widget.toolTip(), where(widget)
                assert "Not available" in widget.accessibleDescription(), where(widget)
            name = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
            assert name.strip() or widget.focusPolicy() == Qt.FocusPolicy.NoFocus, where(widget)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
def test_no_text_is_cut(size: tuple[int, int], any_context: Context, open_window: OpenWindow, qtbot: QtBot) -> None:
    window = open_window(any_context)
    window.resize(*size)
    QApplication.processEvents()
    assert (window.width(), window.height()) == size
    assert cut(window) == []
    for dialog in dialogs(any_context):
        qtbot.addWidget(dialog)
        dialog.resize(min(dialog.width(), size[0] - 40), min(dialog.height(), size[1] - 60))
        dialog.show()
        QApplication.processEvents()
        assert dialog.width() <= size[0]
        assert dialog.height() <= size[1]
        pages = dialog.pages if isinstance(dialog, SettingsDialog) else [None]
        for page in pages:
            if page is not None:
                dialog.show_page(page.title)
                QApplication.processEvents()
            assert cut(dialog) == [], type(dialog)


def test_buttons_of_commands_are_reached_by_tab(open_window: OpenWindow, context: Context, qtbot: QtBot) -> None:
    """Tab visits every enabled command button that is on screen, and comes back to where it began."""
    window = open_window(context)
    window.activateWindow()
    window.grid.views[0].setFocus()
    seen: list[QWidget] = []
    for _ in range(300):
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus in seen:
            break
        seen.append(focus)
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    wanted = [b for b in window.findChildren(CommandButton) if b.isVisible() and b.isEnabled()]
    assert len(wanted) > 10
    assert [button.command.id for button in wanted if button not in seen] == []


def test_the_focus_moves_from_part_to_part(open_window: OpenWindow, context: Context, qtbot: QtBot) -> None:
    window = open_window(context)
    window.activateWindow()
    window.grid.views[0].setFocus()
    visited = []
    for _ in range(5):
        window.regions.step(+1)
        visited.append(window.regions.current)
    assert [type(part).__name__ for part in visited] == [
        "SliceBar", "AiPanel", "Toolbar", "StudyTree", "ViewportGrid",
    ]  # fmt: skip
    window.regions.step(-1)
    assert window.regions.current is window.study


def test_a_focused_control_shows_a_ring(open_window: OpenWindow, context: Context, qtbot: QtBot) -> None:
    window = open_window(context)
    window.activateWindow()
    for button in (window.toolbar.buttons["zoom.fit"], window.toolbar.buttons["ai.run_exam"]):
        before = button.grab().toImage()
        button.setFocus(Qt.FocusReason.TabFocusReason)
        QApplication.processEvents()
        after = button.grab().toImage()
        middle = after.height() // 2
        assert before.pixelColor(1, middle) != after.pixelColor(1, middle)
        assert after.pixelColor(1, middle).name().upper() == "#5AA9FF"


def test_reading_by_keyboard_alone(open_window: OpenWindow, qtbot: QtBot) -> None:
    """Open, hang, scroll, run the AI, go through the patches, hide the AI: no mouse."""
    context = make_context()
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    context.settings.recent = ["/exams/one"]
    window = open_window(context)
    window.activateWindow()
    window.setFocus()
    while window.regions.current is not window.study:
        qtbot.keyClick(QApplication.focusWidget() or window, Qt.Key.Key_F6)
        window.regions.step(+1)
    for _ in range(40):
        focus = QApplication.focusWidget()
        assert focus is not None
        if focus.accessibleName() == "Open /exams/one":
            break
        qtbot.keyClick(focus, Qt.Key.Key_Tab)
    qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert actions.calls[-1][0] == "open_paths"


def test_keys_drive_a_reading(open_window: OpenWindow, results_context: Context, qtbot: QtBot) -> None:
    context = results_context
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    window = open_window(context)
    window.activateWindow()
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(window, Qt.Key.Key_2, control)
    qtbot.keyClick(window, Qt.Key.Key_Period)
    qtbot.keyClick(window, Qt.Key.Key_R)
    assert [call for call in actions.calls if call[0] in ("hang", "step_hanging", "run_ai")] == [
        ("hang", "compare"), ("step_hanging", 1), ("run_ai", "exam"),
    ]  # fmt: skip
    state = context.session.active_state
    assert state is not None
    qtbot.keyClick(window, Qt.Key.Key_Down)
    assert state.slice_index == 7
    qtbot.keyClick(window, Qt.Key.Key_J)
    assert context.session.selected_patch is not None
    first = context.session.selected_patch
    qtbot.keyClick(window, Qt.Key.Key_J)
    assert context.session.selected_patch != first
    qtbot.keyClick(window, Qt.Key.Key_G)
    assert not context.session.overlays.settings.visible
