"""Hanging in the whole application: the user's own protocols, a prior exam beside the current one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.helpers.dicom_files import breast, write_exam, write_mg
from viewer.app import Application
from viewer.commands import run, why_disabled
from viewer.views.menus import main_menu

Start = Callable[[Path], Application]

MINE = """\
format = 1
id = "mine"
label = "MLO, now over before"
grid = [2, 1]

[match]
prior = true

[steps]
order = 5
each = "exam"

[[slot]]
row = 0
column = 0
title = "R-MLO"
laterality = "R"
views = ["MLO"]
modalities = ["any"]

[[slot]]
row = 1
column = 0
title = "prior R-MLO"
laterality = "R"
views = ["MLO"]
modalities = ["any"]
date = "oldest"
"""


@pytest.fixture(scope="module")
def two_exams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two exams of one patient and one of another who has the same number, in one folder."""
    folder = tmp_path_factory.mktemp("patient")
    for name, date in (("before", "20210315"), ("now", "20240115")):
        (folder / name).mkdir()
        write_exam(folder / name, 128, 96, study=name, date=date)
    return folder


@pytest.fixture
def start(qtbot: QtBot, qapp: QApplication) -> Iterator[Start]:
    """Open a folder in an application that is closed at the end."""
    started: list[Application] = []

    def begin(folder: Path) -> Application:
        app = Application(qapp)
        started.append(app)
        app.window.resize(1200, 800)
        app.window.show()
        app.actions.open_paths([folder])
        qtbot.waitUntil(lambda: app.session.exam is not None, timeout=30_000)
        return app

    yield begin
    for app in started:
        app.window.close()
        app.shutdown()


def shown(app: Application) -> list[str]:
    """Return side, view and year of what hangs, once all of it is painted."""
    found = []
    for view in app.window.grid.views:
        exam = app.session.exam_of(view.state.image.sop_uid) if view.state else None
        found.append(f"{view.state.image.label} {exam.date[:4]}" if view.state and exam else "")
    return found


def test_the_prior_hangs_beside_the_newest_exam(qtbot: QtBot, start: Start, two_exams: Path) -> None:
    app = start(two_exams)
    assert app.session.exam is not None
    assert app.session.exam.date == "20240115"
    assert [exam.date for exam in app.session.priors] == ["20210315"]
    assert run("layout.prior", app.context)
    views = app.window.grid.views
    qtbot.waitUntil(lambda: all(view.picture() is not None for view in views), timeout=30_000)
    labels = ("R-CC", "L-CC", "R-MLO", "L-MLO")
    assert shown(app) == [f"{label} 2024" for label in labels] + [f"{label} 2021" for label in labels]
    scales = {app.session.placement(index).scale for index in range(8)}
    assert len(scales) == 1
    badges = [[text for line in view.corner_lines() for text, _ in line.line.badges] for view in views]
    assert ["PRIOR 2021-03-15" in words for words in badges] == [False] * 4 + [True] * 4
    assert run("layout.prior_view", app.context)
    assert shown(app) == ["R-CC 2024", "R-CC 2021"]


def test_the_older_exam_has_no_prior(start: Start, two_exams: Path) -> None:
    app = start(two_exams / "before")
    assert app.session.priors == []
    assert why_disabled("layout.prior", app.context) == (
        "no earlier exam of this patient is open; open its folder as well (Ctrl+Shift+O)."
    )
    assert not run("layout.prior", app.context)


def test_mixed_patients_and_shared_uids_are_split_with_a_warning(start: Start, tmp_path: Path) -> None:
    write_exam(tmp_path, 128, 96, patient="P1", study="one")
    for name, patient, seed in (("x", "P1", 1), ("y", "P1", 2), ("z", "P2", 3)):
        uid = "2.25.77" if patient == "P1" else None
        pixels = breast(128, 96, seed)
        write_mg(tmp_path / f"{name}.dcm", pixels, "L", "CC", patient=patient, study="one", series=name, sop_uid=uid)
    app = start(tmp_path)
    assert [(exam.patient_id, len(exam.images)) for exam in app.session.exams] == [("P1", 5), ("P1", 1), ("P2", 1)]
    assert app.session.exam is app.session.exams[0]  # not the image that was split off
    told = [banner.notice.text for banner in app.window.banners.banners if banner.notice.level == "warning"]
    assert sorted(told) == [
        "About this exam: another file has the UID of one of its images but other pixels; that one stands apart as an "
        "exam of its own.",
        "About this exam: another patient's images carry the same Study Instance UID; they were split.",
    ]
    for exam in app.session.exams:
        app.actions.open_exam(exam)
        own = {image.sop_uid for image in exam.images}
        for _ in range(8):
            assert {slot.state.image.sop_uid for slot in app.session.slots if slot.state} <= own
            run("layout.next", app.context)


def test_own_protocols_count_and_a_wrong_one_is_named(start: Start, two_exams: Path, gmic_home: Path) -> None:
    folder = gmic_home / "hanging"
    folder.mkdir()
    (folder / "a-wrong.toml").write_text(MINE.replace('date = "oldest"', 'date = "old"'), "utf-8")
    (folder / "b-mine.toml").write_text(MINE, "utf-8")
    app = start(two_exams)
    banners = [b.notice.text for b in app.window.banners.banners if "a-wrong.toml" in b.notice.text]
    assert len(banners) == 1
    assert 'a-wrong.toml, line 28, field date: must be "current", "prior", "oldest", "focus" or "any"' in banners[0]
    run("layout.previous", app.context)
    assert app.session.layout == "mine"  # its step comes before the four views
    assert shown(app) == ["R-MLO 2024", "R-MLO 2021"]
    menu = main_menu(app.context, app.window)
    hanging = next(sub for sub in menu.findChildren(type(menu)) if sub.title() == "Viewports and hanging")
    hanging.aboutToShow.emit()
    protocols = next(sub for sub in hanging.findChildren(type(menu)) if sub.title() == "Protocols")
    texts = [action.text() for action in protocols.actions()]
    assert texts[:2] == ["MLO, now over before", "Four views"]
    protocols.actions()[1].trigger()
    assert app.session.layout == "2x2"
