"""One process at a time: a locked file that the system unlocks when its holder ends, however it ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gmic_core.errors import CancelledError

POLL_S = 0.2


@contextmanager
def only_one(path: Path, cancelled: Callable[[], bool] | None = None) -> Iterator[None]:
    """Wait until no other process holds ``path``, and hold it.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so while waiting.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if _locked(handle) and _is(path, handle):
            break
        os.close(handle)
        if cancelled is not None and cancelled():
            raise CancelledError("Cancelled while waiting for another process that makes the same exam.")
        time.sleep(POLL_S)
    try:
        yield
    finally:
        if sys.platform == "win32":  # an open file cannot be removed there
            os.close(handle)
            path.unlink(missing_ok=True)
        else:
            path.unlink(missing_ok=True)
            os.close(handle)


def _is(path: Path, handle: int) -> bool:
    """Return whether the locked file still has its name: its former holder removes it."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False


def _locked(handle: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
