"""Measuring beside the image: what is measured, what labels mean, thresholds, and going from miss to miss."""

from __future__ import annotations

import numpy as np

from gmic_core.comparison.classes import Subject
from gmic_core.types import CLASSES, Finding
from viewer.commands.annotation import GROUP, NOTHING, active_segmentation, needs_mode, needs_mode_and_segmentation
from viewer.commands.annotation_edit import show_box
from viewer.commands.conditions import active_entry
from viewer.commands.context import Context
from viewer.commands.table import COMMANDS, command, run
from viewer.model.measuring import Miss

CLASS_STEPS: tuple[Finding | None, ...] = (Finding.MALIGNANT, Finding.BENIGN, None)
"""Order in which the class of a label changes; None: it does not count."""
_AWAY = "measuring is not shown; press {measure.toggle}."


def class_word(finding: Finding | None) -> str:
    """Return ``malignant``, ``benign`` or ``ignored``."""
    return "ignored" if finding is None else CLASSES[finding]


def _why_no_result(context: Context) -> str | None:
    image, entry = context.session.active_image, active_entry(context)
    if image is not None and image.questions:
        return "side or view of this image is in question; press {image.answer} first."
    if entry is None:
        return "there is no AI result for this image; press {ai.run_exam} to run it."
    if entry.result is not None:
        return None
    if entry.status in ("queued", "running"):
        return "the AI has not finished this image; wait until the run is done."
    return "the AI gave no result for this image; press {ai.run_exam} to run it again."


def why_not(context: Context) -> str | None:
    """Return why nothing can be measured on the active image; None: it can."""
    reason = needs_mode(context)
    found = active_segmentation(context)
    if reason is None and found is None:
        reason = NOTHING
    if reason is None and found is not None and not found.map.counts:
        reason = "the segmentation of this image is empty; paint a lesion with {annotate.tool_paint}."
    reason = reason or _why_no_result(context)
    if reason is None and context.session.measuring.subject is None:
        reason = "every label of this image is ignored; press {measure.next_class} to give the active one a class."
    return reason


def _needs_shown(context: Context) -> str | None:
    return why_not(context) or (None if context.session.measuring.shown else _AWAY)


def _needs_figures(context: Context) -> str | None:
    reason = _needs_shown(context)
    measuring = context.session.measuring
    return reason or (None if measuring.current else measuring.problem or "it is being measured; wait a moment.")


@command(
    "measure.toggle", "Measuring", keys="Shift+M", group=GROUP, icon="ruler", why_disabled=needs_mode, annotating=True,
    checked=lambda context: bool(context.session.measuring.shown),
)  # fmt: skip
def toggle(context: Context) -> None:
    """Measure the AI result against the segmentation, beside the image."""
    measuring = context.session.measuring
    measuring.show(not measuring.shown)


@command("measure.subject", "Measured", group=GROUP, why_disabled=why_not, takes="Subject")
def choose(context: Context, subject: Subject) -> None:
    """Choose what is measured: a class, one label of it, or one lesion."""
    context.session.measuring.choose(subject)


def _needs_volume(context: Context) -> str | None:
    reason, image = why_not(context), context.session.active_image
    if reason or image is None or image.frames > 1:
        return reason
    return f"{image.label} {image.modality} has one slice; its figures are those of the image."


@command(
    "measure.deep", "Curves of all slices", group=GROUP, why_disabled=_needs_volume,
    checked=lambda context: context.session.measuring.deep,
)  # fmt: skip
def toggle_deep(context: Context) -> None:
    """Let the curves count the voxels of all slices, instead of the maximum along the slices."""
    measuring = context.session.measuring
    measuring.set_deep(not measuring.deep)


# -- classes ---------------------------------------------------------------------------------------------------------
@command("measure.class_of", "Class of a label", group=GROUP, why_disabled=needs_mode_and_segmentation,
         takes="number of a label, Finding or None")  # fmt: skip
def set_class(context: Context, label: int, finding: Finding | None) -> None:
    """Say whether a label means malignant or benign, or does not count; remembered for every image."""
    session, found = context.session, active_segmentation(context)
    session.measuring.set_classes(session.measuring.classes.changed(label, finding))
    if found is not None:
        session.notice.emit("hint", f"Label {label} {found.name(label).name}: {class_word(finding)}")


