"""Colours, sizes, type and icons, as numbers."""

from __future__ import annotations

import itertools
import re

import pytest
from PySide6.QtGui import QFontInfo, QFontMetrics, QIcon
from PySide6.QtWidgets import QApplication

from viewer.commands import COMMANDS
from viewer.views import icons, theme


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2: linear sRGB, 0..1."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


GROUNDS = (*theme.SURFACES, theme.SELECTED)
TEXTS = (theme.TEXT, theme.SECONDARY, theme.ACCENT, theme.WARNING, theme.ERROR)


def test_the_palette_is_the_agreed_one() -> None:
    assert (theme.VIEWPORT, theme.WINDOW, theme.PANEL, theme.RAISED) == ("#000000", "#0E1013", "#16191D", "#1E2227")
    assert (theme.HAIRLINE, theme.TEXT, theme.SECONDARY, theme.DISABLED) == (
        "#2A2F36", "#D5DAE0", "#8A929C", "#626A74",
    )  # fmt: skip
    assert (theme.ACCENT, theme.WARNING, theme.ERROR) == ("#5AA9FF", "#E8B23A", "#F2665C")


@pytest.mark.parametrize(("text", "ground"), list(itertools.product(TEXTS, theme.SURFACES)))
def test_text_can_be_read(text: str, ground: str) -> None:
    assert contrast(text, ground) >= 4.5


@pytest.mark.parametrize("ground", [theme.SELECTED, theme.SELECTED_HOVER, theme.HOVER])
def test_text_on_controls_can_be_read(ground: str) -> None:
    assert contrast(theme.TEXT, ground) >= 4.5


@pytest.mark.parametrize("ground", theme.SURFACES)
def test_disabled_text_can_still_be_read(ground: str) -> None:
    assert contrast(theme.DISABLED, ground) >= 2.5


@pytest.mark.parametrize("ground", [*GROUNDS, theme.HOVER, theme.SELECTED_HOVER, theme.TRACK])
def test_no_surface_is_bright(ground: str) -> None:
    assert luminance(ground) < 0.2


@pytest.mark.parametrize("ground", [*GROUNDS, theme.HOVER])
def test_the_focus_ring_stands_out(ground: str) -> None:
    assert contrast(theme.ACCENT, ground) >= 3.0


def test_sizes_follow_the_grid() -> None:
    sizes = (theme.CONTROL_HEIGHT, theme.RADIUS, theme.ICON_SIZE, theme.TOOLBAR_HEIGHT, theme.SLICE_BAR_HEIGHT)
    assert sizes == (28, 4, 16, 36, 56)
    assert all(size % theme.GRID == 0 for size in (*sizes, theme.TREE_WIDTH, theme.AI_PANEL_WIDTH))
    assert theme.STATUS_BAR_HEIGHT == 22
    assert theme.MOTION_MS <= 150


def test_the_font_is_inter_with_figures_of_one_width(qapp: QApplication) -> None:
    for font, pixels in (
        (theme.caption_font(), 11),
        (theme.body_font(), 12),
        (theme.heading_font(), 13),
        (theme.score_font(), 20),
    ):
        info = QFontInfo(font)
        assert (info.family().split(" Semi")[0].split(" Medium")[0], info.pixelSize()) == ("Inter", pixels)
        metrics = QFontMetrics(font)
        assert len({metrics.horizontalAdvance(figure * 10) for figure in "0123456789"}) == 1


def test_fonts_and_icons_are_shipped_with_their_licences() -> None:
    licence = (theme.RESOURCES / "fonts" / "OFL.txt").read_text("utf-8")
    assert licence.startswith("Copyright 2016-2022 The Inter Project Authors")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence
    assert (theme.RESOURCES / "icons" / "LICENSE").read_text("utf-8").startswith("ISC License")


def test_the_style_sheet_is_complete(qapp: QApplication) -> None:
    sheet = theme.style_sheet()
    assert "$" not in sheet
    used = set(re.findall(r"#[0-9A-Fa-f]{6}\b", sheet))
    known = {value for name, value in vars(theme).items() if name.isupper() and isinstance(value, str)}
    assert used <= known


def test_every_command_icon_is_there_and_drawn_in_the_theme(qapp: QApplication) -> None:
    names = {entry.icon for entry in COMMANDS.values() if entry.icon}
    assert len(names) >= 20
    for name in names:
        image = icons.pixmap(name, theme.TEXT, 16, 2.0).toImage()
        assert (image.width(), image.height()) == (32, 32)
        inked = [image.pixelColor(x, y) for x in range(32) for y in range(32) if image.pixelColor(x, y).alpha() == 255]
        assert inked, name
        wanted = theme.color(theme.TEXT)
        for color in inked:  # antialiasing rounds
            assert max(abs(a - b) for a, b in zip(color.getRgb(), wanted.getRgb(), strict=True)) <= 2


def test_icons_show_the_state_of_a_button(qapp: QApplication) -> None:
    icon = icons.icon("play")

    def ink(mode: QIcon.Mode, state: QIcon.State) -> str:
        image = icon.pixmap(16, mode, state).toImage()
        colors = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        return max(colors, key=lambda color: color.alpha()).name().upper()

    assert ink(QIcon.Mode.Normal, QIcon.State.Off) == theme.SECONDARY
    assert ink(QIcon.Mode.Normal, QIcon.State.On) == theme.TEXT
    assert ink(QIcon.Mode.Active, QIcon.State.Off) == theme.TEXT
    assert ink(QIcon.Mode.Disabled, QIcon.State.Off) == theme.DISABLED
