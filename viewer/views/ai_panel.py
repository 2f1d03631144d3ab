"""The panel on the right: scores, overlay controls, patches, and what the reader tries out."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from viewer.commands import Context
from viewer.views import parts, theme
from viewer.views.overlay_controls import OverlayControls
from viewer.views.patch_strip import PatchStrip
from viewer.views.scores_view import ScoresView
from viewer.views.trials_view import TrialsView

MIN_PATCHES_HEIGHT = 220


class AiPanel(QWidget):
    """Everything that the networks say about the active image.

    Attributes
    ----------
    scores, overlay, patches, trials : the sections.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.setProperty("edge", "left")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName("AI panel")
        self.setMinimumWidth(theme.AI_PANEL_WIDTH)
        self.scores = ScoresView(context)
        self.overlay = OverlayControls(context)
        self.patches = PatchStrip(context)
        self.trials = TrialsView(context)
        self.patches.setMinimumHeight(MIN_PATCHES_HEIGHT)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(12)
        for section in (self.scores, self.overlay, self.patches, self.trials):
            if column.count():
                column.addWidget(parts.hairline())
            column.addWidget(section, 1 if section is self.patches else 0)
        parts.fill_scrolling(self, inside)

    def sizeHint(self) -> QSize:
        """Return the usual width."""
        return QSize(theme.AI_PANEL_WIDTH, 600)
