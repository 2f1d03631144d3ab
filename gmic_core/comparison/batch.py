"""A whole folder: image after image, every label and every class against its map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from gmic_core.comparison.alignment import Alignment, align_files, align_to_image
from gmic_core.comparison.classes import ClassMap
from gmic_core.comparison.curves import RankedMap, union
from gmic_core.comparison.measures import UNDEFINED, Compared, Measures, compare
from gmic_core.comparison.pictures import picture
from gmic_core.comparison.placing import Cancelled, place
from gmic_core.comparison.sources import MapSource, MaskSource, Pairing, Unused
from gmic_core.detection.candidates import ImageMarks, marks_of
from gmic_core.errors import CancelledError, GmicError, SegmentationError
from gmic_core.evaluation.truth import Lesion
from gmic_core.segmentation.files import LabelMap, MapFile, SegmentationReader
from gmic_core.segmentation.lesions import Part, parts
from gmic_core.types import CLASSES, Finding


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes
    ----------
    label : its label; None for all labels of the class together, or where the class has no lesion.
    measures_3d : None for single images.
    """

    image: str
    label: int | None
    finding: Finding
    measures: Measures
    measures_3d: Measures | None


@dataclass(frozen=True)
class Shown:
    """A small picture of one image and class: PNG bytes."""

    row: Row
    png: bytes


@dataclass(frozen=True)
class Options:
    """How images are compared.

    Attributes
    ----------
    classes : what the labels mean.
    same_size : compare voxel by voxel where only the size fits.
    explicit : whether the user gave a map: then its labels have a row on every image, and others do not count.
    """

    classes: ClassMap
    same_size: bool = False
    explicit: bool = False


@dataclass
class Batch:
    """What a comparison found.

    Attributes
    ----------
    labels : one row per image, label and class.
    images : one row per image and class, all labels together.
    unused : files and images that were not compared, and why.
    notes : what should be known of files that were.
    marks : what the peaks of the maps and the patches point at, per image and class, for FROC.
    """

    labels: list[Row] = field(default_factory=list)
    images: list[Row] = field(default_factory=list)
    pictures: list[Shown] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    notes: list[Unused] = field(default_factory=list)
    marks: list[ImageMarks] = field(default_factory=list)


@dataclass(frozen=True)
class _Drawn:
    """A segmentation in the order of its image."""

    source: MaskSource
    shape: tuple[int, int, int]
    parts: tuple[Part, ...]
    alignment: Alignment


def run(
    pairing: Pairing,
    options: Options,
    reader: SegmentationReader,
    progress: Callable[[int, int, str], object] | None = None,
    cancelled: Cancelled | None = None,
) -> Batch:
    """Compare all pairs.

    Parameters
    ----------
    progress : called with images done, images in all, and the name of the one that is begun.
    cancelled : asked often; what was compared until then is lost.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so.
    """
    batch = Batch(unused=list(pairing.unused))
    for done, (source, masks) in enumerate(pairing.pairs):
        if progress is not None:
            progress(done, len(pairing.pairs), source.image)
        try:
            _image(source, masks, options, reader, batch, cancelled)
        except CancelledError:
            raise
        except GmicError as error:
            batch.unused.append(Unused(source.image, str(error)))
    if progress is not None:
        progress(len(pairing.pairs), len(pairing.pairs), "")
    return batch


def _image(
    source: MapSource,
    masks: Sequence[MaskSource],
    options: Options,
    reader: SegmentationReader,
    batch: Batch,
    cancelled: Cancelled | None,
) -> None:
    files: dict[Finding, MapFile | str] = {}

    def map_of(finding: Finding) -> MapFile | str:
        """Return a map, or the reason why there is none; read once."""
        if finding not in files:
            files[finding] = _map(source, finding, reader, cancelled)
        return files[finding]

    first = next((f for f in map(map_of, source.files) if isinstance(f, MapFile)), None)
    if first is None:
        raise SegmentationError(" ".join(str(reason) for reason in files.values()))
    drawn = list(_readable(source, masks, first, options, reader, batch, cancelled))
    if not drawn:
        return
    if len({(d.shape, d.alignment.to_pixels.tobytes()) for d in drawn}) > 1:
        raise SegmentationError("Its segmentations lie on it in different ways; draw them all on the same image.")
    wanted = _wanted(drawn, options, batch, source.image)
    for finding in Finding:
        entries = [(label, lesions) for label, own, lesions in wanted if own is finding]
        if not entries:
            continue
        cells = map_of(finding) if finding in source.files else f"it has no {CLASSES[finding]} saliency"
        if isinstance(cells, str):
            batch.unused.append(Unused(f"{source.image} ({CLASSES[finding]})", cells))
            continue
        _class(source, finding, cells, drawn[0], entries, batch, cancelled)


