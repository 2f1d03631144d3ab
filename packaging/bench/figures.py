"""The figures of docs/performance.md: how the networks scale, where their layers lie under the roof, the papers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from engine import Layers
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from papers import Line
from scaling import Point

COLOURS = {1: "#b45f06", 2: "#1f5f8b"}
PREDICT_TARGET_GIB = 1.2
NAMES = ("performance-scaling.png", "performance-roofline.png", "performance-papers.png")


def draw(folder: Path, points: Sequence[Point], layers: Layers, lines: Sequence[Line], eager_per_slice: float) -> None:
    """Write the three figures as PNG.

    Parameters
    ----------
    eager_per_slice : seconds of the baseline, two threads.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.color": "#dddddd", "axes.axisbelow": True}):
        for name, paint in zip(
            NAMES,
            (
                lambda axes: _scaling(axes, points, eager_per_slice),
                lambda axes: _roofline(axes, layers),
                lambda axes: _papers(axes, lines),
            ),
            strict=True,
        ):
            figure = Figure(figsize=(9.0, 3.4), layout="constrained")  # of its own, without pyplot: needs no display
            axes = figure.subplots(1, 2)
            paint(axes)
            for each in axes:
                each.spines[["top", "right"]].set_visible(False)
            figure.savefig(folder / name, dpi=110)


def _scaling(axes: Sequence[Axes], points: Sequence[Point], eager_per_slice: float) -> None:
    time, memory = axes
    for threads, colour in COLOURS.items():
        mine = sorted((p for p in points if p.threads == threads), key=lambda p: p.slices)
        label = f"{threads} thread{'s' if threads > 1 else ''}"
        time.plot([p.slices for p in mine], [p.seconds / p.slices for p in mine], "o-", color=colour, label=label)
        memory.plot([p.slices for p in mine], [p.peak_rss_gib for p in mine], "o-", color=colour, label=label)
    time.axhline(eager_per_slice, color="#555555", linestyle="--", label="baseline, 2 threads, decoded")
    memory.axhline(PREDICT_TARGET_GIB, color="#555555", linestyle="--", label="target")
    for each, what in ((time, "s per slice"), (memory, "peak memory, GiB")):
        each.set(xlabel="slices", ylabel=what, xlim=(0, 100), xticks=[8, 24, 48, 96])
        each.set_ylim(0, 1.1 * each.get_ylim()[1])
        each.legend(frameon=False)


def _roofline(axes: Sequence[Axes], layers: Layers) -> None:
    roof = layers.roof
    for each, name, title in ((axes[0], "slices", "3D-GMIC, slices"), (axes[1], "patches", "patches (local network)")):
        rows = [row for row in layers.rows[name] if row.macs]
        at, reached = [row.macs / row.moved for row in rows], [row.macs / row.seconds / 1e9 for row in rows]
        each.loglog(at, reached, "o", color=COLOURS[2], label="baseline's layers")
        edge = [min(at) / 2, roof.macs_per_s / roof.bytes_per_s, max(at) * 2]
        height = [min(x * roof.bytes_per_s, roof.macs_per_s) / 1e9 for x in edge]
        each.plot(edge, height, "-", color="#555555", label="copy, matrix product")
        each.set(title=title, xlabel="MAC per byte", ylabel="GMAC/s")
        each.legend(frameon=False, loc="lower right")


def _papers(axes: Sequence[Axes], lines: Sequence[Line]) -> None:
    shown = [line for line in lines if line.paper_gmac is not None and "extrapolated" not in line.name]
    for each, ours, theirs, what in (
        (axes[0], [line.gmac for line in shown], [line.paper_gmac for line in shown], "GMAC, 96 slices"),
        (axes[1], [line.training / 1e9 for line in shown], [_gigabytes(line) for line in shown], "training, GB"),
    ):
        places = range(len(shown))
        each.barh([p - 0.2 for p in places], ours, 0.38, color=COLOURS[2], label="counted here")
        each.barh([p + 0.2 for p in places], theirs, 0.38, color="#bbbbbb", label="Table I")
        each.set_yticks(list(places), [line.name for line in shown] if each is axes[0] else [""] * len(shown))
        each.set(xlabel=what)
        each.invert_yaxis()
    axes[0].legend(frameon=False)


def _gigabytes(line: Line) -> float:
    return (line.paper_memory or 0.0) / 1e3
