"""Order and position of slices: by position in the patient, not by place in the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gmic_core.exam.elements import Elements
from gmic_core.exam.geometry import PlanePosition

Vector = tuple[float, float, float]

_SAME_MM = 1e-4
"""Positions that differ by less than this count as one."""
_UNEVEN = 0.1
"""Slice distances may differ by this share before a warning."""


@dataclass(frozen=True)
class SliceKey:
    """What one frame says about its place.

    Attributes
    ----------
    position : Image Position (Patient), LPS mm, or None.
    index : In-Stack Position Number, Dimension Index Values or Instance Number, or ().
    """

    position: Vector | None = None
    index: tuple[int, ...] = ()


@dataclass(frozen=True)
class SliceOrder:
    """How the frames of a volume lie.

    Attributes
    ----------
    order : stored frame of each slice, or None when they are stored in order.
    spacing_mm : median distance of neighbouring slices, or None when positions do not tell.
    plane : position of the stack, when orientation and positions are known.
    """

    order: tuple[int, ...] | None = None
    spacing_mm: float | None = None
    plane: PlanePosition | None = None
    warnings: tuple[str, ...] = ()


def frame_keys(elements: Elements, frames: int) -> list[SliceKey]:
    """Return the keys of the first ``frames`` frames; empty ones where per-frame items are missing."""
    groups = elements.items("PerFrameFunctionalGroupsSequence")[:frames]
    keys = [_frame_key(group) for group in groups]
    return keys + [SliceKey()] * (frames - len(keys))


def _frame_key(group: Elements) -> SliceKey:
    content = group.item("FrameContentSequence")
    numbers = content.numbers("InStackPositionNumber") or content.numbers("DimensionIndexValues")
    position = group.item("PlanePositionSequence").numbers("ImagePositionPatient")
    return SliceKey(as_vector(position), tuple(map(int, numbers)))


def as_vector(values: tuple[float, ...]) -> Vector | None:
    """Return three numbers as a vector, anything else as None."""
    return (values[0], values[1], values[2]) if len(values) == 3 else None


def order_slices(keys: Sequence[SliceKey], cosines: tuple[float, ...] | None) -> SliceOrder:
    """Put the frames of a volume in position order.

    Sorted by the position along the normal. Frames that are stored monotonically, in either direction, keep their
    order and so the slice numbers that other viewers show; where they are not, the stated indices (In-Stack Position
    Number, ...) decide the direction if they follow the positions, else slices run along the normal. Without usable
    positions the indices alone decide.

    Parameters
    ----------
    keys : one per frame as stored.
    cosines : Image Orientation (Patient), or None.
    """
    count = len(keys)
    depths = _depths(keys, cosines)
    if count < 2:
        return SliceOrder(plane=_plane(keys, (0,), cosines))
    if depths is None or _repeats(depths):
        return SliceOrder(_by_index(keys), warnings=_position_warning(depths))
    order = sorted(range(count), key=depths.__getitem__)
    if _runs_backwards(order, keys):
        order.reverse()
    steps = [abs(depths[b] - depths[a]) for a, b in pairwise(order)]
    spacing = sorted(steps)[len(steps) // 2]
    uneven = max(steps) - min(steps) > _UNEVEN * spacing
    return SliceOrder(
        None if order == list(range(count)) else tuple(order), spacing, _plane(keys, order, cosines),
        ("slices are not evenly spaced; one may be missing",) if uneven else (),
    )  # fmt: skip


def _depths(keys: Sequence[SliceKey], cosines: tuple[float, ...] | None) -> list[float] | None:
    """Return the position of each frame along the normal, or None when some have none."""
    positions = [key.position for key in keys if key.position is not None]
    if len(positions) != len(keys):
        return None
    normal = _cross(cosines) if cosines else _main_axis(positions)
    return [sum(a * b for a, b in zip(position, normal, strict=True)) for position in positions]


def _cross(cosines: tuple[float, ...]) -> Vector:
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def _main_axis(positions: Sequence[Vector]) -> Vector:
    """Return the axis along which positions differ most; the normal of files that state no orientation."""
    spans = [max(p[axis] for p in positions) - min(p[axis] for p in positions) for axis in range(3)]
    main = spans.index(max(spans))
    return (float(main == 0), float(main == 1), float(main == 2))


def _repeats(depths: list[float]) -> bool:
    ordered = sorted(depths)
    return any(b - a < _SAME_MM for a, b in pairwise(ordered))


def _position_warning(depths: list[float] | None) -> tuple[str, ...]:
    if depths is None:
        return ()
    same = max(depths) - min(depths) < _SAME_MM
    return ("the file gives all slices one position" if same else "several slices have one position",)


def _by_index(keys: Sequence[SliceKey]) -> tuple[int, ...] | None:
    """Return the order by stated indices, or None when they are missing, repeated or already in order."""
    indices = [key.index for key in keys]
    if not all(indices) or len(set(indices)) != len(indices):
        return None
    order = sorted(range(len(keys)), key=indices.__getitem__)
    return None if order == list(range(len(keys))) else tuple(order)


def _runs_backwards(order: list[int], keys: Sequence[SliceKey]) -> bool:
    """Whether the frames, sorted along the normal, stand in descending order for everybody else."""
    indices = [keys[frame].index for frame in order]
    if all(indices) and len(set(indices)) == len(indices):
        if indices == sorted(indices):
            return False
        if indices == sorted(indices, reverse=True):
            return True
    return order == sorted(order, reverse=True)


def _plane(keys: Sequence[SliceKey], order: Sequence[int], cosines: tuple[float, ...] | None) -> PlanePosition | None:
    if cosines is None or not keys:
        return None
    first, last = keys[order[0]].position, keys[order[-1]].position
    if first is None or last is None:
        return None
    along = _cross(cosines)
    if len(order) > 1:
        steps = len(order) - 1
        along = tuple((b - a) / steps for a, b in zip(first, last, strict=True))  # type: ignore[assignment]
    columns, rows = _unit(cosines[:3]), _unit(cosines[3:])
    return PlanePosition(origin=first, along_columns=columns, along_rows=rows, along_slices=along)


def _unit(axis: tuple[float, ...]) -> Vector:
    length = math.sqrt(sum(value * value for value in axis))
    return (axis[0] / length, axis[1] / length, axis[2] / length)
