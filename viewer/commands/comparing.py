"""Whole folders: saliency against segmentations as ``gmic-core compare`` does it, and tables of BCS-DBT."""

from __future__ import annotations

from gmic_core.types import Finding
from viewer.commands.context import Context
from viewer.commands.requests import ComparedFile
from viewer.commands.table import command

GROUP = "Comparison"
BUSY = "something is being compared or saved; wait for it, or stop it with {compare.stop}."
_CHOOSE = "choose the folder with the {} first."


def _needs_free(context: Context) -> str | None:
    return BUSY if context.session.comparing.work is not None else None


def _needs_folders(context: Context) -> str | None:
    wish, classes = context.session.comparing.wish, context.session.comparing.classes
    if wish.results is None:
        return _CHOOSE.format("results")
    if wish.segmentations is None:
        return _CHOOSE.format("segmentations")
    if wish.by_map and not any(finding is not None for finding in classes.values()):
        return "the map of labels names no benign or malignant label; add one, or count every label as malignant."
    return _needs_free(context)


def _needs_map(context: Context) -> str | None:
    return None if context.session.comparing.classes else "the map of labels is empty; add a label first."


def _needs_work(context: Context) -> str | None:
    return None if context.session.comparing.work is not None else "nothing is being compared."


def _needs_found(context: Context) -> str | None:
    if context.session.comparing.found is None:
        return "nothing was compared yet; {compare.folder} does it."
    return _needs_free(context)


def _needs_chosen(context: Context) -> str | None:
    if context.session.comparing.found is None:
        return "nothing was compared yet; {compare.folder} does it."
    return None if context.session.comparing.chosen is not None else "no row is chosen; choose one of the table."


def _needs_tables(context: Context) -> str | None:
    tables = context.session.comparing.tables
    if tables.submission is None:
        return "choose the table of the submission first."
    return "choose the table of boxes first." if tables.boxes is None else _needs_free(context)


def _needs_paths(context: Context) -> str | None:
    if context.session.comparing.wish.results is None:
        return _CHOOSE.format("results")
    if context.session.comparing.tables.paths is None:
        return "choose BCS-DBT's table of file paths first; it names the volumes."
    return _needs_free(context)


@command("compare.folder", "Compare a folder", keys="Ctrl+Alt+C", group=GROUP, icon="columns-3")
def folder(context: Context) -> None:
    """Measure a folder of saliency against a folder of segmentations: Dice, PxAP, FROC, all tables."""
    context.actions.comparisons.show()


@command("compare.choose_results", "Choose results", group=GROUP, icon="folder-open")
def choose_results(context: Context) -> None:
    """Choose the output of gmic-core predict, or a folder of saliency files."""
    context.actions.comparisons.choose_folder("results")


@command("compare.choose_segmentations", "Choose segmentations", group=GROUP, icon="folder-open")
def choose_segmentations(context: Context) -> None:
    """Choose the folder of label maps or masks, which are named after their images."""
    context.actions.comparisons.choose_folder("segmentations")


@command("compare.by_map", "Labels as in the map", group=GROUP, checked=lambda c: c.session.comparing.wish.by_map)
def by_map(context: Context) -> None:
    """Let the map of labels say what is benign, malignant or does not count; else every label is malignant."""
    context.session.comparing.choose(by_map=not context.session.comparing.wish.by_map)


@command("compare.same_size", "Compare where only the size fits", group=GROUP,
         checked=lambda c: c.session.comparing.wish.same_size)  # fmt: skip
def same_size(context: Context) -> None:
    """Compare pixel by pixel where only the size fits, not the place in space; else such files are refused."""
    context.session.comparing.choose(same_size=not context.session.comparing.wish.same_size)


@command("compare.set_class", "Class of a label", group=GROUP, takes="label, class")
def set_class(context: Context, label: int, finding: Finding | None) -> None:
    """Say whether a label is benign, malignant, or does not count."""
    context.session.comparing.set_class(label, finding)


@command("compare.forget_label", "Take a label out of the map", group=GROUP, takes="label")
def forget_label(context: Context, label: int) -> None:
    """Take a label out of the map; it does not count then."""
    context.session.comparing.forget_label(label)


