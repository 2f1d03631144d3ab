"""What annotation mode does beside the window, at the annotator's request: filling between slices, the lesion table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from gmic_core.inference.export import write_atomically
from viewer.commands import Context, run
from viewer.commands.annotation import active_segmentation
from viewer.model.annotation.shapes import Filled
from viewer.model.identity import without_identity
from viewer.model.session import Activity
from viewer.services.filling import Filler, Filling
from viewer.services.jobs import JobRunner, Tell
from viewer.services.lesion_table import ListedLesion, lesion_table
from viewer.views.main_window import MainWindow

TABLE_NAME = "lesions.csv"
TABLE_FILTER = "Tables (*.csv)"
FILLING = "Filling between slices"


class AnnotationWork:
    """Runs it and brings the outcome back to the thread of the window."""

    def __init__(
        self, context: Context, window: MainWindow, jobs: JobRunner, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self._context, self._session, self._window, self._jobs = context, context.session, window, jobs
        self._filler = Filler(post, self._filled, self._tell)
        self._session.exam_changed.connect(self._exam_changed)

    def close(self) -> None:
        """Stop."""
        self._filler.close()

    def _exam_changed(self, _exam: object) -> None:
        if self._filler.now is not None:
            self._filler.now.stopped.set()

    # -- filling -------------------------------------------------------------------------------------------------
    def fill_between(self) -> None:
        """Fill the gaps of the active label on the active image."""
        session, found = self._session, active_segmentation(self._context)
        if found is None:
            return
        if not self._filler.begin(found.sop_uid, found.map, session.annotation.settings.ink):
            session.notice.emit("hint", f"{FILLING}: slices are being filled already; wait until they are there.")

    def _tell(self, done: int, total: int) -> None:
        if self._filler.now is not None:
            self._session.set_activity(Activity(FILLING, done, total))

    def _filled(self, filling: Filling, filled: Filled | None) -> None:
        session = self._session
        session.set_activity(None)
        found = session.annotation.of(filling.sop_uid)
        if filling.failed:
            session.notice.emit(
                "error",
                f"Filling failed unexpectedly ({filling.failed}). Nothing was changed; the log has the details.",
            )
        elif found is None or found.map is not filling.labels:
            session.notice.emit("hint", "Nothing was filled: the segmentation is no longer there.")
        elif filled is None or not filling.current:
            session.notice.emit(
                "hint", "Nothing was filled: the segmentation was changed meanwhile. Fill between slices again."
            )
        else:
            run("annotate.filled", self._context, filling.sop_uid, filling.ink.label, filled)

    # -- lesions -------------------------------------------------------------------------------------------------
    def save_lesions(self, folder: Path) -> None:
        """Ask for a file and write the table of all lesions of the exam to it."""
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Save lesion table", str(folder / TABLE_NAME), TABLE_FILTER
        )  # fmt: skip
        lesions = self._listed()
        if not name or self._session.exporting:
            return
        path = Path(name) if Path(name).suffix else Path(f"{name}.csv")
        table = lesion_table(lesions, lambda text: without_identity(text, self._session))

        def work(_tell: Tell) -> str:
            write_atomically(path, table)
            return f"Saved the table of {len(lesions)} lesion{'' if len(lesions) == 1 else 's'}."

        self._jobs.run("Saving the lesion table", work)

    def _listed(self) -> list[ListedLesion]:
        session = self._session
        found = []
        for image in session.images_at_hand:
            segmentation = session.annotation.of(image.sop_uid)
            for row in segmentation.lesions if segmentation is not None else ():
                assert segmentation is not None  # it has rows
                found.append(ListedLesion(image, row, segmentation.name(row.label).name, segmentation.note(row.id)))
        return found
