"""Only what changed is read again, and exams stay whole whatever changed around them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gmic_core.errors import ExamError
from gmic_core.exam.model import Exam, ScanResult, VoiTable, VoiWindow
from gmic_core.exam.scan import scan
from tests.helpers.dicom_files import breast, write_dbt_series, write_exam, write_mg
from viewer.services.exam_record import exam_key, from_text, to_text
from viewer.services.worklist_scan import KnownFolder, list_files, scan_folder
from viewer.services.worklist_store import GONE, WorklistStore


class Folder:
    """A listed folder and its store; counts what is read."""

    def __init__(self, place: Path, home: Path) -> None:
        self.place, self.store = place, WorklistStore(home)
        self.read: list[str] = []
        assert self.store.add_folder(str(place)) == ""

    def _read(self, paths: list[Path]) -> ScanResult:
        self.read += [str(path.relative_to(self.place)) for path in paths]
        return scan(paths)

    def scan(self) -> list[str]:
        """Bring the list up to date; return the files that had to be read."""
        self.read = []
        now = list_files(self.place, lambda: False)
        self.store.apply(str(self.place), scan_folder(self.store.known(str(self.place)), now, self._read))
        return sorted(set(self.read))

    def rows(self) -> dict[str, str]:
        """Return contents by patient id."""
        return {row.patient_id: row.contents for row in self.store.listing()[0]}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    place = tmp_path / "exams"
    for number in (1, 2):
        (place / f"exam{number}").mkdir(parents=True)
        write_exam(place / f"exam{number}", 64, 48, patient=f"SIM-{number}", study=str(number))
    (place / "notes.txt").write_text("no image")
    return Folder(place, tmp_path / "home")


def test_a_second_scan_reads_nothing(folder: Folder) -> None:
    assert len(folder.scan()) == 9
    assert folder.rows() == {"SIM-1": "4 FFDM", "SIM-2": "4 FFDM"}
    assert [(Path(file.path).name, file.reason) for file in folder.store.listing()[2]] == [
        ("notes.txt", "a document, not an image")
    ]
    assert folder.scan() == []


def test_a_new_image_is_read_with_its_exam_only_and_makes_it_new_again(folder: Folder) -> None:
    folder.scan()
    key = folder.store.listing()[0][0].key
    folder.store.set_states([key], "done")
    write_mg(
        folder.place / "exam1" / "extra.dcm",
        breast(64, 48, seed=9),
        laterality="L",
        view="ML",
        patient="SIM-1",
        study="1",
    )
    read = folder.scan()
    assert {path.split("/")[0] for path in read} == {"exam1", "notes.txt"} - {"notes.txt"}
    assert folder.rows()["SIM-1"] == "5 FFDM"
    assert folder.store.listing()[0][0].state == "new"


def test_a_study_in_several_folders_stays_one_exam(folder: Folder) -> None:
    folder.scan()
    (folder.place / "later").mkdir()
    write_mg(
        folder.place / "later" / "x.dcm", breast(64, 48, seed=9), laterality="L", view="ML", patient="SIM-2", study="2"
    )
    read = folder.scan()
    assert folder.rows() == {"SIM-1": "4 FFDM", "SIM-2": "5 FFDM"}
    assert not any(path.startswith("exam1") for path in read)


def test_a_slice_added_to_a_series_makes_the_volume_longer(tmp_path: Path) -> None:
    place = tmp_path / "exams"
    (place / "dbt").mkdir(parents=True)
    files = write_dbt_series(place / "dbt", [breast(64, 48, seed=k) for k in range(4)], laterality="L", view="CC")
    last = sorted(files)[-1]
    kept = last.read_bytes()
    last.unlink()
    folder = Folder(place, tmp_path / "home")
    folder.scan()
    key = folder.store.listing()[0][0].key
    assert folder.store.exam(key).images[0].frames == 3  # type: ignore[union-attr]
    last.write_bytes(kept)
    folder.scan()
    assert folder.store.exam(key).images[0].frames == 4  # type: ignore[union-attr]


def test_deleted_exams_are_told_not_dropped_and_come_back_with_their_state(folder: Folder) -> None:
    folder.scan()
    key = next(row.key for row in folder.store.listing()[0] if row.patient_id == "SIM-2")
    folder.store.set_states([key], "done")
    moved = folder.place.parent / "elsewhere"
    os.rename(folder.place / "exam2", moved)
    folder.scan()
    row = next(row for row in folder.store.listing()[0] if row.key == key)
    assert (row.missing, row.state) == (GONE, "done")
    assert key not in folder.store.keys()
    os.rename(moved, folder.place / "exam2")
    folder.scan()
    row = next(row for row in folder.store.listing()[0] if row.key == key)
    assert (row.missing, row.state, row.number) == ("", "done", 2)


def test_a_file_that_became_damaged_is_listed_with_its_reason(folder: Folder) -> None:
    folder.scan()
    for file in sorted((folder.place / "exam1").iterdir())[:1]:
        file.write_bytes(b"\0" * 128 + b"DICM" + b"damaged")
    folder.scan()
    assert folder.rows()["SIM-1"] == "3 FFDM"
    assert len(folder.store.listing()[2]) == 2


def test_a_folder_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ExamError, match="The folder is not there; connect its drive, or remove it from the worklist"):
        list_files(tmp_path / "gone", lambda: False)


def test_listed_folders_do_not_overlap(folder: Folder, tmp_path: Path) -> None:
    folder.scan()
    assert folder.store.add_folder(str(folder.place)) == "The folder is listed already."
    assert folder.store.add_folder(str(folder.place / "exam1")) == "A folder around it is listed already."
    assert folder.store.add_folder(str(tmp_path)) == ""
    assert folder.store.folder_paths() == [str(tmp_path)]
    assert {row.folder for row in folder.store.listing()[0]} == {str(tmp_path)}


def test_a_copy_in_another_listed_folder_is_not_listed_twice(folder: Folder, tmp_path: Path) -> None:
    folder.scan()
    other = tmp_path / "copy"
    other.mkdir()
    for file in (folder.place / "exam1").iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    assert folder.store.add_folder(str(other)) == ""
    found = scan_folder(KnownFolder(), list_files(other, lambda: False), lambda paths: scan(paths))
    folder.store.apply(str(other), found)
    rows, folders, broken = folder.store.listing()
    assert len(rows) == 2
    assert [one.exams for one in folders] == [2, 0]
    reasons = {file.reason for file in broken if file.path.startswith(str(other))}
    assert reasons == {"a copy of an exam that is listed from another folder"}


def test_a_damaged_list_is_put_aside(tmp_path: Path) -> None:
    (tmp_path / "worklist.sqlite").write_bytes(b"no database at all, and long enough to be taken for one" * 20)
    store = WorklistStore(tmp_path)
    assert store.usable
    assert "was put aside as worklist.damaged; add its folders again" in store.problem
    assert (tmp_path / "worklist.damaged").exists()


# -- exams as text -----------------------------------------------------------------------------------------------


def test_exams_survive_being_written_down(exam: Exam) -> None:
    from dataclasses import replace

    image = replace(
        exam.images[0],
        voi_tables=(VoiTable(0, 12, (1, 2, 3)),),
        frame_windows=(VoiWindow(1.5, 2.0, "SIGMOID"), VoiTable(1, 8, (4,))),
        patient_orientation=("A", "R"),
    )
    changed = replace(exam, images=(image, *exam.images[1:]))
    assert from_text(to_text(changed)) == changed


def test_text_of_another_version_is_not_guessed_at(exam: Exam) -> None:
    data = json.loads(to_text(exam))
    data["shape"] = "another"
    assert from_text(json.dumps(data)) is None


@pytest.mark.parametrize("damage", [lambda d: d["exam"].update(date=5), lambda d: d["exam"].pop("images")])
def test_damaged_text_is_an_error(exam: Exam, damage: Callable[[dict], object]) -> None:
    data = json.loads(to_text(exam))
    damage(data)
    with pytest.raises((TypeError, KeyError, ValueError)):
        from_text(json.dumps(data))


def test_exams_of_another_version_are_read_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.scan()
    before = {row.key for row in folder.store.listing()[0]}
    monkeypatch.setattr("viewer.services.exam_record.shape_of", lambda _kind: "a later version")
    assert folder.store.exam(next(iter(before))) is None
    assert len(folder.scan()) == 8
    assert {row.key for row in folder.store.listing()[0]} == before
    assert exam_key(folder.store.exam(next(iter(before)))) in before  # type: ignore[arg-type]
