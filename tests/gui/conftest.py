"""GUI tests run on a platform without a screen, with real widgets, in the theme."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.helpers.panel_fakes import FakeFrames, make_context, make_exam, make_result
from viewer.commands import Context
from viewer.views import theme
from viewer.views.main_window import MainWindow

SIZE = (1200, 800)


@pytest.fixture(autouse=True)
def no_window_left(qapp: QApplication) -> Iterator[None]:  # there must be one
    """Delete the widgets that a test closed: without a running event loop they pile up, and all get slower."""
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def context() -> Context:
    """Four DBT views, hung, frames there, without AI results."""
    return make_context(make_exam())


@pytest.fixture
def results_context() -> Context:
    """The same with a result for every image."""
    context = make_context(make_exam())
    exam = context.session.exam
    assert exam is not None
    for number, image in enumerate(exam.images):
        context.session.results.restore(make_result(image, seed=number))
    return context


@pytest.fixture
def fake_frames(context: Context) -> FakeFrames:
    """The frames of ``context``."""
    assert isinstance(context.frames, FakeFrames)
    return context.frames


@pytest.fixture
def open_window(qtbot: QtBot, qapp: QApplication) -> Callable[[Context], MainWindow]:
    """Show a window on a context."""
    if not qapp.styleSheet():
        theme.apply(qapp)
    opened: list[MainWindow] = []

    def show(context: Context) -> MainWindow:
        window = MainWindow(context)
        qtbot.addWidget(window)
        window.resize(*SIZE)
        window.show()
        qtbot.waitExposed(window)
        qapp.processEvents()
        opened.append(window)
        return window

    return show
