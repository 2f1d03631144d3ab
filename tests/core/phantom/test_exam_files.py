"""A simulated exam on disk: whole or not there, the same bytes every time, and the truth where the lesion is."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from scipy import ndimage

from gmic_core.errors import CancelledError, PhantomError
from gmic_core.exam.scan import scan
from gmic_core.phantom import jobs
from gmic_core.phantom.exam import write_exam, write_exams
from gmic_core.phantom.files import Writing
from gmic_core.phantom.frame import VIEWS
from gmic_core.phantom.headers import KINDS
from gmic_core.phantom.lock import only_one
from gmic_core.phantom.plan import plan_of
from gmic_core.types import Laterality, Modality
from tests.core.phantom.test_simulated_dicom import S2D_ONLY
from tests.helpers.small_exams import small_exam

STEMS = [f"{side}-{view}_{kind}" for side in Laterality for view in VIEWS for kind in KINDS]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_exam(small_exam(findings=("malignant-mass", "benign-cyst")), tmp_path_factory.mktemp("exams"))


def test_it_has_every_image_its_truth_and_a_description(exam: Path) -> None:
    assert exam.name == "sim-000004"
    wanted = {f"{stem}.dcm" for stem in STEMS} | {f"{stem}_truth.nii.gz" for stem in STEMS}
    assert {path.name for path in exam.iterdir()} == wanted | {"L_labels.txt", "R_labels.txt", "truth.json"}
    assert [path.name for path in exam.parent.iterdir()] == ["sim-000004"]


def test_an_independent_validator_accepts_it(exam: Path) -> None:
    validator = Path(sys.executable).with_name("dciodvfy")
    for path in exam.glob("*.dcm"):
        done = subprocess.run([validator, path], capture_output=True, text=True, check=False)
        errors = [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]
        assert errors == ([S2D_ONLY] if path.stem.endswith("S2D") else [])


def test_our_reader_sees_one_exam_of_twelve_images_without_a_question(exam: Path) -> None:
    found = scan([exam])
    assert len(found.exams) == 1
    images = found.exams[0].images
    assert sorted((image.modality, image.label) for image in images) == sorted(
        (modality, f"{side}-{view}")
        for modality in (Modality.DBT, Modality.FFDM, Modality.S2D)
        for side in Laterality
        for view in VIEWS
    )
    assert not [image.questions for image in images if image.questions]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("view", VIEWS)
def test_the_truth_lies_on_the_mass(exam: Path, view: str, kind: str) -> None:
    """Read as ITK-SNAP does: same place, and brighter inside the label than around it."""
    image = sitk.ReadImage(str(exam / f"R-{view}_{kind}.dcm"))
    label = sitk.ReadImage(str(exam / f"R-{view}_{kind}_truth.nii.gz"))
    assert label.GetSize() == image.GetSize()
    for ours, theirs in (
        (label.GetSpacing(), image.GetSpacing()),
        (label.GetOrigin(), image.GetOrigin()),
        (label.GetDirection(), image.GetDirection()),
    ):
        assert ours == pytest.approx(theirs, abs=1e-4)
    pixels = sitk.GetArrayFromImage(image).astype(float)
    labels = sitk.GetArrayFromImage(label)
    assert np.unique(labels).tolist() == [0, 1, 2]
    for number in (1, 2):
        inside = labels == number
        near = np.stack([ndimage.binary_dilation(plane, iterations=3) for plane in inside])
        around = np.stack([ndimage.binary_dilation(plane, iterations=9) for plane in near])
        ring = around & ~near & (labels == 0) & (pixels > 0) & inside.any(axis=(1, 2))[:, None, None]
        assert pixels[inside].mean() > pixels[ring].mean() + 0.25 * pixels[ring].std()


def test_the_normal_breast_has_empty_labels(exam: Path) -> None:
    for view in VIEWS:
        assert not np.asarray(nibabel.load(exam / f"L-{view}_DBT_truth.nii.gz").dataobj).any()


def test_truth_json_gives_centres_that_the_labels_and_the_patient_agree_with(exam: Path) -> None:
    document = json.loads((exam / "truth.json").read_text())
    assert document["simulated"] is True
    assert document["notice"].startswith("SIMULATED")
    assert (document["seed"], document["size"], document["patient_id"]) == (4, "small", "SIM-000004")
    assert [(view["laterality"], view["view"]) for view in document["views"]] == [
        ("R", "CC"),
        ("L", "CC"),
        ("R", "MLO"),
        ("L", "MLO"),
    ]
    for view in document["views"]:
        image = view["images"]["DBT"]
        header = pydicom.dcmread(exam / image["file"], stop_before_pixels=True)
        assert [one["kind"] for one in image["findings"]] == (
            ["malignant-mass", "benign-cyst"] if view["laterality"] == "R" else []
        )
        labels = nibabel.load(exam / image["truth"])
        for one in image["findings"]:
            at = one["centre_pixel"]
            voxel = (round(at["column"]), round(at["row"]), round(at["slice"]))
            assert labels.dataobj[voxel] == one["label"]
            # where the centre is by the affine of the label map, in LPS
            place = labels.affine @ [at["column"], at["row"], at["slice"], 1]
            assert place[:3] * (-1, -1, 1) == pytest.approx(one["centre_lps_mm"], abs=0.1)
            first, last = one["slice_range"]
            assert first <= at["slice"] <= last < header.NumberOfFrames


def test_the_labels_are_described_for_itk_snap(exam: Path) -> None:
    rows = [line for line in (exam / "R_labels.txt").read_text().splitlines() if not line.startswith("#")]
    assert [re.split(r"\s+", row.strip(), maxsplit=7)[0] for row in rows] == ["0", "1", "2"]
    assert "malignant-mass" in rows[1]


def test_label_maps_carry_no_date(exam: Path) -> None:
    raw = (exam / "R-CC_FFDM_truth.nii.gz").read_bytes()
    assert raw[4:8] == bytes(4)  # gzip's own time stamp
    assert b"SIMULATED" in gzip.decompress(raw)[:352]


def test_processes_and_other_exams_make_no_difference(exam: Path, tmp_path: Path) -> None:
    """Twice as two exams in three processes: the one made alone, here, has the same names and bytes."""
    plans = [plan_of(small_exam(findings=("malignant-mass", "benign-cyst"))), plan_of(small_exam(6, ()))]
    heard: list[float] = []
    made = write_exams(plans, tmp_path, Writing(), progress=lambda share, _: heard.append(share), workers=3)
    assert [path.name for path in made] == ["sim-000004", "sim-000006"]
    assert contents(made[0]) == contents(exam)
    assert heard == sorted(heard)
    assert heard[-1] == pytest.approx(1.0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["sim-000004", "sim-000006"]


def test_arrays_hold_the_same_pixels_and_labels(exam: Path, tmp_path: Path) -> None:
    arrays = write_exam(small_exam(findings=("malignant-mass", "benign-cyst")), tmp_path, fmt="arrays")
    for stem in STEMS:
        assert np.array_equal(np.load(arrays / f"{stem}.npy"), pydicom.dcmread(exam / f"{stem}.dcm").pixel_array)
        labels = np.load(arrays / f"{stem}_truth.npz")["labels"]
        theirs = np.asarray(nibabel.load(exam / f"{stem}_truth.nii.gz").dataobj).T
        assert np.array_equal(labels, theirs.reshape(labels.shape))


def test_an_exam_that_is_there_is_not_made_again_and_never_overwritten(exam: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in exam.iterdir()}
    spec = small_exam(findings=("malignant-mass", "benign-cyst"))
    assert write_exam(spec, exam.parent) == exam
    with pytest.raises(PhantomError, match="is there already"):
        write_exam(small_exam(findings=("benign-cyst",)), exam.parent)
    with pytest.raises(PhantomError, match="is there already"):
        write_exam(spec, exam.parent, syntax="explicit")
    assert {path.name: path.stat().st_mtime_ns for path in exam.iterdir()} == before


@pytest.mark.parametrize("workers", [1, 2])
def test_cancelling_leaves_nothing(tmp_path: Path, workers: int) -> None:
    asked = iter([False] * 12)
    with pytest.raises(CancelledError):
        write_exam(small_exam(), tmp_path, cancelled=lambda: next(asked, True), workers=workers)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_run_has_finished_is_taken_over(exam: Path, tmp_path: Path) -> None:
    spec = small_exam(findings=("malignant-mass", "benign-cyst"))
    code = (
        "import os, sys; from pathlib import Path; from gmic_core.phantom.exam import write_exam\n"
        "from tests.helpers.small_exams import small_exam\n"
        "def stop(share, text):\n"
        "    if 'is ready' in text: os._exit(9)\n"
        "write_exam(small_exam(findings=('malignant-mass', 'benign-cyst')), Path(sys.argv[1]), progress=stop)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    assert done.returncode == 9
    left = tmp_path / ".sim-000004.partial"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".sim-000004.partial", ".simulation.lock"]
    assert not (left / "truth.json").exists()
    (left / ".R-MLO_DBT.dcm.99.part").write_bytes(b"half")
    kept = (left / "R-CC_DBT.dcm").stat().st_mtime_ns
    texts: list[str] = []
    target = write_exam(spec, tmp_path, progress=lambda _share, text: texts.append(text))
    assert (target / "R-CC_DBT.dcm").stat().st_mtime_ns == kept
    assert not [text for text in texts if "R-CC" in text]
    assert contents(target) == contents(exam)
    assert [path.name for path in tmp_path.iterdir()] == ["sim-000004"]


def test_two_at_once_agree(tmp_path: Path) -> None:
    """The second waits for the first, and can be cancelled while it waits."""
    with only_one(tmp_path / ".simulation.lock"):
        asked = iter([False, False])
        with pytest.raises(CancelledError, match="waiting"):
            write_exam(small_exam(), tmp_path, cancelled=lambda: next(asked, True))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PhantomError, match="cannot be written to"):
        write_exam(small_exam(), tmp_path / "file" / "below")


def test_a_process_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "_serve", os.abort)
    with pytest.raises(PhantomError, match=r"ended unexpectedly .*--size small"):
        write_exam(small_exam(), tmp_path, workers=2)
    assert list(tmp_path.iterdir()) == []


def test_a_finding_that_does_not_fit_is_an_error_that_names_it(tmp_path: Path) -> None:
    crowd = ("malignant-distortion", "malignant-lobulated", "malignant-mass", "benign-mass", "benign-cyst") * 4
    with pytest.raises(PhantomError, match=r"Seed 4: 20 findings do not fit"):
        write_exam(small_exam(findings=crowd), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_processes_are_as_many_as_the_memory_allows() -> None:
    assert jobs.worker_count("full", 100, 64) == 2
    assert jobs.worker_count("small", 100, 64) == 11
    assert jobs.worker_count("small", 2, 64) == 2
    assert jobs.worker_count("full", 1) == 1
