"""``gmic-viewer snapshot`` and ``gmic-viewer`` as a user starts them: in processes of their own, without a display."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from gmic_core.exam.scan import scan
from gmic_core.segmentation.geometry import VolumeGeometry
from gmic_core.segmentation.write import write_labels
from tests.helpers.dicom_files import write_exam
from viewer import launch
from viewer.model.annotation.place import image_geometry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def exam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exam")
    write_exam(folder, 256, 192, modalities=("FFDM", "DBT"), slices=6)
    return folder


def viewer(*arguments: str | Path, display: bool = False, platform: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment.pop("QT_QPA_PLATFORM", None)
    if platform:
        environment["QT_QPA_PLATFORM"] = platform
    if display:
        environment["DISPLAY"] = ":99"
    return subprocess.run(
        [sys.executable, "-m", "viewer", *map(str, arguments)],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_snapshot_shows_the_exam_hung_and_leaves_no_process(exam_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "pictures" / "shot.png"
    done = viewer("snapshot", exam_folder, "--out", out, "--size", "1200x800")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{out}\n"
    picture = cv2.imread(str(out))
    assert picture.shape == (800, 1200, 3)
    # the tree takes 232 px on the left, the panel 296 px on the right: the chest walls meet between them
    middle = (232 + 1200 - 296) // 2
    row = picture[int(36 + (800 - 36 - 78) * 0.28)].astype(int)
    assert row[middle - 60 : middle - 4].mean() > 60
    assert row[middle + 4 : middle + 60].mean() > 60
    assert row[240:300].max() < 40
    assert row[1200 - 296 - 100 : 1200 - 296 - 40].max() < 40
    mine = [
        process for process in psutil.process_iter(["cmdline"]) if str(out) in " ".join(process.info["cmdline"] or ())
    ]
    assert mine == []


def test_snapshot_of_one_slice_in_a_single_viewport(exam_folder: Path, tmp_path: Path) -> None:
    pictures = []
    for number in (1, 6):
        out = tmp_path / f"{number}.png"
        arguments = ["--layout", "single", "--view", "l-mlo", "--modality", "DBT", "--slice", str(number)]
        assert viewer("snapshot", exam_folder, "--out", out, "--size", "900x600", *arguments).returncode == 0
        pictures.append(cv2.imread(str(out)).astype(int))
    breast = [picture[100:450, 260:320] for picture in pictures]
    # the simulated volume grows brighter from its first slice (0.7) to its last (1.0)
    assert breast[0].mean() / breast[1].mean() == pytest.approx(0.7, abs=0.04)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--layout", "3x3"], 2, "invalid choice: '3x3'"),
        (["--view", "R-ML"], 2, "the exam has no R-ML; it has L-CC DBT, L-CC FFDM"),
        (["--modality", "US"], 2, "there is no modality US"),
        (["--modality", "DBT", "--slice", "7"], 2, "there is no slice 7; the image has 6"),
        (["--size", "12"], 2, "'12' is no size"),
        (["--weights", "nowhere.p", "--run-ai"], 1, "write MODEL=nowhere.p"),
        (["--run-ai"], 1, "There are no weights for"),
    ],
)
@pytest.mark.usefixtures("no_shipped_weights")
def test_what_cannot_be_rendered_is_said(
    exam_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str,
    monkeypatch: pytest.MonkeyPatch, qapp: object,
) -> None:  # fmt: skip
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    out = tmp_path / "shot.png"
    assert launch.main(["snapshot", str(exam_folder), "--out", str(out), *arguments]) == code
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_snapshot_of_nothing_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str], qapp: object) -> None:
    assert launch.main(["snapshot", str(tmp_path / "absent"), "--out", str(tmp_path / "shot.png")]) == 1
    assert "absent" in capsys.readouterr().err


def test_window_without_a_display_says_what_to_do(exam_folder: Path) -> None:
    done = viewer(exam_folder)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "no display" in done.stderr
    assert "snapshot" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="X11 displays exist on Linux")
def test_display_that_does_not_answer_is_said(exam_folder: Path) -> None:
    done = viewer(exam_folder, display=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    # on a machine without the libraries of X11 these are named first
    assert "display :99 does not answer" in done.stderr or "apt-get install" in done.stderr


def test_bench_writes_start_up_times_and_ends(exam_folder: Path, tmp_path: Path) -> None:
    begun = time.monotonic()
    done = viewer(exam_folder, "--bench", tmp_path / "bench.json", platform="offscreen")
    assert (done.returncode, done.stderr) == (0, "")
    times = json.loads((tmp_path / "bench.json").read_text())
    assert 0.1 < times["time_to_window_s"] < time.monotonic() - begun
    assert 0.1 < times["first_image_s"] < time.monotonic() - begun


def test_window_process_never_imports_what_is_slow(exam_folder: Path) -> None:
    """Nothing heavy may be imported before the window is there; torch never."""
    code = (
        "import sys, viewer.launch, viewer.services.early, viewer.app.window_run\n"
        "slow = ('torch', 'scipy', 'cv2', 'pydicom', 'imagecodecs', 'SimpleITK')\n"
        "print([name for name in slow if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_window_process_never_imports_torch(exam_folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from viewer.launch import main\n"
        f"code = main([{str(exam_folder)!r}, '--bench', {str(tmp_path / 'bench.json')!r}])\n"
        "print(code, 'torch' in sys.modules)"
    )
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 False\n"


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert launch.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("gmic-viewer 0.")
    for command in ([], ["snapshot"], ["demo"]):
        assert launch.main([*command, "--help"]) == 0
        assert "--weights" in capsys.readouterr().out or command == ["demo"]


def test_damaged_pixels_do_not_stop_a_snapshot(tmp_path: Path, qapp: object) -> None:
    write_exam(tmp_path, 64, 48, syntax="jpegls")
    path = tmp_path / "FFDM_R_CC.dcm"
    data = bytearray(path.read_bytes())
    half = len(data) - len(data) // 4
    data[half:] = bytes(np.random.default_rng(0).integers(0, 256, len(data) - half, np.uint8))
    path.write_bytes(data)
    out = tmp_path / "shot.png"
    assert launch.main(["snapshot", str(tmp_path), "--out", str(out), "--size", "800x600"]) == 0
    assert out.stat().st_size > 5000


def _red(picture: np.ndarray) -> np.ndarray:
    """Return where ITK-SNAP's first colour is drawn, of (rows, columns, BGR)."""
    blue, green, red = (picture[..., k].astype(int) for k in range(3))
    return (red > 180) & (green < 60) & (blue < 60)


