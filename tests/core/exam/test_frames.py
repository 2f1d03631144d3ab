"""Frames of every encoding against pydicom's own decoders; a decoder that dies, hangs or is fed rubbish."""

from __future__ import annotations

import os
import signal
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import imagecodecs
import nibabel
import numpy as np
import psutil
import pydicom
import pytest

from gmic_core.errors import DecodeError, ExamError, UnsupportedEncodingError
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.header import read_header
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.exam.scan import scan
from gmic_core.types import Laterality, Modality
from tests.helpers.dicom_files import SYNTAXES, breast, breast_volume, write_dbt, write_dbt_series, write_mg
from tests.helpers.raster_files import write_nifti, write_sitk


@pytest.fixture(scope="module")
def reader():
    with FrameReader(start=True) as reader:
        yield reader


def dicom_image(path: Path, **changes: object) -> MammoImage:
    """What a scan would say of a file, as far as reading its frames goes."""
    ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    header = read_header(path)
    pixel = PixelFormat(ds.BitsAllocated, ds.BitsStored, bool(ds.PixelRepresentation))
    source = PixelSource("dicom", (path,), str(ds.file_meta.TransferSyntaxUID), header.pixel_offset)
    image = MammoImage(
        str(ds.SOPInstanceUID), Modality.FFDM, Laterality.R, "CC", int(ds.get("NumberOfFrames", 1)), ds.Rows,
        ds.Columns, source, pixel,
    )  # fmt: skip
    return replace(image, **changes)  # type: ignore[arg-type]


def pixels(bits: int = 12) -> np.ndarray:
    return (breast(96, 80, seed=5).astype(np.uint16) >> (12 - bits)).astype(np.uint8 if bits == 8 else np.uint16)


@pytest.mark.parametrize("syntax", sorted(SYNTAXES))
def test_every_transfer_syntax_decodes_like_the_reference_decoder(syntax, tmp_path, reader):
    path = tmp_path / "a.dcm"
    bits = 8 if syntax == "jpeg-baseline" else 12
    write_mg(path, pixels(bits), syntax=syntax, bits=bits)
    expected = pydicom.dcmread(path).pixel_array
    frame = reader.read(dicom_image(path), 0)
    assert frame.dtype == (np.uint8 if bits == 8 else np.uint16)
    assert frame.dtype.isnative
    if "lossy" in syntax or syntax in ("jpeg-baseline", "jpeg-extended"):
        assert np.abs(frame.astype(int) - expected.astype(int)).max() <= 1
    else:
        np.testing.assert_array_equal(frame, expected)


@pytest.mark.parametrize("syntax", ["explicit", "bigendian", "jpegls", "rle", "deflated", "jpeg2000"])
def test_slices_come_in_position_order(syntax, tmp_path, reader):
    volume = breast_volume(5, 64, 48, seed=2).astype(np.uint16)
    path = tmp_path / "v.dcm"
    write_dbt(path, volume, syntax=syntax)
    image = dicom_image(path)
    order = (4, 3, 2, 1, 0)
    turned = replace(image, source=replace(image.source, frame_order=order))
    for k in range(5):
        np.testing.assert_array_equal(reader.read(image, k), volume[k])
        np.testing.assert_array_equal(reader.read(turned, k), volume[4 - k])


def test_frames_in_several_fragments_without_an_offset_table(tmp_path, reader):
    volume = breast_volume(3, 64, 48, seed=2).astype(np.uint16)
    path = tmp_path / "v.dcm"
    write_dbt(path, volume, syntax="jpegls", fragments=3, offset_table="empty")
    for k in range(3):
        np.testing.assert_array_equal(reader.read(dicom_image(path), k), volume[k])


def test_uncompressed_frames_are_mapped_not_copied(tmp_path, reader):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="explicit")
    frame = reader.read(dicom_image(path), 0)
    assert isinstance(frame, np.memmap)
    assert not frame.flags.writeable


def test_signed_pixels_keep_their_sign(tmp_path, reader):
    values = (np.arange(96 * 80).reshape(96, 80) % 4096 - 2048).astype(np.int16)
    for syntax in ("explicit", "jpegls"):
        path = tmp_path / f"{syntax}.dcm"
        write_mg(path, (values & 0xFFF).astype(np.uint16), syntax=syntax, overrides={"PixelRepresentation": 1})
        frame = reader.read(dicom_image(path), 0)
        assert frame.dtype == np.int16
        if syntax == "jpegls":  # twelve bits from the codec, sign in the twelfth
            np.testing.assert_array_equal(frame, values)


