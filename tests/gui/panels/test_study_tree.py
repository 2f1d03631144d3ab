"""The study list: exams, images, rejected files, dragging, opening."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from gmic_core.exam.model import Exam, Rejection
from tests.helpers.panel_fakes import hang_four, make_context, make_exam, make_image, make_result
from viewer.commands import Context
from viewer.views import theme
from viewer.views.study_model import DATA, KIND, REJECTED, SOP_UID_MIME, ai_text, badge, contents, extras
from viewer.views.study_tree import StudyTree

Show = Callable[..., QWidget]


@pytest.fixture
def tree(shown: Show) -> StudyTree:
    """Two exams, the first one open, and two rejected files."""
    context = make_context(make_exam(frames=66))
    other = make_exam("2", name="SIMULATED^Berta", pid="SIM-2")
    rejected = [Rejection(Path("/in/ct.dcm"), "CT of another body part (CHEST)"), Rejection(Path("/in/a.txt"), "text")]
    context.session.add_exams([other], rejected)
    return shown(StudyTree(context), 240, 700)


def context_of(tree: StudyTree) -> Context:
    return tree._context


def rows(tree: StudyTree, parent: QModelIndex | None = None) -> list[str]:
    model, parent = tree.list.model(), parent or QModelIndex()
    return [model.index(row, 0, parent).data() for row in range(model.rowCount(parent))]


def row(tree: StudyTree, *path: int) -> QModelIndex:
    index = QModelIndex()
    for number in path:
        index = tree.list.model().index(number, 0, index)
    return index


def test_an_empty_list_says_what_to_do(shown: Show, qtbot: QtBot) -> None:
    context = make_context()
    context.settings.recent = ["/data/one", "/data/two"]
    tree = shown(StudyTree(context), 240, 600)
    assert tree.empty_label.text() == "Drop a DICOM folder here, or press Ctrl+O"
    assert tree.empty.isVisible()
    buttons = tree.empty.findChildren(QPushButton)
    assert [button.text() for button in buttons] == ["/data/one", "/data/two"]
    qtbot.mouseClick(buttons[1], Qt.MouseButton.LeftButton)
    assert context.actions.calls == [("open_paths", [Path("/data/two")])]


def test_exams_unfold_to_images(tree: StudyTree) -> None:
    assert rows(tree) == ["SIMULATED, Ada", "SIMULATED, Berta", "2 files not shown"]
    assert rows(tree, row(tree, 0))[:5] == ["R-CC DBT 66", "L-CC DBT 66", "R-MLO DBT 66", "L-MLO DBT 66", "R-CC FFDM"]
    assert [tree.list.isExpanded(row(tree, number)) for number in range(3)] == [True, False, False]
    assert not tree.empty.isVisible()


def test_what_sets_an_image_apart_has_a_line_of_its_own_that_is_not_cut_off(shown: Show) -> None:
    spot = replace(make_image(view="MLO"), view_modifiers=("implant displaced",), for_processing=True)
    assert (extras(spot), extras(make_image())) == ("implant displaced, for processing", "")
    tree = shown(StudyTree(make_context(replace(make_exam(), images=(spot,)))), theme.TREE_WIDTH, 300)
    assert rows(tree, row(tree, 0)) == [f"{spot.label} implant displaced, for processing FFDM"]
    width = QFontMetrics(theme.caption_font()).horizontalAdvance("implant displaced")
    assert width < tree.list.visualRect(row(tree, 0, 0)).width() - 28 - 40 - 10 - 8


def test_badges_and_contents() -> None:
    exam = make_exam(frames=66)
    assert [badge(image) for image in exam.images[3:5]] == ["DBT 66", "FFDM"]
    assert contents(exam) == "4 FFDM, 4 DBT"


def test_rejected_files_are_counted_and_say_why(tree: StudyTree) -> None:
    head = row(tree, 2)
    assert head.data(KIND) == REJECTED
    assert rows(tree, head) == ["ct.dcm", "a.txt"]
    assert row(tree, 2, 0).data(Qt.ItemDataRole.ToolTipRole) == "/in/ct.dcm\nCT of another body part (CHEST)"


def test_images_of_the_open_exam_are_dragged_by_uid(tree: StudyTree) -> None:
    model = tree.list.model()
    index = row(tree, 0, 5)
    assert model.mimeData([index]).data(SOP_UID_MIME).data().decode() == index.data(DATA).sop_uid
    assert model.flags(index) & Qt.ItemFlag.ItemIsDragEnabled
    for other in (row(tree, 0), row(tree, 1, 0), row(tree, 2), row(tree, 2, 0)):
        assert not model.flags(other) & Qt.ItemFlag.ItemIsDragEnabled


def test_double_click_shows_an_image_in_the_active_viewport(tree: StudyTree) -> None:
    session = context_of(tree).session
    session.activate(3)
    tree.list.doubleClicked.emit(row(tree, 0, 4))
    assert (session.active, session.active_image.label, session.active_image.modality) == (3, "R-CC", "FFDM")


def test_enter_opens_an_exam_and_arrows_stay_in_the_list(tree: StudyTree, qtbot: QtBot) -> None:
    exams = context_of(tree).session.exams
    tree.list.setFocus()
    tree.list.setCurrentIndex(row(tree, 0, 7))
    qtbot.keyClick(tree.list, Qt.Key.Key_Down)
    assert tree.list.currentIndex() == row(tree, 1)
    qtbot.keyClick(tree.list, Qt.Key.Key_Return)
    assert context_of(tree).actions.calls == [("open_exam", exams[1])]


def test_an_image_of_another_exam_opens_that_exam(tree: StudyTree) -> None:
    tree.list.open_index(row(tree, 1, 2))
    assert context_of(tree).actions.calls == [("open_exam", context_of(tree).session.exams[1])]


def test_a_click_folds(tree: StudyTree, qtbot: QtBot) -> None:
    place = tree.list.visualRect(row(tree, 1)).center()
    qtbot.mouseClick(tree.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert tree.list.isExpanded(row(tree, 1))
    tree.list.open_index(row(tree, 2))
    assert tree.list.isExpanded(row(tree, 2))


def test_folds_survive_a_new_scan_and_the_open_exam_unfolds(tree: StudyTree, qtbot: QtBot) -> None:
    session = context_of(tree).session
    tree.list.expand(row(tree, 2))
    session.add_exams([make_exam("3", name="SIMULATED^Clara")], [Rejection(Path("x"), "empty file")])
    session.open_exam(session.exams[2])
    qtbot.wait(10)
    assert rows(tree) == ["SIMULATED, Ada", "SIMULATED, Berta", "SIMULATED, Clara", "3 files not shown"]
    # the exam that was open before folds; what the reader unfolded stays
    assert [tree.list.isExpanded(row(tree, number)) for number in range(4)] == [False, False, True, True]
    tree.list.expand(row(tree, 0))
    session.add_exams([make_exam("4", name="SIMULATED^Dora")], [])
    qtbot.wait(10)
    assert [tree.list.isExpanded(row(tree, number)) for number in range(4)] == [True, False, True, False]


def test_an_exam_that_is_opened_comes_into_sight(shown: Show, qtbot: QtBot) -> None:
    context = make_context(make_exam())
    session = context.session
    others = [make_exam(str(number), name=f"SIMULATED^Number {number}") for number in range(2, 12)]
    session.add_exams(others, [])
    tree = shown(StudyTree(context), 240, 400)
    assert not tree.list.viewport().rect().contains(tree.list.visualRect(row(tree, 10)))
    session.open_exam(others[-1])
    qtbot.wait(10)
    assert tree.list.viewport().rect().contains(tree.list.visualRect(row(tree, 10)))
    assert tree.list.isExpanded(row(tree, 10))


def test_what_is_doubtful_about_an_exam_is_in_its_tooltip(shown: Show) -> None:
    exam = replace(make_exam(), warnings=("images of one patient ID carry different birth dates; check them",))
    tree = shown(StudyTree(make_context(exam)), 240, 400)
    assert "carry different birth dates" in row(tree, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_hidden_identity_is_nowhere_in_the_list(tree: StudyTree, qtbot: QtBot) -> None:
    context_of(tree).session.set_identity_hidden(True)
    qtbot.wait(10)
    assert rows(tree) == ["Exam 1", "Exam 2", "2 files not shown"]
    texts = []
    for path in ((0,), (1,), (0, 0), (2,), (2, 0)):
        texts += [row(tree, *path).data(), row(tree, *path).data(Qt.ItemDataRole.ToolTipRole)]
    assert not any(word in text for text in texts for word in ("Ada", "Berta", "SIM-", "2024", "ct.dcm"))


def color_at(tree: StudyTree, index: QModelIndex, x: int, y: int) -> str:
    place = tree.list.visualRect(index)
    return tree.list.viewport().grab().toImage().pixelColor(place.left() + x, place.top() + y).name().upper()


def test_thumbnails_hang_upright_and_the_active_image_is_marked(tree: StudyTree) -> None:
    right, left = row(tree, 0, 0), row(tree, 0, 1)
    assert color_at(tree, right, 1, 28) == theme.ACCENT
    assert color_at(tree, left, 1, 28) == theme.PANEL
    # 40 x 48 at (28, 4): the chest wall of the right breast is on the right, of the left breast on the left
    assert color_at(tree, right, 28 + 2, 4 + 24) == "#000000"
    assert color_at(tree, right, 28 + 35, 4 + 26) != "#000000"
    assert color_at(tree, left, 28 + 4, 4 + 26) != "#000000"
    assert color_at(tree, left, 28 + 37, 4 + 24) == "#000000"


def test_thumbnails_wait_for_pixels_without_asking_for_them(shown: Show, qtbot: QtBot) -> None:
    context = make_context(make_exam(), ready=False)
    tree = shown(StudyTree(context), 240, 700)
    uid = context.session.exam.images[0].sop_uid
    assert tree.list.thumbnail(uid) is None
    assert context.frames.requested == []
    context.frames.ready = True
    context.frames.frame_ready.emit(uid, 6)
    qtbot.wait(10)
    assert tree.list.thumbnail(uid).width() == 40
    first = tree.list.thumbnail(uid)
    context.session.state_of(context.session.image(uid)).set_inverted(True)
    assert tree.list.thumbnail(uid).toImage() != first.toImage()


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ([], "AI waiting"),
        ([("progress", "slices", 34, 66)], "AI 34/66"),
        ([("failed", "no DBT model")], "AI not possible"),
    ],
)
def test_progress_per_image(steps: list[tuple[object, ...]], text: str) -> None:
    context = make_context(make_exam())
    uid = context.session.exam.images[0].sop_uid
    results = context.session.results
    assert ai_text(results.get(uid)) == ""
    results.expect("job", (uid,))
    for name, *values in steps:
        getattr(results, str(name))("job", uid, *values)
    assert ai_text(results.get(uid)) == text


def test_finished_images_say_so() -> None:
    context = make_context(make_exam())
    first, second = context.session.exam.images[:2]
    context.session.results.restore(make_result(first))
    context.session.results.restore(make_result(second, untrained=True))
    assert ai_text(context.session.results.get(first.sop_uid)) == "AI done"
    assert ai_text(context.session.results.get(second.sop_uid)) == "AI done, untrained"


def test_an_open_question_is_in_the_list(shown: Show) -> None:
    image = replace(make_image(), questions=("Left or right breast?",))
    exam = Exam("SIM", "SIMULATED^Q", "2.25.9", "", (image,))
    context = make_context(exam)
    hang_four(context.session, exam)
    tree = shown(StudyTree(context), 240, 300)
    assert "Left or right breast?" in row(tree, 0, 0).data(Qt.ItemDataRole.ToolTipRole)
    grab = tree.list.viewport().grab().toImage()
    place = tree.list.visualRect(row(tree, 0, 0))
    reds = [grab.pixelColor(x, y).name().upper() for x in range(80, 220) for y in range(place.top(), place.bottom())]
    assert theme.ERROR in reds


def test_the_heading_opens_files_and_folders(tree: StudyTree, qtbot: QtBot) -> None:
    for name in ("file.open", "file.open_folder"):
        qtbot.mouseClick(tree.findChild(QToolButton, name), Qt.MouseButton.LeftButton)
    assert context_of(tree).actions.calls == [("open_dialog",), ("open_folder_dialog",)]
