"""Whole folders through the command: truth and its mirror image on simulated breasts, and awkward input."""

from __future__ import annotations

import csv
import shutil
import unicodedata
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
import SimpleITK

from gmic_core.cli import main
from gmic_core.comparison.classes import ClassMap, read_class_map
from gmic_core.comparison.folder import Asked, classes_text, compare_folder, paired, write_folder
from gmic_core.comparison.measures import FIGURES
from gmic_core.phantom.exam import write_exam
from gmic_core.segmentation.files import SegmentationReader
from gmic_core.types import Finding
from tests.core.comparison.test_compare_command import CELLS, CONVENTION, cells, check, labels, run, save, table
from tests.helpers.small_exams import small_exam
from tests.helpers.truth_results import mirrored, write_results

TABLES = {"metrics.csv", "images.csv", "summary.csv", "froc.csv", "not_compared.csv", "report.html"}


@pytest.fixture(scope="module")
def exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two exams whose files have the same names: findings in the right breast of one, the left of the other."""
    folder = tmp_path_factory.mktemp("exams")
    for seed in (4, 3):
        write_exam(small_exam(seed, ("malignant-mass", "benign-cyst")), folder)
    (folder / "labels.toml").write_text('1 = "malignant"\n2 = "benign"\n')
    return folder


def drawn_on(exams: Path) -> dict[str, np.ndarray]:
    """Return the projected truth of each image by SOP UID."""
    import pydicom

    found = {}
    for path in exams.glob("*/*_truth.nii.gz"):
        uid = pydicom.dcmread(
            path.with_name(path.name.replace("_truth.nii.gz", ".dcm")), specific_tags=["SOPInstanceUID"]
        )
        found[str(uid.SOPInstanceUID)] = np.asarray(nibabel.load(path).dataobj).T
    return found


def folders(exams: Path) -> list[Path]:
    return sorted(path for path in exams.iterdir() if path.is_dir())


def test_the_truth_has_figures_of_one_on_both_sides_views_and_all_modalities(exams: Path, tmp_path: Path) -> None:
    names = write_results(folders(exams), tmp_path / "r")
    assert len(names) == 24
    assert {name.split("_")[1] for name in names} == {"DBT", "FFDM", "S2D"}
    assert run(tmp_path / "r", exams, "--map", exams / "labels.toml", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out/not_compared.csv").read_text() == "file or image,reason\n"
    rows = table(tmp_path / "out")
    assert len(rows) == 48
    truths = drawn_on(exams)
    shown = 0
    for (image, label, _), row in rows.items():
        there = bool((truths[image] == int(label)).any())
        shown += there
        volume = len(truths[image]) > 1
        assert [row[name] for name in FIGURES] == (["1"] * 8 if there else [""] * 8)
        assert [row[f"{name}_3d"] for name in FIGURES] == (["1"] * 8 if there and volume else [""] * 8)
    assert shown == 24, "both findings in every image of one breast of each exam"
    summary = list(csv.DictReader((tmp_path / "out/summary.csv").read_text().splitlines()))
    assert {(row["mean"], row["sd"], row["low"], row["high"]) for row in summary} == {("1", "0", "1", "1")}


def test_the_mirror_image_of_the_truth_finds_nothing(exams: Path, tmp_path: Path) -> None:
    write_results(folders(exams), tmp_path / "r", mirrored)
    assert run(tmp_path / "r", exams, "--map", exams / "labels.toml", "--out", tmp_path / "out") == 0
    truths, checked = drawn_on(exams), 0
    for (image, label, _), row in table(tmp_path / "out").items():
        mask = truths[image] == int(label)
        if not mask.any():
            continue
        checked += 1
        for ending, own in (("", mask.any(axis=0)), ("_3d", mask))[: 2 if len(mask) > 1 else 1]:
            assert not (own & own[..., ::-1]).any(), "the finding lies on one side of the image"
            share = own.mean()
            assert row[f"dice_soft{ending}"] == "0"
            assert row[f"pointing_hit{ending}"] == "0"
            # Dice is 0 at every threshold above 0: the best one is 0, where every pixel is marked
            assert row[f"dice_max_threshold{ending}"] == "0"
            assert float(row[f"dice_max{ending}"]) == pytest.approx(2 * share / (1 + share), abs=1e-8)
            assert float(row[f"pxap{ending}"]) == pytest.approx(share, abs=1e-8)
            assert float(row[f"pixel_auc{ending}"]) == pytest.approx((1 - 2 * share) / (1 - share) / 2, abs=1e-8)
    assert checked == 24


def test_results_of_one_exam_take_nothing_from_another(exams: Path, tmp_path: Path) -> None:
    """All exams call their files alike; the DICOM image beside a segmentation says whose it is."""
    first, second = folders(exams)
    write_results([first], tmp_path / "r")
    assert run(tmp_path / "r", second, "--out", tmp_path / "out") == 1
    reasons = [row["reason"] for row in csv.DictReader((tmp_path / "out/not_compared.csv").read_text().splitlines())]
    assert reasons.count("there is no saliency of the image that lies beside it; predict that image too") == 12
    assert run(tmp_path / "r", exams, "--out", tmp_path / "all") == 0
    assert len({image for image, _, _ in table(tmp_path / "all", "images.csv")}) == 12


def test_masks_of_the_wrong_side(exams: Path, tmp_path: Path) -> None:
    """The left breast's map under the right one's name, and maps whose files say that they are mirrored: refused."""
    exam = folders(exams)[0]
    write_results([exam], tmp_path / "r", side="R")
    (tmp_path / "m").mkdir()
    shutil.copy(exam / "L-MLO_DBT_truth.nii.gz", tmp_path / "m/R-MLO_DBT_truth.nii.gz")
    shutil.copy(exam / "L-CC_S2D_truth.nii.gz", tmp_path / "m")
    for name in ("R-CC_FFDM", "R-MLO_FFDM", "R-CC_S2D"):
        flat = nibabel.load(exam / f"{name}_truth.nii.gz")
        other = nibabel.Nifti1Image(flat.dataobj, flat.affine @ np.diag([-1.0, 1, 1, 1]))
        nibabel.save(other, tmp_path / f"m/{name}_truth.nii.gz")
    assert run(tmp_path / "r", tmp_path / "m", "--out", tmp_path / "out") == 1
    reasons = dict(csv.reader((tmp_path / "out/not_compared.csv").read_text().splitlines()))
    for name in ("R-MLO_DBT", "R-CC_FFDM", "R-MLO_FFDM", "R-CC_S2D"):
        reason = reasons[f"{name}_truth.nii.gz"]
        assert reason.startswith("They have the same size, but not the same place in space: --same-size compares them")
        assert "Segmentation: " in reason
        assert " Image" in reason, "both geometries are told"
    assert reasons["L-CC_S2D_truth.nii.gz"].startswith("no saliency goes by this name")


def test_names_with_blanks_and_accents_in_any_encoding(tmp_path: Path) -> None:
    name = "Ärztin 1 R-CC"
    save(tmp_path / "maps" / f"{unicodedata.normalize('NFC', name)} malignant.nii.gz", cells(), CELLS)
    save(tmp_path / "masks" / "a b" / f"{unicodedata.normalize('NFD', name)}_seg.nii.gz", labels())
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out é") == 0
    row = table(tmp_path / "out é")[name, "1", "malignant"]
    check(row, np.repeat(np.repeat(cells(), 10, axis=1), 10, axis=2), labels() == 1)


def test_headers_and_data_in_two_files(tmp_path: Path) -> None:
    """``.mhd`` with ``.raw``: the data file is no segmentation of its own."""
    (tmp_path / "masks").mkdir()
    save(tmp_path / "maps/x.nii.gz", cells(), CELLS)
    image = SimpleITK.GetImageFromArray(labels())
    SimpleITK.WriteImage(image, str(tmp_path / "masks/x_seg.mhd"))
    assert (tmp_path / "masks/x_seg.raw").is_file()
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    check(table(tmp_path / "out")["x", "1", "malignant"], np.repeat(np.repeat(cells(), 10, 1), 10, 2), labels() == 1)
    assert (tmp_path / "out/not_compared.csv").read_text() == "file or image,reason\n"


def test_two_segmentations_of_one_image_are_one(tmp_path: Path) -> None:
    """Drawn by two annotators: what either has drawn is lesion, and what overlaps is one lesion."""
    first, second = np.zeros((3, 60, 50), np.uint8), np.zeros((3, 60, 50), np.uint8)
    first[1, 10:20, 10:20] = 1
    second[1, 15:25, 10:20] = 1
    second[2, 50:55, 40:45] = 1
    save(tmp_path / "maps/x.nii.gz", cells(), CELLS)
    save(tmp_path / "masks/x_seg.nii.gz", first)
    save(tmp_path / "masks/x_seg2.nii.gz", second)
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    big = np.repeat(np.repeat(cells(), 10, axis=1), 10, axis=2)
    check(table(tmp_path / "out")["x", "1", "malignant"], big, (first | second) == 1)
    asked = Asked(tmp_path / "maps", tmp_path / "masks")
    with SegmentationReader() as reader:
        found = compare_folder(asked, paired(asked), reader)
    assert [len(mark.targets) for mark in found.batch.marks] == [2]


def test_a_map_that_would_be_stretched_unevenly_is_doubted(tmp_path: Path) -> None:
    """A map of the network's window, 66 x 41 cells, over an image of another shape."""
    rng = np.random.default_rng(0)
    for name, shape in (("window", (66, 41)), ("whole", (77, 63))):
        save(tmp_path / f"maps/{name}.nii.gz", rng.random((1, *shape)).astype(np.float32), np.eye(4))
        drawn = np.zeros((1, 2457, 1996), np.uint8)
        drawn[0, 100:200, 100:200] = 1
        save(tmp_path / f"masks/{name}.nii.gz", drawn, np.eye(4))
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    page = (tmp_path / "out/report.html").read_text()
    assert page.count("which stretches a cell to 48.7 x 37.2 pixels. If it covers only a part of the image") == 1
    assert page.count("from edge to edge.</td>") == 1


