"""Voxel breasts of the VICTRE pipeline (FDA; Badano et al., JAMA Netw. Open 1(7):e185474 (2018)) as anatomy.

A phantom is a MetaImage header (``.mhd``) with a label per voxel in a file beside it (``.raw`` or ``.raw.gz``), axes
x (from the chest wall), y, z (towards the paddle). Labels after the pipeline's documentation: 0 air, 1 fat, 2 skin,
29 glandular, 33 nipple, 40 muscle, 50 paddle, 88 ligament, 95 terminal duct lobular unit, 125 duct, 150 artery,
200 mass, 225 vein, 250 calcification. Where label 200 stands there is a malignant mass; the ``.loc`` file beside a
phantom lists candidate places, not the one that was taken, and is not used.
"""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from gmic_core.errors import PhantomError
from gmic_core.phantom.calcifications import MINERAL
from gmic_core.phantom.findings import Finding, PlacedFinding
from gmic_core.phantom.masses import CARCINOMA
from gmic_core.phantom.spec import THICKNESS_RANGE_MM, Plate, ViewName
from gmic_core.phantom.view_tissue import Calcification, Grid, ViewTissue, Volume

LabelVolume = npt.NDArray[np.uint8]

AIR, PADDLE, MASS, CALCIUM, NIPPLE = 0, 50, 200, 250, 33
DENSE: dict[int, float] = {
    1: 0.0, 2: 1.0, 29: 1.0, NIPPLE: 1.0, 40: 1.05, 88: 1.0, 95: 1.0, 125: 1.0, 150: 1.05, MASS: CARCINOMA, 225: 1.05,
    CALCIUM: 1.0,
}  # fmt: skip
"""Attenuation (fat 0, fibroglandular 1) of every label; blood and muscle are a little above."""
MAX_VOXELS = 150_000_000
"""600 MB as float32; the phantoms are 50 mm of breast at 0.2 mm at most."""
MAX_HEADER_BYTES = 16_384
MAX_GRAINS = 20_000
SPACING_RANGE_MM = (0.04, 2.0)
CRUMBS_MM = 1.0
SMALLEST_MM3 = 1.0
INSIDE_STEP = 5
"""Voxels per voxel of the coarser grid along each axis."""


@dataclass(frozen=True)
class VictreBreast:
    """A voxel phantom, laid on a plate.

    Attributes
    ----------
    thickness_mm : of the compressed breast, a whole number.
    placed : its masses; empty in a phantom without lesions.
    """

    tissue: ViewTissue
    thickness_mm: int
    placed: tuple[PlacedFinding, ...]


@dataclass(frozen=True)
class _Header:
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    data: Path


def read_victre(path: Path, plate: Plate, view: ViewName = "CC") -> VictreBreast:
    """Read a phantom and lay it in the middle of a plate.

    Parameters
    ----------
    path : the ``.mhd`` file; its data must lie in the same folder.
    view : what the images are to be called; the phantom itself was compressed in one direction only.

    Raises
    ------
    PhantomError
        If the header is damaged, too large, or names data that are not there; the message says which.
    """
    header = _read_header(path)
    labels = _read_labels(header)
    body = (labels != AIR) & (labels != PADDLE)
    if not body.any():
        raise PhantomError(f"{path.name} holds no breast tissue; only air and paddle. Choose another phantom.")
    unknown = sorted(set(np.unique(labels).tolist()) - set(DENSE) - {AIR, PADDLE})
    if unknown:
        raise PhantomError(
            f"{path.name} holds labels that are no VICTRE tissue: {', '.join(map(str, unknown[:8]))}. "
            "Use a phantom of breastPhantom and breastCompress."
        )
    layers, rows, columns = ndimage.find_objects(body.astype(np.uint8))[0]
    # air around it: a grid that ends in the breast would be continued by its last voxel when it is projected
    margin = ((0, 0), (INSIDE_STEP, INSIDE_STEP), (0, INSIDE_STEP))
    labels = np.pad(labels[layers, rows, : columns.stop], margin, constant_values=AIR)
    body = (labels != AIR) & (labels != PADDLE)
    return _lay_down(labels, body, header, plate, view, path.name)


