"""What hangs together besides zoom and pan: the cursor in mm, the depth of volumes, the patch that is looked at.

Zoom and pan are shared by :class:`viewer.model.placement.Placement`, kept per view in mm. The cursor here is in
the same *view mm* (see :mod:`gmic_core.exam.geometry`), so it stands at the same place of the breast in every modality
of a view, whatever their pixel sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from psygnal import Signal

from gmic_core.exam.model import MammoImage
from gmic_core.types import Roi
from viewer.model.placement import LinkKey, link_key, view_mm_map
from viewer.model.viewstate import ImageState

if TYPE_CHECKING:
    from viewer.model.session import Session

StoredBox = tuple[float, float, float, float]
"""(row0, col0, row1, col1) in stored pixels, half open, not rounded."""
_STEEP = 0.3
"""Least share of the head-foot direction in a volume's slice direction for it to say which end is which."""


@dataclass(frozen=True)
class Cursor:
    """A place in a view that the reader points at.

    Attributes
    ----------
    index : viewport that it was set in.
    sop_uid : image that it was set in.
    key : link key of that image: viewports of the same key show it.
    down, depth : the place in view mm.
    by : who moved it; what the mouse points at needs no mark where the mouse is.
    """

    index: int
    sop_uid: str
    key: LinkKey
    down: float
    depth: float
    by: Literal["mouse", "keys"] = "mouse"

    @property
    def at(self) -> tuple[float, float]:
        """(down, depth) in mm."""
        return self.down, self.depth


@dataclass(frozen=True)
class DepthOffer:
    """The slice of a volume that a place in another image of the view most likely belongs to.

    Attributes
    ----------
    sop_uid : of the volume.
    slice_index : the offered slice, 0-based.
    reason : why this one, in words.
    final : whether it was chosen among all slices; else some are not decoded yet, and the offer may change.
    """

    sop_uid: str
    slice_index: int
    reason: str
    final: bool = True

    @property
    def text(self) -> str:
        """What the reader is told, without the key."""
        return f"DBT slice {self.slice_index + 1}: {self.reason}"


class Links:
    """Cursor, linked depth and the offered slice of a session.

    Signals
    -------
    cursor_changed(), offer_changed(), depth_changed(bool)
    """

    cursor_changed = Signal()
    offer_changed = Signal()
    depth_changed = Signal(bool)

    def __init__(self, session: Session) -> None:
        self._session = session
        self.cursor: Cursor | None = None
        self.offer: DepthOffer | None = None
        self.depth = False
        self._following = False
        self._disconnect: list[Callable[[], object]] = []
        session.layout_changed.connect(self._layout_changed)
        session.exam_changed.connect(self._exam_changed)

    # -- cursor --------------------------------------------------------------------------------------------------
    def set_cursor(self, cursor: Cursor | None) -> None:
        """Point at another place; an offer made for the place before is withdrawn."""
        if cursor == self.cursor:
            return
        self.cursor = cursor
        self.set_offer(None)
        self.cursor_changed.emit()

    def escape(self) -> bool:
        """Take away the cross that keys moved; return whether there was one."""
        if self.cursor is None or self.cursor.by != "keys":
            return False
        self.set_cursor(None)
        return True

    def set_offer(self, offer: DepthOffer | None) -> None:
        """Offer a slice for the place that is pointed at."""
        if offer != self.offer:
            self.offer = offer
            self.offer_changed.emit()

    def _exam_changed(self, _exam: object) -> None:
        self.set_cursor(None)

    # -- depth ---------------------------------------------------------------------------------------------------
    def set_depth(self, on: bool) -> None:
        """Let all volumes on screen follow the active one in relative depth, or each stand where it is."""
        if on == self.depth:
            return
        self.depth = on
        self._layout_changed()
        self.depth_changed.emit(on)

    def _layout_changed(self) -> None:
        for disconnect in self._disconnect:
            disconnect()
        self._disconnect.clear()
        cursor = self.cursor
        if cursor is not None and not self._shows(cursor):
            self.set_cursor(None)
        if not self.depth:
            return
        for state in self._volumes():
            follow = partial(self._follow, state)
            state.slice_changed.connect(follow)
            self._disconnect.append(partial(state.slice_changed.disconnect, follow))
        active = self._session.active_state
        if active is not None and active.image.frames > 1:
            self._follow(active)

    def _shows(self, cursor: Cursor) -> bool:
        slots = self._session.slots
        state = slots[cursor.index].state if cursor.index < len(slots) else None
        return state is not None and state.image.sop_uid == cursor.sop_uid

    def _volumes(self) -> list[ImageState]:
        found = {}
        for slot in self._session.slots:
            if slot.state is not None and slot.state.image.frames > 1:
                found[slot.state.image.sop_uid] = slot.state
        return list(found.values())

    def _follow(self, leader: ImageState, _index: int = 0) -> None:
        """Bring the other volumes to the leader's relative depth; what they do then leads nobody."""
        if self._following:
            return
        self._following = True
        try:
            for state in self._volumes():
                if state is not leader:
                    state.go_to_slice(same_depth(leader.image, leader.slice_index, state.image))
        finally:
            self._following = False


