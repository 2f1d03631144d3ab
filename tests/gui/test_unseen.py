"""What the network saw, in the real window: outline, veil, structures outside, and what is said about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QPointF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.coverage import Coverage, Structure, coverage_notes
from gmic_core.exam.geometry import ORIENTATIONS, Orientation
from gmic_core.exam.model import MammoImage, VoiWindow
from gmic_core.preprocessing import WindowPlan
from tests.core.preprocessing.test_plan import planned, spec_for
from tests.helpers import hung_images
from tests.helpers.mouse import move
from tests.helpers.panel_fakes import make_result
from viewer.commands import COMMANDS, Context, run
from viewer.model.marks import Mark
from viewer.model.placement import Placement
from viewer.model.render import build_pyramid
from viewer.model.report import gather
from viewer.model.viewstate import Slot
from viewer.views import theme
from viewer.views.command_widgets import install_shortcuts
from viewer.views.main_window import MainWindow
from viewer.views.marks_list import ROW
from viewer.views.marks_panel import MarksPanel
from viewer.views.viewport_grid import ViewportGrid
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]
SHAPE = (512, 384)
DOT = (30, 330, 42, 342)
"""12 x 12 pixels of the right-facing breast's image, above the crop and beside the window."""
WINDOW = (380, 300)


@pytest.fixture
def view(qtbot: QtBot, qapp: QApplication, context: Context) -> ViewportView:
    """The viewports alone: a whole window takes a second more."""
    if not qapp.styleSheet():
        theme.apply(qapp)
    grid = ViewportGrid(context)
    qtbot.addWidget(grid)
    install_shortcuts(grid, context)
    grid.resize(820, 640)
    grid.show()
    qtbot.waitExposed(grid)
    qapp.processEvents()
    return grid.views[0]


def pixels(view: ViewportView) -> np.ndarray:
    """Return how bright the viewport is, (rows, columns)."""
    QApplication.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    array = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return array[:, : image.width(), :3].max(axis=2).astype(int)


def hang(
    context: Context,
    label: str,
    turn: Orientation,
    uid: str,
    window: tuple[int, int] = WINDOW,
    dot: tuple[int, int, int, int] = DOT,
) -> tuple[MammoImage, WindowPlan]:
    """Show a breast of 300 x 200 pixels with a dot beside it, and what the preprocessing makes of it."""
    facing = np.zeros(SHAPE, np.uint16)
    facing[100:400, :200] = 1500
    row0, col0, row1, col1 = dot
    facing[row0:row1, col0:col1] = 3000
    stored = np.ascontiguousarray(turn.apply(facing))
    image = hung_images.make_image(label, uid=uid, shape=SHAPE, stored=turn, windows=(VoiWindow(2048.0, 4096.0),))
    plan, _ = planned(stored, image, spec_for(*window, 0.1))
    result = dataclasses.replace(
        hung_images.make_result(image),
        window_to_stored=plan.window.stored_to_network().inverse().matrix,
        window_shape=window,
        coverage=plan.coverage,
        outside_fraction=plan.outside_fraction,
        notes=plan.notes,
    )
    session = context.session
    session.open_exam(hung_images.make_exam(image))
    context.frames._made[(uid, 0)] = build_pyramid(stored)
    session.hang("single", (1, 1), [Slot(0, 0, label, session.state_of(image))])
    session.results.restore(result)
    return image, plan


def screen(context: Context, view: ViewportView, image: MammoImage, row: float, column: float) -> tuple[int, int]:
    """Return the (row, column) of the widget at which a point of the right-facing breast must be."""
    now, size = context.session.placement(0), (view.width(), view.height())
    found = hung_images.expected_screen(image, (row, column), SHAPE, (0.1, 0.1), (now.scale, now.down, now.depth), size)
    return round(found[0]), round(found[1])


def brightest(shown: np.ndarray, row: int, column: int) -> int:
    """Return the brightest of the pixels around one; a line may fall on either side of an edge."""
    return int(shown[row - 2 : row + 3, column - 2 : column + 3].max())


