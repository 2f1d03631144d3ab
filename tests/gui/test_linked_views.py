"""Several modalities of one view in the real window: one scale, one cursor, one patch; measured on rendered pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from psygnal import Signal
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.exam.geometry import ORIENTATIONS
from gmic_core.exam.model import MammoImage, VoiWindow
from gmic_core.types import Modality, Roi
from tests.helpers.hung_images import make_exam, make_image, make_result
from tests.helpers.mouse import drag, leave, move, wheel
from tests.helpers.panel_fakes import RecordedActions, make_context
from viewer.commands import Context, run
from viewer.model.hanging import arrange, load_protocols
from viewer.model.placement import view_mm_map
from viewer.model.resample import Pyramid, build_pyramid
from viewer.model.viewstate import Slot
from viewer.views.main_window import MainWindow
from viewer.views.study_model import SOP_UID_MIME
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]
DOT = (-9.3, 21.6)
"""The planted dot in view mm: 9.3 mm above the middle, 21.6 mm from the chest wall."""
DOT_MM = 3.0
CTRL = Qt.KeyboardModifier.ControlModifier


class PlantedFrames:
    """Black images with a bright square at one place of the breast, and of volumes in one slice only.

    Parameters
    ----------
    boxes : what is bright, in view mm (down0, depth0, down1, depth1).
    """

    frame_ready = Signal(str, int)
    frame_failed = Signal(str, int, str)

    def __init__(self, box: tuple[float, float, float, float], dot_slice: int = 7) -> None:
        self.box, self.dot_slice = box, dot_slice
        self._made: dict[tuple[str, bool], Pyramid] = {}

    def get(self, image: MammoImage, slice_index: int) -> Pyramid | None:
        lit = image.frames == 1 or slice_index == self.dot_slice
        if (image.sop_uid, lit) not in self._made:
            pixels = np.zeros((image.rows, image.columns), np.uint16)
            corners = view_mm_map(image).inverse().apply([self.box[:2], self.box[2:]])
            (row0, col0), (row1, col1) = np.rint(corners.min(axis=0)).astype(int), np.rint(corners.max(axis=0) + 1)
            pixels[max(row0, 0) : int(row1), max(col0, 0) : int(col1)] = 4095 * lit
            self._made[image.sop_uid, lit] = build_pyramid(pixels)
        return self._made[image.sop_uid, lit]

    def request(self, image: MammoImage, slice_index: int) -> None:
        """Everything is there already."""

    def loaded(self, image: MammoImage) -> frozenset[int]:
        return frozenset(range(image.frames))


def around(place: tuple[float, float], size: float) -> tuple[float, float, float, float]:
    return (place[0] - size / 2, place[1] - size / 2, place[0] + size / 2, place[1] + size / 2)


def compared(label: str = "R-CC", turn: int = 0) -> Context:
    """Return DBT of 0.1 mm, FFDM of 0.065 mm and synthetic 2D of 0.1 mm of one view, stored in different ways."""
    window = {"windows": (VoiWindow(2048.0, 4096.0),)}
    images = [
        make_image(label, "DBT", shape=(500, 400), frames=12, stored=ORIENTATIONS[turn], **window),
        make_image(label, "FFDM", shape=(769, 615), spacing=(0.065, 0.065), stored=ORIENTATIONS[-1 - turn], **window),
        make_image(label, "S2D", shape=(500, 400), **window),
    ]
    return hung(images, "compare", PlantedFrames(around(DOT, DOT_MM)))


def hung(images: list[MammoImage], layout: str, frames: PlantedFrames) -> Context:
    context = make_context()
    context = Context(context.session, context.settings, frames, RecordedActions())
    exam = make_exam(*images)
    context.session.add_exams([exam], [])
    context.session.open_exam(exam)
    context.session.hang(layout, *arrange(load_protocols()[layout], exam, context.session))
    for slot in context.session.slots:
        if slot.state is not None and slot.state.image.frames > 1:
            slot.state.go_to_slice(frames.dot_slice)
    return context


def bright(view: ViewportView) -> tuple[float, float, float, float]:
    """Return (top, left, bottom, right) of what is bright in the picture of a viewport, in device pixels."""
    picture = view.picture()
    assert picture is not None
    image = picture.image
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 1]
    rows, columns = np.nonzero(pixels > 127)
    return float(rows.min()), float(columns.min()), float(rows.max()) + 1, float(columns.max()) + 1


def middle(box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Return (x, y) of the middle of a box."""
    return (box[1] + box[3]) / 2, (box[0] + box[2]) / 2


