"""The report of a comparison: one HTML file without anything outside of it."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from html import escape

from gmic_core.comparison.batch import Batch, Row, Shown
from gmic_core.comparison.sources import Unused
from gmic_core.comparison.tables import INDICATED, Detection, Mean
from gmic_core.evaluation.report import STYLE
from gmic_core.inference.document import NOTICE
from gmic_core.types import CLASSES, Finding

SHOWN = 4
"""Pictures of the worst, and as many of the best, per class."""
_PICTURES = """
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; max-width: 17rem; }
figcaption { color: #9aa1ab; font-size: .85rem; overflow-wrap: anywhere; }
"""
WORDS = {
    "dice_soft": "DSC, soft: 2 sum(AM) / (sum A + sum M)",
    "dice_max": "DSC at each image's best threshold",
    "dice_max_threshold": "that threshold",
    "iou_max": "IoU at the best threshold",
    "pxap": "PxAP",
    "pixel_auc": "pixel AUC",
    "pointing_hit": "pointing hit",
    "patch_coverage": "lesion pixels inside the patches",
    INDICATED: "images whose lesions are covered by at least 70 %",
}
"""What the figures are, for people."""


def report(
    batch: Batch, found: Sequence[Mean], curves: Sequence[Detection], warnings: Sequence[str], method: Sequence[str]
) -> str:
    """Return the whole page.

    Parameters
    ----------
    warnings : what must be read before any number.
    method : how it was done, a sentence each.
    """
    parts = [
        "<h1>Saliency against segmentations</h1>",
        *(f'<p class="note">{escape(text)}</p>' for text in (NOTICE, *warnings)),
        f"<p>{len({row.image for row in batch.images})} images compared, {len(batch.unused)} files or images not.</p>",
        _table_v(found),
        _all(found),
        _froc(curves),
        *(_pictures(batch.pictures, finding) for finding in reversed(Finding)),
        _listed("Not compared", batch.unused),
        _listed("Worth knowing", batch.notes),
        "<h2>How</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in method) + "</ul>",
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Saliency against segmentations</title>'
        f"<style>{STYLE}{_PICTURES}</style></head><body>\n" + "\n".join(p for p in parts if p) + "\n</body></html>\n"
    )


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _table_v(found: Sequence[Mean]) -> str:
    """Return the table in the form of Table V: mean and standard deviation of DSC and PxAP."""
    by = {(m.finding, m.name): m for m in found}
    if not by:
        return "<p>No image has a lesion of a class with saliency, so nothing can be averaged.</p>"
    rows = []
    for words, ending in (("images, volumes max-projected", ""), ("volumes, all slices", "_3d")):
        cells = [
            _plus_minus(by.get((finding, f"{name}{ending}")))
            for name in ("dice_soft", "pxap")
            for finding in (Finding.MALIGNANT, Finding.BENIGN)
        ]
        if any(cells):
            rows.append([words, *(cell or '<span class="quiet">-</span>' for cell in cells)])
    return "<h2>Mean ± SD over images with a lesion, as in Table V</h2>" + _rows(
        ("", "DSC(M)", "DSC(B)", "PxAP(M)", "PxAP(B)"), rows
    )


def _plus_minus(mean: Mean | None) -> str:
    if mean is None:
        return ""
    spread = f" ± {mean.sd:.3f}" if math.isfinite(mean.sd) else ""
    return f"{mean.interval.value:.3f}{spread}"


def _all(found: Sequence[Mean]) -> str:
    rows = [
        [
            CLASSES[m.finding],
            escape(WORDS[m.name.removesuffix("_3d")]),
            "all slices" if m.name.endswith("_3d") else "projected",
            str(m.images),
            _plus_minus(m),
            f"{m.interval.low:.3f}-{m.interval.high:.3f}",
        ]
        for m in found
    ]
    return (
        "<h2>All figures</h2>" + _rows(("class", "figure", "on", "images", "mean ± SD", "95 %"), rows) if rows else ""
    )


def _froc(curves: Sequence[Detection]) -> str:
    rows = []
    for one in curves:
        name = [CLASSES[one.finding], one.pointer]
        if one.froc is None:
            rows.append([*name, f'<span class="quiet">{escape(one.reason)}</span>', "", "", ""])
        else:
            f = one.froc
            figures = [f"{f.fauc():.3f}", f"{f.at(0.5):.3f}", f"{f.at(1.0):.3f}"]
            rows.append([*name, *figures, f"{f.lesions} in {f.images} images"])
    header = ("class", "candidates", "FAUC-1", "sensitivity at 0.5 false positives per image", "at 1", "lesions")
    return "<h2>Detection (FROC)</h2>" + _rows(header, rows) if rows else ""


def _pictures(pictures: Sequence[Shown], finding: Finding) -> str:
    own = sorted((p for p in pictures if p.row.finding is finding), key=lambda p: p.row.measures.dice_max)
    if not own:
        return ""
    worst, best = own[:SHOWN], own[len(own) - min(SHOWN, max(len(own) - SHOWN, 0)) :][::-1]
    text = f"<h2>{CLASSES[finding].capitalize()}: worst</h2>" + _figures(worst)
    return text + (f"<h2>{CLASSES[finding].capitalize()}: best</h2>" + _figures(best) if best else "")


def _figures(pictures: Iterable[Shown]) -> str:
    return '<div class="pictures">' + "".join(_figure(p.row, p.png) for p in pictures) + "</div>"


def _figure(row: Row, png: bytes) -> str:
    m = row.measures
    words = (
        f"{row.image}: DSC {m.dice_max:.3f} at {m.dice_max_threshold:.3g}, soft {m.dice_soft:.3f}, PxAP {m.pxap:.3f}"
    )
    data = base64.b64encode(png).decode()
    return (
        f'<figure><img alt="{escape(words, quote=True)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(words)}</figcaption></figure>"
    )


def _listed(title: str, entries: Sequence[Unused]) -> str:
    if not entries:
        return ""
    rows = [[escape(e.name), escape(e.reason)] for e in entries]
    return f"<h2>{title}</h2>" + _rows(("file or image", "reason"), rows)
