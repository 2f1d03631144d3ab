"""Scores of both breasts and of the active image, with progress, notices and origin."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from gmic_core.coverage import OUTSIDE_LIMIT, calm_notes
from gmic_core.exam.model import MammoImage
from gmic_core.inference.notes import is_calm
from gmic_core.types import Finding, ImageResult, Laterality
from viewer.commands import Context
from viewer.commands.table import with_keys
from viewer.model.identity import shown_message
from viewer.model.results import ResultEntry
from viewer.views import parts, theme, trial_texts
from viewer.views import score_texts as texts
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.overlay_controls import FINDINGS, finding_icon

SIDES = (Laterality.R, Laterality.L)
"""As on the screen: the right breast hangs on the left."""
MOST_NAMED = 3
"""Images that are named one by one."""
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _number(font: QFont | None = None) -> parts.Label:
    result = parts.Label(texts.MISSING, "secondary", font)
    result.setAlignment(_RIGHT)
    return result


def _finding_row(finding: Finding) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(6)
    dot = QLabel()
    dot.setPixmap(finding_icon(finding).pixmap(8, 8, state=finding_icon(finding).State.On))
    layout.addWidget(dot)
    layout.addWidget(parts.Label(finding.name.lower()))
    layout.addStretch(1)
    return row


class BreastScores(QWidget):
    """Malignant and benign for the right and the left breast; the active breast's are large.

    Attributes
    ----------
    numbers : label of each score by (side, class).
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.numbers = {(side, finding): _number() for side in SIDES for finding in FINDINGS}
        self.heads = {side: _number(theme.heading_font()) for side in SIDES}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(0)
        for column, side in enumerate(SIDES, 1):
            self.heads[side].setText(str(side))
            grid.addWidget(self.heads[side], 0, column)
            grid.setColumnMinimumWidth(column, 72)
            for row, finding in enumerate(FINDINGS, 1):
                grid.addWidget(self.numbers[side, finding], row, column)
        for row, finding in enumerate(FINDINGS, 1):
            grid.addWidget(_finding_row(finding), row, 0)
            grid.setRowMinimumHeight(row, 28)
        grid.setColumnStretch(0, 1)

    def show_scores(self, results: list[ImageResult], active: Laterality | None) -> None:
        """Show the scores of one modality."""
        for side in SIDES:
            self.heads[side].set_look("" if side is active else "secondary")
            score = texts.breast_of(results, side)
            for finding in FINDINGS:
                number = self.numbers[side, finding]
                number.setText(texts.score_text(score.y[finding] if score else None))
                tone = "" if side is active and score and not score.untrained else "secondary"
                number.set_look(tone, theme.score_font() if side is active else theme.font(theme.HEADING_PX))
                number.setToolTip(texts.breast_tooltip(score, results, side, finding))
                number.setAccessibleName(f"{side} {finding.name.lower()} {number.text()}")


class ImageScores(QWidget):
    """Score of the active image and what it was made from."""

    COLUMNS = ("score", "global", "local")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = parts.Label("", "", theme.font(theme.BODY_PX, QFont.Weight.Medium))
        self.numbers = {(finding, name): _number() for finding in FINDINGS for name in self.COLUMNS}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.addWidget(self.title, 0, 0)
        for column, name in enumerate(self.COLUMNS, 1):
            head = parts.caption(name)
            head.setAlignment(_RIGHT)
            grid.addWidget(head, 0, column)
            grid.setColumnMinimumWidth(column, 44)
            for row, finding in enumerate(FINDINGS, 1):
                grid.addWidget(self.numbers[finding, name], row, column)
        for row, finding in enumerate(FINDINGS, 1):
            grid.addWidget(parts.Label(finding.name.lower(), "secondary"), row, 0)
        grid.setColumnStretch(0, 1)

    def show_result(self, image: MammoImage, result: ImageResult) -> None:
        """Show a finished result."""
        self.title.setText(f"{image.label} {image.modality}")
        values = {"score": result.y, "global": result.y_global, "local": result.y_local}
        for (finding, name), number in self.numbers.items():
            number.setText(texts.score_text(values[name][finding]))
            number.setToolTip(texts.image_tooltip(result, finding))
            number.setAccessibleName(f"{image.label} {finding.name.lower()} {name} {number.text()}")
            number.set_look("" if name == "score" and not result.provenance.untrained else "secondary")


