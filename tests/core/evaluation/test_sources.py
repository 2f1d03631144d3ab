"""Labels files, segmentations and truth.json: what is read, and what is said when it is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest

from gmic_core.errors import EvaluationError, GmicError
from gmic_core.evaluation.label_files import described_classes, is_segmentation, label_slices
from gmic_core.evaluation.label_table import Names, split_labels
from gmic_core.evaluation.simulated_truth import read_simulated
from gmic_core.evaluation.sources import TruthFiles, collect, image_files
from gmic_core.exam.model import Exam, PixelSource
from gmic_core.types import Finding, Laterality, Modality
from tests.core.evaluation.builders import header

L, R = Laterality.L, Laterality.R


def labels_file(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


HEADER = "patient,study,side,benign,malignant,split\n"


def test_labels_of_the_test_split_count(tmp_path: Path) -> None:
    path = labels_file(tmp_path, HEADER + "p1,s1,L,0,1,test\np1,s1,right,1,0,test\np2,s2,L,0,0,train\n")
    labels = split_labels(path)
    assert labels.split == "test"
    assert labels.find(Names((), ("s1",)), L) == (False, True)
    assert labels.find(Names((), ("s1",)), R) == (True, False)
    with pytest.raises(EvaluationError, match="does not belong to the split 'test'"):
        labels.find(Names((), ("s2",)), L)
    with pytest.raises(EvaluationError, match="no line for its patient, study and side"):
        labels.find(Names((), ("s3",)), L)
    assert split_labels(path, "ALL").find(Names((), ("s2",)), L) == (False, False)
    assert split_labels(path, "train").split == "training"
    with pytest.raises(EvaluationError, match="no line of the split 'valid'; it has test, training"):
        split_labels(path, "valid")


def test_a_date_is_no_name_without_its_patient(tmp_path: Path) -> None:
    path = labels_file(
        tmp_path, HEADER + "p1,20240101,L,0,1,training\np2,20240101,L,1,0,training\np3,,L,1,1,validation\n"
    )
    labels = split_labels(path)
    assert labels.split == "all"
    assert labels.find(Names(("p1",), ("1.2.3",), ("20240101",)), L) == (False, True)
    assert labels.find(Names(("p2",), ("1.2.3",), ("20240101",)), L) == (True, False)
    assert labels.find(Names(("p3",), ("1.2.3",), ("20240101",)), L) == (True, True)
    with pytest.raises(EvaluationError, match="no line"):
        labels.find(Names((), ("1.2.3",), ("20240101",)), L)


def test_a_wrong_or_missing_labels_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(GmicError, match=r"none\.csv is missing"):
        split_labels(tmp_path / "none.csv")
    with pytest.raises(GmicError, match="line 2, column side: it must be L or R"):
        split_labels(labels_file(tmp_path, HEADER + "p,s,B,0,0,test\n"))


def truth_json(folder: Path) -> None:
    folder.mkdir()
    finding = {"label": 1, "class": "malignant"}
    views = [
        {"laterality": "L", "view": "CC", "images": {"DBT": {"file": "L-CC_DBT.dcm", "findings": [finding]}}},
        {"laterality": "R", "view": "CC", "images": {"DBT": {"file": "R-CC_DBT.dcm", "findings": []}}},
    ]
    (folder / "truth.json").write_text(json.dumps({"simulated": True, "views": views}))


def test_simulated_exams_know_their_truth(tmp_path: Path) -> None:
    truth_json(tmp_path / "sim-000007")
    exam = read_simulated(tmp_path / "sim-000007")
    assert exam.name == "sim-000007"
    assert exam.labels(L) == (False, True)
    assert exam.labels(R) == (False, False)
    assert exam.classes("L-CC_DBT") == {1: Finding.MALIGNANT}
    with pytest.raises(EvaluationError, match="does not name L-MLO_DBT"):
        exam.classes("L-MLO_DBT")
    (tmp_path / "sim-000007" / "truth.json").write_text('{"views": [{"laterality": "L", "images": {"DBT": {}}}]}')
    with pytest.raises(EvaluationError, match="cannot be understood"):
        read_simulated(tmp_path / "sim-000007")
    (tmp_path / "sim-000007" / "truth.json").write_text("{}")
    with pytest.raises(EvaluationError, match="names no image"):
        read_simulated(tmp_path / "sim-000007")


def exam_of(*images: object, study: str = "1.2.3") -> Exam:
    return Exam("SECRET-ID", "SECRET^NAME", study, "", tuple(images))  # type: ignore[arg-type]


def at(path: Path, uid: str = "1.9", **values: object):  # type: ignore[no-untyped-def]
    return replace(header(uid, Modality.DBT), source=PixelSource("dicom", (path,)), **values)  # type: ignore[arg-type]


def test_simulated_and_labelled_exams_side_by_side(tmp_path: Path) -> None:
    truth_json(tmp_path / "sim-000007")
    simulated = exam_of(at(tmp_path / "sim-000007" / "L-CC_DBT.dcm"))
    subjects, left_out = collect([simulated], tmp_path, None, None, None)
    assert (subjects[0].case, subjects[0].labels, subjects[0].simulated) == ("sim-000007", (False, True), True)
    assert subjects[0].truth == TruthFiles(tmp_path / "sim-000007" / "L-CC_DBT_truth.nii.gz", {1: Finding.MALIGNANT})
    assert left_out == []


def test_labels_find_an_exam_by_uid_folder_file_or_patient(tmp_path: Path) -> None:
    for line in ("x,1.2.3", "x,case-a", "x,img", "SECRET-ID,", "case-a,"):
        labels_file(tmp_path, f"{HEADER}{line},L,1,0,test\n")
        image = at(tmp_path / "case-a" / "img.dcm")
        (subject,), _ = collect([exam_of(image)], tmp_path, None, None, None)
        assert (subject.case, subject.labels) == ("exam-001", (True, False))  # the patient is not named


def test_what_has_no_label_is_listed(tmp_path: Path) -> None:
    labels_file(tmp_path, HEADER + "x,1.2.3,L,1,0,test\n")
    images = (
        at(tmp_path / "a.dcm"),
        at(tmp_path / "b.dcm", "1.10", laterality=R),
        at(tmp_path / "c.dcm", "1.11", view=None),
    )
    subjects, left_out = collect([exam_of(*images)], tmp_path, None, None, None)
    assert [subject.image.sop_uid for subject in subjects] == ["1.9"]
    assert [one.image for one in left_out] == ["1.10", "1.11"]
    assert "no line for its patient, study and side" in left_out[0].reason
    assert "side or view is unknown" in left_out[1].reason
    with pytest.raises(EvaluationError, match="There are no labels for it"):
        collect([exam_of(images[0])], tmp_path / "elsewhere", None, None, None)
    with pytest.raises(EvaluationError, match="No breast image was found"):
        collect([], tmp_path, None, None, None)


def test_segmentations_lie_beside_the_images_or_elsewhere(tmp_path: Path) -> None:
    labels_file(tmp_path, HEADER + "x,1.2.3,L,1,1,test\n")
    image = at(tmp_path / "0_L-CC.png")
    mask = np.zeros((64, 48), np.uint8)
    mask[10:20, 10:20] = 255
    cv2.imwrite(str(tmp_path / "0_L-CC_benign.png"), mask)
    (subject,), _ = collect([exam_of(image)], tmp_path, None, None, None)
    assert subject.truth is not None
    (lesion,) = subject.truth.read(image).lesions
    assert (lesion.finding, lesion.corner, lesion.mask.sum()) == (Finding.BENIGN, (10, 10), 100)
    other = tmp_path / "drawn"
    other.mkdir()
    (none,), _ = collect([exam_of(image)], tmp_path, None, other, None)
    assert none.truth is None
    labels = np.zeros((48, 64, 1), np.float32)  # column, row, slice
    labels[30:35, 40:44, 0] = 2
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), other / "0_L-CC_truth.nii.gz")
    (subject,), _ = collect([exam_of(image)], tmp_path, None, other, None)
    assert subject.truth is not None
    (lesion,) = subject.truth.read(image).lesions
    assert (lesion.finding, lesion.corner, lesion.mask.shape) == (Finding.MALIGNANT, (40, 30), (4, 5))
    digest = subject.truth.digest()
    labels[30, 40, 0] = 0
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), other / "0_L-CC_truth.nii.gz")
    assert subject.truth.digest() != digest


def test_truth_that_does_not_fit_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x_truth.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((5, 5, 1), np.uint8), np.eye(4)), path)
    with pytest.raises(EvaluationError, match=r"x_truth\.nii\.gz: The truth has slices of 5x5 pixels"):
        TruthFiles(path, {1: Finding.BENIGN}).read(header("1", Modality.FFDM))
    path.write_bytes(b"no nifti")
    with pytest.raises(EvaluationError, match="cannot be read as a label map"):
        list(label_slices(path))
    png = tmp_path / "x_benign.png"
    png.write_bytes(b"no picture")
    with pytest.raises(EvaluationError, match="no picture, or damaged"):
        list(label_slices(png))
    with pytest.raises(EvaluationError, match="cannot be read"):
        TruthFiles(tmp_path / "none_truth.nii.gz", {}).digest()


def test_label_descriptions_of_itk_snap(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_text(
        '# comment\n    0     0    0    0        0  0  0    "Clear Label"\n'
        '    1   255    0    0        1  1  1    "1 malignant-mass"\n'
        '    4     0  255    0        1  1  1    "Benign cyst"\n'
    )
    assert described_classes(path) == {1: Finding.MALIGNANT, 4: Finding.BENIGN}


def test_files_are_listed_without_what_was_written_before(tmp_path: Path) -> None:
    for name in ("a/x.dcm", "a/.hidden", ".h/y.dcm", "out/z.nii.gz", "b/x_truth.nii.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = image_files(tmp_path, [tmp_path / "out", None])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["a/x.dcm", "b/x_truth.nii.gz"]
    assert [is_segmentation(path) for path in found] == [False, True]
    with pytest.raises(EvaluationError, match="is no folder"):
        image_files(tmp_path / "none")