def place_of(view: ViewportView) -> tuple[float, float]:
    """Return (x, y) where a viewport shows the dot's place."""
    point = view.from_view_mm(DOT)
    assert point is not None
    return point.x(), point.y()


def grabbed(view: ViewportView) -> npt.NDArray[np.int_]:
    QApplication.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return pixels[:, : image.width()].astype(int)


# -- zoom, pan, cursor -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("label", ["R-CC", "L-CC", "R-MLO", "L-MLO"])
@pytest.mark.parametrize("turn", [0, 5])
def test_zoom_pan_and_cursor_are_one_in_all_modalities(open_window: OpenWindow, label: str, turn: int) -> None:
    """A planted dot stays at one place of all three viewports, whatever the pixel sizes and the stored orientation."""
    context = compared(label, turn)
    views = open_window(context).grid.views
    ffdm = views[1]
    for step in range(3):
        dots = [bright(view) for view in views]
        scale = context.session.placement(0).scale
        expected = [place_of(view) for view in views]
        for dot, there in zip(dots, expected, strict=True):
            assert middle(dot) == pytest.approx(there, abs=1.0)
            assert there == pytest.approx(expected[1], abs=1.01)  # viewports differ by a pixel in width
            assert dot[2] - dot[0] == pytest.approx(DOT_MM * scale, abs=2.0)
        place = QPointF(*expected[1])
        move(ffdm, place)
        for view in (views[0], views[2]):
            assert view.linked_cursor == pytest.approx(DOT, abs=1.0 / scale)
            point = view.from_view_mm(view.linked_cursor or (0.0, 0.0))
            assert point is not None
            assert (point.x(), point.y()) == pytest.approx((place.x(), place.y()), abs=1.01)
        if step == 0:
            wheel(ffdm, 360, place, CTRL)
        else:
            drag(views[2], place, QPointF(-17, 23), Qt.MouseButton.MiddleButton)
    leave(ffdm)
    assert context.session.links.cursor is None


def test_the_cross_is_drawn_where_the_mouse_of_the_other_viewport_points(open_window: OpenWindow) -> None:
    context = compared()
    first, second, _ = open_window(context).grid.views
    before = grabbed(first)
    place = QPointF(60, 300)
    move(second, place)
    rows, columns = np.nonzero(np.abs(grabbed(first) - before).max(axis=2) > 60)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(300, abs=2)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(60, abs=2)


def test_the_cursor_moves_by_keys_alone(open_window: OpenWindow) -> None:
    context = compared("L-CC")
    views = open_window(context).grid.views
    run("layout.activate", context, 1)
    run("compare.cursor_right", context)
    start = context.session.links.cursor
    assert start is not None
    assert start.at == pytest.approx((0.0, context.session.placement(1).depth))
    run("compare.cursor_right", context)
    run("compare.cursor_up", context)
    moved = context.session.links.cursor
    assert moved is not None
    step = 8 / context.session.placement(1).scale
    assert moved.at == pytest.approx((-step, start.depth + step))
    assert [view.linked_cursor for view in views] == [pytest.approx(moved.at)] * 3  # its own viewport shows it too
    leave(views[1])
    assert context.session.links.cursor is moved


def test_linked_depth_is_written_on_the_volumes(open_window: OpenWindow) -> None:
    images = [make_image(label, "DBT", shape=(500, 400), frames=9) for label in ("R-CC", "R-MLO")]
    context = hung([*images, make_image("L-CC", "FFDM", shape=(500, 400))], "2x2", PlantedFrames(around(DOT, DOT_MM)))
    views = open_window(context).grid.views

    def badged() -> list[bool]:
        QApplication.processEvents()
        return ["depth linked" in [b[0] for line in view.corner_lines() for b in line.line.badges] for view in views]

    assert badged() == [False] * 4
    run("compare.link_depth", context)
    assert badged() == [True, False, True, False]