class Origin(parts.Fold):
    """Where the numbers come from; closed until the reader asks."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Origin of this result", parent)
        self.values: dict[str, parts.Label] = {}
        self._grid = QGridLayout(self.body)
        self._grid.setContentsMargins(8, 4, 0, 4)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)

    def show_result(self, result: ImageResult) -> None:
        """Fill in the values."""
        rows = texts.origin_rows(result)
        if not self.values:
            for row, (name, _) in enumerate(rows):
                key = parts.caption(name)
                key.setAlignment(Qt.AlignmentFlag.AlignTop)
                self.values[name] = parts.caption("", "", wrap=True)
                self._grid.addWidget(key, row, 0)
                self._grid.addWidget(self.values[name], row, 1)
        for name, value in rows:
            self.values[name].setText(value)
        self.values["SHA-256"].setToolTip(result.provenance.weights_sha256)
        self.button.setToolTip("\n".join(f"{name}: {value}" for name, value in rows))


class ScoresView(QWidget):
    """The upper part of the AI panel.

    Attributes
    ----------
    breasts, image : the numbers.
    untrained : marks random weights.
    message : what to do or what went wrong, while there is no result.
    progress : of the active image.
    members : how far several sets of weights are apart.
    notes : amber notices of the result; before the run, what the header tells.
    calm : what is to be known of the result and is no reason for doubt: structures that were not analysed, near ties.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setAccessibleName("Scores")
        self.scale = parts.caption()
        self.breasts = BreastScores()
        self.image = ImageScores()
        self.untrained = parts.Label(texts.UNTRAINED, "warning")
        self.message = parts.Label("", "secondary")
        self.message.setWordWrap(True)
        self.run_button = CommandButton(context, "ai.run_exam", text="Run AI", with_icon=True)
        self.run_button.setProperty("filled", True)
        self.stage = parts.caption()
        self.progress = parts.ProgressLine()
        self.members = parts.caption("", "secondary", wrap=True)
        self.notes = parts.caption("", "warning", wrap=True)
        self.calm = parts.caption("", "secondary", wrap=True)
        self.origin = Origin()
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
        )
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        head = QHBoxLayout()
        head.addWidget(parts.heading("Scores"))
        head.addStretch(1)
        head.addWidget(self.scale)
        column.addLayout(head)
        column.addWidget(self.untrained)
        column.addWidget(self.breasts)
        self._line = parts.hairline()
        words = (self.message, self.stage, self.progress, self.notes, self.calm, self.origin)
        for widget in (self._line, self.image, self.members, *words):
            column.addWidget(widget)
        column.addWidget(self.run_button, 0, Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """Show what is known about the active image and its breasts."""
        session = self._context.session
        image = session.active_image
        hidden = not session.overlays.settings.visible
        entry = session.results.get(image.sop_uid) if image and not hidden else None
        result = entry.result if entry else None
        self._show_breasts(image, hidden=hidden)
        self.image.setVisible(result is not None)
        self.origin.setVisible(result is not None)
        self.untrained.setVisible(bool(entry and entry.untrained))
        if image is not None and result is not None:
            self.image.show_result(image, result)
            self.origin.show_result(result)
        self._show_members(result)
        self._show_notes(image, result, hidden=hidden)
        self._show_progress(entry)
        text, tone = self._message(image, entry, hidden=hidden)
        self.message.setText(text)
        self.message.setVisible(bool(text))
        self.message.set_look(tone)
        self.run_button.refresh()
        offered = image is not None and not hidden and (entry is None or entry.status in ("failed", "cancelled"))
        self.run_button.setVisible(offered)

    def _show_breasts(self, image: MammoImage | None, *, hidden: bool) -> None:
        session = self._context.session
        exam = session.exam_of(image.sop_uid) if image and not hidden else None
        images = exam.images if exam else ()
        entries = (session.results.get(other.sop_uid) for other in images)
        results = texts.results_of(entries, image.modality) if image else []
        self.breasts.setVisible(bool(results))
        self._line.setVisible(bool(results))
        self.scale.setText(f"{image.modality}, mean of CC and MLO" if image and results else "")
        self.breasts.show_scores(results, image.laterality if image else None)

    def _show_members(self, result: ImageResult | None) -> None:
        text = trial_texts.members_text(result) if result else ""
        self.members.setText(text)
        self.members.setVisible(bool(text))
        self.members.setToolTip(trial_texts.members_tooltip(result) if result else "")

    def _show_notes(self, image: MammoImage | None, result: ImageResult | None, *, hidden: bool) -> None:
        """Show what speaks against trusting the result; before there is one, what the header tells already."""
        found = calm_notes(result.coverage) if result is not None and result.coverage is not None else ()
        calm = [note for note in result.notes if note in found or is_calm(note)] if result else []
        notes = [note for note in result.notes if note not in calm] if result else []
        if result is None and image is not None and not hidden:
            notes = self._notes_before(image)
        if result and result.outside_fraction > OUTSIDE_LIMIT and not any("outside" in note for note in notes):
            share = f"{result.outside_fraction:.2f}"
            notes.append(f"{share} of the breast lies outside the window that the network saw and was not analysed.")
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))
        self.calm.setText("\n".join(calm))
        self.calm.setVisible(bool(calm))

    def _notes_before(self, image: MammoImage) -> list[str]:
        """Return what the header of an image tells before a run, and on which others there is something to know."""
        session = self._context.session
        notes = list(session.ai.notes.get(image.sop_uid, ()))
        exam = session.exam_of(image.sop_uid)
        others = [
            f"{one.label} {one.modality}"
            for one in (exam.images if exam is not None else ())
            if session.results.get(one.sop_uid) is None and set(session.ai.notes.get(one.sop_uid, ())) - set(notes)
        ]
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        if others:
            notes.append(f"To be known before a run of {', '.join(others[:MOST_NAMED])}{more} too: show it to read it.")
        return notes

    def _show_progress(self, entry: ResultEntry | None) -> None:
        running = entry is not None and entry.status == "running"
        self.stage.setVisible(running)
        self.progress.setVisible(running)
        if entry is not None and running:
            self.stage.setText(f"{entry.model}: {entry.stage or 'starting'}".lstrip(": "))
            self.progress.set_progress(entry.done, entry.total)

    def _message(self, image: MammoImage | None, entry: ResultEntry | None, *, hidden: bool) -> tuple[str, str]:
        """Return (text, tone) that stands where no result is."""
        if hidden:
            return with_keys("All AI is hidden. Press {overlay.toggle_all} to show it.", self._context), "secondary"
        if image is None:
            return "The scores of the image in the active viewport appear here.", "secondary"
        name = f"{image.label} {image.modality}"
        if entry is None and image.questions:
            return f"AI waits: answer the question about {name} first.", "secondary"
        if entry is None:
            text = f"No AI result for {name} yet. {{ai.run_exam}} runs all images of the exam."
            return with_keys(text, self._context), "secondary"
        if entry.status == "queued":
            return f"{name} waits for its turn.", "secondary"
        if entry.status == "cancelled":
            text = f"The run of {name} was cancelled. {{ai.run_exam}} runs it again."
            return with_keys(text, self._context), "secondary"
        if entry.status == "failed":
            return f"No result for {name}: {shown_message(entry.message, self._context.session)}", "error"
        return "", "secondary"
