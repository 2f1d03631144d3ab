"""Below the worklist's table: AI over all of it, the scan, the folders, the files that are not shown."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QPushButton, QTableView, QVBoxLayout, QWidget

from viewer.commands import Context, run
from viewer.model.identity import shown_message
from viewer.model.worklist import ListedFolder, ListRun
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton
from viewer.views.worklist_rows import PairTable

LIST_HEIGHT = 148
_RUN = {
    "off": "AI over all exams that have no result yet, e.g. overnight",
    "running": "AI runs over the worklist",
    "waiting": "AI over the worklist waits until yours is done",
    "paused": "AI over the worklist is paused",
}


def run_line(run_now: ListRun) -> str:
    """Return how far AI is with the list."""
    words = [_RUN[run_now.state]]
    if run_now.state != "off" and run_now.total:
        words.append(f"{run_now.done} of {run_now.total} images")
    if run_now.now:
        words.append(run_now.now)
    if run_now.failed:
        words.append(f"{run_now.failed} not possible")
    return ", ".join(words)


class FolderRow(QWidget):
    """One listed folder: what it is, how many exams, why it cannot be reached, and a button that takes it off."""

    def __init__(self, context: Context, folder: ListedFolder, number: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        hidden = context.session.identity_hidden
        name = f"Folder {number}" if hidden else folder.path
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 0, 8, 0)
        row.setSpacing(12)
        label = parts.ElidedLabel(name)
        row.addWidget(label, 2)
        problem = parts.ElidedLabel(folder.problem, "warning", theme.caption_font())
        row.addWidget(problem, 3)
        exams = "1 exam" if folder.exams == 1 else f"{folder.exams} exams"
        row.addWidget(parts.caption(exams))
        button = QPushButton("Remove", self)
        button.setToolTip("Take the folder and its exams off the worklist; no file is touched, AI results are kept.")
        button.setAccessibleName(f"Remove {name} from the worklist")
        button.clicked.connect(lambda: run("worklist.remove_folder", context, folder.path))
        row.addWidget(button)


class WorklistFoot(QWidget):
    """Lines and folds below the table.

    Attributes
    ----------
    run_text, run_progress : AI over the list.
    scan_text, scan_progress : reading the folders.
    folders, broken : folds.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._listed: tuple[object, ...] = ()
        self.run_text, self.run_progress = parts.ElidedLabel(), parts.ProgressLine()
        self.scan_text, self.scan_progress = parts.caption("Reading folders"), parts.ProgressLine()
        self.folders, self.broken = parts.Fold("Folders", self), parts.Fold("Files not shown", self)
        self.files = PairTable(("File", "Why it is not shown"))
        self.buttons: dict[str, CommandButton] = {}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 8)
        column.setSpacing(4)
        column.addLayout(self._run_line())
        column.addLayout(self._folds())
        self._folder_rows = QVBoxLayout(self.folders.body)
        self._folder_rows.setContentsMargins(0, 0, 0, 0)
        self._folder_rows.setSpacing(0)
        self._build_files()
        column.addWidget(self.folders.body)
        column.addWidget(self.broken.body)

    def _run_line(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(16, 0, 8, 0)
        row.setSpacing(8)
        row.addWidget(self.run_text, 1)
        self.run_progress.setFixedWidth(200)
        row.addWidget(self.run_progress)
        texts = {"worklist.run_ai": "Run AI", "worklist.pause_ai": "Pause", "worklist.cancel_ai": "End"}
        for command_id, text in texts.items():
            row.addWidget(self._button(command_id, text))
        return row

    def _folds(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(12, 0, 8, 0)
        row.setSpacing(16)
        for fold in (self.folders, self.broken):
            row.addWidget(fold.button)
            fold.hide()  # only its button and its body are used, each in a place of its own
        row.addStretch(1)
        self.scan_progress.setFixedWidth(200)
        for widget in (self.scan_text, self.scan_progress):
            row.addWidget(widget)
        for command_id, text in (("worklist.rescan", "Read again"), ("worklist.cancel_scan", "Stop reading")):
            row.addWidget(self._button(command_id, text))
        row.addWidget(self._button("worklist.forget_gone", "Remove gone exams"))
        return row

    def _button(self, command_id: str, text: str) -> CommandButton:
        button = CommandButton(self._context, command_id, self, text=text, with_icon=True)
        button.setProperty("filled", True)
        self.buttons[command_id] = button
        return button

    def _build_files(self) -> None:
        table = QTableView(self.broken.body)
        table.setModel(self.files)
        table.setAccessibleName("Files that are not shown, and why")
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(24)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setFixedHeight(LIST_HEIGHT)
        inside = QVBoxLayout(self.broken.body)
        inside.setContentsMargins(8, 0, 8, 0)
        inside.addWidget(table)

    def refresh(self) -> None:
        """Show the present state of the worklist."""
        worklist = self._context.session.worklist
        now = worklist.run
        self.run_text.setText(run_line(now))
        self.run_text.set_look("" if now.active else "secondary")
        self.run_progress.setVisible(now.state != "off")
        self.run_progress.set_progress(now.done, now.total)
        scan = worklist.scan
        for widget in (self.scan_text, self.scan_progress):
            widget.setVisible(scan is not None)
        if scan is not None:
            self.scan_progress.set_progress(scan.done, scan.total)
        for button in self.buttons.values():
            button.refresh()
        self.buttons["worklist.run_ai"].dress("scan-search", "Go on" if now.state == "paused" else "Run AI")
        shown = {
            "worklist.pause_ai": now.active,
            "worklist.run_ai": not now.active,
            "worklist.cancel_ai": now.state != "off",
            "worklist.rescan": scan is None,
            "worklist.cancel_scan": scan is not None,
            "worklist.forget_gone": any(exam.missing for exam in worklist.exams),
        }
        for command_id, visible in shown.items():
            self.buttons[command_id].setVisible(visible)
        self._refresh_lists()

    def _refresh_lists(self) -> None:
        worklist, hidden = self._context.session.worklist, self._context.session.identity_hidden
        listed = (worklist.folders, worklist.broken, hidden)
        if listed == self._listed:
            return
        self._listed = listed
        away = sum(bool(folder.problem) for folder in worklist.folders)
        self.folders.set_title(f"Folders ({len(worklist.folders)})" + (f", {away} not there" if away else ""))
        self.broken.set_title(f"Files not shown ({len(worklist.broken)})")
        while (item := self._folder_rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for number, folder in enumerate(worklist.folders, 1):
            self._folder_rows.addWidget(FolderRow(self._context, folder, number))
        self.files.set_pairs(
            [
                (f"File {n}" if hidden else str(Path(f.path)), shown_message(f.reason, self._context.session))
                for n, f in enumerate(worklist.broken, 1)
            ]
        )
