"""Stand-ins for the process that makes the demo exam: tiny views at once, or what goes wrong."""

from __future__ import annotations

import time
from multiprocessing.connection import Connection
from pathlib import Path

from viewer.services.simulation import Ended, Making, ViewReady

VIEWS = ("R-CC", "L-CC", "R-MLO", "L-MLO")
ROWS, COLUMNS, SLICES = 96, 72, 3


def write_views(folder: Path) -> dict[str, tuple[Path, ...]]:
    """Write a four-view exam of FFDM, DBT and S2D; return the files of each view."""
    from tests.helpers.dicom_files import write_exam  # not above: processes that write nothing start faster

    out: dict[str, list[Path]] = {view: [] for view in VIEWS}
    for path in write_exam(folder, ROWS, COLUMNS, modalities=("FFDM", "DBT", "S2D"), slices=SLICES, study="7"):
        modality, side, view = path.stem.split("_")
        out[f"{side}-{view}"].append(path.rename(folder / f"{side}-{view}_{modality}.dcm"))
    return {view: tuple(files) for view, files in out.items()}


def make_at_once(pipe: Connection, folder: Path) -> None:
    """Make all views."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (view, files) in enumerate(write_views(folder).items(), 1):
        pipe.send(Making(number / 5, f"demo: reconstructing {view}"))
        pipe.send(ViewReady(files))
    pipe.send(Ended())


def tell_at_once(pipe: Connection, folder: Path) -> None:
    """Say that all views are made; nobody will look."""
    for number, view in enumerate(VIEWS, 1):
        pipe.send(Making(number / 5, f"demo: reconstructing {view}"))
        pipe.send(ViewReady((folder / f"{view}_DBT.dcm",)))
    pipe.send(Ended())


def make_one_and_wait(pipe: Connection, folder: Path) -> None:
    """Say that one view is made; then wait for a stop, as a long simulation does."""
    pipe.send(ViewReady((folder / "R-CC_DBT.dcm", folder / "R-CC_S2D.dcm")))
    while not pipe.poll(0.05):
        pipe.send(Making(0.3, "demo: reconstructing L-CC"))


def fail(pipe: Connection, _folder: Path) -> None:
    """Say why nothing can be made."""
    pipe.send(Ended("The disk is full; free some space."))


def die(pipe: Connection, _folder: Path) -> None:
    """End without a word."""
    pipe.send(Making(0.1, "demo: exposing R-CC"))
    time.sleep(0.05)
    raise SystemExit(7)
