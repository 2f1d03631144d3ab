"""The list of exams to read: folders, the next exam, how far the reader is, AI over all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from viewer.commands.context import Context
from viewer.commands.table import command
from viewer.model.worklist import ReadState, SortColumn, WorklistFilter

_GROUP = "Worklist"
NOTHING_LISTED = "no folder is listed; add one with {worklist.add_folder}."


def _needs_folder(context: Context) -> str | None:
    return None if context.session.worklist.folders else NOTHING_LISTED


def _needs_exams(context: Context) -> str | None:
    worklist = context.session.worklist
    if _needs_folder(context):
        return NOTHING_LISTED
    return None if worklist.exams else "the listed folders hold no exam; {worklist.toggle} shows which files and why."


def _needs_target(context: Context) -> str | None:
    """An exam must be chosen: the row of the table while it is shown, else the open exam."""
    if _needs_exams(context):
        return _needs_exams(context)
    if target_of(context) is not None:
        return None
    if context.session.worklist.shown:
        return "no exam is chosen; choose a row of the worklist."
    return "the open exam is not on the worklist; open one with {worklist.toggle}."


def target_of(context: Context) -> str | None:
    """Return the key of the exam that a command is about."""
    worklist = context.session.worklist
    key = worklist.selected if worklist.shown else worklist.current
    return key if worklist.get(key) is not None else None


def _needs_neighbour(context: Context, step: int) -> str | None:
    reason = _needs_exams(context)
    if reason is not None:
        return reason
    worklist = context.session.worklist
    if worklist.neighbour(step) is not None:
        return None
    if not worklist.rows():
        return "the filter of the worklist leaves no exam; clear it with {worklist.clear_filter}."
    return f"this is the {'last' if step > 0 else 'first'} exam of the worklist."


def _needs_next(context: Context) -> str | None:
    return _needs_neighbour(context, +1)


def _needs_previous(context: Context) -> str | None:
    return _needs_neighbour(context, -1)


@command(
    "worklist.toggle",
    "Worklist",
    keys="Ctrl+L",
    group=_GROUP,
    icon="list",
    checked=lambda context: context.session.worklist.shown,
)
def toggle(context: Context) -> None:
    """Show the list of exams over the images, or put it away."""
    context.session.worklist.show(not context.session.worklist.shown)


@command("worklist.add_folder", "Add folder to worklist", keys="Ctrl+Shift+L", group=_GROUP, icon="folder-plus")
def add_folder(context: Context) -> None:
    """Choose a folder whose exams are listed from now on; it is looked through again at every start."""
    context.actions.worklist.add_folder_dialog()


@command("worklist.add_folders", "Add folders", group=_GROUP, takes="folders")
def add_folders(context: Context, folders: Sequence[Path]) -> None:
    """List folders that were dropped on the table."""
    context.actions.worklist.add_folders(folders)


@command("worklist.remove_folder", "Remove folder", group=_GROUP, takes="folder")
def remove_folder(context: Context, folder: str) -> None:
    """Take a folder and its exams off the worklist; no file is touched, and AI results are kept."""
    context.actions.worklist.remove_folder(folder)


@command("worklist.next", "Next exam", keys="Ctrl+PgDown", group=_GROUP, icon="chevron-down", why_disabled=_needs_next)
def next_exam(context: Context) -> None:
    """Open the next exam of the worklist as it is sorted and filtered."""
    context.actions.worklist.step(+1)


@command(
    "worklist.previous", "Previous exam", keys="Ctrl+PgUp", group=_GROUP, icon="chevron-up",
    why_disabled=_needs_previous,
)  # fmt: skip
def previous_exam(context: Context) -> None:
    """Open the previous exam of the worklist as it is sorted and filtered."""
    context.actions.worklist.step(-1)


@command("worklist.open", "Open", group=_GROUP, takes="key of the exam")
def open_exam(context: Context, key: str) -> None:
    """Open a listed exam."""
    context.actions.worklist.open(key)


@command("worklist.done_next", "Done, next exam", keys="Ctrl+Return", group=_GROUP, why_disabled=_needs_target)
def done_and_next(context: Context) -> None:
    """Mark the exam as done and open the next one."""
    worklist = context.session.worklist
    context.actions.worklist.set_state([target_of(context) or ""], "done")
    if not worklist.shown and worklist.neighbour(+1) is not None:
        context.actions.worklist.step(+1)


def _mark(state: ReadState, label: str, key: str) -> None:
    @command(
        f"worklist.mark_{state}",
        label,
        keys=key,
        group=_GROUP,
        why_disabled=_needs_target,
        checked=lambda context: (
            (exam := context.session.worklist.get(target_of(context) or "")) is not None and exam.state == state
        ),
    )
    def mark(context: Context) -> None:
        """Say how far you are with the exam: the chosen row of the worklist, else the open exam."""
        context.actions.worklist.set_state([target_of(context) or ""], state)


_mark("done", "Mark as done", "Ctrl+D")
_mark("seen", "Mark as seen", "")
_mark("new", "Mark as new", "Ctrl+Shift+D")


# -- looking for what changed ------------------------------------------------------------------------------------


def _why_not_rescan(context: Context) -> str | None:
    if context.session.worklist.scan is not None:
        return "the folders are being read; {worklist.cancel_scan} stops it."
    return _needs_folder(context)


@command(
    "worklist.rescan", "Read folders again", keys="F5", group=_GROUP, icon="rotate-cw", why_disabled=_why_not_rescan
)
def rescan(context: Context) -> None:
    """Look for exams that were added to the listed folders, changed or removed."""
    context.actions.worklist.rescan()


def _needs_scan(context: Context) -> str | None:
    return None if context.session.worklist.scan is not None else "no folder is being read."


@command("worklist.cancel_scan", "Stop reading folders", group=_GROUP, icon="x", why_disabled=_needs_scan)
def cancel_scan(context: Context) -> None:
    """Stop looking through the folders; what was found is kept."""
    context.actions.worklist.cancel_scan()


def _needs_gone(context: Context) -> str | None:
    gone = any(exam.missing for exam in context.session.worklist.exams)
    return None if gone else "the files of all listed exams are there."


@command("worklist.forget_gone", "Remove exams whose files are gone", group=_GROUP, why_disabled=_needs_gone)
def forget_gone(context: Context) -> None:
    """Take exams off the list whose files were deleted; those of a folder that is not connected stay."""
    context.actions.worklist.forget_gone()


# -- the table ---------------------------------------------------------------------------------------------------


@command("worklist.filter", "Filter", group=_GROUP, takes="filter")
def set_filter(context: Context, wanted: WorklistFilter) -> None:
    """Show only some exams."""
    if context.session.identity_hidden:  # what remains under a name would tell whose exam it is
        wanted = replace(wanted, patient="", first_date="", last_date="")
    context.session.worklist.set_filter(wanted)


@command("worklist.sort", "Sort", group=_GROUP, takes="column, descending")
def set_sort(context: Context, column: SortColumn, descending: bool) -> None:
    """Sort the table by a column."""
    if column == "score" and context.session.worklist.ai_hidden:
        context.session.notice.emit("hint", "All AI is hidden: show it to sort by its scores.")
        return
    context.session.worklist.set_sort(column, descending)


def _needs_filter(context: Context) -> str | None:
    filtered = context.session.worklist.filter != WorklistFilter()
    return None if filtered else "all exams are shown."


@command("worklist.clear_filter", "Show all exams", group=_GROUP, icon="x", why_disabled=_needs_filter)
def clear_filter(context: Context) -> None:
    """Clear all filters of the worklist."""
    context.session.worklist.set_filter(WorklistFilter())


# -- AI over the list --------------------------------------------------------------------------------------------


def _why_not_run(context: Context) -> str | None:
    if context.session.worklist.run.active:
        return "it is under way; {worklist.pause_ai} pauses it."
    return _needs_exams(context)


@command(
    "worklist.run_ai",
    "Run AI over the worklist",
    keys="Ctrl+Alt+R",
    group=_GROUP,
    icon="scan-search",
    why_disabled=_why_not_run,
)
def run_ai(context: Context) -> None:
    """Let the networks read all listed exams that have no results yet; or go on after a pause."""
    paused = context.session.worklist.run.state == "paused"
    context.actions.worklist.run_ai("resume" if paused else "start")


def _needs_active_run(context: Context) -> str | None:
    return None if context.session.worklist.run.active else "AI is not running over the worklist."


@command(
    "worklist.pause_ai",
    "Pause AI over the worklist",
    keys="Ctrl+Alt+P",
    group=_GROUP,
    icon="pause",
    why_disabled=_needs_active_run,
)
def pause_ai(context: Context) -> None:
    """Stop for now; finished images keep their results, and it stays paused until you let it go on."""
    context.actions.worklist.run_ai("pause")


def _needs_run(context: Context) -> str | None:
    return "AI is not running over the worklist." if context.session.worklist.run.state == "off" else None


@command("worklist.cancel_ai", "End AI over the worklist", group=_GROUP, icon="x", why_disabled=_needs_run)
def cancel_ai(context: Context) -> None:
    """End the run over the worklist; what was computed is kept."""
    context.actions.worklist.run_ai("cancel")
