"""What is kept, what comes back, and what must never come back."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gmic_core.models.store import file_sha256
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi
from viewer.services.store import ResultStore
from viewer.services.weights_key import joint_key, weights_key


def result_for(uid: str, model: str = "gmic2d") -> ImageResult:
    rng = np.random.default_rng(1)
    provenance = Provenance(
        model, "w", "ab", False, "data", "1", "float32", "cpu", 1.5, "x", "2026-01-01T00:00:00+00:00"
    )
    return ImageResult(
        uid, Modality.FFDM, Laterality.R, "CC", (0.25, 0.75), (0.1, 0.2), (float("nan"), float("nan")),
        (Roi(0, 1, 2, 257, 258, 0.6, (0.1, 0.9)), Roi(0, 5, 6, 261, 262, 0.4)),
        rng.random((1, 2, 5, 4)).astype(np.float16), np.diag([64.0, 64.0, 1.0]), np.eye(3), (320, 256),
        rng.random((1, 2)).astype(np.float32), 0.02, provenance, ("a note",),
    )  # fmt: skip


@pytest.fixture
def image(exam):
    return exam.images[0]


def test_a_result_comes_back_whole(image, tmp_path):
    kept = result_for(image.sop_uid)
    ResultStore(tmp_path).save(image, "random:0", kept)
    found = ResultStore(tmp_path).load(image, "gmic2d", "random:0")
    assert found is not None
    for name in ("saliency", "saliency_to_stored", "window_to_stored", "profile"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))
        assert getattr(found, name).dtype == getattr(kept, name).dtype
    assert found.rois == kept.rois
    assert found.provenance == kept.provenance
    assert (found.y, found.y_global, found.notes, found.window_shape) == (kept.y, kept.y_global, kept.notes, (320, 256))
    assert np.isnan(found.y_local).all()


def test_other_weights_models_or_pixels_never_meet_an_old_result(image, tmp_path):
    store = ResultStore(tmp_path)
    store.save(image, "random:0", result_for(image.sop_uid))
    assert store.load(image, "gmic2d", "random:1") is None
    assert store.load(image, "gmic3d", "random:0") is None
    assert store.load(image, "gmic2d", "") is None
    assert store.load(replace(image, sop_uid="1.2.9"), "gmic2d", "random:0") is None
    path = image.files[0]
    path.write_bytes(path.read_bytes() + b"\0")  # other pixels under the same UID
    assert store.load(image, "gmic2d", "random:0") is None


def test_another_preprocessing_version_invalidates(image, tmp_path, monkeypatch):
    store = ResultStore(tmp_path)
    store.save(image, "random:0", result_for(image.sop_uid))
    monkeypatch.setattr("viewer.services.store.PREPROCESSING_VERSION", "another")
    assert store.load(image, "gmic2d", "random:0") is None


def test_nothing_about_the_patient_and_no_path_from_a_file_is_kept(image, tmp_path):
    hostile = replace(image, sop_uid="../../../evil")
    store = ResultStore(tmp_path)
    store.save(hostile, "random:0", result_for(hostile.sop_uid))
    assert store.load(hostile, "gmic2d", "random:0") is not None
    assert {path.name for path in tmp_path.iterdir()} <= {
        "exam", "results", "results.sqlite", "results.sqlite-wal", "results.sqlite-shm",
    }  # fmt: skip
    assert all(len(path.stem) == 64 for path in (tmp_path / "results").iterdir())
    assert b"SIMULATED" not in (tmp_path / "results.sqlite").read_bytes()


def test_a_damaged_database_is_put_aside_with_a_message(image, tmp_path):
    (tmp_path / "results.sqlite").write_bytes(b"this is no database, and long enough to be looked at" * 40)
    store = ResultStore(tmp_path)
    assert "put aside as results.damaged" in store.problem
    store.save(image, "random:0", result_for(image.sop_uid))
    assert store.load(image, "gmic2d", "random:0") is not None


def test_a_database_of_another_version_is_put_aside(tmp_path):
    with sqlite3.connect(tmp_path / "results.sqlite") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    assert "schema 99" in ResultStore(tmp_path).problem


def test_damaged_arrays_drop_the_result(image, tmp_path):
    store = ResultStore(tmp_path)
    store.save(image, "random:0", result_for(image.sop_uid))
    (array,) = (tmp_path / "results").iterdir()
    array.write_bytes(b"PK\x03\x04 rubbish")
    assert store.load(image, "gmic2d", "random:0") is None
    assert list((tmp_path / "results").iterdir()) == []


def test_the_key_of_weights_is_their_content(tmp_path: Path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(b"abc")
    assert weights_key(str(file)) == file_sha256(file)
    assert weights_key("random:3") == "random:3"
    assert weights_key("not-there") == ""
    assert joint_key(("random:0", str(file))) == f"random:0+{file_sha256(file)}"
    assert joint_key(("random:0", "not-there")) == ""
