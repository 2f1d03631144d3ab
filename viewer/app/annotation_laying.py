"""Label maps from files: read apart, laid on the image that they belong to, or asked about."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from gmic_core.errors import CancelledError, GmicError
from gmic_core.segmentation.files import LabelMap as FileLabels
from gmic_core.segmentation.files import SegmentationReader
from gmic_core.segmentation.geometry import Reorder
from gmic_core.segmentation.label_descriptions import read_descriptions
from gmic_core.segmentation.read_process import suffix_of
from viewer.app.annotating import Annotating, about_of
from viewer.app.annotation_adding import Adding
from viewer.app.annotation_questions import ask
from viewer.commands import Context
from viewer.model.annotation.joining import names_by_file
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.place import Candidate, choose_image, image_geometry
from viewer.model.annotation.state import Names, Origin, Segmentation
from viewer.model.identity import shown_message
from viewer.model.session import Activity
from viewer.views.main_window import MainWindow
from viewer.views.segmentation_dialog import PICTURE, SegmentationDialog
from viewer.views.segmentation_preview import preview

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _File:
    """A label map that was read, the descriptions beside it, and the request that it was opened by."""

    path: Path
    read: FileLabels
    names: Names
    notes: tuple[str, ...]
    request: object


class Laying:
    """Reads label maps one after the other and lays them on images.

    Attributes
    ----------
    under_way : files that were asked for and neither lie on an image, nor were refused, nor wait for an answer.
    """

    def __init__(
        self, context: Context, window: MainWindow, annotating: Annotating, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self._context, self._session = context, context.session
        self._window, self._annotating, self._post = window, annotating, post
        self._reader = SegmentationReader()
        self._threads = ThreadPoolExecutor(1, "segmentations-read")
        self._adding = Adding(self._session, self._submit, post)
        self._coming: dict[str, object] = {}  # images and the request that brings them a segmentation
        self.under_way = 0

    def close(self) -> None:
        """Stop reading."""
        self._reader.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def open(self, paths: Sequence[Path], viewport: int | None) -> None:
        """Lay label maps on the images that they belong to, or on the one of a viewport."""
        request = object()
        for path in paths:
            self.under_way += 1
            self._submit(self._read, path, viewport, request)

    def _submit(self, call: Callable[..., object], *args: object) -> None:
        self._threads.submit(self._guarded, call, *args)

    def _guarded(self, call: Callable[..., object], *args: object) -> None:
        """Run in the thread; what nobody foresaw ends with a message, not in silence."""
        try:
            call(*args)
        except MemoryError:
            text = "There is not enough memory for the segmentation; close other programs and open it again."
            self._post(lambda: self._failed(text))
        except Exception as error:
            log.exception("a segmentation could not be laid on its image")
            failed = f"The segmentation could not be opened ({type(error).__name__}); the log has the details."
            self._post(lambda: self._failed(failed))

    def _read(self, path: Path, viewport: int | None, request: object) -> None:
        title = "Reading a segmentation"
        self._post(lambda: self._session.set_activity(Activity(title)))

        def tell(done: int, total: int) -> None:
            self._post(lambda: self._session.set_activity(Activity(title, done, total)))

        try:
            read = self._reader.labels(path, tell)
        except CancelledError:
            self._post(self._done)
            return
        except GmicError as error:
            message = str(error)
            self._post(lambda: self._failed(message))
        else:
            names, note = _names_beside(path)
            file = _File(path, read, names, (*read.notes, note) if note else read.notes, request)
            self._post(partial(self._arrived, file, viewport))

    def _done(self) -> None:
        self.under_way -= 1

    def _failed(self, message: str) -> None:
        self._done()
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
        dialog.accepted.connect(lambda: self._answered(file, *dialog.answer))
        dialog.open()
        self._done()

    def _answered(self, file: _File, candidate: Candidate, order: Reorder) -> None:
        self.under_way += 1
        self._lay(file, candidate, order)

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

        def call(*, add: bool, asked: bool = True) -> None:
            self.under_way += asked
            self._submit(self._make, file, candidate, order, add)

        again = before is not None and before.origin.path == file.path.absolute() and not before.unsaved
        if together or again or before is None or not before.map.counts:
            call(add=together, asked=False)
            return
        where = f"{candidate.image.label} {candidate.image.modality}"
        lost = " with changes that no file holds" if before.unsaved else ""
        what = "the new file" if hidden else file.path.name
        ask(
            self._window,
            f"{where} has a segmentation{lost}. Add the labels of {what} to it, or replace it?",
            "Replace", "Add", partial(call, add=False), partial(call, add=True),
        )  # fmt: skip
        self._done()

    def _make(self, file: _File, candidate: Candidate, order: Reorder, add: bool) -> None:
        labels = LabelMap.of(order.apply(file.read.labels))
        names = names_by_file(file.path.name.removesuffix(suffix_of(file.path) or ""), labels.counts, file.names)
        notes = file.notes
        if not order.as_stored:
            notes = (*notes, f"The file is stored otherwise: {order.describe()}.")
        origin = Origin(file.path.absolute(), order, stamp=file_stamp(file.path))
        found = Segmentation(candidate.image.sop_uid, labels, names, origin, (labels.state, names), notes=notes)
        if add:
            self._post(partial(self._adding.add, found, partial(self._keep_and_show, found, candidate), self._done))
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
        self._done()
        if session.image(found.sop_uid) is None:
            return  # another exam is open meanwhile
        self._annotating.take(found)
        session.annotation.update(visible=True)
        count = len(found.map.counts)
        text = f"{count} label{'' if count == 1 else 's'} on {image.label} {image.modality}."
        session.notice.emit("hint", text if count else f"The segmentation of {image.label} {image.modality} is empty.")


def file_stamp(path: Path) -> tuple[int, int] | None:
    """Return size in bytes and time in ns of a file; None where it cannot be asked."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _names_beside(path: Path) -> tuple[Names, str]:
    """Return the labels that a description file beside a label map describes; none where there is none; and a note.

    Looked for are ``NAME_labels.txt``, ``NAME.txt``, ``NAME.label`` and, as with simulated breasts, ``R_labels.txt``.
    """
    stem = path.name.removesuffix(suffix_of(path) or "")
    side = stem[:1].upper()
    names = [f"{stem}_labels.txt", f"{stem}.txt", f"{stem}.label"]
    names += [f"{side}_labels.txt"] if side in "RL" and not stem[1:2].isalpha() else []
    for name in names:
        beside = path.with_name(name)
        if beside.is_file():
            try:
                described = read_descriptions(beside).values()
            except GmicError as error:  # a text of that name may be anything
                return (), f"No names of labels were taken: {error}"
            return tuple(sorted((entry for entry in described if entry.index), key=lambda entry: entry.index)), ""
    return (), ""