def other(kind: str, path: Path, shape: tuple[int, ...], pixel: PixelFormat) -> MammoImage:
    frames = shape[0] if len(shape) == 3 else 1
    source = PixelSource(kind, (path,))  # type: ignore[arg-type]
    return MammoImage("1", Modality.DBT, Laterality.L, "CC", frames, *shape[-2:], source, pixel)


def test_png_nifti_and_metaimage(tmp_path, reader):
    flat, volume = pixels(), breast_volume(4, 40, 30, seed=1).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(flat))
    np.testing.assert_array_equal(reader.read(other("png", tmp_path / "a.png", flat.shape, PixelFormat()), 0), flat)
    for name, data in (("a.nii.gz", volume), ("b.nii", volume.astype(np.float64))):
        # stored (W, H, D) with diag(-1, -1, 1, 1), as the published volumes
        nibabel.save(nibabel.Nifti1Image(data.T, np.diag([-1.0, -1.0, 1.0, 1.0])), tmp_path / name)
        image = other("nifti", tmp_path / name, volume.shape, PixelFormat())
        np.testing.assert_array_equal(reader.read(image, 3), volume[3])
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(volume), str(tmp_path / "a.mha"))
    image = other("sitk", tmp_path / "a.mha", volume.shape, PixelFormat())
    np.testing.assert_array_equal(reader.read(image, 2), volume[2])


def scanned(path: Path) -> MammoImage:
    (exam,) = scan([path]).exams
    (image,) = exam.images
    return image


@pytest.mark.parametrize("syntax", ["explicit", "bigendian", "jpegls", "deflated", "rle"])
def test_slices_of_a_series_come_in_position_order(syntax, tmp_path, reader):
    volume = breast_volume(5, 64, 48, seed=2).astype(np.uint16)
    write_dbt_series(tmp_path, volume, "L", "MLO", syntax=syntax)
    image = scanned(tmp_path)
    for k in range(5):
        frame = reader.read(image, k)
        np.testing.assert_array_equal(frame, volume[k])
        assert isinstance(frame, np.memmap) is (syntax == "explicit")


@pytest.mark.parametrize("dtype", ["<u2", "<i2", "|u1", "<f4"])
def test_uncompressed_nifti_is_mapped(dtype, tmp_path, reader):
    volume = breast_volume(4, 40, 30, seed=1, bits=8)
    path = write_nifti(tmp_path / "0_L-CC.nii", volume.astype(dtype))
    image = scanned(path)
    for k in range(4):
        frame = reader.read(image, k)
        np.testing.assert_array_equal(frame, volume[k])
        assert frame.flags.c_contiguous
        assert frame.dtype.isnative
        assert isinstance(frame, np.memmap) is (dtype in ("<u2", "<i2", "|u1"))


@pytest.mark.parametrize("name", ["0_L-CC.nii.gz", "0_L-CC.mha", "0_L-CC.nrrd", "0_L-CC.mhd"])
def test_scanned_volumes_read_back(name, tmp_path, reader):
    volume = breast_volume(4, 40, 30, seed=1)
    write = write_nifti if ".nii" in name else write_sitk
    image = scanned(write(tmp_path / name, volume).parent)
    np.testing.assert_array_equal(np.stack([reader.read(image, k) for k in range(4)]), volume)


def test_scaled_nifti_is_scaled_once(tmp_path, reader):
    path = tmp_path / "0_L-CC.nii"
    nifti = nibabel.Nifti1Image(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.eye(4))
    nifti.header.set_slope_inter(3.0, 10.0)
    nibabel.save(nifti, path)
    stored = np.asarray(nibabel.load(path).dataobj)
    image = scanned(path)
    np.testing.assert_array_equal(reader.read(image, 1), stored[:, :, 1].T)


# -- what goes wrong ---------------------------------------------------------------------------------------------


def test_messages_for_damaged_files(tmp_path, reader):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="jpegls")
    image = dicom_image(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DecodeError, match="Slice 1 is damaged"):
        reader.read(image, 0)
    path.unlink()
    with pytest.raises(DecodeError, match=r"The file a\.dcm is gone; open the exam again"):
        reader.read(image, 0)
    write_mg(path, pixels(), syntax="explicit")
    raw = dicom_image(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DecodeError, match="cut short"):
        reader.read(raw, 0)


