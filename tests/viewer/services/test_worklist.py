"""The worklist's service with real files and processes, and AI over the list with a worker that does as told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gmic_core.exam.model import Exam
from tests.helpers import fake_worker
from tests.helpers.dicom_files import write_exam
from tests.helpers.gui_thread import FakeGuiThread
from viewer.model.session import Session
from viewer.model.worklist import ListedExam, Worklist
from viewer.services.inference import InferenceClient
from viewer.services.list_run import ListRunner
from viewer.services.list_scores import ListScores
from viewer.services.store import ResultStore
from viewer.services.worklist import WorklistService
from viewer.services.worklist_scan import FolderScan
from viewer.services.worklist_store import WorklistStore

MODELS = ("gmic2d", "gmic3d", "gmic2d_park")


class Desk:
    """A worklist without a window: the reader's session, the service, the run over the list."""

    def __init__(self, home: Path, post: FakeGuiThread, ref: str = "random:1") -> None:
        self.post, self.ref = post, ref
        self.session = Session()
        self.worklist: Worklist = self.session.worklist
        self.notices: list[tuple[str, str]] = []
        self.session.notice.connect(lambda level, text: self.notices.append((level, text)))
        self.results = ResultStore(home)
        self.store = WorklistStore(home)
        self.clients: list[InferenceClient] = []
        scores = ListScores(self.results, lambda _images: dict.fromkeys(MODELS, (self.ref,)))
        self.service = WorklistService(
            self.worklist, self.store, scores, post, self.session.notice.emit, lambda exam: exam
        )
        self.runner = ListRunner(
            self.service, self.session, self._client, lambda done: post(done), lambda: "cpu", self.session.notice.emit
        )

    def _client(self, session: Session) -> InferenceClient:
        self.clients.append(InferenceClient(session, self.results, self.post, main=fake_worker.main))
        return self.clients[-1]

    def list_exam(self, exam: Exam, folder: str = "/listed") -> None:
        """List an exam as a scan would."""
        self.store.add_folder(folder)
        files = tuple(str(path) for image in exam.images for path in image.files)
        self.store.apply(folder, FolderScan(exams=((exam, files),)))
        self.worklist.fill(*self.store.listing())
        self.service.refresh_scores()
        self.post.run_until(lambda: all(row.score is not None for row in self.worklist.exams))

    @property
    def row(self) -> ListedExam:
        """The first row."""
        return self.worklist.exams[0]

    def close(self) -> None:
        """Stop everything."""
        self.runner.close(3.0)
        self.service.close()


@pytest.fixture
def make_desk(tmp_path: Path, post: FakeGuiThread) -> Iterator[Callable[..., Desk]]:
    made: list[Desk] = []

    def make(ref: str = "random:1") -> Desk:
        made.append(Desk(tmp_path / "home", post, ref))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


# -- folders -----------------------------------------------------------------------------------------------------


def test_a_listed_folder_is_read_in_the_background_and_kept(
    make_desk: Callable[..., Desk], post: FakeGuiThread, tmp_path: Path
) -> None:
    place = tmp_path / "exams"
    place.mkdir()
    write_exam(place, 64, 48, patient="SIM-7", modalities=("FFDM", "DBT"), slices=3)
    (place / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"damaged")
    desk = make_desk()
    desk.service.add_folder(place)
    post.run_until(lambda: bool(desk.worklist.exams) and desk.worklist.scan is None)
    assert (desk.row.patient_id, desk.row.contents, desk.row.state) == ("SIM-7", "4 FFDM, 4 DBT", "new")
    assert [Path(file.path).name for file in desk.worklist.broken] == ["broken.dcm"]
    desk.service.set_state([desk.row.key], "done")
    desk.close()

    again = make_desk()
    again.service.start()
    post.run_until(lambda: bool(again.worklist.exams) and again.worklist.scan is None)
    assert again.row.state == "done"


def test_a_folder_that_went_away_is_told_and_its_exams_stay(
    make_desk: Callable[..., Desk], post: FakeGuiThread, tmp_path: Path
) -> None:
    place = tmp_path / "exams"
    place.mkdir()
    write_exam(place, 64, 48, patient="SIM-7")
    desk = make_desk()
    desk.service.add_folder(place)
    post.run_until(lambda: bool(desk.worklist.exams) and desk.worklist.scan is None)
    place.rename(tmp_path / "unplugged")
    desk.service.rescan()
    post.run_until(lambda: bool(desk.worklist.folders[0].problem))
    post.run_until(lambda: desk.worklist.scan is None)
    assert desk.worklist.folders[0].problem.startswith("The folder is not there; connect its drive")
    assert desk.row.missing == desk.worklist.folders[0].problem
    said: list[str] = []
    desk.service.fetch(desk.row.key, lambda _exam, _others: said.append("opened"), said.append)
    post.run_until(lambda: bool(said))
    assert said[0].startswith("The exam cannot be opened. The folder is not there")
    post.run_until(lambda: desk.worklist.scan is None)
    (tmp_path / "unplugged").rename(place)
    desk.service.rescan()
    post.run_until(lambda: not desk.worklist.folders[0].problem and desk.worklist.scan is None)
    assert desk.row.missing == ""