def test_results_of_several_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first model", "second"):
        (tmp_path / "r" / name).mkdir(parents=True)
        (tmp_path / "r" / name / "results.json").write_text('{"images": []}')
    save(tmp_path / "m/x_seg.nii.gz", labels())
    assert run(tmp_path / "r", tmp_path / "m", "--out", tmp_path / "out") == 1
    assert "holds the results of 2 runs (first model, second) in folders of their own; compare one at a time." in (
        capsys.readouterr().err
    )


def test_one_folder_for_both_and_folders_in_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "r/x_malignant.nii.gz", cells(), CELLS)
    save(tmp_path / "r/masks/x_seg.nii.gz", labels())
    assert run(tmp_path / "r", tmp_path / "r", "--out", tmp_path / "no") == 1
    assert "keep the segmentations in a folder of their own" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    assert run(tmp_path / "r", tmp_path / "r/masks", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out/not_compared.csv").read_text() == "file or image,reason\n"
    save(tmp_path / "m/results/x_malignant.nii.gz", cells(), CELLS)
    save(tmp_path / "m/x_seg.nii.gz", labels())
    assert run(tmp_path / "m/results", tmp_path / "m", "--out", tmp_path / "out2") == 0
    assert (tmp_path / "out2/not_compared.csv").read_text() == "file or image,reason\n"


def test_unreadable_and_doubled_files_leave_the_rest_alone(tmp_path: Path) -> None:
    save(tmp_path / "maps/good.nii.gz", cells(), CELLS)
    save(tmp_path / "maps/twice.nii.gz", cells(), CELLS)
    save(tmp_path / "maps/twice_malignant.nii.gz", cells(), CELLS)
    (tmp_path / "maps/broken.nii.gz").write_bytes(b"\x1f\x8b" + bytes(40))
    (tmp_path / "maps/folder.nii.gz").mkdir()
    for name in ("good", "twice", "broken", "lonely"):
        save(tmp_path / f"masks/{name}_seg.nii.gz", labels())
    cv2.imwrite(str(tmp_path / "masks/good.png"), np.zeros((60, 50), np.uint8))
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "out") == 0
    assert {image for image, _, _ in table(tmp_path / "out")} == {"good"}
    reasons = dict(csv.reader((tmp_path / "out/not_compared.csv").read_text().splitlines()))
    assert set(reasons) == {
        "file or image", "twice.nii.gz", "twice_malignant.nii.gz", "twice_seg.nii.gz", "broken", "lonely_seg.nii.gz",
        "good.png",
    }  # fmt: skip
    assert reasons["broken"].startswith("broken.nii.gz cannot be used:")


