"""``gmic-core compare``: saliency against segmentations, image by image, with tables and a report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from gmic_core.errors import SegmentationError

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.comparison.batch import Batch, Options
    from gmic_core.comparison.sources import Pairing
    from gmic_core.comparison.tables import Detection, Mean

DEFAULT_OUT = Path("gmic-comparison")
DESCRIPTION = (
    "Compare saliency with segmentations: soft Dice, Dice over thresholds, IoU, PxAP, pixel AUC, pointing hit, patch "
    "coverage, FROC; max-projected as in the 3D-GMIC paper, and on all slices. docs/annotation.md says how."
)


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``compare``."""
    from gmic_core.cli import COMMANDS

    parser = subparsers.add_parser("compare", help=COMMANDS["compare"], description=DESCRIPTION)
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="output of gmic-core predict, or a folder of saliency files")
    add(
        "segmentations", type=Path, metavar="SEGMENTATIONS",
        help="folder of label maps (NIfTI, NRRD, MetaImage, GIPL) or PNG masks, named after their images",
    )  # fmt: skip
    add(
        "--map", type=Path, metavar="FILE", dest="class_map",
        help='which label is which class, as TOML: 1 = "malignant"; default: every label is malignant',
    )  # fmt: skip
    add("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"folder for the tables; default: {DEFAULT_OUT}")
    add(
        "--same-size", action="store_true",
        help="compare pixel by pixel where only the size fits, not the place in space; default: refuse such files",
    )  # fmt: skip
    add("--bootstrap", type=int, default=1000, metavar="N", help="draws for the intervals; default: 1000")
    add("--seed", type=int, default=0, metavar="N", help="seed of the draws; default: 0")
    return parser


def run(args: argparse.Namespace) -> int:
    """Compare; return 0 when at least one image was."""
    from gmic_core.comparison.batch import Options
    from gmic_core.comparison.classes import EVERY_LABEL_MALIGNANT, read_class_map
    from gmic_core.comparison.sources import map_sources, mask_sources, pair
    from gmic_core.inference.export import prepare_folder

    if args.bootstrap < 1:
        raise SegmentationError(f"--bootstrap must be 1 or more, not {args.bootstrap}.")
    prepare_folder(args.out)
    classes = EVERY_LABEL_MALIGNANT if args.class_map is None else read_class_map(args.class_map)
    pairing = pair(map_sources(args.results), mask_sources(args.segmentations))
    batch = _compared(pairing, Options(classes, args.same_size, args.class_map is not None))
    _write(args, batch)
    return 0 if batch.images else 1


def _compared(pairing: Pairing, options: Options) -> Batch:
    from gmic_core.comparison.batch import run as run_batch
    from gmic_core.progress_bar import ProgressBar
    from gmic_core.segmentation.files import SegmentationReader

    with (
        SegmentationReader() as reader,
        ProgressBar(total=len(pairing.pairs), unit="image", file=sys.stderr, leave=False) as bar,
    ):

        def show(done: int, _total: int, image: str) -> None:
            bar.set_description(image[:40])
            bar.update(done - bar.n)

        return run_batch(pairing, options, reader, show)


def _write(args: argparse.Namespace, batch: Batch) -> None:
    from gmic_core.comparison.report import report
    from gmic_core.comparison.tables import detections, means, write

    found = means(batch.images, args.seed, args.bootstrap)
    curves = detections(batch)
    write(args.out, batch, found, curves, report(batch, found, curves, _warnings(args.results), _method(args)))
    _print(args.out, batch, found, curves)


def _warnings(results: Path) -> list[str]:
    """Return what the results folder says of itself: random weights, simulated images."""
    from gmic_core.inference.document import SIMULATED, UNTRAINED

    marks = (("UNTRAINED.txt", UNTRAINED), ("SIMULATED.txt", SIMULATED))
    return [text for name, text in marks if (results / name).is_file()]


def _method(args: argparse.Namespace) -> list[str]:
    classes = "every label is malignant" if args.class_map is None else f"labels as in {args.class_map.name}"
    return [
        f"Classes: {classes}; a file whose name says benign or malignant is of that class.",
        "Saliency is upsampled by nearest neighbour; every pixel of the segmentation counts, those without saliency "
        "as 0. Volumes: maximum of saliency and segmentation along the slices, and all slices apart.",
        "Dice and IoU: the largest over all distinct values of the map as threshold (saliency >= threshold).",
        "Means are over images; all labels of a class on an image count together, and images without one do not count. "
        f"SD: of the sample (n - 1). Intervals: 95 %, {args.bootstrap} bootstrap draws of images, seed {args.seed}.",
        "Pictures: projected saliency, brightest at its maximum; white: lesions; light blue: saliency at or above the "
        "image's best threshold.",
        "Detection: a candidate hits a lesion within half the diagonal of its box or 100 pixels, whichever is larger, "
        "and in volumes within a quarter of the slices.",
    ]


def _print(folder: Path, batch: Batch, found: list[Mean], curves: list[Detection]) -> None:
    from gmic_core.types import CLASSES

    for m in found:
        if m.name in ("dice_soft", "pxap", "dice_soft_3d", "pxap_3d"):
            interval = f"({m.interval.low:.3f}-{m.interval.high:.3f})"
            print(f"{CLASSES[m.finding]:<10} {m.name:<14} {m.interval.value:.3f} {interval}  {m.images} images")
    for one in curves:
        if one.froc is not None:
            print(
                f"{CLASSES[one.finding]:<10} FAUC-1 {one.pointer:<7} {one.froc.fauc():.3f}  {one.froc.lesions} lesions"
            )
    for unused in batch.unused:
        print(f"not compared: {unused.name}: {unused.reason}", file=sys.stderr)
    compared = len({row.image for row in batch.images})
    print(f"{compared} images compared, {len(batch.unused)} files or images not; {folder / 'report.html'}")
