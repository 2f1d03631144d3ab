"""Time of every layer of the frozen baseline and of the product, and of the machine's bounds in the same minute."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from eager import SLICES_PER_BATCH, EagerGmic
from layers import Row, of_module
from product_rows import Product
from roofline import measure_roof, merged

SLICE, IMAGE, PATCHES = (2116, 1339), (2944, 1920), 12


def main() -> None:
    """Measure and write the rows."""
    parser = argparse.ArgumentParser(description="measure the layers of the baseline")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    roofs = [measure_roof()]
    three, two = EagerGmic(True, 1.5, PATCHES).eval(), EagerGmic(False, 0.02, 6).eval()
    volume, image = torch.randn(SLICES_PER_BATCH, 1, *SLICE), torch.randn(1, 1, *IMAGE)
    patches = torch.randn(PATCHES, 256, 256)
    rows = {
        "slices": _rows(three, lambda: three.global_pass(volume), args.repeats),
        "patches": _rows(three, lambda: three.local(patches), args.repeats),
        "image": _rows(two, lambda: two.global_pass(image), args.repeats),
    }
    rows |= {
        "product slices": Product("gmic3d", args.repeats).global_rows(volume[:1]),
        "product patches": Product("gmic3d", args.repeats).local_rows(patches[:1]),
        "product image": Product("gmic2d", args.repeats).global_rows(image),
    }
    roof = merged(*roofs, measure_roof())
    sizes = dict.fromkeys(rows, 1) | {"slices": SLICES_PER_BATCH, "patches": PATCHES}
    found = {name: [asdict(row) for row in each] for name, each in rows.items()}
    args.out.write_text(json.dumps({"roof": asdict(roof), "passes": sizes, **found}), encoding="utf-8")


def _rows(model: EagerGmic, call: Callable[[], object], repeats: int) -> list[Row]:
    return of_module(model, call, stage_of, repeats)


def stage_of(name: str) -> str:
    """Return the stage of a module of the baseline."""
    parts = name.split(".")
    if parts[0] == "ds_net":
        return f"global stage {int(parts[2]) + 1}" if parts[1] == "layer_list" else _ends_of_global(parts[1])
    if parts[0] == "dn_resnet":
        return f"local stage {parts[1].removeprefix('layer')}" if parts[1].startswith("layer") else "local first layers"
    return "class map" if parts[0] == "left_postprocess_net" else "attention and classifier"


def _ends_of_global(part: str) -> str:
    return "global first layers" if part.startswith("first") else "global last norm"


if __name__ == "__main__":
    main()
