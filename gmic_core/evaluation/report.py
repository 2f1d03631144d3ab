"""The report: one HTML file without anything outside of it, to be read, printed or sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from gmic_core.evaluation import paper
from gmic_core.evaluation.bootstrap import Interval
from gmic_core.evaluation.document import Evaluation, RocCurve, counts
from gmic_core.evaluation.metrics import Metric
from gmic_core.evaluation.scores import TABLE_II, rows_for
from gmic_core.types import CLASSES

STYLE = """
:root { color-scheme: dark; }
body { background: #16181c; color: #d5d9df; font: 15px/1.5 system-ui, "Segoe UI", sans-serif; margin: 2rem auto;
  max-width: 72rem; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; font-weight: 600; } h2 { font-size: 1.1rem; font-weight: 600; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6rem 0; }
th, td { border-bottom: 1px solid #32363d; padding: .28rem .8rem .28rem 0; text-align: left; vertical-align: top; }
th { color: #9aa1ab; font-weight: 500; }
.note { border-left: 3px solid #f6a556; padding: .1rem .8rem; margin: .8rem 0; }
.quiet { color: #9aa1ab; } .paper { color: #9aa1ab; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; } .figures svg { max-width: 100%; height: auto; }
@media print { :root { color-scheme: light; } body { background: #fff; color: #000; } }
"""
"""Looks of all reports: dark on screen, light in print."""

_PATCHES = (
    ("coverage", "lesion pixels in a patch, projected"),
    ("coverage_on_slices", "the same, only patches on the lesion's slices"),
    ("indicated_70", "images whose lesions are covered by at least 70 % (GMIC: 0.781)"),
    ("top3_hit", "images where one of the three first patches holds a lesion's centre on its slices"),
    ("peak_hit", "images whose highest cell lies on a lesion"),
)
_MAPS = (
    ("soft_dice", "soft Dice, 2 sum(AM) / (sum A + sum M)"),
    ("best_dice", "Dice at the best common threshold"),
    ("best_dice_threshold", "that threshold"),
    ("best_dice_per_image", "Dice at each image's best threshold"),
    ("pxap", "PxAP"),
    ("chance_pxap", "PxAP of a random map (share of lesion pixels)"),
    ("pxap_over_chance", "PxAP over that of a random map"),
    ("pixel_auc", "pixel AUC"),
)


class _Found:
    """The figures by what they are."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._by = {(m.level, m.row, m.module, m.finding, m.name): m for m in metrics}

    def cell(self, level: str, row: str, module: str, finding: str, name: str) -> str:
        """Return one figure as the content of a table cell."""
        metric = self._by.get((level, row, module, finding, name))
        if metric is None:
            return '<span class="quiet">-</span>'
        if metric.interval is None:
            return f'<span class="quiet" title="{escape(metric.reason)}">not defined</span>'
        return shown(metric.interval)

    def get(self, level: str, row: str, finding: str, name: str) -> Metric | None:
        """Return one figure of the full network."""
        return self._by.get((level, row, "full", finding, name))


def shown(value: Interval) -> str:
    """Return a figure with its interval as the papers print them."""
    number = f"{value.value:.3f}" if abs(value.value) < 100 else f"{value.value:.0f}"
    return f"{number} ({value.low:.3f}-{value.high:.3f})" if value.used else number


def report(evaluation: Evaluation, metrics: Sequence[Metric], curves: Sequence[RocCurve]) -> str:
    """Return the whole page."""
    found = _Found(metrics)
    parts = [
        "<h1>Evaluation</h1>",
        *(f'<p class="note">{escape(text)}</p>' for text in evaluation.warnings),
        _what(evaluation),
        _pictures(curves),
        *(_paper_table(found, name) for name in paper.TABLES),
        _image_wise(found, evaluation),
        _localisation(found, evaluation),
        _left_out(evaluation),
        _method(evaluation),
    ]
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>'
        f"<style>{STYLE}</style></head><body>\n" + "\n".join(part for part in parts if part) + "\n</body></html>\n"
    )


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"


def _what(evaluation: Evaluation) -> str:
    facts = [(escape(str(key)), escape(str(value))) for key, value in evaluation.data.items()]
    networks = [
        (escape(w["model"]), f"{escape(w['weights'])} ({w['weights_sha256'][:12]})") for w in evaluation.weights()
    ]
    table = [list(entry.values()) for entry in counts(evaluation.scores)]
    names = [name.replace("_", " ") for name in (counts(evaluation.scores) or [{}])[0]]
    return (
        "<h2>What was evaluated</h2>"
        + _rows(("data", ""), facts)
        + _rows(("network", "weights"), networks)
        + _rows(names, [[escape(str(value)) for value in row] for row in table])
    )


def _pictures(curves: Sequence[RocCurve]) -> str:
    from gmic_core.evaluation.figures import roc_svg

    pictures = []
    for level in ("breast", "image"):
        for finding in reversed(CLASSES):
            own = [c for c in curves if c.level == level and c.finding == finding]
            if own:
                pictures.append(roc_svg(own, f"{level}-wise, {finding}"))
    return "<h2>ROC curves</h2><div class='figures'>" + "\n".join(pictures) + "</div>" if pictures else ""


def _paper_table(found: _Found, name: str) -> str:
    title, published = paper.TABLES[name]
    columns = [(module, finding) for module in ("global", "full") for finding in ("malignant", "benign")]
    header = ["modality", *(f"{module}, {finding}" for module, finding in columns)]
    rows = []
    for row, _ in TABLE_II:
        cells = [found.cell("breast", row, module, finding, name) for module, finding in columns]
        beside = [published[row, module, finding] for module, finding in columns]
        printed = [f"{value:.3f} ({low:.3f}-{high:.3f})" for value, low, high in beside]
        both = zip(cells, printed, strict=True)
        rows.append([row, *(f'{cell}<br><span class="paper">paper {text}</span>' for cell, text in both)])
    return (
        f"<h2>{escape(title)}</h2><p class='note'>{escape(paper.DIFFERENT_DATA)}</p>"
        + _rows(header, rows)
        + "<p class='quiet'>global: ours is the global module of the full network; the paper trained it alone.</p>"
    )


def _image_wise(found: _Found, evaluation: Evaluation) -> str:
    names = ("auc", "average_precision", "specificity_at_90", "matthews_at_90", "sensitivity_at_90")
    rows = []
    for level in ("image", "breast"):
        for row, _ in rows_for(evaluation.scores):
            for finding in reversed(CLASSES):
                metric = found.get(level, row, finding, "auc")
                if metric is None or metric.positives + metric.negatives == 0:
                    continue
                cells = [found.cell(level, row, "full", finding, name) for name in names]
                rows.append([f"{level}-wise", escape(row), finding, f"{metric.positives} / {metric.negatives}", *cells])
    header = (
        "", "modality", "class", "positive / negative", "AUC", "average precision", "specificity at 90 %",
        "Matthews at 90 %", "sensitivity reached",
    )  # fmt: skip
    return "<h2>All classification figures of the full network</h2>" + _rows(header, rows)


def _localisation(found: _Found, evaluation: Evaluation) -> str:
    header, rows = ["modality", "class", "images", "map", "figure", "ours", "paper"], []
    for row, modalities in rows_for(evaluation.scores):
        if len(modalities) > 1:
            continue
        for finding in reversed(CLASSES):
            for level, figures in (("projected", _MAPS), ("volume", _MAPS), ("patches", _PATCHES)):
                for name, words in figures:
                    metric = found.get(level, row, finding, name)
                    if metric is None or metric.positives == 0:
                        continue
                    cell = found.cell(level, row, "full", finding, name)
                    beside = _beside(row, finding, level, name)
                    rows.append([escape(row), finding, str(metric.positives), level, escape(words), cell, beside])
    if not rows:
        return "<h2>Localisation</h2><p>No image has a drawn finding, so nothing can be said.</p>"
    return (
        "<h2>Localisation, mean over images with a visible finding</h2>"
        f"<p class='note'>{escape(paper.DIFFERENT_DATA)}</p>" + _rows(header, rows)
    )


def _beside(row: str, finding: str, level: str, name: str) -> str:
    """Return the paper's figure (Table V, ensembles): the papers print no formula of their Dice."""
    published = paper.TABLE_V.get((row, finding))
    if published is None or level != "projected" or name not in ("soft_dice", "pxap"):
        return ""
    return f'<span class="paper">{published[("soft_dice", "pxap").index(name)]:.3f}</span>'


def _left_out(evaluation: Evaluation) -> str:
    if not evaluation.left_out:
        return ""
    rows = [[escape(one.image), escape(one.reason)] for one in evaluation.left_out]
    return "<h2>Not evaluated</h2>" + _rows(("image", "reason"), rows)


def _method(evaluation: Evaluation) -> str:
    draws = evaluation.draws
    windows = (
        f"Scores and maps are means over {evaluation.augmentations} random windows."
        if evaluation.augmentations
        else "One window per image, no test-time augmentation."
    )
    lines = (
        f"Intervals: 95 %, {draws.iterations} bootstrap draws of cases, seed {draws.seed}; for figures at 90 % "
        "sensitivity the threshold whose sensitivity is nearest is taken, and draws further than 2.5 points away are "
        "discarded.",
        "Breast-wise: mean of CC and MLO; ensembles of modalities: mean of the modalities' breast scores, over breasts "
        "that all of them show.",
        "Localisation: nearest upsampling to stored pixels, counted exactly per saliency cell; pixels count that the "
        "network saw, and lesion pixels outside its window as missed.",
        windows,
    )
    return "<h2>How</h2><ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"
