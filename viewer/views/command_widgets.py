"""Keys, buttons and menus made from the command table: nothing here knows what a command does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from psygnal import SignalInstance
from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QMenu, QToolButton, QWidget
from shiboken6 import isValid

from viewer.commands import COMMANDS, GROUPS, Command, Context, run
from viewer.views import icons, theme

_KEPT_KEYS = {
    Qt.Key.Key_Up,
    Qt.Key.Key_Down,
    Qt.Key.Key_Left,
    Qt.Key.Key_Right,
    Qt.Key.Key_Home,
    Qt.Key.Key_End,
    Qt.Key.Key_PageUp,
    Qt.Key.Key_PageDown,
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Space,
}
"""Keys that a list, slider or tree needs for itself while it has the focus."""


ICON_GAP = 4
"""Free room between icon and text of a button beyond Qt's own, px."""

_SHIFTED = set('?+*!"§$%&/()=<>:;_~|{}^@#')
"""Characters that need Shift on many keyboards; not every platform reports them without it."""


def install_shortcuts(window: QWidget, context: Context) -> list[QShortcut]:
    """Give a window the keys of all commands; a key of a disabled command says why it does nothing.

    The list follows the reader's changes of keys, and annotation mode, which has keys of its own.
    """
    shortcuts: list[QShortcut] = []

    def install(*_: object) -> None:
        if not isValid(window):
            return
        for shortcut in shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        shortcuts[:] = [
            _shortcut(window, context, entry, key)
            for entry in COMMANDS.values()
            for key in entry.keys_in_force(context)
        ]

    install()
    context.keys.changed.connect(install)
    context.session.annotation.mode_changed.connect(install, check_nargs=False)
    return shortcuts


def _shortcut(window: QWidget, context: Context, entry: Command, key: str) -> QShortcut:
    shortcut = QShortcut(window)
    shortcut.setKeys([QKeySequence(name) for name in ((key, f"Shift+{key}") if key in _SHIFTED else (key,))])
    shortcut.setAutoRepeat(entry.repeats)
    shortcut.activated.connect(_runner(entry.id, context))
    # no key has two owners, so what is ambiguous can only be the two ways to type one character
    shortcut.activatedAmbiguously.connect(_runner(entry.id, context))
    return shortcut


def key_text(keys: Iterable[str]) -> str:
    """Return keys as the platform writes them: ``Up, PgUp``."""
    return ", ".join(QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText) for key in keys)


def portable_key(sequence: QKeySequence) -> str:
    """Return a key as the command table writes it: ``?`` rather than ``Shift+?``."""
    text = sequence.toString(QKeySequence.SequenceFormat.PortableText)
    bare = text.removeprefix("Shift+")
    return bare if len(bare) == 1 and not bare.isalnum() else text


def _runner(command_id: str, context: Context) -> Callable[[], None]:
    def activate() -> None:
        run(command_id, context)

    return activate


def state_signals(context: Context) -> tuple[SignalInstance, ...]:
    """Return the signals after which a command may be enabled, disabled, checked or unchecked."""
    session = context.session
    return (
        session.exam_changed,
        session.layout_changed,
        session.active_changed,
        session.placement_changed,
        session.ai_changed,
        session.identity_changed,
        session.cine_changed,
        session.overlays.changed,
        session.results.changed,
        session.results.cleared,
        context.keys.changed,
        session.marks.tool_changed,
        session.history.changed,
        session.annotation.mode_changed,
        session.annotation.settings_changed,
        session.annotation.opened,
        session.annotation.saved,
        session.annotation.edited,
    )


class Refresher(QObject):
    """Calls a function once after any of several model signals, however many come at a time.

    A burst (hundreds of saliency slices, a resize) must not repaint a panel hundreds of times.
    """

    def __init__(self, parent: QObject, signals: Iterable[SignalInstance], refresh: Callable[[], None]) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(refresh)
        self._signals = tuple(signals)
        for signal in self._signals:
            signal.connect(self.schedule, check_nargs=False)

    @property
    def pending(self) -> bool:
        """Whether a refresh is about to come."""
        return isValid(self._timer) and self._timer.isActive()

    def schedule(self, *_: Any) -> None:
        """Ask for a refresh when the present events are done."""
        if isValid(self._timer):  # the session may outlive the window by a few last messages of the worker
            self._timer.start()