def test_the_map_is_told_in_words(tmp_path: Path) -> None:
    path = tmp_path / "labels.toml"
    path.write_text('malignant = [3, 1]\n2 = "benign"\n7 = "ignore"\n')
    expected = "label 2 benign; label 7 not counted; labels 1, 3 malignant; other labels do not count"
    assert classes_text(read_class_map(path)) == expected
    assert classes_text(ClassMap({2: Finding.BENIGN}, None)) == "label 2 benign; other labels do not count"
    assert classes_text(None) == "every label is malignant"


def test_a_folder_is_the_same_however_it_was_asked_for(tmp_path: Path) -> None:
    """What the window saves is what the command writes, byte by byte."""
    for seed, name in enumerate(("one", "two")):
        save(tmp_path / "maps" / f"{name}.nii.gz", cells(seed=seed), CELLS)
        save(tmp_path / "masks" / f"{name}_seg.nii.gz", labels(seed=seed), CONVENTION)
    assert run(tmp_path / "maps", tmp_path / "masks", "--out", tmp_path / "a") == 0
    asked = Asked(tmp_path / "maps", tmp_path / "masks")
    with SegmentationReader() as reader:
        write_folder(tmp_path / "b", compare_folder(asked, paired(asked), reader))
    assert {path.name for path in (tmp_path / "a").iterdir()} == TABLES
    for name in TABLES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


