"""How far the fast mode is from the exact one, over simulated and real images, with the shipped weights.

    python packaging/bench/modes.py --simulated 48 --out build/modes.json IMAGES...

On a CUDA device the fast mode itself is run; elsewhere float16 and bfloat16 are rounded as it rounds
(gmic_core.inference.execution.rounding). Prints for each kind of rounding the largest difference of a probability, and
how many images changed their patches.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import torch

from gmic_core.errors import GmicError
from gmic_core.evaluation.digital import ArrayReader, DigitalOptions, plan_unseen
from gmic_core.evaluation.simulated_slices import simulate_slices
from gmic_core.exam.frames import FrameReader
from gmic_core.exam.model import MammoImage
from gmic_core.exam.scan import scan
from gmic_core.inference.choice import refusal
from gmic_core.inference.engine import Run, run_image
from gmic_core.inference.execution.rounding import RoundingExecutor
from gmic_core.inference.network import LoadedNetwork, load_network
from gmic_core.inference.reader import Reader
from gmic_core.models.registry import get_spec
from gmic_core.training.data.digital import BreastOptions
from gmic_core.training.data.seeds import TEST
from gmic_core.types import ImageResult, Modality

WEIGHTS = {"gmic3d": "digital-breast-3d-1", "gmic2d_park": "digital-breast-2d-1"}
SLICES = 8
ALLOWED = 0.01


@dataclass(frozen=True)
class Compared:
    """One image under one kind of rounding: largest difference of a probability, and whether its patches changed."""

    kind: str
    name: str
    difference: float
    moved: bool


def main() -> int:
    """Judge; return 1 where the fast mode is too far off."""
    parser = argparse.ArgumentParser(description="judge the fast mode")
    parser.add_argument("images", nargs="*", type=Path, help="files or folders of real images")
    parser.add_argument("--simulated", type=int, default=48, help="short volumes of unseen digital breasts")
    parser.add_argument("--out", type=Path, default=Path("build/modes.json"))
    args = parser.parse_args()
    networks = {model: variants(model, ref) for model, ref in WEIGHTS.items()}
    found: list[Compared] = []
    for image, reader in chain(real(args.images), simulated(args.simulated)):
        model = "gmic3d" if image.modality is Modality.DBT else "gmic2d_park"
        kinds = networks[model]
        try:
            run = Run(orientation_confirmed=True)
            results = [run_image(image, one, reader, run) for one in kinds.values()]
        except GmicError as error:
            print(f"left out: {image.label} {image.modality}: {error}")
            continue
        found += compared(list(kinds)[1:], results)
        for one in found[1 - len(kinds) :]:
            moved = "patches changed" if one.moved else ""
            print(f"{len(found) // (len(kinds) - 1):4d} {one.kind:<9} {image.modality:<5} {one.difference:.5f} {moved}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps([vars(one) for one in found], indent=1) + "\n", encoding="utf-8")
    return report(found)


def variants(model: str, ref: str) -> dict[str, LoadedNetwork]:
    """Return the exact network first, then each fast one."""
    exact = load_network(model, ref, "cpu", "exact")
    if torch.cuda.is_available():
        return {"exact": exact, "fast": load_network(model, ref, "cuda", "fast")}
    found = {"exact": exact}
    for name, dtype in (("float16", torch.float16), ("bfloat16", torch.bfloat16)):
        found[name] = replace(exact, device_label=name, given=RoundingExecutor(exact.network, dtype))
    return found


def simulated(count: int) -> Iterator[tuple[MammoImage, Reader]]:
    """Yield short volumes of breasts that no network has seen."""
    options = DigitalOptions(slices=SLICES)
    for seed in range(TEST.start, TEST.start + count):
        breast = simulate_slices(plan_unseen(seed, options), BreastOptions(modalities=("DBT",)), SLICES)
        for labelled in breast.images:
            yield labelled.image, ArrayReader(labelled.frames, labelled.image.frames)


def real(paths: Sequence[Path]) -> Iterator[tuple[MammoImage, Reader]]:
    """Yield the images in some folders that the 2D network takes (as FFDM where they are of unstated origin)."""
    if not paths:
        return
    with FrameReader() as reader:
        for exam in scan(paths).exams:
            for image in exam.images:
                view = replace(image, modality=Modality.FFDM) if image.modality is Modality.MG else image
                if refusal(view, get_spec("gmic2d_park")) is None:
                    yield view, reader


def compared(kinds: Sequence[str], results: Sequence[ImageResult]) -> list[Compared]:
    """Compare every result with the first, exact one."""
    exact = results[0]
    boxes = [(roi.slice_index, roi.row0, roi.col0) for roi in exact.rois]
    return [
        Compared(
            kind,
            exact.sop_uid[-12:],
            max(abs(a - b) for a, b in zip(exact.y, one.y, strict=True)),
            boxes != [(roi.slice_index, roi.row0, roi.col0) for roi in one.rois],
        )
        for kind, one in zip(kinds, results[1:], strict=True)
    ]


def report(found: Sequence[Compared]) -> int:
    """Print a table; return 1 where what the fast mode computes in is too far off."""
    print("\n| rounding | images | largest difference | mean | beyond 0.01 | patches changed |")
    print("|---|---:|---:|---:|---:|---:|")
    worst: dict[str, float] = {}
    for kind in dict.fromkeys(one.kind for one in found):
        those = [one for one in found if one.kind == kind]
        worst[kind] = max(one.difference for one in those)
        mean = sum(one.difference for one in those) / len(those)
        beyond, moved = sum(one.difference > ALLOWED for one in those), sum(one.moved for one in those)
        print(f"| {kind} | {len(those)} | {worst[kind]:.4f} | {mean:.4f} | {beyond} | {moved} |")
    return int(worst.get("fast", worst.get("float16", 0.0)) > ALLOWED)


if __name__ == "__main__":
    raise SystemExit(main())
