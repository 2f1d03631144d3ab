"""The main menu: every command with its key, and the paths opened last."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QWidget

from viewer.commands import Context, run, why_disabled
from viewer.commands.context import WeightsOffer
from viewer.commands.table import with_keys
from viewer.views.command_widgets import group_menus

MAX_RECENT_LENGTH = 60
AUTOMATIC = "Stored ones; on simulated images the shipped ones"


def main_menu(context: Context, parent: QWidget) -> QMenu:
    """Return the menu of the toolbar: one submenu per group of commands, File with the recent paths."""
    menu = QMenu("Menu", parent)
    for submenu in group_menus(context, menu):
        menu.addMenu(submenu)
        if submenu.title() == "File":
            submenu.aboutToShow.connect(lambda submenu=submenu: _add_recent(submenu, context))
        if submenu.title() == "Viewports and hanging":
            submenu.aboutToShow.connect(lambda submenu=submenu: _add_protocols(submenu, context))
        if submenu.title() == "AI":
            submenu.aboutToShow.connect(lambda submenu=submenu: _add_weights(submenu, context))
    return menu


def _add_recent(menu: QMenu, context: Context) -> None:
    recent = QMenu("Open recent", menu)
    paths = context.settings.recent
    recent.setToolTipsVisible(True)
    reason = "" if paths else "nothing was opened yet."
    if context.session.identity_hidden:  # names of folders often are patients' names
        reason = "names of folders may tell whose exam it is; press {view.hide_identity} to show the identity."
    recent.setEnabled(not reason)
    entry = recent.menuAction()
    entry.setToolTip(f"Not available: {with_keys(reason, context)}" if reason else "Exams and folders opened last")
    for path in paths:
        action = QAction(short_path(path), recent)
        action.setToolTip(path)
        action.triggered.connect(lambda _checked=False, path=path: run("file.open_paths", context, [Path(path)]))
        recent.addAction(action)
    actions = menu.actions()
    menu.insertMenu(actions[2], recent) if len(actions) > 2 else menu.addMenu(recent)


def _add_protocols(menu: QMenu, context: Context) -> None:
    """Add all hanging protocols, the reader's own among them; the one that hangs is on."""
    protocols = menu.addMenu("Protocols")
    protocols.setToolTipsVisible(True)
    group = QActionGroup(protocols)
    for layout, label in context.actions.offered_layouts():
        reason = why_disabled("layout.hang", context) or context.actions.why_not_hang(layout)
        action = QAction(label, group)
        action.setCheckable(True)
        action.setChecked(context.session.exam is not None and context.session.layout == layout)
        action.setEnabled(reason is None)
        action.setToolTip(with_keys(f"Not available: {reason}", context) if reason else f"Hanging protocol {layout}")
        action.triggered.connect(lambda _checked=False, layout=layout: run("layout.hang", context, layout))
        protocols.addAction(action)


def _add_weights(menu: QMenu, context: Context) -> None:
    """Add which weights each network runs with; of each network one entry is on."""
    offered = context.actions.offered_weights()
    if not offered:
        return
    weights = menu.addMenu("Weights")
    weights.setToolTipsVisible(True)
    by_model: dict[str, list[WeightsOffer]] = {}
    for offer in offered:
        by_model.setdefault(offer.model, []).append(offer)
    for model, offers in by_model.items():
        entries = weights.addMenu(f"{offers[0].title} ({model})")
        group = QActionGroup(entries)
        automatic = WeightsOffer(model, "", "", AUTOMATIC, not any(offer.chosen for offer in offers))
        for offer in (automatic, *offers):
            entries.addAction(_weights_action(offer, context, group))
        if len(offers) > 1:
            entries.addSeparator()
            together = entries.addMenu("Together, as an ensemble")
            for offer in offers:
                together.addAction(_member_action(offer, context, together))


def _member_action(offer: WeightsOffer, context: Context, menu: QMenu) -> QAction:
    action = QAction(offer.text, menu)
    action.setCheckable(True)
    action.setChecked(offer.chosen)
    action.triggered.connect(lambda _checked=False: run("ai.toggle_weights", context, offer.model, offer.ref))
    return action


def _weights_action(offer: WeightsOffer, context: Context, group: QActionGroup) -> QAction:
    action = QAction(offer.text, group)
    action.setCheckable(True)
    action.setChecked(offer.chosen)
    action.triggered.connect(lambda _checked=False: run("ai.choose_weights", context, offer.model, offer.ref))
    return action


def short_path(path: str, length: int = MAX_RECENT_LENGTH) -> str:
    """Return a path of at most so many characters: its end says more than its beginning."""
    return path if len(path) <= length else "…" + path[-length + 1 :]
