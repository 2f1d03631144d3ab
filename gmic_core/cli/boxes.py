"""``gmic-core boxes``: patches or peaks as a submission in the form of the DBTex challenge, and what it is worth."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.detection.submission import Submission

DEFAULT_OUT = Path("predictions.csv")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``boxes``."""
    from gmic_core.cli import COMMANDS

    parser = subparsers.add_parser("boxes", help=COMMANDS["boxes"], description=COMMANDS["boxes"].capitalize() + ".")
    add = parser.add_argument
    add("results", type=Path, metavar="RESULTS", help="output of gmic-core predict on volumes of BCS-DBT")
    add("paths", type=Path, metavar="PATHS.csv", help="BCS-DBT's table of file paths, which names the volumes")
    add("--out", type=Path, default=DEFAULT_OUT, metavar="FILE", help=f"default: {DEFAULT_OUT}")
    add(
        "--candidates", choices=("patches", "peaks"), default="patches",
        help="patches: the network's, by their attention; peaks: maxima of the malignant saliency; default: patches",
    )  # fmt: skip
    add("--truth", type=Path, metavar="BOXES.csv", help="BCS-DBT's table of boxes: print FROC and FAUC-1")
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the submission; return 0 when a volume was found in the table."""
    from gmic_core.detection.boxes import write_predictions
    from gmic_core.detection.submission import submission
    from gmic_core.segmentation.files import SegmentationReader

    with SegmentationReader() as reader:
        found = submission(args.results, args.paths, args.candidates, reader)
    for name in found.unknown:
        print(f"not in {args.paths.name}, or there more than once: {name}", file=sys.stderr)
    write_predictions(args.out, found.predictions)
    print(f"{len(found.predictions)} boxes of {len(found.slices)} volumes in {args.out}")
    if args.truth is not None and found.slices:
        _score(args.truth, found)
    return 0 if found.slices else 1


def _score(truth: Path, found: Submission) -> None:
    from gmic_core.detection.boxes import read_boxes
    from gmic_core.detection.scoring import submission_froc

    boxes = [box for box in read_boxes(truth) if box.volume in found.slices]
    curve = submission_froc(boxes, found.predictions, found.slices, sorted(found.slices))
    points = ", ".join(f"{curve.at(x):.3f} at {x:g}" for x in (0.5, 1.0, 2.0, 3.0, 4.0))
    print(f"FAUC-1 {curve.fauc():.3f}; sensitivity {points} false positives per volume; {curve.lesions} lesions")
