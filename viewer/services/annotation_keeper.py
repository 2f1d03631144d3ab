"""What is kept of the segmentation of one image: a full save, and the journal of what was done since.

A folder holds ``labels-N.nii.gz``, ``names-N.json``, perhaps ``about-N.json`` (notes, the original file), and
``journal-N``: the state after edit N, and the edits after it. A newer save is complete before the older one goes;
whatever a crash leaves behind, the newest save that can be read and all later edits of any journal are the state.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from gmic_core.errors import SegmentationError
from gmic_core.paths import ensure_dir
from gmic_core.segmentation.geometry import VolumeGeometry
from gmic_core.segmentation.label_descriptions import LabelDescription
from viewer.model.annotation.edits import Edit
from viewer.model.annotation.label_map import LabelMap
from viewer.services.annotation_about import NOTHING, About, about_bytes, about_from
from viewer.services.annotation_file import read_map, sync_folder, write_map
from viewer.services.annotation_journal import (
    ABOUT,
    CLOSED,
    EDIT,
    NAMES,
    JournalWriter,
    Kind,
    names_bytes,
    names_from,
    read_journal,
)

Names = tuple[LabelDescription, ...]
_NUMBERED = re.compile(r"(labels|names|about|journal)-(\d+)(?:\.nii\.gz|\.json)?")


@dataclass(frozen=True)
class Kept:
    """What was kept of a segmentation.

    Attributes
    ----------
    number : of the last edit.
    replayed : edits since the last full save.
    closed : whether the program ended in order; else it was killed or the power failed.
    about : lesions with notes, and the file that it is from.
    """

    map: LabelMap
    names: Names
    number: int
    replayed: int
    closed: bool
    about: About = NOTHING


def read_kept(folder: Path, geometry: VolumeGeometry) -> Kept | None:
    """Return what a folder holds; None: nothing.

    Raises
    ------
    SegmentationError
        If it holds something, of which nothing can be read.
    """
    files = _numbered(folder)
    saves = sorted((number for kind, number in files if kind == "labels"), reverse=True)
    journals = sorted(number for kind, number in files if kind == "journal")
    if not saves and not journals:
        return None
    number, labels, names, about = 0, LabelMap(geometry.shape), tuple[LabelDescription, ...](), NOTHING
    problem: SegmentationError | None = None
    for save in saves:
        try:
            labels = read_map(files["labels", save], geometry)
            names = names_from(files["names", save].read_bytes()) if ("names", save) in files else ()
            about = about_from(files["about", save].read_bytes()) if ("about", save) in files else NOTHING
        except (SegmentationError, OSError) as error:
            problem = SegmentationError(str(error))
        else:
            number, problem = save, None
            break
    if problem is not None:
        raise problem
    if not saves:
        number = journals[0]  # begun as an empty map: there is nothing before the first journal
    kept = Kept(labels, names, number, 0, True, about)
    for journal in journals:
        kept = _replayed(files["journal", journal], kept)
    return kept if kept.number > 0 else None


def _replayed(path: Path, kept: Kept) -> Kept:
    """Apply the entries of a journal that come after what is kept so far."""
    names, number, count, closed, about = kept.names, kept.number, kept.replayed, kept.closed, kept.about
    try:
        for entry in read_journal(path, kept.map.shape):
            if entry.number <= number:
                continue
            if entry.number != number + 1:
                break  # an entry is missing: what follows does not belong to this state
            number = entry.number
            closed = entry.edit is None and entry.names is None and entry.about is None
            if entry.edit is not None:
                kept.map.write(entry.edit)
                count += 1
            names = entry.names if entry.names is not None else names
            about = entry.about or (about if closed else replace(about, saved=False))
    except (SegmentationError, OSError):
        closed = False  # the rest of the journal cannot be used; what came before it is whole
    return Kept(kept.map, names, number, count, closed, about)


def _numbered(folder: Path) -> dict[tuple[str, int], Path]:
    found = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NUMBERED.fullmatch(path.name)
        if match is not None:
            found[match[1], int(match[2])] = path
    return found


class Keeper:
    """Keeps the segmentation of one image; used by one thread.

    Parameters
    ----------
    labels : its state, which nobody else changes: it follows by edits.
    number : of the last edit that is kept.
    resumed : whether the folder holds exactly this state.
    about : what goes with it.

    Raises
    ------
    OSError, StoreError
        From every method, if the disk does not take it.
    """

    def __init__(
        self,
        folder: Path,
        geometry: VolumeGeometry,
        labels: LabelMap,
        names: Names,
        number: int,
        *,
        resumed: bool,
        about: About = NOTHING,
    ) -> None:
        self._resumed, self._about = resumed, about
        self._folder, self._geometry, self._map, self._names = folder, geometry, labels, names
        self.number = number
        self._journal: JournalWriter | None = None
        self.changed = not resumed

    def edit(self, edit: Edit) -> None:
        """Take an edit."""
        self._append(EDIT, edit.encoded())
        self._map.write(edit)
        self._about = replace(self._about, saved=False)

    def name(self, names: Names) -> None:
        """Take descriptions of labels."""
        self._append(NAMES, names_bytes(names))
        self._names = names
        self._about = replace(self._about, saved=False)

    def describe(self, about: About) -> None:
        """Take what goes with the segmentation."""
        if about != self._about:
            self._append(ABOUT, about_bytes(about))
            self._about = about

    def _append(self, kind: Kind, payload: bytes) -> None:
        journal = self._journal or self._begin()
        journal.append(self.number + 1, kind, payload)
        self.number += 1
        self.changed = True

    def _begin(self) -> JournalWriter:
        """Begin a journal: after a full save, unless what it would hold is there already or is nothing."""
        files = _numbered(self._folder)
        empty = not files and not self._map.counts
        if not (empty or (self._resumed and ("journal", self.number) not in files)):
            return self.save()
        ensure_dir(self._folder)
        self._journal = JournalWriter(self._folder / f"journal-{self.number}", self._map.shape)
        sync_folder(self._folder)
        return self._journal

    def save(self) -> JournalWriter:
        """Write a full save and begin the next journal; what came before goes."""
        ensure_dir(self._folder)
        old = _numbered(self._folder)
        if ("journal", self.number) in old:  # a save of the same state whose journal may hold a torn entry
            self.number += 1
        write_map(self._folder / f"labels-{self.number}.nii.gz", self._map, self._geometry)
        _write_synced(self._folder / f"names-{self.number}.json", names_bytes(self._names))
        if self._about != NOTHING:
            _write_synced(self._folder / f"about-{self.number}.json", about_bytes(self._about))
        if self._journal is not None:
            self._journal.close()
        self._journal = JournalWriter(self._folder / f"journal-{self.number}", self._map.shape)
        sync_folder(self._folder)
        for (_, number), path in old.items():
            if number != self.number:
                path.unlink(missing_ok=True)
        self.changed = False
        return self._journal

    def close(self) -> None:
        """Save what changed and note that the end was in order."""
        if self.changed:
            self.save()
        if self._journal is not None:
            self._journal.append(self.number + 1, CLOSED, b"")
            self.release()

    def release(self) -> None:
        """Let go of the journal; what the disk has of it stays as it is."""
        journal, self._journal = self._journal, None
        if journal is not None:
            journal.close()

    def discard(self) -> None:
        """Delete everything that is kept of the image."""
        self.release()
        for path in _numbered(self._folder).values():
            path.unlink(missing_ok=True)


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
