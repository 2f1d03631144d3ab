"""``gmic-core compare``: files in, tables and a report out, the numbers those of numpy and scikit-learn."""

from __future__ import annotations

import csv
import json
import re
from itertools import product
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from gmic_core.cli import main
from gmic_core.comparison.measures import FIGURES
from gmic_core.exam.geometry import ORIENTATIONS, NetworkWindow, nifti_affine, stored_to_patient
from gmic_core.inference.document import SIMULATED

Rows = dict[tuple[str, str, str], dict[str, str]]
HEADER = (
    "image,label,class,dice_soft,dice_max,dice_max_threshold,iou_max,pxap,pixel_auc,pointing_hit,patch_coverage,"
    "dice_soft_3d,dice_max_3d,dice_max_threshold_3d,iou_max_3d,pxap_3d,pixel_auc_3d,pointing_hit_3d,patch_coverage_3d"
)
CONVENTION = np.diag([-1.0, -1, 1, 1])


def save(path: Path, values: np.ndarray, affine: np.ndarray = CONVENTION) -> Path:
    """Write (slices, rows, columns) with axes (column, row, slice)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(np.ascontiguousarray(values.T), affine), path)
    return path


def labels(slices: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    drawn = np.zeros((slices, 60, 50), np.uint8)
    r, c = (int(v) for v in rng.integers(0, 30, 2))
    drawn[slices // 2 :, r : r + 12, c : c + 15] = 1
    drawn[0, 40:50, 20:28] = 2
    return drawn


def cells(slices: int = 3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.random((slices, 6, 5)).round(2) * (rng.random((slices, 6, 5)) > 0.3)).astype(np.float32)


CELLS = CONVENTION @ np.array([[10.0, 0, 0, 4.5], [0, 10.0, 0, 4.5], [0, 0, 1, 0], [0, 0, 0, 1]])
"""Cells of 10 x 10 pixels, edge to edge with an image in the 3D-GMIC convention."""


def run(*arguments: Path | str) -> int:
    return main(["compare", *map(str, arguments)])


def table(folder: Path, name: str = "metrics.csv") -> Rows:
    with (folder / name).open(newline="") as file:
        return {(r["image"], r.get("label", ""), r["class"]): r for r in csv.DictReader(file)}


def lines(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def check(row: dict[str, str], a: np.ndarray, m: np.ndarray) -> None:
    """Compare a row with the same figures by numpy and scikit-learn, to 1e-6."""
    for ending, values, mask in (("", a.max(axis=0), m.any(axis=0)), ("_3d", a, m)):
        if ending and len(a) == 1:
            assert [row[name + ending] for name in FIGURES] == [""] * 8
            continue
        v, y = values.astype(np.float64).ravel(), mask.ravel()
        dice = {t: 2 * ((v >= t) & y).sum() / ((v >= t).sum() + y.sum()) for t in np.unique(v)}
        best = max(dice, key=lambda t: (dice[t], t))
        expected = {
            "dice_soft": 2 * (v * y).sum() / (v.sum() + y.sum()), "dice_max": dice[best], "dice_max_threshold": best,
            "iou_max": dice[best] / (2 - dice[best]), "pxap": average_precision_score(y, v),
            "pixel_auc": roc_auc_score(y, v), "pointing_hit": float(y[v == v.max()].any()),
        }  # fmt: skip
        for name, value in expected.items():
            assert float(row[name + ending]) == pytest.approx(value, abs=1e-6), name + ending


def test_a_folder_of_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, name in enumerate(("one", "two", "three")):
        save(tmp_path / "maps" / f"{name}_malignant.nii.gz", cells(seed=seed), CELLS)
        save(tmp_path / "masks" / f"{name}_seg.nii.gz", labels(seed=seed))
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out/metrics.csv").read_text().splitlines()[0] == HEADER
    rows = table(tmp_path / "out")
    assert sorted(rows) == [(n, k, "malignant") for n in ("one", "three", "two") for k in ("1", "2")]
    for seed, name in enumerate(("one", "two", "three")):
        a = np.repeat(np.repeat(cells(seed=seed), 10, axis=1), 10, axis=2)
        for label in (1, 2):
            row = rows[name, str(label), "malignant"]
            check(row, a, labels(seed=seed) == label)
            assert (row["patch_coverage"], row["patch_coverage_3d"]) == ("", "")
        check(table(tmp_path / "out", "images.csv")[name, "", "malignant"], a, labels(seed=seed) > 0)
    summary = {
        (r["class"], r["figure"]): r for r in csv.DictReader((tmp_path / "out/summary.csv").read_text().splitlines())
    }
    pxap = [float(r["pxap"]) for r in table(tmp_path / "out", "images.csv").values()]
    own = summary["malignant", "pxap"]
    assert (float(own["mean"]), float(own["sd"])) == pytest.approx((np.mean(pxap), np.std(pxap, ddof=1)))
    assert float(own["low"]) <= np.mean(pxap) <= float(own["high"])
    said = capsys.readouterr()
    assert "3 images compared, 0 files or images not" in said.out
    page = (tmp_path / "out/report.html").read_text()
    assert page.count('src="data:image/png;base64,') == 3
    assert "Mean ± SD over images with a lesion, as in Table V" in page
    assert re.search(r"(src|href)=\"(?!data:)", page) is None, "nothing outside of the page"


def test_mirrored_maps_and_masks_in_any_order(tmp_path: Path) -> None:
    """The maps of right breasts are mirrored against their images; the masks were saved by a program that likes RAS."""
    expected = {}
    (tmp_path / "masks").mkdir()
    for k, (orientation, slices) in enumerate(product(ORIENTATIONS, (1, 3))):
        window = NetworkWindow(orientation, (60, 50), 0.0, 0.0, *orientation.shape(60, 50))
        to_stored = window.saliency_to_stored((6, 5))
        to_lps = stored_to_patient((0.2, 0.1), 1.0 if slices > 1 else None, None)
        to_lps[:3, 3] = (7.0, -30.0, 12.0)
        save(tmp_path / f"maps/x{k}.nii.gz", cells(slices, k), nifti_affine(to_lps, to_stored))
        mask = nibabel.Nifti1Image(np.ascontiguousarray(labels(slices, k).T), nifti_affine(to_lps))
        nibabel.save(nibabel.as_closest_canonical(mask), tmp_path / f"masks/x{k}.nii.gz")
        r, c = np.mgrid[:60, :50]
        pixels = np.stack([r, c, np.ones_like(r)])
        at = np.floor(np.einsum("ij,jrc->irc", np.linalg.inv(to_stored.matrix), pixels)[:2] + 0.5 + 1e-6).astype(int)
        expected[k] = cells(slices, k)[:, at[0], at[1]], labels(slices, k)
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    rows = table(tmp_path / "out")
    assert len(expected) == 16
    for k, (big, drawn) in expected.items():
        for label in np.unique(drawn)[1:]:
            check(rows[f"x{k}", str(label), "malignant"], big, drawn == label)


def test_classes_of_labels(tmp_path: Path) -> None:
    save(tmp_path / "maps/x_malignant.nii.gz", cells(seed=1), CELLS)
    save(tmp_path / "maps/x_benign.nii.gz", cells(seed=2), CELLS)
    save(tmp_path / "maps/y_benign.nii.gz", cells(seed=3), CELLS)
    empty = labels()
    empty[empty == 1] = 0
    save(tmp_path / "masks/x_seg.nii.gz", labels())
    save(tmp_path / "masks/y_seg.nii.gz", np.where(empty == 2, 7, empty))
    (tmp_path / "labels.toml").write_text('1 = "malignant"\n2 = "benign"\n')
    assert run(tmp_path / "maps", tmp_path / "masks", "--map", tmp_path / "labels.toml", "--out", tmp_path / "out") == 0
    rows = table(tmp_path / "out")
    up = {seed: np.repeat(np.repeat(cells(seed=seed), 10, axis=1), 10, axis=2) for seed in (1, 2)}
    check(rows["x", "1", "malignant"], up[1], labels() == 1)
    check(rows["x", "2", "benign"], up[2], labels() == 2)
    absent = rows["y", "2", "benign"]
    assert set(list(absent.values())[3:]) == {""}, "no lesion of the class: every cell is empty"
    summary = {
        (r["class"], r["figure"]): r for r in csv.DictReader((tmp_path / "out/summary.csv").read_text().splitlines())
    }
    assert summary["benign", "pxap"]["images"] == "1"
    assert summary["benign", "pxap"]["mean"] == rows["x", "2", "benign"]["pxap"]
    assert (tmp_path / "out/not_compared.csv").read_text() == (
        "file or image,reason\ny (malignant),it has no malignant saliency\n"
    )
    assert "label 7 has no class and does not count" in (tmp_path / "out/report.html").read_text()


def test_masks_as_pictures(tmp_path: Path) -> None:
    """The classes stand in the names, as in the sample data of GMIC."""
    save(tmp_path / "maps/0_R-CC_malignant.nii.gz", cells(1, seed=1), CELLS)
    save(tmp_path / "maps/0_R-CC_benign.nii.gz", cells(1, seed=2), CELLS)
    (tmp_path / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "masks/0_R-CC_benign.png"), np.uint8(255) * (labels(1)[0] == 1))
    cv2.imwrite(str(tmp_path / "masks/0_R-CC.png"), np.full((60, 50), 9, np.uint8))
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    rows = table(tmp_path / "out")
    assert list(rows) == [("0_R-CC", "255", "benign")]
    check(rows["0_R-CC", "255", "benign"], np.repeat(np.repeat(cells(1, seed=2), 10, 1), 10, 2), labels(1) == 1)


def test_full_resolution_and_no_stated_place(tmp_path: Path) -> None:
    """nibabel's identity for both; a map of cells that says nothing is laid from edge to edge, with a note."""
    full = np.random.default_rng(0).random((3, 60, 50)).round(3).astype(np.float32)
    save(tmp_path / "maps/full.nii.gz", full, np.eye(4))
    save(tmp_path / "maps/cells.nii.gz", cells(), np.eye(4))
    for name in ("full", "cells"):
        save(tmp_path / f"masks/{name}.nii.gz", labels(), np.eye(4))
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    check(table(tmp_path / "out")["full", "1", "malignant"], full, labels() == 1)
    check(
        table(tmp_path / "out")["cells", "1", "malignant"], np.repeat(np.repeat(cells(), 10, 1), 10, 2), labels() == 1
    )
    assert "laid over the segmentation from edge to edge" in (tmp_path / "out/report.html").read_text()


