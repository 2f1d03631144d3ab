"""What the one-page report says and shows, gathered from the session; no toolkit.

The notice is part of every report. Who the patient is goes in only when the reader asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gmic_core.coverage import coverage_notes
from gmic_core.errors import GmicError
from gmic_core.exam.model import Exam, MammoImage, Voi
from gmic_core.exam.voi import default_window
from gmic_core.inference.document import NOTICE, SIMULATED, SIMULATED_ONLY, UNTRAINED
from gmic_core.inference.scores import breast_scores
from gmic_core.types import STANDARD_VIEWS, Finding, ImageResult, Roi
from viewer.model.marks_values import title_of
from viewer.model.overlays import OverlaySettings
from viewer.model.render import OverlayLayer
from viewer.model.results import ResultEntry
from viewer.model.seen_window import mark_lines
from viewer.model.session import Session

MAX_IMAGES = 12
"""Images on the page; an exam with more says so."""
MAX_PATCHES = 8


@dataclass(frozen=True)
class PatchMark:
    """A patch of the report: its number on the page, or 0 where only its box is drawn."""

    number: int
    roi: Roi


@dataclass(frozen=True)
class View:
    """One image as it will be painted.

    Attributes
    ----------
    window, inverted : as the reader set them; None: the image's own window.
    layer : saliency of the slice, or None.
    marks : patches in this slice.
    caption : lines below the picture.
    """

    image: MammoImage
    slice_index: int
    window: Voi | None
    inverted: bool
    layer: OverlayLayer | None
    marks: tuple[PatchMark, ...]
    caption: tuple[str, ...]


@dataclass(frozen=True)
class PatchView:
    """A patch shown by itself."""

    number: int
    view: View
    roi: Roi
    caption: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    Attributes
    ----------
    identity : lines about patient and exam; without identity the one line that says so.
    notices : the research notice first, then what the result is worth.
    scores : rows of (breast, kind, malignant, benign, how it was made).
    provenance : rows of (what, value).
    overlay : thresholds and opacity in words; "" where no map is shown.
    left_out : images that found no place.
    """

    identity: tuple[str, ...]
    notices: tuple[str, ...]
    views: tuple[View, ...]
    patches: tuple[PatchView, ...]
    scores: tuple[tuple[str, ...], ...]
    provenance: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    overlay: str
    left_out: int


# -- gathering ---------------------------------------------------------------------------------------------------


def gather(session: Session, *, identified: bool) -> Report:
    """Return the report of the open exam as it is shown now.

    Raises
    ------
    GmicError
        If no exam is open.
    """
    exam = session.exam
    if exam is None:
        raise GmicError("No exam is open; open one, then save the report.")
    images = sorted(exam.images, key=_page_order)[:MAX_IMAGES]
    entries = {image.sop_uid: _entry(session, image) for image in exam.images}
    results = [entry.result for entry in entries.values() if entry is not None and entry.result is not None]
    numbers = _numbered(results)
    views = tuple(_view(session, image, entries[image.sop_uid], numbers) for image in images)
    by_uid = {image.sop_uid: image for image in exam.images}
    return Report(
        identity=_identity(exam, identified),
        notices=_notices(exam, results),
        views=views,
        patches=tuple(
            _patch_view(session, by_uid[uid], entries[uid], number, roi) for number, (uid, roi) in enumerate(numbers, 1)
        ),
        scores=_score_rows(results),
        provenance=provenance_rows(results),
        notes=tuple(dict.fromkeys((*_result_notes(results, by_uid), *_mark_notes(session, by_uid)))),
        overlay=_overlay_text(session.overlays.settings) if any(view.layer for view in views) else "",
        left_out=len(exam.images) - len(images),
    )


def _result_notes(results: list[ImageResult], images: dict[str, MammoImage]) -> list[str]:
    """Return the notes of all results; what was not seen is said with the image that it is true of."""
    notes = []
    for result in results:
        unseen = () if result.coverage is None else coverage_notes(result.coverage)
        image = images[result.sop_uid]
        notes += [f"{image.label} {image.modality}: {text}" if text in unseen else text for text in result.notes]
    return notes


