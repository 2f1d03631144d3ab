"""An exam as text and back, for lists that outlive the program: its headers, never pixels.

The text carries the shape of the classes that it was written with. When a later version of the program describes
exams with other fields, the text is not guessed at: the exam is read from its files again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import types
import typing
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from gmic_core.exam.model import Exam


def exam_key(exam: Exam) -> str:
    """Return what an exam is known by in the worklist: a digest of patient and study."""
    return hashlib.sha256(f"{exam.patient_id}\n{exam.study_uid}".encode()).hexdigest()


def to_text(exam: Exam) -> str:
    """Return an exam as text."""
    return json.dumps({"shape": shape_of(Exam), "exam": _plain(exam)}, separators=(",", ":"))


def is_current(text: str) -> bool:
    """Whether this version of the program wrote such texts; looks at the beginning only."""
    return text.startswith(f'{{"shape":"{shape_of(Exam)}"')


def from_text(text: str) -> Exam | None:
    """Return the exam that :func:`to_text` wrote, or None when this version of the program describes exams otherwise.

    Raises
    ------
    ValueError, KeyError, TypeError
        If the text is damaged.
    """
    data = json.loads(text)
    if data["shape"] != shape_of(Exam):
        return None
    exam = _made(Exam, data["exam"])
    if not isinstance(exam, Exam):
        raise TypeError("the text holds something else than an exam")
    return exam


@cache
def shape_of(kind: type) -> str:
    """Return a digest of the names and types of all fields that a class is made of."""
    seen: dict[str, list[tuple[str, str]]] = {}
    _describe(kind, seen)
    return hashlib.sha256(repr(sorted(seen.items())).encode()).hexdigest()[:16]


def _describe(kind: Any, seen: dict[str, list[tuple[str, str]]]) -> None:
    for part in typing.get_args(kind):
        _describe(part, seen)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__name__ not in seen:
        hints = _hints(kind)
        seen[kind.__name__] = [(name, str(hint)) for name, hint in hints.items()]
        for hint in hints.values():
            _describe(hint, seen)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; fields that have their default are left out."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = (field for field in dataclasses.fields(value) if getattr(value, field.name) != field.default)
        return {field.name: _plain(getattr(value, field.name)) for field in kept}
    return value


def _made(hint: Any, value: Any) -> Any:
    """Return the value of a type that :func:`_plain` wrote."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return _one_of(parts, value)
    if origin is tuple:
        kinds = [parts[0]] * len(value) if len(parts) == 2 and parts[1] is ... else parts
        return tuple(_made(kind, item) for kind, item in zip(kinds, value, strict=True))
    if origin is typing.Literal:
        return _checked(value in parts, value)
    if dataclasses.is_dataclass(hint):
        hints = _hints(hint)  # type: ignore[arg-type]
        return hint(**{name: _made(hints[name], item) for name, item in value.items()})  # type: ignore[operator]
    if issubclass(hint, Enum | Path):
        return hint(value)
    fits = isinstance(value, int | float) if hint is float else isinstance(value, hint)
    return _checked(fits, value)


def _one_of(parts: tuple[Any, ...], value: Any) -> Any:
    """Return the value of a union: None, a plain type, or the one class whose fields it names."""
    if value is None:
        return _checked(types.NoneType in parts, value)
    kinds = [part for part in parts if part is not types.NoneType]
    if isinstance(value, dict):
        kinds = [kind for kind in kinds if dataclasses.is_dataclass(kind) and value.keys() <= _hints(kind).keys()]  # type: ignore[arg-type]
        kinds = [kind for kind in kinds if _required(kind) <= value.keys()]
    return _made(kinds[0], value) if kinds else _checked(False, value)


def _required(kind: Any) -> set[str]:
    missing = dataclasses.MISSING
    fields = dataclasses.fields(kind)
    return {field.name for field in fields if field.default is missing and field.default_factory is missing}


def _checked(fits: bool, value: Any) -> Any:
    if not fits:
        raise TypeError(f"an exam cannot hold {type(value).__name__} there")
    return value
