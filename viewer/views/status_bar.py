"""The line at the bottom: what the program is for, which network spoke, what goes on."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from viewer.commands import Context
from viewer.commands.table import with_keys
from viewer.model.identity import shown_message
from viewer.model.results import ResultEntry
from viewer.views import parts, theme
from viewer.views.command_widgets import Refresher
from viewer.views.display_notice import DisplayNotice

RESEARCH_ONLY = "Research use only - not for diagnosis"
MIN_WIDTH = 400
HINT_MS = 6000  # how long a passing hint stays
_WORKER = {
    "starting": "AI worker is starting",
    "idle": "AI ready",
    "running": "AI running",
    "dead": "AI worker has stopped - {ai.restart} restarts it",
}


def model_text(entry: ResultEntry | None) -> str:
    """Return model, weights, short SHA, mode and device of a result; "" before there is one."""
    if entry is None or not entry.model:
        return ""
    if entry.result is None:
        return f"{entry.model}   {entry.weights}"
    prov = entry.result.provenance
    return f"{prov.model}   {prov.weights} (sha {prov.weights_sha256[:8]})   {prov.mode}, {prov.device}"


class StatusBar(QWidget):
    """22 px at the bottom of the window.

    Attributes
    ----------
    research : the notice that cannot be removed.
    display : the notice that the screen is not calibrated; it goes when somebody says otherwise.
    hint : why a key did nothing, for six seconds; else the state of the worker.
    model : which network and weights made the result of the active image.
    activity, progress : what is under way.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setObjectName("statusBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.STATUS_BAR_HEIGHT)
        self.setAccessibleName("Status")
        self.research = parts.caption(RESEARCH_ONLY, "warning")
        self.research.setMinimumWidth(self.research.sizeHint().width())  # whatever else there is to say
        self.display = DisplayNotice(context)
        self.hint = parts.ElidedLabel("", "secondary", theme.caption_font())
        self.model = parts.caption()
        self._model_texts: tuple[str, ...] = ("",)
        self.activity = parts.ElidedLabel("", "secondary", theme.caption_font())
        self.activity.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)  # as wide as the text
        self.progress = parts.ProgressLine()
        self.progress.setFixedWidth(140)
        self._build()
        self._hint_timer = QTimer(self)
        self._hint_timer.setSingleShot(True)
        self._hint_timer.timeout.connect(self._end_hint)
        session = context.session
        session.notice.connect(self._on_notice)
        session.identity_changed.connect(self._end_hint, check_nargs=False)
        signals = (
            session.exam_changed,
            session.active_changed,
            session.ai_changed,
            session.activity_changed,
            session.background_changed,
            session.links.offer_changed,
            session.results.changed,
            session.results.cleared,
        )
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(16)
        row.addWidget(self.research)
        row.addWidget(self.display)
        row.addWidget(self.hint, 1)
        for widget in (self.model, self.activity, self.progress):
            row.addWidget(widget)

    def _on_notice(self, level: str, text: str) -> None:
        if level == "hint":
            self._hint_timer.start(HINT_MS)
            self.hint.setText(shown_message(with_keys(text, self._context), self._context.session))
            self.hint.set_look("")
            self._make_room()

    def _end_hint(self, *_: object) -> None:
        self._hint_timer.stop()
        self.refresh()

    def refresh(self) -> None:
        """Show the present state of the session."""
        session = self._context.session
        if not self._hint_timer.isActive():
            said = session.ai.message or _WORKER.get(session.ai.state, session.ai.state)
            worker = shown_message(with_keys(said, self._context), session)
            text = session.background or worker
            if session.links.offer is not None:
                text = with_keys(f"{session.links.offer.text} - {{compare.go_to_depth}} goes there", self._context)
            self.hint.setText(worker if session.ai.state == "dead" else text)
            self.hint.set_look("error" if session.ai.state == "dead" else "secondary")
        image = session.active_image
        text = model_text(session.results.get(image.sop_uid) if image else None)
        self._model_texts = (text, "   ".join(text.split("   ")[:2]), text.split("   ")[0])  # the first that fits
        self._refresh_progress()
        self._make_room()

    def minimumSizeHint(self) -> QSize:
        """Return room for what must always be read; the rest never keeps the window from getting smaller."""
        return QSize(MIN_WIDTH, theme.STATUS_BAR_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Share the line out anew."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        """Leave the model out where what goes on, or why a key did nothing, would be cut for it."""
        urgent = [self.activity, self.progress] if self.activity.text() else []
        urgent += [self.hint] if self._hint_timer.isActive() else []
        shown = [self.research, self.model, *([] if self.display.isHidden() else [self.display]), *urgent]
        row = self.layout()
        assert row is not None  # made by _build
        margins = row.contentsMargins()
        taken = margins.left() + margins.right() + row.spacing() * len(shown)
        taken += sum(min(one.sizeHint().width(), one.maximumWidth()) for one in shown if one is not self.model)
        metrics = self.model.fontMetrics()
        fitting = (text for text in self._model_texts if taken + metrics.horizontalAdvance(text) < self.width())
        text = next(fitting, "")
        self.model.setText(text)
        self.model.setToolTip(self._model_texts[0] if text != self._model_texts[0] else "")
        self.model.setVisible(bool(text))

    def _refresh_progress(self) -> None:
        session = self._context.session
        entries = [entry for uid in session.results.pending if (entry := session.results.get(uid))]
        running = next((entry for entry in entries if entry.status == "running"), None)
        if running is not None:
            image = session.image(running.sop_uid)
            more = f", {len(entries) - 1} more waiting" if len(entries) > 1 else ""
            text, done, total = f"AI {image.label if image else ''} {running.stage}{more}", running.done, running.total
        elif entries:
            text, done, total = f"AI {len(entries)} waiting", 0, 0
        elif session.activity is not None:
            text, done, total = session.activity.text, session.activity.done, session.activity.total
        else:
            text, done, total = "", 0, 0
        self.activity.setText(shown_message(" ".join(text.split()), session))
        self.activity.setVisible(bool(text))
        self.progress.setVisible(bool(text))
        self.progress.set_progress(done, total)
