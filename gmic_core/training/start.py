"""Weights that a run begins with: an earlier run's, a file's, or stored ones."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gmic_core.errors import TrainingError, WeightsError
from gmic_core.models.registry import available_models
from gmic_core.models.weight_files import read_weight_file
from gmic_core.models.weight_fit import checked_state
from gmic_core.models.weights import resolve_weights
from gmic_core.training.checkpoint import BEST, load_best


def starting_state(ref: str, model: str) -> dict[str, Tensor]:
    """Return the state that ``ref`` stands for.

    Parameters
    ----------
    ref : folder of a run or of one of its stages, a weight file, or the name of stored weights of any network.
    model : network that is asked first for stored weights.

    Raises
    ------
    TrainingError
        If there is no such thing.
    """
    path = Path(ref).expanduser()
    if path.is_dir():
        return _of_run(path)
    if path.is_file():
        raw, _ = read_weight_file(path)
        return checked_state(path, raw)
    for name in (model, *(other for other in available_models() if other != model)):
        try:
            return resolve_weights(name, ref).state
        except WeightsError:
            continue  # of another network
    raise TrainingError(f"'{ref}' (start) is neither the folder of a run, nor a weight file, nor stored weights.")


def _of_run(folder: Path) -> dict[str, Tensor]:
    """Return the best state of a stage's folder, or of the last stage of a run's folder."""
    found = [folder / BEST] if (folder / BEST).exists() else sorted(folder.glob(f"[0-9]*-*/{BEST}"))
    if not found:
        raise TrainingError(f"{folder} holds no trained stage (no {BEST}); finish a run there first.")
    return load_best(found[-1].parent)
