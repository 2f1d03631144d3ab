"""The window: toolbar, study list, viewports, AI panel, slice bar, status bar; it lays out and remembers."""

from __future__ import annotations

import base64
from pathlib import Path

from PySide6.QtCore import QByteArray, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QSplitter, QVBoxLayout, QWidget

from viewer.commands import Context, run
from viewer.commands.context import PanelName
from viewer.views import theme
from viewer.views.ai_panel import AiPanel
from viewer.views.annotation_panel import PANEL_WIDTH, AnnotationPanel
from viewer.views.banner import BannerStack
from viewer.views.command_widgets import install_shortcuts
from viewer.views.help_sheet import HelpSheet
from viewer.views.hold_key import HoldToCompare
from viewer.views.measuring_panel import PANEL_WIDTH as MEASURING_WIDTH
from viewer.views.measuring_panel import MeasuringPanel
from viewer.views.palette import Palette
from viewer.views.regions import Regions
from viewer.views.slice_bar import SliceBar
from viewer.views.status_bar import StatusBar
from viewer.views.study_tree import StudyTree
from viewer.views.toolbar import Toolbar, exam_title
from viewer.views.viewport_grid import ViewportGrid
from viewer.views.worklist_page import WorklistPage

TITLE = "GMIC Viewer"
VIEWPORTS_WIDTH = 480
"""The viewports get at least this width; side panels give way, the study list first. A key brings them back."""
MEASURED_WIDTH = 720
"""And this much beside measuring: a lesion is looked at while its curves are."""
FIRST_SIZE_SHARE = 0.86
"""Share of the screen that the window takes on the first start."""


