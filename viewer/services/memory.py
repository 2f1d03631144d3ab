"""How much memory the caches may take."""

from __future__ import annotations

import os
import sys

CACHE_SHARE = 0.4
"""All caches together stay within this share of the machine's memory."""
ASSUMED_BYTES = 8 << 30
"""Memory of a machine that does not tell."""


def total_memory() -> int:
    """Return the machine's memory in bytes."""
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return ASSUMED_BYTES


def _windows_memory() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((f"n{i}", ctypes.c_ulonglong) for i in range(7)),
        ]

    status = Status()
    status.length = ctypes.sizeof(Status)
    known = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return int(status.n0) if known else ASSUMED_BYTES


def frame_cache_bytes() -> int:
    """Return the cap of the decoded-frame cache."""
    return int(total_memory() * CACHE_SHARE)
