"""How much memory this process may use: the machine's, or less inside a container. No third-party module."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
FALLBACK_BYTES = 4 << 30
"""Assumed where the system does not tell."""


def usable_memory(limit_files: tuple[Path, ...] = _CGROUP_LIMITS) -> int:
    """Return bytes of memory: what the machine has, or what its container allows when that is less."""
    limits = [_machine_memory(), *(_limit_of(path) for path in limit_files)]
    return min((limit for limit in limits if limit), default=FALLBACK_BYTES)


def _limit_of(path: Path) -> int | None:
    """Return the limit in a control-group file; "max" and a missing file mean none."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return None
    return int(text) if text.isdigit() and int(text) > 0 else None


def _machine_memory() -> int | None:
    if sys.platform == "win32":
        return _windows_memory()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return None


def _windows_memory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            ("total", ctypes.c_ulonglong),
            ("others", ctypes.c_ulonglong * 6),
        ]

    status = Status(length=ctypes.sizeof(Status))
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  # the attribute exists on Windows only
    return int(status.total) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else None
