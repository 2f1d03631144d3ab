"""Trying out an AI result: occlude and rerun, leave patches out, run shifted; and which map is shown."""

from __future__ import annotations

from gmic_core.errors import InferenceError
from gmic_core.inference.occlusion import Occlusion
from gmic_core.inference.stability import shifts_for
from gmic_core.types import ImageResult
from viewer.commands.conditions import active_entry, needs_image, needs_map, needs_patches
from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.trials import Experiment, MapName, WhatIf

_GROUP = "AI"
NEAR_SLICES = 5
"""Slices on each side of the one on screen that are filled where not the whole depth is."""


def _result(context: Context) -> ImageResult | None:
    entry = active_entry(context)
    return entry.result if entry is not None else None


def _needs_result(context: Context) -> str | None:
    reason = needs_image(context)
    if reason:
        return reason
    if _result(context) is None:
        return "there is no finished AI result for this image; press {ai.run_exam} to run it."
    return None


def _needs_free_worker(context: Context) -> str | None:
    session = context.session
    reason = _needs_result(context)
    if reason:
        return reason
    if session.ai.state == "dead":
        return "the AI worker has stopped; restart it with {ai.restart}."
    if session.results.pending or session.trials.pending:
        return "a run is under way; wait for it, or cancel it with {ai.cancel}."
    return None


def _needs_patch(context: Context) -> str | None:
    return needs_patches(context) or _needs_free_worker(context)


def _selected(context: Context) -> int | None:
    """Return the selected patch of the active image; the one with the most attention where none is."""
    result, chosen = _result(context), context.session.selected_patch
    if result is None or not result.rois:
        return None
    if chosen is not None and chosen[0] == result.sop_uid and chosen[1] < len(result.rois):
        return chosen[1]
    return max(range(len(result.rois)), key=lambda number: result.rois[number].attention)


# -- occlude and rerun -------------------------------------------------------------------------------------------


@command("trial.occlude_patch", "Occlude the patch and rerun", keys="Ctrl+E", group=_GROUP, why_disabled=_needs_patch)
def occlude_patch(context: Context) -> None:
    """Fill the selected patch with the mean of its surroundings and run again: an experiment, not a result."""
    result, number = _result(context), _selected(context)
    if result is None or number is None:
        return
    roi, image = result.rois[number], context.session.active_image
    inside = roi.inside(image.rows, image.columns) if image is not None else None
    if inside is None:
        context.session.notice.emit("hint", "The patch lies outside the image; there is nothing to fill.")
        return
    _occlude(context, Occlusion(*inside, *_depth(context, roi.slice_index)))


def _depth(context: Context, slice_index: int) -> tuple[int, int]:
    image = context.session.active_image
    last = image.frames - 1 if image is not None else 0
    if context.session.trials.whole_depth:
        return 0, last
    return max(slice_index - NEAR_SLICES, 0), min(slice_index + NEAR_SLICES, last)


def _occlude(context: Context, occlusion: Occlusion) -> None:
    image = context.session.active_image
    if image is not None:
        context.actions.try_out(image, occlusion)


@command(
    "trial.draw",
    "Draw a place to occlude",
    keys="Ctrl+Shift+E",
    group=_GROUP,
    why_disabled=_needs_free_worker,
    checked=lambda context: context.session.trials.drawing,
)
def draw(context: Context) -> None:
    """Drag an ellipse on the image; it is filled with the mean of its surroundings and the network runs again."""
    trials = context.session.trials
    trials.set_drawing(not trials.drawing)


@command("trial.occlude", "Occlude a place", group=_GROUP, why_disabled=_needs_free_worker, takes="stored box")
def occlude(context: Context, box: tuple[int, int, int, int]) -> None:
    """Fill an ellipse of the active image and run the network again."""
    state, trials = context.session.active_state, context.session.trials
    if state is None:
        return
    trials.set_drawing(False)
    try:
        _occlude(context, Occlusion(*box, *_depth(context, state.slice_index), "ellipse"))
    except InferenceError as error:
        context.session.notice.emit("hint", str(error))


@command(
    "trial.whole_depth",
    "Occlude all slices",
    group=_GROUP,
    why_disabled=_needs_result,
    checked=lambda context: context.session.trials.whole_depth,
)
def toggle_whole_depth(context: Context) -> None:
    """Fill the place in all slices of a volume, or only in those up to five slices from the patch or the screen."""
    trials = context.session.trials
    trials.set_whole_depth(not trials.whole_depth)


def _needs_experiment(context: Context) -> str | None:
    image = context.session.active_image
    if image is not None and context.session.trials.experiment(image.sop_uid) is not None:
        return None
    return "no place of this image is occluded; do it with {trial.occlude_patch}."


@command("trial.end", "End the experiment", group=_GROUP, icon="x", why_disabled=_needs_experiment)
def end(context: Context) -> None:
    """Forget the occlusion of the active image and show its result again."""
    image, trials = context.session.active_image, context.session.trials
    if image is None:
        return
    experiment = trials.experiment(image.sop_uid)
    if experiment is not None and experiment.pending:
        context.actions.cancel_ai(experiment.job_id)
    trials.forget(Experiment, image.sop_uid)