def test_what_does_not_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = np.diag([-0.1, -0.1, 1.0, 1.0])
    mirrored = np.diag([0.1, -0.1, 1.0, 1.0])
    full = np.repeat(np.repeat(cells(), 10, 1), 10, 2)
    for name in ("good", "side", "shape", "slices", "nan", "text"):
        save(tmp_path / f"maps/{name}.nii.gz", full, place)
    gaps = full.copy()
    gaps[0, 0, 0] = np.nan
    save(tmp_path / "maps/nan.nii.gz", gaps, place)
    save(tmp_path / "masks/good.nii.gz", labels(), place)
    save(tmp_path / "masks/side.nii.gz", labels(), mirrored)
    save(tmp_path / "masks/shape.nii.gz", np.zeros((3, 9, 9), np.uint8), np.diag([5.0, 5.0, 1.0, 1.0]))
    save(tmp_path / "masks/slices.nii.gz", labels(2), place)
    save(tmp_path / "masks/nan.nii.gz", labels(), place)
    (tmp_path / "masks/text.nii.gz").write_text("nothing")
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    assert sorted({image for image, _, _ in table(tmp_path / "out")}) == ["good"]
    reasons = dict(csv.reader((tmp_path / "out/not_compared.csv").read_text().splitlines()))
    assert reasons["side.nii.gz"] == (
        "They have the same size, but not the same place in space: --same-size compares them voxel by voxel. "
        "Segmentation: 50 x 60 pixels x 3 slices, 0.1 x 0.1 x 1 mm, first voxel at (0.0, 0.0, 0.0) mm LPS, columns to "
        "R, rows to P, slices to H. Saliency: 50 x 60 pixels x 3 slices, 0.1 x 0.1 x 1 mm, first voxel at (0.0, 0.0, "
        "0.0) mm LPS, columns to L, rows to P, slices to H."
    )
    assert reasons["shape.nii.gz"].startswith("The saliency and the segmentation do not lie on each other.")
    assert reasons["slices.nii.gz"].startswith("The saliency and the segmentation do not lie on each other.")
    assert "it holds values that are no numbers (NaN); make the saliency again" in reasons["nan"]
    assert reasons["text.nii.gz"].startswith("text.nii.gz cannot be used: it is damaged, cut off, or not what")
    said = capsys.readouterr()
    assert "1 images compared, 5 files or images not" in said.out
    assert "not compared: side.nii.gz: They have the same size" in said.err
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "again", "--same-size") == 0
    check(table(tmp_path / "again")["side", "1", "malignant"], full, labels() == 1)


