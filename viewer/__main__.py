"""``python -m viewer`` does what ``gmic-viewer`` does."""

import sys

from viewer.launch import main

if __name__ == "__main__":
    sys.exit(main())
