"""All segmentations of what is open, and what the annotator has in hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from psygnal import Signal

from gmic_core.exam.geometry import Box
from gmic_core.segmentation.geometry import Reorder
from gmic_core.segmentation.label_descriptions import CLEAR, LabelDescription, default_description
from viewer.model.annotation.edits import Edit
from viewer.model.annotation.label_map import LabelMap, Node
from viewer.model.annotation.lesion_ids import KnownLesion, Remarks, identify, with_note
from viewer.model.annotation.lesion_list import LesionRow
from viewer.model.annotation.linked_outlines import Projection
from viewer.model.annotation.paint import LabelLayer
from viewer.model.annotation.settings import AnnotationSettings

Names = tuple[LabelDescription, ...]


@dataclass(frozen=True)
class Origin:
    """Where a segmentation comes from.

    Attributes
    ----------
    path : the file that it was read from or saved to last; None: it was begun here.
    order : how the file's voxels were brought into the image's order.
    labels_path : the label description file read with it.
    stamp : size in bytes and time in ns of the file then.
    """

    path: Path | None = None
    order: Reorder = field(default_factory=Reorder)
    labels_path: Path | None = None
    stamp: tuple[int, int] | None = None


@dataclass
class Segmentation:
    """The segmentation of one image.

    Attributes
    ----------
    names : descriptions of its labels by number, sorted; background left out.
    saved : state and names that its file holds; None: no file does.
    drawn : labels of a stroke that goes on.
    lesions : what is listed of it; ``lesions_revision`` says of which revision.
    known : lesions by the numbers that stay with them, those that are gone among them.
    remarks : notes on lesions by number.
    """

    sop_uid: str
    map: LabelMap
    names: Names = ()
    origin: Origin = field(default_factory=Origin)
    saved: tuple[Node, Names] | None = None
    lesions: tuple[LesionRow, ...] = ()
    lesions_revision: int = -1
    notes: tuple[str, ...] = field(default=())
    drawn: frozenset[int] = frozenset()
    known: tuple[KnownLesion, ...] = ()
    remarks: Remarks = ()

    def name(self, label: int) -> LabelDescription:
        """Return the description of a label, be it the one that ITK-SNAP would give it."""
        return next((entry for entry in self.names if entry.index == label), default_description(label))

    @property
    def labels(self) -> list[LabelDescription]:
        """Descriptions of all labels that are described or occur, by number."""
        numbers = {entry.index for entry in self.names} | set(self.map.counts) | self.drawn
        return [self.name(number) for number in sorted(numbers - {CLEAR.index})]

    def note(self, number: int) -> str:
        """Return the note on a lesion, "" where there is none."""
        return dict(self.remarks).get(number, "")

    @property
    def unsaved(self) -> bool:
        """Whether it holds something that its file does not."""
        if self.saved is None:
            return bool(self.map.counts)
        return self.saved != (self.map.state, self.names)


@dataclass(frozen=True)
class Painted:
    """What a movement of a brush did to a segmentation.

    Attributes
    ----------
    slice_index : the slice that is seen; what is painted on others is shown when they are.
    box : half-open stored box that holds all changes of that slice.
    before, after : revision of the map.
    """

    slice_index: int
    box: Box
    before: int
    after: int


class AnnotationModel:
    """Segmentations by image.

    Signals
    -------
    changed(str sop_uid) : voxels of an image are others now, also in the middle of a stroke.
    painted(str sop_uid, Painted) : a stroke went on, and nothing else changed.
    edited(str sop_uid, Edit) : an edit is complete, or was undone or redone (then the edit back or onwards).
    named(str sop_uid) : descriptions of labels are others now.
    opened(str sop_uid) : an image has another segmentation, or none any more.
    described(str sop_uid) : lesions have other numbers or notes, or its file is another one.
    projected(str sop_uid) : an image is seen otherwise along its slices.
    saved(str sop_uid), lesions_changed(str sop_uid), settings_changed(AnnotationSettings), mode_changed(bool)
    polygon_changed() : the polygon that is being drawn.
    lesion_shown(str sop_uid, LesionRow) : a lesion was jumped to.

    Attributes
    ----------
    on : whether the window is in annotation mode.
    keeping : in words, how far edits are safe; shown in the panel.
    shown_lesion : (SOP UID, label, id) of the lesion that was jumped to last.
    polygon : (SOP UID, slice, stored places) of the polygon that is being drawn, or None.
    projections : segmentations as they are seen along the slices, by image; for the other images of the view.
    """

    changed = Signal(str)
    painted = Signal(str, object)
    edited = Signal(str, object)
    named = Signal(str)
    opened = Signal(str)
    saved = Signal(str)
    projected = Signal(str)
    described = Signal(str)
    lesions_changed = Signal(str)
    lesion_shown = Signal(str, object)
    settings_changed = Signal(object)
    mode_changed = Signal(bool)
    keeping_changed = Signal()
    polygon_changed = Signal()

    def __init__(self) -> None:
        self._images: dict[str, Segmentation] = {}
        self.projections: dict[str, Projection] = {}
        self.settings = AnnotationSettings()
        self.on = False
        self.keeping = ""
        self.shown_lesion: tuple[str, int, int] | None = None
        self.polygon: tuple[str, int, tuple[tuple[float, float], ...]] | None = None

    # -- what there is -------------------------------------------------------------------------------------------
    def of(self, sop_uid: str) -> Segmentation | None:
        """Return the segmentation of an image."""
        return self._images.get(sop_uid)

    @property
    def images(self) -> Mapping[str, Segmentation]:
        """Everything, by SOP instance UID; a copy of the table."""
        return dict(self._images)

    @property
    def unsaved(self) -> list[Segmentation]:
        """Segmentations that no file of the annotator's holds as they are."""
        return [one for one in self._images.values() if one.unsaved]

    def begin(self, sop_uid: str, shape: tuple[int, int, int]) -> Segmentation:
        """Return the segmentation of an image; an empty one is begun where there is none."""
        found = self._images.get(sop_uid)
        if found is None:
            found = Segmentation(sop_uid, LabelMap(shape), (default_description(1),))
            self.put(found)
        return found

    def put(self, segmentation: Segmentation) -> None:
        """Give an image its segmentation, in the place of the one that it has."""
        self._images[segmentation.sop_uid] = segmentation
        self.set_projection(segmentation.sop_uid, None)  # that of the one before
        self.opened.emit(segmentation.sop_uid)
        known = {entry.index for entry in segmentation.labels}
        if known and self.settings.label not in known:
            self.update(label=min(known))

    def remove(self, sop_uid: str) -> None:
        """Take the segmentation of an image away; files stay."""
        if self._images.pop(sop_uid, None) is not None:
            self.set_projection(sop_uid, None)
            self.opened.emit(sop_uid)

    def clear(self) -> None:
        """Forget everything: another exam is opened."""
        self.set_polygon(None)
        self.shown_lesion = None
        for sop_uid in list(self._images):
            self.remove(sop_uid)

    def layer(self, sop_uid: str, index: int) -> LabelLayer | None:
        """Return what to lay over a slice; None: nothing."""
        found, settings = self._images.get(sop_uid), self.settings
        if found is None or not settings.visible:
            return None
        plane, box = found.map.plane(index), found.map.box(index)
        if plane is None or box is None:
            return None
        return LabelLayer(plane, box, tuple(found.labels), settings.opacity if settings.fill else 0.0)

    # -- changes -------------------------------------------------------------------------------------------------
    def touched(self, sop_uid: str) -> None:
        """Tell that a stroke changed voxels and goes on."""
        self.changed.emit(sop_uid)

    def commit(self, sop_uid: str, edit: Edit, *, written: bool) -> None:
        """End an edit: it is a state that can be undone, and is kept.

        Parameters
        ----------
        written : whether the map holds it already, as a stroke does.
        """
        segmentation = self._images.get(sop_uid)
        if segmentation is None or not edit.patches:
            return
        if not written:
            segmentation.map.write(edit)
        segmentation.map.advance(edit)
        self.changed.emit(sop_uid)
        self.edited.emit(sop_uid, edit)

    def go_to(self, sop_uid: str, state: Node) -> frozenset[int]:
        """Go to another state (undo, redo); return the slices that changed."""
        segmentation, slices = self._images.get(sop_uid), frozenset[int]()
        if segmentation is None:
            return slices
        for edit in segmentation.map.go_to(state):
            slices |= edit.slices
            self.edited.emit(sop_uid, edit)
        self.changed.emit(sop_uid)
        return slices

    def rename(self, sop_uid: str, names: Iterable[LabelDescription]) -> None:
        """Describe the labels of an image anew; background is left out."""
        segmentation = self._images.get(sop_uid)
        wanted = tuple(sorted((name for name in names if name.index), key=lambda name: name.index))
        if segmentation is not None and wanted != segmentation.names:
            segmentation.names = wanted
            self.named.emit(sop_uid)

    def describe(self, sop_uid: str, entry: LabelDescription) -> None:
        """Describe one label anew, or for the first time."""
        segmentation = self._images.get(sop_uid)
        if segmentation is not None:
            others = [name for name in segmentation.labels if name.index != entry.index]
            self.rename(sop_uid, [*others, entry])

    def mark_saved(self, sop_uid: str, state: Node, names: Names, origin: Origin) -> None:
        """Tell that a file holds the segmentation as it was then."""
        segmentation = self._images.get(sop_uid)
        if segmentation is not None:
            segmentation.saved, segmentation.origin = (state, names), origin
            self.saved.emit(sop_uid)
            self.described.emit(sop_uid)

    def list_lesions(self, sop_uid: str, revision: int, rows: tuple[LesionRow, ...]) -> None:
        """Take what was found in a revision of an image."""
        segmentation = self._images.get(sop_uid)
        if segmentation is not None:
            named, known = identify(rows, segmentation.known, segmentation.remarks)
            segmentation.lesions, segmentation.lesions_revision = named, revision
            changed, segmentation.known = known != segmentation.known, known
            self.lesions_changed.emit(sop_uid)
            if changed:
                self.described.emit(sop_uid)

    def write_note(self, sop_uid: str, number: int, note: str) -> None:
        """Note something on a lesion; an empty note is none."""
        segmentation = self._images.get(sop_uid)
        if segmentation is not None:
            self.set_remarks(sop_uid, with_note(segmentation.remarks, number, note))

    def set_remarks(self, sop_uid: str, remarks: Remarks) -> None:
        """Have other notes on the lesions of an image."""
        segmentation = self._images.get(sop_uid)
        if segmentation is not None and remarks != segmentation.remarks:
            segmentation.remarks = remarks
            self.lesions_changed.emit(sop_uid)
            self.described.emit(sop_uid)

    def set_projection(self, sop_uid: str, projection: Projection | None) -> None:
        """Take how an image is seen along its slices; None: nothing is to be seen."""
        before = self.projections.pop(sop_uid, None)
        if projection is not None:
            self.projections[sop_uid] = projection
        if projection is not before:
            self.projected.emit(sop_uid)

    def show_lesion(self, sop_uid: str, row: LesionRow) -> None:
        """Remember which lesion was jumped to, for the next step and for the list."""
        self.shown_lesion = (sop_uid, row.label, row.id)
        self.lesions_changed.emit(sop_uid)
        self.lesion_shown.emit(sop_uid, row)

    # -- the annotator's hand ------------------------------------------------------------------------------------
    def set_on(self, on: bool) -> None:
        """Go into annotation mode, or leave it."""
        if on != self.on:
            self.on = on
            self.set_polygon(None)
            self.mode_changed.emit(on)

    def update(self, **fields: object) -> None:
        """Change some settings, e.g. ``update(opacity=0.4)``; fields of the brush begin with ``brush_``."""
        brush = {name.removeprefix("brush_"): value for name, value in fields.items() if name.startswith("brush_")}
        plain = {name: value for name, value in fields.items() if not name.startswith("brush_")}
        if brush:
            plain["brush"] = replace(self.settings.brush, **brush)  # type: ignore[arg-type]  # checked by replace()
        settings = replace(self.settings, **plain)  # type: ignore[arg-type]  # names are checked by replace()
        if settings != self.settings:
            before, self.settings = self.settings, settings
            if before.tool != settings.tool:
                self.set_polygon(None)
            self.settings_changed.emit(settings)

    def set_polygon(self, polygon: tuple[str, int, tuple[tuple[float, float], ...]] | None) -> None:
        """Show a polygon that is being drawn, or forget it."""
        if polygon != self.polygon:
            self.polygon = polygon
            self.polygon_changed.emit()

    def set_keeping(self, text: str) -> None:
        """Tell how far edits are safe."""
        if text != self.keeping:
            self.keeping = text
            self.keeping_changed.emit()

    def escape(self) -> bool:
        """Leave one thing: the polygon being drawn, then the tool; return whether there was one."""
        if not self.on:
            return False
        if self.polygon is not None:
            self.set_polygon(None)
        elif self.settings.tool != "navigate":
            self.update(tool="navigate")
        else:
            return False
        return True
