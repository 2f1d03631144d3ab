"""Strict reading of TOML tables into frozen dataclasses: unknown keys, wrong types and bad ranges name their field."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, TypeVar

from gmic_core.errors import TrainingError

T = TypeVar("T")
_MISSING = dataclasses.MISSING


def number(default: Any = _MISSING, *, least: float = -math.inf, most: float = math.inf) -> Any:
    """Return a dataclass field for a number in ``least .. most``."""
    return dataclasses.field(default=default, metadata={"least": least, "most": most})


def text(default: Any = _MISSING) -> Any:
    """Return a dataclass field for a text that is not empty."""
    return dataclasses.field(default=default, metadata={"filled": True})


def read_table(cls: type[T], table: Mapping[str, Any], file: str, where: str = "") -> T:
    """Return the dataclass that a table describes; nested dataclasses are nested tables.

    Parameters
    ----------
    file : name of the file in messages.
    where : dotted path of the table, e.g. ``data.phantom``.

    Raises
    ------
    TrainingError
        Naming file and field.
    """
    kinds = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    prefix = f"{where}." if where else ""
    for key in table:
        if key not in fields:
            known = ", ".join(fields)
            raise TrainingError(f"{file}, field {prefix}{key}: there is no such field; there are {known}.")
    values = {}
    for name, field in fields.items():
        if name in table:
            values[name] = _value(kinds[name], table[name], file, prefix + name)
            _check_range(values[name], field.metadata, file, prefix + name)
        elif field.default is _MISSING and field.default_factory is _MISSING:
            raise TrainingError(f"{file}, field {prefix}{name}: it is missing; add it.")
    try:
        return cls(**values)
    except TrainingError as error:  # a table's own check of several fields together
        raise TrainingError(f"{file}, field {where or 'experiment'}: {error}") from error


def _check_range(value: object, limits: Mapping[str, Any], file: str, where: str) -> None:
    if isinstance(value, (int, float)) and "least" in limits and not limits["least"] <= value <= limits["most"]:
        span = f"at least {limits['least']}" if limits["most"] == math.inf else f"{limits['least']}..{limits['most']}"
        raise TrainingError(f"{file}, field {where}: {value} is out of range; it must be {span}.")
    if limits.get("filled") and value == "":
        raise TrainingError(f"{file}, field {where}: it is empty; write something there.")


def _value(kind: Any, value: Any, file: str, where: str) -> Any:
    """Return ``value`` as ``kind``, or raise."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Literal:
        return _choice(arguments, value, file, where)
    if origin is tuple:
        return _sequence(arguments, value, file, where)
    if origin in (types.UnionType, typing.Union):  # only X | None is used
        return _value(next(kind for kind in arguments if kind is not type(None)), value, file, where)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(_choice(tuple(kind), value, file, where))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(value, dict):
            raise _wrong(file, where, "a table", value)
        return read_table(kind, value, file, where)
    return _scalar(kind, value, file, where)


def _scalar(kind: type, value: Any, file: str, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    if type(value) is not kind or (isinstance(value, float) and not math.isfinite(value)):
        raise _wrong(file, where, names[kind], value)
    return value


def _choice(choices: tuple[Any, ...], value: Any, file: str, where: str) -> Any:
    if value not in choices or (type(value) is not type(choices[0]) and not isinstance(choices[0], StrEnum)):
        raise _wrong(file, where, "one of " + ", ".join(str(choice) for choice in choices), value)
    return value


def _sequence(kinds: tuple[Any, ...], value: Any, file: str, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _wrong(file, where, "a list", value)
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise _wrong(file, where, f"a list of {len(kinds)}", value)
    items = zip(kinds, value, strict=True)
    return tuple(_value(kind, item, file, f"{where}[{index}]") for index, (kind, item) in enumerate(items))


def _wrong(file: str, where: str, expected: str, value: object) -> TrainingError:
    return TrainingError(f"{file}, field {where}: it must be {expected}, not {str(value)[:80]!r}.")
