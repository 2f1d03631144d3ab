"""Start of the packaged command line: child processes of a frozen program begin here, too."""

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a spawned decoder never returns from here
    from gmic_core.cli import main

    sys.exit(main())
