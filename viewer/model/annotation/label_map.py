"""One label map in memory, and the tree of its states for undo.

Layout: a slice's array exists once the slice holds a label, as zeros that the operating system gives room to page by
page. A dense volume of 70 x 2457 x 1996 would be 340 MB of which a lesion touches some megabytes; a bounding box
would have to be copied whenever a stroke leaves it. Slices cost nothing until they are touched, and never move.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from gmic_core.exam.geometry import Box
from viewer.model.annotation.edits import Edit, Plane, Shape, make_patch

MAX_STATES = 1200
"""States that can be reached by undo; a little more than the history's steps."""
WIDE: np.dtype[np.unsignedinteger] = np.dtype(np.uint16)
NARROW: np.dtype[np.unsignedinteger] = np.dtype(np.uint8)


class Node:
    """A state of a label map: the one before it, and the edit that led here. Two are equal only if they are one."""

    __slots__ = ("depth", "edit", "parent")

    def __init__(self, parent: Node | None = None, edit: Edit | None = None) -> None:
        self.parent, self.edit = parent, edit
        self.depth: int = parent.depth + 1 if parent is not None else 0


class LabelMap:
    """Labels of one image.

    Attributes
    ----------
    shape : (slices, rows, columns) as stored in the image.
    counts : voxels of each label that occurs, background left out.
    state : where in the tree of states the map is.
    revision : grows with every change, also those in the middle of a stroke.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.counts: dict[int, int] = {}
        self.state = Node()
        self.revision = 0
        self._dtype = NARROW
        self._planes: dict[int, Plane] = {}
        self._boxes: dict[int, Box] = {}
        self._recent: deque[Node] = deque()

    @classmethod
    def of(cls, labels: npt.NDArray[np.generic]) -> LabelMap:
        """Return a map of an array (slices, rows, columns) of whole numbers 0..65535; nothing of it is shared."""
        found = cls((labels.shape[0], labels.shape[1], labels.shape[2]))
        found._dtype = WIDE if labels.dtype.itemsize > 1 else NARROW
        for index, plane in enumerate(labels):
            box = _box_of(plane)
            if box is not None:
                found._planes[index] = np.ascontiguousarray(plane, found._dtype)
                found._boxes[index] = box
                found._count(found._planes[index][box[0] : box[2], box[1] : box[3]])
        return found

    def copy(self) -> LabelMap:
        """Return a map of the same labels that shares nothing with this one, at the beginning of a tree of its own."""
        found = LabelMap(self.shape)
        found._dtype, found.counts, found._boxes = self._dtype, dict(self.counts), dict(self._boxes)
        found._planes = {index: plane.copy() for index, plane in self._planes.items()}
        return found

    def _count(self, part: Plane) -> None:
        for label, voxels in enumerate(np.bincount(part.ravel())):
            if label and voxels:
                self.counts[label] = self.counts.get(label, 0) + int(voxels)

    # -- reading -------------------------------------------------------------------------------------------------
    def plane(self, index: int) -> Plane | None:
        """Return the labels of a slice (rows, columns), not to be written to; None: it has none."""
        return self._planes.get(index)

    def box(self, index: int) -> Box | None:
        """Return a box that holds all labels of a slice, be it a little too large; None: it has none."""
        return self._boxes.get(index)

    @property
    def planes(self) -> Mapping[int, Plane]:
        """The slices that hold labels, or held some; a copy of the table, not of the slices."""
        return dict(self._planes)

    @property
    def boxes(self) -> Mapping[int, Box]:
        """Boxes that hold all labels of each slice; a copy of the table."""
        return dict(self._boxes)

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """uint8, or uint16 where a label is larger than 255."""
        return self._dtype

    def label_at(self, index: int, row: int, column: int) -> int:
        """Return the label of a voxel; 0 outside of the image."""
        plane = self._planes.get(index)
        inside = 0 <= row < self.shape[1] and 0 <= column < self.shape[2]
        return int(plane[row, column]) if plane is not None and inside else 0

    def dense(self) -> npt.NDArray[np.unsignedinteger]:
        """Return all labels (slices, rows, columns); slices without a label take no memory."""
        volume = np.zeros(self.shape, self._dtype)
        for index, plane in self.planes.items():
            volume[index] = plane
        return volume

    # -- writing -------------------------------------------------------------------------------------------------
    def touch(self, index: int, box: Box, label: int) -> Plane:
        """Return a slice to be written to within a box; it is made where it is not there."""
        if label > np.iinfo(self._dtype).max:
            self._dtype = WIDE
            self._planes = {at: plane.astype(WIDE) for at, plane in self._planes.items()}
        plane = self._planes.get(index)
        if plane is None:
            plane = self._planes[index] = np.zeros(self.shape[1:], self._dtype)
        before = self._boxes.get(index, box)
        self._boxes[index] = (
            min(before[0], box[0]), min(before[1], box[1]), max(before[2], box[2]), max(before[3], box[3]),
        )  # fmt: skip
        self.revision += 1
        return plane

    def write(self, edit: Edit) -> None:
        """Bring labels to what an edit says; the state stays what it is."""
        for patch in edit.patches:
            patch.write(self.touch(patch.slice_index, patch.box, int(patch.new.max())))
        self.count(edit)

    def count(self, edit: Edit) -> None:
        """Take the voxels of an edit into account that is written already."""
        for label, grown in edit.counts().items():
            total = self.counts.get(label, 0) + grown
            if label and total > 0:
                self.counts[label] = total
            else:
                self.counts.pop(label, None)

    def replaced(self, index: int, corner: tuple[int, int], after: Plane) -> Edit:
        """Return the edit, not yet written, that puts a rectangle of labels into a slice."""
        rows, columns = after.shape
        plane = self._planes.get(index)
        before = (
            np.zeros(after.shape, NARROW)
            if plane is None
            else plane[corner[0] : corner[0] + rows, corner[1] : corner[1] + columns]
        )
        patch = make_patch(index, corner, before, after)
        return Edit((patch,) if patch is not None else ())

    # -- states --------------------------------------------------------------------------------------------------
    def advance(self, edit: Edit) -> None:
        """Begin the next state: an edit was written."""
        self.state = Node(self.state, edit)
        self._recent.append(self.state)
        if len(self._recent) > MAX_STATES:  # nobody can undo as far back: let go of what came before
            oldest = self._recent.popleft()
            oldest.parent = None

    def go_to(self, target: Node) -> Iterator[Edit]:
        """Go to another state; yield the edits that lead there, each when it is written."""
        path = _path(self.state, target)
        if path is None:
            return
        for edit in path:
            self.write(edit)
            self.state = target if edit is path[-1] else self.state
            yield edit
        self.state = target


def _path(start: Node, target: Node) -> list[Edit] | None:
    """Return the edits from one state to another; None where the way is forgotten."""
    back: list[Edit] = []
    onwards: list[Edit] = []
    here, there = start, target
    while here is not there:
        step_back = here.depth >= there.depth
        node = here if step_back else there
        if node.parent is None or node.edit is None:
            return None
        if step_back:
            back.append(node.edit.inverted())
            here = node.parent
        else:
            onwards.append(node.edit)
            there = node.parent
    return back + onwards[::-1]


def _box_of(plane: npt.NDArray[np.generic]) -> Box | None:
    rows = np.flatnonzero(plane.any(axis=1))
    if not rows.size:
        return None
    columns = np.flatnonzero(plane[rows[0] : rows[-1] + 1].any(axis=0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
