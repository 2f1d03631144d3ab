"""The slice bar as an instrument: what is painted where, the thumbnail under the mouse, 20 and 120 slices."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF
from PySide6.QtGui import QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from tests.helpers.mouse import drag, leave, move, wheel
from tests.helpers.panel_fakes import FakeFrames, make_context, make_exam, make_result
from viewer.commands import Context, run
from viewer.views import theme
from viewer.views.main_window import MainWindow
from viewer.views.slice_bar import SliceBar

OpenWindow = Callable[[Context], MainWindow]


def pixels(widget: QWidget) -> np.ndarray:
    """Return what a widget shows, int (height, width, 3) RGB."""
    QApplication.processEvents()
    image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    found = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return found[:, : image.width(), 2::-1].astype(int)


def with_results(frames: int) -> Context:
    context = make_context(make_exam(frames=frames))
    exam = context.session.exam
    assert exam is not None
    for number, image in enumerate(exam.images):
        context.session.results.restore(make_result(image, seed=number))
    return context


def middle(bar: SliceBar, index: int) -> float:
    track = bar._track()
    return track.left() + track.width() * (index + 0.5) / (bar.maximum() + 1)


def rgb(name: str) -> tuple[int, int, int]:
    return theme.color(name).getRgb()[:3]  # type: ignore[return-value]


@pytest.mark.parametrize("frames", [20, 120])
def test_every_mark_is_found_at_its_slice(open_window: OpenWindow, frames: int) -> None:
    context = with_results(frames)
    state = context.session.active_state
    assert state is not None
    bar = open_window(context).slices
    run("navigate.go_to_slice", context, frames - 2)
    state.mark_seen(1)
    state.mark_seen(2)
    shown = bar.bar()
    assert shown is not None
    found = pixels(bar)
    assert found.shape[0] == 56
    # the reader: an accent line through the whole height
    x = round(middle(bar, frames - 2))
    accent = np.abs(found[:, x - 2 : x + 3] - rgb(theme.ACCENT)).max(axis=2) == 0
    assert np.sort(accent.sum(axis=0)).tolist()[-2:] == [42, 42]
    # patches: a light triangle over each of their slices
    for tick in shown.ticks:
        column = round(middle(bar, tick.slice_index))
        assert found[4:7, column].max() > 100, tick

    # highlighted slices stand on a band, others do not
    def ground(index: int) -> list[int]:
        return found[42, round(middle(bar, index))].tolist()

    plain = next(index for index in range(frames) if index not in shown.highlighted and index != frames - 2)
    assert ground(plain) == list(rgb(theme.PANEL))
    for index in shown.highlighted:
        if shown.profile[index].max() < 0.01:
            assert ground(index) == list(rgb(theme.HAIRLINE))
    # seen slices fill the strip
    assert found[49, round(middle(bar, 1))].tolist() == list(rgb(theme.SECONDARY))
    assert found[49, round(middle(bar, 2))].tolist() == list(rgb(theme.SECONDARY))
    assert found[49, round(middle(bar, 4))].tolist() == list(rgb(theme.HAIRLINE))  # loaded, not seen


def test_the_profile_grows_with_the_saliency(open_window: OpenWindow) -> None:
    context = with_results(20)
    bar = open_window(context).slices
    shown = bar.bar()
    assert shown is not None
    run("navigate.go_to_slice", context, 0)
    found = pixels(bar)
    heights = []
    for index in range(5, 15):
        column = found[11:27, round(middle(bar, index)) + 3]
        heights.append(int((column[:, 0] - column[:, 2] > 60).sum()))
    expected = [round(float(value) * 16) for value in shown.profile[5:15, 1]]
    assert heights == [max(value, 1) for value in expected]
    assert max(heights) == 11  # 0.71 of 16 px


def test_a_slice_counts_as_seen_once_it_was_painted(open_window: OpenWindow, context: Context) -> None:
    window = open_window(context)
    for _ in range(3):
        wheel(window.grid.views[0], -120)
        QApplication.processEvents()
        window.grid.views[0].grab()
    shown = window.slices.bar()
    assert shown is not None
    assert shown.seen == {6, 7, 8, 9}


def test_the_thumbnail_shows_the_slice_under_the_mouse(open_window: OpenWindow) -> None:
    context = with_results(20)
    window = open_window(context)
    bar, state = window.slices, context.session.active_state
    assert state is not None
    before = state.slice_index
    move(bar, QPointF(middle(bar, 10), 20))
    preview = bar.preview
    assert preview is not None
    assert preview.isVisible()
    assert preview.slice == 10
    assert preview.words[:3] == ("slice 11 / 20   10 mm", "malignant 0.71", "benign 0.12")
    first = pixels(preview)
    assert (first[..., 0] - first[..., 2] > 60).sum() > 100  # the saliency lies on it
    assert preview.geometry().bottom() < bar.mapTo(window, bar.rect().topLeft()).y()
    assert window.rect().contains(preview.geometry())
    assert state.slice_index == before  # looking is not going
    move(bar, QPointF(middle(bar, 2), 20))
    assert preview.words == ("slice 3 / 20   2 mm", "malignant 0.00", "benign 0.00", "not seen yet")
    assert np.abs(pixels(preview) - first).mean() > 1
    leave(bar)
    assert not preview.isVisible()


def test_the_thumbnail_stays_inside_the_window_at_both_ends(open_window: OpenWindow) -> None:
    context = with_results(120)
    window = open_window(context)
    bar = window.slices
    for index in (0, 119):
        move(bar, QPointF(middle(bar, index), 30))
        assert bar.preview is not None
        assert bar.preview.slice == index
        assert window.rect().contains(bar.preview.geometry())


def test_a_slice_that_is_not_decoded_is_asked_for_and_appears(open_window: OpenWindow, context: Context) -> None:
    frames = context.frames
    assert isinstance(frames, FakeFrames)
    bar, state = open_window(context).slices, context.session.active_state
    assert state is not None
    frames.ready = False
    move(bar, QPointF(middle(bar, 3), 20))
    assert bar.preview is not None
    assert bar.preview.picture is None
    # the reader's own slice last: the loader goes on reading from there
    assert frames.requested[-2:] == [(state.image.sop_uid, 3), (state.image.sop_uid, state.slice_index)]
    frames.ready = True
    bar.refresh()
    assert bar.preview.picture is not None


def test_click_and_drag_go_there_without_a_thumbnail_in_the_way(open_window: OpenWindow, context: Context) -> None:
    bar, state = open_window(context).slices, context.session.active_state
    assert state is not None
    move(bar, QPointF(middle(bar, 3), 20))
    drag(bar, QPointF(middle(bar, 3), 20), QPointF(0, 0))
    assert state.slice_index == 3
    assert bar.preview is not None
    assert not bar.preview.isVisible()
    drag(bar, QPointF(middle(bar, 3), 20), QPointF(middle(bar, 9) - middle(bar, 3), 0))
    assert state.slice_index == 9


def test_slab_and_cine_are_written_and_the_slab_is_marked(open_window: OpenWindow) -> None:
    context = make_context(make_exam(frames=20))
    bar = open_window(context).slices
    run("navigate.go_to_slice", context, 10)
    run("slab.set_thickness", context, 5.0)
    context.session.set_cine(12.0)
    bar.refresh()
    assert bar.shown_as == ("slab 5 mm mean", "cine 12 per second")
    found = pixels(bar)
    accent = [(np.abs(found[45, round(middle(bar, index))] - rgb(theme.ACCENT)).max() < 8) for index in range(20)]
    assert [index for index, marked in enumerate(accent) if marked] == [8, 9, 10, 11, 12]


def test_the_selected_patch_is_marked(open_window: OpenWindow) -> None:
    context = with_results(20)
    window = open_window(context)
    image = context.session.active_image
    assert image is not None
    run("navigate.next_patch", context)
    run("navigate.go_to_slice", context, 12)
    window.slices.refresh()
    entry = context.session.results.get(image.sop_uid)
    assert entry is not None
    assert entry.result is not None
    place = round(middle(window.slices, entry.result.rois[0].slice_index))
    assert np.abs(pixels(window.slices)[4, place] - rgb(theme.ACCENT)).max() < 12


def test_the_marks_are_explained_beside_the_track_where_no_preview_is(open_window: OpenWindow) -> None:
    bar = open_window(with_results(20)).slices

    def asked(x: float) -> str:
        QToolTip.hideText()
        QApplication.sendEvent(bar, QHelpEvent(QEvent.Type.ToolTip, QPoint(round(x), 20), QPoint(400, 400)))
        return QToolTip.text() if QToolTip.isVisible() else ""

    assert asked(middle(bar, 4)) == ""
    assert asked(bar.width() - 40).startswith(
        "Above the line: largest malignant saliency of each slice, below it benign."
    )