def _lay_down(
    labels: LabelVolume, body: npt.NDArray[np.bool_], header: _Header, plate: Plate, view: ViewName, name: str
) -> VictreBreast:
    """Return the phantom on its plate: the lowest layer on the detector cover, its rows in the middle."""
    z_mm, y_mm, x_mm = header.spacing
    thickness = round(labels.shape[0] * z_mm)
    low, high = THICKNESS_RANGE_MM
    if not low <= thickness <= high:
        raise PhantomError(f"{name} is {thickness} mm thick; a compressed breast has {low:.0f} to {high:.0f} mm.")
    top = 0.5 * (plate.height_mm - labels.shape[1] * y_mm)
    if top < 0.0 or labels.shape[2] * x_mm > plate.width_mm:
        raise PhantomError(f"{name} is larger than the {plate.name} cm field of view; use the larger plate.")
    grid = Grid(
        (labels.shape[0], labels.shape[1], labels.shape[2]), header.spacing, (0.5 * z_mm, top + 0.5 * y_mm, 0.5 * x_mm)
    )
    table = np.zeros(256, np.float32)
    table[list(DENSE)] = list(DENSE.values())
    dense = np.empty(labels.shape, np.float32)
    for number, layer in enumerate(labels):
        np.take(table, layer, out=dense[number])
    inside_grid, inside = _coarse(body, grid)
    tissue = ViewTissue(grid, dense, inside_grid, inside, _nipple(labels, body, grid), _grains(labels, grid, name))
    return VictreBreast(tissue, thickness, _masses(labels, grid, view))


