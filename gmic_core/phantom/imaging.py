"""Images of a simulated breast: a tomosynthesis volume, a full-field mammogram and a synthetic 2D image.

A simple model, made to look plausible and to be fast: no X-ray physics. Arrays are returned as a Hologic system
stores them (Patient Orientation of :data:`PATIENT_ORIENTATION`), which is also how they hang.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from gmic_core.phantom.anatomy import BreastSpec, Lesion, Plane, make_outline, slice_inset, slice_masks
from gmic_core.phantom.fields import Volume, limited_angle, power_law, smoothstep
from gmic_core.phantom.tissue import make_tissue
from gmic_core.types import Laterality

Image = npt.NDArray[np.uint16]

PATIENT_ORIENTATION = {
    (Laterality.R, "CC"): ("P", "L"),
    (Laterality.R, "MLO"): ("P", "FL"),
    (Laterality.L, "CC"): ("A", "R"),
    (Laterality.L, "MLO"): ("A", "FR"),
}
"""Direction of increasing column and row, per side and view."""

FFDM_SPACING_MM = 0.07
HALF_ANGLE_DEG = 7.5  # a 15 degree sweep
SLICE_SENSITIVITY_MM = 9.0
SKIN_MM = 0.8

DBT_LEVELS = (360.0, 330.0)  # stored value of fat, and the step from fat to parenchyma; 10 bits
S2D_LEVELS = (330.0, 360.0)
FFDM_LEVELS = (1150.0, 1500.0)  # 12 bits
NOISE = {"DBT": 0.030, "S2D": 0.012, "FFDM": 0.020}  # standard deviation in steps from fat to parenchyma


class SimulatedBreast:
    """One breast in one view and its images; tissue is computed once and kept.

    Parameters
    ----------
    spec : what to simulate.
    """

    def __init__(self, spec: BreastSpec) -> None:
        self.spec = spec
        self.outline = make_outline(spec)

    @cached_property
    def _tissue(self) -> tuple[Volume, tuple[Lesion, ...]]:
        _, rows, columns = self.spec.tissue_shape
        depth = self.outline.depth(rows, columns, self.spec.width_mm)
        tissue, lesions = make_tissue(self.spec, self.outline, depth)
        tissue *= slice_masks(self.spec, depth)
        return tissue, lesions

    @cached_property
    def _focused(self) -> Volume:
        return limited_angle(self._tissue[0], self.spec.tissue_spacing, HALF_ANGLE_DEG, SLICE_SENSITIVITY_MM)

    @property
    def lesions(self) -> tuple[Lesion, ...]:
        """Lesions in pixels of the stored DBT volume."""
        found = self._tissue[1]
        if self.spec.laterality is Laterality.L:
            return found
        last = self.spec.columns - 1
        return tuple(Lesion(a.kind, a.row, last - a.column, a.slice_index, a.radius_mm) for a in found)

    def dbt_slices(self) -> Iterator[Image]:
        """Yield the slices of the tomosynthesis volume, each (rows, columns) uint16 of 10 bits."""
        spec = self.spec
        depth = self.outline.depth(spec.rows, spec.columns, spec.width_mm)
        inset = slice_inset(spec)
        texture = self._texture(spec.rows, spec.columns, spec.spacing_mm)
        rng = spec.rng(9)
        for number in range(spec.slices):
            signal = _enlarge(self._focused[number], spec.rows, spec.columns, spec.step)
            shift = (int(rng.integers(spec.rows)), int(rng.integers(spec.columns)))
            local = depth - inset[number]
            yield self._finish(signal, local, np.roll(texture, shift, (0, 1)), rng, "DBT", DBT_LEVELS, 1023)

    def dbt(self) -> Image:
        """Return the tomosynthesis volume (slices, rows, columns), uint16 of 10 bits."""
        return np.stack(list(self.dbt_slices()))

    def synthetic_2d(self) -> Image:
        """Return the 2D image computed from the slices (rows, columns), uint16 of 10 bits: bright detail stands out."""
        spec = self.spec
        depth = self.outline.depth(spec.rows, spec.columns, spec.width_mm)
        flat = 0.45 * self._focused.mean(axis=0) + 0.50 * self._focused.max(axis=0)
        signal = _enlarge(_sharpen(flat.astype(np.float32), 1.2), spec.rows, spec.columns, spec.step)
        texture = self._texture(spec.rows, spec.columns, spec.spacing_mm)
        return self._finish(signal, depth, texture, spec.rng(10), "S2D", S2D_LEVELS, 1023)

    def ffdm(self) -> Image:
        """Return the full-field mammogram of the same field of view at 0.07 mm, uint16 of 12 bits."""
        spec = self.spec
        scale = spec.spacing_mm / FFDM_SPACING_MM
        rows, columns = round(spec.rows * scale), round(spec.columns * scale)
        depth = self.outline.depth(rows, columns, spec.width_mm)
        tissue = self._tissue[0]
        # thickness compensated, as in an image for presentation: the mean over what is breast, not over air
        flat = tissue.mean(axis=0) / np.maximum((tissue > 0).mean(axis=0), 0.35)
        signal = _enlarge(_sharpen(flat.astype(np.float32), 0.8), rows, columns, spec.step * scale)
        texture = self._texture(rows, columns, FFDM_SPACING_MM)
        return self._finish(1.25 * signal, depth, texture, spec.rng(11), "FFDM", FFDM_LEVELS, 4095)

    def _texture(self, rows: int, columns: int, spacing: float) -> Plane:
        """Return fine tissue texture, the detail that the coarser tissue grid cannot hold."""
        longest = 2.5 * self.spec.step * self.spec.spacing_mm
        return power_law(self.spec.rng(12), (rows, columns), (spacing, spacing), 2.0, (2.0 * spacing, longest))

    def _finish(
        self,
        signal: Plane,
        depth: Plane,
        texture: Plane,
        rng: np.random.Generator,
        kind: str,
        levels: tuple[float, float],
        top: int,
    ) -> Image:
        """Turn attenuation into stored values: skin, fine texture, noise, air exactly 0, and the side's direction."""
        value = signal + (0.012 + 0.05 * np.clip(signal, 0.0, 1.2)) * texture
        value += NOISE[kind] * rng.standard_normal(signal.shape, dtype=np.float32)
        skin = smoothstep(depth, 0.0, 0.35) * (1.0 - smoothstep(depth, SKIN_MM, SKIN_MM + 0.5))
        value += np.float32(0.40) * skin
        stored = levels[0] + levels[1] * value
        # under the free edge the breast is thinner: it darkens towards the skin line
        stored *= 0.80 + 0.20 * smoothstep(depth, 0.0, 0.07 * self.spec.width_mm)
        stored = np.where(depth > 0, np.clip(np.rint(stored), 1, top), 0).astype(np.uint16)
        return np.ascontiguousarray(stored if self.spec.laterality is Laterality.L else stored[:, ::-1])


