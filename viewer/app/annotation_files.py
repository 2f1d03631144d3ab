"""Segmentations from and to files: read apart, laid on the image that they belong to, written where asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QFileDialog

from gmic_core.errors import GmicError
from gmic_core.segmentation.geometry import Reorder
from gmic_core.segmentation.label_descriptions import LabelDescription, read_descriptions, write_descriptions
from gmic_core.segmentation.read_process import suffix_of
from gmic_core.segmentation.write import WRITTEN, write_labels
from viewer.app.annotating import Annotating, history_keys
from viewer.app.annotation_laying import Laying, file_stamp
from viewer.app.annotation_questions import ask
from viewer.app.annotation_work import AnnotationWork
from viewer.commands import Context
from viewer.commands.annotation import active_segmentation
from viewer.model.annotation.place import image_geometry
from viewer.model.annotation.state import Segmentation
from viewer.services.jobs import JobRunner, Tell
from viewer.views.main_window import MainWindow

OPEN_FILTER = "Segmentations (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.gipl *.gipl.gz *.png);;All files (*)"
SAVE_FILTER = (
    "NIfTI (*.nii.gz);;NIfTI, not packed (*.nii);;NRRD (*.nrrd);;MetaImage (*.mha);;GIPL (*.gipl.gz);;PNG (*.png)"
)
LABELS_FILTER = "Label descriptions (*.txt *.label);;All files (*)"


class AnnotationFiles:
    """The one implementation of :class:`viewer.commands.requests.AnnotationRequests`."""

    def __init__(
        self,
        context: Context,
        window: MainWindow,
        annotating: Annotating,
        jobs: JobRunner,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._context, self._session = context, context.session
        self._window, self._annotating, self._jobs, self._post = window, annotating, jobs, post
        self._work = AnnotationWork(context, window, jobs, post)
        self.laying = Laying(context, window, annotating, post)
        self._folder = Path.home()

    def close(self) -> None:
        """Stop reading and filling."""
        self._work.close()
        self.laying.close()

    # -- opening -------------------------------------------------------------------------------------------------
    def open_dialog(self) -> None:
        """Ask for label maps and lay them on the images that they belong to."""
        names, _ = QFileDialog.getOpenFileNames(self._window, "Open segmentations", str(self._folder), OPEN_FILTER)
        self.open_files([Path(name) for name in names], None)

    def takes(self, paths: Sequence[Path]) -> bool:
        """Whether dropped paths are segmentations for the open exam rather than another exam."""
        if self._session.exam is None or not paths or not all(suffix_of(path) for path in paths):
            return False
        return self._session.annotation.on or all((suffix_of(path) or "").startswith(".gipl") for path in paths)

    def open_files(self, paths: Sequence[Path], viewport: int | None) -> None:
        """Lay label maps on the images that they belong to, or on the one of a viewport."""
        if paths:
            self._folder = paths[-1].parent
        self.laying.open(paths, viewport)

    # -- saving --------------------------------------------------------------------------------------------------
    def save(self, *, again: bool) -> None:
        """Save the segmentation of the active image: ``again`` offers the file that it has, else another one."""
        found = active_segmentation(self._context)
        if found is None:
            return
        path = found.origin.path
        if again and path is not None and suffix_of(path) in WRITTEN and path.is_file():
            name = "its file" if self._session.identity_hidden else path.name
            other = file_stamp(path) != found.origin.stamp
            ask(
                self._window,
                (f"Another program changed {name} since it was read or saved here. " if other else "")
                + f"Overwrite {name} with the segmentation as it is now?",
                "Overwrite", "Save as another file", partial(self._write, found, path), partial(self.save, again=False),
            )  # fmt: skip
            return
        image = self._session.image(found.sop_uid)
        stem = f"{image.label}-{image.modality}-labels" if image is not None else "labels"
        name, kind = QFileDialog.getSaveFileName(
            self._window, "Save segmentation", str(self._folder / f"{stem}.nii.gz"), SAVE_FILTER
        )
        if name:
            ending = kind[kind.find("*.") + 1 : -1] if "*." in kind else ".nii.gz"
            self._write(found, Path(name) if suffix_of(Path(name)) else Path(f"{name}{ending}"))

    def _write(self, found: Segmentation, path: Path) -> None:
        image = self._session.image(found.sop_uid)
        if image is None or self._session.exporting:
            return
        self._folder = path.parent
        labels, state, names = found.map.copy(), found.map.state, found.names  # strokes may go on while it is written
        geometry = image_geometry(image)

        def work(_tell: Tell) -> str:
            write_labels(path, labels.dense(), geometry)
            origin = replace(found.origin, path=path.absolute(), order=Reorder(), stamp=file_stamp(path))
            self._post(lambda: self._session.annotation.mark_saved(found.sop_uid, state, names, origin))
            return "Saved the segmentation."

        self._jobs.run("Saving the segmentation", work)

    def unload(self) -> None:
        """Take the segmentation off the active image, after asking where no file holds it."""
        found = active_segmentation(self._context)
        if found is None:
            return
        if not found.unsaved:
            self._unload(found.sop_uid)
            return
        ask(
            self._window,
            "No file holds this segmentation as it is now. Take it off the image and forget it?",
            "Forget it", "Keep it", partial(self._unload, found.sop_uid),
        )  # fmt: skip

    def _unload(self, sop_uid: str) -> None:
        self._session.annotation.remove(sop_uid)
        self._session.history.accept(history_keys(sop_uid))
        if self._annotating.store is not None:
            self._annotating.store.discard(sop_uid)

    # -- label descriptions --------------------------------------------------------------------------------------
    def open_labels(self) -> None:
        """Ask for a label description file and use it."""
        found = active_segmentation(self._context)
        name, _ = QFileDialog.getOpenFileName(self._window, "Open label descriptions", str(self._folder), LABELS_FILTER)
        if not name or found is None:
            return
        try:
            described = read_descriptions(Path(name))
        except GmicError as error:
            self._session.notice.emit("error", str(error))
            return
        with self._session.history.step("Label descriptions"):
            self._session.annotation.rename(found.sop_uid, described.values())

    def save_labels(self) -> None:
        """Ask for a file and write the label descriptions to it."""
        found = active_segmentation(self._context)
        name, _ = QFileDialog.getSaveFileName(
            self._window, "Save label descriptions", str(self._folder / "labels.txt"), LABELS_FILTER
        )
        if not name or found is None:
            return
        path = Path(name) if Path(name).suffix else Path(f"{name}.txt")
        labels: list[LabelDescription] = found.labels

        def work(_tell: Tell) -> str:
            write_descriptions(path, labels)
            return "Saved the label descriptions."

        self._jobs.run("Saving label descriptions", work)

    # -- beside the window ---------------------------------------------------------------------------------------
    def fill_between(self) -> None:
        """Fill the gaps of the active label on the active image."""
        self._work.fill_between()

    def save_lesions(self) -> None:
        """Ask for a file and write the table of all lesions of the exam to it."""
        self._work.save_lesions(self._folder)
