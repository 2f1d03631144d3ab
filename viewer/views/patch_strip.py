"""The patches that the network looked at closely, from full-resolution pixels, with attention and slice."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from gmic_core.types import ImageResult
from viewer.commands import Context
from viewer.model.identity import shown_message
from viewer.views import parts
from viewer.views.command_widgets import CommandButton, Refresher
from viewer.views.patch_list import PatchList
from viewer.views.patch_model import Index, patches_of
from viewer.views.rows import Rows
from viewer.views.trial_texts import what_if_rows, what_if_text

MIN_LIST_HEIGHT = 156
"""One row of pictures: whatever is said below them, some of the patches are to be seen."""


class PatchStrip(QWidget):
    """The lower part of the AI panel.

    Attributes
    ----------
    list : the pictures.
    detail : what is known about the selected patch.
    what_if, what_if_rows : the score without the patches that are left out.
    """

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._shown: ImageResult | None = None
        self.setAccessibleName("Patches")
        self.list = PatchList(context, self)
        self.list.setMinimumHeight(MIN_LIST_HEIGHT)
        self.empty = parts.Label("", "secondary")
        self.empty.setWordWrap(True)
        self.detail = parts.caption("", wrap=True)
        self.what_if = parts.caption("", "secondary", wrap=True)
        self.what_if_rows = Rows()
        self.all_patches = CommandButton(context, "trial.all_patches", self, text="Count all")
        self.full_size = QToolButton(self)
        self._build()
        session = context.session
        session.patch_selected.connect(self._on_patch_selected)
        self.list.selectionModel().currentChanged.connect(self._show_detail)
        signals = (
            session.exam_changed,
            session.layout_changed,
            session.active_changed,
            session.identity_changed,
            session.overlays.changed,
            session.results.changed,
            session.results.cleared,
            session.trials.changed,
        )
        self._refresher = Refresher(self, signals, self.refresh)
        self.refresh()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        head = QHBoxLayout()
        self.title = parts.heading("Patches")
        head.addWidget(self.title)
        head.addStretch(1)
        self.order = parts.caption("by attention")
        head.addWidget(self.order)
        self.full_size.setText("1:1")
        self.full_size.setCheckable(True)
        self.full_size.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.full_size.setToolTip("One stored pixel per pixel of the screen")
        self.full_size.setAccessibleName("Patches at 1:1")
        self.full_size.toggled.connect(self.list.set_full_size)
        head.addWidget(self.full_size)
        column.addLayout(head)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignTop)
        column.addWidget(self.empty, 1)
        column.addWidget(self.list, 1)
        column.addWidget(self.detail)
        self.all_patches.setProperty("filled", True)
        self.all_patches.setProperty("compact", True)
        column.addWidget(self.what_if)
        column.addWidget(self.what_if_rows)
        column.addWidget(self.all_patches, 0, Qt.AlignmentFlag.AlignLeft)

    def refresh(self) -> None:
        """Show the patches of the active image."""
        session = self._context.session
        image = session.active_image
        hidden = not session.overlays.settings.visible
        entry = session.results.get(image.sop_uid) if image and not hidden else None
        result = entry.result if entry else None
        if result is not self._shown:
            self._shown = result
            self.list.show_patches(patches_of(image, result) if image and result else [])
            self._select_current()
        several = result is not None and bool(result.members)
        self.order.setText("by attention, per set of weights" if several else "by attention")
        has_patches = bool(result and result.rois)
        for widget in (self.list, self.detail, self.order, self.full_size):
            widget.setVisible(has_patches)
        self.empty.setVisible(not has_patches)
        self._show_what_if("" if hidden or image is None or not has_patches else image.sop_uid)
        running = entry is not None and entry.status in ("queued", "running")
        if hidden:
            self.empty.setText("Hidden with all AI.")
        elif result is not None:
            self.empty.setText("The network chose no patch in this image.")
        else:
            self.empty.setText("Chosen when all slices are computed." if running else "None yet.")

    def _show_what_if(self, sop_uid: str) -> None:
        """Show which patches are left out, and the score without them."""
        trial = self._context.session.trials.what_if(sop_uid)
        self.list.patches.set_keep(trial.keep if trial is not None else ())
        text, tone = what_if_text(trial) if trial is not None else ("", "secondary")
        self.what_if.setText(shown_message(text, self._context.session))
        self.what_if.set_look(tone)
        self.what_if.setVisible(trial is not None)
        self.what_if_rows.show_rows(what_if_rows(trial) if trial is not None else [])
        self.all_patches.refresh()
        self.all_patches.setVisible(trial is not None)

    def _on_patch_selected(self, sop_uid: str, number: int) -> None:
        self._select_current()

    def _select_current(self) -> None:
        """Select the session's patch; without one, the first, so that its details are there to be seen."""
        chosen, image = self._context.session.selected_patch, self._context.session.active_image
        row = self.list.patches.row_of(chosen[1]) if chosen and image and chosen[0] == image.sop_uid else None
        if row is None:
            self.list.clearSelection()
            self._show_detail(self.list.patches.index(0, 0))
            return
        self.list.setCurrentIndex(self.list.patches.index(row, 0))
        self.list.scrollTo(self.list.patches.index(row, 0))

    def _show_detail(self, index: Index, _before: Index | None = None) -> None:
        patch = self.list.patches.patches[index.row()] if index.isValid() else None
        words = (patch.title, patch.local_text, f"chosen by {patch.weights}" if patch.weights else "") if patch else ()
        self.detail.setText("\n".join(word for word in words if word))
