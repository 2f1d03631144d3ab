"""Hanging protocols as files: read, check, and say in which file, line and field something is wrong.

The format is described in ``docs/hanging.md``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from gmic_core.errors import ProtocolFileError
from gmic_core.types import Modality

FORMAT = 1
FOCUS, ANY, OTHER = "focus", "any", "other"
"""Words that stand for what the active image has, for everything, and for what no other slot of the file names."""
MAX_SIDE = 6
"""Most rows or columns of a grid."""


@dataclass(frozen=True)
class SlotRule:
    """What may hang in one viewport.

    Attributes
    ----------
    laterality : ``L``, ``R``, ``focus`` or ``any``.
    views, modalities : in order of preference; may hold ``focus``, ``any`` or ``other``.
    title : what hangs here; ``{label}`` stands for the active image's side and view.
    optional : left out when the exam holds none of the named modalities.
    """

    row: int
    column: int
    title: str
    laterality: str
    views: tuple[str, ...]
    modalities: tuple[str, ...]
    optional: bool = False

    @property
    def follows_focus(self) -> bool:
        """Whether the active image decides what hangs here."""
        return FOCUS in (self.laterality, *self.views, *self.modalities)


@dataclass(frozen=True)
class Protocol:
    """One way to arrange an exam.

    Attributes
    ----------
    grid : (rows, columns) of viewports.
    """

    id: str
    label: str
    grid: tuple[int, int]
    slots: tuple[SlotRule, ...]

    @property
    def follows_focus(self) -> bool:
        """Whether the arrangement depends on the active image."""
        return any(slot.follows_focus for slot in self.slots)


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
            on_error(str(error))
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
    """Return the protocol that a text describes; ``name`` is the file's name in messages."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _error_line(error, text)
        raise ProtocolFileError(
            f"{name}, line {line}, field {_field_at(text, line)}: this is not TOML ({error}); see docs/hanging.md."
        ) from error
    return _Reader(text, name).protocol(data)


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


class _Reader:
    """Checks one file's tables; keeps the text so that a message can name the line."""

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name

    def protocol(self, data: Mapping[str, Any]) -> Protocol:
        self._known(data, ("format", "id", "label", "grid", "slot"), None)
        if data.get("format") != FORMAT:
            self._fail("format", None, f"must be {FORMAT}, the only format that this version reads")
        rows, columns = self._grid(data)
        tables = data.get("slot")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self._fail("slot", None, "at least one [[slot]] is needed")
        slots = tuple(self._slot(table, index, (rows, columns)) for index, table in enumerate(tables))
        places: set[tuple[int, int]] = set()
        for index, slot in enumerate(slots):
            if (slot.row, slot.column) in places:
                self._fail("row", index, f"another slot stands at row {slot.row}, column {slot.column} already")
            places.add((slot.row, slot.column))
        return Protocol(self._text(data, "id", None), self._text(data, "label", None), (rows, columns), slots)

    def _grid(self, data: Mapping[str, Any]) -> tuple[int, int]:
        grid = data.get("grid")
        if (
            not isinstance(grid, list)
            or len(grid) != 2
            or not all(type(side) is int and 1 <= side <= MAX_SIDE for side in grid)
        ):
            self._fail("grid", None, f"must be [rows, columns], each from 1 to {MAX_SIDE}")
        return grid[0], grid[1]

    def _slot(self, table: Mapping[str, Any], index: int, grid: tuple[int, int]) -> SlotRule:
        self._known(table, ("row", "column", "title", "laterality", "views", "modalities", "optional"), index)
        place = []
        for field, size in (("row", grid[0]), ("column", grid[1])):
            value = table.get(field)
            if type(value) is not int or not 0 <= value < size:
                self._fail(field, index, f"must be a number from 0 to {size - 1}, inside the grid")
            place.append(value)
        title = self._text(table, "title", index)
        if re.search(r"[{}]", title.replace("{label}", "")):
            self._fail("title", index, "may hold no braces but {label}")
        laterality = self._text(table, "laterality", index)
        if laterality not in ("L", "R", FOCUS, ANY):
            self._fail("laterality", index, f'must be "L", "R", "{FOCUS}" or "{ANY}", not "{laterality}"')
        views = self._words(table, "views", index)
        modalities = self._words(table, "modalities", index)
        wrong = [word for word in modalities if word not in (*Modality, FOCUS, ANY, OTHER)]
        if wrong:
            self._fail("modalities", index, f'"{wrong[0]}" is none of {", ".join(Modality)}, {FOCUS}, {ANY}, {OTHER}')
        optional = table.get("optional", False)
        if not isinstance(optional, bool):
            self._fail("optional", index, "must be true or false")
        return SlotRule(place[0], place[1], title, laterality, views, modalities, optional)

    def _known(self, table: Mapping[str, Any], fields: Iterable[str], slot: int | None) -> None:
        for field in table:
            if field not in fields:
                self._fail(field, slot, f"is not known; the fields are {', '.join(fields)}")

    def _text(self, table: Mapping[str, Any], field: str, slot: int | None) -> str:
        value = table.get(field)
        if not isinstance(value, str) or not value.strip():
            self._fail(field, slot, "must be a text in quotes")
        return str(value)

    def _words(self, table: Mapping[str, Any], field: str, slot: int) -> tuple[str, ...]:
        value = table.get(field)
        if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
            self._fail(field, slot, 'must be a list of texts such as ["CC", "XCCL"], the preferred one first')
        return tuple(value)

    def _fail(self, field: str, slot: int | None, problem: str) -> NoReturn:
        raise ProtocolFileError(
            f"{self._name}, line {self._line(field, slot)}, field {field}: {problem}. See docs/hanging.md."
        )

    def _line(self, field: str, slot: int | None) -> int:
        """Return the line of a field, or of the table that lacks it."""
        table, start = -1, 1
        wanted = -1 if slot is None else slot
        for number, line in enumerate(self._lines, 1):
            if re.match(r"\s*\[\[\s*slot\s*\]\]", line):
                table += 1
                start = number if table == wanted else start
            if table == wanted and re.match(rf"\s*\[*\s*\"?{re.escape(field)}\"?\s*[=\]]", line):
                return number
        return start