def test_results_of_predict(tmp_path: Path) -> None:
    """Maps and patches through results.json; a mask of the same size without a place is refused, or taken if asked."""
    window = NetworkWindow(ORIENTATIONS[1], (60, 50), 0.0, 0.0, 60, 50)
    to_stored = window.saliency_to_stored((6, 5))
    to_lps = stored_to_patient((0.1, 0.1), 1.0, None)
    to_lps[:3, 3] = (20.0, 0.0, -5.0)
    patch = {"slice": 1, "row0": 0, "col0": 0, "row1": 60, "col1": 50, "attention": 1.0, "weights": "w"}
    files = {}
    for k, name in enumerate(("benign", "malignant")):
        files[name] = f"saliency/1.2.3_{name}.nii.gz"
        save(tmp_path / "r" / files[name], cells(seed=k), nifti_affine(to_lps, to_stored))
    entry = {
        "image_index": "1.2.3", "sop_uid": "1.2.3", "study_uid": "9", "modality": "DBT", "laterality": "R",
        "view": "CC", "patches": [patch], "saliency": {"to_stored": to_stored.matrix.tolist(), "files": files},
    }  # fmt: skip
    (tmp_path / "r/results.json").write_text(json.dumps({"images": [entry]}))
    (tmp_path / "r/SIMULATED.txt").write_text("")
    save(tmp_path / "m/R-CC_DBT_truth.nii.gz", labels(), nifti_affine(to_lps))
    assert run(tmp_path / "r", tmp_path / "m", "--out", tmp_path / "out") == 0
    row = table(tmp_path / "out")["1.2.3", "1", "malignant"]
    big = np.repeat(np.repeat(cells(seed=1), 10, 1), 10, 2)[:, :, ::-1]
    check(row, big, labels() == 1)
    assert (row["patch_coverage"], row["patch_coverage_3d"]) == ("1", "1")
    assert table(tmp_path / "out")["1.2.3", "2", "malignant"]["patch_coverage_3d"] == "0", "it lies on another slice"
    assert SIMULATED in (tmp_path / "out/report.html").read_text()
    froc = list(csv.DictReader((tmp_path / "out/froc.csv").read_text().splitlines()))
    assert {row["candidates"] for row in froc} == {"peaks", "patches"}
    save(tmp_path / "m/R-CC_DBT_truth.nii.gz", labels())
    assert run(tmp_path / "r", tmp_path / "m", "--out", tmp_path / "two") == 1
    reasons = dict(csv.reader((tmp_path / "two/not_compared.csv").read_text().splitlines()))
    assert reasons["R-CC_DBT_truth.nii.gz"].startswith("They have the same size, but not the same place in space")
    assert run(tmp_path / "r", tmp_path / "m", "--out", tmp_path / "three", "--same-size") == 0
    check(table(tmp_path / "three")["1.2.3", "1", "malignant"], big, labels() == 1)


