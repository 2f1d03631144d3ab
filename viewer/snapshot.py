"""``gmic-viewer snapshot``: the real main window, rendered without a display and saved when everything has settled."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop
from PySide6.QtWidgets import QApplication

from gmic_core.errors import GmicError
from gmic_core.exam.model import MammoImage
from gmic_core.segmentation.read_process import suffix_of
from gmic_core.types import Modality
from viewer.app.application import Application
from viewer.app.window_run import make_qt
from viewer.commands import run, why_disabled
from viewer.commands.measuring import why_not
from viewer.commands.table import with_keys
from viewer.model.settings import Settings
from viewer.model.volume_camera import Camera
from viewer.views.segmentation_dialog import SegmentationDialog

SCAN_S, FRAMES_S, AI_S = 120.0, 120.0, 3600.0
"""Patience with reading, decoding and the networks, in seconds."""
STILL_S = 0.15
"""The picture is taken when nothing has been going on for so long."""
LAST_ROUNDS = 3
TURNED = Camera(30.0, 15.0)
"""How a volume is looked at: turned enough for its depth to be seen."""


class UsageError(Exception):
    """The request names a view, modality or slice that the exam does not have."""


@dataclass(frozen=True)
class Request:
    """What to render; the fields are the options of the command."""

    paths: list[Path]
    out: Path
    layout: str = "2x2"
    view: str | None = None
    modality: str | None = None
    slice: int | None = None  # counted from 1, as the window shows it
    overlay: str = "both"
    volume: str | None = None  # projection or reslice: with the 3D view beside the images
    segmentations: tuple[Path, ...] | list[Path] = ()  # label maps, or folders of them: with annotation mode
    measure: bool = False  # with the figures of the AI result against the segmentation
    run_ai: bool = False
    weights: tuple[str, ...] | list[str] = ()
    size: tuple[int, int] = (1600, 1000)
    scale: float = 1.0


def take(request: Request) -> int:
    """Render one picture; return the exit code of the command."""
    qt = make_qt(request.scale)
    ratio = qt.devicePixelRatio()
    try:
        size = (round(request.size[0] / ratio), round(request.size[1] / ratio))
        with Stage(qt, size, request.weights) as stage:
            stage.open(request.paths)
            if request.run_ai:
                stage.run_ai()
            stage.arrange(request)
            if request.segmentations:
                stage.annotate(request.segmentations, measure=request.measure)
            stage.save(request.out)
    except UsageError as error:
        sys.stderr.write(f"gmic-viewer snapshot: {error}\n")
        return 2
    except GmicError as error:
        sys.stderr.write(f"gmic-viewer snapshot: {error}\n")
        return 1
    sys.stdout.write(f"{request.out}\n")
    return 0


class Stage:
    """A window without a display, moved from state to state by a script.

    Parameters
    ----------
    size : of the window in pixels.
    named : weights, ``[MODEL=]REF``.
    """

    def __init__(self, qt: QApplication, size: tuple[int, int], named: tuple[str, ...] | list[str] = ()) -> None:
        self._qt = qt
        # nothing that this user set for reading may show in a picture that has to come out the same everywhere
        self.app = Application(qt, settings=Settings(), named=named, remember=False)
        self.app.window.resize(*size)
        self.app.window.show()

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        """Close the window and stop the services."""
        self.app.window.close()
        self.app.shutdown()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    # -- waiting -------------------------------------------------------------------------------------------------
    def wait(
        self, done: Callable[[], bool], patience: float, what: str, meanwhile: Callable[[], None] | None = None
    ) -> None:
        """Let the application run until ``done``; call ``meanwhile`` now and then.

        Raises
        ------
        GmicError
            If it takes longer than ``patience`` seconds.
        """
        end = time.monotonic() + patience
        while not done():
            if time.monotonic() > end:
                raise GmicError(f"{what} took longer than {patience:.0f} s and was given up.")
            self._qt.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 20)
            if meanwhile is not None:
                meanwhile()
            time.sleep(0.005)

    def settle(self) -> None:
        """Wait until every visible viewport and thumbnail is painted and nothing moves any more."""
        self.wait(self._frames_there, FRAMES_S, "Reading the images")
        still = time.monotonic() + STILL_S
        self.wait(lambda: time.monotonic() > still, FRAMES_S, "Painting")

    def _frames_there(self) -> bool:
        views = [view for view in self.app.window.grid.views if view.isVisible() and view.state is not None]
        if not all(view.picture() is not None or view.has_failed for view in views):
            return False
        if self.app.window.ai.isVisible() and self.app.window.ai.patches.list.is_waiting:
            return False
        exam, loader = self.app.session.exam, self.app.loader
        images = exam.images if exam is not None else ()
        return self._failed_or(images, lambda image: bool(loader.loaded(image))) and not self.app.runs.restoring

    def _failed_or(self, images: tuple[MammoImage, ...], there: Callable[[MammoImage], bool]) -> bool:
        return all(there(image) or image.sop_uid in self.app.failed_images for image in images)

    # -- what the script does ------------------------------------------------------------------------------------
    def open(self, paths: list[Path]) -> None:
        """Open paths as if they had been dropped on the window.

        Raises
        ------
        GmicError
            If nothing was found in them; the message says why.
        """
        session = self.app.session
        notices: list[str] = []
        session.notice.connect(lambda level, text: notices.append(text) if level == "error" else None)
        self.app.opening.open_paths(paths)
        self.wait(lambda: not self.app.scanner.busy, SCAN_S, "Reading the files")
        if session.exam is None:
            raise GmicError(notices[-1] if notices else "No breast image was found.")

    def run_ai(
        self,
        wanted: Callable[[MammoImage], bool] = lambda _image: True,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Run the networks on the images of the exam that have no result for these weights yet.

        Parameters
        ----------
        wanted : which of them.
        tell : told now and then how far it is.

        Raises
        ------
        GmicError
            If none of them got a result; the message is the first one's reason.
        """
        session = self.app.session
        self.wait(lambda: not self.app.runs.restoring, FRAMES_S, "Reading kept results")
        notices: list[str] = []
        session.notice.connect(lambda level, text: notices.append(text) if level == "error" else None)
        images = [image for image in (session.exam.images if session.exam else ()) if wanted(image)]
        self.app.runs.run_on([image for image in images if session.results.get(image.sop_uid) is None])
        self.wait(lambda: not session.results.pending, AI_S, "Running the networks", lambda: self._tell_ai(tell))
        entries = [entry for image in images if (entry := session.results.get(image.sop_uid))]
        if not any(entry.status == "done" for entry in entries):
            reasons = [*notices, *(entry.message for entry in entries if entry.message)]
            raise GmicError(reasons[0] if reasons else "No image got an AI result.")

    def _tell_ai(self, tell: Callable[[str], None] | None) -> None:
        status = self.app.window.status
        if tell is not None and self.app.session.results.pending:
            tell(" ".join(text for text in (status.activity.text(), status.progress.text) if text))

    def arrange(self, request: Request) -> None:
        """Hang, choose image, slice and overlay.

        Raises
        ------
        UsageError
            If the exam has no such image or slice.
        """
        session = self.app.session
        image = self._chosen(request)
        if image is not None:
            self.app.opening.focus(image, request.layout)
            if session.active_image is None or session.active_image.sop_uid != image.sop_uid:
                session.put_image(session.active, image)
        else:
            self.app.opening.hang(request.layout)
        shown = request.overlay
        session.overlays.update(malignant=shown in ("both", "malignant"), benign=shown in ("both", "benign"))
        if shown == "none":
            session.overlays.update(visible=False)
        if request.slice is not None:
            self._go_to(request.slice)
        if request.volume is not None:
            self.show_volume(request.volume)

    def show_volume(self, kind: str) -> None:
        """Open the 3D view of the active image, a little turned, and wait for its picture.

        Raises
        ------
        UsageError
            If there is no volume.
        """
        reason = why_disabled("volume.toggle", self.app.context)
        if reason is not None:
            raise UsageError(reason)
        model = self.app.session.volume
        model.set_kind("reslice" if kind == "reslice" else "mip")
        model.look(TURNED)
        self.app.volumes.toggle()
        self.wait(lambda: model.engine.kind != "unknown", FRAMES_S, "Trying OpenGL")
        self.wait(self.app.volumes.settled, FRAMES_S, "Painting the volume")

    def annotate(self, paths: Sequence[Path], *, measure: bool) -> None:
        """Begin annotation mode with label maps on the images that they belong to.

        Parameters
        ----------
        paths : label maps, and folders in which all of them are meant.
        measure : show what the AI result of the active image is worth against its segmentation.

        Raises
        ------
        UsageError
            If one of them cannot be laid on an image without a question, or there is nothing to measure.
        """
        app, session = self.app, self.app.session
        files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
        maps = [file for file in files if not file.is_dir() and suffix_of(file) is not None]
        if not maps:
            raise UsageError("there is no label map in what --segmentation names; give .nii.gz, .nrrd, .mha or .png")
        refused: list[str] = []
        session.notice.connect(lambda level, text: refused.append(text) if level == "error" else None)
        run("annotate.toggle", app.context)
        app.segmentations.open_files(maps, None)
        self.wait(lambda: not app.segmentations.laying.under_way, SCAN_S, "Reading the segmentations")
        asked = app.window.findChildren(SegmentationDialog)
        if refused or asked:
            raise UsageError(refused[0] if refused else f"{asked[0].windowTitle()} {asked[0].doubt}")
        self.wait(self._listed, SCAN_S, "Listing the lesions")
        if not measure:
            return
        reason = why_not(app.context)
        if reason is not None:
            raise UsageError(with_keys(reason, app.context))
        if not session.measuring.shown:  # it comes by itself where a file is laid on an image with a result
            run("measure.toggle", app.context)
        self.wait(lambda: session.measuring.current and session.measuring.misses_current, SCAN_S, "Measuring")

    def _listed(self) -> bool:
        """Whether lesions and projections are those of all segmentations as they are."""
        annotation = self.app.session.annotation
        return all(
            one.lesions_revision == one.map.revision and (not one.map.counts or uid in annotation.projections)
            for uid, one in annotation.images.items()
        )

    def _chosen(self, request: Request) -> MammoImage | None:
        if request.view is None and request.modality is None:
            return None
        exam = self.app.session.exam
        images = list(exam.images) if exam is not None else []
        known = ", ".join(sorted({f"{image.label} {image.modality}" for image in images}))
        if request.modality is not None:
            wanted = request.modality.upper()
            if wanted not in [str(modality) for modality in Modality]:
                raise UsageError(f"there is no modality {request.modality}; choose FFDM, DBT, S2D, MG or OTHER")
            images = [image for image in images if image.modality == wanted]
        if request.view is not None:
            images = [image for image in images if image.label == request.view.upper()]
        if not images:
            asked = " ".join(word for word in (request.view, request.modality) if word)
            raise UsageError(f"the exam has no {asked}; it has {known}")
        # beside its 2D images a volume is what one looks at first, and only it has slices
        volumes = [image for image in images if image.modality is Modality.DBT]
        return volumes[0] if request.layout == "compare" and volumes else images[0]

    def _go_to(self, number: int) -> None:
        state = self.app.session.active_state
        frames = state.image.frames if state is not None else 0
        if state is None or not 1 <= number <= frames:
            raise UsageError(f"there is no slice {number}; the image has {frames}")
        state.go_to_slice(number - 1)

    def save(self, path: Path) -> None:
        """Save the window as it is when it has settled.

        Raises
        ------
        GmicError
            If the file cannot be written.
        """
        self.settle()
        for _ in range(LAST_ROUNDS):  # on a busy machine a text may have changed just now, and its layout follows
            self._qt.processEvents()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self.app.window.grab().save(str(path), "PNG"):
            raise GmicError(f"{path} cannot be written; choose another folder.")
