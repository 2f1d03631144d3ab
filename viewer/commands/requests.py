"""What commands of the worklist, of exports, segmentations and comparisons may ask of the application."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:  # annotations only: importing a command must stay cheap
    from viewer.model.worklist import ReadState

RunRequest = Literal["start", "pause", "resume", "cancel"]


class WorklistRequests(Protocol):
    """The list of exams; what changes shows up in ``session.worklist``."""

    def add_folder_dialog(self) -> None:
        """Ask for a folder and list it."""

    def add_folders(self, folders: Sequence[Path]) -> None:
        """List folders, and read them in the background."""

    def remove_folder(self, folder: str) -> None:
        """Forget a folder with its exams; files stay."""

    def rescan(self) -> None:
        """Look for what changed in the listed folders."""

    def cancel_scan(self) -> None:
        """Stop looking."""

    def forget_gone(self) -> None:
        """Forget exams whose files are gone."""

    def open(self, key: str) -> None:
        """Open a listed exam."""

    def step(self, step: int) -> None:
        """Open the next (+1) or previous (-1) exam of the list."""

    def set_state(self, keys: Sequence[str], state: ReadState) -> None:
        """Say how far the reader is with exams."""

    def run_ai(self, request: RunRequest) -> None:
        """Start, pause, resume or end AI over the whole list."""


class ExportRequests(Protocol):
    """Pictures, reports and results as files.

    ``identified`` says whether name, id and dates of the patient go with it; file names never hold them.
    """

    def screenshot(self, what: Literal["window", "viewport"], *, identified: bool) -> None:
        """Save the window or the active viewport as a PNG file."""

    def report(self, *, identified: bool) -> None:
        """Save the one-page report as a PDF file."""

    def results(self, *, identified: bool) -> None:
        """Save scores, patches and maps of the open exam as ``gmic-core predict`` does."""

    def cancel(self) -> None:
        """Stop the export that runs."""


class AnnotationRequests(Protocol):
    """Segmentations as files; what changes shows up in ``session.annotation``."""

    def open_dialog(self) -> None:
        """Ask for label maps and lay them on the images that they belong to."""

    def open_files(self, paths: Sequence[Path], viewport: int | None) -> None:
        """Lay label maps on the images that they belong to, or on the one of a viewport."""

    def save(self, *, again: bool) -> None:
        """Save the segmentation of the active image: ``again`` offers the file that it has, else another one."""

    def open_labels(self) -> None:
        """Ask for a label description file and use it."""

    def save_labels(self) -> None:
        """Ask for a file and write the label descriptions to it."""

    def fill_between(self) -> None:
        """Fill the gaps of the active label on the active image, beside the window."""

    def save_lesions(self) -> None:
        """Ask for a file and write the table of all lesions of the exam to it."""

    def unload(self) -> None:
        """Take the segmentation off the active image, after asking where no file holds it."""


ComparedFile = Literal["submission", "boxes", "paths"]


class ComparisonRequests(Protocol):
    """Folders against folders; what changes shows up in ``session.comparing``."""

    def show(self) -> None:
        """Open the window that compares folders, or bring it to the front."""

    def choose_folder(self, what: Literal["results", "segmentations"]) -> None:
        """Ask for a folder."""

    def load_map(self) -> None:
        """Ask for a map of labels and use it."""

    def save_map(self) -> None:
        """Ask for a file and write the map of labels to it."""

    def compare(self) -> None:
        """Compare what is chosen, in the background."""

    def stop(self) -> None:
        """Stop what goes on."""

    def save(self) -> None:
        """Ask for a folder and write tables and report to it."""

    def open_image(self, image: str) -> None:
        """Show an image that was compared, when its exam is at hand."""

    def choose_table(self, what: ComparedFile) -> None:
        """Ask for a table of BCS-DBT."""

    def score(self) -> None:
        """Score a submission against boxes."""

    def export(self) -> None:
        """Ask for a file and write the results to it as a submission."""
