"""Which map is laid over the images: the result's, the disagreement of the weights, an experiment's."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from viewer.commands import Context
from viewer.commands.conditions import active_entry
from viewer.model.trials import MapName
from viewer.views.command_widgets import CommandButton

TEXTS: dict[MapName, str] = {"result": "Result", "spread": "Disagreement", "after": "Filled", "change": "Change"}


class MapRow(QWidget):
    """One button for each map that the active image has; not there while it has only one.

    Attributes
    ----------
    buttons : by the name of the map.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.setAccessibleName("Map")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self.buttons: dict[MapName, CommandButton] = {}
        for name, text in TEXTS.items():
            button = CommandButton(context, f"overlay.map_{name}", self, text=text)
            button.setProperty("filled", True)
            button.setProperty("compact", True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            self.buttons[name] = button
            row.addWidget(button)

    def refresh(self) -> None:
        """Offer the maps that there are."""
        session = self._context.session
        maps = session.trials.maps(active_entry(self._context)) if session.overlays.settings.visible else ()
        self.setVisible(len(maps) > 1)
        for name, button in self.buttons.items():
            button.setVisible(name in maps)
            button.refresh()
