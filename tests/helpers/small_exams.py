"""Small simulated breasts that are made in seconds: half of a small field of view, 20 mm thick."""

from __future__ import annotations

from dataclasses import replace

from gmic_core.phantom.spec import ExamSpec, Plate, make_exam_spec

SMALL_PLATE = Plate("half", (416, 320), (307, 236), 4)
"""116 x 90 mm at 0.28 and 0.38 mm per pixel."""


def small_exam(seed: int = 4, findings: tuple[str, ...] = ("malignant-mass",)) -> ExamSpec:
    """Return an exam; the findings of seeds 1, 2, 4, 6 and 8 are in the right breast."""
    drawn = make_exam_spec(seed, "b", findings, 20, "small")
    right, left = (replace(one, plate=SMALL_PLATE) for one in drawn.breasts)
    return replace(drawn, breasts=(right, left))
