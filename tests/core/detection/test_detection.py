"""Hits, FROC and FAUC-1 against curves made by hand; the tables of BCS-DBT read, written and scored."""

from __future__ import annotations

import json
import math
from pathlib import Path

import nibabel
import numpy as np
import pytest

from gmic_core.cli import main
from gmic_core.comparison.placing import place
from gmic_core.detection.boxes import (
    Prediction,
    VolumeKey,
    read_boxes,
    read_predictions,
    turned,
    write_boxes,
    write_predictions,
)
from gmic_core.detection.candidates import Candidate, Target, marks_of, peaks_of
from gmic_core.detection.froc import Marked, froc, positives_only
from gmic_core.detection.scoring import marks_froc, submission_froc
from gmic_core.errors import EvaluationError
from gmic_core.evaluation.truth import lesions_of
from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import Finding, Roi

SMALL = Target(10.0, 500.0, 400.0, 20.0, 30.0)
LARGE = Target(10.0, 500.0, 400.0, 300.0, 400.0)


@pytest.mark.parametrize(
    ("target", "candidate", "slices", "hit"),
    [
        (SMALL, (10, 500, 499.9), 1, True),
        (SMALL, (10, 500, 500.0), 1, True),
        (SMALL, (10, 500, 500.1), 1, False),
        (LARGE, (10, 500, 649.9), 1, True),  # half the diagonal is 250
        (LARGE, (10, 650.0, 600.0), 1, True),
        (LARGE, (10, 650.1, 600.0), 1, False),
        (SMALL, (25, 500, 400), 1, True),  # a single image has no slices
        (SMALL, (25, 500, 400), 60, True),
        (SMALL, (26, 500, 400), 60, False),
        (SMALL, (-5, 500, 400), 60, True),
    ],
)
def test_hits(target: Target, candidate: tuple[float, float, float], slices: int, hit: bool) -> None:
    assert target.hit_by(Candidate(*candidate, 1.0), slices) is hit


def at(column: float, score: float) -> Candidate:
    return Candidate(0, 500, column, score)


def test_a_curve_by_hand() -> None:
    other = Target(0, 500, 2000, 20, 20)
    images = [
        Marked(1, (SMALL, other), (at(400, 0.9), at(410, 0.8), at(1000, 0.7), at(2000, 0.4))),
        Marked(1, (), (at(0, 0.6), at(400, 0.5))),
        Marked(1, (SMALL,), (at(1000, 0.95),)),
        Marked(1, (), ()),
    ]
    found = froc(images)
    assert (found.images, found.lesions) == (4, 3)
    assert found.thresholds.tolist() == [0.95, 0.9, 0.7, 0.6, 0.5, 0.4]
    np.testing.assert_allclose(found.sensitivity, [0, 1 / 3, 1 / 3, 1 / 3, 1 / 3, 2 / 3])
    np.testing.assert_allclose(found.false_positives, [0.25, 0.25, 0.5, 0.75, 1.0, 1.0])
    # nothing up to 0.25 false positives per image, then a third of the lesions up to 1
    assert found.fauc() == pytest.approx(0.75 / 3)
    assert found.fauc(0.5) == pytest.approx(0.25 / 3 / 0.5)
    assert found.fauc(2.0) == pytest.approx((0.75 / 3 + 2 / 3) / 2)
    assert (found.at(0.2), found.at(0.5), found.at(1.0)) == pytest.approx((0.0, 1 / 3, 2 / 3))
    only = froc(positives_only(images))
    assert only.images == 2
    np.testing.assert_allclose(only.false_positives, [0.5, 0.5, 1.0, 1.0])


def test_perfect_and_useless() -> None:
    assert froc([Marked(1, (SMALL,), (at(400, 0.2),))]).fauc() == 1.0
    assert froc([Marked(1, (SMALL,), (at(900, 0.2),))]).fauc() == 0.0
    assert froc([Marked(1, (SMALL,), ())]).fauc() == 0.0
    with pytest.raises(EvaluationError, match="There is no lesion to find"):
        froc([Marked(1, (), (at(0, 1.0),))])
    with pytest.raises(EvaluationError, match="a score that is no number"):
        froc([Marked(1, (SMALL,), (at(0, math.nan),))])


