"""Segmentations between runs and through crashes: every stroke in a journal at once, a full save every 20 s.

One thread owns the files. It follows the segmentations by their edits in a copy of its own, so that it never waits for
the window and the window never waits for it. Folders are named by a digest of the image, as marks are: no name and no
id is written down. The path of the file that a segmentation is from is kept with it, for saving to ask before it
overwrites that file; it is in no log.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gmic_core.errors import SegmentationError, StoreError
from gmic_core.exam.model import MammoImage
from gmic_core.paths import user_data_dir
from gmic_core.segmentation.geometry import VolumeGeometry
from viewer.model.annotation.edits import Edit
from viewer.model.annotation.label_map import LabelMap
from viewer.services.annotation_about import NOTHING, About
from viewer.services.annotation_keeper import Keeper, Kept, Names, read_kept
from viewer.services.marks import image_key

log = logging.getLogger(__name__)

FOLDER = "annotations"
FULL_SAVE_S = 20.0
"""So often what changed is saved in full."""
CLOSE_S = 10.0


class AnnotationStore:
    """Segmentations of this user; thread-safe.

    Parameters
    ----------
    on_problem : told, on the thread of the store, that a segmentation cannot be kept.
    on_kept : told, on the thread of the store, that everything done so far is on the disk.
    folder : default: the user's data folder.
    """

    def __init__(
        self,
        on_problem: Callable[[str], None],
        on_kept: Callable[[], None] = lambda: None,
        folder: Path | None = None,
        full_save_s: float = FULL_SAVE_S,
    ) -> None:
        self._folder = (folder or user_data_dir()) / FOLDER
        self._on_problem, self._on_kept, self._every = on_problem, on_kept, full_save_s
        self._keepers: dict[str, Keeper] = {}
        self._last: dict[str, int] = {}
        self._failed: set[str] = set()
        self._tasks: list[Callable[[], None]] = []
        self._wake, self._closing = threading.Condition(), False
        self._due: float | None = None
        self._thread: threading.Thread | None = None

    # -- reading -------------------------------------------------------------------------------------------------
    def load(self, image: MammoImage, geometry: VolumeGeometry) -> Kept | None:
        """Return what was kept of an image, None: nothing; blocks.

        Raises
        ------
        SegmentationError
            If something was kept that cannot be read.
        """
        self.flush()
        kept = read_kept(self._place(image), geometry)
        if kept is not None:
            with self._wake:
                self._last[image.sop_uid] = kept.number
        return kept

    def _place(self, image: MammoImage) -> Path:
        return self._folder / image_key(image)[:32]

    # -- writing -------------------------------------------------------------------------------------------------
    def adopt(
        self,
        image: MammoImage,
        geometry: VolumeGeometry,
        labels: LabelMap,
        names: Names,
        kept: Kept | None = None,
        about: About = NOTHING,
    ) -> None:
        """Keep a segmentation from now on, in the place of one that is kept.

        Parameters
        ----------
        labels : as it is now; the store goes on with it, nobody else may change it.
        kept : what was loaded, if this is exactly that.
        about : what goes with it.
        """
        self._submit(partial(self._adopt, image, geometry, labels, names, kept, about))

    def _adopt(
        self,
        image: MammoImage,
        geometry: VolumeGeometry,
        labels: LabelMap,
        names: Names,
        kept: Kept | None,
        about: About,
    ) -> None:
        uid = image.sop_uid
        before = self._keepers.pop(uid, None)
        if before is not None:
            before.close()
        number = max(self._last.get(uid, 0), before.number if before is not None else 0) + 1
        self._failed.discard(uid)
        resumed = kept is not None and kept.closed and before is None
        number = kept.number if kept is not None and resumed else number
        keeper = Keeper(self._place(image), geometry, labels, names, number, resumed=resumed, about=about)
        self._keepers[uid] = keeper
        # an empty one needs no save before there is something to keep
        if (labels.counts or about != NOTHING) and not resumed:
            keeper.save()

    def edit(self, sop_uid: str, edit: Edit) -> None:
        """Keep an edit."""
        self._submit(partial(self._with, sop_uid, lambda keeper: keeper.edit(edit)))

    def name(self, sop_uid: str, names: Names) -> None:
        """Keep descriptions of labels."""
        self._submit(partial(self._with, sop_uid, lambda keeper: keeper.name(names)))

    def describe(self, sop_uid: str, about: About) -> None:
        """Keep what goes with a segmentation."""
        self._submit(partial(self._with, sop_uid, lambda keeper: keeper.describe(about)))

    def discard(self, sop_uid: str) -> None:
        """Forget what is kept of an image."""
        self._submit(partial(self._with, sop_uid, lambda keeper: keeper.discard()))
        self._submit(partial(self._forget, sop_uid))

    def _forget(self, sop_uid: str) -> None:
        self._keepers.pop(sop_uid, None)

    def leave(self) -> None:
        """Another exam is opened: save what changed."""
        self._submit(self._close_all)

    def _close_all(self) -> None:
        for uid in list(self._keepers):
            self._with(uid, lambda keeper: keeper.close())
            keeper = self._keepers.pop(uid)
            self._last[uid] = keeper.number + 1

    def flush(self, timeout: float = CLOSE_S) -> bool:
        """Wait until everything asked for so far is on the disk; return whether it is."""
        done = threading.Event()
        if self._thread is None:
            return True
        self._submit(done.set)
        return done.wait(timeout)

    def close(self) -> None:
        """Save what changed and stop."""
        if self._thread is None:
            return
        self._submit(self._close_all)
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSE_S)

    # -- the thread ----------------------------------------------------------------------------------------------
    def _submit(self, task: Callable[[], None]) -> None:
        with self._wake:
            if self._closing:
                return
            self._tasks.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="annotations", daemon=True)
                self._thread.start()
            self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                wait = None if self._due is None else max(self._due - time.monotonic(), 0.0)
                self._wake.wait_for(lambda: self._tasks or self._closing, wait)
                tasks, self._tasks = self._tasks, []
                closing = self._closing
            for task in tasks:
                self._guarded(task)
            if tasks:
                self._on_kept()
            self._save_due()
            if closing and not self._tasks:
                return

    def _save_due(self) -> None:
        """Save in full what changed, when the time has come; note when it will come."""
        changed = [uid for uid, keeper in self._keepers.items() if keeper.changed]
        if not changed:
            self._due = None
        elif self._due is None:
            self._due = time.monotonic() + self._every
        elif time.monotonic() >= self._due:
            for uid in changed:
                self._with(uid, lambda keeper: keeper.save())
            self._due = None

    def _with(self, sop_uid: str, call: Callable[[Keeper], object]) -> None:
        keeper = self._keepers.get(sop_uid)
        if keeper is None or sop_uid in self._failed:
            return
        try:
            call(keeper)
        except (OSError, StoreError, SegmentationError) as error:
            self._failed.add(sop_uid)  # a journal with a gap must not go on
            keeper.release()
            self._tell(error)

    def _guarded(self, task: Callable[[], None]) -> None:
        try:
            task()
        except (OSError, StoreError, SegmentationError) as error:
            self._tell(error)

    def _tell(self, error: Exception) -> None:
        log.warning("a segmentation could not be kept: %s", type(error).__name__)
        reason = (error.strerror or "the disk does not take it") if isinstance(error, OSError) else str(error)
        self._on_problem(
            f"What is drawn from now on is shown but not kept ({reason}). Save the segmentation, then free space in "
            "the data folder or set GMIC_HOME to a folder that you may write to."
        )
