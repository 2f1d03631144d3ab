"""Seconds from a question to its answers: all figures of a class beside the image, then misses and false positives.

70 slices of 2457x1996 with a map of 2 x 154 x 125 cells of noise, a cell for each 16 pixels, and two labels with three
lesions in memory. The modules that compare are imported before; maps and lesions are new in each run.
"""

from __future__ import annotations

import argparse
import json
import queue
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

import gmic_core.comparison.one_image  # noqa: F401  # imported before the clock runs
from gmic_core.comparison.classes import ClassMap, Subject
from gmic_core.types import Finding, ImageResult, Modality, Provenance, Roi
from viewer.model.annotation.label_map import LabelMap
from viewer.model.measuring import Basis, Question
from viewer.services.measuring import Measurer, Told

SHAPE = (70, 2457, 1996)
CELLS = (154, 125)
LESIONS = ((20, 600, 700, 160, 1), (40, 1500, 900, 120, 2), (55, 2000, 400, 60, 1))
"""Slice, row and column of the middle, radius in pixels, label."""
PATIENCE_S = 120.0


def main() -> None:
    """Measure and write the figures: the best of the runs."""
    parser = argparse.ArgumentParser(description="measure how long measuring takes")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    labels, result = LabelMap.of(_labels()), _result()
    times = [_answered(labels, replace(result, sop_uid=f"1.2.{k}")) for k in range(args.runs)]
    first, last = (min(each) for each in zip(*times, strict=True))
    args.out.write_text(json.dumps({"compare_figures_s": first, "compare_misses_s": last}), encoding="utf-8")


def _answered(labels: LabelMap, result: ImageResult) -> tuple[float, float]:
    """Return seconds until the figures are there, and until the misses are too."""
    told: queue.SimpleQueue[tuple[str, float]] = queue.SimpleQueue()

    def note(name: str) -> None:
        told.put((name, time.perf_counter()))

    measurer = Measurer(
        lambda call: call(),
        Told(
            figures=lambda _: note("figures"), misses=lambda _: note("misses"), problem=lambda _, text: note(text),
            progress=lambda *_: None, done=lambda _: None,
        ),
    )  # fmt: skip
    classes = ClassMap({1: Finding.MALIGNANT, 2: Finding.BENIGN}, None)
    basis = Basis(result.sop_uid, labels, labels.revision, result, classes)
    start = time.perf_counter()
    measurer.ask(Question(basis, Subject(Finding.MALIGNANT), 0.7))
    answers = dict(told.get(timeout=PATIENCE_S) for _ in range(2))
    measurer.close()
    return answers["figures"] - start, answers["misses"] - start


def _labels() -> npt.NDArray[np.uint8]:
    labels = np.zeros(SHAPE, np.uint8)
    rows, columns = np.ogrid[: SHAPE[1], : SHAPE[2]]
    for middle, row, column, radius, label in LESIONS:
        for k in range(SHAPE[0]):
            inside = radius**2 - ((k - middle) * 12) ** 2
            if inside > 0:
                labels[k][(rows - row) ** 2 + (columns - column) ** 2 < inside] = label
    return labels


def _result() -> ImageResult:
    rng = np.random.default_rng(0)
    saliency = (rng.random((SHAPE[0], 2, *CELLS)) ** 3).astype(np.float16)
    down, right = SHAPE[1] / CELLS[0], SHAPE[2] / CELLS[1]
    to_stored = np.array([[down, 0, down / 2 - 0.5], [0, right, right / 2 - 0.5], [0, 0, 1]])
    patches = tuple(Roi(9 * k, 300 * k, 200 * k, 300 * k + 256, 200 * k + 256, 1 / 6) for k in range(6))
    source = Provenance("gmic3d", "noise", "", True, "", "", "float32", "cpu", 0.0, "", "")
    return ImageResult(
        "1.2", Modality.DBT, None, "CC", (0.5, 0.5), (0.5, 0.5), (0.5, 0.5), patches, saliency, to_stored,
        np.eye(3), SHAPE[1:], saliency.max(axis=(2, 3)).astype(np.float32), 0.0, source,
    )  # fmt: skip


if __name__ == "__main__":
    main()
