"""One image through the networks of its task: all that a worker computes, on this machine or another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gmic_core.cohort.plan import Outcome, RunOptions, Task, files_stamp
from gmic_core.errors import GmicError
from gmic_core.inference.document import Prediction, finite, image_entry
from gmic_core.inference.export import saliency_files, saliency_name
from gmic_core.types import CLASSES, ImageResult

if TYPE_CHECKING:
    from gmic_core.inference.events import Event
    from gmic_core.inference.network import LoadedNetwork
    from gmic_core.inference.reader import Reader

CHANGED = "The files were changed while the run went on; run the same command again."


def predict_image(
    task: Task,
    networks: Sequence[LoadedNetwork],
    reader: Reader,
    on_event: Callable[[Event], None],
    options: RunOptions | None = None,
) -> Prediction:
    """Run all members on one image, read once for all of them.

    Parameters
    ----------
    options : whether windows are augmented, and results verified.

    Raises
    ------
    GmicError
        If it cannot be done; the message gives the reason.
    """
    from gmic_core.inference.augmented import run_averaged
    from gmic_core.inference.engine import Run, run_members
    from gmic_core.inference.ensemble import ensemble_mean

    options, run = options or RunOptions(), Run(on_event=on_event)
    if options.augmentations:
        result, members = run_averaged(task.image, networks, reader, run, count=options.augmentations)
    else:
        members = run_members(task.image, networks, reader, run)
        result = ensemble_mean(members)
    if options.verify:
        # scores of augmentations are means over other windows: what is verified is the plain one
        note = _verified(task, ensemble_mean(members), networks, reader)
        result = replace(result, notes=(*result.notes, note))
    return Prediction(task.image, task.index, task.study_uid, result, members if len(members) > 1 else ())


def _verified(task: Task, plain: ImageResult, networks: Sequence[LoadedNetwork], reader: Reader) -> str:
    """Return how far a result is from that of the plain modules on the CPU, in words."""
    from gmic_core.inference.verify import reference_networks, verified

    return verified(task.image, plain, reference_networks(networks), reader).notes[-1]


class Networks:
    """The networks of the current task; others are forgotten, so that one system is in memory."""

    def __init__(self, options: RunOptions, kept: int = 1) -> None:
        self.options = options
        self._kept = kept
        self._loaded: dict[tuple[str, tuple[str, ...]], tuple[LoadedNetwork, ...] | GmicError] = {}

    def of(self, task: Task) -> tuple[LoadedNetwork, ...]:
        """Return the members, loading them when they are not those of the last task.

        Raises
        ------
        GmicError
            If they cannot be loaded; tried once only, because a cohort asks for them again with every image.
        """
        key = (task.model, task.refs)
        if key not in self._loaded:
            while len(self._loaded) >= self._kept:
                self._loaded.pop(next(iter(self._loaded)))
            self._loaded[key] = self._load(task)
        found = self._loaded[key]
        if isinstance(found, GmicError):
            raise found
        return found

    def _load(self, task: Task) -> tuple[LoadedNetwork, ...] | GmicError:
        from gmic_core.inference.network import load_network

        try:
            return tuple(load_network(task.model, ref, self.options.device, self.options.mode) for ref in task.refs)
        except GmicError as error:
            return error


def set_threads(options: RunOptions) -> None:
    """Give torch its share of the cores."""
    import torch

    torch.set_num_threads(options.threads)


def outcome_of(task: Task, networks: Networks, reader: Reader, on_event: Callable[[Event], None]) -> Outcome:
    """Do a task; whatever goes wrong becomes a reason."""
    try:
        members = networks.of(task)
    except GmicError as error:
        return Outcome(task.position, reason=str(error), passing=True)
    try:
        prediction = predict_image(task, members, reader, on_event, networks.options)
        if files_stamp(task.image) != task.stamp:
            return Outcome(task.position, reason=CHANGED, passing=True)
        entry = finite(image_entry(prediction, map_names(task.image.sop_uid)))
        return Outcome(task.position, entry, saliency_files(prediction))
    except GmicError as error:
        # a drive that does not answer may do so next time; a file that is damaged stays damaged
        return Outcome(task.position, reason=str(error), passing=isinstance(error.__cause__, OSError))
    except MemoryError:
        reason = "There was not enough memory; run the same command again with fewer workers (--workers)."
        return Outcome(task.position, reason=reason, passing=True)
    except Exception as error:  # noqa: BLE001  # a bug in one image must not cost the others a week-end
        reason = f"The network failed unexpectedly ({type(error).__name__}: {error}); please report this."
        return Outcome(task.position, reason=reason, passing=True)


def map_names(sop_uid: str) -> dict[str, str]:
    """Return where the map of each class is, relative to the folder of the results."""
    return {name: saliency_name(sop_uid, name) for name in CLASSES}
