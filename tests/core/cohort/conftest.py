"""Weights with a small window, shared by all tests of cohorts."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gmic_core.cohort.plan import Outcome, RunOptions, Task
from gmic_core.cohort.worker import Worker
from tests.core.cohort.builders import write_small_weights


@pytest.fixture(autouse=True)
def ctrl_c_is_heard() -> Iterator[None]:
    """A shell ignores Ctrl+C for what it starts in the background, and so would the tests and all that they start."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