@pytest.mark.parametrize("label", ["R-CC", "L-CC", "R-MLO", "L-MLO"])
@pytest.mark.parametrize("number", range(8))
@pytest.mark.parametrize("placement", [None, Placement("free", 17.0, -14.0, 26.0)])
def test_window_veil_and_dot_are_drawn_where_they_lie(
    view: ViewportView, context: Context, label: str, number: int, placement: Placement | None
) -> None:
    image, plan = hang(context, label, ORIENTATIONS[number], str(number))
    run("overlay.patches", context)  # no boxes
    context.session.place(0, placement)
    before = pixels(view)
    run("overlay.window", context)
    after = pixels(view)

    def at(row: float, column: float) -> tuple[int, int]:
        return screen(context, view, image, row, column)

    top, left, bottom, right = DOT
    middle = ((top + bottom) / 2 - 0.5, (left + right) / 2 - 0.5)
    scale = context.session.placement(0).scale * 0.1  # device pixels per stored pixel
    half = max(12 * scale + 8, 12) / 2
    row, column = at(*middle)
    around = [
        (round(row + down), round(column + across)) for down, across in ((-half, 0), (half, 0), (0, -half), (0, half))
    ]
    around = [spot for spot in around if 4 < spot[0] < view.height() - 4 and 4 < spot[1] < view.width() - 4]
    assert len(around) >= 2
    for spot in around:
        assert brightest(after, *spot) > 150, spot  # the line around the dot
        assert brightest(before, *spot) < 60
    # the window: dashes along its edge on the nipple's side, in the air
    edge = plan.window.col0 + plan.window.columns - 0.5
    line = [at(down, edge) for down in range(60, 250)]
    line = [spot for spot in line if 4 < spot[0] < view.height() - 4 and 4 < spot[1] < view.width() - 4]
    drawn = [brightest(after, *spot) > 150 for spot in line]
    assert len(line) > 20
    assert sum(drawn) > 0.5 * len(line)
    assert not any(brightest(before, *spot) > 60 for spot in line)
    # what was seen is as it was, what was not is veiled
    inside = at(250, 100)
    assert after[inside] == before[inside] > 60
    dot = at(*middle)
    if 0 <= dot[0] < view.height() and 0 <= dot[1] < view.width():
        assert after[dot] < before[dot]


@pytest.mark.parametrize("label", ["R-CC", "L-MLO"])
def test_a_window_that_reaches_beyond_the_image_is_drawn_there(
    view: ViewportView, context: Context, label: str
) -> None:
    image, plan = hang(context, label, ORIENTATIONS[0], "1", window=(600, 450))
    assert (plan.window.col0, plan.window.columns) == (0, 450)  # the image has 384 columns
    context.session.place(0, Placement("free", 9.0, 0.0, 30.0))
    before = pixels(view)
    run("overlay.window", context)
    after = pixels(view)
    line = [screen(context, view, image, row, 449.5) for row in range(100, 400)]
    assert all(4 < row < view.height() - 4 and 4 < column < view.width() - 4 for row, column in line)
    assert sum(brightest(after, *spot) > 150 for spot in line) > 0.5 * len(line)
    assert not any(brightest(before, *spot) > 60 for spot in line)


def test_corner_text_keeps_away_from_an_outlined_dot(view: ViewportView, context: Context) -> None:
    image, _ = hang(context, "L-CC", ORIENTATIONS[0], "1", dot=(4, 366, 16, 378))
    context.session.place(0, Placement("free", 12.0, 0.0, 10.0))  # the dot comes to lie under the side marker
    row, column = screen(context, view, image, 9.5, 371.5)

    def over() -> list[str]:
        return [one.line.text for one in view.corner_lines() if one.rect.adjusted(-8, -8, 8, 8).contains(column, row)]

    pixels(view)
    covered = over()
    run("overlay.window", context)
    pixels(view)
    assert covered
    assert over() == []


def test_what_was_not_seen_is_said_under_the_mouse(view: ViewportView, context: Context) -> None:
    image, plan = hang(context, "L-MLO", ORIENTATIONS[0], "1", window=(512, 384))
    assert plan.coverage is not None
    assert plan.coverage.seen == (50, 0, 450, 250)
    for place, words in (
        ((36, 336), "outside the network's window, not analysed"),  # the dot
        ((49, 100), "outside the network's window, not analysed"),
        ((470, 100), "outside the network's crop of the breast, not analysed"),
        ((200, 300), "outside the network's crop of the breast, not analysed"),
        ((200, 100), ""),
    ):
        row, column = screen(context, view, image, *place)
        move(view, QPointF(column, row))
        assert view.readout.startswith("value ")
        assert view.readout.endswith(f"   {words}" if words else "middle"), place
    run("overlay.toggle_all", context)
    row, column = screen(context, view, image, 36, 336)
    move(view, QPointF(column, row))
    assert "not analysed" not in view.readout  # all AI is hidden


def badges(view: ViewportView) -> list[tuple[str, str]]:
    return [badge for placed in view.corner_lines() for badge in placed.line.badges]


def test_words_stand_beside_the_image_on_request(view: ViewportView, context: Context) -> None:
    hang(context, "L-CC", ORIENTATIONS[0], "1")
    assert not [text for text, _ in badges(view) if "analysed" in text or "window" in text]
    run("overlay.window", context)
    assert badges(view)[-3:] == [
        ("window 380x300 of 512x384", "secondary"),
        ("the whole breast analysed", "secondary"),
        ("1 structure not analysed", "normal"),
    ]
    run("overlay.window", context)
    assert not [text for text, _ in badges(view) if "analysed" in text or "window" in text]


def test_a_result_of_an_earlier_version_says_that_nothing_was_counted(view: ViewportView, context: Context) -> None:
    image, _ = hang(context, "L-CC", ORIENTATIONS[0], "1")
    entry = context.session.results.get(image.sop_uid)
    entry.result = dataclasses.replace(entry.result, coverage=None)
    run("overlay.window", context)
    assert badges(view)[-2:] == [
        ("window 380x300 of 512x384", "secondary"),
        ("kept by an earlier version: what lies outside was not counted", "secondary"),
    ]


