"""``results.json`` of any number of images, written piece by piece: byte for byte what ``json.dumps`` would give."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gmic_core.inference.document import finite
from gmic_core.inference.export import write_atomically


def write_results(
    folder: Path, head: Mapping[str, Any], images: Iterable[Mapping[str, Any]], tail: Mapping[str, Any]
) -> Path:
    """Write ``results.json``.

    Parameters
    ----------
    head, tail : what stands before and behind ``images``.
    images : entries, taken one at a time.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    path = folder / "results.json"
    write_atomically(path, (text.encode() for text in _pieces(head, images, tail)))
    return path


def _pieces(head: Mapping[str, Any], images: Iterable[Mapping[str, Any]], tail: Mapping[str, Any]) -> Iterator[str]:
    yield "{"
    for key, value in head.items():
        yield f"\n {json.dumps(key)}: {_indented(value, 1)},"
    yield '\n "images": ['
    between = ""
    for entry in images:
        yield f"{between}\n  {_indented(entry, 2)}"
        between = ","
    yield "\n ]" if between else "]"
    for key, value in tail.items():
        yield f",\n {json.dumps(key)}: {_indented(value, 1)}"
    yield "\n}"


def _indented(value: Any, depth: int) -> str:
    """Return JSON as it looks inside of others; line breaks within texts are escaped, so all others are layout."""
    text = json.dumps(finite(value), indent=1, allow_nan=False)
    return text.replace("\n", "\n" + " " * depth)
