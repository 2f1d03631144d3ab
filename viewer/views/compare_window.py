"""The window "Compare a folder": what is compared, how far it is, and the tables of what came out."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from gmic_core.comparison.folder import Asked
from viewer.commands import Context
from viewer.commands.table import with_keys
from viewer.model.identity import HIDDEN, shown_message
from viewer.views import dialogs, parts
from viewer.views.class_map_table import ClassMapTable
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.compare_detection import DetectionPage
from viewer.views.compare_lists import MeansPage, ReasonsPage
from viewer.views.compare_rows import RowsPage
from viewer.views.compare_submission import SubmissionPage

SIZE = (1240, 800)
WIDE = 820
"""From this width on the map of labels stands beside the choices, px."""
TABS_HEIGHT = 320
RESULTS_HINT = "Output of gmic-core predict, or a folder of saliency files"
SEGMENTATIONS_HINT = "Folder of label maps (NIfTI, NRRD, MetaImage, GIPL) or PNG masks, named after their images"
STALE = "The choices above have changed since; Compare brings the tables up to date."


class CompareWindow(QDialog):
    """Not modal: it stays beside the images, and goes on while it is closed.

    Attributes
    ----------
    results, segmentations : what is chosen, in words.
    map : the table of labels; shown while it counts.
    tabs : rows, means, detection, reasons, tables of BCS-DBT.
    progress, state, message : how far it is, and how it ended.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._comparing = context, context.session.comparing
        self.setWindowTitle("Compare a folder - GMIC Viewer")
        self.setAccessibleName("Compare a folder")
        self.results, self.segmentations = parts.ElidedLabel(), parts.ElidedLabel()
        self.map = ClassMapTable(context, self)
        self.progress, self.state = parts.ProgressLine(), parts.ElidedLabel("", "secondary")
        self.message = parts.Label()
        self.message.setWordWrap(True)
        self.buttons = {
            name: self._button(name, text)
            for name, text in (
                ("choose_results", "Choose"), ("choose_segmentations", "Choose"), ("by_map", "Labels as in the map"),
                ("same_size", "Where only the size fits, too"), ("run", "Compare"), ("stop", "Stop"), ("save", "Save"),
            )
        }  # fmt: skip
        self.rows, self.means = RowsPage(context, self), MeansPage(context, self)
        self.detection, self.reasons = DetectionPage(context, self), ReasonsPage(context, self)
        self.submission = SubmissionPage(context, self)
        self.tabs = QTabWidget(self)
        self.tabs.setUsesScrollButtons(False)
        self._pages = (self.rows, self.means, self.detection, self.reasons, self.submission)
        for page, title in zip(self._pages, ("Images", "Means", "Detection", "Not compared", "BCS-DBT"), strict=True):
            self.tabs.addTab(page, title)
        self.tabs.tabBar().setAccessibleName("Tables of the comparison")
        self.tabs.tabBar().setToolTip("Choose a table with Left and Right")
        self.tabs.currentChanged.connect(self._show_page)
        self._build()
        comparing, session = self._comparing, context.session
        self._refresher = Refresher(self, (comparing.changed, session.identity_changed), self.refresh)
        self._sorting = Refresher(self, (comparing.shown_changed,), self.rows.refresh)
        self._telling = Refresher(self, (comparing.work_changed,), self._show_work)
        self.refresh()
        self.buttons["choose_results"].setFocus()
        dialogs.fit_screen(self, *SIZE)

    def _button(self, name: str, text: str) -> CommandButton:
        icon = name in ("run", "stop", "save")
        button = CommandButton(self._context, f"compare.{name}", self, text=text, with_icon=icon)
        button.setProperty("filled", True)
        return button

    def _build(self) -> None:
        self._top = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._top.setSpacing(16)
        self._top.addLayout(self._setup(), 1)
        self._top.addWidget(self.map, 0, Qt.AlignmentFlag.AlignTop)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(self._top)
        column.addWidget(self.message)
        column.addWidget(parts.hairline(self))
        column.addWidget(self.tabs, 1)
        self.tabs.setMinimumHeight(TABS_HEIGHT)
        area = QScrollArea(self)  # a small screen shows the tables after the choices
        area.setWidget(inside)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(area)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the map below the choices where the window is narrow."""
        super().resizeEvent(event)
        beside, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._top.setDirection(beside if self.width() >= WIDE else below)

    def _setup(self) -> QVBoxLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        lines = (("Results", self.results, "choose_results"),
                 ("Segmentations", self.segmentations, "choose_segmentations"))  # fmt: skip
        for row, (title, label, button) in enumerate(lines):
            grid.addWidget(parts.Label(title), row, 0)
            grid.addWidget(label, row, 1)
            grid.addWidget(self.buttons[button], row, 2)
        grid.setColumnStretch(1, 1)
        how, act = QHBoxLayout(), QHBoxLayout()
        for line in (how, act):
            line.setSpacing(8)
        for name in ("by_map", "same_size"):
            how.addWidget(self.buttons[name])
        how.addStretch(1)
        act.addWidget(self.buttons["run"])
        act.addWidget(self.buttons["stop"])
        self.progress.setFixedWidth(200)
        act.addWidget(self.progress)
        act.addWidget(self.state, 1)
        act.addWidget(self.buttons["save"])
        column = QVBoxLayout()
        column.setSpacing(8)
        column.addLayout(grid)
        column.addLayout(how)
        column.addLayout(act)
        column.addStretch(1)
        return column

    # -- what is shown -------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show choices, tables and message."""
        wish = self._comparing.wish
        self._show_folder(self.results, wish.results, RESULTS_HINT)
        self._show_folder(self.segmentations, wish.segmentations, SEGMENTATIONS_HINT)
        self.map.setVisible(wish.by_map)
        self.map.refresh()
        self._show_page(self.tabs.currentIndex())
        found = self._comparing.found
        left = len(found.batch.unused) if found is not None else 0
        self.tabs.setTabText(3, f"Not compared ({left})" if left else "Not compared")
        self._show_message()
        self._show_work()

    def _show_page(self, number: int) -> None:
        """Bring one table up to date: the others may hold thousands of rows that nobody looks at."""
        self._pages[number].refresh()

    def _show_folder(self, label: parts.ElidedLabel, path: Path | None, hint: str) -> None:
        hidden = self._context.session.identity_hidden
        label.setText(hint if path is None else HIDDEN if hidden else str(path))
        label.set_look("secondary" if path is None else "")

    def _show_message(self) -> None:
        lines = []
        found, comparing = self._comparing.found, self._comparing
        tone = comparing.level if comparing.level in ("warning", "error") else ""
        if comparing.message:
            lines.append(shown_message(with_keys(comparing.message, self._context), self._context.session))
        if found is not None and found.warnings:
            lines += found.warnings
            tone = tone or "warning"
        if found is not None and self._is_stale(found.asked):
            lines.append(STALE)
            tone = tone or "warning"
        self.message.setText("\n".join(lines))
        self.message.set_look(tone)
        self.message.setVisible(bool(lines))

    def _is_stale(self, asked: Asked) -> bool:
        """Whether something else is chosen than what the tables came from."""
        wish, had = self._comparing.wish, asked.classes
        now = (wish.results, wish.segmentations, wish.same_size, self._comparing.classes if wish.by_map else None)
        return now != (asked.results, asked.segmentations, asked.same_size, None if had is None else dict(had.classes))

    def _show_work(self) -> None:
        work, found = self._comparing.work, self._comparing.found
        self.progress.setVisible(work is not None)
        if work is not None:
            self.progress.set_progress(work.done, work.total)
            image = "" if self._context.session.identity_hidden else work.image
            self.state.setText(f"{work.text} {image}".strip())
        elif found is not None:
            count, left = found.images, len(found.batch.unused)
            images = "1 image" if count == 1 else f"{count} images"
            self.state.setText(f"{images} compared, {left} files or images not")
        else:
            self.state.setText("")
        for button in self.buttons.values():
            button.refresh()
