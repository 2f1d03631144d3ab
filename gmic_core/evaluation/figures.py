"""ROC curves as SVG text, the same bytes for the same curves. Imports matplotlib, which takes half a second."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from gmic_core.evaluation.document import RocCurve

COLOURS = ("#6cb6ff", "#f6a556", "#7ee2a8", "#d3a6ff", "#f28b9c", "#e3d26f", "#b7bec9", "#58d5e0")
"""One per row of Table II, told apart on dark grey, in print the lightness differs too."""
_INK, _GRID, _PAPER = "#c9ced6", "#3a3f47", "#1c1f24"


def roc_svg(curves: Sequence[RocCurve], title: str) -> str:
    """Return one picture of several curves as an ``<svg>`` element."""
    with matplotlib.rc_context({"svg.hashsalt": title, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure = Figure(figsize=(4.6, 4.6), facecolor=_PAPER, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot(facecolor=_PAPER)
        axes.plot([0, 1], [0, 1], color=_GRID, linewidth=1, linestyle="--")
        for k, curve in enumerate(curves):
            x, y = zip(*curve.points, strict=True)
            axes.plot(x, y, color=COLOURS[k % len(COLOURS)], linewidth=1.6, label=curve.row)
        axes.set(xlim=(0, 1), ylim=(0, 1.005), aspect="equal")
        axes.set_xlabel("1 - specificity", color=_INK)
        axes.set_ylabel("sensitivity", color=_INK)
        axes.set_title(title, color=_INK, fontsize=11)
        axes.tick_params(colors=_INK)
        axes.grid(color=_GRID, linewidth=0.5)
        for spine in axes.spines.values():
            spine.set_color(_GRID)
        axes.legend(loc="lower right", fontsize=8, facecolor=_PAPER, edgecolor=_GRID, labelcolor=_INK)
        text = io.StringIO()
        figure.savefig(text, format="svg", facecolor=_PAPER, metadata={"Date": None, "Creator": None})
    whole = text.getvalue()
    element = whole[whole.index("<svg") :]
    return re.sub(r"\s*<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
