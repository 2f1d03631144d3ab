"""Marks between runs: kept per image, without identity, written in the background, damage survived."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from gmic_core.errors import StoreError
from tests.helpers.hung_images import make_image
from viewer.model.marks import Mark
from viewer.model.marks_model import ImageMarks
from viewer.services.marks import FILE_NAME, MarkStore, from_text, image_key, to_text

UID = "1.2.840.113619.2.5.1762583153"


def content(text: str = "look") -> ImageMarks:
    marks = (
        Mark("length", "", 3, ((1.5, 2.25), (30.0, 4.0)), text, "a"),
        Mark("freeform", "", 0, ((0.0, 0.0), (5.0, 1.0), (3.0, 7.0)), "", "b"),
    )
    return ImageMarks(marks, frozenset({2, 7}))


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def store(tmp_path: Path, problems: list[str]) -> MarkStore:
    return MarkStore(problems.append, tmp_path / "home")


def reopened(store: MarkStore, problems: list[str]) -> MarkStore:
    store.close()
    return MarkStore(problems.append, store._path.parent)


def test_marks_come_back_in_the_next_run(store: MarkStore, problems: list[str]) -> None:
    store.save("one", content())
    store.save("two", content("other"))
    again = reopened(store, problems)
    assert again.load(["one", "three"]) == {"one": content()}
    again.save("one", ImageMarks())
    assert reopened(again, problems).load(["one", "two"]) == {"two": content("other")}
    assert problems == []


def test_what_waits_to_be_written_counts(store: MarkStore) -> None:
    store.save("one", content("first"))
    store.save("one", content("second"))
    assert store.load(["one"]) == {"one": content("second")}
    store.close()


def test_text_round_trip() -> None:
    assert from_text(to_text(content())) == content()


def test_the_key_is_a_digest_of_uid_shape_and_size_of_the_files(tmp_path: Path) -> None:
    file, copy = tmp_path / "a.dcm", tmp_path / "copy.dcm"
    file.write_bytes(b"0123")
    copy.write_bytes(b"4567")
    image = make_image(uid=UID)
    image = replace(image, source=replace(image.source, paths=(file,)))
    key = image_key(image)
    assert len(key) == 64
    assert UID not in key
    assert image_key(replace(image, source=replace(image.source, paths=(copy,)))) == key
    copy.write_bytes(b"45678")
    assert image_key(replace(image, source=replace(image.source, paths=(copy,)))) != key
    assert image_key(replace(image, rows=image.rows + 1)) != key
    assert image_key(replace(image, sop_uid=UID + "1")) != key


def test_nothing_about_the_patient_is_written(store: MarkStore) -> None:
    image = make_image(uid=UID)
    store.save(image_key(image), content())
    store.close()
    written = b"".join(path.read_bytes() for path in store._path.parent.iterdir())
    assert b"look" in written
    for word in (UID.encode(), b"SIM", b"Breast", b".png"):
        assert word not in written


def test_a_damaged_file_is_put_aside(store: MarkStore, problems: list[str]) -> None:
    store._path.parent.mkdir()
    store._path.write_bytes(b"no database at all, " * 100)
    assert store.load(["one"]) == {}
    assert problems[0].startswith("The file of marks was damaged; it was put aside as marks.sqlite.damaged-")
    store.save("one", content())
    assert reopened(store, problems).load(["one"]) == {"one": content()}
    assert any(path.name.startswith(f"{FILE_NAME}.damaged-") for path in store._path.parent.iterdir())


@pytest.mark.parametrize("text", ["{}", "[]", '{"marks": [{"kind": "star"}], "key_slices": []}', "nonsense"])
def test_a_record_that_makes_no_sense_is_damage(store: MarkStore, problems: list[str], text: str) -> None:
    store.save("one", content())
    again = reopened(store, problems)
    with sqlite3.connect(again._path) as database:
        database.execute("UPDATE marks SET content = ?", (text,))
    database.close()
    assert again.load(["one"]) == {}
    assert len(problems) == 1


def test_a_file_of_a_later_program_is_left_alone(store: MarkStore, problems: list[str]) -> None:
    store.save("one", content())
    again = reopened(store, problems)
    with sqlite3.connect(again._path) as database:
        database.execute("PRAGMA user_version = 9")
    database.close()
    before = again._path.read_bytes()
    with pytest.raises(StoreError, match="written by a later version of this program; use that one"):
        again.load(["one"])
    again.save("one", content("new"))
    again.close()
    assert again._path.read_bytes() == before
    assert problems == [
        "Marks are shown but cannot be kept (written by a later version of this program; use that one). "
        f"Free space in {again._path.parent}, or set GMIC_HOME to a folder that you may write to."
    ]


def test_a_folder_that_cannot_be_written_says_so_once(tmp_path: Path, problems: list[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    store = MarkStore(problems.append, tmp_path / "file" / "home")
    store.save("one", content())
    store.close()
    assert len(problems) == 1
    assert problems[0].startswith("Marks are shown but cannot be kept (The data folder")
