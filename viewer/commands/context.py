"""What a command may touch: the session, the settings, the frames, and what only the application can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from viewer.commands.requests import AnnotationRequests, ComparisonRequests, ExportRequests, WorklistRequests
from viewer.model.keymap import KeyMap

if TYPE_CHECKING:  # annotations only: importing a command must stay cheap
    from gmic_core.exam.model import Exam, MammoImage
    from gmic_core.inference.occlusion import Occlusion
    from gmic_core.inference.stability import Shift
    from viewer.model.frames import FrameProvider
    from viewer.model.session import Session
    from viewer.model.settings import Settings

RunScope = Literal["image", "exam"]
PanelName = Literal["study", "ai"]


@dataclass(frozen=True)
class WeightsOffer:
    """Weights that the reader may choose for a network.

    Attributes
    ----------
    ref : what stands for them: a stored or shipped name, a file, ``random:SEED``.
    text : as shown.
    chosen : whether the network runs with them now because somebody said so.
    """

    model: str
    title: str
    ref: str
    text: str
    chosen: bool


@dataclass(frozen=True)
class Storage:
    """What the program keeps on this computer and in memory.

    Attributes
    ----------
    folder : the user's data folder.
    results, result_bytes : AI results kept, and the room that they take.
    frame_bytes, frame_limit : decoded slices in memory, and how much they may take.
    """

    folder: Path
    results: int
    result_bytes: int
    frame_bytes: int
    frame_limit: int


class Actions(Protocol):
    """What needs windows, timers or services; implemented by ``viewer.app``, by a recorder in the tests.

    Whatever these change shows up in the session (``exam_changed``, ``cine_changed``, ``ai_changed`` ...), which is
    what widgets listen to.
    """

    @property
    def worklist(self) -> WorklistRequests:
        """What concerns the list of exams."""

    @property
    def exports(self) -> ExportRequests:
        """Files for elsewhere."""

    @property
    def annotations(self) -> AnnotationRequests:
        """Segmentations as files."""

    @property
    def comparisons(self) -> ComparisonRequests:
        """Folders of results against folders of segmentations."""

    def open_dialog(self) -> None:
        """Ask for files and open them."""

    def open_folder_dialog(self) -> None:
        """Ask for a folder and open it."""

    def open_paths(self, paths: Sequence[Path]) -> None:
        """Scan files, folders, zips and open the first exam found."""

    def open_exam(self, exam: Exam) -> None:
        """Put an exam of the worklist on screen, hung by the current protocol, with its stored results."""

    def answer_question(self) -> None:
        """Ask the reader about side, view and orientation of the active image, or of the first one in question."""

    def hang(self, layout: str) -> None:
        """Hang the open exam by another protocol: ``2x2``, ``compare``, ``single``, one of the reader's own."""

    def why_not_hang(self, layout: str) -> str | None:
        """Return why the open exam cannot hang by a protocol, in words for the reader; None: it can."""

    def offered_layouts(self) -> Sequence[tuple[str, str]]:
        """Return (id, label) of all hanging protocols, the reader's own among them."""

    def step_hanging(self, step: int) -> None:
        """Go to the next (+1) or previous (-1) hanging step."""

    def run_ai(self, scope: RunScope) -> None:
        """Send the active image or the whole exam to the worker."""

    def offered_weights(self) -> Sequence[WeightsOffer]:
        """Return the weights that each network could run with."""

    def choose_weights(self, model: str, ref: str) -> None:
        """Let a network run with these weights from now on; "": with what it would take by itself."""

    def toggle_weights(self, model: str, ref: str) -> None:
        """Let weights take part in the ensemble of a network, or not any more."""

    def try_out(self, image: MammoImage, what: Occlusion | tuple[Shift, ...]) -> None:
        """Run an image with a place filled, or on moved grids; shows up in ``session.trials``, never as a result."""

    def score_patches(self, image: MammoImage, keep: Sequence[bool]) -> None:
        """Score an image over those of its patches that are to be kept; shows up in ``session.trials``."""

    def show_model_card(self, model: str, weights: Sequence[str]) -> None:
        """Show what a network with these weights was made for."""

    def cancel_ai(self, job_id: str | None = None) -> None:
        """Stop the running job and forget the queued ones, or those of one job only."""

    def restart_worker(self) -> None:
        """Start a new worker process in place of a dead one."""

    def toggle_cine(self) -> None:
        """Start or stop playing the active image; tells ``session.set_cine``."""

    def set_cine(self, fps: float) -> None:
        """Change the speed of playing, 5 to 30 frames per second."""

    def screen_scale(self) -> float | None:
        """Return device pixels per mm of the screen, or None where it does not tell its size."""

    def show_display_setup(self) -> None:
        """Ask for output, luminance and pixel size of the screen, and whether it is calibrated."""

    def show_test_pattern(self) -> None:
        """Fill the screen with the test pattern."""

    def toggle_panel(self, panel: PanelName) -> None:
        """Show or hide the study list or the AI panel."""

    def panel_visible(self, panel: PanelName) -> bool:
        """Whether a panel is shown."""

    def toggle_volume(self) -> None:
        """Show or hide the 3D view."""

    def toggle_full_screen(self) -> None:
        """Let the window fill the screen, or go back."""

    def show_help(self) -> None:
        """Show or hide the sheet of keys."""

    def show_settings(self) -> None:
        """Open the settings."""

    def save_settings(self) -> None:
        """Write the settings now; a disk that is full or read-only is told to the reader."""

    def show_palette(self) -> None:
        """Let the reader find a command by its name."""

    def show_guide(self, topic: str = "") -> None:
        """Open the user guide at a topic: the name of its file without the ending; "": where it was."""

    def next_region(self, step: int) -> None:
        """Move the focus to the next (+1) or previous (-1) part of the window."""

    def open_last(self) -> None:
        """Open the exam that was open when the window was closed, as it hung then."""

    def storage(self) -> Storage:
        """Return what the program keeps."""

    def clear_results(self) -> None:
        """Delete the kept AI results."""

    def escape(self) -> None:
        """Close what lies over the images: palette, help sheet, tool, newest banner, maximised viewport, in turn."""

    def copy_report(self) -> None:
        """Copy versions, settings and the last errors (without patient data) to the clipboard."""

    def copy_text(self, text: str) -> None:
        """Put text on the clipboard."""

    def quit(self) -> None:
        """Close the window."""


@dataclass
class Context:
    """Handed to every command and to every widget.

    Attributes
    ----------
    session : state of what is on screen; commands change it, widgets listen to it.
    settings : what is remembered between runs.
    frames : decoded pixels.
    actions : what only the application can do.
    keys : which keys the reader gave to which commands.
    """

    session: Session
    settings: Settings
    frames: FrameProvider
    actions: Actions
    keys: KeyMap = field(default_factory=KeyMap)