def _enlarge(plane: Plane, rows: int, columns: int, factor: float) -> Plane:
    """Interpolate a tissue plane to an image whose pixels are ``factor`` times finer, edges aligned."""
    back = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    out: Plane = cv2.warpAffine(plane, back, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return out


def _sharpen(plane: Plane, amount: float) -> Plane:
    out: Plane = plane + np.float32(amount) * (plane - cv2.GaussianBlur(plane, (0, 0), 3.0))
    return out


def simulate_dbt(
    seed: int,
    slices: int = 24,
    rows: int = 1200,
    columns: int = 960,
    laterality: Laterality = Laterality.R,
    view: str = "CC",
) -> Image:
    """Return a simulated tomosynthesis volume (slices, rows, columns), uint16 of 10 bits, as stored by Hologic."""
    return SimulatedBreast(BreastSpec(seed, slices, rows, columns, laterality, view)).dbt()


def simulate_2d(
    seed: int,
    rows: int = 1200,
    columns: int = 960,
    laterality: Laterality = Laterality.R,
    view: str = "CC",
    slices: int = 24,
) -> tuple[Image, Image]:
    """Return the (FFDM, synthetic 2D) images of the breast that :func:`simulate_dbt` makes from the same arguments.

    ``rows`` and ``columns`` are those of the DBT volume and of the synthetic image; the FFDM has smaller pixels.
    """
    breast = SimulatedBreast(BreastSpec(seed, slices, rows, columns, laterality, view))
    return breast.ffdm(), breast.synthetic_2d()
