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
        parts += ["## Layers of the product", *_layer_parts(full.layers, "product ")]
        parts += ["## Roofline", roof_lines(full.layers)]
        parts += ["## Scaling", scaling.markdown(full.points)]
        parts += ["## The 3D-GMIC paper's Table I", papers.markdown_3d(full.table_3d)]
        parts += ["## The GMIC paper's Table 1", papers.markdown_2d(full.table_2d)]
    return "\n\n".join(parts) + "\n"


def _layer_parts(found: Layers, whose: str = "") -> Sequence[str]:
    """Return a table of the stages of each part, and one of all layers of a slice."""
    parts = []
    for name, what in PARTS.items():
        key = whose + name
        stages = layers.stage_table(found.rows[key], found.roof, found.passes[key])
        parts += [f"Of {what} (measured on {found.passes[key]}):", stages]
    each = layers.table(found.rows[whose + "slices"], found.roof, found.passes[whose + "slices"])
    return [*parts, "Every layer of a slice:", each]


def roof_lines(found: Layers) -> str:
    """Return what the machine allows at most, as a table: as the baseline works, and if nothing but sums took time."""
    heads = ("ms", "baseline", "product", "floor of the baseline's layers", "of the product's", "operations alone")
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|---:" * (len(heads) - 1) + "|"]
    for name, what in PARTS.items():
        rows, passes = found.rows[name], found.passes[name]
        ours, theirs = layers.total(found.rows["product " + name]), layers.total(rows)
        seconds = (
            theirs.seconds / passes,
            ours.seconds / found.passes["product " + name],
            layers.floor_of(rows, found.roof) / passes,
            layers.floor_of(found.rows["product " + name], found.roof) / found.passes["product " + name],
            theirs.macs / found.roof.macs_per_s / passes,
        )
        cells = (f"{each * 1e3:.1f}" for each in seconds)
        lines.append(f"| {what} | {' | '.join(cells)} |")
    return "\n".join([bounds(found.roof), "", *lines])


def bounds(roof: Roof) -> str:
    """Return the bounds in words."""
    return (
        f"A matrix product of 2048 computes {roof.macs_per_s / 1e9:.1f} GMAC/s, a copy reads and writes "
        f"{roof.bytes_per_s / 1e9:.1f} GB/s, both the best of the run."
    )
