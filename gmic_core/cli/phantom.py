"""``gmic-core phantom``: simulate screening exams with known findings and write them as DICOM or arrays."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from gmic_core.errors import PhantomError
from gmic_core.phantom.spec import FINDING_KINDS, Density, Size, make_exam_spec, parse_findings

if TYPE_CHECKING:
    from types import FrameType

    from gmic_core.cli import Subparsers
    from gmic_core.phantom.plan import Plan

DEFAULT_OUT = Path("simulated-exams")
DESCRIPTION = (
    "Simulate screening exams: two breasts, CC and MLO, each as tomosynthesis (DBT), synthetic 2D (S2D) and full-field "
    "mammogram (FFDM), with the truth about their findings. The same seed, options and version make the same files."
)


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``phantom``."""
    from gmic_core.cli import COMMANDS

    parser = subparsers.add_parser("phantom", help=COMMANDS["phantom"], description=DESCRIPTION)
    add = parser.add_argument
    add("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"folder for the exams; default: {DEFAULT_OUT}")
    add("--seed", type=int, default=1, metavar="N", help="seed of the first exam; default: 1")
    add("--count", type=int, default=1, metavar="N", help="number of exams, with seeds one after the other; default: 1")
    add("--density", choices=get_args(Density), help="breast composition (BI-RADS); default: drawn")
    add(
        "--findings", default="random", metavar="LIST",
        help=f"random, none, or kinds separated by commas, all in one breast: {', '.join(FINDING_KINDS)}; "
        "default: random",
    )  # fmt: skip
    add("--thickness", type=int, metavar="MM", help="compressed thickness; default: drawn")
    add(
        "--size", choices=get_args(Size), default="full",
        help="full: pixels of a clinical system; small: a quarter of that in each direction; default: full",
    )  # fmt: skip
    add(
        "--format", choices=("dicom", "arrays"), default="dicom",
        help="dicom: DICOM objects and NIfTI label maps; arrays: NumPy files; default: dicom",
    )  # fmt: skip
    add(
        "--syntax", choices=("explicit", "jpegls"), default="jpegls",
        help="DICOM pixels uncompressed, or as lossless JPEG-LS; default: jpegls",
    )  # fmt: skip
    add(
        "--anatomy", type=Path, metavar="FILE.mhd",
        help="expose a VICTRE voxel phantom instead (one CC view); with its own thickness and findings",
    )  # fmt: skip
    add("--workers", type=int, metavar="N", help="processes; default: one per core, as many as 5 GiB of memory allow")
    return parser


def run(args: argparse.Namespace) -> int:
    """Simulate; return 0 when all exams are there."""
    if args.count < 1:
        raise PhantomError(f"--count must be 1 or more, not {args.count}.")
    if args.workers is not None and args.workers < 1:
        raise PhantomError(f"--workers must be 1 or more, not {args.workers}.")
    plans = _plans(args)
    from gmic_core.phantom.exam import write_exams
    from gmic_core.phantom.files import Writing
    from gmic_core.phantom.headers import SIMULATED
    from gmic_core.phantom.jobs import worker_count
    from gmic_core.progress_bar import ProgressBar

    workers = worker_count(args.size, sum(len(plan.parts) for plan in plans), args.workers)
    form = "{desc} {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
    with _terminated_as_interrupted(), ProgressBar(total=1.0, file=sys.stderr, bar_format=form, leave=False) as bar:

        def show(share: float, text: str) -> None:
            bar.set_description_str(text, refresh=False)
            bar.update(max(share - bar.n, 0.0))

        folders = write_exams(plans, args.out, Writing(args.syntax, args.format), progress=show, workers=workers)
    print(SIMULATED)
    for folder in folders:
        print(folder)
    return 0


def _plans(args: argparse.Namespace) -> list[Plan]:
    """Return what is to be made; wrong options are refused before anything is."""
    from gmic_core.phantom.plan import plan_of, plan_of_anatomy

    seeds = range(args.seed, args.seed + args.count)
    if args.anatomy is None:
        findings = parse_findings(args.findings)
        specs = [make_exam_spec(seed, args.density, findings, args.thickness, args.size) for seed in seeds]
        return [plan_of(spec) for spec in specs]
    if args.thickness is not None or args.findings != "random":
        raise PhantomError(
            "A phantom given with --anatomy has its own thickness and findings; leave those options out."
        )
    return [plan_of_anatomy(args.anatomy, seed, args.size, args.density or "b") for seed in seeds]


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl+C does, so that half an exam is removed."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
