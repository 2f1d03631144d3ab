"""Where a label map lies on an image: the same grid in any of 48 orders, the same size only, or nothing of the kind.

Patient coordinates are DICOM LPS in mm. NIfTI files say RAS, which whoever reads them turns into LPS first. A file that
keeps no orientation (PNG) and one that states nothing (spacing 1 mm, no rotation, origin 0: the 3D-GMIC convention
``diag(-1, -1, 1, 1)`` and NIfTI's ``diag(1, 1, 1, 1)``) stand in the *pixel frame*: columns along x, rows along y.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
import numpy.typing as npt

from gmic_core.errors import SegmentationError

FloatArray = npt.NDArray[np.float64]
Shape = tuple[int, int, int]

TOLERANCE = 0.25
"""Voxels by which corners of two grids may differ: files round to single precision; half a voxel is a shift."""
MAX_MAGNIFICATION = 1.25
"""Contact views have up to 1.1; magnification views (1.5 and more) are asked about."""
_PIXEL_FRAME = 1e-6


@dataclass(frozen=True)
class VolumeGeometry:
    """Size and place of a volume or image.

    Attributes
    ----------
    shape : (slices, rows, columns).
    to_lps : float64 (4, 4) from (slice, row, column, 1) to LPS mm (x, y, z, 1).
    """

    shape: Shape
    to_lps: FloatArray

    @classmethod
    def of_pixels(cls, shape: Shape) -> VolumeGeometry:
        """Return the geometry of a picture that states none."""
        matrix = np.eye(4)[:, [2, 1, 0, 3]]
        return cls(shape, matrix)

    @property
    def stated(self) -> bool:
        """Whether the geometry says anything: not in the pixel frame."""
        turned = np.abs(self.to_lps[:3, :3] @ np.eye(3)[::-1])
        return not (np.allclose(turned, np.eye(3), atol=_PIXEL_FRAME) and np.allclose(self.to_lps[:3, 3], 0.0))

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance of slices, rows and columns in mm; 1 where none is stated."""
        slices, rows, columns = (float(np.linalg.norm(self.to_lps[:3, axis])) for axis in range(3))
        return slices, rows, columns

    def solid(self) -> FloatArray:
        """Return ``to_lps`` with a slice direction even where a single image has none.

        Raises
        ------
        SegmentationError
            If the matrix is no place in space.
        """
        matrix = self.to_lps.copy()
        if not np.isfinite(matrix).all():
            raise SegmentationError("The geometry has values that are no numbers; write the file again.")
        if self.shape[0] == 1:  # the thickness of a single image says nothing
            normal = np.cross(matrix[:3, 2], matrix[:3, 1])
            length = float(np.linalg.norm(normal))
            matrix[:3, 0] = normal / length if length > 0 else 0.0
        if abs(float(np.linalg.det(matrix[:3, :3]))) < 1e-12:
            raise SegmentationError("The geometry is degenerate (an axis has no length); write the file again.")
        return matrix

    def describe(self) -> str:
        """Return the geometry in words, for messages: size, spacing, origin, directions."""
        slices, rows, columns = self.shape
        text = f"{columns} x {rows} pixels" + (f" x {slices} slices" if slices > 1 else "")
        if not self.stated:
            return f"{text}, no spacing and orientation stated"
        dz, dy, dx = self.spacing_mm
        text += f", {dx:.4g} x {dy:.4g}" + (f" x {dz:.4g}" if slices > 1 else "") + " mm"
        x, y, z = np.round(self.to_lps[:3, 3], 1) + 0.0  # no -0.0
        names = [_direction(self.to_lps[:3, axis]) for axis in (2, 1, 0)]
        ways = f"columns to {names[0]}, rows to {names[1]}" + (f", slices to {names[2]}" if slices > 1 else "")
        return f"{text}, first voxel at ({x:.1f}, {y:.1f}, {z:.1f}) mm LPS, {ways}"


def _direction(axis: FloatArray) -> str:
    """Return the letters of an LPS direction, the strongest first, e.g. ``A`` or ``LF``."""
    length = float(np.linalg.norm(axis))
    if not np.isfinite(length) or length == 0:
        return "?"
    unit = axis / length
    pairs = (("L", "R"), ("P", "A"), ("H", "F"))
    order = np.argsort(-np.abs(unit), kind="stable")
    return "".join(pairs[i][0 if unit[i] > 0 else 1] for i in order if abs(unit[i]) > 0.35)


