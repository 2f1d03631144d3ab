"""Where an image lies in space, as segmentations are matched to it, and which image of an exam a file belongs to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gmic_core.errors import SegmentationError
from gmic_core.exam.geometry import stored_to_patient
from gmic_core.exam.model import MammoImage
from gmic_core.segmentation.geometry import Match, Reorder, Shape, VolumeGeometry, match
from viewer.model.placement import image_orientation


def image_shape(image: MammoImage) -> Shape:
    """Return (slices, rows, columns)."""
    return image.frames, image.rows, image.columns


def image_geometry(image: MammoImage) -> VolumeGeometry:
    """Return size and place of an image."""
    return VolumeGeometry(image_shape(image), stored_to_patient(image.spacing_mm, image.slice_spacing_mm, image.plane))


def voxel_mm(image: MammoImage) -> tuple[float, float, float]:
    """Return the distance of slices, rows and columns in mm; 1 where none is stated."""
    row_mm, column_mm = image.spacing_mm or (1.0, 1.0)
    return image.slice_spacing_mm or 1.0, row_mm, column_mm


@dataclass(frozen=True)
class Candidate:
    """An image that a file may belong to, and how it would lie there."""

    image: MammoImage
    match: Match


@dataclass(frozen=True)
class Choice:
    """Where a file goes.

    Attributes
    ----------
    candidates : images that fit, the likeliest first.
    sure : whether nothing has to be asked: the first one is it, by its place in space.
    doubt : why the annotator is asked, in a sentence; "" where the match's own question says it.
    """

    candidates: tuple[Candidate, ...]
    sure: bool
    doubt: str = ""


def choose_image(
    name: str, geometry: VolumeGeometry, images: Sequence[MammoImage], target: MammoImage | None, *, pointed: bool
) -> Choice:
    """Return where a segmentation goes among images.

    Parameters
    ----------
    name : of the file; side and view in it decide between images of one geometry, and make a wrong side doubtful.
    target : the image that it was dropped on, or the active one.
    pointed : whether the annotator pointed at ``target`` (by dropping on it): then no other image is considered.

    Raises
    ------
    SegmentationError
        With both geometries, if it fits none.
    """
    wanted = [target] if pointed and target is not None else list(images)
    fits, refusal = [], None
    for image in wanted:
        try:
            fits.append(Candidate(image, _turned_or(match(geometry, image_geometry(image)), geometry, image)))
        except SegmentationError as error:
            refusal = error if refusal is None or image is target else refusal
    if not fits:
        raise refusal or SegmentationError("There is no image that a segmentation could go on; open an exam first.")
    label, modality = named_view(name), named_modality(name)

    def likely(candidate: Candidate) -> tuple[bool, bool, bool, bool]:
        image = candidate.image
        return (
            candidate.match.order is None, bool(label) and image.label != label,
            bool(modality) and image.modality != modality, image is not target,
        )  # fmt: skip

    fits.sort(key=likely)
    best = fits[0]
    if best.match.order is None:
        return Choice(tuple(fits), False)
    if label and best.image.label != label:
        return Choice(
            tuple(fits), False,
            f"The name of the file says {label}, but by its place it belongs to {best.image.label} "
            f"{best.image.modality}.",
        )  # fmt: skip
    rivals = [one for one in fits[1:] if likely(one)[:3] == likely(best)[:3]]
    if rivals and best.image is not target:
        return Choice(tuple(fits), False, "Several images have this place and size.")
    return Choice(tuple(fits), True)


TURNED = Reorder(flips=(False, True, True))
"""By 180 degrees, as some volumes of BCS-DBT are stored."""


def _turned_or(found: Match, geometry: VolumeGeometry, image: MammoImage) -> Match:
    """Return a match, or the question whether the file was turned, of a volume that is stored upside down.

    Programs turn such volumes before they show them, and save what was drawn on them as it was seen. Where the volume
    has no place in space, nothing in a file of its size tells the one from the other.
    """
    upside_down = image.frames > 1 and image.plane is None and image_orientation(image).flip_rows
    if found.order is None or not upside_down:
        return found
    return Match(
        None, (found.order, _after(found.order, TURNED)),
        "This volume is stored upside down, and neither it nor the segmentation has a place in space: some programs "
        f"turn such a volume and save what was drawn on it turned. Segmentation: {geometry.describe()}. "
        f"Image: {image_geometry(image).describe()}. How does it lie?",
    )  # fmt: skip


def _after(first: Reorder, turn: Reorder) -> Reorder:
    """Return one order followed by flips."""
    one, two, three = (a != b for a, b in zip(first.flips, turn.flips, strict=True))
    return Reorder(first.axes, (one, two, three))


_VIEW = re.compile(r"(?:^|[^a-z])(r|l)[-_ ]?(cc|mlo|ml|lm|xccl|xccm)(?![a-z])", re.IGNORECASE)
_MODALITY = re.compile(r"(?:^|[^a-z])(ffdm|dbt|s2d)(?![a-z])", re.IGNORECASE)


def named_view(name: str) -> str:
    """Return side and view that a file's name states, e.g. ``R-CC``; "" where it states none."""
    found = _VIEW.search(name)
    return f"{found[1].upper()}-{found[2].upper()}" if found else ""


def named_modality(name: str) -> str:
    """Return the modality that a file's name states; "" where it states none."""
    found = _MODALITY.search(name)
    return found[1].upper() if found else ""
