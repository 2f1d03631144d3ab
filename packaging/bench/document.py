"""The tables of a run as Markdown, to be pasted into docs/performance.md: build/performance.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import layers
import papers
import scaling
from engine import Engine, Layers, first_table, ratio_notes, ratio_table
from papers import Line
from roofline import Roof
from scaling import Point

PARTS = {"slices": "one slice of 3D-GMIC", "patches": "one patch", "image": "one mammogram of GMIC"}
"""Name of rows in :class:`engine.Layers` -> what they are of."""


@dataclass(frozen=True)
class Full:
    """What only the full run measures and counts."""

    layers: Layers
    points: list[Point]
    table_3d: list[Line]
    table_2d: list[Line]


def document(machine: dict[str, str], table: str, engine: Engine | None, full: Full | None) -> str:
    """Return everything that was measured, in the order of docs/performance.md.

    Parameters
    ----------
    table : of :data:`__main__.ROWS`, Markdown.
    """
    parts = ["## Last run", "\n".join(f"- {label}: {text}" for label, text in machine.items()), table]
    if engine is not None:
        parts += ["## Against the frozen baseline", ratio_table(engine), ratio_notes(engine)]
        parts += ["## To the first map", first_table(engine.first)]
    if full is not None:
        parts += ["## Layers of the baseline", *_layer_parts(full.layers)]
        parts += ["## Roofline", roof_lines(full.layers)]
        parts += ["## Scaling", scaling.markdown(full.points)]
        parts += ["## The 3D-GMIC paper's Table I", papers.markdown_3d(full.table_3d)]
        parts += ["## The GMIC paper's Table 1", papers.markdown_2d(full.table_2d)]
    return "\n\n".join(parts) + "\n"


def _layer_parts(found: Layers) -> Sequence[str]:
    """Return a table of the stages of each part, and one of all layers of a slice."""
    parts = []
    for name, what in PARTS.items():
        stages = layers.stage_table(found.rows[name], found.roof, found.passes[name])
        parts += [f"Of {what} (measured on {found.passes[name]}):", stages]
    each = layers.table(found.rows["slices"], found.roof, found.passes["slices"])
    return [*parts, "Every layer of a slice:", each]


def roof_lines(found: Layers) -> str:
    """Return what the machine allows at most, as a table: as the baseline works, and if nothing but sums took time."""
    lines = ["| | baseline ms | floor, layer by layer ms | floor, operations alone ms |", "|---|---:|---:|---:|"]
    for name, what in PARTS.items():
        rows, passes = found.rows[name], found.passes[name]
        sums = layers.total(rows)
        by_layer = layers.floor_of(rows, found.roof)
        alone = sums.macs / found.roof.macs_per_s
        cells = (f"{seconds / passes * 1e3:.1f}" for seconds in (sums.seconds, by_layer, alone))
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join([bounds(found.roof), "", *lines])


def bounds(roof: Roof) -> str:
    """Return the bounds in words."""
    return (
        f"A matrix product of 2048 computes {roof.macs_per_s / 1e9:.1f} GMAC/s, a copy reads and writes "
        f"{roof.bytes_per_s / 1e9:.1f} GB/s, both the best of the run."
    )
