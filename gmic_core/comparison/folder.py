"""A folder of results against a folder of segmentations, from the files to the tables: for command line and window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gmic_core.comparison.batch import Batch, Options, run
from gmic_core.comparison.classes import EVERY_LABEL_MALIGNANT, ClassMap
from gmic_core.comparison.placing import Cancelled
from gmic_core.comparison.report import report
from gmic_core.comparison.sources import MapSource, Pairing, maps_of, mask_sources, pair
from gmic_core.comparison.tables import Detection, Mean, detections, means, write
from gmic_core.errors import SegmentationError
from gmic_core.evaluation.bootstrap import ITERATIONS
from gmic_core.inference.document import SIMULATED, UNTRAINED
from gmic_core.inference.export import prepare_folder
from gmic_core.segmentation.files import SegmentationReader
from gmic_core.types import CLASSES

Progress = Callable[[int, int, str], object]
"""Told images done, images in all, and the name of the one that is begun."""
MARKS = (("UNTRAINED.txt", UNTRAINED), ("SIMULATED.txt", SIMULATED))
"""Files that a results folder says of itself with that its numbers are none of patients."""


@dataclass(frozen=True)
class Asked:
    """What is to be compared, and how.

    Attributes
    ----------
    results : output of ``gmic-core predict``, or a folder of saliency files.
    segmentations : folder of label maps.
    classes : which label is which class; None: every label is malignant.
    same_size : compare voxel by voxel where only the size fits.
    bootstrap, seed : draws for the intervals, 1 or more, and their seed.
    """

    results: Path
    segmentations: Path
    classes: ClassMap | None = None
    same_size: bool = False
    bootstrap: int = ITERATIONS
    seed: int = 0

    @property
    def options(self) -> Options:
        """How images are compared."""
        return Options(self.classes or EVERY_LABEL_MALIGNANT, self.same_size, self.classes is not None)


@dataclass(frozen=True)
class Compared:
    """What came out.

    Attributes
    ----------
    means : over images, per class and figure.
    detections : FROC per class, by peaks and by patches.
    warnings : what must be read before any number.
    sources : the maps of each image that was compared, by the image's name.
    """

    asked: Asked
    batch: Batch
    means: tuple[Mean, ...]
    detections: tuple[Detection, ...]
    warnings: tuple[str, ...]
    sources: Mapping[str, MapSource]

    @property
    def images(self) -> int:
        """How many images were compared."""
        return len({row.image for row in self.batch.images})


def paired(asked: Asked) -> Pairing:
    """Return which segmentations belong to which images; nothing is read but names and results.json.

    Raises
    ------
    SegmentationError
        If there is nothing to compare, or the number of draws is none.
    """
    if asked.bootstrap < 1:
        raise SegmentationError(f"--bootstrap must be 1 or more, not {asked.bootstrap}.")
    if asked.results.is_dir() and asked.results.resolve() == asked.segmentations.resolve():
        raise SegmentationError(
            f"{asked.results} is given for results and segmentations; keep the segmentations in a folder of their own."
        )
    maps = maps_of(asked.results, asked.segmentations)
    return pair(maps, mask_sources(asked.segmentations, asked.results))


def compare_folder(
    asked: Asked,
    pairing: Pairing,
    reader: SegmentationReader,
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Compared:
    """Compare all pairs, and sum up.

    Parameters
    ----------
    pairing : what :func:`paired` returned.
    progress : called before each image, and at the end.
    cancelled : asked often; what was compared until then is lost.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so.
    """
    batch = run(pairing, asked.options, reader, progress, cancelled)
    found = tuple(means(batch.images, asked.seed, asked.bootstrap))
    curves = tuple(detections(batch))
    warnings = tuple(text for name, text in MARKS if (asked.results / name).is_file())
    return Compared(asked, batch, found, curves, warnings, {source.image: source for source, _ in pairing.pairs})


def write_folder(folder: Path, found: Compared) -> None:
    """Write all tables and the report: ``metrics.csv``, ``images.csv``, ``summary.csv``, ``froc.csv``, ...

    Raises
    ------
    StoreError
        If they cannot be written.
    """
    prepare_folder(folder)
    page = report(found.batch, found.means, found.detections, found.warnings, method(found.asked))
    write(folder, found.batch, found.means, found.detections, page)


def method(asked: Asked) -> list[str]:
    """Return how the numbers were made, a sentence each."""
    return [
        f"Classes: {classes_text(asked.classes)}; a file whose name says benign or malignant is of that class.",
        "Saliency is upsampled by nearest neighbour; every pixel of the segmentation counts, those without saliency "
        "as 0. Volumes: maximum of saliency and segmentation along the slices, and all slices apart.",
        "Dice and IoU: the largest over all distinct values of the map as threshold (saliency >= threshold).",
        "Means are over images; all labels of a class on an image count together, and images without one do not count. "
        f"SD: of the sample (n - 1). Intervals: 95 %, {asked.bootstrap} bootstrap draws of images, seed {asked.seed}.",
        "Pictures: projected saliency, brightest at its maximum; white: lesions; light blue: saliency at or above the "
        "image's best threshold.",
        f"Detection: {HIT_RULE}",
    ]


HIT_RULE = (
    "a candidate hits a lesion within half the diagonal of its box or 100 pixels, whichever is larger, "
    "and in volumes within a quarter of the slices."
)


def classes_text(classes: ClassMap | None) -> str:
    """Return what the labels mean, in words."""
    if classes is None:
        return "every label is malignant"
    words = []
    for finding in (*dict.fromkeys(classes.classes.values()),):
        labels = sorted(label for label, own in classes.classes.items() if own is finding)
        meaning = "not counted" if finding is None else CLASSES[finding]
        words.append(f"{'label' if len(labels) == 1 else 'labels'} {', '.join(map(str, labels))} {meaning}")
    return "; ".join(sorted(words)) + "; other labels do not count"
