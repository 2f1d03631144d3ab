"""Start of both packaged programs: the name decides whether it is the window or the command line.

One script for both, because analysing what torch needs takes minutes.
"""

import multiprocessing
import sys
from pathlib import Path


def main() -> int:
    """Run ``gmic-core`` or ``gmic-viewer``."""
    if Path(sys.executable).stem == "gmic-core":
        from gmic_core.cli import main as core

        return core()
    from viewer.launch import main as window

    return window()


if __name__ == "__main__":
    multiprocessing.freeze_support()  # child processes of a frozen program begin here, too, and never return from it
    sys.exit(main())
