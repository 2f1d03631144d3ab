"""70 slices through 3D-GMIC on a CUDA device in fast mode: from pixels that are there, from the host, and its memory.

Nothing is measured where there is no such device.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from in_memory import decode
from torch import Tensor

from gmic_core.inference.execution.upload import Uploader, on_device
from gmic_core.inference.network import LoadedNetwork, load_network
from gmic_core.models.gmic_blocks import crop_patch
from gmic_core.preprocessing import Moments

WEIGHTS = "random:0"
WARM, RUNS = 3, 10


def main() -> None:
    """Measure and write the figures; none without a CUDA device."""
    parser = argparse.ArgumentParser(description="measure 3D-GMIC on a CUDA device")
    parser.add_argument("path", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    found: dict[str, float] = {}
    if torch.cuda.is_available():
        loaded = load_network("gmic3d", WEIGHTS, "cuda", "fast")
        found = measure(loaded, decode(args.path).windows(loaded.network.spec))
    args.out.write_text(json.dumps(found), encoding="utf-8")


def measure(loaded: LoadedNetwork, windows: npt.NDArray[np.uint16]) -> dict[str, float]:
    """Return milliseconds of both ways and the device's peak memory in GiB.

    Parameters
    ----------
    windows : stored values (slices, rows, columns), facing right.
    """
    moments = Moments().plus(windows)
    found = {"gmic3d_70_device_ms": _from_device_ms(loaded, torch.from_numpy(windows).to(loaded.device), moments)}
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    found["gmic3d_70_host_ms"] = _median_ms(lambda: from_host(loaded, windows, moments))
    found["gmic3d_70_gpu_peak_gib"] = torch.cuda.max_memory_allocated() / 2**30
    return found


def _from_device_ms(loaded: LoadedNetwork, raw: Tensor, moments: Moments) -> float:
    return _median_ms(lambda: from_device(loaded, raw, moments))


def from_device(loaded: LoadedNetwork, raw: Tensor, moments: Moments) -> tuple[float, float]:
    """Return the scores (benign, malignant) of a volume whose stored values are on the device."""
    size = loaded.executor.largest_batch
    return _scores(loaded, (on_device(part, moments)[:, None] for part in raw.split(size)), moments, raw)


def from_host(loaded: LoadedNetwork, windows: npt.NDArray[np.uint16], moments: Moments) -> tuple[float, float]:
    """Return the scores (benign, malignant) of a volume whose stored values are in this computer's memory."""
    size, upload = loaded.executor.largest_batch, Uploader(loaded.device, [moments])
    starts = range(0, len(windows), size)
    batches = (next(upload.standardised([(cut,) for cut in windows[at : at + size]])) for at in starts)
    return _scores(loaded, batches, moments, torch.from_numpy(windows))


def _scores(loaded: LoadedNetwork, batches: Iterable[Tensor], moments: Moments, raw: Tensor) -> tuple[float, float]:
    network = loaded.network
    with torch.inference_mode():
        passes = [loaded.executor.global_pass(x) for x in batches]
        saliency = torch.cat([part.saliency for part in passes])
        vector = torch.cat([part.vector for part in passes]).amax(dim=0, keepdim=True)
        y_global = network.global_score(saliency)
        chosen = network.select(saliency, (raw.shape[1], raw.shape[2]))
        planes = {k: on_device(raw[k].to(loaded.device), moments) for k in set(chosen.slices.tolist())}
        corners = zip(chosen.slices.tolist(), chosen.corners.tolist(), strict=True)
        cuts = [crop_patch(planes[k], (row, column), network.spec.patch_size) for k, (row, column) in corners]
        local = loaded.executor.local(torch.stack(cuts))
        benign, malignant = network.combine(y_global, local.y_local, vector, local.z)[0].tolist()
    return benign, malignant


def _median_ms(work: Callable[[], object]) -> float:
    for _ in range(WARM):
        work()
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        work()  # ends with numbers on the host: nothing is under way any more
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1e3


if __name__ == "__main__":
    main()
