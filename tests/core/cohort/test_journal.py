"""The journal: what is in it survives, what is torn is dropped, and one process at a time writes it."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from gmic_core.cohort.identity import Identity
from gmic_core.cohort.journal import FORMAT, JOURNAL, Journal, Line
from gmic_core.errors import StoreError

IDENTITY = Identity("f", "i", "gmic2d", "w", "1", "gmic-viewer 0.1.0, torch 2.13.0", "float32")


def line(uid: str, **fields: object) -> Line:
    return dataclasses.replace(Line(uid, IDENTITY, {"y": 0.1, "text": "ä\n"}, {"benign": 7}), **fields)


def known(folder: Path) -> tuple[list[Line], int]:
    with Journal(folder) as journal:
        lines = [found for _, found in journal.lines()]
        return lines, journal.damaged


def test_lines_come_back_as_they_were_written(tmp_path: Path) -> None:
    refused = line("2", entry=None, sizes={}, reason="why", passing=True)
    with Journal(tmp_path) as journal:
        place = journal.add(line("1"))
        journal.add(refused)
        assert journal.read(place) == line("1")
    assert known(tmp_path) == ([line("1"), refused], 0)
    first = (tmp_path / JOURNAL).read_bytes().splitlines()[0]
    assert json.loads(first) == FORMAT == {"journal": "gmic-viewer cohort 1"}


def test_a_journal_cut_anywhere_keeps_its_whole_lines(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        for uid in "123":
            journal.add(line(uid))
    content = (tmp_path / JOURNAL).read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == 10]
    for length in range(0, len(content) + 1, 7):
        (tmp_path / JOURNAL).write_bytes(content[:length])
        lines, damaged = known(tmp_path)
        whole = sum(end <= length for end in ends[1:])
        assert [found.sop_uid for found in lines] == list("123")[:whole]
        assert damaged == (length > ends[0] and length not in ends)
        with Journal(tmp_path) as journal:
            journal.add(line("4"))
        assert [found.sop_uid for found in known(tmp_path)[0]][-1] == "4"


@pytest.mark.parametrize(
    "damage", [b"\0" * 40, b"[1]", b'{"sop_uid": 1}', b'{"sop_uid": "1", "identity": {}}', b"\xff"]
)
def test_a_damaged_line_costs_itself_only(tmp_path: Path, damage: bytes) -> None:
    with Journal(tmp_path) as journal:
        journal.add(line("1"))
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(damage + b"\n" + line("2").text())
    lines, damaged = known(tmp_path)
    assert [found.sop_uid for found in lines] == ["1", "2"]
    assert damaged == 1


def test_a_file_that_is_no_journal_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text("my notes\n")
    with pytest.raises(StoreError, match=r"no journal of this version.*--fresh"):
        Journal(tmp_path)
    assert (tmp_path / JOURNAL).read_text() == "my notes\n"
    with Journal(tmp_path, fresh=True) as journal:
        journal.add(line("1"))
    assert len(known(tmp_path)[0]) == 1


def test_two_runs_never_write_to_one_folder(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(StoreError, match="Another gmic-core predict writes to"):
        Journal(tmp_path)
    assert known(tmp_path) == ([], 0)


def test_a_full_disk_is_a_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with Journal(tmp_path) as journal:
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match=r"cannot be written \(No space left on device\)"):
            journal.add(line("1"))


def test_the_first_difference_is_named() -> None:
    assert IDENTITY.difference(IDENTITY) == ""
    assert IDENTITY.difference(dataclasses.replace(IDENTITY, weights="x")) == "other weights"
    assert IDENTITY.difference(dataclasses.replace(IDENTITY, files="x", weights="x")) == "the files changed"