# -- same size, chest walls ------------------------------------------------------------------------------------------
def test_an_object_of_100_mm_is_as_large_at_0065_as_at_01_mm(open_window: OpenWindow) -> None:
    window = {"windows": (VoiWindow(2048.0, 4096.0),)}
    images = [
        make_image("R-CC", "FFDM", shape=(1700, 1250), spacing=(0.1, 0.1), **window),
        make_image("L-CC", "FFDM", shape=(2615, 1923), spacing=(0.065, 0.065), **window),
    ]
    context = hung(images, "2x2", PlantedFrames((-50.0, 5.0, 50.0, 105.0)))
    views = open_window(context).grid.views
    sizes = [(box[2] - box[0], box[3] - box[1]) for box in (bright(views[0]), bright(views[1]))]
    assert sizes[0] == pytest.approx(sizes[1], abs=1.01)
    assert sizes[0][0] == pytest.approx(100 * context.session.placement(0).scale, abs=1.5)


@pytest.mark.parametrize("layout", ["2x2", "all", "prior"])
def test_chest_walls_touch(open_window: OpenWindow, layout: str) -> None:
    """Between the breast of a right and of a left viewport there are two dark columns at most."""
    window = {"windows": (VoiWindow(2048.0, 4096.0),)}
    images = [
        make_image(label, modality, shape=(500, 400), frames=frames, **window)
        for label in ("R-CC", "L-CC", "R-MLO", "L-MLO")
        for modality, frames in (("FFDM", 1), ("DBT", 8))
    ]
    context = hung(images, layout, PlantedFrames((-10.0, 0.0, 10.0, 20.0)))
    grid = open_window(context).grid
    whole = grid.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(whole.constBits(), np.uint8).reshape(whole.height(), whole.bytesPerLine() // 4, 4)[..., 1]
    pairs = 0
    for right, left in zip(grid.views, grid.views[1:], strict=False):
        states = (right.state, left.state)
        if None in states or [state.image.label[0] for state in states if state] != ["R", "L"]:
            continue
        pairs += 1
        row = pixels[right.y() + right.height() // 2]
        edge = left.x()
        dark = [x for x in range(edge - 5, edge + 5) if row[x] < 128]
        assert len(dark) <= 2, (layout, dark)
    assert pairs == {"2x2": 2, "all": 4, "prior": 2}[layout]


# -- from a place to its slice ---------------------------------------------------------------------------------------
def test_a_place_on_the_ffdm_offers_its_slice_and_one_key_goes_there(open_window: OpenWindow, qtbot: QtBot) -> None:
    context = compared("L-MLO")
    window = open_window(context)
    dbt, ffdm, _ = window.grid.views
    state = dbt.state
    assert state is not None
    dot = bright(ffdm)
    state.go_to_slice(2)
    move(ffdm, QPointF(*middle(dot)))
    qtbot.waitUntil(lambda: context.session.links.offer is not None, timeout=10_000)
    qtbot.waitUntil(lambda: "DBT slice 8" in window.status.hint.text(), timeout=10_000)
    assert window.status.hint.text() == "DBT slice 8: strongest contrast here - Z goes there"
    assert state.slice_index == 2  # an offer moves nothing
    assert run("compare.go_to_depth", context)
    assert state.slice_index == 7
    assert middle(bright(dbt)) == pytest.approx(middle(dot), abs=2.0)


def test_without_a_dbt_viewport_the_comparison_is_hung_first(open_window: OpenWindow) -> None:
    context = compared("R-CC")
    session = context.session
    ffdm = next(slot.state for slot in session.slots if slot.state and slot.state.image.modality is Modality.FFDM)
    session.hang("single", (1, 1), [Slot(0, 0, "R-CC", ffdm)])
    open_window(context)
    assert not run("compare.go_to_depth", context)  # nothing is pointed at
    run("compare.cursor_up", context)
    session.links.set_cursor(replace(session.links.cursor, down=DOT[0], depth=DOT[1]))  # type: ignore[type-var]
    assert run("compare.go_to_depth", context)
    assert context.actions.calls == [("hang", "compare")]  # type: ignore[attr-defined]
    shown = session.active_image
    assert shown is not None
    assert (shown.modality, session.state_of(shown).slice_index) == (Modality.DBT, 7)


# -- patches ---------------------------------------------------------------------------------------------------------
def test_a_patch_clicked_in_one_image_is_boxed_in_all(open_window: OpenWindow) -> None:
    context = compared("R-MLO", turn=3)
    session = context.session
    views = open_window(context).grid.views
    dbt = next(slot.state.image for slot in session.slots if slot.state and slot.state.image.frames > 1)
    corners = np.rint(view_mm_map(dbt).inverse().apply([(-15.0, 15.0), (-5.0, 25.0)]) + 0.5).astype(int)
    (row0, col0), (row1, col1) = corners.min(axis=0), corners.max(axis=0)
    rois = (Roi(7, int(row0), int(col0), int(row1), int(col1), 0.8, (0.1, 0.9)), Roi(1, 0, 0, 20, 20, 0.2, (0.1, 0.2)))
    session.results.restore(make_result(dbt, rois=rois))
    before = [grabbed(view) for view in views]
    place = views[0].from_view_mm((-10.0, 20.0))
    assert place is not None
    drag(views[0], place, QPointF(0, 0), steps=1)
    assert session.selected_patch == (dbt.sop_uid, 0)
    top_left, bottom_right = views[1].from_view_mm((-15.0, 25.0)), views[1].from_view_mm((-5.0, 15.0))
    assert top_left is not None
    assert bottom_right is not None
    for view, old in zip(views[1:], before[1:], strict=True):
        changed = np.abs(grabbed(view) - old).max(axis=2) > 40
        rows, columns = np.nonzero(changed[round(top_left.y()) - 1 :, :])
        assert columns.min() == pytest.approx(top_left.x(), abs=2)
        assert columns.max() == pytest.approx(bottom_right.x(), abs=2)
        assert rows.max() + round(top_left.y()) - 1 == pytest.approx(bottom_right.y(), abs=2)
    drag(views[0], QPointF(5, views[0].height() - 5), QPointF(0, 0), steps=1)
    assert session.selected_patch == (dbt.sop_uid, 0)  # a click beside every box changes nothing


# -- earlier exams ---------------------------------------------------------------------------------------------------
def test_an_image_of_the_prior_can_be_dropped_and_is_marked_one_of_a_stranger_cannot(open_window: OpenWindow) -> None:
    context = compared("R-CC")
    session = context.session
    old = replace(make_exam(make_image("R-CC", uid="old"), study="2.25.8"), date="20200229")
    stranger = make_exam(make_image("R-CC", uid="other"), study="2.25.9", patient="SIM-2")
    session.add_exams([old, stranger], [])
    window = open_window(context)
    view = window.grid.views[2]

    def drop(uid: str) -> None:
        data = QMimeData()
        data.setData(SOP_UID_MIME, uid.encode())
        action, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(view, QDragEnterEvent(QPoint(5, 5), action, data, left, none))
        QApplication.sendEvent(view, QDropEvent(QPointF(5, 5), action, data, left, none))

    hints: list[str] = []
    session.notice.connect(lambda level, text: hints.append(text))
    drop("other")
    assert view.state is not None
    assert view.state.image.modality is Modality.S2D
    assert hints == ["That image is of another patient's exam; open that exam to see it."]
    drop("old")
    assert view.state.image.sop_uid == "old"
    badges = [text for placed in view.corner_lines() for text, _ in placed.line.badges]
    assert "PRIOR 2020-02-29" in badges
    run("view.hide_identity", context)
    words = [text for placed in view.corner_lines() for text in (placed.line.text, *(b[0] for b in placed.line.badges))]
    assert "PRIOR" in words
    assert not any("2020" in word for word in words)
    dragged = {
        row.child(0, 0).data(Qt.ItemDataRole.UserRole + 2).sop_uid: row.child(0, 0).isDragEnabled()
        for row in (window.study.list.study_model.item(index) for index in range(3))
    }
    assert dragged == {"R-CC.DBT": True, "old": True, "other": False}