def _map(source: MapSource, finding: Finding, reader: SegmentationReader, cancelled: Cancelled | None) -> MapFile | str:
    try:
        return reader.map(source.files[finding], cancelled=cancelled)
    except SegmentationError as error:
        return str(error)


def _readable(
    source: MapSource,
    masks: Sequence[MaskSource],
    cells: MapFile,
    options: Options,
    reader: SegmentationReader,
    batch: Batch,
    cancelled: Cancelled | None,
) -> Iterator[_Drawn]:
    """Yield the segmentations of an image that can be read and lie on it; the others are listed with the reason."""
    for mask in masks:
        try:
            labels = reader.labels(mask.path, cancelled=cancelled)
            alignment = _aligned(source, labels, cells, options)
        except SegmentationError as error:
            batch.unused.append(Unused(mask.path.name, str(error)))
            continue
        batch.notes += [Unused(mask.path.name, note) for note in (*labels.notes, alignment.note) if note]
        ordered = alignment.order.apply(labels.labels)
        slices, rows, columns = ordered.shape
        found = parts(np.asarray(ordered, labels.labels.dtype))
        yield _Drawn(mask, (slices, rows, columns), found, alignment)


def _aligned(source: MapSource, labels: LabelMap, cells: MapFile, options: Options) -> Alignment:
    if source.to_stored is not None:
        return align_to_image(labels.geometry, cells.geometry, source.to_stored, same_size=options.same_size)
    return align_files(labels.geometry, cells.geometry, same_size=options.same_size)


def _wanted(
    drawn: Sequence[_Drawn], options: Options, batch: Batch, image: str
) -> list[tuple[int | None, Finding, list[Lesion]]]:
    """Return every (label, class, lesions) that has a row; a label that no file shows has no lesions."""
    rows: dict[tuple[int | None, Finding], list[Lesion]] = {}
    if options.explicit:
        rows = {(n, f): [] for n, f in sorted(options.classes.classes.items()) if f is not None}
    for one in drawn:
        for part in one.parts:
            known = part.label in options.classes.classes
            stated = one.source.finding is not None and not known
            finding = one.source.finding if stated else options.classes.of(part.label)
            if finding is not None:
                rows.setdefault((part.label, finding), []).append(part.lesion(finding))
            elif not known:
                batch.notes.append(Unused(one.source.path.name, f"label {part.label} has no class and does not count"))
    if not rows:
        named = {Finding.MALIGNANT if one.source.finding is None else one.source.finding for one in drawn}
        rows = {(None, finding): [] for finding in sorted(named)}
    # a lesion that two files show, drawn by two annotators say, is one lesion
    joined = len(drawn) > 1
    return [(label, finding, [union(own)] if joined and own else own) for (label, finding), own in rows.items()]


def _class(
    source: MapSource,
    finding: Finding,
    cells: MapFile,
    drawn: _Drawn,
    entries: Sequence[tuple[int | None, list[Lesion]]],
    batch: Batch,
    cancelled: Cancelled | None,
) -> None:
    """Add the rows of one class of one image."""
    if len(cells.values) != drawn.shape[0]:
        raise SegmentationError(
            f"Its {CLASSES[finding]} saliency has {len(cells.values)} slices, not {drawn.shape[0]}."
        )
    ranked = RankedMap(place(cells.values, drawn.alignment.to_pixels, drawn.shape[1:], cancelled))
    volume = drawn.shape[0] > 1
    every: list[Lesion] = []
    found: dict[int | None, Compared] = {}
    for label, lesions in entries:
        every += lesions
        if lesions:
            found[label] = compare(ranked, lesions, source.patches, cancelled=cancelled)
        batch.labels.append(_row(source.image, label, finding, found.get(label), volume))
    whole = None
    if every:
        whole = (
            next(iter(found.values())) if len(found) == 1 else compare(ranked, every, source.patches, None, cancelled)
        )
        row = _row(source.image, None, finding, whole, volume)
        batch.pictures.append(Shown(row, picture(ranked.placed, every, whole.measures.dice_max_threshold)))
    batch.images.append(_row(source.image, None, finding, whole, volume))
    batch.marks.append(marks_of(source.image, finding, ranked.placed, every, source.patches))


def _row(image: str, label: int | None, finding: Finding, found: Compared | None, volume: bool) -> Row:
    if found is None:
        return Row(image, label, finding, UNDEFINED, UNDEFINED if volume else None)
    return Row(image, label, finding, found.measures, found.measures_3d)
