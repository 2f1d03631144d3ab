"""The page of the settings dialog on which keys are changed, with the check that no key has two owners."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.commands import COMMANDS, GROUPS, Context, run
from viewer.commands.keys import RESERVED, owner_of, why_not_key, why_not_reset
from viewer.views import parts, theme
from viewer.views.command_widgets import CommandButton, KeepKeys, key_text, portable_key

ID = Qt.ItemDataRole.UserRole


class KeyPage(QWidget):
    """All commands with their keys; the chosen one gets another key, none, or its own again.

    Attributes
    ----------
    field : words to look for; a key finds its command too.
    list : commands by group.
    edit : takes the next key that is pressed.
    assign, take, remove, reset : what to do with it.
    message : what the key does now.
    """

    title = "Keys"

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context
        self.setAccessibleName("Keys settings")
        self.field = QLineEdit(self)
        self.list = QTreeWidget(self)
        self.edit = QKeySequenceEdit(self)
        self.message = parts.caption("", "secondary", wrap=True)
        self.assign = self._button("Use this key", self._assign)
        self.take = self._button("Take the key from there", self._take)
        self.remove = self._button("No key", self._remove)
        self.reset = self._button("Reset", self._reset)
        self.reset_all = CommandButton(context, "settings.reset_keys", self, text="Reset all", with_icon=True)
        self._dress()
        self._build()
        self._fill()
        self.field.textChanged.connect(self._filter)
        self.list.currentItemChanged.connect(self._chosen_changed)
        self.edit.keySequenceChanged.connect(self._key_typed)
        self._chosen_changed()

    @staticmethod
    def _button(text: str, pressed: object) -> QPushButton:
        made = QPushButton(text)
        made.setAutoDefault(False)
        made.setAccessibleName(text)
        made.clicked.connect(pressed)
        return made

    def _dress(self) -> None:
        self.field.setPlaceholderText("Search for a command or a key")
        self.field.setAccessibleName("Search for a command or a key")
        self.field.setToolTip("Part of a command's name, or a key such as Ctrl+H")
        self.list.setAccessibleName("Commands and their keys")
        self.list.setToolTip("Choose a command to change its key")
        self.list.setColumnCount(2)
        self.list.setHeaderLabels(["Command", "Key"])
        self.list.setRootIsDecorated(False)
        self.list.setIndentation(0)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setAllColumnsShowFocus(True)
        self.list.setUniformRowHeights(True)
        self.list.setMinimumHeight(120)
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionsClickable(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.edit.setMaximumSequenceLength(1)
        self.edit.setClearButtonEnabled(False)
        self.edit.setAccessibleName("New key")
        self.edit.setToolTip("Press the key that shall run the command; Tab goes on to the next control")
        self.edit.setFixedWidth(120)
        line = self.edit.findChild(QLineEdit)
        if line is not None:
            line.setPlaceholderText("Press a key")
            line.setAccessibleName("New key")
        self.reset_all.setProperty("filled", True)
        self.reset_all.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        KeepKeys(self.list)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.field)
        column.addWidget(self.list, 1)
        self.chosen = parts.Label("", "", theme.heading_font())
        column.addWidget(self.chosen)
        row = QHBoxLayout()
        row.setSpacing(8)
        for widget in (self.edit, self.assign, self.remove, self.reset):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.reset_all)
        column.addLayout(row)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.message, 1)
        below.addWidget(self.take)
        column.addLayout(below)
        self.message.setMinimumHeight(theme.CONTROL_HEIGHT)

    # -- the list ------------------------------------------------------------------------------------------------
    def _fill(self) -> None:
        for group in GROUPS:
            head = QTreeWidgetItem([group, ""])
            head.setFlags(Qt.ItemFlag.ItemIsEnabled)
            head.setFont(0, theme.font(theme.BODY_PX, theme.heading_font().weight()))
            self.list.addTopLevelItem(head)
            for entry in COMMANDS.values():
                if entry.group == group and not entry.takes:
                    item = QTreeWidgetItem(head, [f"    {entry.label}", ""])
                    item.setData(0, ID, entry.id)
                    item.setToolTip(0, entry.description)
            head.setExpanded(True)
        self.refresh()
        self.list.setCurrentItem(self._items()[0])

    def _heads(self) -> list[QTreeWidgetItem]:
        rows = (self.list.topLevelItem(row) for row in range(self.list.topLevelItemCount()))
        return [head for head in rows if head is not None]

    def _items(self) -> list[QTreeWidgetItem]:
        rows = (head.child(row) for head in self._heads() for row in range(head.childCount()))
        return [item for item in rows if item is not None]

    def _filter(self, text: str) -> None:
        words = text.lower().split()
        for item in self._items():
            head = item.parent()
            shown = f"{item.text(0)} {head.text(0) if head is not None else ''} {item.text(1)}".lower()
            item.setHidden(not all(word in shown for word in words))
        for head in self._heads():
            head.setHidden(all(item.isHidden() for item in self._items() if item.parent() is head))
        first = next((item for item in self._items() if not item.isHidden()), None)
        chosen = self.list.currentItem()
        if first is not None and (chosen is None or chosen.isHidden()):
            self.list.setCurrentItem(first)

    def refresh(self) -> None:
        """Show the keys in force; changed ones in the accent colour."""
        for item in self._items():
            entry = COMMANDS[item.data(0, ID)]
            item.setText(1, key_text(entry.keys_now(self._context)))
            changed = entry.id in self._context.keys.changes
            item.setForeground(1, theme.color(theme.ACCENT if changed else theme.SECONDARY))
        self.reset_all.refresh()

    @property
    def command_id(self) -> str:
        """The chosen command, or ""."""
        item = self.list.currentItem()
        return item.data(0, ID) or "" if item is not None else ""

    def choose(self, command_id: str) -> None:
        """Choose a command."""
        self.field.clear()
        item = next(item for item in self._items() if item.data(0, ID) == command_id)
        self.list.setCurrentItem(item)

    # -- one command ---------------------------------------------------------------------------------------------
    def _chosen_changed(self, *_: object) -> None:
        with QSignalBlocker(self.edit):
            self.edit.clear()
        entry = COMMANDS.get(self.command_id)
        self.chosen.setText(entry.label if entry is not None else "Choose a command")
        self._judge()

    def _key_typed(self, *_: object) -> None:
        self._judge()

    @property
    def _typed(self) -> str:
        return portable_key(self.edit.keySequence())

    def _judge(self) -> None:
        """Say what the typed key does now, and offer what can be done."""
        command_id, key = self.command_id, self._typed
        entry = COMMANDS.get(command_id)
        conflict = why_not_key(self._context, command_id, key) if key else None
        same = entry is not None and key in entry.keys_now(self._context)
        shown = key_text([key])
        text, tone = "", "secondary"
        if not key:
            text = "Click into the field or go there with Tab, then press the new key."
        elif conflict is not None:
            text, tone = conflict, "warning"
        else:
            text = f"{shown} runs this command already." if same else f"{shown} is free."
        self.message.setText(text)
        self.message.set_look(tone)
        self._offer(self.assign, self._why_not_assign(key, conflict, same=same))
        taken = bool(conflict) and key.lower() not in RESERVED and owner_of(self._context, key, but=command_id)
        self.take.setVisible(bool(taken))
        self.take.setToolTip(f"Let {shown} run “{entry.label}” from now on" if entry is not None else "")
        has_keys = entry is not None and bool(entry.keys_now(self._context))
        self._offer(self.remove, None if has_keys else "the command has no key.")
        self._offer(self.reset, why_not_reset(self._context, command_id) if entry is not None else "choose a command.")

    @staticmethod
    def _why_not_assign(key: str, conflict: str | None, *, same: bool) -> str | None:
        if not key:
            return "press a key in the field first."
        return conflict or ("the command has this key already." if same else None)

    @staticmethod
    def _offer(button: QPushButton, reason: str | None) -> None:
        button.setEnabled(reason is None)
        does = {
            "Use this key": "Let this key run the command instead of its keys so far",
            "No key": "Take the key away; the command stays in the menu",
            "Reset": "Give the command its own key again",
        }[button.text()]
        button.setToolTip(does if reason is None else f"{does}\nNot available: {reason}")
        button.setAccessibleDescription(does if reason is None else f"Not available: {reason}")

    def _assign(self) -> None:
        run("settings.assign_key", self._context, self.command_id, self._typed)
        self._done()

    def _take(self) -> None:
        run("settings.take_key", self._context, self.command_id, self._typed)
        self._done()

    def _remove(self) -> None:
        run("settings.assign_key", self._context, self.command_id, "")
        self._done()

    def _reset(self) -> None:
        run("settings.reset_key", self._context, self.command_id)
        self._done()

    def _done(self) -> None:
        self.refresh()
        self._chosen_changed()
        self.list.setFocus()

    def type_key(self, key: str) -> None:
        """Put a key (Qt portable name) into the field."""
        self.edit.setKeySequence(QKeySequence(key))
