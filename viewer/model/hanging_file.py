"""Hanging protocols as files: the ones of the program and the user's own.

The format is described in ``docs/guide/hanging.md``; :mod:`viewer.model.hanging_parse` checks it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path

from gmic_core.errors import ProtocolFileError
from viewer.model.hanging_parse import GUIDE, ProtocolReader
from viewer.model.hanging_rules import Protocol


def load_protocols(extra_dir: Path | None = None, on_error: Callable[[str], None] | None = None) -> dict[str, Protocol]:
    """Return all protocols by id: the ones of the program, then those of a folder, which may replace them.

    Parameters
    ----------
    extra_dir : folder with the user's ``*.toml`` files; it need not exist.
    on_error : told about a wrong file of the user, which is then left out; without it the error is raised.

    Raises
    ------
    ProtocolFileError
        If a file is wrong and nobody wants to be told.
    """
    shipped = resources.files("resources").joinpath("hanging")
    protocols: dict[str, Protocol] = {}
    for entry in sorted(shipped.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".toml"):
            protocol = parse_protocol(entry.read_text("utf-8"), entry.name)
            protocols[protocol.id] = protocol
    for path in sorted(extra_dir.glob("*.toml")) if extra_dir is not None and extra_dir.is_dir() else ():
        try:
            protocol = read_protocol(path)
        except ProtocolFileError as error:
            if on_error is None:
                raise
            on_error(f"{error} The other hanging protocols are in force.")
        else:
            protocols[protocol.id] = protocol
    return protocols


def read_protocol(path: Path) -> Protocol:
    """Return the protocol of a file.

    Raises
    ------
    ProtocolFileError
        If it cannot be read or is wrong; the message names file, line and field.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProtocolFileError(f"{path}, line 1, field format: the file cannot be read as text ({error}).") from error
    return parse_protocol(text, str(path))


def parse_protocol(text: str, name: str) -> Protocol:
    """Return the protocol that a text describes; ``name`` is the file's name in messages.

    Raises
    ------
    ProtocolFileError
        If it is wrong; the message names file, line and field.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _error_line(error, text)
        raise ProtocolFileError(
            f"{name}, line {line}, field {_field_at(text, line)}: this is not TOML ({error}); see {GUIDE}."
        ) from error
    return ProtocolReader(text, name).protocol(data)


def _error_line(error: tomllib.TOMLDecodeError, text: str) -> int:
    found = re.search(r"at line (\d+)", str(error))
    return int(found[1]) if found else max(len(text.splitlines()), 1)


def _field_at(text: str, line: int) -> str:
    """Return the field of a line, or the last one before it: an unclosed bracket is noticed further down only."""
    for written in reversed((text.splitlines() or [""])[:line]):
        found = re.match(r"\s*\"?([\w-]+)\"?\s*=", written)
        if found:
            return found[1]
    return "format"
