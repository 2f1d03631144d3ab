"""Messages of errors name files, and files are named after patients: none of it is shown while identity is hidden."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from gmic_core.exam.model import Exam, PixelSource, Rejection
from tests.gui.test_displays import everything_said
from tests.helpers.panel_fakes import make_context, make_exam
from viewer.commands import Context, run
from viewer.model.worklist import BrokenFile, ListedExam, ListedFolder, ListScore
from viewer.views.main_window import MainWindow
from viewer.views.scores_view import ScoresView

FOLDER = "/data/ROENTGEN_Bertha"
SECRETS = ("roentgen", "bertha", "pid-77", "1995")


def named_exam() -> Exam:
    exam = replace(make_exam(), patient_name="ROENTGEN^Bertha", patient_id="PID-77", date="19951108")
    path = Path(FOLDER, "a.dcm")
    asked = replace(
        exam.images[0],
        source=PixelSource("png", (path,)),
        questions=(f"R-CC: {path} says left, its pixels say right.",),
        warnings=("The header of PID-77 was mended.",),
    )
    return replace(exam, images=(asked, *exam.images[1:]), warnings=(f"{FOLDER} holds two exams.",))


def settle() -> None:
    for _ in range(5):
        QApplication.processEvents()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def fill(context: Context) -> None:
    """Let everything that can fail name the patient."""
    session = context.session
    uids = tuple(image.sop_uid for image in session.exam.images) if session.exam is not None else ()
    session.results.expect("job", uids)
    for uid in uids:
        session.results.failed("job", uid, f"{FOLDER}/a.dcm cannot be decoded.")
    session.add_exams([], [Rejection(Path(FOLDER, "report.dcm"), f"a copy of {FOLDER}/a.dcm")])
    score = ListScore(None, "", "", 0, 4, refused=(f"R-CC DBT: {FOLDER}/a.dcm cannot be decoded.",))
    session.worklist.fill(
        [
            ListedExam("a", 1, "PID-77", "ROENTGEN^Bertha", "19951108", "4 DBT", 4, FOLDER, score=score),
            ListedExam(
                "b", 2, "PID-77", "ROENTGEN^Bertha", "19951108", "4 DBT", 4, FOLDER, missing=f"{FOLDER} is gone."
            ),
        ],
        [ListedFolder(FOLDER, 2)],
        [BrokenFile(f"{FOLDER}/b.dcm", f"{FOLDER}/b.dcm ends too early")],
    )
    session.set_ai(state="dead", message=f"The AI process ended over {FOLDER}/a.dcm.")


def test_what_errors_name_is_hidden_too(open_window: Callable[[Context], MainWindow]) -> None:
    context = make_context(named_exam())
    fill(context)
    window = open_window(context)
    run("worklist.toggle", context)
    context.session.notice.emit("error", f"{FOLDER}/c.dcm could not be read.")
    settle()
    assert f"{FOLDER}/c.dcm could not be read." in everything_said(window.worklist)
    assert f"No result for R-CC DBT: {FOLDER}/a.dcm cannot be decoded." in everything_said(window)
    run("view.hide_identity", context)
    settle()
    lines = everything_said(window).lower().split("\n")
    assert [line for line in lines if any(secret in line for secret in SECRETS)] == []
    context.session.notice.emit("error", f"{FOLDER}/c.dcm could not be read.")
    settle()
    assert window.worklist.message.text() == "[hidden] could not be read."
    (scores,) = window.findChildren(ScoresView)
    assert scores.message.text() == "No result for R-CC DBT: [hidden] cannot be decoded."


def test_a_message_on_the_worklist_names_the_readers_own_key(open_window: Callable[[Context], MainWindow]) -> None:
    context = make_context(make_exam())
    context.keys.assign({"ai.run_exam": ["Ctrl+F9"]})
    window = open_window(context)
    run("worklist.toggle", context)
    context.session.notice.emit("error", "R-CC was not finished: press {ai.run_exam} to run it again.")
    assert window.worklist.message.text() == "R-CC was not finished: press Ctrl+F9 to run it again."
    (scores,) = window.findChildren(ScoresView)
    assert scores.message.text() == "No AI result for R-CC DBT yet. Ctrl+F9 runs all images of the exam."
    context.session.overlays.update(visible=False)
    settle()
    assert scores.message.text() == "All AI is hidden. Press G to show it."
