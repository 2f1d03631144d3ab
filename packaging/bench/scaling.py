"""How time and memory of 3D-GMIC grow with the slices of a volume, on one and two threads; each run a process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from measure import GIB, run_script
from volumes import part

SLICES = (8, 16, 24, 48, 96)
THREADS = (1, 2)


@dataclass(frozen=True)
class Point:
    """One run.

    Attributes
    ----------
    seconds : of reading, decoding and the networks; not of starting Python and loading weights.
    peak_rss_gib : of the process and the decoder that it started, everything included.
    """

    slices: int
    threads: int
    seconds: float
    peak_rss_gib: float


def measure_scaling(dbt96: Path) -> list[Point]:
    """Run every size with every number of threads once."""
    points = []
    for slices in SLICES:
        path = part(dbt96, slices)
        for threads in THREADS:
            found, run = run_script("scaling_one.py", path, "--threads", threads)
            points.append(Point(slices, threads, found["seconds"], run.peak_rss / GIB))
    return points


def markdown(points: list[Point]) -> str:
    """Return the points as a table: seconds per slice and peak memory for each number of slices and threads."""
    lines = ["| slices | threads | s | s per slice | peak memory GiB |", "|---:|---:|---:|---:|---:|"]
    lines += [
        f"| {p.slices} | {p.threads} | {p.seconds:.1f} | {p.seconds / p.slices:.2f} | {p.peak_rss_gib:.2f} |"
        for p in sorted(points, key=lambda p: (p.threads, p.slices))
    ]
    return "\n".join(lines)
