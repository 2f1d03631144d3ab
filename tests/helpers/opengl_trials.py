"""Stand-ins for the process that tries OpenGL; in a module of their own, because the process imports it."""

from __future__ import annotations

import os
import threading
from multiprocessing.connection import Connection


def crash(_pipe: Connection) -> None:
    """End as a broken graphics driver does."""
    os.abort()


def hang(_pipe: Connection) -> None:
    """Never answer."""
    threading.Event().wait(30.0)
