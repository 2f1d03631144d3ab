"""The slim bar at the top: whose exam it is, how it hangs, how it is seen, what the AI does."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QWidget

from gmic_core.exam.model import Exam
from viewer.commands import Context
from viewer.views import icons, parts, theme
from viewer.views.command_widgets import CommandButton, Refresher, state_signals
from viewer.views.marks_button import MeasureButton
from viewer.views.menus import main_menu

_ICON_GROUPS = (
    ("layout.previous", "layout.2x2", "layout.compare", "layout.single", "layout.next"),
    ("zoom.fit", "zoom.one_to_one", "zoom.true_size"),
    ("window.invert", "window.reset"),
    ("zoom.lens", "slab.toggle", "navigate.toggle_cine", "volume.toggle"),
)
MIN_WIDTH = 400
TITLE_ROOM = 120
"""Kept free for whose exam it is when groups of buttons go, px."""
_TEXTS = {"zoom.one_to_one": "1:1"}


def format_date(date: str) -> str:
    """Return a DICOM date (YYYYMMDD) as 2024-03-18; anything else as it is."""
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if len(date) == 8 and date.isdigit() else date


def format_name(name: str) -> str:
    """Return a DICOM person name (``Family^Given^Middle``) as a reader writes it."""
    return ", ".join(part for part in name.split("=")[0].split("^")[:2] if part)


def exam_title(exam: Exam | None, *, identity_hidden: bool) -> str:
    """Return the one line that says whose exam is open."""
    if exam is None:
        return "No exam open"
    if identity_hidden:
        return "Identity hidden   simulated" if exam.simulated else "Identity hidden"
    name = format_name(exam.patient_name)
    number = exam.patient_id if name or not exam.patient_id else f"ID {exam.patient_id}"
    if number == name:  # as in CBIS-DDSM: said once
        number = ""
    facts = (name, number, format_date(exam.date))
    return "   ".join(fact for fact in facts if fact) or "Patient not named in the file"


class Toolbar(QWidget):
    """36 px of commands, in groups separated by hairlines; groups give way, the first ones last, where it is narrow.

    Attributes
    ----------
    title : the exam's title.
    buttons : all command buttons by command id.
    measure : offers the measuring tools.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setObjectName("toolbar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.TOOLBAR_HEIGHT)
        self.setAccessibleName("Toolbar")
        self.buttons: dict[str, CommandButton] = {}
        self._groups: list[QWidget] = []
        self._folding: list[QWidget] = []
        self.measure = MeasureButton(context, self)
        self.title = parts.ElidedLabel(parent=self)
        self.title.setAccessibleName("Exam")
        self._build()
        session = context.session
        signals = (*state_signals(context), session.exams_changed, session.worklist.shown_changed)
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(2)
        row.addWidget(self._menu_button())
        row.addWidget(self._button("view.study_list"))
        row.addWidget(self._button("worklist.toggle"))
        row.addSpacing(8)
        row.addWidget(self.title, 3)  # of the free room most goes to the title: no name is cut while there is any
        for number, group in enumerate(_ICON_GROUPS):
            row.addWidget(self._group(group, separated=number > 0))
        row.addWidget(self.measure)
        self._folding = [*reversed(self._groups), self.measure]
        row.addSpacing(8)
        row.addStretch(1)
        row.addWidget(self._button("overlay.toggle_all", text="AI on", with_icon=True))
        self._separate(row)
        for command_id, text in (("ai.run_exam", "Run AI"), ("ai.cancel", "Cancel run")):
            button = self._button(command_id, text=text, with_icon=True)
            button.setProperty("filled", True)
            button.setMinimumWidth(96)
            row.addWidget(button)
        row.addSpacing(4)
        row.addWidget(self._button("view.ai_panel"))

    def _button(self, command_id: str, *, text: str | None = None, with_icon: bool = False) -> CommandButton:
        button = CommandButton(self._context, command_id, self, text=text, with_icon=with_icon)
        if text is None:
            button.setFixedWidth(theme.CONTROL_HEIGHT)
        self.buttons[command_id] = button
        return button

    def _group(self, command_ids: tuple[str, ...], *, separated: bool) -> QWidget:
        """Return buttons that belong together, after a hairline unless they are the first."""
        group = QWidget(self)
        row = QHBoxLayout(group)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        if separated:
            self._separate(row)
        for command_id in command_ids:
            row.addWidget(self._button(command_id, text=_TEXTS.get(command_id)))
        self._groups.append(group)
        return group

    def minimumSizeHint(self) -> QSize:
        """Return a width at which only what has no other place is left; the menu has everything else."""
        return QSize(MIN_WIDTH, theme.TOOLBAR_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave groups of buttons out where there is no room for them; their commands are in the menu."""
        super().resizeEvent(event)
        self._fold()

    def _fold(self) -> None:
        layout = self.layout()
        if layout is None:
            return
        for group in self._folding:
            group.setVisible(True)
        for group in self._folding:
            layout.invalidate()
            if layout.minimumSize().width() + TITLE_ROOM <= self.width():
                return
            group.setVisible(False)

    def _separate(self, row: QHBoxLayout) -> None:
        row.addSpacing(5)
        row.addWidget(parts.hairline(self, vertical=True))
        row.addSpacing(5)

    def _menu_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName("menu")
        button.setIcon(icons.icon("menu"))
        button.setFixedSize(theme.CONTROL_HEIGHT, theme.CONTROL_HEIGHT)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(main_menu(self._context, button))
        button.setToolTip("Menu\nAll commands with their keys.")
        button.setAccessibleName("Menu")
        return button

    def refresh(self) -> None:
        """Show the present state of the session."""
        session = self._context.session
        self.title.setText(exam_title(session.exam, identity_hidden=session.identity_hidden))
        self.title.set_look("secondary" if session.exam is None or session.identity_hidden else "")
        for button in self.buttons.values():
            button.refresh()
        shown = session.overlays.settings.visible
        self.buttons["overlay.toggle_all"].dress("eye" if shown else "eye-off", "AI on" if shown else "AI hidden")
        running = bool(session.results.pending)
        self.buttons["ai.run_exam"].setVisible(not running)
        self.buttons["ai.cancel"].setVisible(running)
        self.buttons["navigate.toggle_cine"].dress("pause" if session.cine_fps > 0 else "play")
