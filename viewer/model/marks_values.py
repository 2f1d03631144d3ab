"""What a mark says: its numbers, with their unit and what the spacing behind them means."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gmic_core.exam.model import MammoImage
from viewer.model.frames import FrameProvider
from viewer.model.marks import REGIONS, Mark, Point
from viewer.model.marks_model import MarksModel
from viewer.model.marks_place import Place, guess_nipple, place_of
from viewer.model.marks_region import Statistics, region_of, statistics
from viewer.model.placement import image_laterality, image_orientation
from viewer.model.tissue import find_tissue

SHORT_MEANING = {"detector": "at detector", "corrected": "corrected", "calibrated": "calibrated"}
LONG_MEANING = {
    "detector": "at the detector: larger than in the breast by the magnification, which the file does not state",
    "corrected": "corrected for magnification",
    "calibrated": "with the calibrated spacing of the file",
}
STATED = "as stated"
UNCALIBRATED = "uncalibrated"
LONG_UNCALIBRATED = "uncalibrated: the file states no pixel spacing, so this is in pixels"
MAX_CACHED = 512


@dataclass(frozen=True)
class Lengths:
    """How lengths of an image are measured.

    Attributes
    ----------
    row, col : length of a step of one row, of one column.
    unit : ``mm`` or ``px``.
    short, full : what the spacing means, in a word or two, in a sentence.
    """

    row: float
    col: float
    unit: str
    short: str
    full: str

    def between(self, one: Point, other: Point) -> float:
        """Return the distance of two stored points."""
        return math.hypot((other[0] - one[0]) * self.row, (other[1] - one[1]) * self.col)


def lengths_of(image: MammoImage) -> Lengths:
    """Return how lengths of an image are measured, and what its spacing means."""
    if image.spacing_mm is None:
        return Lengths(1.0, 1.0, "px", UNCALIBRATED, LONG_UNCALIBRATED)
    meaning = image.spacing_meaning
    return Lengths(
        *image.spacing_mm,
        "mm",
        SHORT_MEANING.get(meaning, STATED),
        LONG_MEANING.get(meaning, "with the spacing that the file states, whose meaning is not known"),
    )


def angle_of(mark: Mark, lengths: Lengths) -> float | None:
    """Return the angle in degrees between the arms of an angle, 0 .. 180; None while an arm has no length."""
    (r0, c0), (r1, c1), (r2, c2) = mark.points
    one = np.array([(r0 - r1) * lengths.row, (c0 - c1) * lengths.col])
    other = np.array([(r2 - r1) * lengths.row, (c2 - c1) * lengths.col])
    if not one.any() or not other.any():
        return None
    cross = one[0] * other[1] - one[1] * other[0]
    return abs(math.degrees(math.atan2(float(cross), float(one @ other))))


def values_unit(image: MammoImage) -> str:
    """Return what the numbers of a region are: mammograms have no physical unit (PS3.3 C.11.1, Rescale Type US)."""
    pixel = image.pixel
    if pixel.modality_table is None and (pixel.slope, pixel.intercept) == (1.0, 0.0):
        return "stored values"
    return "values after the modality LUT"


def length_text(value: float, unit: str) -> str:
    """Return e.g. ``12.3 mm`` or ``123 px``."""
    return f"{value:.1f} mm" if unit == "mm" else f"{value:.0f} px"


def value_texts(found: Statistics) -> tuple[str, str]:
    """Return mean and standard deviation with as many decimals as the spread deserves."""
    if found.mean is None or found.sd is None:
        return "no value", "no value"
    size = found.sd or abs(found.mean) or 1.0
    decimals = min(max(2 - math.floor(math.log10(size)), 0), 4)
    return f"{found.mean:.{decimals}f}", f"{found.sd:.{decimals}f}"


class MarkValues:
    """Works out what marks say; pixels come from the frames that are decoded.

    What was worked out is kept until the mark, its image or the nipple change.
    """

    def __init__(self, marks: MarksModel, frames: FrameProvider) -> None:
        self._marks, self._frames = marks, frames
        self._statistics: dict[tuple[object, ...], Statistics] = {}
        self._guesses: dict[tuple[object, ...], Point] = {}

    def forget(self) -> None:
        """Drop what is kept: another exam is open."""
        self._statistics.clear()
        self._guesses.clear()

    # -- numbers -------------------------------------------------------------------------------------------------
    def statistics(self, mark: Mark, image: MammoImage) -> Statistics | None:
        """Return mean, SD and area of a region; None until its slice is decoded."""
        key = (mark.points, mark.slice_index, mark.kind, image.sop_uid, image.spacing_mm)
        if key not in self._statistics:
            pyramid = self._frames.get(image, mark.slice_index)
            if pyramid is None:
                return None
            if len(self._statistics) >= MAX_CACHED:
                self._statistics.clear()
            self._statistics[key] = statistics(region_of(mark, image.rows, image.columns), pyramid[0], image)
        return self._statistics[key]

    def nipple(self, image: MammoImage) -> tuple[Point, bool] | None:
        """Return the nipple and whether it is a guess; None while nothing is decoded or there is no breast."""
        placed = self._marks.nipple(image.sop_uid)
        if placed is not None:
            return placed.points[0], False
        key = (image.sop_uid, image_orientation(image), image_laterality(image))
        if key not in self._guesses:
            middle = image.frames // 2
            loaded = sorted(self._frames.loaded(image), key=lambda index: abs(index - middle))
            pyramid = self._frames.get(image, loaded[0]) if loaded else None
            guess = guess_nipple(image, find_tissue(pyramid, image.pixel)) if pyramid is not None else None
            if guess is None:
                return None
            if loaded[0] != middle:  # a better slice will come
                return guess, True
            self._guesses[key] = guess
        return self._guesses[key], True

    def place(self, mark: Mark, image: MammoImage) -> Place | None:
        """Return where the middle of a mark lies in the breast; None while nipple, side or view are not known."""
        nipple = self.nipple(image)
        return place_of(image, mark.middle, nipple[0], guessed=nipple[1]) if nipple is not None else None

    def headline(self, mark: Mark, image: MammoImage) -> str:
        """Return the few words of a list: the reader's own or the kind, and the first number."""
        head, lengths = mark.text or mark.name, lengths_of(image)
        if mark.kind == "length":
            return f"{head} {length_text(lengths.between(*mark.points), lengths.unit)}"
        if mark.kind in REGIONS:
            found = self.statistics(mark, image)
            if found is None:
                return head
            return f"{head} {found.pixels} px" if found.area_mm2 is None else f"{head} {found.area_mm2:.1f} mm²"
        if mark.kind == "place":
            place = self.place(mark, image)
            return head if place is None else f"{head} {place.from_nipple:.0f} {place.unit} from nipple"
        return " ".join((head, *(self._numbers(mark, image) if mark.kind == "angle" else ())))

    # -- words ---------------------------------------------------------------------------------------------------
    def short_lines(self, mark: Mark, image: MammoImage) -> tuple[str, ...]:
        """Return what stands beside a mark on the image."""
        lines = self._numbers(mark, image)
        return (*((mark.text,) if mark.text else ()), *lines)

    def _numbers(self, mark: Mark, image: MammoImage) -> tuple[str, ...]:
        lengths = lengths_of(image)
        if mark.kind == "length":
            return (f"{length_text(lengths.between(*mark.points), lengths.unit)} {lengths.short}",)
        if mark.kind == "angle":
            angle = angle_of(mark, lengths)
            return () if angle is None else (f"{angle:.1f}°",)
        if mark.kind in REGIONS:
            return self._region_lines(mark, image, lengths)
        if mark.kind == "place":
            place = self.place(mark, image)
            return place.lines() if place is not None else (self._why_no_place(image),)
        return ("nipple",) if mark.kind == "nipple" else ()

    def _region_lines(self, mark: Mark, image: MammoImage, lengths: Lengths) -> tuple[str, ...]:
        found = self.statistics(mark, image)
        if found is None:
            return ("values when the slice is loaded",)
        mean, sd = value_texts(found)
        area = f"{found.pixels} px {UNCALIBRATED}"
        if found.area_mm2 is not None:
            area = f"{found.area_mm2:.1f} mm² {lengths.short}"
        return (area, f"mean {mean}  SD {sd}", values_unit(image))

    @staticmethod
    def _why_no_place(image: MammoImage) -> str:
        if image.laterality is None or image.view is None or image.questions:
            return "side or view in question"
        return "no nipple found; place it"

    def full_lines(self, mark: Mark, image: MammoImage) -> tuple[str, ...]:
        """Return everything that is known about a mark, in sentences; for the list and the clipboard."""
        lengths = lengths_of(image)
        lines = [mark.text] if mark.text else []
        if mark.kind == "length":
            value = length_text(lengths.between(*mark.points), lengths.unit)
            lines.append(f"{value}, {lengths.full}.")
        elif mark.kind in REGIONS:
            lines += self._region_sentences(mark, image, lengths)
        elif mark.kind == "angle":
            lines += self._numbers(mark, image)
        if mark.kind not in ("nipple", "text"):
            lines += self._place_sentences(mark, image)
        return tuple(lines)

    def _place_sentences(self, mark: Mark, image: MammoImage) -> tuple[str, ...]:
        place = self.place(mark, image)
        if place is None:
            return (f"{self._why_no_place(image).capitalize()}.",)
        if mark.kind != "place":
            return place.sentences()[:2]
        if image.frames < 2 or not image.slice_spacing_mm:
            return place.sentences()
        depth = f"{mark.slice_index * image.slice_spacing_mm:.0f} mm from the first of {image.frames} slices."
        return (*place.sentences(), depth)

    def _region_sentences(self, mark: Mark, image: MammoImage, lengths: Lengths) -> list[str]:
        found = self.statistics(mark, image)
        if found is None:
            return ["Its values are known when the slice is loaded."]
        mean, sd = value_texts(found)
        area = f"{found.area_mm2:.2f} mm², " if found.area_mm2 is not None else ""
        lines = [f"Area {area}{found.pixels} pixels, {lengths.full}.", f"Mean {mean}, SD {sd} ({values_unit(image)})."]
        if found.padding:
            lines.append(f"{found.padding} pixels are padding and left out of mean and SD.")
        return lines


def title_of(mark: Mark, image: MammoImage) -> str:
    """Return which mark this is, without anything about the patient: ``R-CC DBT slice 42: Length``."""
    where = f" slice {mark.slice_index + 1}" if image.frames > 1 and mark.kind != "nipple" else ""
    return f"{image.label} {image.modality}{where}: {mark.name}"
