"""Comparing folders in the running program: asks for files, starts the work, opens the image of a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from gmic_core.errors import GmicError
from gmic_core.exam.model import Exam, MammoImage
from viewer.app.opening import Opening
from viewer.app.post import Poster
from viewer.app.worklist import WorklistDesk
from viewer.commands import Context
from viewer.commands.requests import ComparedFile
from viewer.model.comparing import FIRST_MAP

if TYPE_CHECKING:  # imported when somebody compares: the main window comes up sooner
    from gmic_core.comparison.classes import ClassMap
    from gmic_core.comparison.folder import Compared
    from gmic_core.comparison.sources import MapSource
    from gmic_core.detection.scoring import Pointer
    from viewer.services.comparing import FolderComparer
    from viewer.views.compare_window import CompareWindow

MAP_FILTER = "Maps of labels (*.toml);;All files (*)"
TABLE_FILTER = "Tables (*.csv);;All files (*)"
TITLES: dict[ComparedFile, str] = {
    "submission": "Choose a submission",
    "boxes": "Choose a table of boxes",
    "paths": "Choose a table of file paths",
}
NOT_AT_HAND = (
    "No open exam has this image, and none on the worklist; open its exam with {file.open_folder} or list its folder "
    "with {worklist.add_folder}, then try again."
)


class Comparisons:
    """The one implementation of :class:`viewer.commands.requests.ComparisonRequests`.

    Parameters
    ----------
    parent : returns the main window.
    """

    def __init__(
        self,
        context: Context,
        opening: Opening,
        worklist: WorklistDesk,
        post: Poster,
        parent: Callable[[], QWidget | None],
    ) -> None:
        self._context, self._session, self._model = context, context.session, context.session.comparing
        self._opening, self._worklist, self._post, self._parent = opening, worklist, post, parent
        self._comparer: FolderComparer | None = None
        self.window: CompareWindow | None = None
        self._folder = Path.home()
        self._wanted: MapSource | None = None
        self._session.layout_changed.connect(self._exam_hung)

    def close(self) -> None:
        """Stop what runs."""
        if self._comparer is not None:
            self._comparer.close()

    # -- the window ----------------------------------------------------------------------------------------------
    def show(self) -> None:
        """Open the window, or bring it to the front."""
        from viewer.views.compare_window import CompareWindow

        if self.window is None:
            self._recall()
            self.window = CompareWindow(self._context, self._parent())
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    def close_window(self) -> None:
        """Close the window; it would outlive the main one."""
        if self.window is not None:
            self.window.close()

    @property
    def _over(self) -> QWidget | None:
        return self.window if self.window is not None else self._parent()

    def _recall(self) -> None:
        """Begin with what labels mean beside the image too."""
        self._model.set_map(dict(self._session.measuring.classes.classes) or dict(FIRST_MAP))

    # -- choices -------------------------------------------------------------------------------------------------
    def choose_folder(self, what: Literal["results", "segmentations"]) -> None:
        """Ask for a folder."""
        name = QFileDialog.getExistingDirectory(self._over, f"Choose {what}", str(self._folder))
        if name:
            self._folder = Path(name).parent
            self._model.choose(**{what: Path(name)})

    def choose_table(self, what: ComparedFile) -> None:
        """Ask for a table of BCS-DBT."""
        name, _ = QFileDialog.getOpenFileName(self._over, TITLES[what], str(self._folder), TABLE_FILTER)
        if name:
            self._folder = Path(name).parent
            self._model.choose_tables(**{what: Path(name)})

    def load_map(self) -> None:
        """Ask for a map of labels and use it."""
        from gmic_core.comparison.classes import read_class_map

        name, _ = QFileDialog.getOpenFileName(self._over, "Load map of labels", str(self._folder), MAP_FILTER)
        if not name:
            return
        try:
            classes = read_class_map(Path(name))
        except GmicError as error:
            self._model.tell("error", str(error))
            return
        self._model.set_map(dict(classes.classes))
        self._model.choose(by_map=True)

    def save_map(self) -> None:
        """Ask for a file and write the map of labels to it."""
        from gmic_core.comparison.classes import format_class_map
        from gmic_core.inference.export import write_atomically

        start = str(self._folder / "labels.toml")
        name, _ = QFileDialog.getSaveFileName(self._over, "Save map of labels", start, MAP_FILTER)
        if not name:
            return
        path = Path(name) if Path(name).suffix else Path(f"{name}.toml")
        try:
            write_atomically(path, format_class_map(self._map).encode())
        except GmicError as error:
            self._model.tell("error", str(error))
            return
        self._model.tell("hint", "Saved the map of labels; gmic-core compare --map reads it.")

    @property
    def _map(self) -> ClassMap:
        from gmic_core.comparison.classes import ClassMap

        return ClassMap(dict(self._model.classes), None)

    # -- comparing -----------------------------------------------------------------------------------------------
    @property
    def _work(self) -> FolderComparer:
        if self._comparer is None:
            from viewer.services.comparing import FolderComparer

            self._comparer = FolderComparer(self._post, self._model.set_work, self._model.tell)
        return self._comparer

    def compare(self) -> None:
        """Compare what is chosen, in the background."""
        from gmic_core.comparison.folder import Asked
        from viewer.services.compare_tasks import CompareTask

        wish = self._model.wish
        if wish.results is None or wish.segmentations is None:
            return
        self._model.tell("", "")
        classes = self._map if wish.by_map else None
        if classes is not None:
            self._keep(classes)
        asked = Asked(wish.results, wish.segmentations, classes, wish.same_size)
        self._work.start(CompareTask(asked), self._compared)

    def _compared(self, found: Compared) -> None:
        if not found.images:
            self._model.tell("warning", "No image was compared; the tab “Not compared” says why.")
        self._model.take(found)

    def _keep(self, classes: ClassMap) -> None:
        """Let labels mean the same beside the image, which also remembers it; it is no step to undo there."""
        measuring = self._session.measuring
        measuring.set_classes(replace(measuring.classes, classes=dict(classes.classes)))
        self._session.history.accept([("label classes",)])

    def stop(self) -> None:
        """Stop what goes on."""
        if self._comparer is not None:
            self._comparer.cancel()

    def save(self) -> None:
        """Ask for a folder and write tables and report to it."""
        from viewer.services.compare_tasks import SaveTask

        found = self._model.found
        name = QFileDialog.getExistingDirectory(self._over, "Save tables and report in", str(self._folder))
        if name and found is not None:
            self._folder = Path(name).parent
            self._work.start(SaveTask(Path(name), found), self._saved)

    def score(self) -> None:
        """Score a submission against boxes."""
        from viewer.services.compare_tasks import ScoreTask

        tables = self._model.tables
        if tables.submission is None or tables.boxes is None:
            return
        self._model.take_score(None)
        self._model.tell("", "")
        task = ScoreTask(tables.submission, tables.boxes, tables, self._model.wish.results)
        self._work.start(task, self._model.take_score)

    def export(self) -> None:
        """Ask for a file and write the results to it as a submission."""
        from viewer.services.compare_tasks import ExportTask

        results, paths = self._model.wish.results, self._model.tables.paths
        start = str(self._folder / "predictions.csv")
        name, _ = QFileDialog.getSaveFileName(self._over, "Export results as submission", start, TABLE_FILTER)
        if name and results is not None and paths is not None:
            self._folder = Path(name).parent
            pointer: Pointer = "peaks" if self._model.tables.peaks else "patches"
            self._work.start(ExportTask(results, paths, Path(name), pointer), self._saved)

    def _saved(self, text: str) -> None:
        self._model.tell("hint", text)

    # -- the image of a row --------------------------------------------------------------------------------------
    def open_image(self, image: str) -> None:
        """Show an image that was compared, when its exam is at hand."""
        from viewer.model.compared_rows import image_of

        source = self._model.found.sources.get(image) if self._model.found is not None else None
        if source is None:
            return
        self._model.tell("", "")
        here = image_of(self._session.exams, source)
        if here is not None:
            self._show_image(*here)
            return
        self._worklist.find(source.names, lambda key: self._listed(source, key))

    def _listed(self, source: MapSource, key: str) -> None:
        if not key:
            self._model.tell("warning", NOT_AT_HAND)
            return
        self._wanted = source
        self._worklist.open(key)

    def _exam_hung(self) -> None:
        """The exam of a row hangs: go to the image after whoever else wants to know."""
        source, self._wanted = self._wanted, None
        if source is not None:
            QTimer.singleShot(0, lambda: self._go_to(source))

    def _go_to(self, source: MapSource) -> None:
        from viewer.model.compared_rows import image_of

        found = image_of([self._session.exam] if self._session.exam is not None else [], source)
        if found is not None:
            self._show_image(*found)

    def _show_image(self, exam: Exam, image: MammoImage) -> None:
        if self._session.exam is None or self._session.exam.study_uid != exam.study_uid:
            self._opening.open_exam(exam)
        if not self._opening.hanging.activate(image):
            self._opening.focus(image, "single")
        self._session.worklist.show(False)
        window = self._parent()
        if window is not None:
            window.activateWindow()