@dataclass(frozen=True)
class Reorder:
    """One of the 48 orders in which a volume can be stored.

    Attributes
    ----------
    axes : which axis of the file becomes slices, rows, columns.
    flips : which of the axes run backwards, after that.
    """

    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (False, False, False)

    def apply(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return a view of (slices, rows, columns) in this order; no copy."""
        return array.transpose(self.axes)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]

    def shape(self, shape: Shape) -> Shape:
        """Return the shape in this order."""
        first, second, third = (shape[axis] for axis in self.axes)
        return first, second, third

    def matrix(self, shape: Shape) -> FloatArray:
        """Return float64 (4, 4) from a file's voxel (slice, row, column, 1) to its place in this order."""
        out = np.zeros((4, 4))
        out[3, 3] = 1.0
        for place, (axis, flip) in enumerate(zip(self.axes, self.flips, strict=True)):
            out[place, axis] = -1.0 if flip else 1.0
            out[place, 3] = shape[axis] - 1.0 if flip else 0.0
        return out

    def inverse(self) -> Reorder:
        """Return the order that undoes this one."""
        first, second, third = (self.axes.index(axis) for axis in range(3))
        return Reorder((first, second, third), (self.flips[first], self.flips[second], self.flips[third]))

    @property
    def as_stored(self) -> bool:
        """Whether nothing changes."""
        return self == Reorder()

    def describe(self) -> str:
        """Return in words what is done to the file."""
        parts = [] if self.axes == (0, 1, 2) else ["axes exchanged"]
        _, rows, columns = self.flips
        if rows and columns:
            parts.append("turned by 180 degrees")
        elif columns:
            parts.append("mirrored left-right")
        elif rows:
            parts.append("mirrored up-down")
        if self.flips[0]:
            parts.append("slices reversed")
        return ", ".join(parts) or "as stored"


def all_orders() -> Iterator[Reorder]:
    """Yield the 48 orders, those that change least first."""
    for first, second, third in permutations(range(3)):
        for back, rows, columns in sorted(product((False, True), repeat=3), key=sum):
            yield Reorder((first, second, third), (back, rows, columns))


@dataclass(frozen=True)
class Match:
    """How a label map goes onto an image.

    Attributes
    ----------
    order : how its voxels are brought into the image's order; None where somebody must choose among ``choices``.
    choices : orders that fit the size, the likeliest first; empty where ``order`` is known.
    question : what to ask, with both geometries; "" where nothing is asked.
    """

    order: Reorder | None
    choices: tuple[Reorder, ...] = ()
    question: str = ""


def match(mask: VolumeGeometry, image: VolumeGeometry) -> Match:
    """Return how a label map lies on an image: by geometry, or as a question where only the size fits.

    Raises
    ------
    SegmentationError
        With both geometries, if not even the size fits.
    """
    order = same_grid(mask, image)
    if order is not None:
        return Match(order)
    choices = tuple(o for o in _in_plane(mask.shape[0] > 1) if o.shape(mask.shape) == image.shape)
    both = f"Segmentation: {mask.describe()}. Image: {image.describe()}."
    if not choices:
        raise SegmentationError(
            f"The segmentation does not belong to this image: neither place nor size fits. {both} "
            "Open the image that it was drawn on."
        )
    return Match(
        None,
        choices,
        f"The segmentation has the size of this image, but not its place in space. {both} How does it lie?",
    )


def same_grid(mask: VolumeGeometry, image: VolumeGeometry) -> Reorder | None:
    """Return the order in which two grids have the same voxels in the same places; None where there is none.

    Where neither states a place, pixels count: a mask that was drawn on a PNG picture belongs to it as it is stored.
    """
    if mask.shape == image.shape and not (mask.stated or image.stated):
        return Reorder()
    to_lps = mask.solid()
    for scale in (1.0, _magnification(mask, image)):
        to_image = np.linalg.inv(image.solid()) @ np.diag([scale, scale, scale, 1.0]) @ to_lps
        for order in all_orders():
            if order.shape(mask.shape) == image.shape and _deviation(order, to_image, mask.shape) <= TOLERANCE:
                return order
    return None


def _magnification(mask: VolumeGeometry, image: VolumeGeometry) -> float:
    """Return by what the pixels of a projection image differ from those of its mask, 1 where that is no explanation.

    A mammogram has pixels of the detector and, smaller by the magnification, pixels of the breast: programs state one
    or the other. It has no position, so the spacing is all that differs.
    """
    ratio = image.spacing_mm[2] / mask.spacing_mm[2]
    explains = (
        image.shape[0] == mask.shape[0] == 1
        and mask.stated
        and image.stated
        and np.abs(image.to_lps[:3, 3]).max() < _PIXEL_FRAME
        and 1 / MAX_MAGNIFICATION <= ratio <= MAX_MAGNIFICATION
    )
    return ratio if explains else 1.0


def _deviation(order: Reorder, to_image: FloatArray, shape: Shape) -> float:
    """Return by how many voxels the corners of a grid miss the places that an order gives them."""
    corners = np.array([(*c, 1.0) for c in product(*((0.0, n - 1.0) for n in shape))])
    return float(np.abs((corners @ (order.matrix(shape) - to_image).T)[:, :3]).max())


def _in_plane(volume: bool) -> Iterator[Reorder]:
    """Yield the orders that keep slices as slices: as stored, turned by 180 degrees, mirrored, with rows as columns."""
    flips = [(False, False), (True, True), (False, True), (True, False)]
    for axes in ((0, 1, 2), (0, 2, 1)):
        for back in (False, True) if volume else (False,):
            for rows, columns in flips:
                yield Reorder(axes, (back, rows, columns))


def fitting_order(mask: VolumeGeometry, to_lps: FloatArray, slices: int) -> Reorder | None:
    """Return how a label map goes onto an image whose place and slices are known, but not its rows and columns.

    Its first voxel must be the image's first one, and its axes those of the image; None where that is not so.
    """
    for shape in {order.shape(mask.shape) for order in all_orders()}:
        if shape[0] == slices:
            order = same_grid(mask, VolumeGeometry(shape, to_lps))
            if order is not None:
                return order
    return None
