"""The simulated exams that are measured: made once, kept under build/bench, read into the page cache before use."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gmic_core.exam.frames import FrameReader
from gmic_core.exam.scan import scan
from gmic_core.phantom.breast import Breast
from gmic_core.phantom.dicom import Syntax, write_dbt_dicom, write_mg_dicom
from gmic_core.phantom.findings import place_findings
from gmic_core.phantom.frame import VIEWS
from gmic_core.phantom.simulate import simulate_view
from gmic_core.phantom.spec import EXTRA_SLICES, PLATES, BreastSpec
from gmic_core.types import Laterality

VERSION = 2
"""Raise it when anything below changes: figures of different files must not be compared."""

SHORT, LONG, FIRST_IMAGE, QUAD = 24, 96, 70, 16
FULL = BreastSpec(
    11, Laterality.R, "b", LONG - EXTRA_SLICES, ("malignant-mass", "benign-mass"), PLATES["full", "24x29"]
)


@dataclass(frozen=True)
class Volumes:
    """Files and folders to measure on.

    Attributes
    ----------
    dbt24, dbt96, dbt70 : tomosynthesis of 2457x1996 pixels, JPEG-LS, with so many slices.
    ffdm : a full-field mammogram of the same breast, JPEG-LS.
    quad : an exam of four views, each a tomosynthesis of 16 slices.
    """

    dbt24: Path
    dbt96: Path
    dbt70: Path
    ffdm: Path
    quad: Path

    def files(self) -> list[Path]:
        """Return every file."""
        return [self.dbt24, self.dbt96, self.dbt70, self.ffdm, *sorted(self.quad.glob("*.dcm"))]


def prepare(folder: Path) -> Volumes:
    """Make the files that are missing, and read all of them once so that no disk is measured."""
    home = folder / f"volumes-{VERSION}"
    found = Volumes(
        home / "dbt-24.dcm", home / "dbt-96.dcm", home / "dbt-70.dcm", home / "ffdm.dcm", home / "four-views"
    )
    done = home / "complete"
    if not done.exists():
        print("simulating the volumes to measure on (once, about three minutes)", file=sys.stderr, flush=True)
        home.mkdir(parents=True, exist_ok=True)
        _simulate(home, found)
        done.touch()
    for path in found.files():
        with path.open("rb") as source:
            while source.read(1 << 24):
                pass
    return found


def part(dbt96: Path, count: int, syntax: Syntax = "jpegls") -> Path:
    """Return the middle slices of the volume of 96 as a file of their own, made once.

    Parameters
    ----------
    syntax : ``explicit``: without compression, so that frames are decoded as they lie.
    """
    path = dbt96.with_name(f"part-{count}-{syntax}.dcm")
    if not path.exists():
        image, first = scan([dbt96]).exams[0].images[0], (LONG - count) // 2
        with FrameReader() as reader:
            frames = (np.asarray(reader.read(image, k)) for k in range(first, first + count))
            write_dbt_dicom(path, frames, replace(FULL, thickness_mm=count - EXTRA_SLICES), "CC", syntax)
    return path


def _simulate(home: Path, wanted: Volumes) -> None:
    breast = Breast(FULL)
    images = simulate_view(breast, place_findings(breast), "CC")
    write_mg_dicom(wanted.ffdm, images.ffdm, FULL, "CC", "FFDM", "jpegls")
    for path, count in ((wanted.dbt96, LONG), (wanted.dbt70, FIRST_IMAGE), (wanted.dbt24, SHORT)):
        first = (LONG - count) // 2
        short = replace(FULL, thickness_mm=count - EXTRA_SLICES)
        write_dbt_dicom(path, images.dbt[first : first + count], short, "CC", "jpegls")
    first = (LONG - QUAD) // 2
    for side in Laterality:
        for view in VIEWS:
            # the same view four times: what is drawn does not matter to the clock, where its chest wall is does
            stack = images.dbt[first : first + QUAD]
            turned = stack if side is FULL.laterality else stack[:, :, ::-1]
            spec = replace(FULL, thickness_mm=QUAD - EXTRA_SLICES, laterality=side)
            write_dbt_dicom(wanted.quad / f"{side}-{view}.dcm", turned, spec, view, "jpegls")