def test_sizes_are_checked_before_memory_is_taken(tmp_path, reader):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="jpegls")
    image = dicom_image(path)
    with pytest.raises(DecodeError, match="no mammogram is that size"):
        reader.read(replace(image, rows=65535, columns=65535), 0)
    with pytest.raises(DecodeError, match="its header says 100x80"):
        reader.read(replace(image, rows=100), 0)
    with pytest.raises(DecodeError, match="has 1 slices, there is no slice 3"):
        reader.read(image, 2)
    with pytest.raises(UnsupportedEncodingError, match="MPEG2 Main Profile is not supported"):
        reader.read(replace(image, source=replace(image.source, transfer_syntax="1.2.840.10008.1.2.4.100")), 0)


def test_a_deflate_bomb_ends_as_a_message(tmp_path, reader):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="deflated")
    image = dicom_image(path)
    header = read_header(path)
    assert header.deflated_at is not None
    head = path.read_bytes()[: header.deflated_at]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    path.write_bytes(head + bomb)
    with pytest.raises(ExamError, match="more than 400,000 attributes; refused"):
        reader.read(image, 0)


def test_a_png_that_claims_another_size_is_refused_before_decoding(tmp_path, reader):
    data = bytearray(imagecodecs.png_encode(pixels()))
    data[16:24] = struct.pack(">II", 60000, 60000)
    (tmp_path / "a.png").write_bytes(bytes(data))
    with pytest.raises(DecodeError, match="The PNG is 60000x60000 pixels, not 96x80"):
        reader.read(other("png", tmp_path / "a.png", (96, 80), PixelFormat()), 0)


def test_the_decoder_is_replaced_when_it_dies(tmp_path):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="jpegls")
    image = dicom_image(path)
    with FrameReader() as reader:
        np.testing.assert_array_equal(reader.read(image, 0), pixels())
        first = reader.decoder_pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        np.testing.assert_array_equal(reader.read(image, 0), pixels())
        assert reader.decoder_pid != first


def test_a_stalled_decoder_is_replaced_and_the_frame_given_up(tmp_path):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="jpegls")
    image = dicom_image(path)
    with FrameReader(stall_s=0.5) as reader:
        reader.read(image, 0)
        stopped = reader.decoder_pid
        assert stopped is not None
        os.kill(stopped, signal.SIGSTOP)
        # the first process is stopped for ever; the frame is tried again in the next one and comes
        np.testing.assert_array_equal(reader.read(image, 0), pixels())
        assert not psutil.pid_exists(stopped)


def test_closing_leaves_no_process_and_fails_what_waits(tmp_path):
    path = tmp_path / "a.dcm"
    write_mg(path, pixels(), syntax="jpegls")
    reader = FrameReader()
    pid = reader.decoder_pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    waiting = reader.submit(dicom_image(path), 0)
    reader.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(DecodeError, match="closed"):
        waiting.result(1)
    with pytest.raises(DecodeError, match="closed"):
        reader.read(dicom_image(path), 0)


@pytest.mark.needs_shared
def test_real_files_decode_like_the_reference_decoders(shared, reader):
    for name in ("MG1_J2KI.dcm", "fo-dicom_GH133.dcm", "fo-dicom_OutOfBoundsOverlay.dcm"):
        path = shared / "data" / "dicom-mg" / name
        expected = pydicom.dcmread(path).pixel_array
        difference = np.abs(reader.read(dicom_image(path), 0).astype(int) - expected.astype(int))
        assert difference.max() <= (1 if "J2KI" in name else 0)  # two J2K decoders round irreversible data differently


@pytest.mark.needs_shared
def test_a_real_twelve_bit_lossy_jpeg_decodes(shared, reader):
    # no plugin of pydicom decodes this file, so another encoding of the same film has to do
    frame = reader.read(dicom_image(shared / "data" / "dicom-mg" / "MG1_JPLY.dcm"), 0)
    twin = reader.read(dicom_image(shared / "data" / "dicom-mg" / "MG1_J2KI.dcm"), 0)  # the same film in JPEG 2000
    assert frame.shape == (4664, 3064)
    assert frame.max() == 4095
    assert np.abs(frame.astype(int) - twin.astype(int)).mean() < 60
