"""Which segmentation belongs to which map, and which label is which class."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gmic_core.comparison.classes import (
    ClassMap,
    format_class_map,
    from_names,
    read_class_map,
    remember,
    remembered,
)
from gmic_core.comparison.sources import maps_of, mask_sources, pair
from gmic_core.errors import SegmentationError
from gmic_core.types import CLASSES, Finding

B, M = Finding.BENIGN, Finding.MALIGNANT


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


def test_maps_of_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "a_benign.nii.gz", "a_malignant.nii.gz", "b.nii", "c_saliency.mha", "d_saliency_benign.nrrd",
          "e_malignant_saliency.nii.gz", "notes.txt", ".hidden/f.nii.gz")  # fmt: skip
    found = {s.image: sorted(CLASSES[f] for f in s.files) for s in maps_of(tmp_path).sources}
    assert found == {
        "a": ["benign", "malignant"], "b": ["malignant"], "c": ["malignant"], "d": ["benign"], "e": ["malignant"],
    }  # fmt: skip


def test_two_maps_of_one_class(tmp_path: Path) -> None:
    touch(tmp_path, "a.nii.gz", "a_malignant.nii.gz")
    touch(tmp_path, "b.nii.gz", "a_benign.nii.gz")
    found = maps_of(tmp_path)
    left = [(s.image, [CLASSES[f] for f in s.files]) for s in found.sources]
    assert left == [("a", ["benign"]), ("b", ["malignant"])]
    reason = "one of several files that are the malignant map of a; keep one of them, or compare one folder at a time"
    assert [(u.name, u.reason) for u in found.unused] == [("a.nii.gz", reason), ("a_malignant.nii.gz", reason)]


def test_pairs_by_name(tmp_path: Path) -> None:
    maps = maps_of(touch(tmp_path / "maps", "a_malignant.nii.gz", "b.nii.gz", "c.nii.gz"))
    masks = mask_sources(
        touch(tmp_path / "masks", "A_seg.nii.gz", "b_truth.nrrd", "b.png", "b_benign.png", "lonely_mask.nii.gz")
    )
    found = pair(maps, masks)
    assert {s.image: [m.path.name for m in own] for s, own in found.pairs} == {
        "a": ["A_seg.nii.gz"], "b": ["b_benign.png", "b_truth.nrrd"],
    }  # fmt: skip
    assert {u.name: u.reason.split(";")[0].split(",")[0] for u in found.unused} == {
        "lonely_mask.nii.gz": "no saliency goes by this name",
        "b.png": "taken for the image itself",
        "c": "no segmentation goes by its name",
    }
    assert [m.finding for m in found.pairs[1][1]] == [B, None]


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    maps = maps_of(touch(tmp_path / "maps", "a.nii.gz"))
    found = pair(maps, mask_sources(touch(tmp_path / "masks", "x/a_seg.nii", "y/a_seg.nii")))
    assert not found.pairs
    assert "several files in different folders have this name" in found.unused[0].reason


def results(folder: Path, *entries: tuple[str, str, str, str], **saliency: object) -> Path:
    """Write a results.json of (image index, side, view, modality)."""
    images = []
    for index, side, view, modality in entries:
        files = {name: f"saliency/{index}_{name}.nii.gz" for name in CLASSES}
        images.append(
            {
                "image_index": index, "sop_uid": f"uid-{index}", "study_uid": "1.2.3", "modality": modality,
                "laterality": side, "view": view, "patches": [],
                "saliency": {"to_stored": [[2.0, 0, 0.5], [0, 2.0, 0.5], [0, 0, 1]], "files": files, **saliency},
            }
        )  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps({"images": images}))
    return folder


def test_dicom_images_go_by_side_view_and_modality(tmp_path: Path) -> None:
    maps = maps_of(
        results(tmp_path / "r", ("1.9", "R", "CC", "DBT"), ("1.8", "R", "CC", "FFDM"), ("1.7", "L", "CC", "DBT"))
    )
    masks = touch(
        tmp_path / "m", "R-CC_DBT_truth.nii.gz", "1.8_seg.nii.gz", "L-MLO_DBT_truth.nii.gz", "uid-1.7_mask.nii.gz"
    )
    found = pair(maps, mask_sources(masks))
    assert {s.image: [m.path.name for m in own] for s, own in found.pairs} == {
        "1.9": ["R-CC_DBT_truth.nii.gz"], "1.8": ["1.8_seg.nii.gz"], "1.7": ["uid-1.7_mask.nii.gz"],
    }  # fmt: skip
    assert [u.name for u in found.unused] == ["L-MLO_DBT_truth.nii.gz"]


def test_a_view_of_two_exams_is_ambiguous(tmp_path: Path) -> None:
    maps = maps_of(results(tmp_path / "r", ("1.9", "R", "CC", "DBT"), ("1.8", "R", "CC", "DBT")))
    found = pair(maps, mask_sources(touch(tmp_path / "m", "R-CC_DBT_truth.nii.gz")))
    assert not found.pairs
    assert found.unused[0].reason.startswith("its name fits several images (1.9, 1.8); name it after one of them")


def test_another_patients_view_is_not_taken(tmp_path: Path) -> None:
    maps = maps_of(results(tmp_path / "r", ("1.9", "R", "CC", "DBT")))
    found = pair(maps, mask_sources(touch(tmp_path / "m", "smith_R-CC_DBT_truth.nii.gz")))
    assert not found.pairs


def test_a_path_in_results_json_leads_nowhere_else(tmp_path: Path) -> None:
    folder = results(tmp_path / "r", ("1.9", "R", "CC", "DBT"), files={n: f"../../etc/{n}.nii.gz" for n in CLASSES})
    (source,) = maps_of(folder).sources
    assert sorted(source.files.values()) == [folder / "saliency" / f"{name}.nii.gz" for name in CLASSES]


@pytest.mark.parametrize("text", ["", "{}", '{"images": [{}]}', '{"images": 5}', "[1, 2"])
def test_damaged_results(text: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(SegmentationError, match=r"cannot be understood .*; predict the images again"):
        maps_of(tmp_path)


def test_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(SegmentationError, match="holds no file that can be compared; give the folder with the segm"):
        mask_sources(tmp_path)
    with pytest.raises(SegmentationError, match="is no folder; give the folder with the saliency files"):
        maps_of(tmp_path / "gone")


@pytest.mark.parametrize(
    "text",
    [
        '1 = "malignant"\n2 = "benign"\n3 = "ignore"\n', '[labels]\n1 = "Malignant"\n2 = "benign"\n3 = "ignore"\n',
        "malignant = [1]\nbenign = 2\nignore = 3\n", "[classes]\nmalignant = 1\nbenign = [2]\nignore = [3]\n",
    ],
)  # fmt: skip
def test_a_map_of_labels(text: str, tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_text(text)
    read = read_class_map(tmp_path / "labels.toml")
    assert read == ClassMap({1: M, 2: B, 3: None}, None)
    assert [read.of(k) for k in (1, 2, 3, 4)] == [M, B, None, None]
    (tmp_path / "again.toml").write_text(format_class_map(read))
    assert read_class_map(tmp_path / "again.toml") == read
    assert read.labels(M) == (1,)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", 'labels.toml names no label; write lines such as 1 = "malignant"'),
        ('1 = "bad"', "labels.toml: 'bad' is no class; write benign, malignant or ignore."),
        ('0 = "benign"', "labels.toml: 0 is no label; labels go from 1 to 65535."),
        ("benign = [99999]", "labels.toml: 99999 is no label"),
        ("benign = [1]\nmalignant = [1]", "labels.toml gives label 1 two classes; keep one of them."),
        ("1 = 2", "labels.toml: '1' is no class"),
        ("benign = true", "labels.toml: benign = True is not understood"),
        ("1 = ", "labels.toml is no TOML file"),
    ],
)
def test_what_is_no_map(text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "labels.toml").write_text(text)
    with pytest.raises(SegmentationError) as refused:
        read_class_map(tmp_path / "labels.toml")
    assert str(refused.value).startswith(reason)


def test_a_map_is_remembered(gmic_home: Path) -> None:
    assert remembered().of(7) is M, "without a map every label is malignant"
    remember(ClassMap().changed(2, B).changed(3, None))
    assert [remembered().of(k) for k in (1, 2, 3)] == [M, B, None]
    assert (gmic_home / "label-classes.toml").is_file()


def test_names_tell_classes() -> None:
    found = from_names({1: "1 malignant-mass", 2: "Benign cyst", 3: "benign or malignant", 4: "nipple"})
    assert [found.of(k) for k in (1, 2, 3, 4)] == [M, B, None, None]