class CommandButton(QToolButton):
    """A flat button for one command: its icon or label, state, and why it is disabled.

    Parameters
    ----------
    text : shown instead of an icon, or beside it when ``with_icon``; None: icon only (label where there is none).
    """

    def __init__(
        self,
        context: Context,
        command_id: str,
        parent: QWidget | None = None,
        *,
        text: str | None = None,
        with_icon: bool = False,
    ) -> None:
        super().__init__(parent)
        self.command: Command = COMMANDS[command_id]
        self._context = context
        self._shown: tuple[str | None, ...] = ()
        self._dress = ("", "")
        self.setObjectName(command_id)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys with the viewport
        self.setCheckable(self.command.checked is not None)
        self.setAccessibleName(self.command.label)
        if self.command.icon and (text is None or with_icon):
            self._set_icon(self.command.icon, beside_text=with_icon)
        if text is not None or not self.command.icon:
            self.setText(text or self.command.label)
            self.setToolButtonStyle(
                Qt.ToolButtonStyle.ToolButtonTextBesideIcon if with_icon else Qt.ToolButtonStyle.ToolButtonTextOnly
            )
        self.setFixedHeight(theme.CONTROL_HEIGHT)
        self.clicked.connect(self._clicked)
        context.keys.changed.connect(self._keys_changed)
        self.refresh()

    def _set_icon(self, name: str, *, beside_text: bool) -> None:
        gap = ICON_GAP if beside_text else 0  # Qt puts the text close to the icon
        self.setIcon(icons.icon(name, gap=gap))
        self.setIconSize(QSize(theme.ICON_SIZE + gap, theme.ICON_SIZE))

    def _keys_changed(self) -> None:
        if isValid(self):
            self.refresh()

    def _clicked(self) -> None:
        run(self.command.id, self._context)
        self.refresh()

    def dress(self, icon: str, text: str = "") -> None:
        """Show another icon and text, for a button that looks different while its command is on."""
        if self._dress != (icon, text):
            self._dress = (icon, text)
            self._set_icon(icon, beside_text=bool(text))
            self.setText(text)
            if self.toolButtonStyle() != Qt.ToolButtonStyle.ToolButtonIconOnly or text:
                beside, alone = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
                self.setToolButtonStyle(beside if text else alone)

    def refresh(self) -> None:
        """Show the present state of the command."""
        reason = self.command.why_disabled(self._context)
        if self.command.checked is not None:
            self.setChecked(self.command.checked(self._context))
        tooltip = self.command.tooltip_now(self._context)
        if self._shown == (reason, tooltip):
            return
        self._shown = (reason, tooltip)
        self.setEnabled(reason is None)
        self.setToolTip(tooltip)
        self.setAccessibleDescription(self.command.description if reason is None else f"Not available: {reason}")


def fill_menu(menu: QMenu, context: Context, group: str) -> None:
    """Fill a menu with a group's commands each time it opens, so that it shows their present state."""
    menu.setToolTipsVisible(True)

    def rebuild() -> None:
        menu.clear()
        for entry in COMMANDS.values():
            if entry.group == group and not entry.takes:
                menu.addAction(_menu_action(entry, context, menu))

    menu.aboutToShow.connect(rebuild)


def _menu_action(entry: Command, context: Context, menu: QMenu) -> QAction:
    # The key is part of the text, not a shortcut of the action: a second owner would make the key ambiguous.
    key = key_text([entry.key_now(context)])
    action = QAction(f"{entry.label}\t{key}" if key else entry.label, menu)
    action.setEnabled(entry.why_disabled(context) is None)
    action.setToolTip(entry.tooltip_now(context))
    if entry.checked is not None:
        action.setCheckable(True)
        action.setChecked(entry.checked(context))
    action.triggered.connect(_runner(entry.id, context))
    return action


def group_menus(context: Context, parent: QWidget) -> list[QMenu]:
    """Return one menu per group of the table."""
    menus = []
    for group in GROUPS:
        menu = QMenu(group, parent)
        fill_menu(menu, context, group)
        menus.append(menu)
    return menus


class KeepKeys(QObject):
    """Lets a focused list or slider have the arrow keys, which otherwise are commands of the window."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Claim the keys before the window's shortcuts see them."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
            if plain and Qt.Key(event.key()) in _KEPT_KEYS:
                event.accept()
                return True
        return super().eventFilter(watched, event)
