"""Progress bars for people and for log files: a line that changes in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from tqdm import tqdm

LOG_S = 30.0
"""Where nobody watches a terminal, progress is written at most so often, in seconds."""


class ProgressBar(tqdm):  # type: ignore[type-arg]  # generic in its stubs only
    """tqdm's bar; into a file or a pipe it writes whole lines, seldom, instead of thousands of carriage returns."""

    _next_line = 0.0
    _closing = False

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write the bar, unless nobody watches and it was written a short while ago."""
        if self.fp.isatty():
            super().display(msg, pos)
            return
        now = time.monotonic()
        if self._closing or (self.n > 0 and now >= self._next_line):
            self._next_line = now + LOG_S
            self.fp.write(str(self) if self._closing else f"{self}\n")
            self.fp.flush()

    def close(self) -> None:
        """Leave the line; a log keeps the last state."""
        if not self.disable and not self.fp.isatty():
            self._closing = self.leave = True  # tqdm ends a line that is left, and wipes out another one
        super().close()
