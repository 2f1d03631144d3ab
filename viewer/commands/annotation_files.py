"""Segmentations and label descriptions as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from viewer.commands.annotation import GROUP, active_segmentation, needs_mode_and_segmentation, needs_segmentation
from viewer.commands.conditions import needs_exam, needs_image
from viewer.commands.context import Context
from viewer.commands.table import command


@command("annotate.open", "Open segmentation", keys="Ctrl+Alt+O", group=GROUP, icon="folder-open",
         why_disabled=needs_image)  # fmt: skip
def open_segmentation(context: Context) -> None:
    """Choose label maps (NIfTI, NRRD, MetaImage, GIPL, PNG); dropping them on an image does the same."""
    context.actions.annotations.open_dialog()


@command("annotate.open_files", "Open segmentations", group=GROUP, why_disabled=needs_exam, takes="paths, viewport")
def open_files(context: Context, paths: Sequence[Path], viewport: int | None) -> None:
    """Lay label maps on the images that they belong to by their geometry; on the one of a viewport if it is given."""
    context.actions.annotations.open_files(list(paths), viewport)


def _needs_free(context: Context) -> str | None:
    reason = needs_segmentation(context)
    if reason is None and context.session.exporting:
        return "another file is being saved; wait until it is there."
    return reason


@command("annotate.save", "Save segmentation", keys="Ctrl+S", group=GROUP, icon="download", why_disabled=_needs_free,
         annotating=True)  # fmt: skip
def save(context: Context) -> None:
    """Save the segmentation of this image; a file that it was read from is only overwritten after asking."""
    context.actions.annotations.save(again=True)


@command("annotate.save_as", "Save segmentation as", keys="Ctrl+Shift+S", group=GROUP, why_disabled=_needs_free,
         annotating=True)  # fmt: skip
def save_as(context: Context) -> None:
    """Save the segmentation of this image in another file, in any format that ITK-SNAP opens."""
    context.actions.annotations.save(again=False)


@command("annotate.open_labels", "Open label descriptions", group=GROUP, why_disabled=needs_mode_and_segmentation)
def open_labels(context: Context) -> None:
    """Take names and colours of labels from a label description file of ITK-SNAP."""
    context.actions.annotations.open_labels()


@command("annotate.save_labels", "Save label descriptions", group=GROUP, why_disabled=_needs_free)
def save_labels(context: Context) -> None:
    """Save names and colours of the labels as a label description file of ITK-SNAP."""
    context.actions.annotations.save_labels()


def _needs_own(context: Context) -> str | None:
    reason = needs_segmentation(context)
    found = active_segmentation(context)
    return reason or (None if found is not None else "there is nothing to take away.")


@command("annotate.unload", "Take segmentation off the image", group=GROUP, icon="x", why_disabled=_needs_own)
def unload(context: Context) -> None:
    """Take the segmentation off the image; what no file holds is asked about first, and files stay."""
    context.actions.annotations.unload()
