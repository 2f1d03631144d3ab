"""Fixtures that every test may use."""

from __future__ import annotations

import multiprocessing
import multiprocessing.process
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real material beside the checkout; its absence skips, unless GMIC_REQUIRE_SHARED=1 makes it a failure."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        message = "needs the folder ../shared beside the checkout"
        if os.environ.get("GMIC_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder


def _running() -> set[multiprocessing.process.BaseProcess]:
    # one that a test killed and waited for by its id counts as active for ever
    return {process for process in multiprocessing.active_children() if psutil.pid_exists(process.pid or 0)}


@pytest.fixture(scope="module", autouse=True)
def no_process_left() -> Iterator[None]:
    """Fail the module that leaves a decoder or worker running, rather than whatever test trips over it later."""
    before = _running()
    yield
    end = time.monotonic() + 5.0
    while (left := _running() - before) and time.monotonic() < end:
        time.sleep(0.02)
    assert not left, f"left running: {sorted(process.name for process in left)}"


@pytest.fixture(autouse=True)
def gmic_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a user data folder of its own."""
    home = tmp_path_factory.mktemp("gmic-home")
    monkeypatch.setenv("GMIC_HOME", str(home))
    return home


@pytest.fixture
def no_shipped_weights(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the weights that come with the program, in this process."""
    empty = tmp_path_factory.mktemp("no-models")
    monkeypatch.setattr("gmic_core.models.shipped.shipped_dir", lambda: empty)
