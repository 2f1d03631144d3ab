"""Measuring beside the image: what is measured, its figures and curves, and what the network got wrong."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, QSize, Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from gmic_core.comparison.classes import Subject
from gmic_core.types import CLASSES, Finding
from viewer.commands import COMMANDS, Context, run
from viewer.commands.measuring import why_not
from viewer.commands.table import with_keys
from viewer.model.measuring import FINDINGS, Figures
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton, KeepKeys, Refresher, state_signals
from viewer.views.measuring_curves import CurveState, DiceCurve, PrecisionRecallCurve
from viewer.views.measuring_figures import FigureTable
from viewer.views.measuring_misses import MissList, counts_text

PANEL_WIDTH = 292
GONE = "it is not there any more"


class MeasuringPanel(QWidget):
    """Everything that is measured on the active image; shown in annotation mode when it is asked for.

    Attributes
    ----------
    subjects : what can be measured.
    state : what it is measured against, and how far; why, where nothing can be measured.
    figures, dice, recall, misses : the parts.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setObjectName("panel")
        self.setProperty("edge", "left")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("Measuring panel")
        self.setMinimumWidth(PANEL_WIDTH)
        self.buttons: dict[str, CommandButton] = {}
        self.subjects = QComboBox()
        self.state = parts.caption("", wrap=True)
        self.indicated = parts.caption("", wrap=True)
        self.figures = FigureTable()
        self.dice, self.recall = DiceCurve(context), PrecisionRecallCurve(context)
        self.counts = parts.caption("", wrap=True)
        self.misses = MissList(context)
        self.body = QWidget()
        self._build()
        session = context.session
        annotation, measuring = session.annotation, session.measuring
        own = (measuring.changed, measuring.shown_changed, measuring.classes_changed)
        signals = (*state_signals(context), *own, annotation.named, annotation.lesions_changed, session.trials.changed)
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(PANEL_WIDTH, 600)

    # -- building ------------------------------------------------------------------------------------------------
    def _build(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        column.addLayout(self._row(parts.heading("Measuring"), "measure.toggle"))
        column.addWidget(self.subjects)
        column.addWidget(self.state)
        column.addWidget(self.body)
        column.addStretch(1)
        self._build_subjects()
        rows = QVBoxLayout(self.body)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(8)
        rows.addWidget(self.figures)
        rows.addWidget(self.indicated)
        rows.addWidget(parts.hairline())
        rows.addWidget(self.dice)
        rows.addWidget(self.recall)
        rows.addLayout(self._switches())
        rows.addWidget(parts.hairline())
        rows.addLayout(self._row(parts.heading("Misses"), "measure.previous_miss", "measure.next_miss"))
        rows.addWidget(self.counts)
        rows.addWidget(self.misses)
        parts.fill_scrolling(self, inside)

    def _build_subjects(self) -> None:
        self.subjects.setObjectName("measure.subject")
        self.subjects.setAccessibleName("Measured")
        self.subjects.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.subjects.setMinimumContentsLength(8)
        self.subjects.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.subjects.activated.connect(lambda row: run("measure.subject", self._context, self.subjects.itemData(row)))
        KeepKeys(self.subjects)

    def _button(self, command_id: str, text: str | None = None) -> CommandButton:
        button = CommandButton(self._context, command_id, self, text=text)
        if text is None and button.command.icon:
            button.setFixedWidth(theme.CONTROL_HEIGHT)
        self.buttons[command_id] = button
        return button

    def _row(self, title: parts.Label, *command_ids: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(title)
        row.addStretch(1)
        for command_id in command_ids:
            row.addWidget(self._button(command_id))
        return row

    def _switches(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(4)
        row.addWidget(self._button("measure.best_threshold", "To largest Dice"))
        row.addStretch(1)
        row.addWidget(self._button("measure.deep", "All slices"))
        return row

    # -- showing -------------------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Show the present state; while the panel is not wanted, why nothing can be chosen is all that is kept up."""
        session = self._context.session
        measuring = session.measuring
        reason = why_not(self._context)
        reason = None if reason is None else with_keys(reason, self._context)
        self._explain_subjects(reason)
        if not (session.annotation.on and measuring.shown):
            return
        for button in self.buttons.values():
            button.refresh()
        self._refresh_subjects(reason)
        self.body.setVisible(reason is None)
        self.state.setText(f"Nothing to measure: {reason}" if reason is not None else self._state_text())
        if reason is None:
            self._refresh_figures()

    def _refresh_subjects(self, reason: str | None) -> None:
        measuring = self._context.session.measuring
        offered = measuring.subjects if reason is None else ()
        entries = [(self._subject_text(one), one) for one in offered]
        shown = [(self.subjects.itemText(k), self.subjects.itemData(k)) for k in range(self.subjects.count())]
        with QSignalBlocker(self.subjects):
            if entries != shown:
                self.subjects.clear()
                for text, one in entries:
                    self.subjects.addItem(text, one)
            if measuring.subject in offered:
                self.subjects.setCurrentIndex(offered.index(measuring.subject))

    def _explain_subjects(self, reason: str | None) -> None:
        self.subjects.setEnabled(reason is None)
        entry = COMMANDS["measure.subject"]
        self.subjects.setToolTip(entry.tooltip_now(self._context))
        self.subjects.setAccessibleDescription("" if reason is None else f"Not available: {reason}")

    def _subject_text(self, subject: Subject) -> str:
        found = self._context.session.measuring.segmentation
        if subject.label is None or found is None:
            return f"{CLASSES[subject.finding].capitalize()}, all labels"
        name = found.name(subject.label).name
        return f"  {subject.label}  {name}" if subject.number is None else f"     {name}, lesion {subject.number}"

    def _state_text(self) -> str:
        session = self._context.session
        measuring, image = session.measuring, session.active_image
        if measuring.problem:
            return f"Not measured: {measuring.problem}"
        done, total = measuring.progress
        if not measuring.current:
            return f"Being measured, {done} of {total} slices…" if total else "Being measured…"
        lines = []
        if image is not None and measuring.result is not None:
            source = measuring.result.provenance
            lines.append(
                f"{image.label} {image.modality}, {source.model}{', UNTRAINED: noise' if source.untrained else ''}"
            )
        absent = [CLASSES[finding] for finding in FINDINGS if not measuring.labels(finding)]
        lines += [f"No label of this image is {absent[0]}."] if len(absent) == 1 else []
        if image is not None and session.trials.shown(session.results.get(image.sop_uid)) != "result":
            lines.append("Measured is the result, not the map that is shown.")
        return "\n".join(lines)

    def _refresh_figures(self) -> None:
        session = self._context.session
        measuring, image = session.measuring, session.active_image
        current = measuring.current
        figures: Figures | None = measuring.figures if measuring.about_active else None
        compared = figures.compared if figures is not None else None
        why = measuring.problem or (GONE if figures is not None else "being measured")
        volume = image is not None and image.frames > 1
        threshold = measuring.threshold
        self.figures.show_figures(compared, threshold, volume=volume, stale=not current, why=why)
        known = compared is not None and compared.indicated is not None
        yes = compared is not None and compared.indicated
        told = "Patches cover at least 70 %: indicated." if yes else "Patches cover less than 70 %: not indicated."
        self.indicated.setText(told if known else "")
        self.indicated.setVisible(known)
        self.indicated.setEnabled(current)
        subject = measuring.subject
        finding = subject.finding if subject is not None else Finding.MALIGNANT
        deep = measuring.deep and compared is not None and compared.curve_3d is not None
        state = CurveState(finding, None, threshold, stale=not current)
        if compared is not None:
            curve = compared.curve_3d if deep else compared.curve
            measures = compared.measures_3d if deep else compared.measures
            if curve is not None and measures is not None:
                best = (measures.dice_max_threshold, measures.dice_max)
                state = CurveState(finding, curve.curve, threshold, best, not current)
        self.dice.show_state(state)
        self.recall.show_state(state)
        self._refresh_misses()

    def _refresh_misses(self) -> None:
        measuring, subject = self._context.session.measuring, self._context.session.measuring.subject
        misses, basis = measuring.misses, measuring.basis
        about = (
            misses is not None and basis is not None and subject is not None
            and (misses.basis.sop_uid, misses.finding) == (basis.sop_uid, subject.finding)
            and misses.basis.result is basis.result
        )  # fmt: skip
        shown = misses if about else None
        stale = not measuring.misses_current
        self.misses.fill(shown, stale=stale)
        self.misses.setVisible(bool(shown is not None and shown.entries))
        self.counts.setEnabled(not stale)
        if shown is None:
            self.counts.setText("Being listed…" if not measuring.problem else "")
            return
        more = shown.regions - sum(entry.kind == "region" for entry in shown.entries)
        told = counts_text(shown)
        self.counts.setText(f"{told} The {more} lowest regions are not listed." if more else told)
