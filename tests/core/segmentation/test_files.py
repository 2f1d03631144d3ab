"""Segmentations from files: every kind of voxel read right or refused, in a process that may die without harm."""

from __future__ import annotations

import gzip
import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from gmic_core.errors import CancelledError, SegmentationError
from gmic_core.segmentation.files import SegmentationReader

LABELS = np.zeros((3, 4, 5), np.uint8)  # (slices, rows, columns)
LABELS[0, 1, 2], LABELS[2, 3, 4], LABELS[2, 0, 0] = 1, 7, 255


@pytest.fixture(scope="module")
def reader() -> Iterator[SegmentationReader]:
    with SegmentationReader() as one:
        yield one


def nifti(path: Path, values: np.ndarray, affine: np.ndarray | None = None, **header: float) -> Path:
    """Write (slices, rows, columns) as NIfTI with axes (column, row, slice)."""
    image = nibabel.Nifti1Image(values.T, np.diag([-1.0, -1, 1, 1]) if affine is None else affine)
    if header:
        image.header.set_slope_inter(header["slope"], header["inter"])
    nibabel.save(image, path)
    return path


ITKSNAP = {
    "MRIcrop-seg.gipl.gz": ((64, 110, 78), list(range(9))),
    "nan_seg.mha": ((64, 110, 78), [0, 1, 2, 3, 4]),
    "vb-seg.mha": ((299, 633, 640), list(range(9))),
    "nan.mha": "labels are whole numbers: it is an image",
    "img4d_11f.nii.gz": "it has four axes (38 x 35 x 38 x 11); save one time point as a volume of its own.",
    "seg4d_11f.nii.gz": "it has four axes (38 x 35 x 38 x 11); save one time point",
    "seg4d_11f_label1.nii.gz": "it has four axes (38 x 35 x 38 x 11); save one time point",
    "ultrasound_img4d.nii.gz": "it has four axes (56 x 52 x 56 x 3); save one time point",
    "ultrasound_seg4d.nii.gz": "it has four axes (56 x 52 x 56 x 3); save one time point",
    "tensor_rgb.nii.gz": "it has 3 values per voxel (colours or vectors); save a label map",
    "multi_chunk.nii.gz": "it has 2 values per voxel (colours or vectors); save a label map",
    "diffspace.itksnap": "its ending is none of .nii.gz, .nii, .nrrd",
    "echo_cartesian_dummy.dcm": "its ending is none of .nii.gz, .nii, .nrrd",
}


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", ITKSNAP)
def test_files_of_itksnap(name: str, shared: Path, reader: SegmentationReader) -> None:
    path, wanted = shared / "data/itksnap" / name, ITKSNAP[name]
    if isinstance(wanted, str):
        with pytest.raises(SegmentationError, match=name) as refused:
            reader.labels(path)
        assert wanted in str(refused.value)
        return
    read = reader.labels(path)
    assert read.labels.shape == read.geometry.shape == wanted[0]
    assert np.unique(read.labels).tolist() == wanted[1]
    np.testing.assert_array_equal(read.labels, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


@pytest.mark.needs_shared
def test_an_image_of_whole_numbers_is_what_it_is(shared: Path, reader: SegmentationReader) -> None:
    """Nothing in the file says that it is an image; 224 labels are shown, and the annotator sees it."""
    assert len(np.unique(reader.labels(shared / "data/itksnap/MRIcrop-orig.gipl.gz").labels)) == 224


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".gipl", ".gipl.gz"])
def test_every_format(ending: str, tmp_path: Path, reader: SegmentationReader) -> None:
    path = tmp_path / f"mask{ending}"
    image = sitk.GetImageFromArray(LABELS)
    image.SetSpacing((0.1, 0.2, 1.5))
    sitk.WriteImage(image, str(path))
    read = reader.labels(path)
    np.testing.assert_array_equal(read.labels, LABELS)
    assert (read.labels.dtype, read.placed, read.notes) == (np.uint8, True, ())
    assert read.geometry.spacing_mm == pytest.approx((1.5, 0.2, 0.1), abs=1e-6)


@pytest.mark.parametrize("name", ["a.png", "b.PNG", "c.NII.GZ"])
def test_capitals_in_the_ending(name: str, tmp_path: Path, reader: SegmentationReader) -> None:
    if name.endswith("PNG") or name.endswith("png"):
        cv2.imwrite(str(tmp_path / "x.png"), LABELS[2])
        (tmp_path / "x.png").rename(tmp_path / name)
        np.testing.assert_array_equal(reader.labels(tmp_path / name).labels, LABELS[2:3])
    else:
        nifti(tmp_path / "x.nii.gz", LABELS).rename(tmp_path / name)
        np.testing.assert_array_equal(reader.labels(tmp_path / name).labels, LABELS)


