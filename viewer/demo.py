"""``gmic-viewer demo``: a demo exam with AI results, in a window or, without a display, as pictures of it.

The exam is simulated, once, by a process of its own: the window opens on the first view that is ready, and the others
appear in it as they are finished. The networks run with the weights that come with the program; where those are
missing, with random ones, and everything they mark is noise and marked UNTRAINED. ``--real`` shows real mammograms.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import GmicError
from gmic_core.exam.model import MammoImage
from gmic_core.phantom.demo_exam import AFFECTED_SIDE, real_exams
from gmic_core.types import Finding, Laterality, Modality
from viewer.app.application import Application
from viewer.app.demo_making import DemoMaking
from viewer.app.weights import demo_weights
from viewer.app.window_run import make_qt, run_window
from viewer.commands import run
from viewer.commands.conditions import active_entry
from viewer.services.early import Early
from viewer.services.simulation import Ended, MakingText, Simulation, ViewReady
from viewer.snapshot import Request, Stage

SIZE = (1600, 1000)
TRUTH = "_truth.nii.gz"
QUIET_S = 10.0
"""Where nobody watches a terminal, progress is written at most so often."""


@dataclass(frozen=True)
class Picture:
    """One picture of the demo: file name, what it shows, and how to get there.

    Attributes
    ----------
    peak : breast whose volume is shown at the slice with the most malignant saliency; None: as ``view`` and
        ``modality`` say.
    command : run last, e.g. to show the sheet of keys.
    annotated : with the truth of the simulated exam as a segmentation, and the network measured against it; the window
        stays in annotation mode.
    """

    name: str
    layout: str
    view: str | None = None
    modality: str | None = None
    overlay: str = "both"
    peak: Laterality | None = None
    command: str = ""
    annotated: bool = False

    def request(self, out: Path) -> Request:
        """Return what :meth:`Stage.arrange` needs."""
        return Request([], out / self.name, self.layout, self.view, self.modality, overlay=self.overlay)


OTHER_SIDE = Laterality.L if AFFECTED_SIDE is Laterality.R else Laterality.R
REAL = (
    Picture("real-2x2.png", "2x2", overlay="none"),
    Picture("real-2x2-ai.png", "2x2"),
    Picture("real-single-ai.png", "single", view="L-MLO"),
)
SIMULATED = (
    Picture("simulated-2x2-ai.png", "2x2", view="R-CC", modality="FFDM"),
    Picture("simulated-compare.png", "compare", view="R-CC", modality="DBT", overlay="none"),
    Picture("simulated-compare-ai.png", "compare", view="R-CC", modality="DBT", peak=AFFECTED_SIDE),
    Picture("simulated-dbt-malignant.png", "single", peak=AFFECTED_SIDE),
    Picture("simulated-dbt-normal.png", "single", peak=OTHER_SIDE),
    Picture("keys.png", "2x2", overlay="none", command="help.show"),
    Picture("simulated-annotation.png", "single", peak=AFFECTED_SIDE, annotated=True),
)


def run_demo(out: Path, *, real: bool, pictures: bool, without_display: bool) -> int:
    """Show the demo; return the exit code.

    Parameters
    ----------
    out : folder of the simulated exam, and of the pictures.
    real : show the real mammograms instead of the simulated exam.
    pictures : render pictures instead of opening a window.

    Raises
    ------
    GmicError
        If the demo exams cannot be made.
    """
    weights, untrained = demo_weights()
    _say(_about(real=real, untrained=untrained))
    if pictures and without_display:
        _say("There is no display: the same windows are rendered without one.")
    if real:
        exams = real_exams()
        if not pictures:
            return _open_window([exams[-1], *exams[:-1]], weights)
        return _list(_render([exams[-1]], REAL, out, weights))
    simulation = Simulation(out / "exams")
    try:
        if pictures:
            return _list(_render(_wait(simulation, MakingText(), all_views=True), SIMULATED, out, weights))
        text = MakingText()
        files = _wait(simulation, text, all_views=False)
        return _open_window(files, weights, lambda app: DemoMaking(app, simulation, text, files))
    finally:
        simulation.close()


def _about(*, real: bool, untrained: bool) -> str:
    what = (
        "The demo shows two real exams (CBIS-DDSM, CC BY 3.0)."
        if real
        else "The demo shows a simulated exam: tomosynthesis (DBT), full-field (FFDM) and synthetic 2D images of two "
        "breasts. No patient; it is made once (some minutes) and kept."
    )
    if untrained:
        return (
            f"{what}\nNetworks that no weights were shipped for run with random ones: what they mark is noise, and is "
            "marked UNTRAINED."
        )
    return f"{what}\nThe networks were trained on simulated breasts only; they say nothing about patients."


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class _Console:
    """Progress on stderr: one line that changes in a terminal, a line now and then in a log."""

    def __init__(self) -> None:
        self._watched = sys.stderr.isatty()
        self._said, self._width = "", 0
        self._next = 0.0

    def show(self, text: str, *, important: bool = False) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if text == self._said or (not self._watched and not important and now < self._next):
            return
        self._said, self._next = text, now + QUIET_S
        if self._watched:
            sys.stderr.write(f"\r{text.ljust(self._width)}")
            self._width = len(text)
        else:
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._watched and self._said:
            sys.stderr.write("\n")


def _wait(simulation: Simulation, text: MakingText, *, all_views: bool) -> list[Path]:
    """Wait, with progress on stderr, until the first view is ready, or all are; return the files.

    Raises
    ------
    GmicError
        If the simulation ended without.
    """
    files: list[Path] = []
    console = _Console()
    while True:
        message = simulation.next_message()
        if message is None:
            continue
        line = text.hear(message)
        if isinstance(message, Ended):
            console.end()
            if message.problem or not files:
                raise GmicError(f"The demo exam could not be made. {message.problem}".strip())
            return files
        if isinstance(message, ViewReady):
            files += message.files
        console.show(f"{line} ({text.share:.0%})", important=isinstance(message, ViewReady))
        if files and not all_views:
            console.end()
            return files


def _open_window(
    paths: Sequence[Path], weights: Sequence[str], started: Callable[[Application], object] | None = None
) -> int:
    early = Early()
    early.scan(paths)
    return run_window(early, named=weights, expects_image=True, automatic=True, started=started)


def _list(pictures: list[Path]) -> int:
    _say("Pictures:")
    for file in pictures:
        _say(f"  {file}")
    return 0


def _render(paths: list[Path], pictures: tuple[Picture, ...], out: Path, weights: Sequence[str]) -> list[Path]:
    """Open an exam in a window of its own, run the networks, and save the pictures."""
    written = []
    console = _Console()
    with Stage(make_qt(), SIZE, list(weights)) as stage:
        stage.open(paths)
        stage.run_ai(tell=console.show)
        console.end()
        for picture in pictures:
            stage.app.session.overlays.update(visible=True)
            _arrange(stage, picture, out)
            if picture.annotated:
                _annotate(stage, paths)
            if picture.command:
                run(picture.command, stage.app.context)
            stage.save(out / picture.name)
            if picture.command:
                run("help.escape", stage.app.context)
            written.append(out / picture.name)
    return written


def _annotate(stage: Stage, paths: Sequence[Path]) -> None:
    """Lay the truth that lies beside the images on them; measure the network against it where it has a result."""
    maps = sorted({file for path in paths for file in path.parent.glob(f"*{TRUTH}")})
    if maps:
        entry = active_entry(stage.app.context)
        stage.annotate(maps, measure=entry is not None and entry.result is not None)


def _arrange(stage: Stage, picture: Picture, out: Path) -> None:
    peak = _peak(stage, picture.peak) if picture.peak is not None else None
    if peak is None:
        stage.arrange(picture.request(out))
        return
    image, number = peak
    request = Request(
        [], out / picture.name, picture.layout, image.label, str(image.modality), number, overlay=picture.overlay
    )
    stage.arrange(request)


def _peak(stage: Stage, side: Laterality) -> tuple[MammoImage, int] | None:
    """Return a breast's volume and slice, from 1, with the most malignant saliency; None without a result."""
    session = stage.app.session
    best: tuple[MammoImage, int] | None = None
    highest = -1.0
    for image in session.exam.images if session.exam is not None else ():
        entry = session.results.get(image.sop_uid)
        if image.modality is not Modality.DBT or image.laterality is not side or not entry or not entry.result:
            continue
        # summed: the highest value is 1 in many slices of a lesion
        marked = entry.result.saliency[:, Finding.MALIGNANT].sum(axis=(1, 2))
        if marked.max() > highest:
            highest, best = float(marked.max()), (image, int(marked.argmax()) + 1)
    return best
