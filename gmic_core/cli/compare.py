"""``gmic-core compare``: saliency against segmentations, image by image, with tables and a report."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.comparison.folder import Asked, Compared
    from gmic_core.comparison.sources import Pairing

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
    from gmic_core.comparison.classes import read_class_map
    from gmic_core.comparison.folder import Asked, paired, write_folder
    from gmic_core.inference.export import prepare_folder

    classes = None if args.class_map is None else read_class_map(args.class_map)
    asked = Asked(args.results, args.segmentations, classes, args.same_size, args.bootstrap, args.seed)
    pairing = paired(asked)
    prepare_folder(args.out)  # before hours are spent: it may not be writable
    found = _compared(asked, pairing)
    write_folder(args.out, found)
    _print(args.out, found)
    return 0 if found.images else 1


def _compared(asked: Asked, pairing: Pairing) -> Compared:
    from gmic_core.comparison.folder import compare_folder
    from gmic_core.progress_bar import ProgressBar
    from gmic_core.segmentation.files import SegmentationReader

    with (
        SegmentationReader() as reader,
        ProgressBar(total=len(pairing.pairs), unit="image", file=sys.stderr, leave=False) as bar,
    ):

        def show(done: int, _total: int, image: str) -> None:
            bar.set_description(image[:40])
            bar.update(done - bar.n)

        return compare_folder(asked, pairing, reader, show)


def _print(folder: Path, found: Compared) -> None:
    from gmic_core.types import CLASSES

    for m in found.means:
        if m.name in ("dice_soft", "pxap", "dice_soft_3d", "pxap_3d"):
            interval = f"({m.interval.low:.3f}-{m.interval.high:.3f})"
            print(f"{CLASSES[m.finding]:<10} {m.name:<14} {m.interval.value:.3f} {interval}  {m.images} images")
    for one in found.detections:
        if one.froc is not None:
            print(
                f"{CLASSES[one.finding]:<10} FAUC-1 {one.pointer:<7} {one.froc.fauc():.3f}  {one.froc.lesions} lesions"
            )
    for unused in found.batch.unused:
        print(f"not compared: {unused.name}: {unused.reason}", file=sys.stderr)
    print(f"{found.images} images compared, {len(found.batch.unused)} files or images not; {folder / 'report.html'}")
