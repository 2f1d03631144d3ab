"""What a safetensors file says about its weights beside the numbers. Imports no torch.

The keys of the header's ``__metadata__`` (text to text) that this project writes and reads:

model           network, as in the registry
hyper           hyperparameters as a JSON object, all that the network has
training_data   what the weights were trained on; begins with :data:`SIMULATED_ONLY` where no patient was among it
licence         of the weights
statement       the model card in one line
created         ISO 8601, UTC
input           window and pixel size that they were trained at, as JSON, where these are not the network's usual ones
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path

from gmic_core.errors import WeightsError
from gmic_core.models.trained_input import TrainedInput
from gmic_core.types import SIMULATED_ONLY

MAX_HEADER_BYTES = 16 << 20
"""The header of a network here has about 60 kB."""


@dataclass(frozen=True)
class WeightMetadata:
    """What a weight file says of itself; "" and {} where it is silent.

    Attributes
    ----------
    hyper : hyperparameters by name.
    """

    model: str = ""
    hyper: dict[str, object] = field(default_factory=dict)
    training_data: str = ""
    licence: str = ""
    statement: str = ""
    created: str = ""
    trained_input: TrainedInput | None = None

    def as_text(self) -> dict[str, str]:
        """Return what is written into the file; keys that have nothing to say are left out."""
        texts = {
            "model": self.model,
            "hyper": json.dumps(self.hyper, sort_keys=True) if self.hyper else "",
            "training_data": self.training_data,
            "licence": self.licence,
            "statement": self.statement,
            "created": self.created,
            "input": self.trained_input.as_text() if self.trained_input else "",
        }
        return {key: text for key, text in texts.items() if text}


def simulated_only(data: str) -> str:
    """Return a sentence on training data that says first that no patient was among it."""
    return data if data.startswith(SIMULATED_ONLY) else f"{SIMULATED_ONLY}: {data}" if data else SIMULATED_ONLY


def read_metadata(path: Path) -> WeightMetadata:
    """Return what a weight file says of itself; nothing where it is no safetensors file or has no such header.

    Raises
    ------
    WeightsError
        If the hyperparameters or the input size in it cannot be read.
    OSError
        If the file cannot be read.
    """
    texts = _header_texts(path)
    try:
        hyper = json.loads(texts.get("hyper") or "{}")
    except ValueError:
        hyper = None
    if not isinstance(hyper, dict):
        raise WeightsError(
            f"{path.name} states hyperparameters that cannot be read; export it again from the training run."
        )
    plain = ("model", "training_data", "licence", "statement", "created")
    stated = texts.get("input")
    trained = TrainedInput.parse(stated, path.name) if stated else None
    return WeightMetadata(hyper=hyper, trained_input=trained, **{key: texts.get(key, "") for key in plain})


def _header_texts(path: Path) -> dict[str, str]:
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= MAX_HEADER_BYTES:
            return {}
        header = file.read(length)
    if not header.startswith(b"{"):
        return {}
    try:
        found = json.loads(header).get("__metadata__", {})
    except ValueError:  # no safetensors file, or a damaged one: whoever reads the numbers says so
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
