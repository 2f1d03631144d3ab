"""Make the pictures of the user guide: the real window, without a display, on a simulated exam.

    make pictures                                  # the exam of make demo, into docs/images
    python packaging/pictures.py EXAM OUT LIST     # another exam, another folder; exams to list

LIST is a folder of more simulated exams for the picture of the worklist (gmic-core phantom --size small --count 5);
its path is in the picture. Without it the worklist is not taken.

Only simulated breasts are shown, so that the pictures may be published. What somebody set for reading stays out:
they have a data folder of their own, ``build/pictures``, where AI results are kept for the next time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QWidget

from gmic_core.exam.model import MammoImage
from gmic_core.types import Finding
from viewer.app.weights import demo_weights
from viewer.app.window_run import make_qt
from viewer.commands import run
from viewer.model.marks import Mark
from viewer.snapshot import FRAMES_S, Request, Stage
from viewer.views.dialogs import MessageDialog

ROOT = Path(__file__).resolve().parent.parent
SIZE = (1600, 1000)
SMALL, LARGE = (1366, 768), (2560, 1440)
VIEW = "R-CC"


class Pictures:
    """Takes one picture after the other of one window.

    Parameters
    ----------
    stage : the window.
    out : folder of the pictures.
    listed : folder of the exams in the worklist.
    """

    def __init__(self, stage: Stage, out: Path, listed: Path | None) -> None:
        self._stage, self._out, self._listed = stage, out, listed
        self._app = stage.app

    def all(self) -> None:
        """Take every picture."""
        self._hung("overview", "2x2", "FFDM", overlay="none")
        self._hung("compare", "compare", "DBT", peak=True)
        self._hung("volume", "single", "DBT", peak=True)
        self._hung("reading-1366x768", "compare", "DBT", peak=True, size=SMALL)
        self._hung("reading-2560x1440", "all", "DBT", peak=True, size=LARGE)
        self._hung("marks", "single", "FFDM", overlay="none", then=self._measure)
        self._hung("projection", "single", "DBT", peak=True, volume="projection")
        self._with("keys", "help.show")
        if self._listed is not None:
            self._worklist(self._listed)
        self._window("settings", "settings.show", lambda: self._app.preferences.settings_dialog)
        self._window("guide", "help.guide", lambda: self._app.preferences.guide)
        dialog = MessageDialog(
            "error",
            "R-CC DBT could not be read",
            "The file ends before its last slice. Copy it again from the archive; the other images are shown.",
            self._app.window,
            details="R-CC_DBT.dcm: 41 of 66 fragments are there.",
        )
        dialog.show()
        self._save_widget("error", dialog)
        dialog.close()

    # -- kinds of picture ----------------------------------------------------------------------------------------
    def _hung(
        self,
        name: str,
        layout: str,
        modality: str,
        *,
        overlay: str = "both",
        peak: bool = False,
        volume: str | None = None,
        size: tuple[int, int] = SIZE,
        then: Callable[[MammoImage], object] | None = None,
    ) -> None:
        """Picture the window as it hangs; at the slice with the most malignant saliency where asked."""
        window, session = self._app.window, self._app.session
        window.resize(*size)
        session.overlays.update(visible=True)
        self._stage.arrange(Request([], self._out, layout, VIEW, modality, overlay=overlay))
        image = session.active_image
        if image is None:
            raise SystemExit(f"the exam has no {VIEW} {modality}")
        if peak:
            self._to_peak(image)
        if volume is not None:
            self._stage.show_volume(volume)
        if then is not None:
            then(image)
        self._stage.save(self._out / f"{name}.png")
        if volume is not None:
            self._app.volumes.toggle()
        for mark in session.marks.of(image.sop_uid).marks:
            session.marks.remove(mark.id)

    def _to_peak(self, image: MammoImage) -> None:
        entry, state = self._app.session.results.get(image.sop_uid), self._app.session.active_state
        if entry is not None and entry.result is not None and state is not None:
            state.go_to_slice(int(entry.result.saliency[:, Finding.MALIGNANT].sum(axis=(1, 2)).argmax()))

    def _measure(self, image: MammoImage) -> None:
        """Draw one mark of each common kind."""
        rows, columns = image.rows, image.columns

        def at(down: float, across: float) -> tuple[float, float]:
            return rows * down, columns * across

        uid, marks = image.sop_uid, self._app.session.marks
        marks.add(Mark("length", uid, 0, (at(0.40, 0.62), at(0.44, 0.74))))
        marks.add(Mark("ellipse", uid, 0, (at(0.52, 0.80), at(0.60, 0.90))))
        marks.add(Mark("arrow", uid, 0, (at(0.30, 0.70), at(0.36, 0.76)), "to be discussed"))
        marks.add(Mark("angle", uid, 0, (at(0.66, 0.70), at(0.70, 0.84), at(0.76, 0.72))))

    def _with(self, name: str, command: str) -> None:
        """Picture the window with what a command lays over it."""
        run(command, self._app.context)
        self._stage.save(self._out / f"{name}.png")
        self._app.window.escape()

    def _worklist(self, place: Path) -> None:
        worklist = self._app.session.worklist
        for folder in worklist.folders:  # of other times
            run("worklist.remove_folder", self._app.context, folder.path)
        run("worklist.add_folders", self._app.context, [place])
        self._stage.wait(lambda: bool(worklist.rows()) and worklist.scan is None, FRAMES_S, "Listing the exams")
        worklist.show(True)
        self._stage.save(self._out / "worklist.png")
        self._app.session.worklist.show(False)

    def _window(self, name: str, command: str, found: Callable[[], QWidget | None]) -> None:
        run(command, self._app.context)
        widget = found()
        assert widget is not None
        self._save_widget(name, widget)
        widget.close()

    def _save_widget(self, name: str, widget: QWidget) -> None:
        self._stage.settle()
        if not widget.grab().save(str(self._out / f"{name}.png")):
            raise SystemExit(f"{self._out} cannot be written")


def main(exam: Path, out: Path, listed: Path | None) -> None:
    """Take all pictures of an exam."""
    if not exam.is_dir():
        raise SystemExit(f"there is no exam in {exam}; make demo makes one")
    out.mkdir(parents=True, exist_ok=True)
    os.environ["GMIC_HOME"] = str(ROOT / "build" / "pictures")
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    weights, _untrained = demo_weights()
    with Stage(make_qt(), SIZE, list(weights)) as stage:
        stage.open(sorted(exam.rglob("*.dcm")))
        stage.run_ai()
        Pictures(stage, out, listed).all()


if __name__ == "__main__":
    main(
        Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "demo" / "exams",
        Path(sys.argv[2]) if len(sys.argv) > 2 else ROOT / "docs" / "images",
        Path(sys.argv[3]) if len(sys.argv) > 3 else None,
    )
