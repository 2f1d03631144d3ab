"""Banners over the viewports: what happened, what it means for the reading, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gmic_core.exam.model import MammoImage
from viewer.commands import Context
from viewer.commands.table import with_keys
from viewer.model.identity import shown_message, without_identity
from viewer.model.results import ResultEntry
from viewer.views import icons, parts, theme
from viewer.views.command_widgets import CommandButton, Refresher

MAX_PASSING = 3
"""Banners that the reader may dismiss are at most so many: older ones make room."""

_LOOKS = {
    "info": ("info", theme.ACCENT),
    "warning": ("triangle-alert", theme.WARNING),
    "error": ("circle-alert", theme.ERROR),
}


@dataclass(frozen=True)
class Notice:
    """What one banner says.

    Attributes
    ----------
    level : ``info``, ``warning``, ``error``.
    command : id of a command that helps, shown as a button; "" for none.
    fixed : stays as long as its cause does; the reader cannot dismiss it.
    """

    level: str
    text: str
    command: str = ""
    fixed: bool = False


def standing_notices(context: Context) -> list[Notice]:
    """Return the banners that follow from the state of the session, worst first."""
    session = context.session
    notices = []
    if session.ai.state == "dead":
        text = (
            session.ai.message or "The AI worker has stopped; the images are not affected. Restart it, then run again."
        )
        text = shown_message(with_keys(text, context), session)
        notices.append(Notice("error", text, "ai.restart", fixed=True))
    images = session.images_at_hand
    for image in images:
        for question in image.questions:
            name = f"{image.label} {image.modality}"
            what = question.removeprefix(f"{image.label}: ")  # asked about the pixels: it begins with side and view
            text = shown_message(f"{name}: {what} AI waits for the answer.", session)
            notices.append(Notice("error", text, "image.answer", fixed=True))
    entries = [entry for image in images if (entry := session.results.get(image.sop_uid))]
    weights = sorted({entry.weights for entry in entries if entry.untrained})
    if weights:
        kinds = sorted({str(i.modality) for i in images if (e := session.results.get(i.sop_uid)) and e.untrained})
        where = "" if all(entry.untrained for entry in entries) else f" on {', '.join(kinds)}"
        text = (
            f"UNTRAINED{where}: random weights ({', '.join(weights)}). Maps, patches and scores are noise. "
            "Import published weights with gmic-core models import."
        )
        notices.append(Notice("warning", text, fixed=True))
    names = _weights_without_patients(images, entries)
    if names:
        text = (
            f"The weights {', '.join(names)} were trained on simulated breasts only; "
            "what they mark here says nothing about patients."
        )
        notices.append(Notice("warning", text, fixed=True))
    return notices


def _weights_without_patients(images: Sequence[MammoImage], entries: Sequence[ResultEntry]) -> list[str]:
    """Return the names of weights that never saw a patient but ran on an image that is not simulated."""
    simulated = {image.sop_uid for image in images if image.simulated}
    return sorted({one.weights for one in entries if one.simulated_only and one.sop_uid not in simulated})


class Banner(QWidget):
    """One line with a coloured edge, an icon, the text, perhaps a button that helps, and the way to dismiss it."""

    EDGE = 3

    def __init__(self, context: Context, notice: Notice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.notice = notice
        icon, self._color = _LOOKS.get(notice.level, _LOOKS["info"])
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"{notice.level.capitalize()}: {notice.text}")
        self.sign = QLabel(self)
        self.sign.setPixmap(icons.pixmap(icon, self._color, ratio=self.devicePixelRatioF()))
        self.label = parts.Label(notice.text, parent=self)
        self.label.setWordWrap(True)
        self.label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
        self.row = row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 4, 4)
        row.setSpacing(8)
        row.addWidget(self.sign)
        row.addWidget(self.label, 1)
        self.button: CommandButton | None = None
        if notice.command:
            self.button = CommandButton(context, notice.command, self, text="", with_icon=False)
            self.button.setText(self.button.command.label)
            self.button.setProperty("filled", True)
            row.addWidget(self.button)
        self.dismiss = QToolButton(self)
        self.dismiss.setIcon(icons.icon("x"))
        self.dismiss.setFixedSize(theme.CONTROL_HEIGHT, theme.CONTROL_HEIGHT)
        self.dismiss.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.dismiss.setToolTip("Dismiss (Esc)")
        self.dismiss.setAccessibleName("Dismiss")
        self.dismiss.setVisible(not notice.fixed)
        row.addWidget(self.dismiss)

    def fit(self, width: int) -> None:
        """Be as high as the text needs at a width; a wrapping label alone would ask for far too much."""
        margins = self.row.contentsMargins()
        beside = [widget for widget in (self.sign, self.button, self.dismiss) if widget and not widget.isHidden()]
        used = sum(widget.sizeHint().width() + self.row.spacing() for widget in beside)
        room = max(width - used - margins.left() - margins.right(), 80)
        self.setFixedHeight(max(self.label.heightForWidth(room) + 16, 36))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a raised surface with the coloured edge."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color(theme.RAISED))
        painter.fillRect(0, 0, self.EDGE, self.height(), theme.color(self._color))
        painter.fillRect(0, self.height() - 1, self.width(), 1, theme.color(theme.HAIRLINE))


class BannerStack(QWidget):
    """All banners, one below the other: standing ones (untrained weights, a dead worker, open questions) first."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._passing: list[Notice] = []
        self.banners: list[Banner] = []
        self.setAccessibleName("Messages")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        session = context.session
        session.notice.connect(self._on_notice)
        session.exam_changed.connect(self._forget_warnings)
        session.identity_changed.connect(self._hide_identity)
        signals = (session.exam_changed, session.ai_changed, session.results.changed, session.results.cleared)
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _on_notice(self, level: str, text: str) -> None:
        if level == "hint":
            return
        notice = Notice(level, shown_message(with_keys(text, self._context), self._context.session))
        self._passing = [*(other for other in self._passing if other != notice), notice][-MAX_PASSING:]
        self.refresh()

    def _hide_identity(self, hidden: bool) -> None:
        """Take names and paths out of what is shown already."""
        if hidden:
            texts = [without_identity(notice.text, self._context.session) for notice in self._passing]
            self._passing = [replace(notice, text=text) for notice, text in zip(self._passing, texts, strict=True)]
        self.refresh()

    def _forget_warnings(self, _exam: object) -> None:
        """Another exam: what was said about the one before must not stand over it."""
        self._passing = []

    def dismiss_newest(self) -> bool:
        """Take away the newest banner that may be dismissed (Esc); return whether there was one."""
        if not self._passing:
            return False
        self._passing.pop()
        self.refresh()
        return True

    def _dismiss(self, notice: Notice) -> None:
        self._passing = [other for other in self._passing if other != notice]
        self.refresh()

    def refresh(self) -> None:
        """Show the present notices; banners that stay are not rebuilt."""
        wanted = [*standing_notices(self._context), *reversed(self._passing)]
        if [banner.notice for banner in self.banners] == wanted:
            return
        for banner in self.banners:
            self._column.removeWidget(banner)
            banner.hide()  # it is deleted some events later, and may say what has just been hidden
            banner.deleteLater()
        self.banners = [Banner(self._context, notice, self) for notice in wanted]
        for banner in self.banners:
            banner.dismiss.clicked.connect(lambda _checked=False, notice=banner.notice: self._dismiss(notice))
            banner.fit(self.width())
            self._column.addWidget(banner)
        self.setVisible(bool(wanted))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the banners wrap at the new width."""
        super().resizeEvent(event)
        for banner in self.banners:
            banner.fit(self.width())
