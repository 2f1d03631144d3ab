"""Segmentations that lie in the folders of the open exam, as exports of ITK-SNAP and simulated exams have them."""

from __future__ import annotations

from pathlib import Path

from gmic_core.exam.names import LABEL_MAP
from gmic_core.segmentation.read_process import suffix_of
from viewer.commands.annotation import GROUP
from viewer.commands.conditions import needs_exam
from viewer.commands.context import Context
from viewer.commands.table import command, run
from viewer.model.session import Session


def segmentations_beside(session: Session) -> list[Path]:
    """Return the label maps in the folders of the open exam that are not on its images yet; not those in archives."""
    shown = {found.origin.path for found in session.annotation.images.values()}
    folders = {file.parent for image in session.images_at_hand for file in image.files}
    return [
        rejection.path
        for rejection in session.rejected
        if rejection.reason.startswith(LABEL_MAP)
        and suffix_of(rejection.path) is not None
        and rejection.path.parent in folders
        and rejection.path not in shown
    ]


def _needs_some(context: Context) -> str | None:
    reason = needs_exam(context)
    if reason or segmentations_beside(context.session):
        return reason
    return "no segmentation lies in the folder of this exam that is not shown yet; choose one with {annotate.open}."


@command("annotate.open_beside", "Segmentations beside images", keys="Ctrl+Shift+A", group=GROUP,
         why_disabled=_needs_some)  # fmt: skip
def open_beside(context: Context) -> None:
    """Open the label maps in the folder of the exam and lay each on its image; this begins annotation mode."""
    paths = segmentations_beside(context.session)
    if not context.session.annotation.on:
        run("annotate.toggle", context)
    context.actions.annotations.open_files(paths, None)
