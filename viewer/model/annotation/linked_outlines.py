"""A segmentation over the other modalities of its breast and view: seen along the slices, laid through view mm.

The images of one view share the edge and the middle of the detector (:func:`viewer.model.placement.view_mm_map`), as
linked cursors and patches do. What lies above the detector is cast a little aside and larger in a mammogram: an
outline of a volume stands where the lesion is within millimetres, not to the pixel. It is therefore drawn dashed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gmic_core.exam.geometry import Box, PlaneMap
from gmic_core.exam.model import MammoImage
from viewer.model.annotation.edits import Plane
from viewer.model.annotation.paint import LabelLayer
from viewer.model.placement import link_key, view_mm_map

if TYPE_CHECKING:  # the session holds segmentations
    from viewer.model.annotation.state import Segmentation
    from viewer.model.session import Session


@dataclass(frozen=True, eq=False)
class Projection:
    """A segmentation as it is seen along the slices.

    Attributes
    ----------
    plane : labels (rows, columns) as stored; where labels lie over each other, the one of the higher number.
    box : half-open stored box that holds all of them.
    hidden : labels that were left out: what is not shown hides nothing.
    """

    plane: Plane
    box: Box
    hidden: frozenset[int]


def hidden_labels(segmentation: Segmentation) -> frozenset[int]:
    """Return the numbers of the labels that are not shown."""
    return frozenset(entry.index for entry in segmentation.names if not entry.visible)


def project(
    planes: Mapping[int, Plane], boxes: Mapping[int, Box], hidden: frozenset[int], stop: Callable[[], bool]
) -> Projection | None:
    """Return a segmentation as it is seen along the slices; None where nothing of it is, or where it was stopped.

    Parameters
    ----------
    planes : slice -> labels (rows, columns), all of one shape.
    boxes : slice -> a box that holds its labels.
    """
    kept = {index: plane for index, plane in planes.items() if index in boxes}
    if not kept:
        return None
    # a stroke may widen the type of some slices meanwhile
    kind = max((plane.dtype for plane in kept.values()), key=lambda dtype: dtype.itemsize)
    seen = np.zeros(next(iter(kept.values())).shape, kind)
    for index, plane in kept.items():
        if stop():
            return None
        row0, col0, row1, col1 = boxes[index]
        part = plane[row0:row1, col0:col1]
        if hidden:
            part = np.where(np.isin(part, list(hidden)), part.dtype.type(0), part)
        target = seen[row0:row1, col0:col1]
        np.maximum(target, part, out=target)
    used = [boxes[index] for index in kept]
    box = (
        min(one[0] for one in used), min(one[1] for one in used),
        max(one[2] for one in used), max(one[3] for one in used),
    )  # fmt: skip
    return Projection(seen, box, hidden) if seen[box[0] : box[2], box[1] : box[3]].any() else None


@dataclass(frozen=True, eq=False)
class LinkedOutline:
    """What to lay over an image of the outlines of another one.

    Attributes
    ----------
    source : the image that was segmented.
    layer : its labels, dashed.
    to_target : stored pixels of ``source`` -> stored pixels of the image that they are laid over.
    """

    source: MammoImage
    layer: LabelLayer
    to_target: PlaneMap

    @property
    def key(self) -> tuple[object, ...]:
        """What differs when another picture of it is to be painted."""
        return id(self.layer.plane), self.layer.labels, self.to_target.matrix.tobytes()


def belongs_over(source: MammoImage, target: MammoImage) -> bool:
    """Whether outlines of one image may be laid over another: the same side, view and field of view, all known.

    An image of which side or orientation are in question neither gives nor gets any: a swapped side is worse than
    none. Spot and magnification views show another part of the breast than their view does.
    """
    return (
        source.sop_uid != target.sop_uid
        and link_key(source) == link_key(target)
        and not (source.questions or target.questions)
        and source.view_modifiers == target.view_modifiers
    )


def linked_sources(session: Session, target: MammoImage) -> list[MammoImage]:
    """Return the segmented images whose outlines are shown over an image.

    An image with a segmentation file of its own shows that alone. While one is drawn anew the outlines of the others
    stay: they are what it is drawn after.
    """
    annotation = session.annotation
    if not (annotation.settings.visible and annotation.settings.linked):
        return []
    own = annotation.of(target.sop_uid)
    if own is not None and own.origin.path is not None and own.map.counts:
        return []
    exam = session.exam_of(target.sop_uid)
    images = (session.image(uid) for uid in annotation.projections if session.exam_of(uid) is exam)
    return [image for image in images if image is not None and belongs_over(image, target)]


def linked_outlines(session: Session, target: MammoImage) -> tuple[LinkedOutline, ...]:
    """Return the outlines of other modalities that lie over an image, on any of its slices."""
    annotation, found = session.annotation, []
    for source in linked_sources(session, target):
        segmentation, projection = annotation.of(source.sop_uid), annotation.projections[source.sop_uid]
        if segmentation is None:
            continue
        layer = LabelLayer(projection.plane, projection.box, tuple(segmentation.labels), 0.0, dashed=True)
        found.append(LinkedOutline(source, layer, view_mm_map(target).inverse() @ view_mm_map(source)))
    return tuple(found)


def linked_text(session: Session, target: MammoImage) -> str:
    """Return in words where the dashed outlines of an image are from; "" where there are none."""
    names = sorted({source.modality for source in linked_sources(session, target)})
    return f"Dashed: outlines of the {' and the '.join(names)}, for orientation." if names else ""
