"""``gmic-viewer demo``: the demo exams with AI results, in a window or, without a display, as pictures of it.

There are no weights that could be passed on with the program, so the networks run with random ones: every overlay is
noise and is marked UNTRAINED. What the demo shows is how reading with them works.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from gmic_core.exam.model import MammoImage
from gmic_core.phantom.demo_exam import make_demo_exams
from gmic_core.types import Laterality, Modality
from viewer.app.window_run import make_qt, run_window
from viewer.commands import run
from viewer.services.early import Early
from viewer.snapshot import Request, Stage

WEIGHTS = ("random:0",)
SIZE = (1600, 1000)


@dataclass(frozen=True)
class Picture:
    """One picture of the demo: file name, what it shows, and how to get there."""

    name: str
    layout: str
    view: str | None = None
    modality: str | None = None
    overlay: str = "both"
    command: str = ""  # run last, e.g. to show the sheet of keys

    def request(self, out: Path) -> Request:
        """Return what :meth:`Stage.arrange` needs."""
        return Request([], out / self.name, self.layout, self.view, self.modality, overlay=self.overlay)


REAL = (
    Picture("real-2x2.png", "2x2", overlay="none"),
    Picture("real-2x2-ai.png", "2x2"),
    Picture("real-single-ai.png", "single", view="L-MLO"),
)
SIMULATED = (
    Picture("simulated-2x2-ai.png", "2x2", view="R-CC", modality="FFDM"),
    Picture("simulated-compare.png", "compare", view="R-CC", modality="DBT", overlay="none"),
    Picture("simulated-compare-ai.png", "compare", view="R-CC", modality="DBT"),
    Picture("simulated-dbt-ai.png", "single", view="R-MLO", modality="DBT"),
    Picture("keys.png", "2x2", overlay="none", command="help.show"),
)


def run_demo(out: Path, *, pictures: bool, without_display: bool) -> int:
    """Show the demo; return the exit code.

    Parameters
    ----------
    out : folder of the simulated exam, and of the pictures.
    pictures : render pictures instead of opening a window.

    Raises
    ------
    GmicError
        If the demo exams cannot be made.
    """
    _say("The demo shows two real exams (CBIS-DDSM, CC BY 3.0) and one simulated exam with tomosynthesis (DBT).")
    _say("The networks run with random weights: what they mark is noise, and is marked UNTRAINED.")
    exams = make_demo_exams(out / "exams", lambda share, what: _say(f"  {share:4.0%}  {what}"))
    if not pictures:
        return _open_window(exams)
    if without_display:
        _say("There is no display: the same windows are rendered without one.")
    written = []
    for path, wanted in ((exams[1], REAL), (exams[-1], SIMULATED)):
        written += _render(path, wanted, out)
    _say("Pictures:")
    for file in written:
        _say(f"  {file}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _open_window(exams: list[Path]) -> int:
    early = Early()
    early.scan([exams[-1], *exams[:-1]])
    return run_window(early, named=WEIGHTS, expects_image=True, automatic=True)


def _is_pictured(image: MammoImage) -> bool:
    """Whether a picture shows the AI result of an image; a volume that none shows would cost its minute for nothing."""
    return image.modality is not Modality.DBT or image.laterality is Laterality.R


def _render(path: Path, pictures: tuple[Picture, ...], out: Path) -> list[Path]:
    """Open one exam in a window of its own, run the networks, and save the pictures."""
    written = []
    with Stage(make_qt(), SIZE, WEIGHTS) as stage:
        _say(f"Opening {path.name} and running the networks (a minute or two; kept for the next time) ...")
        stage.open([path])
        stage.run_ai(_is_pictured)
        for picture in pictures:
            stage.app.session.overlays.update(visible=True)
            stage.arrange(picture.request(out))
            if picture.command:
                run(picture.command, stage.app.context)
            stage.save(out / picture.name)
            written.append(out / picture.name)
    return written
