"""The header reader: equal to pydicom on sound files, bounded on hostile ones."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from gmic_core.errors import ExamError
from gmic_core.exam.dictionary import TAG
from gmic_core.exam.header import Header, parse_bytes, read_header
from tests.helpers.dicom_files import (
    CODECS,
    SYNTAXES,
    breast,
    breast_volume,
    write_ct,
    write_dbt,
    write_mg,
    write_sc,
)

UNCOMPRESSED = [name for name in SYNTAXES if name not in CODECS]


def _texts(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, pydicom.multival.MultiValue | list | tuple) else [value]
    return tuple(str(one) for one in values) if value not in ("", None) else ()


def assert_like_pydicom(header: Header, path: Path) -> None:
    """Every attribute that both know has the same value."""
    _assert_elements(header.elements, pydicom.dcmread(path, stop_before_pixels=True))


def _assert_elements(elements, dataset: Dataset) -> None:
    compared = 0
    for element in dataset:
        if element.keyword not in TAG:
            continue
        compared += 1
        if element.VR == "SQ":
            items = elements.items(element.keyword)
            assert len(items) == len(element.value)
            for item, expected in zip(items, element.value, strict=True):
                _assert_elements(item, expected)
        elif element.VR in ("DS", "IS", "US", "SS", "UL", "FD", "FL"):
            expected = (
                element.value if isinstance(element.value, pydicom.multival.MultiValue | list) else [element.value]
            )
            assert elements.numbers(element.keyword) == tuple(float(value) for value in expected if value is not None)
        else:
            assert elements.texts(element.keyword) == _texts(element.value)
    assert compared or not len(dataset) or "PixelMeasuresSequence" not in dataset


@pytest.mark.parametrize("syntax", UNCOMPRESSED)
def test_mammogram_reads_like_pydicom(tmp_path: Path, syntax: str) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(40, 30), "L", "MLO", syntax=syntax)
    assert_like_pydicom(read_header(path), path)


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, "jpegls"])
def test_tomosynthesis_reads_like_pydicom(tmp_path: Path, syntax: str) -> None:
    windows = [(100 + i, 200) for i in range(5)]
    path = write_dbt(tmp_path / "a.dcm", breast_volume(5, 40, 30), syntax=syntax, frame_windows=windows)
    header = read_header(path)
    assert_like_pydicom(header, path)
    assert len(header.elements.items("PerFrameFunctionalGroupsSequence")) == 5


def test_explicit_lengths_read_like_undefined_ones(tmp_path: Path) -> None:
    path = write_dbt(tmp_path / "a.dcm", breast_volume(3, 16, 12))
    dataset = pydicom.dcmread(path)
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
    dataset.save_as(tmp_path / "b.dcm")
    assert (tmp_path / "b.dcm").stat().st_size > path.stat().st_size
    assert_like_pydicom(read_header(tmp_path / "b.dcm"), path)


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "bigendian"])
def test_pixel_offset_is_where_the_pixels_are(tmp_path: Path, syntax: str) -> None:
    pixels = breast(20, 10)
    path = write_mg(tmp_path / "a.dcm", pixels, syntax=syntax)
    header = read_header(path)
    assert header.pixel_length == header.pixel_bytes_left == 400
    stored = path.read_bytes()[header.pixel_offset :]
    assert stored == pixels.astype(">u2" if syntax == "bigendian" else "<u2").tobytes()


def test_deflated_pixel_offset_counts_in_the_inflated_data_set(tmp_path: Path) -> None:
    pixels = breast(20, 10)
    path = write_mg(tmp_path / "a.dcm", pixels, syntax="deflated")
    header = read_header(path)
    inflated = zlib.decompress(path.read_bytes()[header.deflated_at :], -15)
    assert inflated[header.pixel_offset :][:400] == pixels.tobytes()


@pytest.mark.parametrize(
    ("charset", "encoded", "expected"),
    [
        ("ISO_IR 192", "Müller^Zoë".encode(), "Müller^Zoë"),
        ("ISO_IR 100", "Müller".encode("latin_1"), "Müller"),
        ("ISO_IR 144", "Иванова".encode("iso8859_5"), "Иванова"),
        (["", "ISO 2022 IR 87"], "山田".encode("iso2022_jp"), "山田"),
        (["", "ISO 2022 IR 149"], b"\x1b$)C" + "김".encode("euc_kr"), "김"),
        ("GB18030", "王小".encode("gb18030"), "王小"),
        ("ISO_IR 192", b"\xff\xfebad", "��bad"),
    ],
)
def test_character_sets(tmp_path: Path, charset: object, encoded: bytes, expected: str) -> None:
    marker = "MARKER" + "~" * (len(encoded) + len(encoded) % 2 - 6)
    overrides = {"SpecificCharacterSet": charset, "PatientName": marker}
    path = write_mg(tmp_path / "a.dcm", breast(8, 8), overrides=overrides)
    path.write_bytes(path.read_bytes().replace(marker.encode(), encoded.ljust(len(marker))))
    assert read_header(path).elements.text("PatientName") == expected


def test_control_characters_are_dropped(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(8, 8), overrides={"PatientName": "EVILXX[31mNAME"})
    path.write_bytes(path.read_bytes().replace(b"EVILXX", b"EV\x1b\x00\n\x07"))
    assert read_header(path).elements.text("PatientName") == "EV[31mNAME"


# --- sloppy files that are read with a warning -----------------------------------------------------------------


def _warnings(data: bytes) -> list[str]:
    header = parse_bytes(data)
    assert header.elements.text("PatientID") == "SIM-0001"
    assert header.pixel_offset is not None
    return header.elements.context.warnings


def test_missing_preamble(tmp_path: Path) -> None:
    data = write_mg(tmp_path / "a.dcm", breast(8, 8)).read_bytes()
    assert _warnings(data[132:]) == ["the preamble and the DICM mark are missing"]
    assert _warnings(data[128:]) == ["the preamble is missing"]


def test_declared_explicit_but_written_implicit(tmp_path: Path) -> None:
    data = write_mg(tmp_path / "a.dcm", breast(8, 8), syntax="implicit").read_bytes()
    wrong = data.replace(b"1.2.840.10008.1.2\0", b"1.2.840.10008.1.2.1\0", 1).replace(b"UI\x12\0", b"UI\x14\0", 1)
    wrong = wrong.replace(b"UI\x12\x001.2.840.10008.1.2.1", b"UI\x14\x001.2.840.10008.1.2.1", 1)
    header = parse_bytes(wrong)
    assert header.syntax.name == "Implicit VR Little Endian"
    assert header.elements.context.warnings == [
        "states Explicit VR Little Endian but is written in Implicit VR Little Endian"
    ]


def test_wrong_group_length_is_not_believed(tmp_path: Path) -> None:
    data = bytearray(write_mg(tmp_path / "a.dcm", breast(8, 8)).read_bytes())
    struct.pack_into("<I", data, 140, 0xFFFFFFFF)
    assert _warnings(bytes(data)) == []


def test_first_of_two_equal_attributes_counts(tmp_path: Path) -> None:
    path = write_mg(tmp_path / "a.dcm", breast(8, 8))
    data = path.read_bytes()
    at = data.index(b"\x10\x00\x20\x00LO")
    twice = data[:at] + data[at : at + 16] + b"\x10\x00\x20\x00LO\x08\x00OTHER-ID" + data[at + 16 :]
    assert _warnings(twice) == ["PatientID occurs twice; the first one counts"]


# --- hostile files ---------------------------------------------------------------------------------------------


def _element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    long = vr in (b"SQ", b"OB", b"OW", b"UN")
    return head + (struct.pack("<HI", 0, size) if long else struct.pack("<H", size)) + value


def _file(body: bytes, syntax: bytes = b"1.2.840.10008.1.2.1") -> bytes:
    return bytes(128) + b"DICM" + _element(0x00020010, b"UI", syntax + bytes(len(syntax) % 2)) + body


START = _element(0x00080060, b"CS", b"MG")
UNDEFINED = 0xFFFFFFFF
ITEM = b"\xfe\xff\x00\xe0"


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("value", START + _element(0x00100020, b"LO", b"AB", 60_000), "PatientID claims 60,000 bytes where 2 are left"),
        ("sequence", START + _element(0x00540220, b"SQ", b"", 4_000_000_000), "ViewCodeSequence claims 4,000,000,000"),
        ("item", START + _element(0x00540220, b"SQ", ITEM + b"\xf0\xff\xff\xff"), "more bytes than are left"),
        ("unknown", START + _element(0x00091001, b"OB", b"", 0x7FFFFFFF), "(0009,1001) claims 2,147,483,647"),
        ("endless", START + _element(0x00091001, b"SQ", b"", UNDEFINED) + ITEM * 100, "damaged"),
    ],
)
def test_lengths_are_not_believed(name: str, body: bytes, message: str) -> None:
    del name
    tracemalloc.start()
    with pytest.raises(ExamError, match="damaged") as caught:
        parse_bytes(_file(body))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert message in str(caught.value)
    assert peak < 2_000_000


@pytest.mark.parametrize("tag", [0x00091001, 0x00540220], ids=["skipped", "read"])
def test_deep_nesting_exhausts_neither_stack_nor_time(tag: int) -> None:
    level = _element(tag, b"SQ", b"", UNDEFINED) + ITEM + b"\xff\xff\xff\xff"
    started = time.perf_counter()
    with pytest.raises(ExamError):
        parse_bytes(_file(START + level * 50_000))
    assert time.perf_counter() - started < 5.0


def test_endless_attributes_are_refused() -> None:
    body = START + _element(0x00091001, b"LO", b"") * 500_000
    with pytest.raises(ExamError, match="more than 400,000 attributes"):
        parse_bytes(_file(body))


def test_long_values_are_left_out() -> None:
    pixels = _element(0x7FE00010, b"OW", b"\0\0")
    body = START + _element(0x52009229, b"UN", b"") + _element(0x00100010, b"UN", b"x" * 2_000_000) + pixels
    header = parse_bytes(_file(body))
    assert header.elements.text("PatientName") == ""
    assert header.elements.context.warnings == ["PatientName is 2,000,000 bytes long and was ignored"]


def test_deflate_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gmic_core.exam.header.MAX_HEADER", 8 << 20)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = squeeze.compress(_element(0x00091001, b"OB", bytes(64 << 20)) + START) + squeeze.flush()
    assert len(body) < 100_000
    tracemalloc.start()
    with pytest.raises(ExamError, match=r"damaged|refused"):
        parse_bytes(_file(body, b"1.2.840.10008.1.2.1.99"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_truncated_deflate_is_damaged(tmp_path: Path) -> None:
    data = write_mg(tmp_path / "a.dcm", breast(8, 8), syntax="deflated").read_bytes()
    with pytest.raises(ExamError, match="cut off"):
        parse_bytes(data[: len(data) // 2])


@pytest.mark.parametrize("data", [b"", b"\0" * 200, b"PK\x03\x04" + b"\0" * 200, b"hello world " * 30], ids=repr)
def test_other_files_are_named_as_such(data: bytes) -> None:
    with pytest.raises(ExamError, match="not a DICOM file"):
        parse_bytes(data)


def test_every_truncation_ends_in_a_header_or_a_reason(tmp_path: Path) -> None:
    data = write_dbt(tmp_path / "a.dcm", breast_volume(2, 8, 8)).read_bytes()
    for length in range(0, len(data) - 256, 7):
        try:
            header = parse_bytes(data[:length])
        except ExamError:
            continue
        assert header.pixel_offset is None or header.pixel_bytes_left in range(length)


@pytest.mark.parametrize("seed", range(5))
def test_flipped_bytes_end_in_a_header_or_a_reason(tmp_path: Path, seed: int) -> None:
    import random

    rng = random.Random(seed)
    files = [write_ct(tmp_path / "a.dcm", breast(8, 8)), write_sc(tmp_path / "b.dcm", breast(8, 8))]
    files.append(write_dbt(tmp_path / "c.dcm", breast_volume(2, 8, 8), syntax="implicit"))
    for path in files:
        sound = path.read_bytes()
        for _ in range(60):
            data = bytearray(sound)
            for _ in range(rng.randrange(1, 12)):
                data[rng.randrange(len(data))] = rng.randrange(256)
            try:
                header = parse_bytes(bytes(data))
            except ExamError:
                continue
            for keyword in TAG:
                header.elements.texts(keyword)
                header.elements.numbers(keyword)
