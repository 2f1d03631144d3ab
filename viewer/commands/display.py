"""The screens: how they are set up, and the pattern to check them with."""

from __future__ import annotations

from viewer.commands.context import Context
from viewer.commands.table import command

_GROUP = "Window and help"


@command("display.setup", "Set up this display", keys="Shift+F7", group=_GROUP)
def set_up(context: Context) -> None:
    """Choose sRGB or GSDF, enter the luminance, measure the size of a pixel, say that the display is calibrated."""
    context.actions.show_display_setup()


@command("display.test_pattern", "Display test pattern", keys="F7", group=_GROUP)
def test_pattern(context: Context) -> None:
    """Fill the screen with a pattern to check it with, as the images are shown; Esc closes it."""
    context.actions.show_test_pattern()
