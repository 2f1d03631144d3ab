"""Progress bars in log files."""

from __future__ import annotations

import io

import pytest

from gmic_core.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_whole_lines_and_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("gmic_core.progress_bar.time.monotonic", lambda: clock[0])
    log = io.StringIO()
    with ProgressBar(total=200, unit="breast", file=log, leave=False, mininterval=0.0) as bar:
        for number in range(200):
            clock[0] += 0.5
            bar.set_postfix_str(f"slice {number}")
            bar.update()
    lines = log.getvalue().splitlines()
    assert "\r" not in log.getvalue()
    assert len(lines) == 5  # 100 seconds, one every 30, and the end
    assert "200/200" in lines[-1]
    assert all("breast" in line for line in lines)


def test_a_terminal_gets_one_line_that_changes() -> None:
    terminal = Terminal()
    with ProgressBar(total=3, file=terminal, leave=False, mininterval=0.0) as bar:
        for _ in range(3):
            bar.update()
    assert terminal.getvalue().count("\r") > 3
    assert "3/3" in terminal.getvalue()
    assert "\n" not in terminal.getvalue()