def _mark_notes(session: Session, images: dict[str, MammoImage]) -> list[str]:
    """Return which of the reader's marks lie where the network did not look; the words of marks stay out."""
    return [
        f"{title_of(mark, image)}. {line}"
        for image in images.values()
        if not image.questions
        for mark in session.marks.of(image.sop_uid).marks
        for line in mark_lines(session, mark)
    ]


def _entry(session: Session, image: MammoImage) -> ResultEntry | None:
    """Return the finished result of an image, unless its side or view is in question."""
    entry = None if image.questions else session.results.get(image.sop_uid)
    return entry if entry is not None and entry.result is not None else None


def _page_order(image: MammoImage) -> tuple[int, int, int]:
    """Order standard views first, and in a row R-CC, L-CC, R-MLO, L-MLO."""
    standard = image.view in STANDARD_VIEWS
    column = STANDARD_VIEWS.index(image.view or "") * 2 + (image.laterality != "R") if standard else 9
    return (not standard, ("DBT", "FFDM", "S2D", "MG", "OTHER").index(image.modality), column)


def _numbered(results: list[ImageResult]) -> list[tuple[str, Roi]]:
    """Return the patches that the page shows by themselves: the first of every image, then the strongest ones."""
    best = [(rank, -roi.attention, result.sop_uid, roi) for result in results for rank, roi in _by_attention(result)]
    best.sort(key=lambda entry: (entry[0] > 0, entry[1]))
    return [(uid, roi) for _, _, uid, roi in best[:MAX_PATCHES]]


def _by_attention(result: ImageResult) -> list[tuple[int, Roi]]:
    return list(enumerate(sorted(result.rois, key=lambda roi: -roi.attention)))


def _slice_of(session: Session, image: MammoImage, entry: ResultEntry | None) -> int:
    """Return the slice with the highest malignant saliency, or the one the reader looks at."""
    if entry is not None and entry.result is not None and image.frames > 1:
        return int(np.argmax(entry.result.profile[:, Finding.MALIGNANT]))
    return session.state_of(image).slice_index


def _view(session: Session, image: MammoImage, entry: ResultEntry | None, numbers: list[tuple[str, Roi]]) -> View:
    index, settings = _slice_of(session, image, entry), session.overlays.settings
    state = session.state_of(image)
    rois = entry.result.rois if entry is not None and entry.result is not None else ()
    shown = [roi for roi in rois if roi.slice_index == index] if settings.visible and settings.boxes else []
    marks = tuple(PatchMark(_number(numbers, image.sop_uid, roi), roi) for roi in shown)
    window = state.window or default_window(image, index) or state.auto_window
    return View(
        image, index, window, state.inverted, _layer(session, entry, index), marks, _caption(image, index, entry)
    )


def _number(numbers: list[tuple[str, Roi]], uid: str, roi: Roi) -> int:
    return next((number for number, entry in enumerate(numbers, 1) if entry == (uid, roi)), 0)


def _layer(session: Session, entry: ResultEntry | None, index: int) -> OverlayLayer | None:
    settings = session.overlays.settings
    if entry is None or entry.saliency_to_stored is None or not settings.visible:
        return None
    cells = entry.cells(index)
    return None if cells is None else OverlayLayer(cells, entry.saliency_to_stored, settings, entry.untrained)


def _caption(image: MammoImage, index: int, entry: ResultEntry | None) -> tuple[str, ...]:
    place = f" {index + 1}/{image.frames}" if image.frames > 1 else ""
    head = f"{image.label}  {image.modality}{place}"
    if image.questions:
        return (head, "side or view in question")
    if entry is None or entry.result is None:
        return (head, "no AI result")
    y = entry.result.y
    mark = "UNTRAINED " if entry.untrained else ""
    return (head, f"{mark}malignant {y[Finding.MALIGNANT]:.2f}  benign {y[Finding.BENIGN]:.2f}")