def test_snapshot_with_a_segmentation_on_its_image(exam_folder: Path, tmp_path: Path) -> None:
    found = scan([exam_folder]).exams[0].images
    image = next(image for image in found if (image.label, str(image.modality)) == ("R-MLO", "FFDM"))
    labels = np.zeros((1, image.rows, image.columns), np.uint8)
    labels[0, 100:130, 90:120] = 1
    folder = tmp_path / "segmentations"
    folder.mkdir()
    write_labels(folder / "R-MLO_FFDM_truth.nii.gz", labels, image_geometry(image))
    options = ("--view", "R-MLO", "--modality", "FFDM", "--layout", "single", "--size", "1400x900")
    out = tmp_path / "annotated.png"
    done = viewer("snapshot", exam_folder, "--out", out, "--segmentation", folder, *options)
    assert (done.returncode, done.stderr) == (0, "")
    rows, columns = np.nonzero(_red(cv2.imread(str(out)))[40:, :820])
    # 30 x 30 pixels of 256 x 192 in a viewport of about 780 px: an outline of some 90 px on either side
    assert 80 < np.ptp(rows) < 120
    assert abs(np.ptp(rows) - np.ptp(columns)) <= 2
    before = viewer("snapshot", exam_folder, "--out", out, *options)
    assert before.returncode == 0
    assert not _red(cv2.imread(str(out))).any()


def test_snapshot_refuses_a_segmentation_of_another_image(exam_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.nii.gz"
    write_labels(path, np.ones((1, 40, 50), np.uint8), VolumeGeometry.of_pixels((1, 40, 50)))
    done = viewer("snapshot", exam_folder, "--out", tmp_path / "no.png", "--segmentation", path)
    assert done.returncode == 2
    assert "other.nii.gz: The segmentation does not belong to this image: neither place nor size fits." in done.stderr
    assert not (tmp_path / "no.png").exists()
    done = viewer("snapshot", exam_folder, "--out", tmp_path / "no.png", "--measure")
    assert done.returncode == 2
    assert "--measure needs a segmentation to measure against; give it with --segmentation FILE" in done.stderr
    write_labels(path, np.ones((1, 256, 192), np.uint8), VolumeGeometry.of_pixels((1, 256, 192)))
    done = viewer("snapshot", exam_folder, "--out", tmp_path / "no.png", "--segmentation", path)
    assert done.returncode == 2
    assert "where does it lie?" in done.stderr
