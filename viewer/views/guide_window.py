"""The user guide in a window of its own, beside the images: topics at the left, text at the right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import (
    QDesktopServices,
    QFont,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextFormat,
    QTextTable,
)
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from viewer.views import dialogs, theme
from viewer.views.command_widgets import KeepKeys

PLACES = (theme.RESOURCES / "guide", theme.RESOURCES.parent / "docs" / "guide")
"""Where the guide is: in an installed program, in a checkout."""
READING_PX = 13
_HEADINGS = {1: 20, 2: 16, 3: 14}
_ABOVE = {1: 0, 2: 20, 3: 12}
"""Size of headings and free room above them, px, by level."""
_TITLE = re.compile(r"^#\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Topic:
    """One file of the guide; ``name`` is the file's name without its ending."""

    name: str
    title: str
    text: str
    path: Path


def topics(places: tuple[Path, ...] = PLACES) -> list[Topic]:
    """Return the topics in alphabetical order of their titles, the first steps first."""
    folder = next((place for place in places if place.is_dir()), None)
    found = []
    for path in sorted(folder.glob("*.md")) if folder is not None else []:
        text = path.read_text("utf-8")
        title = _TITLE.search(text)
        found.append(Topic(path.stem, title[1] if title else path.stem, text, path))
    return sorted(found, key=lambda topic: (topic.name != "first-steps", topic.title.lower()))


class GuideWindow(QDialog):
    """Not modal: it stays beside the images while the reader tries what it says.

    Attributes
    ----------
    field : words to look for.
    list : the topics that have them.
    page : the text of the chosen topic.
    """

    def __init__(self, parent: QWidget | None = None, places: tuple[Path, ...] = PLACES) -> None:
        super().__init__(parent)
        self.setWindowTitle("User guide - GMIC Viewer")
        self.setAccessibleName("User guide")
        self._topics = topics(places)
        self.field = QLineEdit(self)
        self.field.setPlaceholderText("Search")
        self.field.setAccessibleName("Search the guide")
        self.field.setToolTip("Show the topics that have these words")
        self.list = QListWidget(self)
        self.list.setAccessibleName("Topics")
        self.list.setToolTip("Choose a topic with the arrow keys")
        self.page = QTextBrowser(self)
        self.page.setAccessibleName("Text")
        self.page.setToolTip("")
        self.page.setOpenLinks(False)
        self.page.document().setDefaultFont(theme.font(READING_PX))
        self.page.document().setDocumentMargin(12)
        self.page.anchorClicked.connect(self._follow)
        self.list.currentItemChanged.connect(self._show)
        self.field.textChanged.connect(self._filter)
        KeepKeys(self.list)
        self._filter("")
        self._build()
        dialogs.fit_screen(self, 860, 640)

    def _build(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addWidget(self.field)
        left.addWidget(self.list, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 16, 16, 16)
        row.setSpacing(16)
        side = QWidget(self)
        side.setFixedWidth(max(208, self.list.sizeHintForColumn(0) + 32))  # no title is cut
        left.setContentsMargins(0, 0, 0, 0)
        side.setLayout(left)
        row.addWidget(side)
        row.addWidget(self.page, 1)
        if not self._topics:
            self.page.setPlainText("The guide is not part of this installation. Install the program again.")

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        chosen = self.current
        self.list.clear()
        for topic in self._topics:
            if all(word in topic.text.lower() for word in words):
                item = QListWidgetItem(topic.title)
                item.setData(Qt.ItemDataRole.UserRole, topic)
                self.list.addItem(item)
        names = [self.list.item(row).data(Qt.ItemDataRole.UserRole).name for row in range(self.list.count())]
        self.list.setCurrentRow(names.index(chosen) if chosen in names else 0)

    @property
    def current(self) -> str:
        """Name of the topic that is shown, or ""."""
        item = self.list.currentItem()
        return str(item.data(Qt.ItemDataRole.UserRole).name) if item is not None else ""

    def show_topic(self, name: str) -> bool:
        """Show a topic by the name of its file; return whether there is one."""
        self.field.clear()
        for row in range(self.list.count()):
            if self.list.item(row).data(Qt.ItemDataRole.UserRole).name == name:
                self.list.setCurrentRow(row)
                return True
        return False

    def _show(self, item: QListWidgetItem | None, _before: QListWidgetItem | None = None) -> None:
        if item is None:
            self.page.setPlainText("No topic has these words.")
            return
        topic: Topic = item.data(Qt.ItemDataRole.UserRole)
        self.page.setSearchPaths([str(topic.path.parent)])
        document = self.page.document()
        document.setMarkdown(topic.text, QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
        dress(document)
        self.page.moveCursor(self.page.textCursor().MoveOperation.Start)

    def _follow(self, link: QUrl) -> None:
        """Another topic opens here, everything else in the reader's browser."""
        name = Path(link.path()).stem
        if link.isRelative() and self.show_topic(name):
            return
        if not link.isRelative():
            QDesktopServices.openUrl(link)


def dress(document: QTextDocument) -> None:
    """Give headings, paragraphs, code and tables of a Markdown document the type and the colours of the theme."""
    block = document.begin()
    while block.isValid():
        cursor = QTextCursor(block)
        level = block.blockFormat().headingLevel()
        code = block.blockFormat().hasProperty(QTextFormat.Property.BlockCodeFence)
        form = QTextBlockFormat()
        form.setTopMargin(_ABOVE.get(level, 0 if code else 4))
        form.setBottomMargin(0 if code else 4)
        form.setLineHeight(100 if code else 130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        if code:
            form.setBackground(theme.color(theme.RAISED))
            form.setNonBreakableLines(False)
        cursor.mergeBlockFormat(form)
        if level:
            look = QTextCharFormat()
            look.setFont(theme.font(_HEADINGS.get(level, READING_PX), QFont.Weight.DemiBold))
            cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
            cursor.mergeCharFormat(look)
        block = block.next()
    for frame in document.rootFrame().childFrames():
        if isinstance(frame, QTextTable):
            grid = frame.format()
            grid.setBorderBrush(theme.color(theme.HAIRLINE))
            grid.setBorderCollapse(True)
            grid.setCellPadding(4)
            frame.setFormat(grid)
