"""Label descriptions in any language and encoding; lesions with volume, slices and diameter; circles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from gmic_core.errors import SegmentationError
from gmic_core.segmentation import lesions as lesions_module
from gmic_core.segmentation.circles import Disc, disc_labels
from gmic_core.segmentation.label_descriptions import (
    LabelDescription,
    default_description,
    parse_descriptions,
    read_descriptions,
    write_descriptions,
)
from gmic_core.segmentation.lesions import components, lesions, parts
from gmic_core.types import Finding

LINE = '    2     0  175  255        0.5  1  0    "{}"\n'
NAMES = ["Läsion", "опухоль", "腫瘤", "ورم", "μ-Verkalkung 'fein'", "mass, 3 o'clock #2"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_names_in_any_language(name: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(("# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL\r\n" + LINE.format(name)).encode(encoding))
    (label,) = read_descriptions(path).values()
    assert label == LabelDescription(2, name, (0, 175, 255), 0.5, True, False)


def test_what_old_versions_wrote(tmp_path: Path) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(LINE.format("Läsion").encode("cp1252"))
    assert read_descriptions(path)[2].name == "Läsion"


def test_a_round_trip(tmp_path: Path) -> None:
    labels = [LabelDescription(k, name, (k, 2 * k, 255), 0.25 * k, k % 2 == 0) for k, name in enumerate(NAMES[:4], 1)]
    write_descriptions(tmp_path / "out.txt", labels)
    read = read_descriptions(tmp_path / "out.txt")
    assert [read[label.index] for label in labels] == labels
    assert read[0] == LabelDescription(0, "Clear Label", (0, 0, 0), 0.0, False, False)
    text = (tmp_path / "out.txt").read_bytes().decode("utf-8")
    assert "# ITK-SnAP Label Description File\n" in text
    assert '    2     2    4  255       0.5  1  1    "опухоль"\n' in text


def test_a_name_cannot_break_the_file(tmp_path: Path) -> None:
    write_descriptions(tmp_path / "out.txt", [LabelDescription(1, 'a "b"\n 9 0 0 0 1 1 1 "c"')])
    read = read_descriptions(tmp_path / "out.txt")
    assert sorted(read) == [0, 1]
    assert read[1].name == "a 'b'  9 0 0 0 1 1 1 'c'"


@pytest.mark.needs_shared
@pytest.mark.parametrize(
    ("name", "count", "label"),
    [
        ("MRIcrop-seg.label", 12, LabelDescription(8, "corpus-callosum", (255, 8, 186))),
        ("labels/BIDS_Common_labels.txt", 12, LabelDescription(7, "Lesion", (252, 177, 56))),
        ("labels/BrainColorCombined.txt", None, LabelDescription(4, "3rd Ventricle", (255, 255, 0))),
        ("labels/DKT31.txt", None, LabelDescription(1002, "lh.caudalanteriorcingulate", (125, 100, 160))),
        ("labels/HarvardOxford2Subcortical.txt", None, LabelDescription(3, "CSF", (175, 135, 175))),
        ("labels/Schaefer2018_100Parcels_7Networks.txt", 101,
         LabelDescription(10, "7Networks_LH_SomMot_1", (70, 130, 179))),
    ],
)  # fmt: skip
def test_files_of_itksnap(name: str, count: int | None, label: LabelDescription, shared: Path) -> None:
    read = read_descriptions(shared / "data/itksnap" / name)
    assert read[label.index] == label
    lines = (shared / "data/itksnap" / name).read_text(encoding="utf-8").splitlines()
    assert len(read) == len([line for line in lines if line.strip() and not line.startswith("#")])
    assert count in (None, len(read))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1: there is no label in it"),
        ("# only a comment\n", "line 1: there is no label in it"),
        ('# c\n1 255 0 0 1 1 "x"\n', "line 2: not understood: '1 255 0 0 1 1 \"x\"'"),
        ('1 256 0 0 1 1 1 "x"\n', "line 1: labels go to 65535, colours to 255, transparency from 0 to 1"),
        ('70000 1 0 0 1 1 1 "x"\n', "line 1: labels go to 65535"),
        ('1 1 0 0 1.5 1 1 "x"\n', "line 1: labels go to 65535"),
        ('1 1 0 0 nan 1 1 "x"\n', "line 1: labels go to 65535"),
        ("1 1 0 0 1 1 1 x\n", "line 1: not understood"),
    ],
)
def test_what_is_no_description(text: str, reason: str) -> None:
    with pytest.raises(SegmentationError) as refused:
        parse_descriptions(text)
    assert str(refused.value).startswith(reason)


def test_labels_that_nothing_describes() -> None:
    assert default_description(2) == LabelDescription(2, "Label 2", (0, 255, 0))
    assert default_description(0).name == "Clear Label"


def volume() -> np.ndarray:
    labels = np.zeros((6, 40, 50), np.uint8)
    labels[1:4, 10:15, 20:30] = 3  # 3 x 5 x 10 voxels
    labels[4, 15, 30] = 3  # touches its corner
    labels[5, 0, 0] = 3
    labels[0, 39, 49] = 1
    return labels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_lesions_are_connected_parts(dtype: type) -> None:
    found = lesions(volume().astype(dtype))
    assert [(c.label, c.number, c.slices, c.corner, c.voxels) for c in found] == [
        (1, 1, (0, 1), (39, 49), 1), (3, 1, (1, 5), (10, 20), 151), (3, 2, (5, 6), (0, 0), 1),
    ]  # fmt: skip
    large = found[1]
    assert large.box == (10, 20, 16, 31)
    assert large.centre == pytest.approx((2.01324503, 12.01986755, 24.53642384))
    spacing = (1.0, 0.2, 0.1)
    assert large.volume_mm3(spacing) == pytest.approx(151 * 0.02)
    assert large.diameter_mm(spacing) == pytest.approx(np.hypot(4 * 0.2, 9 * 0.1) + 0.15)
    assert large.equivalent_diameter_mm(spacing) == pytest.approx((6 * 3.02 / np.pi) ** (1 / 3))
    assert found[0].equivalent_diameter_mm((1.0, 0.2, 0.1)) == pytest.approx((4 * 0.02 / np.pi) ** 0.5)
    assert found[0].diameter_mm((1.0, 0.2, 0.1)) == pytest.approx(0.15)


@pytest.mark.parametrize("share", [0.0005, 0.01, 0.04])
def test_a_large_label_has_the_parts_of_a_plain_labelling(share: float) -> None:
    rng = np.random.default_rng(3)
    labels = (rng.random((9, 403, 397)) < share).astype(np.uint8)
    labels[2:6, 100:180, 30:60] = 1
    (part,) = parts(labels)
    assert part.layers.size > lesions_module.SMALL
    numbered, count = ndimage.label(part.layers, np.ones((3, 3, 3)))
    boxes = ndimage.find_objects(numbered)
    found = components(part)
    assert [one.number for one in found] == list(range(1, count + 1))
    for one, box in zip(found, boxes, strict=True):
        k, r, c = (axis.start for axis in box)
        assert (one.slices[0], *one.corner) == (part.slices[0] + k, part.corner[0] + r, part.corner[1] + c)
        assert np.array_equal(one.layers, numbered[box] == one.number)


def test_a_ball_of_ten_millimetres() -> None:
    spacing = (1.0, 0.1, 0.1)
    k, r, c = np.ogrid[-7:8, -60:61, -60:61]
    ball = ((k * spacing[0]) ** 2 + (r * spacing[1]) ** 2 + (c * spacing[2]) ** 2 <= 25.0).astype(np.uint8)
    (lesion,) = lesions(ball)
    assert lesion.diameter_mm(spacing) == pytest.approx(10.1, abs=0.01)
    assert lesion.equivalent_diameter_mm(spacing) == pytest.approx(10.0, rel=0.01)
    assert lesion.volume_mm3(spacing) == pytest.approx(4 / 3 * np.pi * 125, rel=0.02)
    assert lesion.slices == (2, 13)


def test_parts_keep_scattered_labels_together() -> None:
    one, three = parts(volume())
    assert (one.label, three.label, three.slices, three.corner) == (1, 3, (1, 6), (0, 0))
    whole = np.zeros((6, 40, 50), bool)
    whole[1:6, 0:16, 0:31] = three.layers
    np.testing.assert_array_equal(whole, volume() == 3)
    assert parts(np.zeros((2, 3, 4), np.uint16)) == ()


def test_circles() -> None:
    labels = disc_labels([Disc(10, 10, 3, Finding.BENIGN), Disc(12, 10, 1, Finding.MALIGNANT)], (20, 20))
    assert labels.shape == (1, 20, 20)
    assert (labels == 2).sum() == 5
    assert (labels > 0).sum() == 29