@pytest.mark.parametrize(
    ("dtype", "slope", "inter"),
    [(np.int16, 0.5, 0.0), (np.float32, 1 / 3, 0.0), (np.int16, 1.0, -4.0), (np.float64, 0.1, 3.0)],
)
def test_labels_behind_scale_factors(
    dtype: type, slope: float, inter: float, tmp_path: Path, reader: SegmentationReader
) -> None:
    raw = ((LABELS.astype(np.float64) - inter) / slope).astype(dtype)
    path = tmp_path / "scaled.nii.gz"
    image = nibabel.Nifti1Image(np.zeros((5, 4, 3), dtype), np.diag([-1.0, -1, 1, 1]))
    header = bytearray(image.to_bytes()[:352])
    struct.pack_into("<2f", header, 112, slope, inter)
    path.write_bytes(gzip.compress(bytes(header) + np.ascontiguousarray(raw).tobytes()))
    expected = np.rint(raw.astype(np.float64) * slope + inter)
    read = reader.labels(path)
    np.testing.assert_array_equal(read.labels, expected)
    assert read.labels[2, 3, 4] == 7


def test_voxels_without_a_value_are_background(tmp_path: Path, reader: SegmentationReader) -> None:
    values = LABELS.astype(np.float32)
    values[1, 0, :2] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(values), str(tmp_path / "nan.mha"))
    read = reader.labels(tmp_path / "nan.mha")
    np.testing.assert_array_equal(read.labels, LABELS)
    assert read.notes == ("2 voxels have no value (NaN) and count as background.",)
    np.testing.assert_array_equal(reader.labels(nifti(tmp_path / "nan.nii.gz", values)).labels, LABELS)
    with pytest.raises(SegmentationError, match=r"it holds values that are no numbers \(NaN\); make the sal"):
        reader.map(nifti(tmp_path / "nan.nii.gz", values))


def test_sixteen_bits(tmp_path: Path, reader: SegmentationReader) -> None:
    values = LABELS.astype(np.int32)
    values[0, 0, 0] = 65_535
    read = reader.labels(nifti(tmp_path / "wide.nii.gz", values))
    assert (read.labels.dtype, read.labels[0, 0, 0]) == (np.uint16, 65_535)


@pytest.mark.parametrize(
    ("value", "dtype", "reason"),
    [
        (-1, np.int16, "it holds the value -1; labels are whole numbers from 0 to 65,535. Is it an image?"),
        (70_000, np.int32, "it holds the value 70000; ITK-SNAP's labels end at 65,535. Is it an image?"),
        (0.5, np.float32, "it holds the value 0.5, and labels are whole numbers: it is an image, or a segmentation "
         "that was smoothed or resampled. Save it with nearest-neighbour interpolation."),
        (np.inf, np.float32, "it holds infinite values; save it again."),
    ],
)  # fmt: skip
def test_what_is_no_label(value: float, dtype: type, reason: str, tmp_path: Path, reader: SegmentationReader) -> None:
    values = LABELS.astype(dtype)
    values[1, 1, 1] = value
    with pytest.raises(SegmentationError) as refused:
        reader.labels(nifti(tmp_path / "bad.nii.gz", values))
    assert str(refused.value) == f"bad.nii.gz cannot be used: {reason}"


def test_masks_as_pictures(tmp_path: Path, reader: SegmentationReader) -> None:
    grey = np.zeros((6, 5), np.uint16)
    grey[2, 3] = 300
    cv2.imwrite(str(tmp_path / "deep.png"), grey)
    read = reader.labels(tmp_path / "deep.png")
    assert (read.labels[0, 2, 3], read.labels.shape, read.placed) == (300, (1, 6, 5), False)
    assert not read.geometry.stated
    colour = np.zeros((6, 5, 3), np.uint8)
    colour[2, 3] = 255
    cv2.imwrite(str(tmp_path / "grey_in_colour.png"), colour)
    assert reader.labels(tmp_path / "grey_in_colour.png").labels[0].tolist()[2] == [0, 0, 0, 255, 0]
    colour[2, 3] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / "red.png"), colour)
    with pytest.raises(SegmentationError, match="it is a colour picture, and no colour says which label it means"):
        reader.labels(tmp_path / "red.png")


HUGE = {
    "nifti": ("it claims 30000 x 30000 x 30000 voxels, more than any breast image has; refused", "huge.nii"),
    "ratio": ("it claims more voxels than a file of its size can hold; it is damaged, copy it again", "bomb.nii.gz"),
    "text": ("it is damaged, cut off, or not what its name says", "text.nii"),
    "elsewhere": ("its voxels are said to be in another folder; keep both files together", "elsewhere.mhd"),
    "nrrd": ("its voxels are said to be in another folder; keep both files together", "elsewhere.nrrd"),
    "list": ("its voxels are spread over several files; save it as one file", "list.mhd"),
    "missing": ("the file with its voxels is missing beside it; copy both", "missing.mhd"),
    "metaimage": ("it claims 60000 x 60000 x 60000 voxels, more than any breast image has; refused", "huge.mha"),
}


