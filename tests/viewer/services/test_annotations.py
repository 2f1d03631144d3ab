"""Segmentations on the disk: a journal entry after each stroke, full saves, and what a killed process leaves."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from gmic_core.errors import SegmentationError
from gmic_core.exam.model import MammoImage
from gmic_core.segmentation.label_descriptions import LabelDescription
from gmic_core.types import Modality
from tests.helpers.panel_fakes import make_image
from viewer.model.annotation.brush import Brush, Ink, Stroke
from viewer.model.annotation.edits import Edit
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.lesion_ids import KnownLesion
from viewer.model.annotation.place import image_geometry, image_shape, voxel_mm
from viewer.services.annotation_about import NOTHING, About, about_bytes, about_from
from viewer.services.annotations import AnnotationStore

MASS = (LabelDescription(1, "Raumforderung, größer", (255, 160, 0)),)


@pytest.fixture
def image() -> MammoImage:
    return make_image("R", "CC", Modality.DBT, frames=6)


def _store(folder: Path, problems: list[str] | None = None, every: float = 20.0) -> AnnotationStore:
    told = problems if problems is not None else []
    return AnnotationStore(told.append, folder=folder, full_save_s=every)


def _stroke(labels: LabelMap, image: MammoImage, number: int) -> Edit:
    brush, ink = Brush(3.0, deep=number % 2 == 0), Ink(number % 3 + 1)
    stroke = Stroke(labels, number % image.frames, brush, ink, voxel_mm(image))
    stroke.to((20.0 + 7 * number % 400, 40.0 + 3 * number % 300))
    stroke.to((60.0 + 5 * number % 400, 90.0 + number % 300))
    return stroke.end()


def _files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_what_is_drawn_comes_back(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    for number in range(5):
        store.edit(image.sop_uid, _stroke(labels, image, number))
    store.name(image.sop_uid, MASS)
    store.close()
    again = _store(tmp_path)
    kept = again.load(image, image_geometry(image))
    assert kept is not None
    assert (kept.map.dense() == labels.dense()).all()
    assert kept.map.counts == labels.counts
    assert (kept.names, kept.closed, kept.replayed) == (MASS, True, 0)
    again.close()


def test_each_stroke_is_on_the_disk_before_any_full_save(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    for number in range(3):
        store.edit(image.sop_uid, _stroke(labels, image, number))
        assert store.flush()
        kept = _store(tmp_path).load(image, image_geometry(image))
        assert kept is not None
        assert (kept.replayed, kept.closed) == (number + 1, False)
        assert (kept.map.dense() == labels.dense()).all()
    assert [name for name in _files(tmp_path) if name.startswith("labels")] == []
    store.close()


def test_a_full_save_follows_and_what_came_before_it_goes(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path, every=0.2), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    for number in range(4):
        store.edit(image.sop_uid, _stroke(labels, image, number))
    deadline = time.monotonic() + 20
    while not any(name.startswith("labels") for name in _files(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert store.flush()
    names = _files(tmp_path)
    number = next(int(name[7:-7]) for name in names if name.startswith("labels"))
    assert names == [f"journal-{number}", f"labels-{number}.nii.gz", f"names-{number}.json"]
    path = next(tmp_path.rglob("labels-*.nii.gz"))
    written = nibabel.load(path)
    assert (np.asarray(written.dataobj).T == labels.dense()).all()
    assert written.get_data_dtype() == np.uint8
    assert np.allclose(written.affine, np.diag([-0.1, -0.1, 1.0, 1.0]))
    store.close()


def test_a_torn_entry_is_left_out_and_what_follows_goes_on(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    for number in range(3):
        store.edit(image.sop_uid, _stroke(labels, image, number))
    assert store.flush()
    before = labels.dense()
    store.edit(image.sop_uid, _stroke(labels, image, 3))
    assert store.flush()
    journal = next(tmp_path.rglob("journal-*"))
    journal.write_bytes(journal.read_bytes()[:-9])  # as a power failure leaves it
    other = _store(tmp_path)
    kept = other.load(image, image_geometry(image))
    assert kept is not None
    assert (kept.map.dense() == before).all()
    other.adopt(image, image_geometry(image), kept.map.copy(), kept.names, kept)
    other.edit(image.sop_uid, _stroke(kept.map, image, 5))
    other.close()
    last = _store(tmp_path).load(image, image_geometry(image))
    assert last is not None
    assert (last.map.dense() == kept.map.dense()).all()


def test_every_cut_of_a_journal_is_some_state_that_was(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    states = [labels.dense()]
    for number in range(4):
        store.edit(image.sop_uid, _stroke(labels, image, number))
        states.append(labels.dense())
    assert store.flush()
    journal = next(tmp_path.rglob("journal-*"))
    data = journal.read_bytes()
    found = []
    for length in np.linspace(40, len(data), 25).astype(int):
        journal.write_bytes(data[:length])
        kept = _store(tmp_path).load(image, image_geometry(image))
        dense = kept.map.dense() if kept is not None else states[0]
        found.append(next(k for k, state in enumerate(states) if (state == dense).all()))
    assert found == sorted(found)
    assert found[-1] == 4
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    journal.write_bytes(bytes(flipped))
    kept = _store(tmp_path).load(image, image_geometry(image))
    assert kept is not None
    assert kept.replayed < 4


def test_another_segmentation_takes_the_place_of_the_kept_one(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    store.edit(image.sop_uid, _stroke(labels, image, 1))
    other = LabelMap(image_shape(image))
    _stroke(other, image, 2)
    store.adopt(image, image_geometry(image), other.copy(), MASS)
    assert store.flush()
    kept = _store(tmp_path).load(image, image_geometry(image))
    assert kept is not None
    assert (kept.map.dense() == other.dense()).all()
    store.discard(image.sop_uid)
    store.close()
    assert _store(tmp_path).load(image, image_geometry(image)) is None


def test_other_pixels_under_the_same_uid_do_not_get_it(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    store.edit(image.sop_uid, _stroke(labels, image, 1))
    store.close()
    assert _store(tmp_path).load(make_image("R", "CC", Modality.DBT, frames=7), image_geometry(image)) is None
    folder = next(path.parent for path in tmp_path.rglob("journal-*"))
    for path in folder.glob("labels-*"):
        path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SegmentationError, match="damaged"):
        _store(tmp_path).load(image, image_geometry(image))


def test_a_full_disk_is_told_once_and_never_mixes_states(
    tmp_path: Path, image: MammoImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems: list[str] = []
    store, labels = _store(tmp_path, problems), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), ())
    store.edit(image.sop_uid, _stroke(labels, image, 1))
    assert store.flush()
    whole = labels.dense()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        store.edit(image.sop_uid, _stroke(labels, image, 2))
        assert store.flush()
    store.edit(image.sop_uid, _stroke(labels, image, 3))
    assert store.flush()
    assert problems == [
        "What is drawn from now on is shown but not kept (No space left on device). Save the segmentation, then free "
        "space in the data folder or set GMIC_HOME to a folder that you may write to."
    ]
    kept = _store(tmp_path).load(image, image_geometry(image))
    assert kept is not None
    assert kept.replayed <= 2
    assert (kept.map.dense() == whole).all() or kept.replayed == 2
    store.close()


ABOUT = About(
    (KnownLesion(1, 1, (2, 5), (10, 20, 40, 60)),), ((1, "größer als 2019"),), Path("/data/case 7/mask.nii.gz"),
    (120, 1_700_000_000_000_000_001), True,
)  # fmt: skip


def test_notes_and_the_original_file_come_back(tmp_path: Path, image: MammoImage) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    _stroke(labels, image, 1)
    store.adopt(image, image_geometry(image), labels.copy(), MASS, about=ABOUT)
    store.close()
    kept = _store(tmp_path).load(image, image_geometry(image))
    assert kept is not None
    assert (kept.about, kept.names, kept.closed) == (ABOUT, MASS, True)
    assert [name.split("-")[0] for name in _files(tmp_path)] == ["about", "journal", "labels", "names"]


@pytest.mark.parametrize("closes", [True, False])
def test_after_an_edit_the_file_no_longer_holds_it(tmp_path: Path, image: MammoImage, closes: bool) -> None:
    store, labels = _store(tmp_path), LabelMap(image_shape(image))
    _stroke(labels, image, 1)
    store.adopt(image, image_geometry(image), labels.copy(), MASS, about=ABOUT)
    store.edit(image.sop_uid, _stroke(labels, image, 2))
    assert store.close() is None if closes else store.flush()
    kept = _store(tmp_path).load(image, image_geometry(image))
    assert kept is not None
    assert kept.about == replace(ABOUT, saved=False)
    assert kept.closed is closes
    store.describe(image.sop_uid, ABOUT)  # saved to its file
    if not closes:
        assert store.flush()
        again = _store(tmp_path).load(image, image_geometry(image))
        assert again is not None
        assert (again.about, again.replayed, again.closed) == (ABOUT, 1, False)
    store.close()


def test_a_record_that_makes_no_sense_is_not_believed() -> None:
    assert about_from(about_bytes(ABOUT)) == ABOUT
    assert about_from(about_bytes(NOTHING)) == NOTHING
    for text in (b"{}", b"[]", b"nonsense", about_bytes(ABOUT).replace(b"[[1, 1, 2, 5", b"[[0, 1, 2, 5")):
        with pytest.raises(SegmentationError, match="Notes on lesions in the journal are damaged"):
            about_from(text)
    for path in (b"mask.nii.gz", b"/etc/passwd"):  # no absolute path, no label map: nothing is ever written there
        found = about_from(about_bytes(ABOUT).replace(b"/data/case 7/mask.nii.gz", path))
        assert (found.path, found.saved) == (None, False)
        assert found.remarks == ABOUT.remarks


def test_the_original_file_is_in_no_log(
    tmp_path: Path, image: MammoImage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    problems: list[str] = []
    store, labels = _store(tmp_path, problems), LabelMap(image_shape(image))
    store.adopt(image, image_geometry(image), labels.copy(), MASS, about=ABOUT)
    assert store.flush()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device", str(ABOUT.path))

    monkeypatch.setattr(os, "fsync", full)
    store.edit(image.sop_uid, _stroke(labels, image, 2))
    assert store.flush()
    store.close()
    assert len(problems) == 1
    assert "case 7" not in " ".join([*problems, caplog.text])


CHILD = """
import sys
from pathlib import Path
from tests.viewer.services.test_annotations import _store, _stroke
from tests.helpers.panel_fakes import make_image
from gmic_core.types import Modality
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.place import image_geometry, image_shape

image = make_image("R", "CC", Modality.DBT, frames=6)
labels = LabelMap(image_shape(image))
store = _store(Path(sys.argv[1]), every=0.05)
store.adopt(image, image_geometry(image), labels.copy(), ())
for number in range(10000):
    store.edit(image.sop_uid, _stroke(labels, image, number))
    store.flush()
    print(number + 1, flush=True)
"""


@pytest.mark.parametrize("strokes", [1, 12])
def test_a_killed_process_loses_at_most_the_unfinished_stroke(tmp_path: Path, image: MammoImage, strokes: int) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        reported = 0
        while reported < strokes:
            reported = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        for line in child.stdout:
            reported = int(line)
    kept = _store(tmp_path).load(image, image_geometry(image))
    assert kept is not None
    assert not kept.closed
    states = LabelMap(image_shape(image))
    for number in range(reported):
        _stroke(states, image, number)
    as_reported = states.dense()
    _stroke(states, image, reported)  # written down, but not reported before the end came
    assert (kept.map.dense() == as_reported).all() or (kept.map.dense() == states.dense()).all()
