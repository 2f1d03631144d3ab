"""THE one place where pixel <-> mm <-> display <-> network input <-> saliency cell is computed.

Conventions
-----------
* Axis order is (slice, row, column). Coordinates are pixel *centres*: pixel (0, 0) covers [-0.5, 0.5)².
* Pixels are kept as stored; every other system is reached by a named transform that has an inverse.
* Boxes are half open ``(row0, col0, row1, col1)``: they cover pixels row0 .. row1-1, col0 .. col1-1.
* Patient coordinates are DICOM LPS in mm (x to the patient's left, y to posterior, z to head).

Systems
-------
``stored``   as in the file.
``display``  hung as a radiologist expects: right breast with the chest wall on the image's right edge, left breast
             with the chest wall on its left edge, CC with the lateral side up, MLO with the head up.
``facing``   chest wall on the left edge, whatever the side (what the networks see), same up as ``display``.
``network``  a window of ``facing``, possibly rescaled.
``saliency`` cells of the network's map; each covers a rectangle of network pixels.
``view mm``  (down, from the chest wall) in mm: what the views of one breast in different modalities share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.errors import GeometryError
from gmic_core.types import Laterality

FloatArray = npt.NDArray[np.float64]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class PlaneMap:
    """An affine map between two 2D pixel systems.

    Attributes
    ----------
    matrix : float64 (3, 3) acting on column vectors (row, column, 1).
    """

    matrix: FloatArray

    @classmethod
    def identity(cls) -> PlaneMap:
        """Return the map that changes nothing."""
        return cls(np.eye(3))

    @classmethod
    def scale_offset(cls, row_scale: float, col_scale: float, row_offset: float, col_offset: float) -> PlaneMap:
        """Return ``(row_scale * r + row_offset, col_scale * c + col_offset)``."""
        return cls(np.array([[row_scale, 0.0, row_offset], [0.0, col_scale, col_offset], [0.0, 0.0, 1.0]]))

    @classmethod
    def resampling(cls, row_scale: float, col_scale: float) -> PlaneMap:
        """Return the map of a resize by the given factors, pixel *edges* aligned (align_corners=False)."""
        return cls.scale_offset(row_scale, col_scale, 0.5 * row_scale - 0.5, 0.5 * col_scale - 0.5)

    def inverse(self) -> PlaneMap:
        """Return the inverse map.

        Raises
        ------
        GeometryError
            If the map is singular.
        """
        # NaN (a damaged spacing) is looked for first: det would warn of it instead of returning NaN quietly
        det = float(np.linalg.det(self.matrix)) if np.isfinite(self.matrix).all() else 0.0
        if abs(det) < 1e-12:
            raise GeometryError("The image geometry is degenerate (zero scale); the file's spacing or size is wrong.")
        return PlaneMap(np.asarray(np.linalg.inv(self.matrix), np.float64))

    def __matmul__(self, first: PlaneMap) -> PlaneMap:
        """Return the map that applies ``first``, then ``self``."""
        return PlaneMap(self.matrix @ first.matrix)

    def apply(self, points: npt.ArrayLike) -> FloatArray:
        """Map points of shape (..., 2), (row, column), to the target system."""
        xy = np.asarray(points, np.float64)
        out: FloatArray = xy @ self.matrix[:2, :2].T + self.matrix[:2, 2]
        return out

    def apply_box(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """Map a half-open box (row0, col0, row1, col1); the result is sorted and still half open."""
        row0, col0, row1, col1 = box
        corners = self.apply([[row0 - 0.5, col0 - 0.5], [row1 - 0.5, col1 - 0.5]]) + 0.5
        low, high = corners.min(axis=0), corners.max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to turn and mirror an image: transpose first, then flip rows, then flip columns."""

    transpose: bool = False
    flip_rows: bool = False
    flip_cols: bool = False

    def apply(self, image: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return a view of ``image`` (..., rows, columns) turned this way; no copy."""
        out = image.swapaxes(-1, -2) if self.transpose else image
        if self.flip_rows:
            out = out[..., ::-1, :]
        if self.flip_cols:
            out = out[..., ::-1]
        return out

    def shape(self, rows: int, columns: int) -> tuple[int, int]:
        """Return (rows, columns) after turning."""
        return (columns, rows) if self.transpose else (rows, columns)

    def plane_map(self, rows: int, columns: int) -> PlaneMap:
        """Return the map from an image of ``rows`` x ``columns`` to its turned version."""
        matrix = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]]) if self.transpose else np.eye(3)
        out_rows, out_cols = self.shape(rows, columns)
        flip = np.eye(3)
        if self.flip_rows:
            flip[0, 0], flip[0, 2] = -1.0, out_rows - 1.0
        if self.flip_cols:
            flip[1, 1], flip[1, 2] = -1.0, out_cols - 1.0
        return PlaneMap(flip @ matrix)

    def inverse(self) -> Orientation:
        """Return the orientation that undoes this one."""
        if self.transpose:
            return Orientation(True, self.flip_cols, self.flip_rows)
        return self

    def then(self, after: Orientation) -> Orientation:
        """Return the orientation equal to this one followed by ``after``."""
        rows, cols = self.flip_rows, self.flip_cols
        if after.transpose:
            rows, cols = cols, rows
        return Orientation(self.transpose != after.transpose, rows != after.flip_rows, cols != after.flip_cols)

    @property
    def mirrored(self) -> bool:
        """Whether the result is a mirror image (odd number of reflections)."""
        return (self.transpose + self.flip_rows + self.flip_cols) % 2 == 1


ORIENTATIONS = tuple(Orientation(t, r, c) for t in (False, True) for r in (False, True) for c in (False, True))


def implied_patient_orientation(laterality: Laterality) -> tuple[str, str]:
    """Return the Patient Orientation assumed where the file states none: L faces right, R faces left.

    The second letter follows the view and is left to "up is up": ``F`` stands for it in both views here.
    """
    return ("A", "F") if laterality is Laterality.L else ("P", "F")


def display_orientation(
    patient_orientation: tuple[str, str] | None, laterality: Laterality, view: str | None
) -> Orientation:
    """Return how a stored image must be turned to hang in the standard way.

    Parameters
    ----------
    patient_orientation : Patient Orientation (0020,0020): direction of increasing column, of increasing row.
    laterality : side of the breast.
    view : ``CC``, ``MLO``, ...; CC-like views hang with the lateral side up, all others with the head up.

    Raises
    ------
    GeometryError
        If the two directions do not describe one anterior-posterior and one other axis.
    """
    if patient_orientation is None:
        patient_orientation = implied_patient_orientation(laterality)
    along_cols, along_rows = (value.strip().upper() for value in patient_orientation)
    first, second = along_cols[:1], along_rows[:1]
    if (first in ("A", "P")) == (second in ("A", "P")):
        raise GeometryError(
            f"Patient Orientation {along_cols}\\{along_rows} does not say where the chest wall is; "
            "state the side and orientation of this image by hand."
        )
    transpose = second in ("A", "P")
    horizontal, vertical = (second, along_cols) if transpose else (first, along_rows)
    wanted_horizontal = "A" if laterality is Laterality.L else "P"
    return Orientation(transpose, not _points_down(vertical, laterality, view), horizontal != wanted_horizontal)


CRANIOCAUDAL_VIEWS = frozenset({"CC", "FB", "XCC", "XCCL", "XCCM", "SIO"})
"""Views that hang with the lateral side up (DICOM CID 4014, the ones taken from above or below)."""


def _points_down(vertical: str, laterality: Laterality, view: str | None) -> bool:
    """Whether the direction ``vertical`` runs down in the standard hanging.

    CC-like views: from lateral to medial, i.e. towards the patient's other side. Other views: towards the feet.
    An oblique direction such as ``FL`` counts by the letter that decides for its view, else by the other one; an
    empty direction counts as down.
    """
    medial, lateral = ("R", "L") if laterality is Laterality.L else ("L", "R")
    pairs = [("F", "H"), (medial, lateral)]
    if view in CRANIOCAUDAL_VIEWS:
        pairs.reverse()
    for down, up in pairs:
        if down in vertical or up in vertical:
            return down in vertical
    return True


def facing_orientation(
    patient_orientation: tuple[str, str] | None, laterality: Laterality, view: str | None
) -> Orientation:
    """Return how a stored image must be turned so that the breast faces right (chest wall on the left edge)."""
    display = display_orientation(patient_orientation, laterality, view)
    return display if laterality is Laterality.L else display.then(Orientation(flip_cols=True))


@dataclass(frozen=True)
class NetworkWindow:
    """The window that a network saw of one image.

    Attributes
    ----------
    orientation : stored -> facing.
    stored_shape : (rows, columns) as stored.
    row_scale, col_scale : network pixels per facing pixel.
    row0, col0 : first row and column of the window in the rescaled facing image; may be negative.
    rows, columns : size of the network input.
    """

    orientation: Orientation
    stored_shape: tuple[int, int]
    row0: float
    col0: float
    rows: int
    columns: int
    row_scale: float = 1.0
    col_scale: float = 1.0

    def stored_to_network(self) -> PlaneMap:
        """Return the map from stored pixels to network-input pixels."""
        turn = self.orientation.plane_map(*self.stored_shape)
        resize = PlaneMap.resampling(self.row_scale, self.col_scale)
        shift = PlaneMap.scale_offset(1.0, 1.0, -self.row0, -self.col0)
        return shift @ resize @ turn

    def saliency_to_stored(self, cells: tuple[int, int]) -> PlaneMap:
        """Return the map from cell centres of a (h, w) saliency map to stored pixels."""
        return self.stored_to_network().inverse() @ network_to_saliency((self.rows, self.columns), cells).inverse()


def network_to_saliency(network_shape: tuple[int, int], cells: tuple[int, int]) -> PlaneMap:
    """Return the map from network pixels to saliency cells; each cell covers H/h x W/w network pixels."""
    return PlaneMap.resampling(cells[0] / network_shape[0], cells[1] / network_shape[1])


@dataclass(frozen=True)
class PlanePosition:
    """Where a stack stands in the patient, LPS mm (PS3.3 C.7.6.2.1.1, C.8.21.5 for tomosynthesis).

    Attributes
    ----------
    origin : centre of the first pixel of slice 0.
    along_columns, along_rows : unit direction of increasing column, of increasing row.
    along_slices : mm from one slice to the next.
    """

    origin: tuple[float, float, float]
    along_columns: tuple[float, float, float]
    along_rows: tuple[float, float, float]
    along_slices: tuple[float, float, float]


def stored_to_patient(
    spacing_mm: tuple[float, float] | None, slice_spacing_mm: float | None, plane: PlanePosition | None
) -> FloatArray:
    """Return the (4, 4) map from (slice, row, column, 1) to LPS mm (x, y, z, 1).

    Without a stated position the stack stands at the origin with x along columns and y along rows, which is the
    convention diag(-1, -1, 1, 1) (RAS) of the published NIfTI volumes; without spacing one pixel counts as 1 mm.
    """
    row_mm, col_mm = spacing_mm or (1.0, 1.0)
    step = slice_spacing_mm or 1.0
    matrix = np.eye(4)
    if plane is None:
        matrix[:3, :3] = [[0.0, 0.0, col_mm], [0.0, row_mm, 0.0], [step, 0.0, 0.0]]
        return matrix
    matrix[:3, 0] = plane.along_slices
    matrix[:3, 1] = np.asarray(plane.along_rows) * row_mm
    matrix[:3, 2] = np.asarray(plane.along_columns) * col_mm
    matrix[:3, 3] = plane.origin
    return matrix


def nifti_affine(stored_to_lps: FloatArray, cells_to_stored: PlaneMap | None = None) -> FloatArray:
    """Return the RAS affine (4, 4) of a NIfTI array with axes (column, row, slice).

    Parameters
    ----------
    stored_to_lps : of :func:`stored_to_patient`.
    cells_to_stored : map of the array's (row, column) cells to stored pixels; identity for the image itself.
    """
    plane = PlaneMap.identity() if cells_to_stored is None else cells_to_stored
    to_stored = np.zeros((4, 4))  # (column, row, slice, 1) of the array -> (slice, row, column, 1) stored
    to_stored[0, 2] = 1.0
    to_stored[1:3, [1, 0]] = plane.matrix[:2, :2]
    to_stored[1:3, 3] = plane.matrix[:2, 2]
    to_stored[3, 3] = 1.0
    affine: FloatArray = np.diag([-1.0, -1.0, 1.0, 1.0]) @ stored_to_lps @ to_stored
    return affine


def stored_to_view_mm(
    orientation: Orientation,
    stored_shape: tuple[int, int],
    spacing_mm: tuple[float, float] | None,
    laterality: Laterality,
) -> PlaneMap:
    """Return the map from stored pixels to (mm down from the image's middle, mm from the chest-wall edge).

    Images of one view in different modalities share this system: same detector edge, same middle (3D-GMIC paper
    V-D.3: FFDM, synthetic 2D and DBT have the same field of view). Without spacing a pixel counts as 1 mm.

    Parameters
    ----------
    orientation : stored -> display.
    """
    row_mm, col_mm = spacing_mm or (1.0, 1.0)
    if orientation.transpose:
        row_mm, col_mm = col_mm, row_mm
    rows, cols = orientation.shape(*stored_shape)
    turn = orientation.plane_map(*stored_shape)
    if laterality is Laterality.L:
        to_mm = PlaneMap.scale_offset(row_mm, col_mm, -(rows - 1) / 2 * row_mm, 0.5 * col_mm)
    else:
        to_mm = PlaneMap.scale_offset(row_mm, -col_mm, -(rows - 1) / 2 * row_mm, (cols - 0.5) * col_mm)
    return to_mm @ turn
