"""Status bar, banners and the sheet of keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from tests.helpers.panel_fakes import make_context, make_exam, make_image, make_result
from viewer.commands import COMMANDS, Context
from viewer.model.session import Activity
from viewer.views import status_bar
from viewer.views.banner import BannerStack
from viewer.views.help_sheet import HelpSheet
from viewer.views.sheet_rows import sections
from viewer.views.sheet_rows import shown as key_shown
from viewer.views.status_bar import StatusBar

Show = Callable[..., QWidget]


@pytest.fixture
def context() -> Context:
    return make_context(make_exam())


def texts(stack: BannerStack) -> list[tuple[str, str]]:
    return [(banner.notice.level, banner.notice.text) for banner in stack.banners]


def test_the_research_notice_is_always_there(shown: Show, context: Context, qtbot: QtBot) -> None:
    bar = shown(StatusBar(context), 1000, 22)
    assert bar.height() == 22
    assert bar.research.text() == "Research use only - not for diagnosis"
    context.session.open_exam(None)
    context.session.set_identity_hidden(True)
    context.session.notice.emit("hint", "x" * 400)
    bar.resize(500, 22)
    qtbot.wait(10)
    assert bar.research.isVisible()
    assert bar.research.width() >= bar.research.sizeHint().width()


def test_the_model_behind_the_active_image_is_named(shown: Show, context: Context, qtbot: QtBot) -> None:
    bar = shown(StatusBar(context), 1200, 22)
    assert not bar.model.isVisible()
    context.session.results.restore(make_result(context.session.exam.images[0]))
    qtbot.wait(10)
    assert bar.model.text() == "gmic3d   digital-breast-3d-1 (sha 3fa94c1e)   exact, cpu"
    context.session.activate(1)
    qtbot.wait(10)
    assert not bar.model.isVisible()


def test_progress_of_the_run(shown: Show, context: Context, qtbot: QtBot) -> None:
    bar = shown(StatusBar(context), 1200, 22)
    uids = tuple(image.sop_uid for image in context.session.exam.images[:3])
    results = context.session.results
    results.expect("job", uids)
    qtbot.wait(10)
    assert bar.activity.text() == "AI 3 waiting"
    results.progress("job", uids[1], "slices", 34, 66)
    qtbot.wait(10)
    assert (bar.activity.text(), bar.progress.text) == ("AI L-CC slices, 2 more waiting", "34/66")
    for uid in uids:
        results.failed("job", uid, "", cancelled=True)
    qtbot.wait(10)
    assert not bar.progress.isVisible()


def test_other_work_is_shown_with_a_number(shown: Show, context: Context, qtbot: QtBot) -> None:
    bar = shown(StatusBar(context), 1200, 22)
    context.session.set_activity(Activity("Reading headers", 120, 5000))
    qtbot.wait(10)
    assert (bar.activity.text(), bar.progress.text) == ("Reading headers", "120/5000")
    context.session.set_activity(None)
    qtbot.wait(10)
    assert not bar.activity.isVisible()


def test_a_hint_passes(shown: Show, context: Context, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_bar, "HINT_MS", 50)
    bar = shown(StatusBar(context), 1000, 22)
    assert bar.hint.text() == "AI ready"
    context.session.notice.emit("hint", "Cine: R-CC FFDM has one slice.")
    context.session.activate(1)
    assert bar.hint.text() == "Cine: R-CC FFDM has one slice."
    qtbot.waitUntil(lambda: bar.hint.text() == "AI ready")


def test_a_dead_worker_is_told_with_the_way_out(shown: Show, context: Context, qtbot: QtBot) -> None:
    bar = shown(StatusBar(context), 1000, 22)
    stack = shown(BannerStack(context), 1000, 100)
    assert stack.banners == []
    context.session.set_ai(state="dead")
    qtbot.wait(10)
    assert bar.hint.text() == "AI worker has stopped - Ctrl+R restarts it"
    assert bar.hint.tone == "error"
    assert texts(stack) == [
        ("error", "The AI worker has stopped; the images are not affected. Restart it, then run again."),
    ]
    banner = stack.banners[0]
    assert not banner.dismiss.isVisible()
    assert banner.button.text() == "Restart AI worker"
    qtbot.mouseClick(banner.button, Qt.MouseButton.LeftButton)
    assert context.actions.calls == [("restart_worker",)]
    context.session.set_ai(state="idle")
    qtbot.wait(10)
    assert not stack.isVisible()


def test_untrained_weights_have_a_banner_that_stays(shown: Show, context: Context, qtbot: QtBot) -> None:
    stack = shown(BannerStack(context), 1000, 100)
    context.session.results.restore(make_result(context.session.exam.images[2], untrained=True))
    qtbot.wait(10)
    assert texts(stack) == [
        (
            "warning",
            "UNTRAINED: random weights (random:0). Maps, patches and scores are noise. "
            "Import published weights with gmic-core models import.",
        )
    ]
    assert not stack.banners[0].dismiss.isVisible()
    assert stack.dismiss_newest() is False
    assert len(stack.banners) == 1
    context.session.results.clear()
    qtbot.wait(10)
    assert stack.banners == []


def test_an_open_question_has_a_red_banner(shown: Show, qtbot: QtBot) -> None:
    image = replace(make_image(), questions=("Left or right breast?",))
    context = make_context(replace(make_exam(), images=(image,)))
    stack = shown(BannerStack(context), 1000, 100)
    assert texts(stack) == [("error", "R-CC FFDM: Left or right breast? AI waits for the answer.")]
    qtbot.mouseClick(stack.banners[0].button, Qt.MouseButton.LeftButton)
    assert context.actions.calls == [("answer_question",)]
    image = replace(image, questions=("R-CC: the header says one edge, the pixels another.",))
    stack = shown(BannerStack(make_context(replace(make_exam(), images=(image,)))), 1000, 100)
    assert [text for _, text in texts(stack)] == [
        "R-CC FFDM: the header says one edge, the pixels another. AI waits for the answer."
    ]


def test_notices_are_dismissed_one_by_one(shown: Show, context: Context, qtbot: QtBot) -> None:
    stack = shown(BannerStack(context), 1000, 200)
    notice = context.session.notice
    notice.emit("hint", "passing")
    notice.emit("info", "first")
    notice.emit("error", "second")
    notice.emit("info", "first")
    assert texts(stack) == [("info", "first"), ("error", "second")]
    qtbot.mouseClick(stack.banners[1].dismiss, Qt.MouseButton.LeftButton)
    assert texts(stack) == [("info", "first")]
    assert stack.dismiss_newest() is True
    assert not stack.isVisible()


def test_banners_make_room_and_go_with_the_exam(shown: Show, context: Context, qtbot: QtBot) -> None:
    stack = shown(BannerStack(context), 1000, 300)
    for number in range(5):
        context.session.notice.emit("warning", f"notice {number}")
    assert [text for _, text in texts(stack)] == ["notice 4", "notice 3", "notice 2"]
    context.session.open_exam(make_exam("2"))
    qtbot.wait(10)
    assert stack.banners == []


def test_a_long_banner_wraps(shown: Show, context: Context) -> None:
    stack = shown(BannerStack(context), 900, 300)
    context.session.notice.emit("info", "short")
    context.session.notice.emit("error", "A sentence that says what happened and what to do. " * 5)
    heights = [banner.height() for banner in stack.banners]
    assert heights[1] == 36
    assert heights[0] > 40
    stack.resize(400, 300)
    assert stack.banners[0].height() > heights[0]


@pytest.mark.parametrize("annotating", [False, True])
def test_the_sheet_holds_every_key_of_the_table(annotating: bool) -> None:
    context = make_context(make_exam())
    context.session.annotation.set_on(annotating)
    found = dict(sections(context))
    written = {group: " ".join(keys for keys, _ in rows) for group, rows in found.items()}
    for entry in COMMANDS.values():
        if not entry.id.startswith("window.preset"):
            assert entry.keys_in_force(context) == entry.keys or annotating or entry.annotating
            for key in entry.keys_in_force(context):
                assert key_shown(key).split("+")[-1] in written[entry.group], entry.id
    assert ("1" in written["Annotation"].split()) is annotating
    assert ("F1 - F4", "Window presets") in found["Grey values"]
    assert ("↑ ↓, PgUp / PgDown", "Previous / next slice") in found["Slices"]
    assert ("Ctrl+← → ↑ ↓", "Move image") in found["Zoom and pan"]
    assert ("F", "Fit") in found["Zoom and pan"]
    assert ("Shift+Esc", "Cancel AI run") in found["AI"]
    assert ("Wheel", "Slice") in found["Mouse"]


def test_the_sheet_follows_changed_keys() -> None:
    context = make_context()
    context.keys.assign({"zoom.fit": ["Ctrl+F"], "zoom.true_size": [], "window.preset_2": ["F12"]})
    found = dict(sections(context))
    assert ("Ctrl+F", "Fit") in found["Zoom and pan"]
    assert not any(label == "True size" for _, label in found["Zoom and pan"])
    assert ("F1 / F12 / F3 / F4", "Window presets") in found["Grey values"]


def test_the_sheet_fits_a_small_screen(shown: Show) -> None:
    window = shown(QWidget(), 1366, 768)
    sheet = HelpSheet(make_context(), window)
    sheet.toggle()
    assert sheet.isVisible()
    assert sheet.geometry() == window.rect()
    need = sheet.sheet.sizeHint()
    assert need.width() <= 1366 - 40
    assert need.height() <= 768 - 24
    labels = [label for label in sheet.sheet.findChildren(QLabel) if label.text()]
    assert len(labels) > 100
    for label in labels:
        assert label.width() >= label.sizeHint().width(), label.text()
    assert sheet.area.verticalScrollBar().maximum() == 0
    assert sheet.area.horizontalScrollBar().maximum() == 0


def test_the_sheet_scrolls_where_the_interface_is_large(shown: Show, qtbot: QtBot) -> None:
    window = shown(QWidget(), 683, 384)  # 1366x768 at 200 %
    sheet = HelpSheet(make_context(), window)
    sheet.toggle()
    assert sheet.sheet.sizeHint().height() <= 384 - 20
    bar = sheet.area.verticalScrollBar()
    assert bar.maximum() > 0
    qtbot.keyClick(sheet, Qt.Key.Key_PageDown)
    assert bar.value() == bar.pageStep()
    qtbot.keyClick(sheet, Qt.Key.Key_Up)
    assert bar.value() == bar.pageStep() - 16


def test_the_sheet_closes_by_key_and_click(shown: Show, qtbot: QtBot) -> None:
    window = shown(QWidget(), 1366, 768)
    closed: list[bool] = []
    sheet = HelpSheet(make_context(), window, on_close=lambda: closed.append(True))
    sheet.toggle()
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    assert not sheet.isVisible()
    sheet.toggle()
    qtbot.mouseClick(sheet, Qt.MouseButton.LeftButton)
    assert not sheet.isVisible()
    sheet.toggle()
    sheet.toggle()
    assert not sheet.isVisible()
    assert closed == [True, True, True]
    assert sheet.close_sheet() is False
    window.resize(1600, 900)
    sheet.toggle()
    window.resize(1500, 900)
    qtbot.wait(10)
    assert sheet.width() == 1500


def test_dismiss_buttons_have_names(shown: Show, context: Context) -> None:
    stack = shown(BannerStack(context), 1000, 200)
    context.session.notice.emit("info", "first")
    buttons = stack.findChildren(QToolButton)
    assert [(button.accessibleName(), button.toolTip()) for button in buttons] == [("Dismiss", "Dismiss (Esc)")]
    assert stack.banners[0].accessibleName() == "Info: first"
