"""Can Qt start here? Asked before Qt is, because Qt aborts the process where the answer is no."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from gmic_core.errors import GmicError


class DisplayError(GmicError):
    """The display cannot be reached."""


def check_platform_plugin() -> None:
    """Do first what Qt will do on X11: Qt aborts the process where a library is missing or the display is silent.

    Raises
    ------
    ImportError
        If the plugin cannot be loaded; the message names the library.
    DisplayError
        If the display does not answer.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    wayland = os.environ.get("WAYLAND_DISPLAY") and not platform
    if not sys.platform.startswith("linux") or wayland or platform not in ("", "xcb"):
        return
    import PySide6.QtGui  # loads the Qt libraries that the plugin is linked to

    plugin = Path(PySide6.QtGui.__file__).parent / "Qt/plugins/platforms/libqxcb.so"
    if not plugin.is_file():  # a Qt of the distribution keeps its plugins elsewhere, and its libraries with them
        return
    try:
        ctypes.CDLL(str(plugin))
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError as error:
        raise ImportError(str(error)) from error
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    silent = xcb.xcb_connection_has_error(connection)
    xcb.xcb_disconnect(connection)
    if silent:
        raise DisplayError(
            f"The display {os.environ.get('DISPLAY', '')} does not answer, so no window can be opened. Check DISPLAY, "
            "or render pictures without one: gmic-viewer snapshot PATH --out FILE.png"
        )
