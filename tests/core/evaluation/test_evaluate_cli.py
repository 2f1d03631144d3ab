"""``gmic-core evaluate``: what it writes, says, resumes and refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from gmic_core.cli import main
from gmic_core.evaluation import networks
from gmic_core.inference.engine import run_image
from tests.helpers.breasts import breast, hanging
from tests.helpers.dicom_files import write_mg
from tests.helpers.networks import small_network

ROWS, COLUMNS = 400, 300


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three women: one malignant on the right, one benign on the left, one normal; FFDM and S2D, CC and MLO."""
    folder = tmp_path_factory.mktemp("exams")
    rows = ["patient,study,side,benign,malignant,split"]
    for woman, (side, labels) in enumerate((("R", (0, 1)), ("L", (1, 0)), ("L", (0, 0)))):
        exam = folder / f"woman-{woman}"
        exam.mkdir()
        pixels = hanging(breast(ROWS, COLUMNS, seed=woman), side)
        for view in ("CC", "MLO"):
            for modality in ("FFDM", "S2D"):
                name = f"{view}_{modality}"
                uid = f"1.2.{woman}.{len(view)}.{len(modality)}"
                write_mg(exam / f"{name}.dcm", pixels, side, view, modality=modality, sop_uid=uid, study=f"1.2.{woman}")
                if any(labels):
                    label = np.zeros((COLUMNS, ROWS, 1), np.uint8)
                    label[100:140, 150:200] = 1 + labels[1]
                    nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), exam / f"{name}_truth.nii.gz")
        rows.append(f"p{woman},woman-{woman},{side},{labels[0]},{labels[1]},test")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Small networks in place of the real ones; returns how often an image was run."""
    runs: list[str] = []

    def few(weights, device, factor=1):  # type: ignore[no-untyped-def]
        return {
            model: tuple(small_network(model, int(ref.split(":")[1])) for ref in refs)
            for model, refs in weights.items()
        }

    def counted(image, *args, **kwargs):  # type: ignore[no-untyped-def]
        runs.append(image.sop_uid)
        return run_image(image, *args, **kwargs)

    monkeypatch.setattr(networks, "load_networks", few)
    monkeypatch.setattr(networks, "run_image", counted)
    return lambda: len(runs)


def evaluate(exams: Path, out: Path, *more: str) -> int:
    return main(
        ["evaluate", "--data", str(exams), "--out", str(out), "--bootstrap", "50", "--device", "cpu", *more]
    )  # fmt: skip


def test_exams_with_labels_and_segmentations(exams: Path, tmp_path: Path, quick, capsys) -> None:  # type: ignore[no-untyped-def]
    assert evaluate(exams, tmp_path, "--weights", "random:0", "--model", "gmic2d_park") == 0
    said = capsys.readouterr()
    assert "UNTRAINED" in said.out
    assert "12 images evaluated" in said.out
    assert "Research use only" in said.out
    first = {
        name: (tmp_path / name).read_bytes() for name in ("evaluation.json", "images.csv", "metrics.csv", "report.html")
    }
    document = json.loads(first["evaluation.json"])
    assert document["untrained"] is True
    assert document["simulated"] is True  # the headers of test images say so
    assert document["data"] == {"kind": "exams", "exams": 3, "labels": "labels file", "split": "test"}
    assert [entry["modality"] for entry in document["counts"]] == ["FFDM", "S2D"]
    assert document["counts"][0]["malignant_with_truth"] == 2
    rows = list(csv.DictReader(first["images.csv"].decode().splitlines()))
    assert len(rows) == 12
    malignant = [row for row in rows if row["malignant_label"] == "1"]
    (case,) = {row["case"] for row in malignant}
    assert case in ("exam-001", "exam-002", "exam-003")
    assert all(row["malignant_projected_pxap"] and not row["benign_projected_pxap"] for row in malignant)
    figures = {(row["level"], row["row"], row["class"], row["metric"]) for row in csv.DictReader(
        first["metrics.csv"].decode().splitlines()) if row["value"]}  # fmt: skip
    assert ("breast", "FFDM + Synthetic 2D", "malignant", "auc") in figures
    assert ("projected", "FFDM", "benign", "pxap") in figures
    for name, data in first.items():
        assert b"woman" not in data, name
        assert str(exams).encode() not in data, name
    assert quick() == 12
    assert evaluate(exams, tmp_path, "--weights", "random:0", "--model", "gmic2d_park") == 0
    assert quick() == 12  # nothing was run again
    assert all((tmp_path / name).read_bytes() == data for name, data in first.items())
    (tmp_path / "records" / sorted(p.name for p in (tmp_path / "records").iterdir())[0]).write_text("{damaged")
    assert evaluate(exams, tmp_path, "--weights", "random:0", "--model", "gmic2d_park") == 0
    assert quick() == 13
    assert (tmp_path / "report.html").read_bytes() == first["report.html"]


def test_changed_truth_and_members_count_anew(exams: Path, tmp_path: Path, quick, capsys) -> None:  # type: ignore[no-untyped-def]
    data = tmp_path / "data"
    data.mkdir()
    (data / "labels.csv").write_text("patient,study,side,benign,malignant,split\np1,a,R,0,1,test\np2,b,L,1,0,test\n")
    for study, side in (("a", "R"), ("b", "L")):
        (data / study).mkdir()
        pixels = hanging(breast(ROWS, COLUMNS, seed=1), side)
        write_mg(data / study / "x.dcm", pixels, side, "CC", modality="S2D", sop_uid=f"1.{ord(study)}", study=study)
    out = tmp_path / "out"
    weights = ("--weights", "random:0", "--weights", "random:1", "--tta", "2")
    assert evaluate(data, out, *weights) == 0
    assert quick() == 0  # augmented windows do not go through the plain run
    before = json.loads((out / "evaluation.json").read_text())
    assert before["augmentations"] == 2
    assert before["networks"][0]["weights"] == "random:0 + random:1"
    assert [image["localisation"] for image in before["images"]] == [{}, {}]
    label = np.zeros((COLUMNS, ROWS, 1), np.uint8)
    label[50:90, 150:200] = 2
    nibabel.save(nibabel.Nifti1Image(label, np.eye(4)), data / "a" / "x_truth.nii.gz")
    assert evaluate(data, out, *weights) == 0
    after = json.loads((out / "evaluation.json").read_text())
    shown = {image["laterality"]: list(image["localisation"]) for image in after["images"]}
    assert shown == {"L": [], "R": ["malignant"]}
    assert [image["y"] for image in after["images"]] == [image["y"] for image in before["images"]]


def test_an_existing_prediction_is_evaluated(exams: Path, tmp_path: Path, capsys) -> None:  # type: ignore[no-untyped-def]
    """The folder that `gmic-core predict` writes, without running anything."""
    predicted = tmp_path / "predicted"
    only = exams / "woman-0"
    assert main(
        ["predict", str(only / "CC_S2D.dcm"), "--weights", "random:0", "--out", str(predicted), "--device", "cpu"]
    ) == 0  # fmt: skip
    out = tmp_path / "out"
    assert evaluate(exams, out, "--predictions", str(predicted)) == 0
    said = capsys.readouterr().out
    assert "1 images evaluated" in said
    assert "It was not predicted: it is not in results.json" in said
    document = json.loads((out / "evaluation.json").read_text())
    (image,) = document["images"]
    results = json.loads((predicted / "results.json").read_text())
    assert image["y"]["malignant"] == results["images"][0]["scores"]["malignant"]["y"]
    assert image["localisation"]["malignant"]["projected"]["lesion"] == 40 * 50
    undefined = [m for m in document["metrics"] if m["metric"] == "auc" and m["row"] == "Synthetic 2D"]
    assert all(m["value"] is None and "no " in m["reason"] for m in undefined)
    (predicted / "saliency" / f"{image['image']}_benign.nii.gz").unlink()
    capsys.readouterr()
    assert evaluate(exams, tmp_path / "again", "--predictions", str(predicted)) == 1
    assert "prediction is incomplete" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "DATA", "--predictions", "x", "--tta", "10"], "leave out --weights, --model and --tta"),
        (["--digital-breasts", "3000000:2", "--labels", "x.csv"], "--labels has no meaning with --digital-breasts"),
        (["--digital-breasts", "1000000:2", "--weights", "random:0"], "networks have seen these breasts"),
        (["--digital-breasts", "3000000:2", "--thickness", "thick"], "--thickness is MIN-MAX in mm"),
        (["--data", "nowhere"], "nowhere is no folder"),
        (["--data", "DATA", "--predictions", "nowhere"], "results.json cannot be read"),
        (["--data", "DATA", "--labels", "nowhere.csv"], "nowhere.csv is missing"),
        (["--data", "DATA", "--split", "valid"], "no line of the split 'valid'"),
        (["--data", "DATA", "--seed", "-1", "--predictions", "x"], "results.json cannot be read"),
    ],
)
def test_what_cannot_be_done_is_said(exams: Path, tmp_path: Path, capsys, arguments, message) -> None:  # type: ignore[no-untyped-def]
    given = [str(exams) if word == "DATA" else word for word in arguments]
    assert main(["evaluate", *given, "--out", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--data", "a", "--digital-breasts", "1"], ["--data", "a", "--tta", "-1"]])
def test_wrong_usage_is_two(arguments: list[str], capsys) -> None:  # type: ignore[no-untyped-def]
    assert main(["evaluate", *arguments]) == 2
    assert "usage: gmic-core evaluate" in capsys.readouterr().err
