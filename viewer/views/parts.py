"""Small widgets that every panel is made of: labels, hairlines, the progress line, foldable sections."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from viewer.views import icons, theme


def hairline(parent: QWidget | None = None, *, vertical: bool = False) -> QFrame:
    """Return a line of one pixel between groups."""
    line = QFrame(parent)
    line.setObjectName("hairline")
    if vertical:
        line.setFixedSize(1, 20)
    else:
        line.setFixedHeight(1)
    return line


def fill_scrolling(panel: QWidget, inside: QWidget) -> None:
    """Put the content of a panel into it: on a low screen it scrolls as a whole rather than cutting a section off."""
    area = QScrollArea(panel)
    area.setWidget(inside)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    outer = QVBoxLayout(panel)
    outer.setContentsMargins(1, 0, 0, 0)
    outer.addWidget(area)


_TONES = {"": theme.TEXT, "secondary": theme.SECONDARY, "warning": theme.WARNING, "error": theme.ERROR}


class Label(QLabel):
    """A line of plain text (never rich text: file contents must not be able to format themselves) with font and tone.

    An application style sheet puts fonts and palettes back to what they were when a widget is given a new parent;
    this label notices and dresses again.
    """

    def __init__(
        self, text: str = "", tone: str = "", font: QFont | None = None, parent: QWidget | None = None
    ) -> None:
        self._font, self._tone = font or theme.body_font(), tone
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._dress()

    @property
    def tone(self) -> str:
        """Role of the text: ``""``, ``secondary``, ``warning``, ``error``."""
        return self._tone

    def set_look(self, tone: str, font: QFont | None = None) -> None:
        """Use another tone, and another font."""
        self._tone, self._font = tone, font or self._font
        self._dress()

    def _dress(self) -> None:
        if self.font().key() != self._font.key():
            self.setFont(self._font)
        wanted = theme.color(_TONES[self._tone])
        palette = self.palette()
        if palette.color(QPalette.ColorGroup.Active, QPalette.ColorRole.WindowText) != wanted:
            palette.setColor(QPalette.ColorRole.WindowText, wanted)
            palette.setColor(QPalette.ColorGroup.Disabled, QPalette.ColorRole.WindowText, theme.color(theme.DISABLED))
            self.setPalette(palette)

    def changeEvent(self, event: QEvent) -> None:
        """Dress again when something else changed font or palette."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self._dress()


def caption(text: str = "", tone: str = "secondary", *, wrap: bool = False) -> Label:
    """Return small text."""
    result = Label(text, tone, theme.caption_font())
    result.setWordWrap(wrap)
    return result


def heading(text: str) -> Label:
    """Return the heading of a section."""
    return Label(text, "", theme.heading_font())


class ElidedLabel(Label):
    """One line that ends in ``…`` where it does not fit; the whole text is the tooltip then."""

    def __init__(
        self, text: str = "", tone: str = "", font: QFont | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(text, tone, font, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.explanation = ""

    def minimumSizeHint(self) -> QSize:
        """Return a width that may shrink to nothing."""
        return QSize(0, super().minimumSizeHint().height())

    def shown_text(self) -> str:
        """Return what fits."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.contentsRect().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what fits."""
        text = self.shown_text()
        tip = self.explanation or ("" if text == self.text() else self.text())
        if tip != self.toolTip():
            self.setToolTip(tip)
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.contentsRect(), Qt.AlignmentFlag.AlignVCenter | self.alignment(), text)


class ProgressLine(QWidget):
    """A thin line with a number, e.g. ``34/66``; it never spins."""

    THICKNESS = 2

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._done, self._total, self._text = 0, 0, ""
        self.setFont(theme.caption_font())
        self.setFixedHeight(16)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Progress")

    @property
    def text(self) -> str:
        """The number that is shown."""
        return self._text

    @property
    def fraction(self) -> float:
        """How much of the line is filled, 0..1."""
        return min(max(self._done / self._total, 0.0), 1.0) if self._total > 0 else 0.0

    def set_progress(self, done: int, total: int) -> None:
        """Show ``done`` of ``total``; a total of 0 means that it is not known yet."""
        self._done, self._total = done, total
        self._text = f"{done}/{total}" if total > 0 else ""
        self.setAccessibleDescription(self._text or "not known yet")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the groove, the line and the number at its right."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = self.fontMetrics().horizontalAdvance(self._text) + 8 if self._text else 0
        width = self.width() - room
        top = (self.height() - self.THICKNESS) / 2
        painter.fillRect(QRectF(0, top, width, self.THICKNESS), theme.color(theme.TRACK))
        painter.fillRect(QRectF(0, top, width * self.fraction, self.THICKNESS), theme.color(theme.ACCENT))
        painter.setPen(theme.color(theme.SECONDARY))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, self._text)


class Fold(QWidget):
    """A section that opens and closes by its heading; closed to begin with."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.button = QToolButton(self)
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setProperty("row", True)
        self.button.setFont(theme.caption_font())
        self.button.toggled.connect(self._toggled)
        self.body = QWidget(self)
        self.body.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.button)
        layout.addWidget(self.body)
        self.set_title(title)
        self._toggled(False)

    def set_title(self, title: str) -> None:
        """Name the section."""
        self.button.setText(title)
        self.button.setAccessibleName(title)

    def _toggled(self, is_open: bool) -> None:
        self.button.setIcon(icons.icon("chevron-down" if is_open else "chevron-right"))
        self.button.setToolTip("Close this section" if is_open else "Open this section")
        self.body.setVisible(is_open)
