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

SUFFIX = ".toml"
NOT_READ = (".json", ".yaml", ".yml")
"""What protocols of other programs are written in: left out silently, one would be looked for in vain."""


def load_protocols(extra_dir: Path | None = None, on_error: Callable[[str], None] | None = None) -> dict[str, Protocol]:
    """Return all protocols by id: the ones of the program, then those of a folder, which may replace them.

    Parameters
    ----------
    extra_dir : folder with the user's TOML files; it need not exist.
    on_error : told about a wrong file of the user, which is then left out; without it the error is raised.

    Raises
    ------
    ProtocolFileError
        If a file is wrong and nobody wants to be told.
    """
    shipped = resources.files("resources").joinpath("hanging")
    protocols: dict[str, Protocol] = {}
    for entry in sorted(shipped.iterdir(), key=lambda item: item.name):
        if entry.name.endswith(SUFFIX):
            protocol = parse_protocol(entry.read_text("utf-8"), entry.name)
            protocols[protocol.id] = protocol
    own: dict[str, str] = {}
    for path in _files(extra_dir):
        try:
            protocol = read_protocol(path)
            _only_one(protocol, path, own)
        except ProtocolFileError as error:
            if on_error is None:
                raise
            on_error(f"{error} The other hanging protocols are in force.")
        else:
            protocols[protocol.id] = protocol
    return protocols


def _files(folder: Path | None) -> list[Path]:
    """Return what means to be a protocol in a folder; other files there are the user's own business."""
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (SUFFIX, *NOT_READ))


def read_protocol(path: Path) -> Protocol:
    """Return the protocol of a file.

    Raises
    ------
    ProtocolFileError
        If it cannot be read or is wrong; the message names file, line and field.
    """
    if path.suffix.lower() in NOT_READ:
        raise ProtocolFileError(
            f"{path}, line 1, field format: a hanging protocol is a {SUFFIX} file, this one is not read. See {GUIDE}."
        )
    return parse_protocol(_text_of(path), str(path))


def _text_of(path: Path) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")  # editors of Windows write a mark in front
    except OSError as error:
        raise ProtocolFileError(f"{path}, line 1, field format: the file cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace") + "?"
        line = len(before.splitlines())
        raise ProtocolFileError(
            f"{path}, line {line}, field {_field_at(before, line)}: the file cannot be read as text "
            f"({error.reason}); save it in UTF-8."
        ) from error


def _only_one(protocol: Protocol, path: Path, own: dict[str, str]) -> None:
    """Refuse a second file of the user's with an id: which of two copies counts would be chance."""
    first = own.setdefault(protocol.id, path.name)
    if first != path.name:
        line = next((n for n, text in enumerate(_text_of(path).splitlines(), 1) if _names_id(text)), 1)
        raise ProtocolFileError(f'{path}, line {line}, field id: {first} has the id "{protocol.id}" already.')


def _names_id(line: str) -> bool:
    return re.match(r"\s*\"?id\"?\s*=", line) is not None


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
