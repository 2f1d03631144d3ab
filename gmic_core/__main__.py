"""``python -m gmic_core`` is ``gmic-core``."""

import sys

from gmic_core.cli import main

if __name__ == "__main__":
    sys.exit(main())
