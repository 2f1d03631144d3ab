"""The 3D view in the real window: the lesion where it is, linked to the slices, without OpenGL and with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gmic_core.exam.model import MammoImage
from gmic_core.phantom.exam import write_exam
from gmic_core.types import ImageResult, Modality
from tests.helpers.mouse import drag, wheel
from tests.helpers.opengl_trials import crash, hang
from tests.helpers.panel_fakes import make_result
from tests.helpers.small_exams import small_exam
from viewer.app import Application
from viewer.app.volume_probe import probe
from viewer.commands import COMMANDS, run, why_disabled
from viewer.model.volume import Engine
from viewer.model.volume_camera import Camera
from viewer.model.volume_grid import stored_to_plane
from viewer.model.volume_reslice import BLUR_NOTE
from viewer.views import volume_trial
from viewer.views.volume_pictures import Picture
from viewer.views.volume_view import VolumeView

Start = Callable[..., Application]
SOFTWARE = Engine("software", "llvmpipe (LLVM 15.0.6, 256 bits)")
MISSING = Engine("missing", "the graphics driver crashed (exit code -11)")


@pytest.fixture(scope="module")
def exam_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated exam with a mass and a cyst in the right breast."""
    return write_exam(small_exam(findings=("malignant-mass", "benign-cyst")), tmp_path_factory.mktemp("exams"))


@pytest.fixture(scope="session")
def opengl() -> Engine:
    """What OpenGL is on this machine, tried as the program does it."""
    return probe()


