"""What ``gmic-viewer`` does when something that it needs is missing, without starting a window."""

from __future__ import annotations

import argparse
import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from viewer import launch
from viewer.services.early import Early


def test_missing_system_library_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = []
    plain: Callable[..., Any] = builtins.__import__

    def without_egl(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "viewer.app.window_run":
            raise ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
        return plain(name, *args, **kwargs)

    class Closing(Early):
        def close(self) -> None:
            super().close()
            closed.append(True)

    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr("viewer.services.early.Early", Closing)
    monkeypatch.setattr(builtins, "__import__", without_egl)
    assert launch.main([]) == 1
    said = capsys.readouterr().err
    assert "libEGL.so.1" in said
    assert "apt-get install -y libegl1 " in said
    assert closed == [True]


def test_an_import_error_of_our_own_is_not_taken_for_a_missing_library() -> None:
    def broken() -> int:
        raise ImportError("cannot import name 'x' from 'viewer.app'")

    with pytest.raises(ImportError, match="cannot import name"):
        launch._with_toolkit(broken)


@pytest.mark.parametrize(
    ("environment", "seen"),
    [
        ({}, False),
        ({"DISPLAY": ":0"}, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, True),
        ({"QT_QPA_PLATFORM": "vnc"}, True),
    ],
)
def test_display_is_looked_for(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], seen: bool) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert launch.has_display() is seen


@pytest.mark.parametrize(("text", "wanted"), [("1600x1000", (1600, 1000)), ("800X600", (800, 600))])
def test_size_is_read(text: str, wanted: tuple[int, int]) -> None:
    assert launch.size(text) == wanted


@pytest.mark.parametrize("text", ["1600", "ax b", "10x10", "99999x99999"])
def test_wrong_size_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        launch.size(text)


def test_every_option_of_snapshot_reaches_the_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setattr("viewer.snapshot.take", lambda request: taken.append(request) or 0)
    arguments = ["snapshot", "a", "b", "--out", "o.png", "--layout", "compare", "--view", "R-MLO", "--modality", "DBT"]
    arguments += ["--slice", "3", "--overlay", "benign", "--run-ai", "--weights", "random:1", "--size", "640x480"]
    assert launch.main(arguments) == 0
    (request,) = taken
    assert (request.paths, request.out) == ([Path("a"), Path("b")], Path("o.png"))
    assert (request.layout, request.view, request.modality, request.slice) == ("compare", "R-MLO", "DBT", 3)
    assert (request.overlay, request.run_ai, request.weights, request.size) == (
        "benign",
        True,
        ["random:1"],
        (640, 480),
    )