def _read_header(path: Path) -> _Header:
    """Read and check a MetaImage header."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_HEADER_BYTES + 1).decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise PhantomError(
            f"{path.name} cannot be read as a MetaImage header ({error}); choose an .mhd file."
        ) from error
    pairs = (line.split("=", 1) for line in text[:MAX_HEADER_BYTES].splitlines() if "=" in line)
    fields = {key.strip(): value.strip() for key, value in pairs}
    if fields.get("ElementType") != "MET_UCHAR" or fields.get("NDims") != "3":
        raise PhantomError(
            f"{path.name} is not a volume of 8-bit labels (NDims 3, MET_UCHAR); choose a VICTRE phantom."
        )
    try:
        shape = tuple(int(value) for value in fields["DimSize"].split())[::-1]
        spacing = tuple(float(value) for value in fields["ElementSpacing"].split())[::-1]
    except (KeyError, ValueError) as error:
        raise PhantomError(f"{path.name} lacks a readable DimSize or ElementSpacing; the header is damaged.") from error
    if len(shape) != 3 or len(spacing) != 3 or min(shape) < 1 or math.prod(shape) > MAX_VOXELS:
        raise PhantomError(f"{path.name} claims {fields['DimSize']} voxels; up to {MAX_VOXELS} in all can be read.")
    if not all(SPACING_RANGE_MM[0] <= step <= SPACING_RANGE_MM[1] for step in spacing):
        raise PhantomError(f"{path.name} claims voxels of {fields['ElementSpacing']} mm; a phantom has 0.05 to 1 mm.")
    return _Header(shape, spacing, _data_file(path, fields.get("ElementDataFile", "")))


def _data_file(path: Path, named: str) -> Path:
    """Return the data file beside the header; a name that points elsewhere is not followed."""
    if not named or named != Path(named).name or "\\" in named or named in (".", ".."):
        raise PhantomError(f"{path.name} names its data {named!r}; they must be a file in the same folder.")
    for candidate in (path.with_name(named), path.with_name(f"{named}.gz")):
        if candidate.is_file():
            if candidate.resolve().parent != path.resolve().parent:
                raise PhantomError(f"{candidate.name} leads out of the folder of {path.name}; put the data beside it.")
            return candidate
    raise PhantomError(f"{named} (or {named}.gz) is missing beside {path.name}; a phantom needs both files.")


def _read_labels(header: _Header) -> LabelVolume:
    """Read exactly as many bytes as the header tells of, whatever the file holds."""
    wanted, name = math.prod(header.shape), header.data.name
    try:
        with gzip.open(header.data) if header.data.suffix == ".gz" else header.data.open("rb") as file:
            data = file.read(wanted + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise PhantomError(f"{name} cannot be read ({error}); copy the phantom again.") from error
    if len(data) > wanted:
        raise PhantomError(f"{name} holds more than the {wanted} voxels of its header; one of the two is damaged.")
    if len(data) < wanted:
        raise PhantomError(f"{name} holds {len(data)} of the {wanted} voxels of its header; copy the phantom again.")
    return np.frombuffer(data, np.uint8).reshape(header.shape)


def _coarse(body: npt.NDArray[np.bool_], grid: Grid) -> tuple[Grid, Volume]:
    """Return the share of breast on a grid ``INSIDE_STEP`` times as coarse."""
    n = INSIDE_STEP
    counts = [-(-size // n) for size in body.shape]
    inside = np.zeros((counts[0], counts[1], counts[2]), np.float32)
    for number, layer in enumerate(body):
        padded = np.zeros((counts[1] * n, counts[2] * n), np.float32)
        padded[: layer.shape[0], : layer.shape[1]] = layer
        inside[number // n] += cv2.resize(padded, (counts[2], counts[1]), interpolation=cv2.INTER_AREA)
    inside /= np.float32(n)
    first = [o + 0.5 * (n - 1) * s for o, s in zip(grid.origin, grid.spacing, strict=True)]
    z, y, x = grid.spacing
    return Grid((counts[0], counts[1], counts[2]), (n * z, n * y, n * x), (first[0], first[1], first[2])), inside


def _nipple(labels: LabelVolume, body: npt.NDArray[np.bool_], grid: Grid) -> tuple[float, float, float]:
    """Return the tip of the nipple, or of the breast where the nipple was cut away."""
    where = np.argwhere(labels == NIPPLE)
    if not len(where):
        where = np.argwhere(body)
    tip = where[where[:, 2] == where[:, 2].max()].mean(axis=0)
    z, y, x = (float(o + i * s) for o, i, s in zip(grid.origin, tip, grid.spacing, strict=True))
    return z, y, x


def _grains(labels: LabelVolume, grid: Grid, name: str) -> list[Calcification]:
    """Return calcium voxels as grains of the same volume."""
    where = np.argwhere(labels == CALCIUM)
    if len(where) > MAX_GRAINS:
        raise PhantomError(f"{name} holds {len(where)} voxels of calcium; up to {MAX_GRAINS} can be simulated.")
    ball = (3.0 / (4.0 * math.pi)) ** (1.0 / 3.0)
    radii = (ball * grid.spacing[0], ball * grid.spacing[1], ball * grid.spacing[2])
    centres = where * np.asarray(grid.spacing) + np.asarray(grid.origin)
    return [Calcification((float(z), float(y), float(x)), radii, MINERAL) for z, y, x in centres]


def _masses(labels: LabelVolume, grid: Grid, view: ViewName) -> tuple[PlacedFinding, ...]:
    """Return every mass: label 200 and, as compression leaves crumbs of it, what is separated by less than 1 mm."""
    box = ndimage.find_objects((labels == MASS).astype(np.uint8))
    if not box:
        return ()
    steps = [int(np.ceil(CRUMBS_MM / step)) for step in grid.spacing]
    start = [part.start - n for part, n in zip(box[0], steps, strict=True)]
    mass = np.pad(labels[box[0]] == MASS, [(n, n) for n in steps])
    near = ndimage.distance_transform_edt(~mass, sampling=grid.spacing) <= 0.5 * CRUMBS_MM
    parts, _ = ndimage.label(near)
    closed = mass | (near & (ndimage.distance_transform_edt(near, sampling=grid.spacing) > 0.5 * CRUMBS_MM))
    placed: list[PlacedFinding] = []
    for number, found in enumerate(ndimage.find_objects(parts), start=1):
        mask = closed[found] & (parts[found] == number)
        if mask.sum() * math.prod(grid.spacing) < SMALLEST_MM3:
            continue
        first = [o + (i + one.start) * s for o, i, one, s in zip(grid.origin, start, found, grid.spacing, strict=True)]
        placed.append(
            _placed(mask, Grid(mask.shape, grid.spacing, (first[0], first[1], first[2])), len(placed) + 1, view)
        )
    return tuple(placed)


def _placed(mask: npt.NDArray[np.bool_], grid: Grid, number: int, view: ViewName) -> PlacedFinding:
    """Return one mass; its centre before compression is not known and given as the one after it."""
    middle = np.asarray(grid.origin) + np.asarray(ndimage.center_of_mass(mask)) * np.asarray(grid.spacing)
    centre = (float(middle[0]), float(middle[1]), float(middle[2]))
    diameter = float(np.cbrt(6.0 / math.pi * mask.sum() * math.prod(grid.spacing)))
    return PlacedFinding(Finding("malignant-mass", True, diameter, centre, number), view, centre, grid, mask)
