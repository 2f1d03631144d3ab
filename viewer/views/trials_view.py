"""Trying out a result: occlude and rerun, stability under shifts. Calm, closed to begin with, never a result."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from viewer.commands import Context
from viewer.model.identity import shown_message
from viewer.model.trials import Experiment, Steadiness, Trial
from viewer.views import parts
from viewer.views import trial_texts as texts
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.rows import Rows

TITLE = "Try out this result"


class Part(QWidget):
    """One kind of trial: heading, buttons, progress, words, numbers."""

    def __init__(self, title: str, buttons: list[CommandButton], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons = buttons
        self.text = parts.caption("", "secondary", wrap=True)
        self.progress = parts.ProgressLine()
        self.rows = Rows()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(parts.caption(title, ""))
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in buttons:
            button.setProperty("filled", True)
            button.setProperty("compact", True)
            row.addWidget(button)
        row.addStretch(1)
        column.addLayout(row)
        for widget in (self.progress, self.text, self.rows):
            column.addWidget(widget)

    def show_trial(self, trial: Trial | None, text: str, tone: str, rows: list[tuple[str, str]]) -> None:
        """Show how far a trial is, or what came of it."""
        for button in self.buttons:
            button.refresh()
        pending = trial is not None and trial.pending
        self.progress.setVisible(pending)
        if trial is not None and pending:
            self.progress.set_progress(trial.done, trial.total)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        self.text.set_look(tone)
        self.rows.show_rows(rows)


class TrialsView(QWidget):
    """The lowest part of the AI panel.

    Attributes
    ----------
    badge : how steady the result of the active image is; shown whether the section is open or not.
    fold : the section; occlusion and stability are in it.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setAccessibleName(TITLE)
        self.fold = parts.Fold(TITLE, self)
        self.badge = parts.caption()
        self.occlusion = Part("Occlude and rerun", self._buttons("occlude_patch", "draw", "whole_depth", "end"))
        self.stability = Part("Shift and rerun", self._buttons("stability"))
        self._build()
        session = context.session
        signals = (
            session.exam_changed,
            session.layout_changed,
            session.active_changed,
            session.identity_changed,
            session.ai_changed,
            session.overlays.changed,
            session.results.changed,
            session.results.cleared,
            session.trials.changed,
            session.patch_selected,
        )
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _buttons(self, *names: str) -> list[CommandButton]:
        texts_of = {
            "occlude_patch": "Patch",
            "draw": "Draw",
            "whole_depth": "All slices",
            "end": "End",
            "stability": "Check the stability",
        }
        return [CommandButton(self._context, f"trial.{name}", self, text=texts_of[name]) for name in names]

    def _build(self) -> None:
        body = QVBoxLayout(self.fold.body)
        body.setContentsMargins(8, 4, 0, 0)
        body.setSpacing(12)
        for part in (self.occlusion, self.stability):
            body.addWidget(part)
        body.addWidget(parts.caption(texts.NEVER_KEPT, "secondary", wrap=True))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.badge)
        column.addWidget(self.fold)

    def refresh(self) -> None:
        """Show what is tried out on the active image."""
        session = self._context.session
        image = session.active_image
        hidden = image is None or not session.overlays.settings.visible
        uid = "" if hidden or image is None else image.sop_uid
        entry = session.results.get(uid)
        self.fold.setVisible(entry is not None and entry.result is not None)
        experiment, steadiness = session.trials.experiment(uid), session.trials.steadiness(uid)
        text, tone = _experiment_words(experiment, drawing=session.trials.drawing)
        text = shown_message(text, session)
        self.occlusion.show_trial(experiment, text, tone, texts.experiment_rows(experiment) if experiment else [])
        text, tone = _steadiness_words(steadiness)
        rows = texts.stability_rows(steadiness) if steadiness and steadiness.outcomes else []
        self.stability.show_trial(steadiness, shown_message(text, session), tone, rows)
        badge, tone = texts.badge_text(steadiness) if steadiness else ("", "secondary")
        self.badge.setText(badge)
        self.badge.set_look(tone)
        self.badge.setVisible(bool(badge))


def _experiment_words(experiment: Experiment | None, *, drawing: bool) -> tuple[str, str]:
    if drawing:
        return "Drag an ellipse over the place on the image; Esc stops.", ""
    if experiment is None:
        return "", "secondary"
    if experiment.status in ("failed", "cancelled"):
        return experiment.message, "error" if experiment.status == "failed" else "secondary"
    return texts.where_text(experiment), "secondary"


def _steadiness_words(steadiness: Steadiness | None) -> tuple[str, str]:
    if steadiness is None:
        return "", "secondary"
    if steadiness.status in ("failed", "cancelled"):
        return steadiness.message, "error" if steadiness.status == "failed" else "secondary"
    if steadiness.pending:
        return steadiness.stage, "secondary"
    return f"Range of the scores and drift of the peaks over {len(steadiness.shifts)} shifted runs.", "secondary"