def test_peaks_of_a_map() -> None:
    values = np.zeros((3, 20, 20), np.float32)
    values[1, 4, 5], values[1, 4, 6], values[2, 15, 15], values[0, 15, 15] = 0.9, 0.8, 0.4, 0.3
    placed = place(values, PlaneMap.resampling(50, 50).matrix, (1000, 1000))
    assert peaks_of(placed) == (
        Candidate(1.0, 224.5, 274.5, pytest.approx(0.9)), Candidate(2.0, 774.5, 774.5, pytest.approx(0.4)),
    )  # fmt: skip
    assert len(peaks_of(placed, 1)) == 1


def test_components_are_targets() -> None:
    labels = np.zeros((8, 400, 400), np.uint8)
    labels[2:5, 100:120, 100:140] = 1
    labels[6, 300:310, 300:310] = 1
    truth = lesions_of(labels, labels.shape, {1: Finding.MALIGNANT})
    values = np.zeros((8, 8, 8), np.float32)
    values[3, 2, 2] = 1.0
    placed = place(values, PlaneMap.resampling(50, 50).matrix, (400, 400))
    patch = Roi(7, 300, 250, 320, 350, 0.5)
    marks = marks_of("x", Finding.MALIGNANT, placed, truth.lesions, [[patch], [patch]])
    assert marks.targets == (Target(3.0, 109.5, 119.5, 20.0, 40.0), Target(6.0, 304.5, 304.5, 10.0, 10.0))
    assert marks.patches == (Candidate(7, 309.5, 299.5, 0.5),) * 2
    assert marks_froc([marks], Finding.MALIGNANT, "peaks").fauc() == 0.5
    assert marks_froc([marks], Finding.MALIGNANT, "patches").sensitivity.tolist() == [0.5]
    unknown = marks_of("y", Finding.MALIGNANT, placed, truth.lesions)
    with pytest.raises(EvaluationError, match="y has no patches on record; only peaks can be scored"):
        marks_froc([marks, unknown], Finding.MALIGNANT, "patches")


@pytest.mark.needs_shared
def test_the_published_boxes(shared: Path, tmp_path: Path) -> None:
    boxes = read_boxes(shared / "data/bcs-dbt-tables/BCSDBTboxestrain.csv")
    first = boxes[0]
    assert len(boxes) == 224
    assert first.volume == VolumeKey("DBT-P00013", "DBT-S00163", "rmlo")
    assert (first.slice, first.x, first.y, first.width, first.height) == (16, 1116.0, 1724.0, 218.0, 105.0)
    assert (first.finding, first.distortion, first.volume_slices) == (Finding.BENIGN, False, None)
    assert first.target == Target(16, 1776.5, 1225.0, 105.0, 218.0)
    assert sum(box.finding is Finding.MALIGNANT for box in boxes) == 87
    write_boxes(tmp_path / "boxes.csv", boxes)
    assert read_boxes(tmp_path / "boxes.csv") == boxes
    original = (shared / "data/bcs-dbt-tables/BCSDBTboxestrain.csv").read_text().split()
    assert (tmp_path / "boxes.csv").read_text().split() == original, "as the archive writes it"


@pytest.mark.needs_shared
def test_the_published_submission(shared: Path, tmp_path: Path) -> None:
    read = read_predictions(shared / "data/bcs-dbt-tables/aguron_dbtex_submission.csv")
    assert read[0] == Prediction(
        VolumeKey("DBT-P02609", "DBT-S05243", "lmlo"), 169, 137, 803, 102, 8, 8, 0.9084833264350892
    )
    assert read[0].candidate == Candidate(12.0, 854.0, 237.5, 0.9084833264350892)
    write_predictions(tmp_path / "mine.csv", read)
    again = read_predictions(tmp_path / "mine.csv")
    assert len(again) == len(read)
    assert (tmp_path / "mine.csv").read_text().splitlines()[0] == (
        "PatientID,StudyUID,View,X,Width,Y,Height,Z,Depth,Score"
    )
    assert [p.score for p in again] == pytest.approx(sorted((p.score for p in read), reverse=True), abs=1e-9)


