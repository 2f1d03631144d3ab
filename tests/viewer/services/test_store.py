"""What is kept, what comes back, and what must never come back."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gmic_core.coverage import Coverage, Structure
from gmic_core.errors import StoreError
from gmic_core.exam import image_key
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.inference.weights_key import is_of, joint_key, weights_key
from gmic_core.models.store import WeightsRecord, WeightsStore, file_sha256
from gmic_core.types import ImageResult, Laterality, Modality, Provenance, Roi
from viewer.services.result_record import arrays_of, from_record, to_record
from viewer.services.store import ResultStore

SHA = "ab" * 32


def result_for(uid: str, model: str = "gmic2d", slices: int = 1) -> ImageResult:
    rng = np.random.default_rng(1)
    provenance = Provenance(
        model, "w", SHA, False, "data", "1", "float32", "cpu", 1.5, "x", "2026-01-01T00:00:00+00:00"
    )
    return ImageResult(
        uid, Modality.FFDM, Laterality.R, "CC", (0.25, 0.75), (0.1, 0.2), (float("nan"), float("nan")),
        (Roi(0, 1, 2, 257, 258, 0.6, (0.1, 0.9)), Roi(0, 5, 6, 261, 262, 0.4)),
        rng.random((slices, 2, 5, 4)).astype(np.float16), np.diag([64.0, 64.0, 1.0]), np.eye(3), (320, 256),
        rng.random((slices, 2)).astype(np.float32), 0.02, provenance, ("a note",),
    )  # fmt: skip


@pytest.fixture
def image(exam):
    return exam.images[0]


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def store(home):
    return ResultStore(home)


def arrays_in(home: Path) -> list[Path]:
    return sorted((home / "results").iterdir())


def test_a_result_comes_back_whole(image, home):
    kept = result_for(image.sop_uid)
    ResultStore(home).save(image, "k", kept)
    found = ResultStore(home).load(image, "gmic2d", "k")
    assert found is not None
    for name in ("saliency", "saliency_to_stored", "window_to_stored", "profile"):
        np.testing.assert_array_equal(getattr(found, name), getattr(kept, name))
        assert getattr(found, name).dtype == getattr(kept, name).dtype
    assert found.sop_uid == image.sop_uid
    assert found.rois == kept.rois
    assert found.provenance == kept.provenance
    assert (found.y, found.y_global, found.notes, found.window_shape) == (kept.y, kept.y_global, kept.notes, (320, 256))
    assert (found.modality, found.laterality, found.view) == (Modality.FFDM, Laterality.R, "CC")
    assert np.isnan(found.y_local).all()


COVERAGE = Coverage(
    (10, 20, 310, 270), 5000, 100, 7, (Structure(1, 2, 13, 14, 144, attached=False),), 3, projected=True
)


def test_what_the_network_did_not_see_comes_back(image, store):
    kept = replace(result_for(image.sop_uid), coverage=COVERAGE)
    store.save(image, "k", kept)
    found = store.load(image, "gmic2d", "k")
    assert found is not None
    assert found.coverage == COVERAGE
    assert isinstance(found.coverage.seen, tuple)


def test_results_of_earlier_versions_did_not_count_it(image):
    kept = result_for(image.sop_uid)
    plain = json.loads(to_record(kept))
    del plain["coverage"]
    found = from_record(json.dumps(plain), image.sop_uid, arrays_of(kept))
    assert found.coverage is None
    assert found.outside_fraction == 0.02


def test_other_weights_models_or_images_never_meet_an_old_result(image, store):
    store.save(image, "k", result_for(image.sop_uid))
    assert store.load(image, "gmic2d", "other") is None
    assert store.load(image, "gmic3d", "k") is None
    assert store.load(image, "gmic2d", "") is None
    assert store.load(replace(image, sop_uid="1.2.9"), "gmic2d", "k") is None
    assert store.load(image, "gmic2d", "k") is not None


def test_a_reader_who_corrects_side_or_orientation_needs_a_new_run(image, store):
    store.save(image, "k", result_for(image.sop_uid))
    for change in ({"laterality": Laterality.L}, {"view": "MLO"}, {"patient_orientation": ("A", "R")}):
        assert {name: getattr(image, name) for name in change} != change
        assert store.load(replace(image, **change), "gmic2d", "k") is None


def test_other_pixels_under_the_same_uid_never_meet_an_old_result(image, store):
    store.save(image, "k", result_for(image.sop_uid))
    path = image.files[0]
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1  # one bit in the middle of the pixels, the same size
    path.write_bytes(bytes(data))
    os.utime(path, ns=(0, 0))
    assert store.load(image, "gmic2d", "k") is None
    path.unlink()
    assert store.load(image, "gmic2d", "k") is None


def test_a_copy_of_the_files_finds_its_results_and_is_known_from_then_on(image, store, tmp_path, monkeypatch):
    store.save(image, "k", result_for(image.sop_uid))
    copied = tmp_path / "copy.dcm"
    shutil.copyfile(image.files[0], copied)
    os.utime(copied, ns=(5, 5))
    copy = replace(image, source=replace(image.source, paths=(copied,)))
    assert store.load(copy, "gmic2d", "k") is not None
    monkeypatch.setattr("gmic_core.exam.image_key.content", lambda _image: pytest.fail("hashed again"))
    assert store.load(copy, "gmic2d", "k") is not None


def test_another_preprocessing_version_invalidates(image, store, monkeypatch):
    store.save(image, "k", result_for(image.sop_uid))
    monkeypatch.setattr("viewer.services.store.PREPROCESSING_VERSION", "another")
    assert store.load(image, "gmic2d", "k") is None


def test_an_exam_is_back_within_half_a_second(exam, store):
    images = [replace(exam.images[0], sop_uid=f"1.2.{n}") for n in range(8)]
    for image in images:
        store.save(image, "k", result_for(image.sop_uid, "gmic3d", slices=96))
    begin = time.perf_counter()
    found = store.load_exam(images, {image.sop_uid: ("gmic3d", "k") for image in images[:7]})
    assert time.perf_counter() - begin < 0.5
    assert [result.sop_uid for result in found] == [f"1.2.{n}" for n in range(7)]


def test_nothing_about_the_patient_and_no_path_from_a_file_is_kept(image, home, store):
    hostile = replace(image, sop_uid="../../../evil")
    store.save(hostile, "k", result_for(hostile.sop_uid))
    assert store.load(hostile, "gmic2d", "k") is not None
    assert {path.name for path in home.iterdir()} <= {
        "results", "results.sqlite", "results.sqlite-wal", "results.sqlite-shm",
    }  # fmt: skip
    assert [len(path.stem) for path in arrays_in(home)] == [64]
    for path in home.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"SIMULATED" not in data
            assert b"evil" not in data
            assert image.files[0].name.encode() not in data


def test_a_damaged_database_is_put_aside_with_a_message(image, home):
    home.mkdir()
    (home / "results.sqlite").write_bytes(b"this is no database, and long enough to be looked at" * 40)
    store = ResultStore(home)
    assert "put aside as results.damaged" in store.problem
    store.save(image, "k", result_for(image.sop_uid))
    assert store.load(image, "gmic2d", "k") is not None
    assert ResultStore(home).problem == ""


def test_a_database_damaged_inside_is_found_when_it_is_opened(home, exam):
    store = ResultStore(home)
    for n in range(60):  # several pages
        store.save(exam.images[0], f"k{n}", result_for("1"))
    path = home / "results.sqlite"
    data = bytearray(path.read_bytes())
    assert len(data) > 3 * 4096
    data[4096:] = bytes(len(data) - 4096)
    path.write_bytes(bytes(data))
    assert "put aside" in ResultStore(home).problem


def test_a_database_of_another_version_is_put_aside(home):
    home.mkdir()
    database = sqlite3.connect(home / "results.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    assert "schema 99" in ResultStore(home).problem


def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_so(image, tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = ResultStore(tmp_path / "file")
    assert "AI results are not kept" in store.problem
    assert "GMIC_HOME" in store.problem
    store.save(image, "k", result_for(image.sop_uid))
    assert store.load(image, "gmic2d", "k") is None


def test_a_result_that_cannot_be_written_is_told(image, home, store):
    shutil.rmtree(home / "results")
    with pytest.raises(StoreError, match="could not be kept"):
        store.save(image, "k", result_for(image.sop_uid))


@pytest.mark.parametrize("rubbish", [b"PK\x03\x04 rubbish", b"", b"\x93NUMPY not really"])
def test_damaged_arrays_drop_the_result(image, home, store, rubbish):
    store.save(image, "k", result_for(image.sop_uid))
    (array,) = arrays_in(home)
    array.write_bytes(rubbish)
    assert store.load(image, "gmic2d", "k") is None
    assert arrays_in(home) == []


def test_the_results_not_looked_at_for_longest_make_room(exam, home):
    image = exam.images[0]
    size = ResultStore(home)
    size.save(image, "0", result_for("1"))
    each = arrays_in(home)[0].stat().st_size
    store = ResultStore(home, max_bytes=3 * each + 10)
    for n in range(1, 3):
        store.save(image, str(n), result_for("1"))
    assert store.load(image, "gmic2d", "0") is not None  # looked at: 1 is the oldest now
    store.save(image, "3", result_for("1"))
    assert len(arrays_in(home)) == 3
    assert store.load(image, "gmic2d", "1") is None
    assert all(store.load(image, "gmic2d", key) is not None for key in "023")


def test_files_of_no_result_are_removed_after_a_while(image, home, store):
    young, old = home / "results" / "young.npz", home / "results" / "old.npz"
    for path in (young, old):
        path.write_bytes(b"x")
    os.utime(old, (0, 0))
    store.save(image, "k", result_for(image.sop_uid))
    assert young.exists()
    assert not old.exists()


# -- weights ---------------------------------------------------------------------------------------------------------


def record(name: str, **hyper: object) -> WeightsRecord:
    return WeightsRecord(name, "gmic2d", "", 0, "f.p", "", "none", "none", "2026-01-01", hyper)


def test_the_key_of_weights_is_their_content_and_their_settings(tmp_path: Path):
    one, two = tmp_path / "sample_model_1.p", tmp_path / "sample_model_2.p"
    one.write_bytes(b"abc")
    two.write_bytes(b"abc")
    assert file_sha256(one) in weights_key(str(one))
    assert weights_key(str(one)) != weights_key(str(two))  # the settings of loose files follow from their names
    before = weights_key(str(one))
    restored = one.stat()
    one.write_bytes(b"abd")
    os.utime(one, ns=(restored.st_atime_ns, restored.st_mtime_ns))  # as if nothing had happened
    assert weights_key(str(one)) != before
    assert weights_key("not-there") == ""
    assert weights_key("random:3") != weights_key("random:4")
    assert joint_key(("random:0", str(one))) == f"{weights_key('random:0')}+{weights_key(str(one))}"
    assert joint_key(("random:0", "not-there")) == ""


def test_the_key_of_stored_weights_changes_with_file_and_settings():
    shelf = WeightsStore()
    shelf.add(record("one", top_t=0.02), lambda path: path.write_bytes(b"abc"))
    shelf.add(record("two", top_t=0.03), lambda path: path.write_bytes(b"abc"))
    key = weights_key("one")
    assert file_sha256(shelf.tensors_path("one")) in key
    assert weights_key("ONE") == key  # names are found whatever their case
    assert weights_key("two") != key
    shelf.tensors_path("one").write_bytes(b"abd")
    assert weights_key("one") != key


def test_a_result_is_kept_only_for_the_weights_that_it_was_made_with(tmp_path: Path):
    file = tmp_path / "w.p"
    file.write_bytes(b"abc")
    digest = file_sha256(file)
    refs = ("random:0", str(file))
    assert is_of(joint_key(refs), refs, f"anything + {digest}")
    assert not is_of(joint_key(refs), refs, "anything + " + "0" * 64)
    assert not is_of(joint_key(refs), refs, digest)


# -- files that change -----------------------------------------------------------------------------------------------
def flip_a_pixel(path: Path, *, same_time: bool = False) -> None:
    """Change one pixel in place; header, size and (where wanted) time of the file stay."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[-1000] ^= 1
    path.write_bytes(bytes(data))
    if same_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_edit_that_restores_the_time_of_the_file_is_noticed(image, store):
    store.save(image, "k", result_for(image.sop_uid))
    before = image_key.file_stamp(image.files[0])
    flip_a_pixel(image.files[0], same_time=True)
    assert image_key.file_stamp(image.files[0]) == before
    assert store.load(image, "gmic2d", "k") is None
    assert store.record(image, "gmic2d", "k") is None


def test_a_file_whose_permissions_change_keeps_its_result(image, store):
    store.save(image, "k", result_for(image.sop_uid))
    image.files[0].chmod(0o600)
    assert store.load(image, "gmic2d", "k") is not None


def test_a_result_of_pixels_that_are_no_more_is_not_kept(image, home, store):
    read = image_key.stamp(image)
    flip_a_pixel(image.files[0])
    store.save(image, "k", result_for(image.sop_uid), read)
    assert store.load(image, "gmic2d", "k") is None
    assert arrays_in(home) == []


def test_images_in_an_archive_keep_their_results_until_it_changes(image, store, tmp_path):
    archive = tmp_path / "exam.zip"

    def packed() -> MammoImage:
        with zipfile.ZipFile(archive, "w") as file:
            file.write(image.files[0], "a.dcm")
        return scan([archive]).exams[0].images[0]

    store.save(packed(), "k", result_for(image.sop_uid))
    assert store.load(packed(), "gmic2d", "k") is not None  # unpacked anew: another copy of the same bytes
    flip_a_pixel(image.files[0])
    assert store.load(packed(), "gmic2d", "k") is None