def _patch_view(session: Session, image: MammoImage, entry: ResultEntry | None, number: int, roi: Roi) -> PatchView:
    state = session.state_of(image)
    window = state.window or default_window(image, roi.slice_index) or state.auto_window
    view = View(image, roi.slice_index, window, state.inverted, None, (), ())
    place = f" {roi.slice_index + 1}/{image.frames}" if image.frames > 1 else ""
    lines = [f"{number}  {image.label} {image.modality}{place}", f"attention {roi.attention:.2f}"]
    if roi.local_scores is not None:
        lines.append(f"alone {roi.local_scores[Finding.MALIGNANT]:.2f} / {roi.local_scores[Finding.BENIGN]:.2f}")
    return PatchView(number, view, roi, tuple(lines))


def _identity(exam: Exam, identified: bool) -> tuple[str, ...]:
    if not identified:
        return ("Identity removed",)
    name = ", ".join(part for part in exam.patient_name.split("=")[0].split("^")[:2] if part)
    date = f"{exam.date[:4]}-{exam.date[4:6]}-{exam.date[6:]}" if len(exam.date) == 8 else exam.date
    born = f"born {exam.birth_date[:4]}-{exam.birth_date[4:6]}-{exam.birth_date[6:]}" if exam.birth_date else ""
    who = "   ".join(part for part in (name or "Patient not named in the file", exam.patient_id, born) if part)
    return (who, f"Exam of {date}" if date else "Exam without a date")


def _notices(exam: Exam, results: list[ImageResult]) -> tuple[str, ...]:
    found = [NOTICE]
    if any(result.provenance.untrained for result in results):
        found.append(UNTRAINED)
    if exam.simulated:
        found.append(SIMULATED)
    elif any(result.provenance.simulated_only for result in results):
        found.append(SIMULATED_ONLY)
    return tuple(found)


def _score_rows(results: list[ImageResult]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for score in breast_scores(results):
        how = f"mean of {' and '.join(score.views)}" if score.complete else f"{score.views[0]} alone"
        mark = ", UNTRAINED" if score.untrained else ""
        numbers = (f"{score.y[Finding.MALIGNANT]:.2f}", f"{score.y[Finding.BENIGN]:.2f}")
        rows.append((f"{score.laterality} breast", str(score.modality), *numbers, f"{how}, {score.model}{mark}"))
    return tuple(rows)


def provenance_rows(results: Sequence[ImageResult]) -> tuple[tuple[str, str], ...]:
    """Return where results come from as rows of (network and kind of image, everything that is known).

    Results that were made in the same way share a row.
    """
    groups: dict[tuple[str, str], list[float]] = {}
    for result in results:
        prov = result.provenance
        data = prov.training_data or "data that nobody stated"
        how = (
            f"weights {prov.weights} (sha {_short(prov.weights_sha256)}), trained on {data}, preprocessing "
            f"{prov.preprocessing_version}, {prov.mode} mode ({prov.precision}), {prov.device}, "
            f"{prov.software}, {prov.created[:10]}"
        )
        groups.setdefault((f"{prov.model} on {result.modality}", how), []).append(prov.seconds)
    return tuple((name, f"{how}, {_duration(seconds)}") for (name, how), seconds in groups.items())


def _short(sha256: str) -> str:
    """Return the beginning of each digest of an ensemble."""
    return " + ".join(digest[:12] for digest in sha256.split(" + "))


def _duration(seconds: list[float]) -> str:
    images = "1 image" if len(seconds) == 1 else f"{len(seconds)} images"
    return f"{images} in {sum(seconds):.1f} s"


def _overlay_text(settings: OverlaySettings) -> str:
    parts = [
        f"{finding.name.lower()} above {settings.threshold(finding):.2f}"
        for finding in (Finding.MALIGNANT, Finding.BENIGN)
        if settings.shows(finding)
    ]
    return f"Saliency: {', '.join(parts)}; opacity {settings.opacity:.2f}" if parts else ""