# -- stability ---------------------------------------------------------------------------------------------------


@command("trial.stability", "Check the stability", keys="Ctrl+B", group=_GROUP, why_disabled=_needs_free_worker)
def check_stability(context: Context) -> None:
    """Run the image again, shifted by one slice and by two pixels each way: how far do scores and peak move."""
    image = context.session.active_image
    if image is not None:
        context.actions.try_out(image, shifts_for(image))


# -- patches left out --------------------------------------------------------------------------------------------


def _needs_score(context: Context) -> str | None:
    reason = needs_patches(context)
    if reason:
        return reason
    return "the AI worker has stopped; restart it with {ai.restart}." if context.session.ai.state == "dead" else None


@command("trial.patch", "Leave the patch out", keys="U", group=_GROUP, why_disabled=_needs_score)
def toggle_selected(context: Context) -> None:
    """Score the image without the selected patch, or with it again."""
    number = _selected(context)
    if number is not None:
        toggle_patch(context, number)


@command("trial.toggle_patch", "Count a patch", group=_GROUP, why_disabled=_needs_score, takes="number of the patch")
def toggle_patch(context: Context, number: int) -> None:
    """Let a patch count for the local score, or not."""
    image, result = context.session.active_image, _result(context)
    if image is None or result is None:
        return
    before = context.session.trials.what_if(image.sop_uid)
    keep = list(before.keep) if before is not None else [True] * len(result.rois)
    keep[number] = not keep[number]
    if all(keep):
        context.session.trials.forget(WhatIf, image.sop_uid)
    else:
        context.actions.score_patches(image, keep)


def _needs_left_out(context: Context) -> str | None:
    image = context.session.active_image
    if image is not None and context.session.trials.what_if(image.sop_uid) is not None:
        return None
    return "all patches of this image count; leave one out with {trial.patch}."


@command("trial.all_patches", "Count all patches", keys="Shift+U", group=_GROUP, why_disabled=_needs_left_out)
def count_all(context: Context) -> None:
    """Let all patches of the active image count again."""
    image = context.session.active_image
    if image is not None:
        context.session.trials.forget(WhatIf, image.sop_uid)


# -- maps --------------------------------------------------------------------------------------------------------

_MISSING: dict[MapName, str] = {
    "result": "there is no AI result for this image yet; press {ai.run_exam} to run it.",
    "spread": "this image was read with one set of weights; choose several to see where they disagree.",
    "after": "no place of this image is occluded; do it with {trial.occlude_patch}.",
    "change": "no place of this image is occluded; do it with {trial.occlude_patch}.",
}


def _needs_map(context: Context, name: MapName) -> str | None:
    reason = needs_map(context)
    if reason:
        return reason
    return None if name in context.session.trials.maps(active_entry(context)) else _MISSING[name]


def _shows(context: Context, name: MapName) -> bool:
    return context.session.trials.shown(active_entry(context)) == name


@command(
    "overlay.map_result",
    "Map of the result",
    group=_GROUP,
    why_disabled=lambda context: _needs_map(context, "result"),
    checked=lambda context: _shows(context, "result"),
)
def show_result(context: Context) -> None:
    """Show the saliency that the network computed for the image as it is."""
    context.session.trials.show_map("result")


@command(
    "overlay.map_spread",
    "Map of the disagreement",
    group=_GROUP,
    why_disabled=lambda context: _needs_map(context, "spread"),
    checked=lambda context: _shows(context, "spread"),
)
def show_spread(context: Context) -> None:
    """Show where several sets of weights disagree: the standard deviation of their maps, cell by cell."""
    context.session.trials.show_map("spread")


@command(
    "overlay.map_after",
    "Map with the place filled",
    group=_GROUP,
    why_disabled=lambda context: _needs_map(context, "after"),
    checked=lambda context: _shows(context, "after"),
)
def show_after(context: Context) -> None:
    """Show the saliency of the experiment in which a place is filled."""
    context.session.trials.show_map("after")


@command(
    "overlay.map_change",
    "Map of the change",
    group=_GROUP,
    why_disabled=lambda context: _needs_map(context, "change"),
    checked=lambda context: _shows(context, "change"),
)
def show_change(context: Context) -> None:
    """Show how much the experiment changed the map, whether up or down."""
    context.session.trials.show_map("change")


def _needs_maps(context: Context) -> str | None:
    reason = needs_map(context)
    if reason:
        return reason
    several = len(context.session.trials.maps(active_entry(context))) > 1
    return None if several else "this image has one map; occlude a place or use several sets of weights for others."


@command("overlay.next_map", "Next map", keys="Alt+M", group=_GROUP, why_disabled=_needs_maps)
def next_map(context: Context) -> None:
    """Step through the maps of the image: result, disagreement of the weights, experiment, change."""
    trials, entry = context.session.trials, active_entry(context)
    maps = trials.maps(entry)
    trials.show_map(maps[(maps.index(trials.shown(entry)) + 1) % len(maps)])
