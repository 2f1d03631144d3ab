"""Model cards as Markdown: what a network is, what it was made for, what its weights are, what it must not be used for.

Weights that come with the program have a card of their own; for others it is put together from the registry and from
what was noted when they were imported. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path

from gmic_core.errors import WeightsError
from gmic_core.models.registry import ModelSpec, get_spec
from gmic_core.models.shipped import CARD_SUFFIX, ShippedWeights
from gmic_core.models.store import WeightsStore

RESEARCH_ONLY = "Research use only. Not for diagnosis."
RANDOM_PREFIX = "random:"


def model_card(model: str, weights: str) -> str:
    """Return the card of a network with one set of weights.

    Parameters
    ----------
    weights : name as in a result's provenance: stored or shipped weights, ``random:SEED``, the name of a file.

    Raises
    ------
    ModelError
        If there is no such network.
    WeightsError
        If what is known about the weights cannot be read.
    """
    spec = get_spec(model)
    return "\n\n".join(
        [f"# {spec.title}", f"**{RESEARCH_ONLY}**", _network(spec), _weights(spec, weights), _limits(spec)]
    )


def _network(spec: ModelSpec) -> str:
    inputs = "; ".join(
        f"{entry.modality}: {entry.rows}x{entry.columns} pixels of {entry.spacing_mm:g} mm" for entry in spec.inputs
    )
    rows = [
        ("Network", f"`{spec.name}`, {spec.parameters:,} parameters"),
        ("Paper", spec.paper),
        ("Made for", ", ".join(spec.accepts)),
        ("Takes as well", f"{', '.join(spec.tolerates)}. {spec.tolerance_note}" if spec.tolerates else ""),
        ("Input", inputs),
        ("Published weights", spec.weights_licence),
        ("They were trained on", spec.training_data),
    ]
    return _table(rows)


def _weights(spec: ModelSpec, weights: str) -> str:
    if weights.startswith(RANDOM_PREFIX):
        return f"## Weights {weights}\n\nRandom numbers, UNTRAINED: scores and maps are noise and mean nothing."
    shipped, store = ShippedWeights(), WeightsStore()
    name = shipped.find(weights)
    if name is not None:
        card = shipped.folder / f"{name}{CARD_SUFFIX}"
        return _without_heading(card, name) if card.is_file() else f"## Weights {name}\n\n{shipped.statement(name)}"
    name = store.find(weights)
    if name is None:
        return (
            f"## Weights {Path(weights).name}\n\nA file that was not imported: nothing is known about how it was "
            "trained. Import it with `gmic-core models import FILE`."
        )
    record = store.record(name)
    hyper = ", ".join(f"{key} = {value}" for key, value in sorted(record.hyper.items()))
    rows = [
        ("SHA-256", f"`{record.sha256}`"),
        ("From the file", record.origin),
        ("Imported", record.imported),
        ("Trained on", record.training_data),
        ("Licence", record.licence),
        ("Hyperparameters", hyper),
    ]
    return f"## Weights {record.name}\n\n{_table(rows)}"


def _without_heading(card: Path, name: str) -> str:
    """Return a shipped card one level below the network's heading.

    Raises
    ------
    WeightsError
        If it cannot be read.
    """
    try:
        lines = card.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise WeightsError(
            f"The card of the weights '{name}' cannot be read ({error.strerror or error}); install the program again."
        ) from error
    if lines and lines[0].startswith("# "):
        lines[0] = f"# Weights {lines[0][2:]}"
    return "\n".join(f"#{line}" if line.startswith("#") else line for line in lines)


def _limits(spec: ModelSpec) -> str:
    points = [
        "The scores are outputs of a network between 0 and 1, no calibrated probabilities of cancer.",
        "Maps and patches show where the network looked, not where a finding is.",
        "The networks saw Hologic images only; other makers, special views, magnifications and images for processing "
        "are outside what they were made for, and are marked in amber.",
        "Implants, priors, age, density and the other breast are not taken into account.",
    ]
    if spec.is_3d:
        points.append("A volume with a single slice, or a part of one, is outside what it was made for.")
    return "## What to keep in mind\n\n" + "\n".join(f"* {point}" for point in points)


def _table(rows: list[tuple[str, str]]) -> str:
    lines = [f"| {name} | {_cell(value)} |" for name, value in rows if value]
    return "\n".join(["| | |", "|---|---|", *lines])


def _cell(value: str) -> str:
    """Keep text that comes from a file from breaking the table, or from becoming a picture or a link."""
    return value.replace("\n", " ").replace("|", "\\|").replace("[", "\\[").replace("<", "&lt;")