def test_other_exams_of_the_patient_come_with_an_exam(
    make_desk: Callable[..., Desk], post: FakeGuiThread, tmp_path: Path
) -> None:
    place = tmp_path / "exams"
    for study, patient in (("1", "SIM-7"), ("2", "SIM-7"), ("3", "SIM-8")):
        (place / study).mkdir(parents=True)
        write_exam(place / study, 64, 48, patient=patient, study=study)
    desk = make_desk()
    desk.service.add_folder(place)
    post.run_until(lambda: len(desk.worklist.exams) == 3 and desk.worklist.scan is None)
    got: list[tuple[Exam, list[Exam]]] = []
    key = next(row.key for row in desk.worklist.exams if row.patient_id == "SIM-7")
    desk.service.fetch(key, lambda exam, others: got.append((exam, others)), lambda _text: None)
    post.run_until(lambda: bool(got))
    exam, others = got[0]
    assert len(exam.images) == 4
    assert [other.patient_id for other in others] == ["SIM-7"]
    assert others[0].study_uid != exam.study_uid


# -- AI over the list --------------------------------------------------------------------------------------------


def test_the_run_computes_what_is_missing_and_says_so(
    make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam
) -> None:
    desk = make_desk()
    desk.list_exam(exam)
    assert (desk.row.score.done, desk.row.score.total) == (0, 3)  # type: ignore[union-attr]
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.state == "off")
    assert desk.notices[-1] == ("info", "AI over the worklist is done: 3 of 3 images.")
    post.run_until(lambda: desk.row.score.done == 3)  # type: ignore[union-attr]
    score = desk.row.score
    assert score is not None
    assert score.malignant == pytest.approx(0.2)
    assert score.where == "R FFDM, CC alone"
    assert score.origin.startswith("gmic2d fake (sha 00000000)")
    post.run_until(lambda: desk.store.run_state() == "off")


def test_nothing_is_computed_twice(make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam) -> None:
    desk = make_desk()
    desk.list_exam(exam)
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.state == "off")
    assert len(desk.clients) == 1
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.state == "off" and len(desk.notices) == 2)
    assert len(desk.clients) == 1  # no worker was even started
    assert desk.notices[-1] == ("info", "AI over the worklist is done: 3 of 3 images.")


def test_images_that_fail_are_told_and_not_tried_again(
    make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam
) -> None:
    desk = make_desk("bad")
    desk.list_exam(exam)
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.state == "off")
    assert desk.notices[-1][1] == (
        "AI over the worklist is done: 0 of 3 images. 3 could not be computed; the worklist says why."
    )
    post.run_until(lambda: len(desk.row.score.refused) == 3)  # type: ignore[union-attr]
    assert "R-CC FFDM: It was a bad image." in desk.row.score.refused  # type: ignore[union-attr]
    assert desk.service.work_of(desk.row.key).missing == ()  # type: ignore[union-attr]


def test_a_run_is_paused_and_goes_on_after_a_restart(
    make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam
) -> None:
    desk = make_desk("slow")
    desk.list_exam(exam)
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.now != "")
    assert desk.worklist.run.now in ("R-CC FFDM", "L-CC FFDM", "L-CC DBT")
    desk.runner.pause()
    assert desk.worklist.run.state == "paused"
    desk.close()

    later = make_desk()
    later.list_exam(exam)
    later.runner.restore()
    post.run_until(lambda: later.worklist.run.state == "paused")
    later.runner.resume()
    post.run_until(lambda: later.worklist.run.state == "off")
    assert later.notices[-1] == ("info", "AI over the worklist is done: 3 of 3 images.")


def test_a_run_that_the_end_of_the_program_cut_goes_on_by_itself(
    make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam
) -> None:
    desk = make_desk("slow")
    desk.list_exam(exam)
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.now != "")
    desk.close()

    later = make_desk()
    later.list_exam(exam)
    later.runner.restore()
    post.run_until(lambda: later.worklist.run.state == "off" and len(later.notices) == 2)
    assert [text for _, text in later.notices] == [
        "AI goes on over the worklist, as it did when the program was closed.",
        "AI over the worklist is done: 3 of 3 images.",
    ]


def test_the_reader_comes_first(make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam) -> None:
    desk = make_desk("slow")
    desk.list_exam(exam)
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.now != "")
    desk.session.set_ai(state="running")
    assert desk.worklist.run.state == "waiting"
    desk.ref = "random:1"
    desk.service.refresh_scores()  # other weights were chosen meanwhile
    desk.session.set_ai(state="idle")
    post.run_until(lambda: desk.worklist.run.state == "off")
    assert desk.worklist.run.done == 3


def test_results_of_the_open_exam_appear_as_they_come(
    make_desk: Callable[..., Desk], post: FakeGuiThread, exam: Exam
) -> None:
    desk = make_desk()
    desk.session.open_exam(exam)
    desk.list_exam(exam)
    desk.runner.start()
    post.run_until(lambda: desk.worklist.run.state == "off")
    assert {desk.session.results.get(image.sop_uid).status for image in exam.images} == {"done"}  # type: ignore[union-attr]
