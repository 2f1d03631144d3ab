"""Maximum intensity projection from any direction with numpy and OpenCV: what is shown where OpenGL is missing.

A parallel projection maps every plane of a volume to the screen by an affine of its own. The projection is the maximum
of these planes, taken of the family of planes (slices, rows or columns) that faces the reader most. Interpolation is
linear within a plane; planes are as close as voxels are, so no gaps appear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from viewer.model.volume_camera import View
from viewer.model.volume_grid import FloatArray

Values = npt.NDArray[Any]
"""uint8 or uint16."""
Stopped = Callable[[], bool]

COARSE_FROM = 6 << 20
"""Volumes of more voxels are halved in plane (largest of each four, so that specks stay) before they are projected."""


def never() -> bool:
    """Go on: for callers that wait."""
    return False


@dataclass(frozen=True)
class Stack:
    """Numbers in space.

    Attributes
    ----------
    values : (planes, rows, columns), uint8 or uint16; 0 is nothing.
    to_world : (plane, row, column, 1) of voxel centres -> (z, y, x, 1) in mm, float64 (4, 4).
    """

    values: Values
    to_world: FloatArray
    _turned: dict[int, Values] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def coarse(self) -> Stack:
        """The same with at most :data:`COARSE_FROM` voxels."""
        stack = self
        while stack.values.size > COARSE_FROM and min(stack.values.shape[1:]) > 1:
            stack = _halved(stack)
        return stack

    def planes(self, axis: int) -> Values:
        """Return the values with ``axis`` first, each plane contiguous; kept, because turning takes as long as use."""
        if axis == 0:
            return self.values
        if axis not in self._turned:
            self._turned[axis] = np.ascontiguousarray(np.moveaxis(self.values, axis, 0))
        return self._turned[axis]

    @cached_property
    def filled(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which planes of each axis hold anything but 0."""
        any_of = np.logical_or.reduce
        some = self.values > 0
        by_row = any_of(some, axis=2)  # (planes, rows)
        return any_of(by_row, axis=1), any_of(by_row, axis=0), any_of(some, axis=(0, 1))


def _halved(stack: Stack) -> Stack:
    """Return the stack with the largest of every 2 x 2 in plane; an odd last row or column stands for itself."""
    values = stack.values
    rows, cols = values.shape[1], values.shape[2]
    if rows % 2 or cols % 2:
        values = np.pad(values, ((0, 0), (0, rows % 2), (0, cols % 2)), mode="edge")
    best = np.maximum(values[:, 0::2], values[:, 1::2])
    best = np.maximum(best[:, :, 0::2], best[:, :, 1::2])
    double = np.diag([1.0, 2.0, 2.0, 1.0])
    double[1:3, 3] = 0.5
    return Stack(best, stack.to_world @ double)


def project(stack: Stack, view: View, stopped: Stopped = never) -> Values:
    """Return the largest value under every pixel of a view, (height, width), in the stack's kind of number.

    Parameters
    ----------
    stopped : asked between planes; when it says so, what there is by then comes back.
    """
    import cv2

    picture = np.zeros((view.height, view.width), stack.values.dtype)
    axis, to_screen = _facing(stack, view)
    for plane, matrix in _planes(stack, axis, to_screen):
        if stopped():
            break
        box = _covered(matrix, plane.shape, view)
        if box is None:
            continue
        top, left, bottom, right = box
        shift = matrix - np.array([[0.0, 0.0, top], [0.0, 0.0, left]])
        size = (right - left, bottom - top)
        there = cv2.warpAffine(plane, _for_opencv(shift), size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        part = picture[top:bottom, left:right]
        cv2.max(part, there, dst=part)
    return picture


def _facing(stack: Stack, view: View) -> tuple[int, FloatArray]:
    """Return the axis whose planes cover the screen best, and (plane, row, column, 1) -> (row, column) on it."""
    whole = np.vstack([view.matrix, [0.0, 0.0, 0.0, 1.0]]) @ stack.to_world
    areas = []
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        step = np.linalg.norm(stack.to_world[:3, others], axis=0)  # mm: how large a voxel is must not decide
        areas.append(abs(np.linalg.det(whole[:2, others])) / float(step.prod()))
    return int(np.argmax(areas)), whole[:2]


def _planes(stack: Stack, axis: int, to_screen: FloatArray) -> Iterator[tuple[Values, FloatArray]]:
    """Yield every plane that holds something and its map to the screen, (row, column, 1) -> (row, column)."""
    others = [other for other in range(3) if other != axis]
    values = stack.planes(axis)
    for index in np.flatnonzero(stack.filled[axis]):
        matrix = np.empty((2, 3))
        matrix[:, :2] = to_screen[:, others]
        matrix[:, 2] = to_screen[:, 3] + index * to_screen[:, axis]
        yield values[index], matrix


def _covered(matrix: FloatArray, shape: tuple[int, ...], view: View) -> tuple[int, int, int, int] | None:
    """Return the device pixels (row0, col0, row1, col1) that a plane can reach, or None."""
    ends = np.array([[r, c, 1.0] for r in (-1.0, shape[0]) for c in (-1.0, shape[1])]) @ matrix.T
    low = np.clip(np.floor(ends.min(axis=0)), 0, (view.height, view.width)).astype(int)
    high = np.clip(np.ceil(ends.max(axis=0)) + 1, 0, (view.height, view.width)).astype(int)
    if (low >= high).any():
        return None
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _for_opencv(matrix: FloatArray) -> FloatArray:
    """Return a map of (row, column) as OpenCV counts: (x, y)."""
    swapped: FloatArray = matrix[[1, 0]][:, [1, 0, 2]]
    return swapped
