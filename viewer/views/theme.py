"""Colours, sizes and type of the window, by name; the one place where they are chosen.

The palette is fixed: everything that is not a finding, a warning or the focus is grey, so that nothing competes with
the images. Text keeps a contrast of 4.5:1 on every surface, disabled text 2.5:1 (checked in the tests).
"""

from __future__ import annotations

import functools
from pathlib import Path
from string import Template

from PySide6.QtGui import QColor, QFont, QFontDatabase, QPalette
from PySide6.QtWidgets import QApplication

import resources

RESOURCES = Path(resources.__file__).parent

VIEWPORT = "#000000"
WINDOW = "#0E1013"
PANEL = "#16191D"
RAISED = "#1E2227"
HAIRLINE = "#2A2F36"
TEXT = "#D5DAE0"
SECONDARY = "#8A929C"
DISABLED = "#626A74"
ACCENT = "#5AA9FF"
WARNING = "#E8B23A"
ERROR = "#F2665C"

SURFACES = (VIEWPORT, WINDOW, PANEL, RAISED)
"""What text may stand on."""

OUTLINE = "#5B636D"  # edge of a control that would be a mere darkness without it: boxes to tick; 3:1 on a panel
HOVER = HAIRLINE  # surface of a control under the mouse
SELECTED = "#1F2E40"  # accent at a fifth over a panel: surface of a selected row or a switched-on control
SELECTED_HOVER = "#273A51"
TRACK = HAIRLINE  # groove of a slider, ground of a progress line

GRID = 4  # px; every distance is a multiple of it
CONTROL_HEIGHT = 28
RADIUS = 4
ICON_SIZE = 16
TOOLBAR_HEIGHT = 36
SLICE_BAR_HEIGHT = 56
STATUS_BAR_HEIGHT = 22
TREE_WIDTH = 232
AI_PANEL_WIDTH = 308
FOCUS_WIDTH = 2
MOTION_MS = 120  # longest motion of the interface; images never move by themselves

FONT_FAMILY = "Inter"
BODY_PX = 12
CAPTION_PX = 11
HEADING_PX = 13
SCORE_PX = 20
SIDE_MARKER_PX = 20
"""The big R-CC in the corner of a viewport."""

_FONT_FILES = ("Inter-Regular.otf", "Inter-Medium.otf", "Inter-SemiBold.otf")


def color(value: str, alpha: float = 1.0) -> QColor:
    """Return a colour of the palette, with an opacity between 0 and 1."""
    result = QColor(value)
    result.setAlphaF(alpha)
    return result


@functools.cache
def load_fonts() -> tuple[str, ...]:
    """Load the shipped fonts once; return the families."""
    families: list[str] = []
    for name in _FONT_FILES:
        number = QFontDatabase.addApplicationFont(str(RESOURCES / "fonts" / name))
        families += QFontDatabase.applicationFontFamilies(number)
    return tuple(families)


def font(pixels: int = BODY_PX, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the interface font with tabular figures, so that numbers stand still while they change."""
    load_fonts()
    result = QFont(FONT_FAMILY)
    result.setPixelSize(pixels)
    result.setWeight(weight)
    result.setFeature(QFont.Tag("tnum"), 1)
    result.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return result


def body_font() -> QFont:
    """Return the font of ordinary text."""
    return font()


def caption_font() -> QFont:
    """Return the font of captions and of the corner text of viewports."""
    return font(CAPTION_PX)


def heading_font() -> QFont:
    """Return the font of headings."""
    return font(HEADING_PX, QFont.Weight.DemiBold)


def score_font() -> QFont:
    """Return the font of the active breast's scores."""
    return font(SCORE_PX, QFont.Weight.Medium)


def palette() -> QPalette:
    """Return the palette for widgets that the style sheet does not reach."""
    result = QPalette()
    roles = {
        QPalette.ColorRole.Window: WINDOW,
        QPalette.ColorRole.WindowText: TEXT,
        QPalette.ColorRole.Base: PANEL,
        QPalette.ColorRole.AlternateBase: PANEL,
        QPalette.ColorRole.Text: TEXT,
        QPalette.ColorRole.PlaceholderText: SECONDARY,
        QPalette.ColorRole.Button: RAISED,
        QPalette.ColorRole.ButtonText: TEXT,
        QPalette.ColorRole.BrightText: TEXT,
        QPalette.ColorRole.ToolTipBase: RAISED,
        QPalette.ColorRole.ToolTipText: TEXT,
        QPalette.ColorRole.Highlight: SELECTED,
        QPalette.ColorRole.HighlightedText: TEXT,
        QPalette.ColorRole.Link: ACCENT,
        QPalette.ColorRole.Accent: ACCENT,
        QPalette.ColorRole.Light: HAIRLINE,
        QPalette.ColorRole.Midlight: HAIRLINE,
        QPalette.ColorRole.Mid: HAIRLINE,
        QPalette.ColorRole.Dark: WINDOW,
        QPalette.ColorRole.Shadow: VIEWPORT,
    }
    for role, value in roles.items():
        result.setColor(role, QColor(value))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, role, QColor(DISABLED))
    return result


@functools.cache
def style_sheet() -> str:
    """Return resources/theme/dark.qss with the names of this module filled in."""
    names = {name: str(value) for name, value in globals().items() if name.isupper() and isinstance(value, (str, int))}
    names["THEME"] = (RESOURCES / "theme").as_posix()
    return Template((RESOURCES / "theme" / "dark.qss").read_text(encoding="utf-8")).substitute(names)


def apply(app: QApplication) -> None:
    """Dress the application: style, palette, font, style sheet."""
    app.setStyle("Fusion")
    app.setPalette(palette())
    app.setFont(body_font())
    app.setStyleSheet(style_sheet())