@command("measure.next_class", "Class of the active label", keys="Alt+C", group=GROUP,
         why_disabled=needs_mode_and_segmentation, annotating=True)  # fmt: skip
def next_class(context: Context) -> None:
    """Let the active label mean malignant, benign, or nothing that counts, in turn."""
    session, found = context.session, active_segmentation(context)
    if found is not None:
        label = session.annotation.settings.label
        run("measure.class_of", context, label, class_after(session.measuring.classes_of(found).of(label)))


def class_after(finding: Finding | None) -> Finding | None:
    """Return the class that follows when a label's class is changed step by step."""
    return CLASS_STEPS[(CLASS_STEPS.index(finding) + 1) % len(CLASS_STEPS)]


# -- thresholds ------------------------------------------------------------------------------------------------------
def threshold_command(finding: Finding) -> str:
    """Return the id of the command that sets the threshold of a class."""
    return f"overlay.threshold_{CLASSES[finding]}"


def painting(value: float) -> float:
    """Return the threshold at which an overlay paints what is at or above a saliency value, and nothing else."""
    return float(np.nextafter(np.float32(value), np.float32(-1.0)))


def _best(context: Context) -> float:
    """Return the saliency from which on Dice is largest, in the way in which the curves are shown; NaN: none."""
    measuring = context.session.measuring
    compared = measuring.figures.compared if measuring.figures is not None else None
    if compared is None:
        return float("nan")
    deep = compared.measures_3d if measuring.deep else None
    return (deep or compared.measures).dice_max_threshold


def _needs_best(context: Context) -> str | None:
    reason, subject = _needs_figures(context), context.session.measuring.subject
    if reason is None and subject is not None:
        reason = COMMANDS[threshold_command(subject.finding)].why_disabled(context)
    if reason or _best(context) > 0:
        return reason
    return "Dice is largest where all of the image counts, at 0; the maps are painted above 0 only."


@command("measure.best_threshold", "Threshold of the largest Dice", keys="Alt+T", group=GROUP, why_disabled=_needs_best,
         annotating=True)  # fmt: skip
def best_threshold(context: Context) -> None:
    """Paint the very region whose Dice is largest."""
    subject = context.session.measuring.subject
    if subject is not None:
        run(threshold_command(subject.finding), context, painting(_best(context)))


# -- misses ----------------------------------------------------------------------------------------------------------
def _needs_misses(context: Context) -> str | None:
    reason, measuring = _needs_shown(context), context.session.measuring
    if reason:
        return reason
    if not measuring.misses_current or measuring.misses is None:
        return measuring.problem or "the errors are being listed; wait a moment."
    return None if measuring.misses.entries else "no lesion is missed, and nothing is painted beside one."


@command("measure.go_to_miss", "Go to miss", group=GROUP, why_disabled=_needs_misses, takes="Miss")
def go_to_miss(context: Context, miss: Miss) -> None:
    """Show a missed lesion or a false positive in the middle, on its slice."""
    session, image = context.session, context.session.active_image
    if image is None:
        return
    show_box(context, image, miss.slice_index, miss.box)
    session.measuring.select(miss)
    if miss.kind == "patch":
        session.select_patch(image.sop_uid, miss.patch)
    elif miss.kind == "lesion":
        session.annotation.update(visible=True)


def _step(context: Context, step: int) -> None:
    measuring = context.session.measuring
    entries = measuring.misses.entries if measuring.misses is not None else ()
    if entries:
        at = entries.index(measuring.selected) if measuring.selected in entries else (-1 if step > 0 else 0)
        run("measure.go_to_miss", context, entries[(at + step) % len(entries)])


@command("measure.next_miss", "Next miss", keys="Ctrl+N", group=GROUP, icon="chevron-down", why_disabled=_needs_misses,
         annotating=True)  # fmt: skip
def next_miss(context: Context) -> None:
    """Go to the next missed lesion or false positive; after the last one comes the first."""
    _step(context, +1)


@command("measure.previous_miss", "Previous miss", keys="Ctrl+Shift+N", group=GROUP, icon="chevron-up",
         why_disabled=_needs_misses, annotating=True)  # fmt: skip
def previous_miss(context: Context) -> None:
    """Go to the miss before in the list; before the first one comes the last."""
    _step(context, -1)
