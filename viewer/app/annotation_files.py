"""Segmentations from and to files: read apart, laid on the image that they belong to, written where asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFileDialog, QMessageBox

from gmic_core.errors import CancelledError, GmicError
from gmic_core.segmentation.files import LabelMap as FileLabels
from gmic_core.segmentation.files import SegmentationReader
from gmic_core.segmentation.geometry import Reorder
from gmic_core.segmentation.label_descriptions import LabelDescription, read_descriptions, write_descriptions
from gmic_core.segmentation.read_process import suffix_of
from gmic_core.segmentation.write import WRITTEN, write_labels
from viewer.app.annotating import Annotating, about_of, history_keys
from viewer.app.annotation_adding import Adding
from viewer.app.annotation_work import AnnotationWork
from viewer.commands import Context
from viewer.commands.annotation import active_segmentation
from viewer.model.annotation.joining import names_by_file
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.place import Candidate, choose_image, image_geometry
from viewer.model.annotation.state import Names, Origin, Segmentation
from viewer.model.identity import shown_message
from viewer.model.session import Activity
from viewer.services.jobs import JobRunner, Tell
from viewer.views.main_window import MainWindow
from viewer.views.segmentation_dialog import PICTURE, SegmentationDialog
from viewer.views.segmentation_preview import preview

OPEN_FILTER = "Segmentations (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.gipl *.gipl.gz *.png);;All files (*)"
SAVE_FILTER = (
    "NIfTI (*.nii.gz);;NIfTI, not packed (*.nii);;NRRD (*.nrrd);;MetaImage (*.mha);;GIPL (*.gipl.gz);;PNG (*.png)"
)
LABELS_FILTER = "Label descriptions (*.txt *.label);;All files (*)"


@dataclass(frozen=True)
class _File:
    """A label map that was read, the descriptions beside it, and the request that it was opened by."""

    path: Path
    read: FileLabels
    names: Names
    request: object


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
        self._reader = SegmentationReader()
        self._threads = ThreadPoolExecutor(1, "segmentations-read")
        self._folder = Path.home()
        self._adding = Adding(self._session, self._threads, post)
        self._coming: dict[str, object] = {}  # images and the request that brings them a segmentation

    def close(self) -> None:
        """Stop reading and filling."""
        self._work.close()
        self._reader.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

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
        request = object()
        for path in paths:
            self._folder = path.parent
            self._threads.submit(self._read, path, viewport, request)

    def _read(self, path: Path, viewport: int | None, request: object) -> None:
        title = "Reading a segmentation"
        self._post(lambda: self._session.set_activity(Activity(title)))

        def tell(done: int, total: int) -> None:
            self._post(lambda: self._session.set_activity(Activity(title, done, total)))

        try:
            read = self._reader.labels(path, tell)
            names = _names_beside(path)
        except CancelledError:
            return
        except GmicError as error:
            message = str(error)
            self._post(lambda: self._failed(message))
        else:
            self._post(partial(self._arrived, _File(path, read, names, request), viewport))

    def _failed(self, message: str) -> None:
        self._session.set_activity(None)
        self._session.notice.emit("error", message)

    def _arrived(self, file: _File, viewport: int | None) -> None:
        """A file was read: lay it where it belongs, or ask."""
        session, path, read = self._session, file.path, file.read
        session.set_activity(None)
        slots = session.slots
        pointed = viewport is not None and viewport < len(slots) and slots[viewport].state is not None
        state = slots[viewport].state if pointed and viewport is not None else None
        target = state.image if state is not None else session.active_image
        try:
            choice = choose_image(path.name, read.geometry, session.images_at_hand, target, pointed=pointed)
        except GmicError as error:
            self._failed(f"{path.name}: {error}")
            return
        if choice.sure:
            first = choice.candidates[0]
            self._lay(file, first, first.match.order or Reorder())
            return
        shown = "The segmentation" if session.identity_hidden else path.name
        dialog = SegmentationDialog(
            shown, shown_message(choice.doubt, session), read.geometry, choice.candidates,
            partial(self._preview, read), self._window,
        )  # fmt: skip
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._lay(file, *dialog.answer))
        dialog.open()

    def _preview(self, read: FileLabels, candidate: Candidate, order: Reorder) -> QImage | None:
        return preview(self._context, candidate.image, order.apply(read.labels), PICTURE)

    def _lay(self, file: _File, candidate: Candidate, order: Reorder) -> None:
        """Lay a segmentation on an image, after asking where it has another one.

        Files that are opened together and belong to one image (a benign and a malignant mask) come to lie together.
        """
        uid, hidden = candidate.image.sop_uid, self._session.identity_hidden
        before = self._session.annotation.of(uid)
        together = self._coming.get(uid) is file.request
        self._coming[uid] = file.request

        def call(*, add: bool) -> None:
            self._threads.submit(self._make, file, candidate, order, add=add)

        again = before is not None and before.origin.path == file.path.absolute() and not before.unsaved
        if together or again or before is None or not before.map.counts:
            call(add=together)
            return
        where = f"{candidate.image.label} {candidate.image.modality}"
        lost = " with changes that no file holds" if before.unsaved else ""
        what = "the new file" if hidden else file.path.name
        self._ask(
            f"{where} has a segmentation{lost}. Add the labels of {what} to it, or replace it?",
            "Replace", "Add", partial(call, add=False), partial(call, add=True),
        )  # fmt: skip

    def _make(self, file: _File, candidate: Candidate, order: Reorder, *, add: bool) -> None:
        labels = LabelMap.of(order.apply(file.read.labels))
        names = names_by_file(file.path.name.removesuffix(suffix_of(file.path) or ""), labels.counts, file.names)
        notes = file.read.notes
        if not order.as_stored:
            notes = (*notes, f"The file is stored otherwise: {order.describe()}.")
        origin = Origin(file.path.absolute(), order, stamp=file_stamp(file.path))
        found = Segmentation(candidate.image.sop_uid, labels, names, origin, (labels.state, names), notes=notes)
        if add:
            self._post(partial(self._adding.add, found, partial(self._keep_and_show, found, candidate)))
        else:
            self._keep_and_show(found, candidate)

    def _keep_and_show(self, found: Segmentation, candidate: Candidate) -> None:
        """Show a segmentation after it was kept: no stroke may come before what it is drawn on is safe."""
        store, image = self._annotating.store, candidate.image
        if store is not None:
            store.adopt(image, image_geometry(image), found.map.copy(), found.names, about=about_of(found))
            store.flush()
        self._post(partial(self._laid, found, candidate))

    def _laid(self, found: Segmentation, candidate: Candidate) -> None:
        image, session = candidate.image, self._session
        if session.image(found.sop_uid) is None:
            return  # another exam is open meanwhile
        self._annotating.take(found)
        session.annotation.update(visible=True)
        count = len(found.map.counts)
        text = f"{count} label{'' if count == 1 else 's'} on {image.label} {image.modality}."
        session.notice.emit("hint", text if count else f"The segmentation of {image.label} {image.modality} is empty.")

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
            self._ask(
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
        self._ask(
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

    # -- questions -----------------------------------------------------------------------------------------------
    def _ask(
        self, text: str, yes: str, no: str, do: Callable[[], object], otherwise: Callable[[], object] | None = None
    ) -> None:
        """Ask before something of the annotator's goes; nothing waits for the answer, and Escape changes nothing."""
        none = QMessageBox.StandardButton.NoButton
        box = QMessageBox(QMessageBox.Icon.Question, "Segmentation", text, none, self._window)
        box.setTextFormat(Qt.TextFormat.PlainText)
        accept = box.addButton(yes, QMessageBox.ButtonRole.DestructiveRole)
        role = QMessageBox.ButtonRole.ActionRole if otherwise else QMessageBox.ButtonRole.RejectRole
        refuse = box.addButton(no, role)
        if otherwise is not None:
            box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(refuse)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def clicked(button: object) -> None:
            if button is accept:
                do()
            elif button is refuse and otherwise is not None:
                otherwise()

        box.buttonClicked.connect(clicked)
        box.open()


def file_stamp(path: Path) -> tuple[int, int] | None:
    """Return size in bytes and time in ns of a file; None where it cannot be asked."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _names_beside(path: Path) -> Names:
    """Return the labels that a description file beside a label map describes; none where there is none.

    Looked for are ``NAME_labels.txt``, ``NAME.txt``, ``NAME.label`` and, as with simulated breasts, ``R_labels.txt``.
    """
    stem = path.name.removesuffix(suffix_of(path) or "")
    side = stem[:1].upper()
    names = [f"{stem}_labels.txt", f"{stem}.txt", f"{stem}.label"]
    names += [f"{side}_labels.txt"] if side in "RL" and not stem[1:2].isalpha() else []
    for name in names:
        beside = path.with_name(name)
        if beside.is_file():
            described = read_descriptions(beside).values()
            return tuple(sorted((entry for entry in described if entry.index), key=lambda entry: entry.index))
    return ()