@command("compare.load_map", "Load map of labels", group=GROUP, icon="folder-open")
def load_map(context: Context) -> None:
    """Read from a TOML file which label is which class, as gmic-core compare --map does."""
    context.actions.comparisons.load_map()


@command("compare.save_map", "Save map of labels", group=GROUP, icon="download", why_disabled=_needs_map)
def save_map(context: Context) -> None:
    """Write the map to a TOML file that gmic-core compare --map reads."""
    context.actions.comparisons.save_map()


@command("compare.run", "Compare", group=GROUP, icon="play", why_disabled=_needs_folders)
def compare(context: Context) -> None:
    """Compare every image that has a map and a segmentation; the window stays usable meanwhile."""
    context.actions.comparisons.compare()


@command("compare.stop", "Stop comparing", group=GROUP, icon="x", why_disabled=_needs_work)
def stop(context: Context) -> None:
    """Stop what is being compared, scored or saved; what was shown before stays."""
    context.actions.comparisons.stop()


@command("compare.save", "Save comparison", group=GROUP, icon="download", why_disabled=_needs_found)
def save(context: Context) -> None:
    """Write metrics.csv, images.csv, summary.csv, froc.csv, not_compared.csv and report.html to a folder."""
    context.actions.comparisons.save()


@command("compare.open_image", "Open compared image", group=GROUP, icon="maximize-2", why_disabled=_needs_chosen)
def open_image(context: Context) -> None:
    """Show the image of the chosen row, when its exam is open or on the worklist."""
    chosen = context.session.comparing.chosen
    if chosen is not None:
        context.actions.comparisons.open_image(chosen.image)


@command("compare.sort", "Sort the comparison", group=GROUP, takes="column, descending")
def sort(context: Context, column: str, descending: bool) -> None:
    """Sort the table by a column; figures that do not exist stand last."""
    context.session.comparing.show(column=column, descending=descending)


@command("compare.filter", "Filter the comparison", group=GROUP, takes="words, class")
def narrow(context: Context, text: str, finding: Finding | None) -> None:
    """Show only images with these words in their name, and one class."""
    context.session.comparing.show(text=text, finding=finding)


@command("compare.per_label", "A row per label", group=GROUP, checked=lambda c: c.session.comparing.shown.per_label)
def per_label(context: Context) -> None:
    """Show each label of an image in a row of its own; else all labels of a class together."""
    context.session.comparing.show(per_label=not context.session.comparing.shown.per_label)


@command("compare.turn", "Turn the order round", group=GROUP, checked=lambda c: c.session.comparing.shown.descending)
def turn(context: Context) -> None:
    """Sort the other way round; figures that do not exist stand last all the same."""
    context.session.comparing.show(descending=not context.session.comparing.shown.descending)


@command("compare.choose_table", "Choose a table of BCS-DBT", group=GROUP, takes="submission, boxes or paths")
def choose_table(context: Context, what: ComparedFile) -> None:
    """Choose a submission, a table of boxes or a table of file paths."""
    context.actions.comparisons.choose_table(what)


@command("compare.set_slices", "Slices of volumes", group=GROUP, takes="number")
def set_slices(context: Context, slices: int) -> None:
    """Say how many slices volumes have of which no table says it; 0: not known."""
    context.session.comparing.choose_tables(slices=slices)


@command("compare.score", "Score a submission", group=GROUP, icon="play", why_disabled=_needs_tables)
def score(context: Context) -> None:
    """Draw the FROC curve of a submission against the boxes of BCS-DBT."""
    context.actions.comparisons.score()


@command("compare.peaks", "Export peaks", group=GROUP, checked=lambda c: c.session.comparing.tables.peaks)
def peaks(context: Context) -> None:
    """Export the peaks of the malignant maps, by their saliency; else the network's patches, by their attention."""
    context.session.comparing.choose_tables(peaks=not context.session.comparing.tables.peaks)


@command("compare.export", "Export results as submission", group=GROUP, icon="download", why_disabled=_needs_paths)
def export(context: Context) -> None:
    """Write patches or peaks of predicted volumes as a submission to DBTex, as gmic-core boxes does."""
    context.actions.comparisons.export()
