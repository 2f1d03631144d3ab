"""The networks measured without files: against the frozen baseline, up to the first map, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from layers import Row
from measure import run_script
from roofline import Roof
from volumes import Volumes

Figures = dict[str, Any]
RATIO_TARGETS = {"3D-GMIC, 24 slices": 0.5, "GMIC, one mammogram": 0.6}


@dataclass(frozen=True)
class Engine:
    """What ``ratio.py`` says of both networks, and ``first_map.py``; their dataclasses as dictionaries."""

    ratio_3d: Figures
    ratio_2d: Figures
    first: Figures

    def figures(self) -> dict[str, float]:
        """Return what belongs into bench.json."""
        return {
            "gmic3d_24_eager_s": self.ratio_3d["eager_s"],
            "gmic3d_24_ratio_to_eager": self.ratio_3d["ratio"],
            "gmic3d_first_saliency_s": self.first["first_s"],
            "gmic2d_ratio_to_eager": self.ratio_2d["ratio"],
        }


@dataclass(frozen=True)
class Layers:
    """Rows of the layers of baseline and product.

    Attributes
    ----------
    rows : name of what ran -> its rows: "slices", "patches", "image", and each of these with "product" before it.
    passes : how many slices, patches or images the rows were measured on.
    """

    roof: Roof
    rows: dict[str, list[Row]]
    passes: dict[str, int]


def measure_engine(volumes: Volumes, *, full: bool) -> Engine:
    """Measure both networks against the baseline, and the time to the first map."""
    seconds = 240.0 if full else 40.0
    found = {}
    for model, path, pairs in (("gmic3d", volumes.dbt24, 7 if full else 2), ("gmic2d", volumes.ffdm, 9 if full else 3)):
        found[model], _ = run_script(
            "ratio.py", path, "--model", model, "--pairs", pairs, "--budget", seconds, timeout=1800.0
        )
    first, _ = run_script("first_map.py", volumes.dbt96, "--runs", 5 if full else 3, timeout=1800.0)
    return Engine(found["gmic3d"], found["gmic2d"], first)


def measure_layers() -> Layers:
    """Measure every layer of the baseline and of the product."""
    found, _ = run_script("layer_rows.py")
    rows = {name: [Row(**each) for each in found[name]] for name in found["passes"]}
    return Layers(Roof(**found["roof"]), rows, found["passes"])


def measure_gpu(volumes: Volumes) -> dict[str, float]:
    """Measure 70 slices on a CUDA device; nothing where there is none."""
    found, _ = run_script("gpu.py", volumes.dbt70)
    return found


def ratio_table(engine: Engine) -> str:
    """Return product and baseline side by side as Markdown."""
    heads = ("what", "baseline s", "product s", "ratio of the networks", "target", "with all before", "GMAC")
    speeds = ("baseline GMAC/s", "product's network GMAC/s", "matrix product GMAC/s")
    lines = ["| " + " | ".join((*heads, *speeds)) + " |", "|---" + "|---:" * (len(heads) + len(speeds) - 1) + "|"]
    for (name, target), found in zip(RATIO_TARGETS.items(), (engine.ratio_3d, engine.ratio_2d), strict=True):
        pairs = f"{min(found['ratios']):.2f} - {max(found['ratios']):.2f}"
        lines.append(
            f"| {name} | {found['eager_s']:.2f} | {found['product_s']:.2f} | {found['ratio']:.2f} ({pairs}) "
            f"| <= {target:g} | {found['whole_ratio']:.2f} | {found['gmac']:.1f} | {found['eager_gmac_s']:.1f} "
            f"| {found['network_gmac_s']:.1f} | {found['matmul_gmac_s']:.1f} |"
        )
    return "\n".join(lines)


def ratio_notes(engine: Engine) -> str:
    """Return what stands beside the ratios: differences of the results, and the product's time before its network."""
    lines = []
    for name, found in zip(RATIO_TARGETS, (engine.ratio_3d, engine.ratio_2d), strict=True):
        lines.append(
            f"* {name}: {len(found['ratios'])} pairs on {found['threads']} threads; the results differ by at most "
            f"{found['saliency_apart']:.1g} in saliency (beside float16) and {found['scores_apart']:.1g} in the scores."
            f" Of the product's time {found['before_s']:.2f} s pass before its network begins; without them it makes "
            f"{found['network_gmac_s']:.1f} GMAC/s. Copying memory: {found['memory_gb_s']:.1f} GB/s."
        )
    return "\n".join(lines)


STAGE_NAMES = {
    "reading": "first pass over the slices: maximum projection",
    "before measuring": "finding the breast and laying the window",
    "measuring": "second pass: windows, mean and deviation",
}
"""What the stages that the worker tells are in words; others are named as the worker names them."""


def first_table(found: Figures) -> str:
    """Return what passes before the first map as Markdown."""
    lines = [f"| to the first map of {found['slices']} slices | s |", "|---|---:|"]
    lines += [f"| {STAGE_NAMES.get(name, name)} | {seconds:.2f} |" for name, seconds in found["stages"]]
    lines.append(f"| network on the first slices, and the way to the window | {found['network_s']:.2f} |")
    lines.append(f"| **together, slices decoded** (target <= 1.5 s) | **{found['first_s']:.2f}** |")
    lines.append(f"| decoding all slices from JPEG-LS, alone | {found['decode_s']:.2f} |")
    return "\n".join(lines)
