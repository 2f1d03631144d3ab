"""Segmentations of the open exam: brings kept ones back, keeps every edit, and lists lesions."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from PySide6.QtCore import QTimer

from gmic_core.errors import GmicError
from gmic_core.exam.model import MammoImage
from viewer.model.annotation.edits import Edit
from viewer.model.annotation.label_map import LabelMap
from viewer.model.annotation.lesion_list import LesionRow
from viewer.model.annotation.linked_outlines import Projection, hidden_labels
from viewer.model.annotation.place import image_geometry, voxel_mm
from viewer.model.annotation.state import Origin, Segmentation
from viewer.model.session import Session
from viewer.services.annotation_about import About
from viewer.services.annotation_keeper import Kept
from viewer.services.annotations import AnnotationStore
from viewer.services.lesions import LesionLister
from viewer.services.projections import Projector

LIST_MS = 150
"""Lesions are listed so long after the last edit."""


def about_of(segmentation: Segmentation) -> About:
    """Return what is kept with a segmentation beside voxels and names."""
    origin = segmentation.origin
    saved = origin.path is not None and not segmentation.unsaved
    return About(segmentation.known, segmentation.remarks, origin.path, origin.stamp, saved)


def history_keys(sop_uid: str) -> list[tuple[str, str]]:
    """Return the entries of the history that a segmentation has."""
    return [("labels", sop_uid), ("label names", sop_uid), ("lesion notes", sop_uid)]


class Annotating:
    """Connects the segmentations of the session with the store.

    Parameters
    ----------
    post : runs a call on the thread of the window.
    remember : whether segmentations are kept between runs; snapshots leave no trace.
    """

    def __init__(self, session: Session, post: Callable[[Callable[[], None]], None], *, remember: bool = True) -> None:
        self._session, self._post = session, post
        self._model = session.annotation
        self.store = AnnotationStore(self._problem) if remember else None
        self._lister = LesionLister(post, self._listed)
        self._projector = Projector(post, self._projected)
        self._threads = ThreadPoolExecutor(1, "segmentations-kept")
        self._looked: set[str] = set()
        self._own: set[str] = set()  # segmentations that the store has from elsewhere
        self._changed: dict[str, frozenset[int]] = {}
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(LIST_MS)
        self._timer.timeout.connect(self._list)
        self._model.opened.connect(self._opened)
        self._model.edited.connect(self._edited)
        self._model.named.connect(self._named)
        self._model.described.connect(self._described)
        session.exam_changed.connect(self._exam_changed)
        for signal in (session.exams_changed, session.layout_changed):
            signal.connect(self._look_for_kept, check_nargs=False)

    def _problem(self, message: str) -> None:
        def tell() -> None:
            self._session.notice.emit("warning", message)
            self._model.set_keeping("What is drawn now is not kept; save it.")

        self._post(tell)

    # -- what is kept --------------------------------------------------------------------------------------------
    def _exam_changed(self, _exam: object) -> None:
        self._looked.clear()
        self._own.clear()
        self._changed.clear()
        self._model.set_keeping("" if self.store is not None else "Nothing is kept in this window; save what you draw.")
        if self.store is not None:
            self.store.leave()
        self._look_for_kept()

    def _look_for_kept(self, *_: object) -> None:
        """Load what is kept of images that came."""
        if self.store is None:
            return
        new = [image for image in self._session.images_at_hand if image.sop_uid not in self._looked]
        self._looked |= {image.sop_uid for image in new}
        for image in new:
            self._threads.submit(self._load, self.store, image)

    def _load(self, store: AnnotationStore, image: MammoImage) -> None:
        try:
            geometry = image_geometry(image)
            kept = store.load(image, geometry)
            if kept is None or not (kept.map.counts or kept.names):
                return
            store.adopt(image, geometry, kept.map.copy(), kept.names, kept, kept.about)
        except GmicError as error:
            message = f"{image.label} {image.modality}: {error}"
            self._post(lambda: self._session.notice.emit("warning", message))
            return
        self._post(partial(self._restored, image, kept))

    def _restored(self, image: MammoImage, kept: Kept) -> None:
        session = self._session
        if session.image(image.sop_uid) is None or self._model.of(image.sop_uid) is not None:
            return
        about = kept.about
        saved = (kept.map.state, kept.names) if about.saved else None
        origin = Origin(about.path, stamp=about.stamp)
        self.take(
            Segmentation(
                image.sop_uid, kept.map, kept.names, origin, saved, known=about.known, remarks=about.remarks
            )
        )  # fmt: skip
        where = f"{image.label} {image.modality}"
        if kept.closed:
            session.notice.emit("hint", f"The segmentation of {where} is here again as it was left.")
            return
        since = f", with {kept.replayed} edit{'' if kept.replayed == 1 else 's'} since the last full save"
        session.notice.emit(
            "info",
            f"The program ended without closing. The segmentation of {where} was recovered"
            f"{since if kept.replayed else ''}; look at it before you go on.",
        )

    def take(self, segmentation: Segmentation) -> None:
        """Show a segmentation that the store has already."""
        self._own.add(segmentation.sop_uid)
        self._model.put(segmentation)
        self._session.history.accept(history_keys(segmentation.sop_uid))

    # -- what changes --------------------------------------------------------------------------------------------
    def _opened(self, sop_uid: str) -> None:
        found, image = self._model.of(sop_uid), self._session.image(sop_uid)
        if found is None or image is None:
            return
        if self.store is not None and sop_uid not in self._own:
            self.store.adopt(image, image_geometry(image), found.map.copy(), found.names, about=about_of(found))
        self._own.discard(sop_uid)
        self._ask(sop_uid, frozenset(found.map.counts))
        self._project(found)

    def _edited(self, sop_uid: str, edit: Edit) -> None:
        if self.store is not None:
            self.store.edit(sop_uid, edit)
        self._ask(sop_uid, edit.labels)
        found = self._model.of(sop_uid)
        if found is None:
            return
        self._project(found)
        if found.origin.path is not None and not found.unsaved:  # undone, back to what the file holds
            self._described(sop_uid)

    def _described(self, sop_uid: str) -> None:
        found = self._model.of(sop_uid)
        if self.store is not None and found is not None:
            self.store.describe(sop_uid, about_of(found))

    def _named(self, sop_uid: str) -> None:
        found = self._model.of(sop_uid)
        if self.store is not None and found is not None:
            self.store.name(sop_uid, found.names)
        before = self._model.projections.get(sop_uid)
        if found is not None and (before is None or before.hidden != hidden_labels(found)):
            self._project(found)

    # -- other modalities ----------------------------------------------------------------------------------------
    def _project(self, found: Segmentation) -> None:
        self._projector.ask(found.sop_uid, found.map, hidden_labels(found))

    def _projected(self, sop_uid: str, labels: LabelMap, projection: Projection | None) -> None:
        found = self._model.of(sop_uid)
        if found is not None and found.map is labels:
            self._model.set_projection(sop_uid, projection)

    # -- lesions -------------------------------------------------------------------------------------------------
    def _ask(self, sop_uid: str, labels: frozenset[int]) -> None:
        self._changed[sop_uid] = self._changed.get(sop_uid, frozenset()) | labels
        self._timer.start()

    def _list(self) -> None:
        changed, self._changed = self._changed, {}
        for uid, labels in changed.items():
            found, image = self._model.of(uid), self._session.image(uid)
            if found is not None and image is not None:
                self._lister.ask(uid, found.map, voxel_mm(image), labels)

    def _listed(self, sop_uid: str, labels: LabelMap, revision: int, rows: tuple[LesionRow, ...]) -> None:
        found = self._model.of(sop_uid)
        if found is not None and found.map is labels:
            self._model.list_lesions(sop_uid, revision, rows)

    def close(self) -> None:
        """Save what changed and stop."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._lister.close()
        self._projector.close()
        if self.store is not None:
            self.store.close()
