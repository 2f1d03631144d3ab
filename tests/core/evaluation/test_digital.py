"""Digital breasts made, scored and forgotten: what they are, and that they go on where they stopped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gmic_core.errors import CancelledError, EvaluationError
from gmic_core.evaluation.digital import (
    ArrayReader,
    DigitalOptions,
    description,
    evaluate_breasts,
    parse_seeds,
    plan_unseen,
)
from gmic_core.evaluation.networks import NetworkPredictor
from gmic_core.evaluation.records import Records
from gmic_core.exam.model import MammoImage, PixelFormat, PixelSource
from gmic_core.training.data.cropping import LabelledImage
from gmic_core.training.data.digital import BreastOptions, BreastPlan, SimulatedBreast
from gmic_core.training.data.store import StoredFinding
from gmic_core.types import Laterality, Modality
from tests.helpers.breasts import breast
from tests.helpers.networks import small_network


def test_a_third_each_malignant_benign_and_normal() -> None:
    plans = [plan_unseen(seed, DigitalOptions()) for seed in range(3_000_000, 3_000_120)]
    groups = Counter(
        "malignant" if any(k.startswith("malignant") for k in plan.kinds) else "benign" if plan.kinds else "normal"
        for plan in plans
    )
    assert groups == {"malignant": 40, "benign": 40, "normal": 40}
    assert {plan.views for plan in plans} == {("CC",), ("MLO",)}
    assert {plan.side for plan in plans} == {0, 1}
    assert all(30 <= plan.thickness_mm <= 85 for plan in plans)
    assert plans == [plan_unseen(seed, DigitalOptions()) for seed in range(3_000_000, 3_000_120)]
    both = plan_unseen(3_000_000, DigitalOptions(size="small", views="both"))
    assert both.views == ("CC", "MLO")


def test_small_breasts_have_no_calcifications() -> None:
    kinds = {k for seed in range(3_000_000, 3_000_200) for k in plan_unseen(seed, DigitalOptions(size="small")).kinds}
    assert "malignant-mass" in kinds
    assert not [kind for kind in kinds if "calcification" in kind or "vascular" in kind]


def test_seeds_that_networks_have_seen_are_refused() -> None:
    assert parse_seeds("3000000:120") == range(3_000_000, 3_000_120)
    assert parse_seeds("7") == range(7, 8)
    for text in ("1000000:5", "2999990:20"):
        with pytest.raises(EvaluationError, match="networks have seen these breasts"):
            parse_seeds(text)
    for text in ("x", "5:0", "5:-1", "-3:2", "1:2:3"):
        with pytest.raises(EvaluationError, match="names no seeds"):
            parse_seeds(text)


def test_options_out_of_range_are_refused() -> None:
    with pytest.raises(EvaluationError, match="Modalities are DBT, FFDM and S2D, not CT"):
        DigitalOptions(modalities=("CT",))
    with pytest.raises(EvaluationError, match="20 to 100 mm"):
        DigitalOptions(thickness_mm=(60, 40))
    told = description(range(3_000_000, 3_000_010), DigitalOptions())
    assert (told["seeds"], told["split"], told["size"]) == ([3_000_000, 10], "test", "full")


class Simulator:
    """Makes breasts of 520x400 pixels with one square finding; counts, and stops after some."""

    def __init__(self, stop_after: int = 99) -> None:
        self.made, self.stop_after = 0, stop_after

    def __call__(self, plan: BreastPlan, options: BreastOptions) -> SimulatedBreast:
        if self.made == self.stop_after:
            raise CancelledError("stopped")
        self.made += 1
        findings = tuple(StoredFinding(n, k, k.startswith("malignant")) for n, k in enumerate(plan.kinds, start=1))
        return SimulatedBreast("b", findings, self._images(plan, options, bool(findings)))

    def _images(self, plan: BreastPlan, options: BreastOptions, found: bool) -> Iterator[LabelledImage]:
        for view in plan.views:
            pixels = breast(520, 400, seed=plan.seed % 1000)[None]
            labels = np.zeros(pixels.shape, np.uint8)
            if found:
                labels[0, 200:240, 100:150] = 1
            for name in options.modalities:
                header = MammoImage(
                    sop_uid="", modality=Modality(name), laterality=Laterality.L, view=view, frames=1, rows=520,
                    columns=400, source=PixelSource("dicom", ()), pixel=PixelFormat(16, 12), spacing_mm=(0.1, 0.1),
                )  # fmt: skip
                yield LabelledImage(header, pixels, labels, {1: (0, 0)} if found else {})


def test_a_stopped_evaluation_goes_on_where_it_stood(tmp_path: Path) -> None:
    loaded = small_network("gmic2d_park")
    predictor = NetworkPredictor({"gmic2d_park": [loaded]}, ArrayReader(np.zeros((1, 1, 1)), 1))
    options, models = DigitalOptions(modalities=("S2D",)), {Modality.S2D: "gmic2d_park"}
    seeds = range(3_000_000, 3_000_003)
    told: list[tuple[int, bool]] = []

    def go(simulator: Simulator) -> list[object]:
        records = Records(tmp_path)
        return list(
            evaluate_breasts(
                seeds, options, predictor, models, records, lambda s, k: told.append((s, k)), simulator=simulator
            )[0]
        )

    with pytest.raises(CancelledError):
        go(Simulator(stop_after=2))
    assert told == [(3_000_000, False), (3_000_001, False)]
    second = Simulator()
    whole = go(second)
    assert second.made == 1
    assert told[2:] == [(3_000_000, True), (3_000_001, True), (3_000_002, False)]
    untouched = Simulator()
    assert repr(go(untouched)) == repr(whole)  # what is read back equals what was computed
    assert untouched.made == 0
    labels = {one.score.labels for one in whole}  # type: ignore[attr-defined]
    assert (False, False) in labels
    assert len(labels) == 3
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 40_000  # no pixels are kept
    other = NetworkPredictor({"gmic2d_park": [small_network("gmic2d_park", 1)]}, ArrayReader(np.zeros((1, 1, 1)), 1))
    again = Simulator(stop_after=0)
    with pytest.raises(CancelledError):  # other weights: nothing that is kept counts
        list(evaluate_breasts(seeds, options, other, models, Records(tmp_path), lambda *_: None, simulator=again))


def test_slices_that_are_made_one_by_one_are_made_once() -> None:
    class Lazy:
        asked = 0

        def __getitem__(self, k: int, /) -> np.ndarray:
            self.asked += 1
            return np.full((2, 2), k)

    lazy = Lazy()
    reader = ArrayReader(lazy, 3)
    image = plan_image()
    assert reader.read(image, 2)[0, 0] == 2
    assert reader.submit(image, 1).result()[0, 0] == 1
    assert lazy.asked == 3


def plan_image() -> MammoImage:
    return MammoImage(
        sop_uid="1", modality=Modality.DBT, laterality=Laterality.L, view="CC", frames=3, rows=2, columns=2,
        source=PixelSource("dicom", ()), pixel=PixelFormat(),
    )  # fmt: skip
