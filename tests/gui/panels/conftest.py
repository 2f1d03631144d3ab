"""Panels are tested as the reader sees them: dressed, shown, on a platform without a screen."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from viewer.views import theme


@pytest.fixture
def shown(qtbot: QtBot, qapp: QApplication) -> Callable[..., QWidget]:
    """Show a widget in the theme and return it.

    The widgets are held until they are closed: one that only its own cycles hold could be collected in the middle of
    the deletion of one of its children, and be deleted twice.
    """
    held: list[QWidget] = []
    if not qapp.styleSheet():
        theme.apply(qapp)

    def show(widget: QWidget, width: int = 0, height: int = 0) -> QWidget:
        held.append(widget)
        qtbot.addWidget(widget)
        if width:
            widget.resize(width, height)
        widget.show()
        qtbot.waitExposed(widget)
        return widget

    return show
