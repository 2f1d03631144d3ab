"""What the slice bar shows, in numbers: profile, patch ticks, highlighted and seen slices; no widget.

Every slice owns an equal share of the bar's width; positions are pixels from its left end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gmic_core.inference.highlights import highlighted_slices
from gmic_core.types import Finding
from viewer.model.results import ResultEntry
from viewer.model.viewstate import ImageState

Profile = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Tick:
    """A patch on the bar.

    Attributes
    ----------
    index : place in the result's ``rois``.
    """

    slice_index: int
    attention: float
    index: int


@dataclass(frozen=True)
class Bar:
    """Everything that the bar paints of one image.

    Attributes
    ----------
    profile : float32 (slices, 2), the maximum of the map per slice and class (``CLASSES``); NaN where not computed.
    ticks : patches, the one with the highest attention last, so that it is painted on top.
    highlighted : slices that N and Shift+N visit, ascending.
    step_mm : distance of the slices in mm, or None.
    """

    slices: int
    current: int
    seen: frozenset[int]
    loaded: frozenset[int]
    profile: Profile
    ticks: tuple[Tick, ...]
    highlighted: tuple[int, ...]
    step_mm: float | None

    @property
    def position(self) -> str:
        """Where the reader is, e.g. ``slice 42 / 66  41 mm``; mm are counted from the first slice."""
        return "  ".join(part for part in self.place(self.current) if part)

    def place(self, index: int) -> tuple[str, str]:
        """Return where a slice is, e.g. (``slice 42 / 66``, ``41 mm``); no mm where the image does not tell them."""
        mm = "" if self.step_mm is None else f"{index * self.step_mm:.0f} mm"
        return f"slice {index + 1} / {self.slices}", mm


def bar_of(state: ImageState, entry: ResultEntry | None, loaded: Collection[int] = ()) -> Bar:
    """Return the bar of an image.

    Parameters
    ----------
    entry : what the AI knows about it; None while that must not be shown.
    loaded : slices that are decoded.
    """
    image = state.image
    profile = np.full((image.frames, 2), np.nan, np.float32)
    known = entry.profile() if entry else profile[:0]
    profile[: len(known)] = known[: image.frames]
    rois = entry.result.rois if entry and entry.result else ()
    ticks = [Tick(roi.slice_index, roi.attention, index) for index, roi in enumerate(rois)]
    return Bar(
        image.frames,
        state.slice_index,
        frozenset(state.seen),
        frozenset(loaded),
        profile,
        tuple(sorted(ticks, key=lambda tick: tick.attention)),
        highlights(entry),
        image.slice_spacing_mm if image.frames > 1 else None,
    )


def slice_words(bar: Bar, index: int) -> tuple[str, ...]:
    """Return what the bar knows about a slice: place, largest saliency per class, its patches, whether it was seen."""
    lines = ["   ".join(part for part in bar.place(index) if part)]
    values = bar.profile[index]
    if not np.isnan(values).any():
        lines += [f"{finding.name.lower()} {values[finding]:.2f}" for finding in (Finding.MALIGNANT, Finding.BENIGN)]
    # a patch's number is its place by attention, as on its box
    order = sorted(bar.ticks, key=lambda tick: (-tick.attention, tick.index))
    numbers = [str(number) for number, tick in enumerate(order, 1) if tick.slice_index == index]
    marks = [f"patch {', '.join(numbers)}"] if numbers else ["highlighted"] if index in bar.highlighted else []
    lines.append(", ".join([*marks, "seen" if index in bar.seen else "not seen yet"]))
    return tuple(lines)


def highlights(entry: ResultEntry | None) -> tuple[int, ...]:
    """Return the highlighted slices of what is computed so far, ascending."""
    if entry is None or entry.saliency is None:
        return ()
    return highlighted_slices(entry.profile(), entry.result.rois if entry.result else ())


def next_highlight(highlighted: tuple[int, ...], current: int, step: int) -> int | None:
    """Return the highlighted slice after (``step`` > 0) or before the current one, round the end; None: there is none.

    The current slice need not be highlighted itself.
    """
    if not highlighted:
        return None
    if step > 0:
        return next((index for index in highlighted if index > current), highlighted[0])
    return next((index for index in reversed(highlighted) if index < current), highlighted[-1])


def profile_columns(profile: Profile, width: int) -> Profile:
    """Return the profile per pixel of a bar, float32 (width, 2); where slices share a pixel their maximum counts."""
    slices = len(profile)
    if slices == 0 or width <= 0:
        return np.full((max(width, 0), 2), np.nan, np.float32)
    if slices <= width:
        return np.asarray(profile[((np.arange(width) + 0.5) * slices / width).astype(int)], np.float32)
    starts = (np.arange(width) * slices) // width
    return np.asarray(np.fmax.reduceat(profile, starts, axis=0), np.float32)  # fmax: a known slice beats an unknown one


def slice_at(position: float, width: float, slices: int) -> int:
    """Return the slice at a position on the bar; beyond its ends the first or the last one."""
    if slices < 1 or width <= 0:
        return 0
    return min(max(int(position * slices / width // 1), 0), slices - 1)


def slice_span(index: int, width: float, slices: int) -> tuple[float, float]:
    """Return where a slice begins and ends on the bar."""
    share = width / max(slices, 1)
    return index * share, (index + 1) * share