def short() -> Coverage:
    """Return a coverage that leaves out 5.2 % of the breast."""
    return Coverage(
        (0, 0, 400, 384), 10000, 520, 0, (Structure(400, 0, 512, 90, 520, attached=True),), 1, projected=False
    )


def test_more_than_one_per_cent_of_the_breast_is_amber_without_asking(
    open_window: OpenWindow, context: Context, qtbot: QtBot
) -> None:
    image = context.session.slots[1].state.image
    coverage = short()
    result = dataclasses.replace(
        make_result(image, notes=coverage_notes(coverage)), coverage=coverage, outside_fraction=0.052
    )
    context.session.results.restore(result)
    context.session.activate(1)
    window = open_window(context)
    assert ("5.2% of the breast not analysed", "warning") in badges(window.grid.views[1])
    scores = window.ai.scores
    qtbot.waitUntil(lambda: bool(scores.notes.text()))
    assert scores.notes.text() == (
        "5.2% of the breast (520 of 10000 pixels) lies outside the network's window and was not analysed."
    )
    assert scores.notes.tone == "warning"
    assert scores.calm.text() == (
        "1 part connected with the breast of 112x90 pixels at row 400, column 0 lies outside what the network saw and "
        "was not analysed."
    )
    assert scores.calm.tone == "secondary"
    assert scores.origin.values["Not analysed"].text() == "0.052 of the breast (520 of 10000 pixels)"
    run("overlay.toggle_all", context)
    assert not [text for text, _ in badges(window.grid.views[1]) if "analysed" in text]


def test_a_share_of_one_per_cent_is_not_amber() -> None:
    assert not dataclasses.replace(short(), breast_outside=100).is_short
    assert dataclasses.replace(short(), breast_outside=101).is_short


def test_without_a_result_the_command_says_why(context: Context) -> None:
    command = COMMANDS["overlay.window"]
    assert command.label == "Show what the network saw"
    assert command.keys == ("Ctrl+G",)
    assert command.why_disabled(context).startswith("there is no finished AI result for this image")


# -- marks ---------------------------------------------------------------------------------------------------------
def test_a_mark_where_the_network_did_not_look_is_told_and_listed(
    qtbot: QtBot, view: ViewportView, context: Context
) -> None:
    image, _ = hang(context, "L-CC", ORIENTATIONS[0], "1")
    panel = MarksPanel(context)
    qtbot.addWidget(panel)
    panel.show()
    told: list[tuple[str, str]] = []
    context.session.notice.connect(lambda level, text: told.append((level, text)))
    inside = Mark("length", image.sop_uid, 0, ((200, 50), (240, 90)))
    across = Mark("ellipse", image.sop_uid, 0, ((380, 50), (480, 150)))
    outside = Mark("arrow", image.sop_uid, 0, ((60, 300), (40, 335)), "what is this?")
    for mark in (inside, across, outside):
        run("marks.add", context, mark)
    assert told == [
        ("hint", "Ellipse: part of it lies outside what the network saw and was not analysed."),
        ("hint", "Arrow: it lies outside what the network saw: this place was not analysed."),
    ]
    qtbot.waitUntil(lambda: panel.list.count() == 3)
    rows = [panel.list.item(number).data(ROW) for number in range(3)]
    assert [row.facts for row in rows] == [
        "L-CC FFDM",
        "L-CC FFDM   partly not analysed",
        "L-CC FFDM   not analysed",
    ]
    assert panel.detail.text().endswith("It lies outside what the network saw: this place was not analysed.")
    run("marks.copy", context)
    ((name, text),) = context.actions.calls[-1:]
    assert name == "copy_text"
    assert text.endswith("It lies outside what the network saw: this place was not analysed.")
    run("overlay.toggle_all", context)  # nothing of the AI may show
    qtbot.waitUntil(lambda: "not analysed" not in panel.detail.text())
    assert panel.list.item(2).data(ROW).facts == "L-CC FFDM"


def test_the_report_names_the_image_and_the_marks(view: ViewportView, context: Context) -> None:
    image, _ = hang(context, "L-CC", ORIENTATIONS[0], "1")
    run("marks.add", context, Mark("arrow", image.sop_uid, 0, ((60, 300), (40, 335)), "Mrs Somebody"))
    run("marks.add", context, Mark("length", image.sop_uid, 0, ((200, 50), (240, 90))))
    notes = gather(context.session, identified=False).notes
    assert notes[-2:] == (
        "L-CC FFDM: 1 structure of 12x12 pixels at row 30, column 330 lies outside what the network saw and was not "
        "analysed. Side markers and labels count as well.",
        "L-CC FFDM: Arrow. It lies outside what the network saw: this place was not analysed.",
    )
    assert not any("Somebody" in note for note in notes)