def test_a_mask_without_a_lesion(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "maps/x.nii.gz", cells(), CELLS)
    save(tmp_path / "masks/x.nii.gz", np.zeros((3, 60, 50), np.uint8))
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out/metrics.csv").read_text().splitlines()[1] == "x,,malignant" + "," * 16
    assert (tmp_path / "out/summary.csv").read_text() == "class,figure,images,mean,sd,low,high\n"
    assert "nothing can be averaged" in (tmp_path / "out/report.html").read_text()
    assert "FAUC" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("gone", "masks"), "is no folder; give the folder with the saliency files"),
        (("maps", "gone"), "is no folder; give the folder with the segmentations"),
        (("maps", "masks", "--bootstrap", "0"), "--bootstrap must be 1 or more, not 0."),
        (("maps", "masks", "--map", "gone.toml"), "gone.toml cannot be read"),
    ],
)
def test_wrong_usage(
    arguments: tuple[str, ...], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "maps/x.nii.gz", cells(), CELLS)
    save(tmp_path / "masks/x.nii.gz", labels())
    assert run(*arguments, "--out", "out") == 1
    assert reason in capsys.readouterr().err


@pytest.mark.needs_shared
def test_mini_mias_circles(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(shared / "data/mini-mias")
    only = ["--only", "mdb001", "mdb003", "mdb005", "mdb028", "mdb059"]
    assert main(["labels", "mini-mias", folder, "--out", str(tmp_path / "mias"), "--images", *only]) == 0
    said = capsys.readouterr()
    assert "4 label maps in " in said.out
    assert "3 with a finding" in said.out
    assert "left out, because their findings have no circle: mdb059" in said.err
    mask = cv2.imread(str(tmp_path / "mias/labels/mdb028_L-MLO_seg.png"), cv2.IMREAD_UNCHANGED)
    rows, columns = np.nonzero(mask)
    assert (mask.shape, np.unique(mask).tolist()) == ((1024, 1024), [0, 2])
    assert (rows.mean(), columns.mean()) == pytest.approx((1023 - 314, 338))  # mdb028 F CIRC M 338 314 56
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (112, 112)
    assert not cv2.imread(str(tmp_path / "mias/labels/mdb003_R-MLO_seg.png")).any()
    for name in ("mdb001_R-MLO", "mdb005_R-MLO", "mdb028_L-MLO"):
        drawn = cv2.imread(str(tmp_path / f"mias/labels/{name}_seg.png"), cv2.IMREAD_UNCHANGED)
        for class_name, label in (("benign", 1), ("malignant", 2)):
            save(tmp_path / f"maps/{name}_{class_name}.nii.gz", (drawn == label)[None].astype(np.float32))
    mias = tmp_path / "mias"
    assert run(tmp_path / "maps", mias / "labels", "--map", mias / "labels.toml", "--out", tmp_path / "out") == 0
    rows_of = table(tmp_path / "out")
    for key in (("mdb001_R-MLO", "1", "benign"), ("mdb028_L-MLO", "2", "malignant")):
        assert [rows_of[key][name] for name in FIGURES[:7]] == ["1"] * 7
    assert main(["labels", "mini-mias", folder, "--out", str(tmp_path / "x"), "--only", "mdb999"]) == 1
    assert "Info.txt does not name mdb999; names are like mdb001." in capsys.readouterr().err
