"""``gmic-viewer demo`` without a display, on small exams and without the networks' minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gmic_core.errors import GmicError
from tests.helpers import demo_makers
from tests.helpers.dicom_files import write_exam
from tests.helpers.shipped_weights import NAME_2D, NAME_3D, ship, write_header
from viewer import demo, launch
from viewer.app.weights import demo_weights
from viewer.services import simulation
from viewer.snapshot import Stage

Run = Callable[..., int]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Images on which the networks would have run."""
    images: list[str] = []

    def run_ai(stage: Stage, tell: Callable[[str], None]) -> None:
        exam = stage.app.session.exam
        assert exam is not None
        images.extend(f"{image.label} {image.modality}" for image in exam.images)
        tell("AI R-CC FFDM 1/1")

    monkeypatch.setattr(Stage, "run_ai", run_ai)
    return images


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: object) -> Run:
    """Run the command without a display, on a tiny simulation."""
    monkeypatch.setattr(demo, "SIZE", (900, 600))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(launch, "has_display", lambda: False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")

    def begin(*options: str, main: object = demo_makers.make_at_once) -> int:
        monkeypatch.setattr(simulation, "make", main)
        return launch.main(["demo", "--out", str(tmp_path / "out"), *options])

    return begin


def pictures(said: str) -> list[Path]:
    return [Path(line.strip()) for line in said.splitlines() if line.endswith(".png")]


def test_the_simulated_exam_is_made_with_progress_and_pictured(
    run: Run, asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    said = capsys.readouterr()
    assert "There is no display" in said.out
    assert "The networks were trained on simulated breasts only; they say nothing about patients." in said.out
    assert "UNTRAINED" not in said.out
    assert "4 of 4 views ready" in said.err
    assert "AI R-CC FFDM 1/1" in said.err
    written = pictures(said.out)
    assert [path.name for path in written] == [picture.name for picture in demo.SIMULATED]
    assert all(path.stat().st_size > 10_000 for path in written)
    assert len(asked) == 12
    assert {"R-CC DBT", "L-MLO S2D", "L-CC FFDM"} <= set(asked)


def test_the_real_exams_stay(
    run: Run, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_exam(tmp_path / "real", 96, 72, study="1")
    monkeypatch.setattr(demo, "real_exams", lambda: [tmp_path / "real"])
    assert run("--real") == 0
    said = capsys.readouterr().out
    assert "two real exams (CBIS-DDSM, CC BY 3.0)" in said
    assert [path.name for path in pictures(said)] == [picture.name for picture in demo.REAL]
    assert sorted(asked) == ["L-CC FFDM", "L-MLO FFDM", "R-CC FFDM", "R-MLO FFDM"]


def test_why_the_exam_could_not_be_made_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(main=demo_makers.fail) == 1
    assert "The demo exam could not be made. The disk is full; free some space." in capsys.readouterr().err


def test_the_window_opens_on_the_first_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[list[str]] = []

    def open_window(paths: list[Path], _weights: object, started: object) -> int:
        opened.append([path.name for path in paths])
        assert started is not None
        return 0

    monkeypatch.setattr(demo, "_open_window", open_window)
    monkeypatch.setattr(simulation, "make", demo_makers.make_one_and_wait)
    assert demo.run_demo(tmp_path, real=False, pictures=False, without_display=False) == 0
    assert opened == [["R-CC_DBT.dcm", "R-CC_S2D.dcm"]]


def test_weights_are_the_shipped_ones_and_random_where_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ship(monkeypatch, tmp_path)
    assert demo_weights() == (("gmic3d=random:0", "gmic2d=random:0", "gmic2d_park=random:0"), True)
    write_header(tmp_path, NAME_3D, "gmic3d")
    assert demo_weights() == ((NAME_3D, "gmic2d=random:0", "gmic2d_park=random:0"), True)
    write_header(tmp_path, NAME_2D, "gmic2d_park")
    assert demo_weights() == ((NAME_3D, NAME_2D), False)


def test_a_simulation_that_makes_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "make", demo_makers.die)
    with pytest.raises(GmicError, match="exit code 7"):
        demo.run_demo(tmp_path, real=False, pictures=True, without_display=False)
