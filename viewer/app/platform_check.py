"""Can Qt start here? Asked before Qt is, because Qt aborts the process where the answer is no."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib.util import find_spec
from pathlib import Path


def check_platform_plugin() -> None:
    """Load the X11 plugin as Qt will: Qt itself aborts the process where one of its libraries is missing.

    Raises
    ------
    ImportError
        If it cannot be loaded; the message names the library.
    """
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    wayland = os.environ.get("WAYLAND_DISPLAY") and not platform
    if not sys.platform.startswith("linux") or wayland or platform not in ("", "xcb"):
        return
    import PySide6.QtGui  # noqa: F401  # loads the Qt libraries that the plugin is linked to

    package = find_spec("PySide6")
    plugin = Path(package.origin or "").parent / "Qt/plugins/platforms/libqxcb.so" if package else Path()
    if plugin.is_file():
        try:
            ctypes.CDLL(str(plugin))
        except OSError as error:
            raise ImportError(str(error)) from error
