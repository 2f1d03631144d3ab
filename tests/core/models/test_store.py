"""The weights store on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gmic_core.errors import StoreError, WeightsError
from gmic_core.models.store import Check, WeightsRecord, WeightsStore, check_name, name_from_file
from gmic_core.paths import user_data_dir, weights_dir

CONTENT = b"tensors"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def record(name: str = "mine") -> WeightsRecord:
    return WeightsRecord(name, "gmic2d", "", 0, "a.p", "0" * 64, "AGPL-3.0", "not stated", "2026-01-01", {"top_t": 0.1})


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "store")


def write(path: Path) -> None:
    path.write_bytes(CONTENT)


def test_the_data_folder_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GMIC_HOME", str(tmp_path / "here"))
    assert weights_dir() == tmp_path / "here" / "weights"
    monkeypatch.delenv("GMIC_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert user_data_dir().name == "gmic-viewer"


def test_what_is_added_is_there_and_intact(store: WeightsStore) -> None:
    assert store.names() == []
    assert store.verify() == []
    added = store.add(record(), write)
    assert (added.sha256, added.size) == (SHA256, 7)
    assert store.names() == ["mine"]
    assert store.record("mine") == added
    assert store.record("MINE") == added
    assert store.verify() == [Check("mine", "ok", SHA256)]
    assert sorted(path.name for path in store.folder.iterdir()) == ["mine.json", "mine.safetensors"]


def test_verify_tells_what_is_wrong(store: WeightsStore) -> None:
    for name in ("changed", "missing", "unreadable"):
        store.add(record(name), write)
    store.tensors_path("changed").write_bytes(b"other")
    store.tensors_path("missing").unlink()
    (store.folder / "unreadable.json").write_text("{")
    (store.folder / "loose.safetensors").write_bytes(b"")
    found = {check.name: check.status for check in store.verify()}
    assert found == {"changed": "changed", "missing": "missing", "unreadable": "unreadable", "loose": "unrecorded"}


@pytest.mark.parametrize("text", ["{", "[]", "{}", '"x"', "\0", json.dumps({"name": "mine"})])
def test_a_damaged_record_is_reported(store: WeightsStore, text: str) -> None:
    store.add(record(), write)
    (store.folder / "mine.json").write_text(text)
    with pytest.raises(WeightsError, match="is damaged; remove it and import the weights again"):
        store.record("mine")


def test_a_name_is_taken_once_whatever_its_case(store: WeightsStore) -> None:
    store.add(record(), write)
    with pytest.raises(WeightsError, match="'Mine' are stored already"):
        store.add(record("Mine"), write)


def test_a_failed_write_leaves_nothing_behind(store: WeightsStore) -> None:
    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device"):
        store.add(record(), fail)
    assert list(store.folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be created .*GMIC_HOME"):
        WeightsStore(tmp_path / "file" / "weights").add(record(), write)


@pytest.mark.parametrize(
    "name",
    ["", "..", "../x", "a/b", "a\\b", "/etc/passwd", ".hidden", "a b", "CON", "nul.p", "x" * 65, "a\n", "a.", "é"],
)
def test_names_that_could_be_paths_are_refused(store: WeightsStore, name: str) -> None:
    with pytest.raises(WeightsError, match="cannot name weights"):
        check_name(name)
    with pytest.raises(WeightsError, match="cannot name weights"):
        store.record(name)
    with pytest.raises(WeightsError, match="cannot name weights"):
        store.add(record(name), write)


def test_names_are_made_from_files() -> None:
    names = ("sample_model_1.p", "My weights (new).pt", "çé.pt", "a.b.safetensors")
    assert [name_from_file(Path(name)) for name in names] == ["sample_model_1", "My_weights_new", "weights", "a.b"]
