"""The simulated exams that are measured: made once, kept under build/bench, read into the page cache before use."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gmic_core.phantom.anatomy import BreastSpec
from gmic_core.phantom.dicom import write_dbt_dicom, write_mg_dicom
from gmic_core.phantom.imaging import PATIENT_ORIENTATION, SimulatedBreast
from gmic_core.types import Laterality

VERSION = 1
"""Raise it when anything below changes: figures of different files must not be compared."""

FULL = BreastSpec(seed=11, slices=96, rows=2457, columns=1996, laterality=Laterality.R, view="CC")
SHORT, LONG, FIRST_IMAGE, QUAD = 24, 96, 70, 16


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
        print("simulating the volumes to measure on (once, about two minutes)", file=sys.stderr, flush=True)
        home.mkdir(parents=True, exist_ok=True)
        _simulate(home, found)
        done.touch()
    for path in found.files():
        with path.open("rb") as source:
            while source.read(1 << 24):
                pass
    return found


def _simulate(home: Path, wanted: Volumes) -> None:
    breast = SimulatedBreast(FULL)
    write_mg_dicom(wanted.ffdm, breast.ffdm(), FULL, "FFDM", "jpegls")
    scratch = home / "frames.raw"
    shape = (FULL.slices, FULL.rows, FULL.columns)
    frames = np.memmap(scratch, np.uint16, "w+", shape=shape)
    try:
        for index, frame in enumerate(breast.dbt_slices()):
            frames[index] = frame
        for path, count in ((wanted.dbt96, LONG), (wanted.dbt70, FIRST_IMAGE), (wanted.dbt24, SHORT)):
            first = (FULL.slices - count) // 2
            write_dbt_dicom(path, frames[first : first + count], replace(FULL, slices=count), "jpegls")
        first = (FULL.slices - QUAD) // 2
        for side, view in PATIENT_ORIENTATION:
            # the same breast four times: what is drawn does not matter to the clock, where its chest wall is does
            stack = frames[first : first + QUAD]
            turned = stack if side is FULL.laterality else stack[:, :, ::-1]
            spec = replace(FULL, slices=QUAD, laterality=side, view=view)
            write_dbt_dicom(wanted.quad / f"{side}-{view}.dcm", turned, spec, "jpegls")
    finally:
        del frames
        scratch.unlink()