@pytest.mark.needs_shared
@pytest.mark.slow
def test_mini_mias_from_circles_to_figures(shared: Path, tmp_path: Path) -> None:
    """The documented path: label maps and films, a network of random weights, the comparison."""
    only = ["--only", "mdb001", "mdb028", "mdb003"]
    mias = tmp_path / "mias"
    assert main(["labels", "mini-mias", str(shared / "data/mini-mias"), "--out", str(mias), "--images", *only]) == 0
    results = ["--model", "gmic2d", "--weights", "random:0", "--out", str(tmp_path / "results"), "--device", "cpu"]
    assert main(["predict", str(mias / "images"), *results]) == 0
    arguments = (tmp_path / "results", mias / "labels", "--map", mias / "labels.toml", "--out", tmp_path / "out")
    assert run(*arguments) == 0
    rows = table(tmp_path / "out")
    assert {image for image, _, _ in rows} == {"mdb001_R-MLO", "mdb003_R-MLO", "mdb028_L-MLO"}
    assert (tmp_path / "out/not_compared.csv").read_text() == "file or image,reason\n"
    for image, label, word in (("mdb001_R-MLO", "1", "benign"), ("mdb028_L-MLO", "2", "malignant")):
        row = rows[image, label, word]
        assert all(0.0 <= float(row[name]) <= 1.0 for name in FIGURES)
        assert row["dice_soft_3d"] == ""
        assert 0.0 < float(row["pxap"]) < 1.0
    assert set(list(rows["mdb003_R-MLO", "2", "malignant"].values())[3:]) == {""}
    assert "untrained" in (tmp_path / "out/report.html").read_text().lower()
