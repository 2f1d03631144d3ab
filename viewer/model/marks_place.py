"""Where in the breast a place lies, as far as one view tells: half, depth, distance from the nipple.

One projection has no third direction. A view from above tells the outer from the inner half, an oblique or lateral view
the upper from the lower one; the quadrant needs both, and this module says which half stays unknown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmic_core.exam.geometry import FloatArray
from gmic_core.exam.model import MammoImage
from gmic_core.types import Laterality
from viewer.model.marks import Point
from viewer.model.placement import extent_mm, view_mm_map
from viewer.model.tissue import Tissue

OUTER_INNER_VIEWS = frozenset({"CC", "FB", "XCC", "XCCL", "XCCM"})
"""Views from above or below: they show the outer half from the inner one (hung with the outer side up)."""
UPPER_LOWER_VIEWS = frozenset({"MLO", "LMO", "ML", "LM"})
"""Views from the side or obliquely: they show the upper half from the lower one."""
HALVES = ("outer", "inner", "upper", "lower")
OBLIQUE_VIEWS = frozenset({"MLO", "LMO"})
ON_LINE_MM = 5.0
"""Nearer than this to the line from the nipple to the chest wall, no half is named."""
ON_LINE_SHARE = 0.06
"""The same as a share of the nipple's depth, for images without a spacing."""
TIP_MM, NIPPLE_MM = 1.5, 12.0
"""Tissue so near to the outermost point is the tip of the nipple; how wide a nipple is, at most."""
BIN_MM = 2.0
"""Steps in which the skin line is followed: the coarse mask has cells of 1 to 2 mm."""
USUAL_HEIGHT_MM = 240.0
"""Height of a detector, for images that state no spacing."""
SKIPPED_SHARE = 0.08
"""Share of the image's height at its upper and lower end where no nipple is looked for: arm, abdomen."""

OBLIQUE_TILT = math.tan(math.radians(15.0))
"""In oblique views the nipple points down from the chest wall, away from the pectoral muscle: mm deeper per mm down."""

SIDES = {Laterality.R: "R", Laterality.L: "L"}


@dataclass(frozen=True)
class Place:
    """A place in one view.

    Attributes
    ----------
    side : ``R`` or ``L``.
    half : ``outer``, ``inner``, ``upper``, ``lower``, ``at the nipple line``, or "" where the view tells neither.
    unknown : what this view cannot tell, as a sentence.
    third : ``anterior``, ``middle`` or ``posterior`` third from nipple to chest wall; ``in front of the nipple``.
    from_nipple, behind_nipple, from_wall : straight distance, distance in the direction of the chest wall, distance
        from the image's chest-wall edge; in ``unit``.
    unit : ``mm`` or ``px``.
    guessed : whether the nipple was found by the program and not placed by a reader.
    """

    side: str
    view: str
    half: str
    unknown: str
    third: str
    from_nipple: float
    behind_nipple: float
    from_wall: float
    unit: str
    guessed: bool

    def lines(self) -> tuple[str, str]:
        """Return the two short lines that stand beside a mark."""
        half = f"{self.half} half" if self.half in HALVES else self.half
        where = f"{self.side} {half}, {self.third}" if half else f"{self.side}, {self.third}"
        nipple = "nipple (guessed)" if self.guessed else "nipple"
        return where, f"{self.from_nipple:.0f} {self.unit} from {nipple}"

    def sentences(self) -> tuple[str, ...]:
        """Return where it is, what is not known, and how it was counted."""
        where, distance = self.lines()
        behind = (
            f"{abs(self.behind_nipple):.0f} {self.unit} {'behind' if self.behind_nipple >= 0 else 'in front of'} it"
        )
        counted = (
            f"{self.from_wall:.0f} {self.unit} from the image's chest-wall edge; "
            "thirds are counted from the nipple to that edge."
        )
        return (f"{where}; {distance}, {behind}.", self.unknown, counted)


