"""What of an image the network saw: where its window lies, whether a place was in it, and what lies outside."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from gmic_core.coverage import OUTSIDE_LIMIT, Coverage
from gmic_core.exam.geometry import PlaneMap
from gmic_core.types import ImageResult
from viewer.model.marks import REGIONS, Mark, bounds, outline
from viewer.model.session import Session

Box = tuple[float, float, float, float]
Seen = Literal["whole", "part", "none"]

SAMPLES = 33
"""Points that a side of a mark is looked at in ..."""
FEW_CORNERS = 12
"""... where it has so few corners; the sides of others are short."""

NOT_ANALYSED = "outside the network's window, not analysed"
NOT_IN_CROP = "outside the network's crop of the breast, not analysed"
MARK_WORDS: dict[Seen, str] = {"whole": "", "part": "partly not analysed", "none": "not analysed"}
MARK_SENTENCES: dict[Seen, str] = {
    "whole": "",
    "part": "Part of it lies outside what the network saw and was not analysed.",
    "none": "It lies outside what the network saw: this place was not analysed.",
}


def window_box(result: ImageResult) -> Box:
    """Return the window as a half-open box (row0, col0, row1, col1) in stored pixels; it may reach beyond the image."""
    rows, columns = result.window_shape
    return PlaneMap(result.window_to_stored).apply_box((0, 0, rows, columns))


def seen_box(result: ImageResult) -> Box:
    """Return the half-open box in stored pixels that the network saw.

    That is the window as far as the crop of the breast fills it: beside the crop the network saw zeros, whatever the
    image shows there. Results of earlier versions do not tell the crop; for them it is the window.
    """
    return window_box(result) if result.coverage is None else result.coverage.seen


def seen_within(result: ImageResult, rows: int, columns: int) -> Box | None:
    """Return the part of a stored image of (rows, columns) that the network saw; None where there is none."""
    row0, col0, row1, col1 = seen_box(result)
    box = max(row0, 0.0), max(col0, 0.0), min(row1, float(rows)), min(col1, float(columns))
    return box if box[0] < box[2] and box[1] < box[3] else None


def is_analysed(result: ImageResult, row: float, column: float) -> bool:
    """Whether the network saw a place of the stored image."""
    return _holds(seen_box(result), row, column)


def why_not_analysed(result: ImageResult, row: float, column: float) -> str:
    """Return why the network did not see a place of the stored image; "" where it did."""
    if is_analysed(result, row, column):
        return ""
    return NOT_IN_CROP if _holds(window_box(result), row, column) else NOT_ANALYSED


def _holds(box: Box, row: float, column: float) -> bool:
    row0, col0, row1, col1 = box
    return row0 - 0.5 <= row < row1 - 0.5 and col0 - 0.5 <= column < col1 - 0.5


def outside_boxes(result: ImageResult, rows: int, columns: int) -> list[Box]:
    """Return the parts of a stored image of (rows, columns) that the network did not see, as separate boxes."""
    row0, col0, row1, col1 = (float(value) for value in seen_box(result))
    top, bottom = np.clip([row0, row1], 0, rows)
    left, right = np.clip([col0, col1], 0, columns)
    parts: npt.NDArray[np.float64] = np.array(
        [
            (0, 0, top, columns),
            (bottom, 0, rows, columns),
            (top, 0, bottom, left),
            (top, right, bottom, columns),
        ],
        np.float64,
    )
    boxes = [(float(a), float(b), float(c), float(d)) for a, b, c, d in parts]
    return [box for box in boxes if box[2] - box[0] >= 1.0 and box[3] - box[1] >= 1.0]


def mark_seen(result: ImageResult, mark: Mark) -> Seen:
    """Return how much of what a mark is drawn with lies where the network saw the image."""
    row0, col0, row1, col1 = (edge - 0.5 for edge in seen_box(result))
    lines = np.concatenate([_sampled(line) for line in outline(mark)])  # (points, 2)
    # both ends belong to it: a mark that ends at the very border of the image lies in the image
    inside = ((lines >= (row0, col0)) & (lines <= (row1, col1))).all(axis=1)
    if inside.any():
        return "whole" if inside.all() else "part"
    (top, left), (bottom, right) = bounds(mark)
    return (
        "part" if mark.kind in REGIONS and top <= row0 and left <= col0 and bottom >= row1 and right >= col1 else "none"
    )


def mark_seen_here(session: Session, mark: Mark) -> Seen:
    """Return the same for the result that is shown now; "whole" where there is none, or all AI is hidden."""
    entry = session.results.get(mark.sop_uid)
    if entry is None or entry.result is None or not session.overlays.settings.visible:
        return "whole"
    return mark_seen(entry.result, mark)


def mark_lines(session: Session, mark: Mark) -> tuple[str, ...]:
    """Return the sentence that a mark lies where the network did not look; nothing for others."""
    seen = mark_seen_here(session, mark)
    return () if seen == "whole" else (MARK_SENTENCES[seen],)


def _sampled(line: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a line with points between its corners, so that one that only crosses the window is noticed."""
    if len(line) < 2 or len(line) > FEW_CORNERS:
        return line
    share = np.linspace(0.0, 1.0, SAMPLES)[:, None, None]
    between: npt.NDArray[np.float64] = (line[:-1] * (1.0 - share) + line[1:] * share).reshape(-1, 2)
    return between


def size_words(result: ImageResult, rows: int, columns: int) -> str:
    """Return how large the window is in the image, in pixels of the network: ``window 2116x1339 of 2457x1996``.

    Parameters
    ----------
    rows, columns : of the image as stored.
    """
    row0, col0, row1, col1 = PlaneMap(result.window_to_stored).inverse().apply_box((0, 0, rows, columns))
    high, wide = result.window_shape
    return f"window {high}x{wide} of {round(row1 - row0)}x{round(col1 - col0)}"


def share_words(coverage: Coverage) -> str:
    """Return how much of the breast was not analysed: ``5.2% of the breast not analysed``."""
    share = coverage.outside_fraction
    if coverage.is_short and share <= OUTSIDE_LIMIT:
        return f"tissue beside the breast, {coverage.tissue_fraction:.1%} of its size, not analysed"
    if coverage.breast_outside == 0:
        return "the whole breast analysed"
    return f"{'less than 0.1%' if share < 0.001 else f'{share:.1%}'} of the breast not analysed"


def structure_words(coverage: Coverage) -> str:
    """Return how many structures that lie apart from the breast were not analysed; "" for none."""
    count = coverage.structures_total - sum(one.attached for one in coverage.structures)
    return f"{count} {'structure' if count == 1 else 'structures'} not analysed" if count else ""
