"""What gets onto the screen: output per screen, true size, air, calibration notice, hidden identity, presets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, QCoreApplication, QEvent, QModelIndex, QPointF, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QApplication, QLabel, QWidget
from pytestqt.qtbot import QtBot

from gmic_core.exam.model import Rejection, VoiTable, VoiWindow
from gmic_core.types import Modality
from tests.helpers.mouse import move
from tests.helpers.panel_fakes import RecordedActions, make_context, make_exam, make_image
from viewer.app import Application
from viewer.app.screen_setup import ScreenSetup
from viewer.commands import Context, run, why_disabled
from viewer.model.display_file import load_displays
from viewer.model.displays import DisplayProfile, output_levels
from viewer.model.session import Activity
from viewer.model.test_pattern import STEPS, patch_centres
from viewer.model.viewstate import Slot
from viewer.views import screens
from viewer.views.display_dialog import RULER_PX
from viewer.views.main_window import MainWindow
from viewer.views.viewport_view import ViewportView

OpenWindow = Callable[[Context], MainWindow]
GSDF = DisplayProfile("gsdf", 0.5, 250.0)


def painted(view: ViewportView) -> np.ndarray:
    """Return the picture of a viewport without text, (height, width)."""
    picture = view.picture()
    assert picture is not None
    image = picture.image
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 1].astype(int)


@pytest.fixture
def setup(open_window: OpenWindow, context: Context) -> Iterator[tuple[MainWindow, ScreenSetup]]:
    window = open_window(context)
    setup = ScreenSetup(context.session, lambda: window)
    yield window, setup
    for left in (setup.dialog, setup.pattern):
        if left is not None:
            left.close()
    QApplication.processEvents()


# -- output ----------------------------------------------------------------------------------------------------------
def test_gsdf_changes_the_pixels_of_the_screen_that_it_is_for(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    view = window.grid.views[0]
    plain = painted(view)
    context.session.displays.set_profile("another screen", GSDF)
    np.testing.assert_array_equal(painted(view), plain)
    context.session.displays.set_profile(screens.key_of(window), GSDF)
    table = output_levels(np.arange(256.0), GSDF).astype(int)
    assert np.abs(painted(view) - table[plain]).max() <= 2  # rounded once instead of twice
    assert painted(view)[plain == 128].max() <= 98


def test_the_notice_stays_until_somebody_says_that_the_screen_is_calibrated(
    open_window: OpenWindow, context: Context
) -> None:
    window = open_window(context)
    notice = window.status.display
    assert (notice.isVisible(), notice.text()) == (True, "Display not calibrated")
    displays = context.session.displays
    displays.set_profile("another screen", DisplayProfile(calibrated="2024-05-06"))
    QApplication.processEvents()
    assert notice.isVisible()
    displays.set_profile(screens.key_of(window), DisplayProfile(calibrated="2024-05-06"))
    QApplication.processEvents()
    assert not notice.isVisible()
    notice.click()
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    assert ("show_display_setup",) in actions.calls


def test_what_is_entered_counts_for_the_windows_screen(setup: tuple[MainWindow, ScreenSetup], context: Context) -> None:
    window, screen_setup = setup
    screen_setup.show_dialog()
    dialog = screen_setup.dialog
    assert dialog is not None
    assert not dialog.brightest.isEnabled()
    assert dialog.brightest.toolTip() == "Not available: needed for GSDF only; choose it first."
    dialog.outputs["gsdf"].setChecked(True)
    dialog.darkest.setValue(300.0)
    assert not dialog.confirm.isEnabled()
    assert dialog.confirm.toolTip() == "Not available: white must be at least twice as bright as black."
    dialog.darkest.setValue(0.4)
    dialog.length.setValue(100.0)
    dialog.calibrated.setChecked(True)
    dialog.confirm.click()
    QApplication.processEvents()
    stored = context.session.displays.profile(screens.key_of(window))
    assert stored == DisplayProfile("gsdf", 0.4, 250.0, 100.0 / RULER_PX, date.today().isoformat())
    assert not window.status.display.isVisible()
    assert screen_setup.scale() == pytest.approx(4.0)

    screen_setup.show_dialog()
    dialog = screen_setup.dialog
    assert dialog is not None
    assert dialog.calibrated.isChecked()
    dialog.brightest.setValue(300.0)
    assert not dialog.calibrated.isChecked()  # another luminance has to be confirmed anew
    dialog.reject()
    assert context.session.displays.profile(screens.key_of(window)) == stored


def test_true_size_follows_the_ruler(setup: tuple[MainWindow, ScreenSetup], context: Context) -> None:
    window, screen_setup = setup
    actions = context.actions
    assert isinstance(actions, RecordedActions)
    key = screens.key_of(window)
    context.session.displays.set_profile(key, DisplayProfile(pixel_mm=0.25))
    actions.scale = screen_setup.scale()
    run("zoom.true_size", context)
    view = window.grid.views[0]
    ends = [view.from_view_mm((down, 20.0)) for down in (0.0, 10.0)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[1].y() - ends[0].y() == pytest.approx(40.0)  # 10 mm on a screen of 0.25 mm
    context.session.displays.set_profile(key, DisplayProfile(pixel_mm=0.2))
    screen_setup.follow_screen()
    ends = [view.from_view_mm((down, 20.0)) for down in (0.0, 10.0)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[1].y() - ends[0].y() == pytest.approx(50.0)


def test_the_pattern_is_sent_as_the_images_are(setup: tuple[MainWindow, ScreenSetup], context: Context) -> None:
    window, screen_setup = setup
    context.session.displays.set_profile(screens.key_of(window), GSDF)
    screen_setup.show_pattern()
    pattern = screen_setup.pattern
    assert pattern is not None
    picture = pattern.picture()
    size = (picture.width(), picture.height())
    found = [picture.pixelColor(column, row).red() for row, column in patch_centres(*size)]
    assert found == output_levels(np.array(STEPS, float), GSDF).tolist()
    assert "GSDF from 0.5 to 250 cd/m²     not calibrated" in pattern.text()
    assert QTest.qWaitForWindowActive(pattern)
    QTest.keyClick(pattern, Qt.Key.Key_Escape)
    assert screen_setup.pattern is None


def test_screens_are_remembered(qapp: QApplication, qtbot: QtBot) -> None:
    app = Application(qapp)
    app.session.displays.set_profile("EIZO RX360 7", replace(GSDF, calibrated="2024-05-06"))
    app.shutdown()
    assert load_displays()[0] == {"EIZO RX360 7": replace(GSDF, calibrated="2024-05-06")}
    again = Application(qapp)
    assert again.session.displays.profile("EIZO RX360 7").calibrated == "2024-05-06"
    again.shutdown()
    untouched = Application(qapp, remember=False)  # pictures come out the same on every machine
    assert untouched.session.displays.profiles == {}
    untouched.shutdown()


# -- grey values -----------------------------------------------------------------------------------------------------
def test_air_stays_black_unless_the_reader_wants_to_see_it(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    to_screen = view.to_screen()
    assert to_screen is not None
    row, column = np.rint(to_screen.apply([20.0, 20.0])).astype(int)  # an upper corner on the nipple's side
    air = (slice(row - 10, row + 10), slice(column - 10, column + 10))
    assert painted(view)[air].max() == 0
    for _ in range(2):
        run("window.invert", context)
        for window in (None, VoiWindow(10.0, 20.0), VoiWindow(-300.0, 2.0), VoiWindow(3000.0, 50.0)):
            assert context.session.active_state is not None
            context.session.active_state.set_window(window)
            assert painted(view)[air].max() == 0
    context.session.active_state.set_window(None)
    run("window.invert", context)
    run("window.air_black", context)
    assert painted(view)[air].min() == 255
    run("window.air_black", context)
    assert painted(view)[air].max() == 0


def test_presets_of_slices_with_windows_of_their_own(open_window: OpenWindow) -> None:
    normal = tuple(VoiWindow(1000.0 + 100 * index, 800.0, "LINEAR", "NORMAL") for index in range(3))
    harder = tuple(VoiWindow(1000.0 + 100 * index, 400.0, "SIGMOID", "HARDER") for index in range(3))
    curve = VoiTable(0, 12, tuple(range(4096)), "CURVE")
    context = make_context(make_exam())
    image = replace(
        make_image("R", "CC", Modality.DBT, frames=3),
        sop_uid="2.25.9",
        frame_windows=normal,
        frame_choices=(harder, (curve,) * 3),
    )
    state = context.session.state_of(image)
    context.session.hang("single", (1, 1), [Slot(0, 0, "R-CC", state)])
    open_window(context)
    state.go_to_slice(0)
    assert state.current_window == normal[0]
    run("window.preset_2", context)
    assert state.current_window == harder[0]
    state.go_to_slice(2)
    assert state.current_window == harder[2]
    run("edit.undo", context)
    assert state.current_window == normal[2]
    run("window.preset_3", context)
    assert state.current_window == curve
    run("window.reset", context)
    assert state.current_window == normal[2]
    assert why_disabled("window.preset_4", context) is None  # harder, made here


# -- text ------------------------------------------------------------------------------------------------------------
def test_orientation_letters_stand_beside_the_breast(open_window: OpenWindow) -> None:
    context = make_context(make_exam())
    exam = context.session.exam
    assert exam is not None
    for slot in context.session.slots:
        assert slot.state is not None
        side = slot.state.image.laterality
        directions = ("P", "L") if side == "R" else ("A", "R")
        context.session.replace_image(replace(slot.state.image, patient_orientation=directions))
    window = open_window(context)
    right, left = window.grid.views[:2]
    painted(right), painted(left)
    letters = {placed.line.text: placed.rect for placed in right.corner_lines() if placed.line.text in "APLRHF"}
    assert letters["A"].left() < 10  # the nipple of the right breast points to the left of the screen
    assert letters["R"].top() < 10  # the lateral side is up
    assert letters["L"].bottom() > right.height() - 10
    mirrored = {placed.line.text: placed.rect for placed in left.corner_lines() if placed.line.text in "APLRHF"}
    assert mirrored["A"].right() > left.width() - 10
    assert mirrored["L"].top() < 10


def test_a_magnified_breast_has_no_text_on_it_but_the_marker(open_window: OpenWindow, context: Context) -> None:
    view = open_window(context).grid.views[0]
    painted(view)
    run("zoom.one_to_one", context)
    for _ in range(8):
        run("zoom.in", context)
    shown = painted(view)
    for placed in view.corner_lines():
        rect = placed.rect.toAlignedRect()
        under = shown[max(rect.top(), 0) : rect.bottom() + 1, max(rect.left(), 0) : rect.right() + 1]
        assert placed.marker or under.max(initial=0) == 0


def everything_said(window: QWidget) -> str:
    """Return every text of a window and its children: shown, tooltip, accessible, in lists."""
    said: list[str] = []
    for widget in (window, *window.findChildren(QWidget)):
        said += [widget.windowTitle(), widget.toolTip(), widget.accessibleName(), widget.accessibleDescription()]
        said += [widget.text()] if isinstance(widget, QLabel) else [str(widget.property("text") or "")]
        if isinstance(widget, ViewportView):
            said += [placed.line.text for placed in widget.corner_lines()]
        if isinstance(widget, QAbstractItemView) and widget.model() is not None:
            said += in_model(widget.model(), QModelIndex())
    return "\n".join(said)


def in_model(model: QAbstractItemModel, parent: QModelIndex) -> list[str]:
    said = []
    roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)
    for row in range(model.rowCount(parent)):
        for column in range(max(model.columnCount(parent), 1)):
            index = model.index(row, column, parent)
            said += [str(index.data(role) or "") for role in roles]
            said += in_model(model, index) if column == 0 else []
    return said


def test_a_hidden_identity_is_nowhere(open_window: OpenWindow) -> None:
    context = make_context(replace(make_exam(), patient_name="ROENTGEN^Bertha", patient_id="PID-77", date="19951108"))
    session = context.session
    context.settings.recent = ["/data/ROENTGEN_Bertha"]
    session.add_exams([], [Rejection(Path("/data/ROENTGEN_Bertha/report.dcm"), "a report, not a breast X-ray image")])
    window = open_window(context)
    session.notice.emit("error", "/data/ROENTGEN_Bertha/a.dcm cannot be decoded; export it in another encoding.")
    session.notice.emit("hint", "Saved the exam of ROENTGEN, Bertha.")
    session.set_activity(Activity("Reading ROENTGEN", 1, 2))
    move(window.grid.views[0], QPointF(window.grid.views[0].width() - 60, 150))
    secrets = ("ROENTGEN", "Bertha", "PID-77", "1995")
    assert all(secret in everything_said(window) for secret in ("ROENTGEN", "PID-77", "1995"))
    assert "/data/ROENTGEN_Bertha/a.dcm cannot be decoded" in everything_said(window)
    before = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    run("view.hide_identity", context)
    for _ in range(5):
        QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    said = everything_said(window)
    assert [line for line in said.lower().split("\n") if any(secret.lower() in line for secret in secrets)] == []
    assert "[hidden] cannot be decoded; export it in another encoding." in said
    after = window.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    assert after != before


# -- screens of high resolution --------------------------------------------------------------------------------------
HIGH_DPI = """
import numpy as np
from PySide6.QtWidgets import QApplication
from tests.helpers.panel_fakes import make_context, make_exam
from viewer.commands import run
from viewer.views import theme
from viewer.views.main_window import MainWindow
app = QApplication([])
theme.apply(app)
context = make_context(make_exam())
window = MainWindow(context)
window.resize(1200, 800)
window.show()
run("zoom.one_to_one", context)
app.processEvents()
view = window.grid.views[0]
picture, to_screen = view.picture(), view.to_screen()
image = picture.image
shown = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.width(), 4)[..., 1].astype(int)
state = view.state
frame = picture.pyramid[0]
row, column = frame.shape[0] // 2, frame.shape[1] - 60
expected = state.lut()[frame[row : row + 40, column : column + 40]]
print(view.devicePixelRatioF(), image.width() == 2 * view.width())
step = int(round(to_screen.matrix[1, 1]))
top, left = np.rint(to_screen.apply([row, column])).astype(int)
print(step, np.abs(shown[top : top + 40, left : left + 40] - expected).max(), expected.std() > 1)
"""


def test_at_one_to_one_a_pixel_of_the_image_is_a_pixel_of_the_device() -> None:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "QT_SCALE_FACTOR": "2"}
    done = subprocess.run(
        [sys.executable, "-c", HIGH_DPI], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["2.0 True", "1 0 True"]