@pytest.mark.needs_shared
def test_a_submission_is_scored(shared: Path) -> None:
    """The boxes themselves, handed in as predictions, find everything; moved by 300 pixels, most of them nothing."""
    boxes = read_boxes(shared / "data/bcs-dbt-tables/BCSDBTboxestrain.csv")
    slices = {box.volume: 60 for box in boxes}
    perfect = [Prediction(b.volume, b.x, b.width, b.y, b.height, b.slice - 2, 4, 0.5) for b in boxes]
    assert submission_froc(boxes, perfect, slices).fauc() == 1.0
    away = [Prediction(p.volume, p.x + 3000, p.width, p.y, p.height, p.z, p.depth, p.score) for p in perfect]
    assert submission_froc(boxes, away, slices).fauc() == 0.0
    malignant = submission_froc(boxes, perfect, slices, findings=[Finding.MALIGNANT])
    assert malignant.lesions == 87
    with pytest.raises(EvaluationError, match=r"How many slices DBT-S.* is not known, so a hit cannot be told"):
        submission_froc(boxes, perfect)


BOX = "PatientID,StudyUID,View,Subject,Slice,X,Y,Width,Height,Class,AD,VolumeSlices\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a,b\n1,2\n", "boxes.csv has no column PatientID, StudyUID"),
        (BOX + "P,S,lcc,0,1,x,2,3,4,benign,0,60\n", "boxes.csv, line 2: X is 'x', which is no number."),
        (BOX + "P,S,lcc,0,1,inf,2,3,4,benign,0,60\n", "boxes.csv, line 2: X is 'inf', which is no number."),
        (
            BOX + "P,S,front,0,1,1,2,3,4,benign,0,60\n",
            "boxes.csv, line 2: the view is 'front', not one like lcc or rmlo.",
        ),
        (BOX + "P,S,lcc,0,1,1,2,3,4,odd,0,60\n", "boxes.csv, line 2: the class is 'odd', not benign or cancer"),
        (BOX + "P,S,lcc\n", "boxes.csv, line 2: the class is '', not benign or cancer"),
    ],
)
def test_tables_that_are_wrong(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(text)
    with pytest.raises(EvaluationError) as refused:
        read_boxes(tmp_path / "boxes.csv")
    assert str(refused.value).startswith(reason)


def test_slices_from_the_table(tmp_path: Path) -> None:
    (tmp_path / "boxes.csv").write_text(BOX + "P,S,lcc,0,10,400,500,20,30,cancer,1.0,60\n")
    (box,) = read_boxes(tmp_path / "boxes.csv")
    assert (box.volume_slices, box.distortion, box.finding) == (60, True, Finding.MALIGNANT)
    write_boxes(tmp_path / "again.csv", [box])
    assert read_boxes(tmp_path / "again.csv") == [box]
    near = Prediction(box.volume, 400, 20, 500, 30, 24, 2, 0.5)  # slice 25 of 60: 15 away
    far = Prediction(box.volume, 400, 20, 500, 30, 26, 2, 0.5)
    assert submission_froc([box], [near]).fauc() == 1.0
    assert submission_froc([box], [far]).fauc() == 0.0


def predicted(folder: Path, *entries: tuple[str, str, str, str]) -> Path:
    """Write a results.json of (image, study UID, side, view): two patches each, the first in the middle of a box."""
    patches = [
        {"slice": 15, "row0": 1724, "col0": 1116, "row1": 1829, "col1": 1334, "attention": 0.75},
        {"slice": 40, "row0": 0, "col0": 0, "row1": 256, "col1": 256, "attention": 0.25},
    ]
    images = [
        {
            "image_index": image, "study_uid": study, "laterality": side, "view": view, "modality": "DBT",
            "scores": {"malignant": {"y": 0.8}}, "saliency": {"slices": 60}, "patches": patches,
        }
        for image, study, side, view in entries
    ]  # fmt: skip
    folder.mkdir()
    (folder / "results.json").write_text(json.dumps({"images": images}))
    return folder


@pytest.mark.needs_shared
def test_results_are_handed_in(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = shared / "data/bcs-dbt-tables"
    study = "1.2.826.0.1.3680043.8.498.97194784071397240980122342729639556865"
    results = predicted(tmp_path / "r", ("1.5", study, "R", "MLO"), ("1.6", "1.2.3", "L", "CC"))
    arguments = [str(results), str(tables / "BCSDBTfilepathstrain.csv"), "--out", str(tmp_path / "out.csv")]
    assert main(["boxes", *arguments, "--truth", str(tables / "BCSDBTboxestrain.csv")]) == 0
    said = capsys.readouterr()
    assert "2 boxes of 1 volumes in " in said.out
    assert "FAUC-1 1.000; sensitivity 1.000 at 0.5" in said.out
    assert "not in BCSDBTfilepathstrain.csv, or there more than once: 1.6" in said.err
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "PatientID,StudyUID,View,X,Width,Y,Height,Z,Depth,Score",
        "DBT-P00013,DBT-S00163,rmlo,1116,218,1724,105,15,1,0.6",
        "DBT-P00013,DBT-S00163,rmlo,0,256,0,256,40,1,0.2",
    ]


def test_peaks_of_the_maps_are_handed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cells of 10 x 10 pixels of a right breast, mirrored against its image; a peak is the middle of its box."""
    results = predicted(tmp_path / "r", ("1.5", "1.2", "R", "MLO"))
    document = json.loads((results / "results.json").read_text())
    values = np.zeros((20, 60, 50), np.float32)
    values[7, 30, 5], values[12, 50, 40], values[3, 31, 6] = 0.5, 0.25, 0.125  # the last lies beside the first
    to_stored = [[10.0, 0.0, 4.5], [0.0, -10.0, 494.5], [0.0, 0.0, 1.0]]
    files = {"malignant": "../../saliency/a_malignant.nii.gz", "benign": "saliency/a_benign.nii.gz"}
    document["images"][0]["saliency"] = {"slices": 20, "to_stored": to_stored, "files": files}
    (results / "results.json").write_text(json.dumps(document))
    (results / "saliency").mkdir()
    nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), results / "saliency/a_malignant.nii.gz")
    (tmp_path / "paths.csv").write_text("PatientID,StudyUID,View,classic_path\nP,S,rmlo,x/1.2/1.3/1-1.dcm\n")
    (tmp_path / "boxes.csv").write_text(
        BOX + "P,S,rmlo,0,7,439,299,11,11,cancer,0.0,20\nP,S,rmlo,1,12,350,500,10,10,benign,0.0,20\n"
    )
    arguments = [str(results), str(tmp_path / "paths.csv"), "--candidates", "peaks", "--out", str(tmp_path / "out.csv")]
    assert main(["boxes", *arguments, "--truth", str(tmp_path / "boxes.csv")]) == 0
    assert (tmp_path / "out.csv").read_text().splitlines() == [
        "PatientID,StudyUID,View,X,Width,Y,Height,Z,Depth,Score",
        "P,S,rmlo,344,200,204,200,7,1,0.5",
        "P,S,rmlo,-6,200,404,200,12,1,0.25",
    ]
    assert "FAUC-1 0.500; sensitivity 0.500 at 0.5" in capsys.readouterr().out
    document["images"][0]["saliency"]["to_stored"] = [[1e9, 0, 0], [0, 1, 0], [0, 0, 1]]
    (results / "results.json").write_text(json.dumps(document))
    assert main(["boxes", *arguments]) == 1
    assert "cannot be understood (ValueError); predict the images again." in capsys.readouterr().err


def test_results_that_cannot_be_handed_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "paths.csv").write_text("PatientID,View\n")
    results = predicted(tmp_path / "r", ("1.5", "1.2", "R", "MLO"))
    assert main(["boxes", str(results), str(tmp_path / "paths.csv")]) == 1
    assert "paths.csv lacks a column of PatientID, StudyUID, View, classic_path" in capsys.readouterr().err
    (tmp_path / "paths.csv").write_text("PatientID,StudyUID,View,classic_path\nP,S,rmlo,x/1.2/1.3/1-1.dcm\n")
    assert main(["boxes", str(tmp_path), str(tmp_path / "paths.csv")]) == 1
    assert "give the folder that `gmic-core predict --out` wrote" in capsys.readouterr().err
    (results / "results.json").write_text('{"images": [{"modality": "DBT"}]}')
    assert main(["boxes", str(results), str(tmp_path / "paths.csv")]) == 1
    assert "cannot be understood (KeyError); predict the images again." in capsys.readouterr().err


def test_volumes_that_are_stored_turned() -> None:
    assert turned(10, 20, 30, 40, rows=2457, columns=1996) == (1956, 2397)
    assert turned(*turned(10, 20, 30, 40, 2457, 1996), 30, 40, 2457, 1996) == (10, 20)
