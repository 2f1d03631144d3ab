"""Weights with a small window, shared by all tests of cohorts."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.worker import Worker
from tests.core.cohort.builders import write_small_weights

CAUGHT = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Leave handlers of signals as they were; hear Ctrl+C, which a shell ignores for what runs in the background."""
    before = {number: signal.getsignal(number) for number in CAUGHT}
    if before[signal.SIGINT] is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="package")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_weights(tmp_path_factory.mktemp("weights") / "small.safetensors")


class Here:
    """Does in this process what a worker does in its own; starting one takes seconds."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options

    def outcomes(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        told: list[object] = []
        worker = Worker(told.append, self._options)
        try:
            for task in tasks:
                worker.do(task, lambda: None)
                outcome = told.pop()
                assert isinstance(outcome, Outcome)
                yield outcome
        finally:
            worker.close()


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compute in this process."""
    monkeypatch.setattr("gmic_core.cohort.run._backend", lambda _settings, options, *_others: Here(options))
