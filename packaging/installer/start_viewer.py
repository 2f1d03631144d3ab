"""Start of the packaged window: child processes of a frozen program begin here, too."""

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a spawned decoder or worker never returns from here
    from viewer.launch import main

    sys.exit(main())
