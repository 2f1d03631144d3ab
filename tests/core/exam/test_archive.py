"""Zip archives: read like folders, and never trusted."""

from __future__ import annotations

import os
import stat
import struct
import time
import zipfile
from pathlib import Path

import pytest

from gmic_core.cli.info import as_json
from gmic_core.exam import archive
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan
from tests.helpers.breasts import breast, breast_volume, hanging
from tests.helpers.dicom_files import write_dbt_series, write_exam, write_mg
from tests.helpers.raster_files import write_nifti, write_png


def zipped(folder: Path, path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as out:
        for file in sorted(folder.rglob("*")):
            out.write(file, file.relative_to(folder).as_posix())
    return path


def reasons(path: Path) -> dict[str, str]:
    return {str(one.path.relative_to(path.parent)): one.reason for one in scan([path]).rejected}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_zip_reads_like_its_folder(tmp_path: Path, method: int) -> None:
    folder = tmp_path / "exam"
    write_exam(folder, 24, 16, modalities=("FFDM", "DBT"), slices=2)
    write_dbt_series(folder / "series", breast_volume(3, 24, 16), "L", "MLO", study="2")
    write_png(folder / "png" / "0_L-CC.png", breast(24, 16))
    write_nifti(folder / "nii" / "1_R-CC.nii.gz", breast_volume(2, 24, 16))
    (folder / "readme.txt").write_text("hello, this is no image")
    path = zipped(folder, tmp_path / "exam.zip", method)
    plain, packed = as_json(scan([folder])), as_json(scan([path]))
    text = str(plain).replace(str(folder), str(path))
    assert text == str(packed)
    assert as_json(scan([path])) == packed  # the second time from the copies


def test_frames_of_a_zipped_image(tmp_path: Path) -> None:
    pixels = hanging(breast(24, 16), "R")
    write_mg(tmp_path / "exam" / "a.dcm", pixels, syntax="jpegls")
    (exam,) = scan([zipped(tmp_path / "exam", tmp_path / "exam.zip")]).exams
    with FrameReader() as reader:
        assert (reader.read(exam.images[0], 0) == pixels).all()


def test_copies_say_nothing_about_the_patient(tmp_path: Path, gmic_home: Path) -> None:
    write_mg(tmp_path / "DOE^JANE" / "DOE^JANE_1960.dcm", breast(24, 16))
    zipped(tmp_path / "DOE^JANE", tmp_path / "JANE.zip")
    scan([tmp_path / "JANE.zip"])
    copies = [path for path in gmic_home.rglob("*") if path.is_file()]
    assert len(copies) == 1
    assert "JANE" not in str(copies[0].relative_to(gmic_home))
    assert stat.S_IMODE(copies[0].parent.stat().st_mode) == 0o700


def test_unsafe_members_are_refused(tmp_path: Path, gmic_home: Path) -> None:
    good = write_mg(tmp_path / "good.dcm", breast(24, 16)).read_bytes()
    path = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link.dcm")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as out:
        for name in ("../../up.dcm", "/etc/abs.dcm", "c:/drive.dcm", "inner.zip", "ok/good.dcm"):
            out.writestr(name, good)
        out.writestr(link, "/etc/passwd")
        out.writestr("hidden", b"PK\x03\x04" + good)
        out.writestr("void.dcm", b"")
    result = scan([path])
    assert [image.files for exam in result.exams for image in exam.images] == [(path / "ok" / "good.dcm",)]
    assert reasons(path) == {
        "a.zip/../../up.dcm": "an unsafe name inside the archive",
        "a.zip/etc/abs.dcm": "an unsafe name inside the archive",
        "a.zip/c:/drive.dcm": "an unsafe name inside the archive",
        "a.zip/inner.zip": "an archive inside an archive; unpack it first",
        "a.zip/hidden": "an archive inside an archive; unpack it first",
        "a.zip/link.dcm": "a link inside the archive",
        "a.zip/void.dcm": "an empty file",
    }
    assert {path.name for path in gmic_home.rglob("*") if path.is_file()} == {"000004.dcm"}


def test_bombs_are_refused(tmp_path: Path, gmic_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "RATIO_FREE", 1 << 20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("bomb.dcm", bytes(8 << 20))
    ((_, reason),) = reasons(path).items()
    assert reason.startswith("would grow ")
    assert not list(gmic_home.rglob("*.dcm"))


def test_too_much_in_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL", 1000)
    write_exam(tmp_path / "exam", 24, 16)
    path = zipped(tmp_path / "exam", tmp_path / "exam.zip")
    assert reasons(path) == {"exam.zip": "the archive holds 4 files of 0 MiB in all; unpack it by hand"}


def test_a_lying_directory_is_caught(tmp_path: Path) -> None:
    """The archive's directory understates a member's size: its checksum cannot be right."""
    write_mg(tmp_path / "exam" / "a.dcm", breast(24, 16))
    path = zipped(tmp_path / "exam", tmp_path / "exam.zip")
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, entry + 24, 500)
    path.write_bytes(data)
    ((_, reason),) = reasons(path).items()
    assert reason.startswith("cannot be unpacked")


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_damaged_archive(tmp_path: Path, keep: float) -> None:
    write_exam(tmp_path / "exam", 24, 16)
    path = zipped(tmp_path / "exam", tmp_path / "exam.zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    ((_, reason),) = reasons(path).items()
    assert reason.startswith("a damaged archive")


def test_encrypted_member(tmp_path: Path) -> None:
    write_mg(tmp_path / "exam" / "a.dcm", breast(24, 16))
    path = zipped(tmp_path / "exam", tmp_path / "exam.zip")
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    assert reasons(path) == {"exam.zip/a.dcm": "encrypted; unpack the archive with its password first"}


def test_empty_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    assert reasons(tmp_path / "a.zip") == {"a.zip": "an empty archive"}


def test_old_copies_are_removed(tmp_path: Path) -> None:
    write_mg(tmp_path / "exam" / "a.dcm", breast(24, 16))
    first = zipped(tmp_path / "exam", tmp_path / "first.zip")
    second = zipped(tmp_path / "exam", tmp_path / "second.zip")
    scan([first])
    (folder,) = archive.cache_dir().iterdir()
    os.utime(folder, (time.time() - 4 * 86_400,) * 2)
    scan([second])
    assert not folder.exists()
    assert len(list(archive.cache_dir().iterdir())) == 1
