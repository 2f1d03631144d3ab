"""The numbers and pictures of ``docs/digital-breast.md``: four breasts of one woman, measured as real ones are.

``python -m gmic_core.phantom.measure`` starts it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gmic_core.phantom.attenuation import MAMMOGRAPHY, TOMOSYNTHESIS
from gmic_core.phantom.bench import BLOCK_MM, flat_noise, slice_profile
from gmic_core.phantom.breast import Breast
from gmic_core.phantom.calcifications import MINERAL
from gmic_core.phantom.findings import PlacedFinding, insert_findings, place_findings
from gmic_core.phantom.masses import Mass
from gmic_core.phantom.measure import RingContrast, ring_contrast, spectral_slope
from gmic_core.phantom.projection import Detector, Plane, Projector, expose
from gmic_core.phantom.simulate import acquire, acquire_full_field
from gmic_core.phantom.spec import CALCIFIED_KINDS, PLATES, BreastSpec, Density, Size, ViewName
from gmic_core.phantom.truth import dbt_labels, ffdm_labels, slice_range
from gmic_core.phantom.view_tissue import Grid, ViewTissue
from gmic_core.types import Laterality

SEED = 11
THICKNESS_MM = 50
SHOWN: dict[Density, tuple[str, ...]] = {
    "a": ("malignant-distortion", "benign-mass", "benign-vascular"),
    "b": ("malignant-mass", "benign-cyst", "malignant-calcifications"),
    "c": ("malignant-lobulated", "benign-node", "benign-calcifications"),
    "d": (),
}
"""The findings that the breast of each density class is given."""
FOCUS_STEPS = (-12, -4, 0, 4, 12)
"""Slices shown beside the one in focus."""
GRAINS_MM = {"malignant-calcifications": (0.15, 0.8), "benign-calcifications": (0.5, 1.2)}
"""Smallest and largest grain; the wall of a vessel has no grains that could be told apart."""
FULL_SHARE = 0.98
"""Where a breast is this share of its thickness, it touches the paddle: spectra are measured there."""


@dataclass(frozen=True)
class Shown:
    """One view with all that is measured on it.

    Attributes
    ----------
    excess : (rows, columns) the full-field projection before processing: mm of fibroglandular tissue above fat.
    touching : (rows, columns) of the full-field image; where the breast touches the paddle.
    slices : slices of the volume by number; empty where only the mammogram was made.
    s2d : empty likewise.
    """

    spec: BreastSpec
    view: ViewName
    glandular: float
    placed: tuple[PlacedFinding, ...]
    excess: Plane
    touching: npt.NDArray[np.bool_]
    ffdm: npt.NDArray[np.uint16]
    slices: dict[int, npt.NDArray[np.uint16]]
    s2d: npt.NDArray[np.uint16]
    slice_touching: npt.NDArray[np.bool_]

    def focus(self, one: PlacedFinding) -> int:
        """Return the slice through the middle of a finding."""
        return sum(slice_range(self.spec, one)) // 2


def show(density: Density, view: ViewName = "CC", size: Size = "full") -> Shown:
    """Simulate the view of one density class; volumes are made where there are findings, and in CC only."""
    plate = PLATES[size, "18x24"]
    kinds = tuple(kind for kind in SHOWN[density] if size == "full" or kind not in CALCIFIED_KINDS)
    spec = BreastSpec(SEED, Laterality.L, density, THICKNESS_MM, kinds, plate, size)
    breast = Breast(spec)
    glandular, findings = breast.glandular_fraction(), place_findings(breast)
    tissue = breast.view(view)
    placed = insert_findings(breast, view, tissue, findings)
    del breast
    rng = spec.rng("noise", view, "FFDM")
    detector = Detector(*plate.ffdm, plate.ffdm_mm)
    excess, thickness = expose(Projector(tissue, plate), 0.0, detector, MAMMOGRAPHY, THICKNESS_MM, rng)
    touching = thickness > FULL_SHARE * THICKNESS_MM
    on_slice = _touching(tissue, spec)
    none = np.zeros((0, 0), np.uint16)
    if view != "CC" or not placed:
        ffdm = acquire_full_field(spec, view, tissue)
        return Shown(spec, view, glandular, placed, excess, touching, ffdm, {}, none, on_slice)
    images = acquire(spec, view, tissue)
    middles = [sum(slice_range(spec, one)) // 2 for one in placed]
    wanted = {spec.slices // 2, *(middle + step for middle in middles for step in FOCUS_STEPS)}
    slices = {number: images.dbt[number].copy() for number in sorted(wanted) if 0 <= number < spec.slices}
    return Shown(spec, view, glandular, placed, excess, touching, images.ffdm, slices, images.s2d, on_slice)


def _touching(tissue: ViewTissue, spec: BreastSpec) -> npt.NDArray[np.bool_]:
    """Return where the breast is as thick as the compression leaves it, in the pixels of a slice."""
    grid: Grid = tissue.inside_grid
    full = tissue.inside.mean(axis=0) > FULL_SHARE
    out = np.zeros(spec.plate.dbt, bool)
    rows = np.minimum((np.arange(out.shape[0]) * spec.plate.dbt_mm / grid.spacing[1]).astype(int), full.shape[0] - 1)
    columns = (np.arange(out.shape[1]) * spec.plate.dbt_mm / grid.spacing[2]).astype(int)
    there = columns < full.shape[1]
    out[:, there] = full[np.ix_(rows, columns[there])]
    return out


def report_spectra(shown: Shown) -> Iterator[str]:
    """Yield the exponents beta of one breast."""
    spec, plate = shown.spec, shown.spec.plate
    projection = spectral_slope(shown.excess, plate.ffdm_mm, shown.touching)
    ffdm = spectral_slope(shown.ffdm, plate.ffdm_mm, shown.touching)
    row = f"{spec.density}  {100 * shown.glandular:9.1f} %  {projection:10.2f}  {ffdm:6.2f}"
    if shown.slices:
        middle = shown.slices[spec.slices // 2]
        row += f"  {spectral_slope(middle, plate.dbt_mm, shown.slice_touching):6.2f}"
        row += f"  {spectral_slope(shown.s2d, plate.dbt_mm, shown.slice_touching):6.2f}"
    yield row


def report_contrasts(shown: Shown) -> Iterator[str]:
    """Yield how every finding of one breast stands out."""
    plate = shown.spec.plate
    flat, deep = ffdm_labels(shown.spec, shown.placed), dbt_labels(shown.spec, shown.placed)
    overlay = deep.max(axis=0)
    for one in shown.placed:
        number, kind = one.finding.number, one.finding.kind
        region = flat == number
        raw = ring_contrast(shown.excess, region, plate.ffdm_mm, inside=shown.touching)
        focus = shown.focus(one)
        parts = (
            ring_contrast(shown.ffdm, region, plate.ffdm_mm, inside=shown.touching),
            ring_contrast(shown.slices[focus], deep[focus] == number, plate.dbt_mm, inside=shown.slice_touching),
            ring_contrast(shown.s2d, overlay == number, plate.dbt_mm, inside=shown.slice_touching),
        )
        grains = kind in CALCIFIED_KINDS
        amount = raw.peak if grains else raw.difference
        percent = 100.0 * (1.0 - float(np.exp(-MAMMOGRAPHY.contrast * amount)))
        limits = bounds(shown.spec, one)
        allowed = f"{100 * limits[0]:5.1f} - {100 * limits[1]:4.1f} %" if limits else "none stated   "
        ratios = "  ".join(f"{_ratio(part, grains):6.2f}" for part in parts)
        yield (
            f"{kind:25s} {shown.spec.density}  {one.finding.diameter_mm:5.1f}  {percent:6.1f} %  {allowed}  {ratios}"
        )


def _ratio(part: RingContrast, grains: bool) -> float:
    return (part.peak if grains else part.difference) / part.ring_sd


def bounds(spec: BreastSpec, one: PlacedFinding) -> tuple[float, float] | None:
    """Return the least and the most radiographic contrast that the published coefficients allow a finding.

    A mass of its attenuation, as thick as it is on average, in fibroglandular tissue (least) and in fat (most); the
    smallest and the largest grain of the published mineral content, in fat. None for distortions and vessels.
    """
    shape, kind = one.finding.shape(spec), one.finding.kind
    if kind in GRAINS_MM:
        lines = [MINERAL * size * MAMMOGRAPHY.mineral for size in GRAINS_MM[kind]]
    elif not isinstance(shape, Mass) or shape.hollow:
        return None
    else:
        area = float(one.mask.any(axis=0).sum()) * one.grid.spacing[1] * one.grid.spacing[2]
        mean_mm = one.volume_mm3 / area
        lines = [mean_mm * MAMMOGRAPHY.contrast * share for share in (shape.value - 1.0, shape.value)]
    return 1.0 - float(np.exp(-lines[0])), 1.0 - float(np.exp(-lines[1]))


def report_noise() -> Iterator[str]:
    """Yield what quanta are counted behind a flat block, and the noise of its image."""
    yield f"Noise behind {BLOCK_MM} mm of breast with 20 % of fibroglandular tissue"
    yield "image           quanta per pixel  stated   measured  fine / coarse"
    for name, technique, pixel in (("FFDM", MAMMOGRAPHY, 0.070), ("DBT projection", TOMOSYNTHESIS, 0.140)):
        found = flat_noise(technique, pixel)
        yield (
            f"{name:15s} {found.quanta:10.0f}        {100 * found.stated:5.2f} %  {100 * found.measured:5.2f} %"
            f"    {found.flatness:5.2f}"
        )


def report_profiles() -> Iterator[str]:
    """Yield the slice profiles of two objects."""
    yield "Slice profile, full width at half maximum in mm"
    yield "object        over slices  along the tube's way  across it"
    for diameter in (0.5, 5.0):
        found = slice_profile(diameter)
        widths = f"{found.depth_mm:6.1f}       {found.along_mm:6.2f}                {found.across_mm:6.2f}"
        yield f"{diameter:3.1f} mm        {widths}"
        marks = "  ".join(f"{h:+.0f}: {found.spread[found.heights_mm == h][0]:.3f}" for h in (2.0, 5.0, 10.0, 20.0))
        yield f"              artefact spread function at mm above focus  {marks}"


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; draw the pictures if asked to."""
    parser = argparse.ArgumentParser(prog="python -m gmic_core.phantom.measure", description=__doc__)
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="draw the document's pictures into this folder")
    parser.add_argument(
        "--size",
        choices=("full", "small"),
        default="full",
        help="small: a quick look; the document's numbers are of full",
    )
    options = parser.parse_args(arguments)
    if options.pictures is not None and options.size != "full":
        parser.error("the pictures show breasts of full size; leave out --size small or --pictures")
    _say(report_noise())
    _say(report_profiles())
    spectra: list[str] = []
    contrasts: list[str] = []
    shown: list[Shown] = []
    for density in SHOWN:
        one = show(density, size=options.size)
        spectra += report_spectra(one)
        contrasts += report_contrasts(one)
        if options.pictures is not None:
            shown.append(one)
    head = "class  glandular  projection    FFDM   slice     S2D"
    _say(["Exponent beta of P(f) = 1 / f**beta, 0.1 to 1 cycles/mm", head])
    _say(spectra, first="")
    head = "finding                class   mm  contrast      allowed        FFDM   slice     S2D"
    _say(["Radiographic contrast in FFDM, and contrast over the standard deviation around it in each image", head])
    _say(contrasts, first="")
    if options.pictures is not None:
        from gmic_core.phantom.pictures import draw

        shown.append(show("b", "MLO"))
        _say(str(path) for path in draw(shown, options.pictures))
    return 0


def _say(lines: Iterator[str] | list[str], first: str = "\n") -> None:
    sys.stdout.write(first + "".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