def malformed(folder: Path, name: str) -> Path:
    path = folder / HUGE[name][1]
    meta = "ObjectType = Image\nNDims = 3\nDimSize = {0} {0} {0}\nElementType = MET_UCHAR\nElementDataFile = {1}\n"
    whole = nibabel.Nifti1Image(np.zeros((5, 4, 3), np.uint8), np.eye(4)).to_bytes()
    if name in ("nifti", "ratio"):
        header = bytearray(whole)
        edge = 30_000 if name == "nifti" else 700
        struct.pack_into("<4h", header, 40, 3, edge, edge, edge)
        path.write_bytes(gzip.compress(bytes(header)) if path.suffix == ".gz" else bytes(header))
    elif name == "text":
        path.write_text("this is no NIfTI file")
    elif name == "nrrd":
        path.write_text("NRRD0004\ntype: uint8\ndimension: 2\nsizes: 4 4\nencoding: raw\ndatafile: /etc/hostname\n\n")
    else:
        data = {"elsewhere": "../secret.raw", "list": "LIST", "missing": "gone.raw", "metaimage": "LOCAL"}[name]
        path.write_text(meta.format(60_000 if name == "metaimage" else 4, data))
    return path


@pytest.mark.parametrize("name", HUGE)
def test_malformed_files_are_refused(name: str, tmp_path: Path, reader: SegmentationReader) -> None:
    (tmp_path / "inner").mkdir()
    path = malformed(tmp_path / "inner", name)
    before = reader.process_id
    with pytest.raises(SegmentationError) as refused:
        reader.labels(path)
    assert str(refused.value).startswith(f"{path.name} cannot be used: {HUGE[name][0]}")
    assert str(tmp_path) not in str(refused.value)
    np.testing.assert_array_equal(reader.labels(nifti(tmp_path / "good.nii.gz", LABELS)).labels, LABELS)
    assert before is None or reader.process_id == before, "the process was not harmed"


@pytest.mark.parametrize("ending", [".nii", ".nii.gz", ".nrrd", ".mha", ".gipl", ".gipl.gz", ".mhd", ".nhdr", ".png"])
def test_files_that_are_cut_off(ending: str, tmp_path: Path, reader: SegmentationReader) -> None:
    """SimpleITK alone reads cut NIfTI files as zeros, and cut GIPL files as whatever the memory held."""
    values = np.random.default_rng(0).integers(0, 9, (9, 40, 40)).astype(np.uint8)
    path = tmp_path / f"cut{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(values if ending != ".png" else values[0]), str(path))
    data = next((p for p in tmp_path.iterdir() if p.suffix == ".raw"), path)
    data.write_bytes(data.read_bytes()[: data.stat().st_size * 2 // 3])
    with pytest.raises(SegmentationError, match=r"^cut\S+ cannot be used: it(s packed data)? is (damaged|cut off)"):
        reader.labels(path)


def test_a_process_that_dies_costs_one_file(tmp_path: Path) -> None:
    path = nifti(tmp_path / "good.nii.gz", LABELS)
    with SegmentationReader() as reader:
        reader.labels(path)
        child = reader.process_id
        assert child is not None

        def kill(_done: int, _all: int) -> None:
            os.kill(child, signal.SIGKILL)

        big = np.random.default_rng(0).integers(1, 9, (60, 600, 500)).astype(np.uint8)
        with pytest.raises(SegmentationError, match="it brought the reading process down"):
            reader.labels(nifti(tmp_path / "large.nii", big), progress=kill)
        np.testing.assert_array_equal(reader.labels(path).labels, LABELS)
        assert reader.process_id != child


def test_cancel_and_close(tmp_path: Path) -> None:
    path = nifti(tmp_path / "good.nii.gz", LABELS)
    reader = SegmentationReader()
    with pytest.raises(CancelledError, match=r"Reading was cancelled\."):
        reader.labels(path, cancelled=lambda: True)
    assert reader.labels(path).labels.sum() == LABELS.sum()
    steps: list[tuple[int, int]] = []
    reader.labels(path, progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    reader.close()
    with pytest.raises(CancelledError):
        reader.labels(path)


def test_a_stalled_file_is_given_up(tmp_path: Path) -> None:
    pipe = tmp_path / "endless.nii"
    os.mkfifo(pipe)  # opening it blocks until somebody writes
    with SegmentationReader(stall_s=3.0) as reader:
        writer = threading.Timer(60.0, lambda: None)
        began = time.monotonic()
        with pytest.raises(SegmentationError, match=r"reading made no progress for 3 s and was stopped"):
            reader.labels(pipe)
        assert time.monotonic() - began < 60
        writer.cancel()


def test_saliency_keeps_its_values(tmp_path: Path, reader: SegmentationReader) -> None:
    values = np.random.default_rng(0).random((3, 4, 5)).astype(np.float32)
    read = reader.map(nifti(tmp_path / "map.nii.gz", values, np.diag([-2.0, -3.0, 4.0, 1.0])))
    np.testing.assert_array_equal(read.values, values)
    assert read.geometry.spacing_mm == (4.0, 3.0, 2.0)