def same_depth(leader: MammoImage, slice_index: int, follower: MammoImage) -> int:
    """Return the slice of another volume at the same relative depth.

    The depth counts from the first to the last slice as a share of the volume: breasts are compressed to different
    thickness, and CC and MLO from different directions. Where both volumes state their position and one is
    stored from the feet up, the other from the head down, the share is turned round.
    """
    share = slice_index / max(leader.frames - 1, 1)
    ways = _direction(leader), _direction(follower)
    if 0 not in ways and ways[0] != ways[1]:
        share = 1.0 - share
    return int(share * (follower.frames - 1) + 0.5)


def _direction(image: MammoImage) -> int:
    """Return 1 when the slices run towards the head, -1 towards the feet, 0 when that is not known."""
    if image.plane is None:
        return 0
    way = np.asarray(image.plane.along_slices, np.float64)
    length = float(np.linalg.norm(way))
    if length == 0.0 or abs(way[2]) < _STEEP * length:
        return 0
    return 1 if way[2] > 0 else -1


# -- the same place in another image ---------------------------------------------------------------------------------
def same_box(source: MammoImage, box: StoredBox, target: MammoImage) -> StoredBox:
    """Return where a box of one image lies in another image of the same side and view, through view mm."""
    return (view_mm_map(target).inverse() @ view_mm_map(source)).apply_box(box)


@dataclass(frozen=True)
class LinkedPatch:
    """A patch of another image of this view.

    Attributes
    ----------
    box : in stored pixels of the image that it is shown on.
    source : image that it was found in.
    """

    roi: Roi
    rank: int
    box: StoredBox
    source: MammoImage

    @property
    def label(self) -> str:
        """Number in the order of attention, and where it is from, e.g. ``1  DBT slice 34``."""
        place = f" slice {self.roi.slice_index + 1}" if self.source.frames > 1 else ""
        return f"{self.rank}  {self.source.modality}{place}"


def linked_patch(session: Session, image: MammoImage) -> LinkedPatch | None:
    """Return the patch that the reader chose in another modality of this view and exam, as it lies on an image.

    Only the part that is inside both images; a patch of which nothing is inside is not shown.
    """
    if session.selected_patch is None or session.selected_patch[0] == image.sop_uid:
        return None
    uid, index = session.selected_patch
    source, entry = session.image(uid), session.results.get(uid)
    if source is None or entry is None or entry.result is None or link_key(source) != link_key(image):
        return None
    if session.exam_of(uid) is not session.exam_of(image.sop_uid) or index >= len(entry.result.rois):
        return None
    rois = entry.result.rois
    roi = rois[index]
    rank = sorted(range(len(rois)), key=lambda k: -rois[k].attention).index(index) + 1
    inside = roi.inside(source.rows, source.columns)
    box = within(same_box(source, inside, image), image) if inside is not None else None
    return LinkedPatch(roi, rank, box, source) if box is not None else None


def within(box: StoredBox, image: MammoImage) -> StoredBox | None:
    """Return the part of a box of stored pixels that lies in an image; None where there is none."""
    row0, col0 = max(box[0], 0.0), max(box[1], 0.0)
    row1, col1 = min(box[2], float(image.rows)), min(box[3], float(image.columns))
    return (row0, col0, row1, col1) if row0 < row1 and col0 < col1 else None