@pytest.fixture(scope="module")
def application(
    qapp: QApplication, exam_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Application]:
    """One window for all tests of this module: starting one takes longer than most of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMIC_HOME", str(tmp_path_factory.mktemp("home")))
        app = Application(qapp, remember=False)
        app.volumes._probe = lambda _post, done: done(MISSING)
        app.window.show()
        app.actions.open_paths([exam_folder])
        end = time.monotonic() + 120.0
        while app.session.exam is None and time.monotonic() < end:
            qapp.processEvents()
        yield app
        app.window.close()
        app.shutdown()


@pytest.fixture
def start(application: Application) -> Iterator[Start]:
    """Bring the window to its first state, with an answer about OpenGL."""
    session, model = application.session, application.session.volume

    def begin(engine: Engine = MISSING, size: tuple[int, int] = (1200, 800)) -> Application:
        assert session.exams
        application.window.resize(*size)
        application.actions.open_exam(session.exams[0])
        model.camera, model.kind, model.forced, model.problem = Camera(), "mip", False, ""
        model.set_status(engine=engine)
        return application

    yield begin
    if model.is_open:
        run("volume.toggle", application.context)


def show(app: Application, qtbot: QtBot, label: str = "R-CC", modality: Modality = Modality.DBT) -> VolumeView:
    """Open the 3D view on a view of the exam and wait for its picture."""
    assert app.session.exam is not None
    image = next(one for one in app.session.exam.images if (one.label, one.modality) == (label, modality))
    app.session.put_image(0, image)
    app.session.activate(0)
    if not app.session.volume.is_open:
        run("volume.toggle", app.context)
    assert app.volumes.view is not None
    painted(app.volumes.view, qtbot)
    return app.volumes.view


def painted(view: VolumeView, qtbot: QtBot) -> Picture:
    """Wait until the picture is that of the present state, and no draft."""
    QApplication.processEvents()
    qtbot.waitUntil(lambda: view.canvas.settled, timeout=60_000)
    assert view.picture is not None
    return view.picture


def truths(folder: Path, label: str) -> list[dict[str, object]]:
    """Return the findings that truth.json names in the tomosynthesis of a view."""
    document = json.loads((folder / "truth.json").read_text())
    view = next(one for one in document["views"] if f"{one['laterality']}-{one['view']}" == label)
    found: list[dict[str, object]] = view["images"]["DBT"]["findings"]
    return found


def place_of(view: VolumeView, finding: dict[str, object]) -> np.ndarray:
    """Return where truth.json says that a finding lies, in world mm."""
    at: dict[str, float] = finding["centre_pixel"]  # type: ignore[assignment]
    volume = view.canvas.volume
    assert volume is not None
    y, x = stored_to_plane(volume.image).apply([at["row"], at["column"]])
    return np.array([volume.grid.z_of(at["slice"]), y, x])


def lesion_result(image: MammoImage, finding: dict[str, object]) -> ImageResult:
    """Return a result whose malignant map is one hot cell on one slice: where truth.json puts the finding."""
    result = make_result(image, patches=3)
    at: dict[str, float] = finding["centre_pixel"]  # type: ignore[assignment]
    to_cells = np.linalg.inv(result.saliency_to_stored)
    row, column, _ = np.rint(to_cells @ [at["row"], at["column"], 1.0]).astype(int)
    saliency = np.zeros_like(result.saliency)
    saliency[round(at["slice"]), 1, row, column] = 0.9
    roi = replace(
        result.rois[0],
        slice_index=round(at["slice"]),
        row0=round(at["row"]) - 20, col0=round(at["column"]) - 20,
        row1=round(at["row"]) + 20, col1=round(at["column"]) + 20,
    )  # fmt: skip
    return replace(result, saliency=saliency, rois=(roi, *result.rois[1:]))


def orange(pixels: np.ndarray) -> tuple[float, float]:
    """Return (row, column) of the middle of what is coloured as malignant, weighted by how strongly."""
    colour = pixels[..., 2].astype(float) - pixels[..., 0]
    assert colour.max() > 20
    rows, cols = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    strong = np.where(colour > 10, colour, 0.0)
    return float((rows * strong).sum() / strong.sum()), float((cols * strong).sum() / strong.sum())


# -- nothing before it is asked for ----------------------------------------------------------------------------------
CODE = """
import json, sys
from PySide6.QtWidgets import QApplication
from viewer.app.window_run import make_qt
from viewer.app import Application
qt = make_qt()
app = Application(qt, remember=False)
app.window.show()
qt.processEvents()
before = sorted(name for name in sys.modules if name.split(".")[0] in ("vtk", "vtkmodules") or "volume_v" in name)
app.window.close()
app.shutdown()
print(json.dumps(before))
"""


def test_no_part_of_it_is_imported_before_it_is_opened() -> None:
    env = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    out = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120, env=env)
    assert json.loads(out.stdout.splitlines()[-1]) == []


def test_the_first_try_of_opengl_imports_neither_qt_nor_the_window() -> None:
    code = "import sys, viewer.views.volume_vtk; print(sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert "vtkmodules" in out.stdout
    assert "PySide6" not in out.stdout
    assert "viewer.app" not in out.stdout


def test_a_driver_that_crashes_ends_a_process_of_its_own() -> None:
    engine = probe(crash)
    assert engine.kind == "missing"
    assert engine.text == "the graphics driver crashed (exit code -6)"


def test_a_driver_that_hangs_is_given_up() -> None:
    engine = probe(hang, 0.5)
    assert (engine.kind, engine.text) == ("missing", "the graphics driver did not answer within 0 s")


def test_a_library_that_is_missing_is_named() -> None:
    class Pipe:
        sent: Engine | None = None

        def send(self, engine: Engine) -> None:
            self.sent = engine

    pipe = Pipe()
    before = sys.modules.get("viewer.views.volume_vtk")
    sys.modules["viewer.views.volume_vtk"] = None  # type: ignore[assignment]
    try:
        volume_trial.attempt(pipe)  # type: ignore[arg-type]
    finally:
        del sys.modules["viewer.views.volume_vtk"]
        if before is not None:
            sys.modules["viewer.views.volume_vtk"] = before
    assert pipe.sent is not None
    assert pipe.sent.kind == "missing"
    assert "volume_vtk" in pipe.sent.text


# -- without OpenGL ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("label", ["R-CC", "R-MLO"])
def test_a_simulated_lesion_lies_at_its_true_place(start: Start, qtbot: QtBot, exam_folder: Path, label: str) -> None:
    app = start()
    view = show(app, qtbot, label)
    volume = view.canvas.volume
    assert volume is not None
    mass = truths(exam_folder, label)[0]
    assert mass["kind"] == "malignant-mass"
    place = place_of(view, mass)
    k, r, c = (round(v) for v in volume.grid.voxels_at(place))
    inside = volume.gray.values[k, r - 2 : r + 3, c - 2 : c + 3].mean()
    ring = volume.gray.values[k, r - 30 : r + 31, c - 30 : c + 31]
    assert inside > np.median(ring[ring > 0]) + 10  # denser than what is around it
    app.session.results.restore(lesion_result(volume.image, mass))
    for camera in (Camera(), Camera(35.0, 20.0), Camera(90.0), Camera(0.0, -90.0), Camera(-120.0, 10.0)):
        app.session.volume.look(camera)
        picture = painted(view, qtbot)
        qtbot.waitUntil(lambda: np.ptp(view.picture.pixels[..., :3].astype(int), axis=2).max() > 20, timeout=30_000)  # type: ignore[union-attr]
        picture = painted(view, qtbot)
        assert picture.view is not None
        row, column = picture.view.apply(place)
        cell = 8.0 * picture.view.scale  # a cell of the map is about 3 mm wide, and hot where its middle is
        assert orange(picture.pixels) == pytest.approx((row, column), abs=cell / 2)


def test_a_click_on_the_lesion_goes_to_its_slice(start: Start, qtbot: QtBot, exam_folder: Path) -> None:
    app = start()
    view = show(app, qtbot)
    mass = truths(exam_folder, "R-CC")[0]
    first, last = mass["slice_range"]  # type: ignore[misc]
    image = app.session.active_image
    assert image is not None
    state = app.session.state_of(image)
    state.go_to_slice(0)
    app.session.volume.look(Camera(90.0))  # from the side, where depth is seen
    picture = painted(view, qtbot)
    assert picture.view is not None
    row, column = picture.view.apply(place_of(view, mass))
    ratio = picture.request.ratio
    QTest.mouseClick(
        view.canvas, Qt.MouseButton.LeftButton, pos=QPoint(round((column + 0.5) / ratio), round((row + 0.5) / ratio))
    )
    assert first <= state.slice_index <= last
    cursor = app.session.links.cursor
    assert cursor is not None
    assert (cursor.sop_uid, cursor.by) == (image.sop_uid, "keys")


def test_the_cursor_of_a_mammogram_is_followed(start: Start, qtbot: QtBot) -> None:
    app = start()
    assert app.session.exam is not None
    view = show(app, qtbot, modality=Modality.FFDM)
    assert view.title.text() == "R-CC DBT in 3D"
    ffdm = app.session.active_image
    assert ffdm is not None
    assert ffdm.modality is Modality.FFDM
    grid_view = next(one for one in app.window.grid.views if one.state is not None and one.state.image is ffdm)
    at = grid_view.from_view_mm((10.0, 20.0))
    assert at is not None
    QTest.mouseMove(grid_view, QPoint(5, 5))
    QTest.mouseMove(grid_view, at.toPoint())
    qtbot.waitUntil(lambda: app.session.volume.cursor is not None, timeout=5_000)
    y, x = app.session.volume.cursor  # type: ignore[misc]
    assert (y, x) == pytest.approx((10.0, -20.0), abs=0.6)  # a right breast: depth runs to the left


def test_the_slice_on_screen_is_outlined_in_depth(start: Start, qtbot: QtBot) -> None:
    app = start()
    view = show(app, qtbot)
    image = app.session.active_image
    assert image is not None
    app.session.volume.look(Camera(90.0))
    picture = painted(view, qtbot)
    state = app.session.state_of(image)
    places = []
    for index in (3, 12):
        state.go_to_slice(index)
        qtbot.waitUntil(lambda: not view.canvas._refresher.pending, timeout=5_000)
        shot = view.canvas.grab().toImage()
        middle = shot.height() // 4
        row = [shot.pixelColor(x, middle) for x in range(shot.width())]
        blue = [x for x, colour in enumerate(row) if colour.blue() > colour.red() + 60]
        assert blue
        places.append(sum(blue) / len(blue) / shot.width() * picture.request.size[0])
    assert picture.view is not None
    step = picture.view.apply([12.0, 0.0, 0.0])[1] - picture.view.apply([3.0, 0.0, 0.0])[1]
    assert view.canvas.volume is not None
    assert places[1] - places[0] == pytest.approx(step * view.canvas.volume.grid.away, abs=1.5)


def test_wheel_scrolls_and_keys_turn(start: Start, qtbot: QtBot) -> None:
    app = start()
    view = show(app, qtbot)
    image = app.session.active_image
    assert image is not None
    state, model = app.session.state_of(image), app.session.volume
    state.go_to_slice(5)
    wheel(view.canvas, -120)
    assert state.slice_index == 6
    wheel(view.canvas, 120, modifiers=Qt.KeyboardModifier.ControlModifier)
    assert model.camera.zoom == pytest.approx(1.15)
    view.canvas.setFocus()
    QTest.keyClick(view.canvas, Qt.Key.Key_Right)
    assert model.camera.azimuth == -15.0
    assert state.slice_index == 6
    run("volume.side", app.context)
    assert (model.camera.azimuth, model.camera.elevation) == (90.0, 0.0)
    drag(view.canvas, QPointF(view.canvas.rect().center()), QPointF(50, 0))
    assert model.camera.azimuth == pytest.approx(70.0)  # 0.4 degrees for each pixel


def test_a_reslice_moves_with_the_cursor_and_says_what_it_is_worth(
    start: Start, qtbot: QtBot, exam_folder: Path
) -> None:
    app = start()
    view = show(app, qtbot)
    run("volume.reslice", app.context)
    picture = painted(view, qtbot)
    assert [plane.name for plane, _ in picture.planes] == ["above", "side", "tilted"]
    assert BLUR_NOTE in view.quality.text()
    assert view.quality.isVisible()
    assert view.engine.text() == "Slices through the volume are computed without OpenGL."
    mass = truths(exam_folder, "R-CC")[0]
    place = place_of(view, mass)
    tilted, (top, left) = picture.planes[2]
    row, column = tilted.pixel_of(place)
    ratio = picture.request.ratio
    QTest.mouseClick(
        view.canvas,
        Qt.MouseButton.LeftButton,
        pos=QPoint(round((left + column + 0.5) / ratio), round((top + row + 0.5) / ratio)),
    )
    y, x = app.session.volume.cursor  # type: ignore[misc]
    assert (y, x) == pytest.approx((place[1], place[2]), abs=1.0)
    picture = painted(view, qtbot)
    side, (top, left) = picture.planes[1]
    row, column = side.pixel_of(place)
    QTest.mouseClick(
        view.canvas,
        Qt.MouseButton.LeftButton,
        pos=QPoint(round((left + column + 0.5) / ratio), round((top + row + 0.5) / ratio)),
    )
    image = app.session.active_image
    assert image is not None
    first, last = mass["slice_range"]  # type: ignore[misc]
    assert first <= app.session.state_of(image).slice_index <= last


def test_another_window_colours_the_volume_anew(start: Start, qtbot: QtBot) -> None:
    app = start()
    view = show(app, qtbot)
    before = view.canvas.volume
    assert before is not None
    image = before.image
    state = app.session.state_of(image)
    state.set_inverted(True)
    qtbot.waitUntil(lambda: view.canvas.volume is not before, timeout=20_000)
    after = view.canvas.volume
    assert after is not None
    assert after.stored is before.stored
    tissue = before.gray.values > 60
    assert np.abs(after.gray.values[tissue].astype(int) + before.gray.values[tissue] - 255).max() <= 1
    assert (after.gray.values[before.gray.values == 0] == 0).mean() > 0.9  # air stays black


def test_it_says_what_paints_and_why(start: Start, qtbot: QtBot) -> None:
    app = start(MISSING)
    view = show(app, qtbot)
    wanted = f"OpenGL is missing here ({MISSING.text}); the projection works without it."
    assert view.engine.text() == f"{wanted} Shown: the program's own projection."
    assert view.buttons["volume.shaded"].isEnabled() is False
    assert wanted in view.buttons["volume.shaded"].toolTip()
    assert view.buttons["volume.opengl"].isHidden()
    app.session.volume.set_status(engine=SOFTWARE)
    qtbot.waitUntil(lambda: not view.buttons["volume.opengl"].isHidden(), timeout=5_000)
    assert view.engine.text().startswith("OpenGL runs in software here (llvmpipe) and is slow.")
    assert why_disabled("volume.shaded", app.context) is not None
    assert why_disabled("volume.opengl", app.context) is None
    app.session.volume.set_status(engine=Engine("unknown"))
    assert why_disabled("volume.shaded", app.context) == "OpenGL is being tried; wait a few seconds."
    run("volume.next_kind", app.context)
    assert app.session.volume.kind == "reslice"
    run("volume.next_kind", app.context)
    assert app.session.volume.kind == "mip"


def test_opengl_that_fails_after_all_gives_way_to_the_projection(
    start: Start, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = start(Engine("hardware", "a card"))
    from viewer.views.volume_pictures import VolumePictures

    def broken(*_: object) -> None:
        raise ImportError("libGL.so.1 cannot be opened")

    monkeypatch.setattr(VolumePictures, "_by_opengl", broken)
    app.session.volume.set_kind("volume")
    view = show(app, qtbot)
    assert app.session.volume.engine == Engine("missing", "libGL.so.1 cannot be opened")
    assert app.session.volume.kind == "mip"
    assert "libGL.so.1 cannot be opened" in view.engine.text()


def test_opening_closing_and_another_exam(start: Start, qtbot: QtBot) -> None:
    app = start()
    assert why_disabled("volume.mip", app.context) == "the 3D view is closed; press 3 to open it."
    view = show(app, qtbot)
    width = app.window.grid.width()
    assert view.isVisible()
    assert COMMANDS["volume.toggle"].checked is not None
    assert COMMANDS["volume.toggle"].checked(app.context)
    run("volume.toggle", app.context)
    assert not view.isVisible()
    qtbot.waitUntil(lambda: app.window.grid.width() > width, timeout=5_000)
    assert app.volumes.volume is None  # its memory is given back
    assert view.canvas.volume is None
    run("volume.toggle", app.context)
    painted(view, qtbot)
    show(app, qtbot, "L-MLO")
    assert view.title.text() == "L-MLO DBT in 3D"
    assert view.badge.text() == "SIMULATED"
    app.session.open_exam(None)
    QApplication.processEvents()
    assert view.canvas.volume is None
    assert view.title.text() == "No tomosynthesis here"


def test_a_slice_that_cannot_be_read_is_told(start: Start, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    from gmic_core.errors import GmicError

    app = start()

    def broken(_image: MammoImage, index: int) -> np.ndarray:
        raise GmicError(f"Slice {index + 1} cannot be decoded; copy the file anew.")

    monkeypatch.setattr(app.volumes._service, "_decode", broken)
    assert app.session.exam is not None
    image = next(one for one in app.session.exam.images if one.frames > 1)
    app.session.put_image(0, image)
    run("volume.toggle", app.context)
    qtbot.waitUntil(lambda: app.session.volume.problem != "", timeout=20_000)
    assert app.session.volume.problem == "Slice 1 cannot be decoded; copy the file anew."


def test_everything_has_a_name_and_nothing_is_cut_off_on_a_small_screen(start: Start, qtbot: QtBot) -> None:
    app = start(SOFTWARE, (1366, 768))
    view = show(app, qtbot)
    for button in view.buttons.values():
        assert button.accessibleName()
        if button.isVisible():
            assert view.rect().contains(button.geometry())
        if button.isVisible() and button.text():
            assert button.width() >= button.sizeHint().width()
    assert view.canvas.accessibleName() == "3D view"
    assert view.canvas.width() > 300
    for label in (view.quality, view.engine):
        assert label.height() >= label.heightForWidth(label.width())


# -- with OpenGL -----------------------------------------------------------------------------------------------------
def test_opengl_shows_the_same_as_the_programs_own_projection(
    start: Start, qtbot: QtBot, exam_folder: Path, opengl: Engine
) -> None:
    if opengl.kind == "missing":
        pytest.skip(f"OpenGL is missing on this machine: {opengl.text}")
    app = start(opengl)
    view = show(app, qtbot)
    volume = view.canvas.volume
    assert volume is not None
    mass = truths(exam_folder, "R-CC")[0]
    app.session.results.restore(lesion_result(volume.image, mass))
    place = place_of(view, mass)
    model = app.session.volume
    if opengl.kind == "software":
        model.force_opengl(True)
    model.look(Camera(30.0, 15.0))
    picture = painted(view, qtbot)
    assert picture.request.opengl
    assert view.engine.text().startswith("Painted with OpenGL: ")
    assert picture.view is not None
    by_card = picture.pixels.copy()
    assert orange(by_card) == pytest.approx(tuple(picture.view.apply(place)), abs=4.0 * picture.view.scale)
    model.set_status(engine=MISSING)
    model.changed.emit()
    own = painted(view, qtbot)
    assert not own.request.opengl
    difference = np.abs(own.pixels[..., :3].astype(int) - by_card[..., :3])
    assert difference.mean() < 2.0  # the card samples along each line of sight, the program plane by plane


def test_the_shaded_volume_is_painted(start: Start, qtbot: QtBot, opengl: Engine) -> None:
    if opengl.kind == "missing":
        pytest.skip(f"OpenGL is missing on this machine: {opengl.text}")
    app = start(opengl)
    view = show(app, qtbot)
    app.session.volume.force_opengl(True)
    run("volume.shaded", app.context)
    picture = painted(view, qtbot)
    assert picture.request.kind == "volume"
    gray = picture.pixels[..., 0]
    assert 0.05 < (gray > 20).mean() < 0.9
    assert gray[2, 2] == 0


def test_stacks_are_turned_upright_for_vtk(opengl: Engine) -> None:
    if opengl.kind == "missing":
        pytest.skip(f"OpenGL is missing on this machine: {opengl.text}")
    from viewer.model.volume_project import Stack
    from viewer.views.volume_vtk import OpenGLError, upright

    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 2], matrix[2, 1], matrix[3, 3] = -1.0, 0.5, -2.0, 1.0  # reversed, transposed, mirrored
    matrix[:3, 3] = (7.0, 8.0, 9.0)
    turned, origin, spacing = upright(Stack(values, matrix))
    assert turned.shape == (2, 4, 3)
    assert (origin, spacing) == ((6.0, 8.0, 5.0), (1.0, 0.5, 2.0))
    assert turned[0, 1, 0] == values[1, 2, 1]
    askew = matrix.copy()
    askew[1, 0] = 0.3
    with pytest.raises(OpenGLError, match="askew"):
        upright(Stack(values, askew))
