"""``gmic-core phantom``: the options, what they refuse, and what is left when it is stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest

from gmic_core.cli import main
from gmic_core.cli import phantom as command
from gmic_core.phantom.spec import ExamSpec
from tests.helpers.small_exams import small_exam


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """Make exams smaller than ``--size small``, here; return what the command asked for."""
    asked: list[tuple[object, ...]] = []

    def make(seed: int, *options: object) -> ExamSpec:
        asked.append((seed, *options))
        return small_exam(seed, ())

    monkeypatch.setattr(command, "make_exam_spec", make)
    return asked


def pixels_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_count_makes_the_exams_of_the_seeds_that_follow(
    tmp_path: Path, small: list[tuple[object, ...]], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--size", "small", "--density", "c", "--thickness", "31", "--findings", "benign-cyst", "--workers", "1"]
    assert main(["phantom", "--out", str(tmp_path / "a"), "--seed", "7", "--count", "2", *words]) == 0
    assert small == [(7, "c", ("benign-cyst",), 31, "small"), (8, "c", ("benign-cyst",), 31, "small")]
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "SIMULATED: a digital breast, not a patient. For research only.",
        str(tmp_path / "a" / "sim-000007"),
        str(tmp_path / "a" / "sim-000008"),
    ]
    assert "100%" in err
    assert main(["phantom", "--out", str(tmp_path / "b"), "--seed", "8", *words]) == 0
    assert pixels_of(tmp_path / "b" / "sim-000008") == pixels_of(tmp_path / "a" / "sim-000008")


def test_syntax_and_format(tmp_path: Path, small: list[tuple[object, ...]]) -> None:
    base = ["phantom", "--seed", "5", "--findings", "none", "--workers", "1"]
    assert main([*base, "--out", str(tmp_path / "raw"), "--syntax", "explicit"]) == 0
    assert main([*base, "--out", str(tmp_path / "npy"), "--format", "arrays"]) == 0
    assert small[0] == (5, None, (), None, "full")
    image = pydicom.dcmread(tmp_path / "raw" / "sim-000005" / "L-MLO_FFDM.dcm")
    assert image.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert np.array_equal(np.load(tmp_path / "npy" / "sim-000005" / "L-MLO_FFDM.npy"), image.pixel_array)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--thickness", "150"], "20 to 100 mm thick, not 150"),
        (["--findings", "malignant-mass,wart"], "No finding is called wart; use random, none, or of malignant-mass"),
        (["--size", "small", "--findings", "malignant-calcifications"], "finer than the pixels of a small exam"),
        (["--count", "0"], "--count must be 1 or more"),
        (["--workers", "0"], "--workers must be 1 or more"),
        (["--seed", "-1"], "seed must be 0 or more"),
        (["--anatomy", "none.mhd"], "none.mhd cannot be read"),
        (["--anatomy", "a.mhd", "--thickness", "50"], "has its own thickness and findings"),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_sentence(
    tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["phantom", "--out", str(tmp_path / "out"), *words]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("gmic-core phantom: ")
    assert not (tmp_path / "out").exists()


def test_wrong_words_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["phantom", "--density", "e"]) == 2
    assert main(["phantom", "--syntax", "jpeg"]) == 2
    assert "invalid choice" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to send")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_it_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)  # a child inherits that a signal is ignored
    words = [sys.executable, "-m", "gmic_core", "phantom", "--size", "small", "--seed", "7", "--out", str(tmp_path)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(".sim-000007.partial")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
        process.send_signal(number)
        err = process.communicate(timeout=60)[1]
    finally:
        process.kill()
        signal.signal(number, before)
    assert process.returncode == 130
    assert "gmic-core phantom: interrupted" in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.needs_shared
def test_a_voxel_phantom_is_exposed_as_one_view(tmp_path: Path, shared: Path) -> None:
    phantom = shared / "data" / "victre" / "pcl_1.mhd"
    words = ["--anatomy", str(phantom), "--size", "small", "--seed", "3", "--workers", "1"]
    assert main(["phantom", "--out", str(tmp_path), *words]) == 0
    folder = tmp_path / "sim-000003"
    assert sorted(path.name for path in folder.glob("*.dcm")) == ["L-CC_DBT.dcm", "L-CC_FFDM.dcm", "L-CC_S2D.dcm"]
    document = json.loads((folder / "truth.json").read_text())
    assert document["anatomy"] == "pcl_1.mhd"
    (view,) = document["views"]
    assert [one["kind"] for one in view["images"]["DBT"]["findings"]] == ["malignant-mass"]
    assert pydicom.dcmread(folder / "L-CC_DBT.dcm", stop_before_pixels=True).NumberOfFrames > 30