class MainWindow(QMainWindow):
    """The application's one window.

    Signals
    -------
    shown() : once, when the window is on screen for the first time.
    closing() : the user closed it; services are stopped by whoever listens.

    Attributes
    ----------
    toolbar, study, banners, grid, ai, slices, status, help : the parts.
    """

    shown = Signal()
    closing = Signal()

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self._was_shown = False
        self._asked: set[PanelName] = set()  # panels that were asked for although there is no room for them
        self.setObjectName("window")
        self.setAcceptDrops(True)
        self.toolbar = Toolbar(context, self)
        self.study = StudyTree(context, self)
        self.banners = BannerStack(context, self)
        self.grid = ViewportGrid(context, self)
        self.ai = AiPanel(context, self)
        self.annotation = AnnotationPanel(context, self)
        self.measuring = MeasuringPanel(context, self)
        self.slices = SliceBar(context, self)
        self.status = StatusBar(context, self)
        self.splitter = QSplitter(Qt.Orientation.Horizontal, self)
        self.stage = QSplitter(Qt.Orientation.Horizontal, self)  # viewports and what stands beside them
        self._build()
        self.help = HelpSheet(context, self)
        self.worklist = WorklistPage(
            context, self, theme.TOOLBAR_HEIGHT, theme.STATUS_BAR_HEIGHT, lambda: self.grid.setFocus()
        )
        self.palette_box = Palette(context, self)
        beside = [self.measuring, self.annotation, self.ai, self.toolbar, self.study, self.banners]
        self.regions = Regions([self.grid, self.slices, *beside])
        self.shortcuts = install_shortcuts(self, context)
        self.hold = HoldToCompare(context, self)
        session = context.session
        session.exam_changed.connect(self._refresh_title, check_nargs=False)
        session.identity_changed.connect(self._refresh_title, check_nargs=False)
        session.annotation.mode_changed.connect(self._show_annotation)
        session.measuring.shown_changed.connect(self._show_measuring, check_nargs=False)
        self._refresh_title()
        self._restore()
        self.grid.setFocus()

    def _build(self) -> None:
        middle = QWidget(self)
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.banners)
        self.stage.addWidget(self.grid)
        column.addWidget(self.stage, 1)
        self.annotation.hide()
        self.measuring.hide()
        for widget in (self.study, middle, self.measuring, self.annotation, self.ai):
            self.splitter.addWidget(widget)
        self.splitter.setHandleWidth(1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setSizes([theme.TREE_WIDTH, 1000, MEASURING_WIDTH, PANEL_WIDTH, theme.AI_PANEL_WIDTH])
        whole = QWidget(self)
        rows = QVBoxLayout(whole)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(0)
        body = QHBoxLayout()
        body.addWidget(self.splitter)
        rows.addWidget(self.toolbar)
        rows.addLayout(body, 1)
        rows.addWidget(self.slices)
        rows.addWidget(self.status)
        self.setCentralWidget(whole)

    def _refresh_title(self, *_: object) -> None:
        session = self._context.session
        if session.exam is None:
            self.setWindowTitle(TITLE)
        else:
            self.setWindowTitle(f"{exam_title(session.exam, identity_hidden=session.identity_hidden)} - {TITLE}")

    def show_beside(self, widget: QWidget | None) -> None:
        """Give half of the viewports' room to a widget, or all of it back to them."""
        if widget is not None and self.stage.indexOf(widget) < 0:
            self.stage.addWidget(widget)
            self.stage.setHandleWidth(1)
            self.stage.setChildrenCollapsible(False)
            self.stage.setSizes([self.stage.width() // 2] * 2)
        for index in range(1, self.stage.count()):
            other = self.stage.widget(index)
            if other is not None:
                other.setVisible(other is widget)

    # -- panels --------------------------------------------------------------------------------------------------
    def _panel(self, name: PanelName) -> QWidget:
        return {"study": self.study, "ai": self.ai}[name]

    def panel_visible(self, name: PanelName) -> bool:
        """Whether a side panel is shown."""
        return not self._panel(name).isHidden()

    def set_panel_visible(self, name: PanelName, visible: bool) -> None:
        """Show or hide a side panel, and remember it."""
        no_room = name in self._asked or name in self._without_room()
        if visible and no_room:
            self._asked.add(name)
        elif not visible:
            self._asked.discard(name)
        if visible or not no_room:  # put away for want of room only: in a larger window it is wanted
            self._context.settings.panels[name] = visible
        self._show_panel(name, visible)
        self.toolbar.refresh()

    def _show_panel(self, name: PanelName, visible: bool) -> None:
        panel, focus = self._panel(name), self.focusWidget()
        if not visible and focus is not None and panel.isAncestorOf(focus):
            # before hiding: Qt would move the focus on as Tab does, and make another viewport the active one
            self.grid.setFocus()
        panel.setVisible(visible)

    def _without_room(self) -> set[PanelName]:
        """Return the panels that would leave the viewports too little room."""
        room, left_out = self.width(), set[PanelName]()
        room -= 0 if self.annotation.isHidden() else PANEL_WIDTH
        room -= 0 if self.measuring.isHidden() else MEASURING_WIDTH
        least = VIEWPORTS_WIDTH if self.measuring.isHidden() else MEASURED_WIDTH
        panels: tuple[tuple[PanelName, int], ...] = (("ai", theme.AI_PANEL_WIDTH), ("study", theme.TREE_WIDTH))
        for name, width in panels:
            if room - width < least:
                left_out.add(name)
            elif self._context.settings.panels.get(name, True):
                room -= width
        return left_out

    def _show_annotation(self, on: bool) -> None:
        """The panel of annotation mode comes and goes with the mode; others give way where the window is narrow."""
        focus = self.focusWidget()
        if not on and focus is not None and self.annotation.isAncestorOf(focus):
            self.grid.setFocus()
        self.annotation.setVisible(on)
        self.annotation.refresh()
        self._show_measuring()
        self._fold_panels()

    def _show_measuring(self, *_: object) -> None:
        """Measuring stands beside the panel of annotation mode, where it is wanted."""
        session, focus = self._context.session, self.focusWidget()
        shown = session.annotation.on and bool(session.measuring.shown)
        if not shown and focus is not None and self.measuring.isAncestorOf(focus):
            self.grid.setFocus()
        self.measuring.setVisible(shown)
        self.measuring.refresh()
        self._fold_panels()

    def _fold_panels(self) -> None:
        left_out = self._without_room()
        self._asked &= left_out
        for name in ("study", "ai"):
            wanted = self._context.settings.panels.get(name, True) and (name not in left_out or name in self._asked)
            if wanted == self._panel(name).isHidden():
                self._show_panel(name, wanted)
                self.toolbar.refresh()

    def escape(self) -> None:
        """Close what lies over the images: sheet of keys, tool, lens, newest banner, maximised viewport; one by one."""
        if self.palette_box.close_palette() or self.help.close_sheet():
            return
        session = self._context.session
        if any(view.annotating.cancel() for view in self.grid.views):
            return
        if session.worklist.shown:
            session.worklist.show(False)
            return
        if session.trials.escape() or session.annotation.escape() or session.marks.escape():
            return
        if session.viewing.escape() or session.links.escape():
            return
        if self.banners.dismiss_newest():
            return
        if self._context.session.maximised is not None:
            self._context.session.toggle_maximised()

    # -- what is remembered --------------------------------------------------------------------------------------
    def remember(self) -> None:
        """Write size, place and split into the settings."""
        settings = self._context.settings
        settings.window_geometry = _to_text(self.saveGeometry())
        settings.window_state = _to_text(self.splitter.saveState())

    def _restore(self) -> None:
        settings = self._context.settings
        for name, widget in (("study", self.study), ("ai", self.ai)):
            widget.setVisible(settings.panels.get(name, True))
        if settings.window_geometry and self.restoreGeometry(_from_text(settings.window_geometry)):
            self.splitter.restoreState(_from_text(settings.window_state))
            return
        screen = QGuiApplication.primaryScreen()
        if screen is not None:
            self.resize(screen.availableSize() * FIRST_SIZE_SHARE)

    # -- events --------------------------------------------------------------------------------------------------
    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let side panels give way where the window is narrow."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fold_panels()

    def showEvent(self, event: QShowEvent) -> None:
        """Tell when the window is there for the first time."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            self.shown.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Remember the layout; whoever listens stops the services."""
        self.remember()
        self.hide()  # the services may take some seconds to stop; nobody shall look at a dead window meanwhile
        self.closing.emit()
        event.accept()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take files, folders and archives."""
        if _dropped_paths(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = _dropped_paths(event)
        if paths:
            event.acceptProposedAction()
            run("file.open_paths", self._context, paths)


def _dropped_paths(event: QDropEvent) -> list[Path]:
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]


def _to_text(data: QByteArray) -> str:
    return base64.b64encode(data.data()).decode("ascii")


def _from_text(text: str) -> QByteArray:
    return QByteArray.fromBase64(text.encode("ascii"))
