"""Written label maps: read again by SimpleITK, by nibabel and by this program, voxel- and geometry-identical."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from gmic_core.errors import SegmentationError
from gmic_core.segmentation.files import SegmentationReader
from gmic_core.segmentation.geometry import VolumeGeometry, all_orders, match
from gmic_core.segmentation.write import WRITTEN, write_labels

VOLUMES = [ending for ending in WRITTEN if ending != ".png"]


@pytest.fixture(scope="module")
def reader() -> Iterator[SegmentationReader]:
    with SegmentationReader() as one:
        yield one


def labels(dtype: type = np.uint8) -> np.ndarray:
    values = np.random.default_rng(1).integers(0, 4, (4, 6, 5)).astype(dtype)
    values[0, 0, 0] = np.iinfo(dtype).max
    return values


def placed(turn: float = 0.0, shape: tuple[int, int, int] = (4, 6, 5)) -> VolumeGeometry:
    matrix = np.eye(4)
    c, s = np.cos(turn), np.sin(turn)
    matrix[:3, 0] = np.array([0.0, 0.0, 1.0]) * 1.5
    matrix[:3, 1] = np.array([-s, c, 0.0]) * 0.2
    matrix[:3, 2] = np.array([c, s, 0.0]) * 0.1
    matrix[:3, 3] = (10.5, -20.25, 3.125)
    return VolumeGeometry(shape, matrix)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("ending", VOLUMES)
def test_round_trip(ending: str, dtype: type, tmp_path: Path, reader: SegmentationReader) -> None:
    path = tmp_path / f"mask{ending}"
    geometry = placed()
    write_labels(path, labels(dtype), geometry)
    read = reader.labels(path)
    np.testing.assert_array_equal(read.labels, labels(dtype))
    np.testing.assert_allclose(read.geometry.to_lps, geometry.to_lps, atol=1e-5)
    image = sitk.ReadImage(str(path))
    assert image.GetPixelIDTypeAsString() == f"{8 * np.dtype(dtype).itemsize}-bit unsigned integer"
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), labels(dtype))
    assert image.GetSpacing() == pytest.approx((0.1, 0.2, 1.5), abs=1e-6)
    assert image.GetOrigin() == pytest.approx((10.5, -20.25, 3.125), abs=1e-6)
    assert sorted(os.listdir(tmp_path)) == [path.name], "nothing is left beside it"


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("order", list(all_orders()), ids=lambda order: order.describe())
def test_every_orientation_survives(ending: str, order, tmp_path: Path, reader: SegmentationReader) -> None:
    """Left-handed ones too: half of all tomosynthesis stacks are."""
    image = placed(turn=0.3)
    stored = order.apply(labels())
    geometry = VolumeGeometry(stored.shape, image.to_lps @ order.inverse().matrix(stored.shape))
    path = tmp_path / f"mask{ending}"
    write_labels(path, np.ascontiguousarray(stored), geometry)
    read = reader.labels(path)
    np.testing.assert_allclose(read.geometry.to_lps, geometry.to_lps, atol=1e-5)
    back = match(read.geometry, image).order
    assert back is not None
    np.testing.assert_array_equal(back.apply(read.labels), labels())
    if ending.startswith(".nii"):
        loaded = nibabel.load(path)
        np.testing.assert_array_equal(np.asarray(loaded.dataobj).T, stored)
        ras = np.diag([-1.0, -1, 1, 1]) @ geometry.to_lps[:, [2, 1, 0, 3]]
        np.testing.assert_allclose(loaded.affine, ras, atol=1e-5)


def test_a_picture(tmp_path: Path, reader: SegmentationReader) -> None:
    path = tmp_path / "mask.png"
    write_labels(path, labels(np.uint16)[:1], VolumeGeometry.of_pixels((1, 6, 5)))
    np.testing.assert_array_equal(reader.labels(path).labels, labels(np.uint16)[:1])


@pytest.mark.parametrize(
    ("name", "geometry", "reason"),
    [
        ("a.png", placed(), "PNG holds one slice; choose .nii.gz for a volume."),
        ("a.gipl", placed(turn=0.3), "GIPL keeps no orientation, and this image is turned in space; choose .nii.gz."),
        ("a.dcm", placed(), "choose one of the endings .nii.gz, .nii, .nrrd, .mha, .gipl.gz, .gipl, .png."),
        ("a.nii", placed(shape=(4, 6, 6)), "(4, 6, 5) labels do not fill (4, 6, 6)."),
    ],
)
def test_what_cannot_be_written(name: str, geometry: VolumeGeometry, reason: str, tmp_path: Path) -> None:
    with pytest.raises(SegmentationError) as refused:
        write_labels(tmp_path / name, labels(), geometry)
    assert str(refused.value) == f"{name} cannot be written: {reason}"
    assert not list(tmp_path.iterdir())


def test_labels_out_of_range(tmp_path: Path) -> None:
    for value in (-1, 65_536):
        with pytest.raises(SegmentationError, match=r"labels go from 0 to 65,535\."):
            write_labels(tmp_path / "a.nii", np.full((4, 6, 5), value), placed())


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SegmentationError, match="choose another folder or ending"):
        write_labels(tmp_path / "file" / "a.nii.gz", labels(), placed())