def guess_nipple(image: MammoImage, tissue: Tissue) -> Point | None:
    """Return where the nipple probably is: the tissue furthest from the chest wall; None without any tissue.

    In oblique views "from the chest wall" leans with the pectoral muscle. Good to a few mm where the nipple is in
    profile, to some centimetres where it is not; a guess is always called one.
    """
    cells = np.argwhere(tissue.mask)
    if not len(cells):
        return None
    stored = tissue.to_stored.apply(cells)
    down, depth = view_mm_map(image).apply(stored).T
    tall = extent_mm(image)[0]
    unit = 1.0 if image.spacing_mm else tall / USUAL_HEIGHT_MM  # one mm, as far as that is known
    looked_at = np.abs(down) <= tall * (0.5 - SKIPPED_SHARE)
    if not looked_at.any():
        return None
    stored, down, depth = stored[looked_at], down[looked_at], depth[looked_at]
    reach = depth + _standing_out(down, depth, unit)
    if image.view in OBLIQUE_VIEWS:
        reach = reach + OBLIQUE_TILT * down
    best = int(np.argmax(reach))
    tip = (depth >= depth[best] - TIP_MM * unit) & (np.abs(down - down[best]) <= NIPPLE_MM / 2 * unit)
    row, column = stored[tip].mean(axis=0)
    return (float(row), float(column))


def _standing_out(down: FloatArray, depth: FloatArray, unit: float) -> FloatArray:
    """Return, for tissue at (down, depth), how far the skin line at its height stands out from its surroundings."""
    bins = np.floor((down - down.min()) / (BIN_MM * unit)).astype(int)
    line = np.zeros(int(bins.max()) + 1)
    np.maximum.at(line, bins, depth)
    reach = round(NIPPLE_MM / BIN_MM)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(line, reach, mode="edge"), 2 * reach + 1)
    above = line - np.median(around, axis=1)
    # tissue that is not on the skin line cannot be the tip
    out: FloatArray = np.where(depth >= line[bins] - BIN_MM * unit, np.maximum(above, 0.0)[bins], 0.0)
    return out


def place_of(image: MammoImage, point: Point, nipple: Point, *, guessed: bool) -> Place | None:
    """Return where a point lies relative to the nipple; None while side or view of the image are not known.

    Parameters
    ----------
    point, nipple : stored (row, column).
    guessed : whether ``nipple`` is a guess.
    """
    if image.laterality is None or image.view is None or image.questions:
        return None
    to_mm = view_mm_map(image)
    (down, depth), (nipple_down, nipple_depth) = to_mm.apply([point, nipple])
    below, behind = float(down - nipple_down), float(nipple_depth - depth)
    near = ON_LINE_MM if image.spacing_mm else ON_LINE_SHARE * abs(float(nipple_depth))
    half, unknown = _half(image.view, below, near)
    return Place(
        SIDES[image.laterality],
        image.view,
        half,
        unknown,
        _third(behind, float(nipple_depth)),
        math.hypot(below, behind),
        behind,
        float(depth),
        "mm" if image.spacing_mm else "px",
        guessed,
    )


def _half(view: str, below: float, near: float) -> tuple[str, str]:
    """Return the half and what stays unknown; below: distance under the nipple line on the hung image."""
    if view in OUTER_INNER_VIEWS:
        names, unknown = ("outer", "inner"), f"{view} alone does not tell upper from lower."
    elif view in UPPER_LOWER_VIEWS:
        names, unknown = ("upper", "lower"), f"{view} alone does not tell outer from inner."
        if view in OBLIQUE_VIEWS:
            unknown += " It is oblique: an outer place appears higher, an inner one lower than in a lateral view."
    else:
        return "", f"{view} tells neither upper from lower nor outer from inner."
    if abs(below) < near:
        return "at the nipple line", unknown
    return names[0] if below < 0 else names[1], unknown


def _third(behind: float, depth: float) -> str:
    if behind < 0:
        return "in front of the nipple"
    share = behind / depth if depth > 0 else 1.0
    return "anterior third" if share < 1 / 3 else "middle third" if share < 2 / 3 else "posterior third"
