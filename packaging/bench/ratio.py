"""How long the product takes, measured in turn with the frozen baseline on the same decoded pixels, in one process.

The product starts from decoded frames and does all that it does for a reader: finds the breast, cuts and standardises
the windows, runs the networks, makes the result. The baseline starts from windows that are cut already. So the ratio
does not flatter the product. Runs alternate and change their order from pair to pair, so that a machine that becomes
slower meanwhile slows both; the ratio is the median over the pairs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from counting import GIGA, count_inference, empty, on_meta
from eager import EagerGmic, EagerResult, check_same
from in_memory import Decoded, decode
from roofline import measure_roof, merged

from gmic_core.inference.engine import Run, run_image
from gmic_core.inference.events import Event, ImageStarted
from gmic_core.inference.network import LoadedNetwork, load_network
from gmic_core.types import ImageResult

WEIGHTS = "random:0"  # the time does not depend on what the weights are
WARM_SLICES = 4


@dataclass(frozen=True)
class Ratio:
    """What was measured of one network.

    Attributes
    ----------
    eager_s, product_s : medians.
    ratio, ratios : the product's time from cut windows to the result, which is all that the baseline does, to the
        baseline's: median of the pairs, and of each pair.
    whole_ratio : the same with all that the product does before, median of the pairs.
    before_s : of the product's seconds, those until its network begins (breast, windows, mean and deviation).
    gmac : multiply-accumulates of the whole, in units of 10**9.
    eager_gmac_s, product_gmac_s, network_gmac_s : per second: of the baseline, of the whole of the product, and of the
        product without ``before_s``.
    matmul_gmac_s, memory_gb_s : of a matrix product and a copy, before and after the runs, the better one.
    saliency_apart, scores_apart : largest differences between both results.
    """

    slices: int
    threads: int
    eager_s: float
    product_s: float
    ratio: float
    ratios: tuple[float, ...]
    whole_ratio: float
    before_s: float
    gmac: float
    eager_gmac_s: float
    product_gmac_s: float
    network_gmac_s: float
    matmul_gmac_s: float
    memory_gb_s: float
    saliency_apart: float
    scores_apart: float


@dataclass(frozen=True)
class Timed:
    """One run of the product: its result, its seconds, and those until the network began."""

    result: ImageResult
    seconds: float
    before: float


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description="measure a network against the frozen baseline")
    parser.add_argument("path", type=Path)
    parser.add_argument("--model", choices=("gmic2d", "gmic3d"), required=True)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--budget", type=float, default=90.0, help="seconds after which no other pair begins")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    loaded = load_network(args.model, WEIGHTS, "cpu")
    found = measure(decode(args.path), loaded, pairs=args.pairs, budget_s=args.budget)
    args.out.write_text(json.dumps(asdict(found)), encoding="utf-8")


def measure(decoded: Decoded, loaded: LoadedNetwork, *, pairs: int, budget_s: float) -> Ratio:
    """Measure one network in up to ``pairs`` pairs, of which none begins after ``budget_s`` but the first.

    Raises
    ------
    ValueError
        If both do not find the same.
    """
    eager = same_network(loaded)
    windows = decoded.windows(loaded.network.spec)
    warm = min(WARM_SLICES, len(windows))
    eager.run(windows[:warm])
    run_product(decoded.first(warm), loaded)
    roofs = [measure_roof()]
    product: list[Timed] = []
    plain: list[tuple[EagerResult, float]] = []
    steps: list[Callable[[], None]] = [
        lambda: plain.append(run_eager(eager, windows)),
        lambda: product.append(run_product(decoded, loaded)),
    ]
    end = time.monotonic() + budget_s
    while not plain or (len(plain) < pairs and time.monotonic() < end):
        for step in steps:
            step()
        steps.reverse()
    roofs.append(measure_roof())
    result = product[0].result
    apart = check_same(plain[0][0], result.saliency, (result.y, result.y_global, result.y_local))
    pairs_of = [(ours, theirs) for ours, (_, theirs) in zip(product, plain, strict=True)]
    ratios = tuple((ours.seconds - ours.before) / theirs for ours, theirs in pairs_of)
    whole = statistics.median(ours.seconds / theirs for ours, theirs in pairs_of)
    macs, roof = macs_of_run(eager, windows.shape, len(result.rois)), merged(*roofs)
    eager_s, product_s = statistics.median(s for _, s in plain), statistics.median(run.seconds for run in product)
    before = statistics.median(run.before for run in product)
    return Ratio(
        len(windows), torch.get_num_threads(), eager_s, product_s, statistics.median(ratios), ratios, whole, before,
        macs / GIGA, macs / eager_s / GIGA, macs / product_s / GIGA, macs / (product_s - before) / GIGA,
        roof.macs_per_s / GIGA, roof.bytes_per_s / GIGA, apart.saliency, apart.scores,
    )  # fmt: skip


def same_network(loaded: LoadedNetwork) -> EagerGmic:
    """Return the baseline with the weights of the product's network."""
    network = loaded.network
    eager = EagerGmic(network.spec.is_3d, network.hyper.top_t, network.hyper.num_patches, network.zeta)
    eager.load_state_dict(network.state_dict())
    return eager.eval()


def run_eager(eager: EagerGmic, windows: npt.NDArray[np.uint16]) -> tuple[EagerResult, float]:
    """Run the baseline once; return what it found and the seconds."""
    start = time.perf_counter()
    found = eager.run(windows)
    return found, time.perf_counter() - start


def run_product(decoded: Decoded, loaded: LoadedNetwork) -> Timed:
    """Run the product's engine once on decoded frames."""
    began: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, ImageStarted):
            began.append(time.perf_counter())

    start = time.perf_counter()
    result = run_image(decoded.image, loaded, decoded, Run(on_event=listen))
    return Timed(result, time.perf_counter() - start, began[0] - start)


def macs_of_run(eager: EagerGmic, shape: tuple[int, ...], patches: int) -> int:
    """Return the multiply-accumulates of windows (slices, rows, columns) and so many patches."""
    counter = on_meta(lambda: EagerGmic(eager.three_d, eager.top_t, eager.patches))
    each = count_inference(counter, empty(1, 1, *shape[1:]), call=counter.global_pass).macs
    local = count_inference(counter, empty(patches, 256, 256), call=counter.local).macs if patches else 0
    return shape[0] * each + local


if __name__ == "__main__":
    main()
