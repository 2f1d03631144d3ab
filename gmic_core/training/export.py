"""Final weights: float16 safetensors that say what they are, for the weights code, the viewer and the shelf."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from gmic_core.errors import TrainingError
from gmic_core.models.registry import get_spec
from gmic_core.models.weight_metadata import WeightMetadata, simulated_only
from gmic_core.training.experiment import Experiment

LICENCE = "Apache-2.0"
MAX_FILE_BYTES = 30_000_000


def export_weights(
    path: Path,
    experiment: Experiment,
    state: Mapping[str, Tensor],
    description: Mapping[str, object],
    results: Mapping[str, float],
) -> None:
    """Write a network's state with its metadata.

    Parameters
    ----------
    description : of the training data, from :class:`~gmic_core.training.samples.TrainingData`.
    results : the validation's numbers of these weights.

    Raises
    ------
    TrainingError
        If a number is not finite or does not fit into float16, or the file cannot be written.
    """
    tensors = {key: _halved(key, value) for key, value in state.items()}
    texts = metadata(experiment, description, results)
    partial = path.with_name(path.name + ".part")
    try:
        save_file(tensors, str(partial), metadata=texts)
        partial.replace(path)
    except OSError as error:
        raise TrainingError(f"{path} cannot be written ({error.strerror or error}); make room, then resume.") from error


def metadata(experiment: Experiment, description: Mapping[str, object], results: Mapping[str, float]) -> dict[str, str]:
    """Return the texts of a weight file's header."""
    spec = get_spec(experiment.model)
    data = str(description.get("training_data") or "not stated")
    simulated = experiment.data.source == "phantom" or bool(description.get("simulated"))
    known = WeightMetadata(
        model=experiment.model,
        hyper=dataclasses.asdict(spec.hyper(**experiment.network.hyper())),
        training_data=simulated_only(data) if simulated else data,
        licence=LICENCE if simulated else "that of whoever trained them and of the data",
        statement=experiment.title,
        trained_input=experiment.trained_input,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    return known.as_text() | {
        "name": experiment.name,
        "seed": str(experiment.seed),
        "experiment": json.dumps(experiment.as_dict(), sort_keys=True),
        "data": json.dumps(dict(description), sort_keys=True, default=str),
        "validation": json.dumps({key: round(value, 6) for key, value in results.items()}, sort_keys=True),
    }


def _halved(key: str, value: Tensor) -> Tensor:
    """Return float16 where there are many numbers; scales, shifts and statistics of norms stay exact, they are few."""
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point():
        return value.clone()
    half = value.to(torch.float16 if value.ndim > 1 else torch.float32)
    if not bool(torch.isfinite(half).all()):
        raise TrainingError(f"The weights {key} are not finite or too large for float16; resume from an earlier state.")
    return half.clone()
