"""PNG, NIfTI, NRRD and MetaImage: headers against independent readers, names, refusals."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest

from gmic_core.errors import ExamError
from gmic_core.exam.candidate import Candidate
from gmic_core.exam.raster import raster_suffix, read_raster
from gmic_core.types import Modality
from tests.helpers.breasts import breast, breast_volume
from tests.helpers.raster_files import write_nifti, write_png, write_sitk


def read(path: Path) -> Candidate:
    suffix = raster_suffix(path, path.read_bytes()[:16])
    assert suffix is not None
    return read_raster(path, suffix)


# --- PNG -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint16, 16), (np.uint8, 8)])
def test_png(tmp_path: Path, dtype: type, bits: int) -> None:
    candidate = read(write_png(tmp_path / "7_R-MLO.png", breast(30, 20, bits=8).astype(dtype)))
    image = candidate.image
    assert (image.modality, image.label, image.frames, image.rows, image.columns) == (
        Modality.FFDM, "R-MLO", 1, 30, 20,
    )  # fmt: skip
    assert (image.pixel.bits_allocated, image.pixel.signed, image.source.kind) == (bits, False, "png")
    assert (image.spacing_mm, image.patient_orientation, image.questions) == (None, None, ())
    assert candidate.owner.patient_id == "7"


def test_uid_follows_the_content(tmp_path: Path) -> None:
    first = read(write_png(tmp_path / "a" / "0_L-CC.png", breast(30, 20, 1))).image.sop_uid
    same = read(write_png(tmp_path / "b" / "0_L-CC.png", breast(30, 20, 1))).image.sop_uid
    other = read(write_png(tmp_path / "c" / "0_L-CC.png", breast(30, 20, 2))).image.sop_uid
    side = read(write_png(tmp_path / "d" / "0_R-CC.png", breast(30, 20, 1))).image.sop_uid
    assert first == same
    assert len({first, other, side}) == 3
    assert first.startswith("2.25.")
    assert len(first) <= 64


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("0_R-CC_benign.png", "a segmentation mask of 0_R-CC, not an image"),
        ("1_R-MLO_malignant.PNG", "a segmentation mask of 1_R-MLO, not an image"),
        ("mdb001.png", "the name gives no side and view; name it like 0_L-CC.png or 0_R-MLO.png"),
    ],
)
def test_png_refused_by_name(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ExamError) as caught:
        read(write_png(tmp_path / name, breast(30, 20)))
    assert str(caught.value) == reason


def test_colour_png(tmp_path: Path) -> None:
    with pytest.raises(ExamError, match="a colour picture"):
        read(write_png(tmp_path / "0_L-CC.png", np.zeros((8, 8, 3), np.uint8)))


@pytest.mark.parametrize("keep", [12, 30, 60, 400])
def test_cut_off_png(tmp_path: Path, keep: int) -> None:
    path = write_png(tmp_path / "0_L-CC.png", breast(64, 64))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ExamError, match="copy it again"):
        read(path)


def test_png_bomb(tmp_path: Path) -> None:
    path = write_png(tmp_path / "0_L-CC.png", breast(8, 8))
    data = bytearray(path.read_bytes())
    struct.pack_into(">II", data, 16, 100_000, 100_000)
    path.write_bytes(data)
    with pytest.raises(ExamError, match="more than any breast image"):
        read(path)


# --- NIfTI -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("dtype", ["u2", "i2", "u1", "f4", ">i2"])
def test_nifti_of_the_published_convention(tmp_path: Path, suffix: str, dtype: str) -> None:
    volume = breast_volume(6, 30, 20, bits=8).astype(dtype)
    path = write_nifti(tmp_path / f"12_R-CC{suffix}", volume)
    image = read(path).image
    assert (image.modality, image.label) == (Modality.DBT, "R-CC")
    assert (image.frames, image.rows, image.columns) == (6, 30, 20)
    assert (image.spacing_mm, image.slice_spacing_mm, image.plane) == (None, None, None)
    reference = nibabel.load(path)
    assert np.dtype(image.source.element).newbyteorder("=") == reference.get_data_dtype().newbyteorder("=")
    if suffix == ".nii":
        stored = np.fromfile(path, image.source.element, offset=image.source.pixel_offset).reshape(6, 30, 20)
        assert np.array_equal(stored, volume)
    else:
        assert image.source.pixel_offset is None


def test_nifti_with_spacing(tmp_path: Path) -> None:
    affine = np.diag([-0.1, -0.1, 1.0, 1.0])
    affine[:3, 3] = [5.0, 6.0, 7.0]
    image = read(write_nifti(tmp_path / "0_L-MLO.nii.gz", breast_volume(4, 30, 20), affine)).image
    assert image.spacing_mm == pytest.approx((0.1, 0.1))
    assert image.slice_spacing_mm == 1.0
    assert image.plane is not None
    assert image.plane.origin == pytest.approx((-5.0, -6.0, 7.0))
    assert image.plane.along_columns == pytest.approx((1.0, 0.0, 0.0))
    assert image.plane.along_rows == pytest.approx((0.0, 1.0, 0.0))
    assert image.plane.along_slices == pytest.approx((0.0, 0.0, 1.0))


def test_nifti_2d(tmp_path: Path) -> None:
    image = read(write_nifti(tmp_path / "0_L-MLO.nii", breast(30, 20))).image
    assert (image.modality, image.frames, image.rows, image.columns) == (Modality.FFDM, 1, 30, 20)


def test_nifti_2(tmp_path: Path) -> None:
    path = tmp_path / "0_L-CC.nii"
    nibabel.save(nibabel.Nifti2Image(breast_volume(3, 30, 20).T, np.diag([-0.2, -0.2, 1, 1])), path)
    image = read(path).image
    assert (image.frames, image.rows, image.columns) == (3, 30, 20)
    assert image.spacing_mm == pytest.approx((0.2, 0.2))


def test_signed_nifti_has_its_air_at_zero(tmp_path: Path) -> None:
    image = read(write_nifti(tmp_path / "0_L-CC.nii", breast_volume(3, 30, 20).astype("i2"))).image
    assert (image.pixel.signed, image.pixel.padding) == (True, (-32768, 0))


def test_nifti_4d(tmp_path: Path) -> None:
    path = tmp_path / "0_L-CC.nii"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4, 4), np.uint8), np.eye(4)), path)
    with pytest.raises(ExamError, match="4D"):
        read(path)


@pytest.mark.parametrize(
    ("suffix", "keep"), [(".nii", 10), (".nii", 200), (".nii", 400), (".nii", 2000), (".nii.gz", 10), (".nii.gz", 60)]
)
def test_damaged_nifti(tmp_path: Path, suffix: str, keep: int) -> None:
    path = write_nifti(tmp_path / f"0_L-CC{suffix}", breast_volume(4, 30, 20))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ExamError):
        read(path)


# --- NRRD and MetaImage ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nrrd", ".nhdr", ".mha", ".mhd"])
@pytest.mark.parametrize("compress", [False, True])
def test_sitk_files(tmp_path: Path, suffix: str, compress: bool) -> None:
    path = write_sitk(tmp_path / f"5_L-MLO{suffix}", breast_volume(4, 30, 20), (0.1, 0.2, 1.5), compress=compress)
    image = read(path).image
    assert (image.modality, image.frames, image.rows, image.columns) == (Modality.DBT, 4, 30, 20)
    assert image.spacing_mm == pytest.approx((0.2, 0.1))
    assert image.slice_spacing_mm == pytest.approx(1.5)
    assert set(image.files) == set(tmp_path.iterdir())


def test_metaimage_without_its_raw_file(tmp_path: Path) -> None:
    path = write_sitk(tmp_path / "5_L-MLO.mhd", breast_volume(4, 30, 20))
    (tmp_path / "5_L-MLO.raw").unlink()
    with pytest.raises(ExamError, match=r"the file 5_L-MLO\.raw, are missing"):
        read(path)


def test_metaimage_that_points_elsewhere(tmp_path: Path) -> None:
    path = write_sitk(tmp_path / "5_L-MLO.mhd", breast_volume(4, 30, 20))
    path.write_text(path.read_text().replace("5_L-MLO.raw", "/etc/passwd"))
    with pytest.raises(ExamError, match="another folder"):
        read(path)
