"""``gmic-core models``: the networks, and the weights that the user has brought."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gmic_core.errors import ModelError, WeightsError
from gmic_core.models.registry import ModelSpec, available_models, get_spec
from gmic_core.models.store import WeightsRecord, WeightsStore

if TYPE_CHECKING:
    from gmic_core.cli import Subparsers


def add_parser(subparsers: Subparsers) -> argparse.ArgumentParser:
    """Add ``models list | import | show | verify``."""
    from gmic_core.cli import COMMANDS

    parser = subparsers.add_parser("models", help=COMMANDS["models"], description=COMMANDS["models"].capitalize() + ".")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", help="default: list")
    parser.set_defaults(json=False)
    listing = actions.add_parser("list", help="list the networks and the stored weights")
    importing = actions.add_parser("import", help="check a weight file and store it")
    importing.add_argument("file", type=Path, metavar="FILE", help="published .p file, .pt, .pth or .safetensors")
    importing.add_argument("--as", dest="name", metavar="NAME", help="name in the store; default: the file's name")
    importing.add_argument("--model", metavar="MODEL", help="network it is for; default: the first one that it fits")
    importing.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="hyperparameter to record, e.g. top_t=0.05; default: the published setting that the file name tells",
    )
    showing = actions.add_parser("show", help="show all that is known about a network or stored weights")
    showing.add_argument("name", metavar="NAME")
    verifying = actions.add_parser("verify", help="recompute the SHA-256 of all stored weights; exit 1 if any differs")
    for action in (listing, importing, showing, verifying):
        action.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    actions = {"list": _list, "import": _import, "show": _show, "verify": _verify}
    return actions[args.action or "list"](args)


def _list(args: argparse.Namespace) -> int:
    store = WeightsStore()
    specs = [get_spec(name) for name in available_models()]
    records, damaged = _records(store, store.names())
    found, unreadable = _records(store, store.shipped.names())
    shipped = [(record, store.shipped.statement(record.name)) for record in found]
    damaged += unreadable
    if args.json:
        weights = [dataclasses.asdict(record) for record in records]
        ours = [dataclasses.asdict(record) | {"statement": statement} for record, statement in shipped]
        networks = [_spec_values(spec) for spec in specs]
        print(json.dumps({"models": networks, "weights": weights, "shipped": ours, "damaged": damaged}))
        return 0
    print("Networks")
    for spec in specs:
        print(f"  {spec.name:<12} {', '.join(spec.accepts):<10} {spec.parameters:>12,} parameters  {spec.title}")
    if shipped:
        print("Shipped weights")
    for record, statement in shipped:
        print(f"  {record.name:<28} {record.model:<12} {record.sha256[:12]}  {statement}")
    print(f"Stored weights ({store.folder})")
    for record in records:
        print(f"  {record.name:<28} {record.model:<12} {record.sha256[:12]}  from {record.origin}")
    for message in damaged:
        print(f"  {message}")
    if not records and not damaged:
        print("  none yet: gmic-core models import FILE")
    return 0


def _records(store: WeightsStore, names: list[str]) -> tuple[list[WeightsRecord], list[str]]:
    """Return the readable records, and a message for each other one: one damaged record must not hide the rest."""
    records: list[WeightsRecord] = []
    damaged: list[str] = []
    for name in names:
        try:
            records.append(store.record(name))
        except WeightsError as error:
            damaged.append(str(error))
    return records, damaged


def _import(args: argparse.Namespace) -> int:
    settings = parse_settings(args.settings)
    from gmic_core.models.weights import import_weights  # imports torch

    record = import_weights(args.file, name=args.name, model=args.model, overrides=settings)
    if args.json:
        print(json.dumps(dataclasses.asdict(record)))
        return 0
    print(f"Stored as '{record.name}' for {record.model}.")
    _print_values(dataclasses.asdict(record))
    return 0


def parse_settings(words: list[str]) -> dict[str, object]:
    """Return the hyperparameters given as KEY=VALUE words; numbers become numbers.

    Raises
    ------
    ModelError
        If a word has another form.
    """
    settings: dict[str, object] = {}
    for word in words:
        key, equals, text = word.partition("=")
        if not key or not equals or not text:
            raise ModelError(f"'{word}' is not KEY=VALUE; write for example --set top_t=0.05.")
        settings[key.strip()] = _value(text.strip())
    return settings


def _value(text: str) -> object:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _show(args: argparse.Namespace) -> int:
    if args.name in available_models():
        values = _spec_values(get_spec(args.name))
    else:
        values = _weights_values(WeightsStore(), args.name)
    if args.json:
        print(json.dumps(values))
    else:
        _print_values(values)
    return 0


def _weights_values(store: WeightsStore, name: str) -> dict[str, object]:
    values = dataclasses.asdict(store.record(name))
    if name not in store.names() and (shipped := store.shipped.find(name)) is not None:
        values["statement"] = store.shipped.statement(shipped)
    return values


def _verify(args: argparse.Namespace) -> int:
    checks = WeightsStore().verify()
    if args.json:
        print(json.dumps([dataclasses.asdict(check) for check in checks]))
    elif not checks:
        print("No weights are stored.")
    else:
        for check in checks:
            print(f"{check.status:<10} {check.name}  {check.detail}")
    return 0 if all(check.status == "ok" for check in checks) else 1


def _spec_values(spec: ModelSpec) -> dict[str, object]:
    """Return what a reader wants to know about a network, in plain types."""
    inputs = {
        entry.modality.value: {
            "rows": entry.rows,
            "columns": entry.columns,
            "spacing_mm": entry.spacing_mm,
            "taken_without_resampling_mm": [round(value, 4) for value in entry.spacing_range_mm],
        }
        for entry in spec.inputs
    }
    return {
        "name": spec.name,
        "title": spec.title,
        "paper": spec.paper,
        "weights_licence": spec.weights_licence,
        "training_data": spec.training_data,
        "accepts": [modality.value for modality in spec.accepts],
        "tolerates": [modality.value for modality in spec.tolerates],
        "inputs": inputs,
        "patch_size": list(spec.patch_size),
        "parameters": spec.parameters,
        "defaults": dataclasses.asdict(spec.defaults),
        "released": {str(number): dataclasses.asdict(hyper) for number, hyper in spec.released},
        "preprocessing": list(spec.steps),
        "mask_threshold": spec.mask_threshold,
    }


def _print_values(values: Mapping[str, object], indent: str = "") -> None:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            print(f"{indent}{key}:")
            _print_values(value, indent + "  ")
        else:
            shown = ", ".join(str(part) for part in value) if isinstance(value, list) else value
            print(f"{indent}{key}: {shown if shown not in ('', {}) else '-'}")
