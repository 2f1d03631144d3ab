"""What Qt tells about the screens: how to recognise one, what to call it, how large its pixels are."""

from __future__ import annotations

from PySide6.QtGui import QScreen
from PySide6.QtWidgets import QWidget

SMALLEST_SCREEN_MM = 100.0
"""No desktop screen is narrower; screens behind adapters often state nonsense."""


def screen_key(screen: QScreen | None) -> str:
    """Return what a screen is recognised by: maker, model and serial number, else the name of its plug too."""
    if screen is None:
        return ""
    facts = [screen.manufacturer(), screen.model(), screen.serialNumber()]
    if not facts[2]:  # two screens of one model must not be taken for each other
        facts.append(screen.name())
    return " ".join(fact.strip() for fact in facts if fact.strip())


def screen_name(screen: QScreen | None) -> str:
    """Return what to call a screen in a text."""
    if screen is None:
        return "no screen"
    model = " ".join(fact.strip() for fact in (screen.manufacturer(), screen.model()) if fact.strip())
    return model or screen.name() or "unnamed screen"


def key_of(widget: QWidget) -> str:
    """Return the key of the screen that a widget is on."""
    return screen_key(widget.screen())


def stated_pixel_mm(screen: QScreen | None) -> float | None:
    """Return the size of a device pixel in mm as the screen tells it, or None where that cannot be."""
    if screen is None or screen.physicalSize().width() < SMALLEST_SCREEN_MM:
        return None
    return float(screen.physicalSize().width() / (screen.size().width() * screen.devicePixelRatio()))
