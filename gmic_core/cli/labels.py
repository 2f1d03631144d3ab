"""``gmic-core labels``: the truth of public data sets as label maps, to be compared with saliency."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers
    from gmic_core.training.data.mini_mias import Film, Pixels

DEFAULT_OUT = Path("mini-mias-labels")


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``labels mini-mias``."""
    from gmic_core.cli import COMMANDS

    parser = subparsers.add_parser("labels", help=COMMANDS["labels"], description=COMMANDS["labels"].capitalize() + ".")
    sets = parser.add_subparsers(dest="data_set", metavar="DATA-SET", required=True)
    mias = sets.add_parser("mini-mias", help="circles of mini-MIAS as PNG label maps: 1 benign, 2 malignant")
    mias.add_argument("folder", type=Path, metavar="FOLDER", help="folder with Info.txt and png/")
    mias.add_argument("--out", type=Path, default=DEFAULT_OUT, metavar="DIR", help=f"default: {DEFAULT_OUT}")
    mias.add_argument(
        "--images", action="store_true",
        help="also write the films, named by side and view and with everything black but the breast, for predict",
    )  # fmt: skip
    mias.add_argument("--only", nargs="+", metavar="NAME", help="only these films, such as mdb001; default: all")
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the label maps of a data set."""
    return _mini_mias(args.folder, args.out, args.only, images=args.images)


def _mini_mias(folder: Path, out: Path, only: Sequence[str] | None, *, images: bool) -> int:
    from gmic_core.comparison.classes import ClassMap, format_class_map
    from gmic_core.errors import SegmentationError
    from gmic_core.inference.export import write_atomically
    from gmic_core.progress_bar import ProgressBar
    from gmic_core.segmentation.circles import DESCRIPTIONS, LABELS
    from gmic_core.segmentation.label_descriptions import write_descriptions
    from gmic_core.training.data.mini_mias import INFO, read_info

    films = [film for film in read_info(folder / INFO) if only is None or film.name in only]
    unknown = sorted(set(only or ()) - {film.name for film in films})
    if unknown:
        raise SegmentationError(f"{INFO} does not name {', '.join(unknown)}; names are like mdb001.")
    without = [film.name for film in films if (film.benign or film.malignant) and not film.circles]
    drawn = [film for film in films if film.name not in without]
    for film in ProgressBar(drawn, unit="film", file=sys.stderr, leave=False):
        _write(folder, out, film, images=images)
    write_descriptions(out / "labels.txt", DESCRIPTIONS)
    named = ClassMap({label: finding for finding, label in LABELS.items()}, None)
    write_atomically(out / "labels.toml", format_class_map(named).encode())
    findings = sum(bool(film.circles) for film in drawn)
    print(f"{len(drawn)} label maps in {out / 'labels'}, {findings} with a finding")
    if without:
        print(f"left out, because their findings have no circle: {', '.join(without)}", file=sys.stderr)
    return 0


def _write(folder: Path, out: Path, film: Film, *, images: bool) -> None:
    import cv2
    import numpy as np

    from gmic_core.inference.export import write_atomically
    from gmic_core.segmentation.circles import Disc, disc_labels
    from gmic_core.segmentation.geometry import VolumeGeometry
    from gmic_core.segmentation.write import write_labels
    from gmic_core.training.data.mini_mias import breast_only
    from gmic_core.types import Finding

    pixels = _pixels(folder, film)
    name = f"{film.name}_{film.laterality}-MLO"
    discs = [Disc(c.row, c.column, c.radius, Finding(int(c.malignant))) for c in film.circles]
    shape = int(pixels.shape[0]), int(pixels.shape[1])
    labels = disc_labels(discs, shape)
    write_labels(out / "labels" / f"{name}_seg.png", labels, VolumeGeometry.of_pixels((1, *shape)))
    if images:
        _, data = cv2.imencode(".png", np.asarray(breast_only(pixels)))
        write_atomically(out / "images" / f"{name}.png", bytes(data))


def _pixels(folder: Path, film: Film) -> Pixels:
    import cv2
    import numpy as np

    from gmic_core.errors import SegmentationError

    path = folder / "png" / f"{film.name}.png"
    stored = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) if path.is_file() else None
    if stored is None:
        raise SegmentationError(f"png/{path.name} is missing or damaged; restore it from the data set.")
    return np.asarray(stored, np.uint8)
