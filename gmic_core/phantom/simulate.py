"""From a breast to the three images of one view: tomosynthesis volume, synthetic 2D image, full-field mammogram."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.phantom.attenuation import MAMMOGRAPHY, TOMOSYNTHESIS
from gmic_core.phantom.breast import Breast
from gmic_core.phantom.display import Synthesis, sharpened, stored, tone
from gmic_core.phantom.findings import Finding, PlacedFinding, insert_findings
from gmic_core.phantom.geometry import ANGLES_DEG, PixelAxes, pixels_to_pixels
from gmic_core.phantom.projection import Detector, Plane, Projector, expose
from gmic_core.phantom.reconstruction import back_project, filtered
from gmic_core.phantom.spec import BreastSpec, ViewName
from gmic_core.phantom.view_tissue import ViewTissue
from gmic_core.types import Laterality

Image = npt.NDArray[np.uint16]
Progress = Callable[[float, str], None]
"""Called with the share done, 0..1, and what is being made; may raise CancelledError."""

DBT_TOP, FFDM_TOP = 1023, 4095
DBT_LEVELS = (290.0, 760.0)
S2D_LEVELS = (260.0, 740.0)
FFDM_LEVELS = (1000.0, 2900.0)
"""Stored values of fat and of pure fibroglandular tissue."""
EDGE_MM = 6.0
"""In slices that do not reach the skin line, what lies beyond their own edge is the blur of the others."""


@dataclass
class Acquired:
    """The images of one view in stored orientation (left breasts face right; right breasts face left).

    Attributes
    ----------
    dbt : (slices, rows, columns) uint16, 10 bits.
    s2d : (rows, columns) uint16, 10 bits, the same pixels as a slice.
    ffdm : (rows, columns) uint16, 12 bits.
    """

    dbt: Image
    s2d: Image
    ffdm: Image


def acquire(spec: BreastSpec, view: ViewName, tissue: ViewTissue, progress: Progress | None = None) -> Acquired:
    """Expose one compressed view and process its images.

    Parameters
    ----------
    progress : may raise :class:`~gmic_core.errors.CancelledError` to stop.
    """
    report = progress or _silent
    report(0.0, "exposing")
    system = _System(spec, view, tissue)
    ffdm = system.full_field()
    projections = _projections(system, report)
    synthesis = Synthesis((spec.plate.dbt[0], system.columns), spec.plate.dbt_mm)
    volume = np.zeros((spec.slices, *spec.plate.dbt), np.uint16)
    for number, plane in enumerate(system.slices(projections, range(spec.slices))):
        report(0.32 + 0.66 * number / spec.slices, "reconstructing")
        synthesis.add(plane)
        system.store_slice(number, plane, volume[number])
    s2d = np.zeros(spec.plate.dbt, np.uint16)
    flat = synthesis.image(mean=0.9, bands=(0.9, 0.6), fine=0.9)
    system.store(tone(flat, *S2D_LEVELS, DBT_TOP), system.outline, DBT_TOP, s2d)
    report(1.0, "done")
    return Acquired(volume, s2d, ffdm)


def acquire_slices(spec: BreastSpec, view: ViewName, tissue: ViewTissue, slices: Sequence[int]) -> Image:
    """Return some slices (len(slices), rows, columns) of the volume that :func:`acquire` makes: for training sets."""
    system = _System(spec, view, tissue)
    out = np.zeros((len(slices), *spec.plate.dbt), np.uint16)
    for image, number, plane in zip(out, slices, system.slices(_projections(system, _silent), slices), strict=True):
        system.store_slice(number, plane, image)
    return out


def acquire_full_field(spec: BreastSpec, view: ViewName, tissue: ViewTissue) -> Image:
    """Return the full-field mammogram (rows, columns) alone, as :func:`acquire` makes it."""
    return _System(spec, view, tissue).full_field()


def _projections(system: _System, report: Progress) -> list[Plane]:
    out = []
    for number, angle in enumerate(ANGLES_DEG):
        report(0.02 + 0.02 * number, "exposing")
        out.append(system.projection(number, angle))
    return out


@dataclass
class ViewImages(Acquired):
    """The images of one view, what they show, and where its findings are (view frame)."""

    spec: BreastSpec
    view: ViewName
    placed: tuple[PlacedFinding, ...]


def simulate_view(
    breast: Breast, findings: tuple[Finding, ...], view: ViewName, progress: Progress | None = None
) -> ViewImages:
    """Compress a breast with its findings, and acquire one view.

    Parameters
    ----------
    findings : from :func:`~gmic_core.phantom.findings.place_findings`.
    progress : may raise :class:`~gmic_core.errors.CancelledError` to stop.
    """
    tissue = breast.view(view)
    placed = insert_findings(breast, view, tissue, findings)
    images = acquire(breast.spec, view, tissue, progress)
    return ViewImages(images.dbt, images.s2d, images.ffdm, breast.spec, view, placed)


class _System:
    """One view on the machine."""

    def __init__(self, spec: BreastSpec, view: ViewName, tissue: ViewTissue) -> None:
        self.spec, self.view, self.tissue = spec, view, tissue
        plate = spec.plate
        self.projector = Projector(tissue, plate)
        rows = round(plate.height_mm / plate.projection_mm)
        self.detector = Detector(rows, round(plate.width_mm / plate.projection_mm), plate.projection_mm)
        reach = tissue.inside_grid.origin[2] + (tissue.inside_grid.shape[2] - 0.5) * tissue.inside_grid.spacing[2]
        self.columns = int(np.clip(np.ceil(reach / plate.dbt_mm), 1, plate.dbt[1]))
        self._axes = PixelAxes.from_corner(plate.dbt_mm)
        self.outline = self._on_slice(tissue.inside.max(axis=0))

    def projection(self, number: int, angle: float) -> Plane:
        """Return one filtered projection."""
        spec = self.spec
        rng = spec.rng("noise", self.view, "DBT", number)
        excess, _ = expose(self.projector, angle, self.detector, TOMOSYNTHESIS, spec.thickness_mm, rng)
        return filtered(excess, self.detector.pixel_mm, angle, max(ANGLES_DEG), spec.thickness_mm)

    def slices(self, projections: list[Plane], numbers: Sequence[int]) -> Iterator[Plane]:
        """Yield some slices as share of fibroglandular tissue."""
        spec = self.spec
        heights = [spec.slice_height(number) for number in numbers]
        return back_project(projections, ANGLES_DEG, self.detector, spec.plate, heights, self.columns)

    def breast_at(self, number: int) -> Plane:
        """Return how much of the breast's brightness a slice shows at each pixel: less beyond its own edge."""
        grid = self.tissue.inside_grid
        height = self.spec.slice_height(number)
        layer = int(np.clip(round((height - grid.origin[0]) / grid.spacing[0]), 0, grid.shape[0] - 1))
        own = cv2.GaussianBlur(self.tissue.inside[layer], (0, 0), EDGE_MM / 2.0 / grid.spacing[2])
        out: Plane = self.outline * (np.float32(0.7) + np.float32(0.3) * self._on_slice(own))
        return out

    def full_field(self) -> Image:
        """Return the full-field mammogram as stored."""
        spec, plate = self.spec, self.spec.plate
        detector = Detector(*plate.ffdm, plate.ffdm_mm)
        rng = spec.rng("noise", self.view, "FFDM")
        excess, breast = expose(self.projector, 0.0, detector, MAMMOGRAPHY, spec.thickness_mm, rng)
        share = sharpened(excess / np.float32(spec.thickness_mm), plate.ffdm_mm, 2.0, 0.8)
        edge = np.clip(breast / np.float32(0.5 * spec.thickness_mm), 0.0, 1.0)
        levels = tone(1.6 * share, *FFDM_LEVELS, FFDM_TOP) * (0.72 + 0.28 * edge)
        image = np.zeros(plate.ffdm, np.uint16)
        self.store(levels, (breast > 0.5).astype(np.float32), FFDM_TOP, image)
        return image

    def store_slice(self, number: int, plane: Plane, out: Image) -> None:
        """Write one slice's stored values into ``out``."""
        self.store(tone(plane, *DBT_LEVELS, DBT_TOP), self.breast_at(number), DBT_TOP, out)

    def store(self, levels: Plane, breast: Plane, top: int, out: Image) -> None:
        """Write stored values into ``out``, turned as this side is stored."""
        columns = levels.shape[1]
        values = stored(levels, breast, top)
        if self.spec.laterality is Laterality.L:
            out[:, :columns] = values
        else:
            out[:, out.shape[1] - columns :] = values[:, ::-1]

    def _on_slice(self, plane: Plane) -> Plane:
        """Interpolate a plane of the coarse grid to slice pixels."""
        grid = self.tissue.inside_grid
        axes = PixelAxes(grid.spacing[2], grid.origin[2], grid.origin[1])
        forward = pixels_to_pixels(np.eye(2, 3), axes, self._axes)
        size = (self.columns, self.spec.plate.dbt[0])
        out: Plane = cv2.warpAffine(plane, forward, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.where(out > 0.02, out, np.float32(0))


def _silent(_share: float, _text: str) -> None:
    """Report to nobody."""
