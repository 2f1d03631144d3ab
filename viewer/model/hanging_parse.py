"""Checks the tables of one hanging protocol's file; what is wrong is named with file, line and field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from gmic_core.errors import ProtocolFileError
from gmic_core.exam.codes import VIEW_POSITIONS
from gmic_core.types import Laterality, Modality
from viewer.model.hanging_rules import (
    ANY,
    CURRENT,
    DATES,
    EACH,
    EXTRAS,
    FOCUS,
    OTHER,
    Match,
    Protocol,
    SlotRule,
    Steps,
)

FORMAT = 1
GUIDE = "docs/guide/hanging.md"
MAX_SIDE = 6
"""Most rows or columns of a grid."""
MAX_ORDER = 1000
VIEWS = tuple(sorted(VIEW_POSITIONS))
"""Views that an image can have: a protocol that asks for another one, `cc` or `ML0`, would never hang anything."""

_TOP = ("format", "id", "label", "grid", "match", "steps", "slot")
_SLOT = ("row", "column", "title", "laterality", "views", "modalities", "date", "extra", "optional")
_MATCH = ("modalities", "views", "sides", "prior")
_STEPS = ("order", "each", "label", "fill", "unless")

Where = tuple[str, int]
"""A table of the file: its name ("" for the top) and which of several it is."""
TOP: Where = ("", 0)


class ProtocolReader:
    """Reads one file's tables; keeps the text so that a message can name the line.

    Parameters
    ----------
    name : of the file, as messages shall name it.
    """

    def __init__(self, text: str, name: str) -> None:
        self._lines = text.splitlines()
        self._name = name

    def protocol(self, data: Mapping[str, Any]) -> Protocol:
        """Return the protocol of a file's data.

        Raises
        ------
        ProtocolFileError
            At the first field that is wrong, unknown or missing.
        """
        self._known(data, _TOP, TOP)
        if data.get("format") != FORMAT:
            self._fail("format", TOP, f"must be {FORMAT}, the only format that this version reads")
        grid = self._grid(data)
        name, label = self._text(data, "id", TOP), self._text(data, "label", TOP)
        match = self._match(self._table(data, "match"))
        steps = self._steps(self._table(data, "steps"), label, grid) if "steps" in data else None
        return Protocol(name, label, grid, self._slots(data, grid), match, steps)

    def _grid(self, data: Mapping[str, Any]) -> tuple[int, int]:
        grid = data.get("grid")
        if (
            not isinstance(grid, list)
            or len(grid) != 2
            or not all(type(side) is int and 1 <= side <= MAX_SIDE for side in grid)
        ):
            self._fail("grid", TOP, f"must be [rows, columns], each from 1 to {MAX_SIDE}")
        return grid[0], grid[1]

    # -- tables --------------------------------------------------------------------------------------------------
    def _slots(self, data: Mapping[str, Any], grid: tuple[int, int]) -> tuple[SlotRule, ...]:
        tables = data.get("slot")
        if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
            self._fail("slot", TOP, "at least one [[slot]] is needed")
        slots = tuple(self._slot(table, ("slot", index), grid) for index, table in enumerate(tables))
        places: set[tuple[int, int]] = set()
        for index, slot in enumerate(slots):
            if (slot.row, slot.column) in places:
                problem = f"another slot stands at row {slot.row}, column {slot.column} already"
                self._fail("row", ("slot", index), problem)
            places.add((slot.row, slot.column))
        return slots

    def _slot(self, table: Mapping[str, Any], where: Where, grid: tuple[int, int]) -> SlotRule:
        self._known(table, _SLOT, where)
        row = self._number(table, "row", where, 0, grid[0] - 1, ", inside the grid")
        column = self._number(table, "column", where, 0, grid[1] - 1, ", inside the grid")
        title = self._template(table, "title", where, ("label",))
        laterality = self._one_of(table, "laterality", where, ("L", "R", FOCUS, ANY))
        views = self._words(table, "views", where, (*VIEWS, FOCUS, ANY, OTHER))
        modalities = self._words(table, "modalities", where, (*Modality, FOCUS, ANY, OTHER))
        date = self._one_of(table, "date", where, DATES, CURRENT)
        extra = self._one_of(table, "extra", where, EXTRAS, ANY)
        optional = bool(self._switch(table, "optional", where))
        return SlotRule(row, column, title, laterality, views, modalities, optional, date, extra)

    def _match(self, table: Mapping[str, Any]) -> Match:
        where = ("match", 0)
        self._known(table, _MATCH, where)
        return Match(
            self._words(table, "modalities", where, tuple(Modality), needed=False),
            self._words(table, "views", where, VIEWS, needed=False),
            self._words(table, "sides", where, tuple(Laterality), needed=False),
            self._switch(table, "prior", where),
        )

    def _steps(self, table: Mapping[str, Any], label: str, grid: tuple[int, int]) -> Steps:
        where = ("steps", 0)
        self._known(table, _STEPS, where)
        return Steps(
            self._number(table, "order", where, 0, MAX_ORDER),
            self._one_of(table, "each", where, EACH),
            self._template(table, "label", where, ("label", "modality")) if "label" in table else label,
            self._number(table, "fill", where, 1, grid[0] * grid[1]) if "fill" in table else 1,
            self._words(table, "unless", where, needed=False),
        )

    def _table(self, data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = data.get(name, {})
        if not isinstance(table, dict):
            self._fail(name, TOP, f"must be a table, [{name}]")
        return dict(table)

    # -- fields --------------------------------------------------------------------------------------------------
    def _known(self, table: Mapping[str, Any], fields: Iterable[str], where: Where) -> None:
        for field in table:
            if field not in fields:
                self._fail(field, where, f"is not known; the fields are {', '.join(fields)}")

    def _number(self, table: Mapping[str, Any], field: str, where: Where, low: int, high: int, more: str = "") -> int:
        value = table.get(field)
        if type(value) is not int or not low <= value <= high:
            self._fail(field, where, f"must be a number from {low} to {high}{more}")
        return value

    def _switch(self, table: Mapping[str, Any], field: str, where: Where) -> bool | None:
        value = table.get(field)
        if value is not None and not isinstance(value, bool):
            self._fail(field, where, "must be true or false")
        return value

    def _text(self, table: Mapping[str, Any], field: str, where: Where) -> str:
        value = table.get(field)
        if not isinstance(value, str) or not value.strip():
            self._fail(field, where, "must be a text in quotes")
        return str(value)

    def _template(self, table: Mapping[str, Any], field: str, where: Where, names: tuple[str, ...]) -> str:
        text = self._text(table, field, where)
        words = [f"{{{name}}}" for name in names]
        left = text
        for word in words:
            left = left.replace(word, "")
        if re.search(r"[{}]", left):
            self._fail(field, where, f"may hold no braces but {' and '.join(words)}")
        return text

    def _one_of(
        self, table: Mapping[str, Any], field: str, where: Where, words: tuple[str, ...], default: str | None = None
    ) -> str:
        if default is not None and field not in table:
            return default
        value = self._text(table, field, where)
        if value not in words:
            listed = ", ".join(f'"{word}"' for word in words[:-1])
            self._fail(field, where, f'must be {listed} or "{words[-1]}", not "{value}"')
        return value

    def _words(
        self, table: Mapping[str, Any], field: str, where: Where, known: tuple[str, ...] = (), *, needed: bool = True
    ) -> tuple[str, ...]:
        if not needed and field not in table:
            return ()
        value = table.get(field)
        if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
            self._fail(field, where, 'must be a list of texts such as ["CC", "XCCL"], the preferred one first')
        wrong = [word for word in value if known and word not in known]
        if wrong:
            self._fail(field, where, f'"{wrong[0]}" is none of {", ".join(known)}')
        return tuple(value)

    # -- messages ------------------------------------------------------------------------------------------------
    def _fail(self, field: str, where: Where, problem: str) -> NoReturn:
        name = f"{where[0]}.{field}" if where[0] in ("match", "steps") else field
        raise ProtocolFileError(f"{self._name}, line {self._line(field, where)}, field {name}: {problem}. See {GUIDE}.")

    def _line(self, field: str, where: Where) -> int:
        """Return the line of a field, or of the table that lacks it."""
        table, counts, start = "", {"": 0}, 1
        for number, line in enumerate(self._lines, 1):
            head = re.match(r"\s*\[+\s*\"?([\w-]+)\"?\s*\]+", line)
            if head:
                table = head[1]
                counts[table] = counts.get(table, -1) + 1
                if where == TOP and table == field:
                    return number
            here = (table, counts[table]) == where
            if here and head:
                start = number
            if here and not head and re.match(rf"\s*\"?{re.escape(field)}\"?\s*=", line):
                return number
        return start
