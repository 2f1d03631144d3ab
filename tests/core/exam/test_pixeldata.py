"""The number of frames is that of the pixel data; cut-off files and absurd claims are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gmic_core.errors import ExamError, UnsupportedEncodingError
from gmic_core.exam.dicom import read_dicom
from tests.helpers.dicom_files import CODECS, breast, breast_volume, write_dbt, write_mg, write_sc

LOSSLESS = [name for name in CODECS if name not in ("jpeg-baseline", "jpeg-extended")]


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize("offset_table", ["basic", "empty", "extended"])
def test_compressed_frames_are_counted(tmp_path: Path, syntax: str, offset_table: str) -> None:
    path = write_dbt(tmp_path / "a.dcm", breast_volume(5, 16, 12), syntax=syntax, offset_table=offset_table)
    image = read_dicom(path).image
    assert (image.frames, image.warnings) == (5, ())


@pytest.mark.parametrize("syntax", ["jpegls", "jpeg2000", "jpeg-lossless", "htj2k"])
@pytest.mark.parametrize("offset_table", ["basic", "empty"])
def test_frames_in_several_fragments(tmp_path: Path, syntax: str, offset_table: str) -> None:
    volume = breast_volume(3, 64, 48)
    path = write_dbt(tmp_path / "a.dcm", volume, syntax=syntax, offset_table=offset_table, fragments=3)
    assert read_dicom(path).image.frames == 3
    single = write_mg(tmp_path / "b.dcm", volume[0], syntax=syntax, offset_table=offset_table, fragments=4)
    assert read_dicom(single).image.frames == 1


@pytest.mark.parametrize("syntax", ["explicit", "deflated", "jpegls", "rle"])
@pytest.mark.parametrize("stated", [None, 1, 3, 9])
def test_wrong_number_of_frames_is_corrected(tmp_path: Path, syntax: str, stated: int | None) -> None:
    volume = breast_volume(6, 16, 12)
    path = write_dbt(tmp_path / "a.dcm", volume, syntax=syntax, overrides={"NumberOfFrames": stated})
    image = read_dicom(path).image
    assert image.frames == 6
    assert any("but the pixel data holds 6; the latter counts" in warning for warning in image.warnings)


def test_a_million_frames_are_not_believed(tmp_path: Path) -> None:
    image = read_dicom(write_mg(tmp_path / "a.dcm", breast(16, 12), overrides={"NumberOfFrames": 1_000_000})).image
    assert image.frames == 1
    assert "states 1,000,000 frames, but the pixel data holds 1; the latter counts" in image.warnings


def _cut(path: Path, missing: int) -> Path:
    path.write_bytes(path.read_bytes()[:-missing])
    return path


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "bigendian", "jpegls", "rle", "jpeg2000"])
def test_cut_off_file_is_refused(tmp_path: Path, syntax: str) -> None:
    path = write_dbt(tmp_path / "a.dcm", breast_volume(4, 64, 48), syntax=syntax)
    _cut(path, path.stat().st_size // 3)
    with pytest.raises(ExamError, match=r"cut off.*copy"):
        read_dicom(path)


def test_missing_delimiter_alone_is_no_damage(tmp_path: Path) -> None:
    path = _cut(write_dbt(tmp_path / "a.dcm", breast_volume(4, 64, 48), syntax="jpegls"), 8)
    assert read_dicom(path).image.frames == 4


def test_odd_frame_with_padding_byte(tmp_path: Path) -> None:
    pixels = breast(15, 11, bits=8).astype("u1")
    image = read_dicom(write_mg(tmp_path / "a.dcm", pixels, bits=8)).image
    assert (image.frames, image.warnings) == (1, ())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"Rows": 0}, "states a size of 0 x 12 pixels"),
        ({"Rows": 60000, "Columns": 60000}, "more than any detector"),
        ({"BitsAllocated": 12}, "12 bits allocated"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "32 bits allocated"),
        ({"BitsStored": 17}, "17 bits stored in 16 allocated"),
        ({"HighBit": 15}, "high bit 15 with 12 bits stored"),
        ({"SamplesPerPixel": 3}, "a colour picture"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "photometric interpretation PALETTE COLOR"),
    ],
    ids=str,
)
def test_impossible_pixels_are_refused(tmp_path: Path, overrides: dict[str, Any], message: str) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(16, 12), overrides=overrides)
    with pytest.raises(ExamError, match=message):
        read_dicom(path)


def test_native_pixels_under_a_compressed_syntax(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(16, 12))
    path.write_bytes(path.read_bytes().replace(b"UI\x14\x001.2.840.10008.1.2.1\0", b"UI\x16\x001.2.840.10008.1.2.4.80"))
    with pytest.raises(ExamError, match="not stored that way"):
        read_dicom(path)


def test_unknown_transfer_syntax_is_named(tmp_path: Path) -> None:
    path = write_sc(tmp_path / "a.dcm", breast(16, 12), syntax="jpeg2000")
    data = path.read_bytes()
    assert b"1.2.840.10008.1.2.4.90" in data
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.10008.1.2.4.93"))
    with pytest.raises(UnsupportedEncodingError, match="JPEG 2000 Part 2"):
        read_dicom(path)
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.4.90", b"1.2.840.99999.1.2.4.90"))
    with pytest.raises(UnsupportedEncodingError, match=r"1\.2\.840\.99999\.1\.2\.4\.90"):
        read_dicom(path)
