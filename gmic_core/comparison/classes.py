"""Which label means benign and which malignant: editable, remembered, read from a small TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gmic_core.errors import SegmentationError, StoreError
from gmic_core.paths import ensure_dir, user_data_dir
from gmic_core.types import CLASSES, Finding

MAX_FILE = 1 << 20
REMEMBERED = "label-classes.toml"
"""File in the user's data folder."""
_TABLES = ("labels", "classes", "map")
_HOW = 'write lines such as 1 = "malignant" and 2 = "benign"'
IGNORED = "ignore"


@dataclass(frozen=True)
class ClassMap:
    """What the labels mean.

    Attributes
    ----------
    classes : class of each label; None for labels that do not count.
    others : class of labels that are not named; None: they do not count.
    """

    classes: Mapping[int, Finding | None] = field(default_factory=dict)
    others: Finding | None = Finding.MALIGNANT

    def of(self, label: int) -> Finding | None:
        """Return the class of a label; None where it does not count."""
        return self.classes.get(label, self.others)

    def changed(self, label: int, finding: Finding | None) -> ClassMap:
        """Return the map with one label changed."""
        return ClassMap({**self.classes, label: finding}, self.others)

    def labels(self, finding: Finding) -> tuple[int, ...]:
        """Return the named labels of a class."""
        return tuple(sorted(label for label, own in self.classes.items() if own is finding))


@dataclass(frozen=True)
class Subject:
    """What is measured of an image.

    Attributes
    ----------
    label : one label of the class; None: all of them together.
    number : one lesion (connected part) of the label; None: all of it.
    """

    finding: Finding
    label: int | None = None
    number: int | None = None


EVERY_LABEL_MALIGNANT = ClassMap()
"""What counts without a map."""


def from_names(names: Mapping[int, str]) -> ClassMap:
    """Return what the names of labels tell: those that hold ``benign`` or ``malignant``; others do not count."""
    found: dict[int, Finding | None] = {}
    for label, name in names.items():
        classes = [Finding(c) for c, word in enumerate(CLASSES) if word in name.lower()]
        if len(classes) == 1:
            found[label] = classes[0]
    return ClassMap(found, None)


def read_class_map(path: Path) -> ClassMap:
    """Read a TOML file: ``1 = "malignant"`` or ``malignant = [1, 3]``, at the top or under ``[labels]``.

    Raises
    ------
    SegmentationError
        Naming what is wrong.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise SegmentationError(f"{path.name} is too large for a map of labels; {_HOW}.")
        document = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SegmentationError(f"{path.name} cannot be read ({error.strerror}); check --map.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SegmentationError(f"{path.name} is no TOML file ({error}); {_HOW}.") from error
    entries = dict(document)
    for table in _TABLES:
        inner = entries.pop(table, {})
        entries.update(inner if isinstance(inner, dict) else {table: inner})
    found: dict[int, Finding | None] = {}
    for key, value in entries.items():
        for label, finding in _entries(path, key, value):
            if found.get(label, finding) is not finding:
                raise SegmentationError(f"{path.name} gives label {label} two classes; keep one of them.")
            found[label] = finding
    if not found:
        raise SegmentationError(f"{path.name} names no label; {_HOW}.")
    return ClassMap(found, None)


def _entries(path: Path, key: str, value: Any) -> Iterable[tuple[int, Finding | None]]:
    """Return (label, class) of one line."""
    if re.fullmatch(r"\d{1,5}", key.strip()) and isinstance(value, str):
        return [(_label(path, int(key)), _finding(path, value))]
    labels = value if isinstance(value, list) else [value]
    if all(isinstance(label, int) and not isinstance(label, bool) for label in labels):
        finding = _finding(path, key)
        return [(_label(path, label), finding) for label in labels]
    raise SegmentationError(f"{path.name}: {key} = {value!r} is not understood; {_HOW}.")


def _label(path: Path, label: int) -> int:
    if not 1 <= label <= 65_535:
        raise SegmentationError(f"{path.name}: {label} is no label; labels go from 1 to 65535.")
    return label


def _finding(path: Path, word: str) -> Finding | None:
    name = word.strip().lower()
    if name == IGNORED:
        return None
    if name not in CLASSES:
        raise SegmentationError(f"{path.name}: '{word}' is no class; write benign, malignant or {IGNORED}.")
    return Finding(CLASSES.index(name))


def format_class_map(classes: ClassMap) -> str:
    """Return a map as the text of a TOML file."""
    lines = ["# What the labels of segmentations mean: benign, malignant, or ignore.", "[labels]"]
    for label in sorted(classes.classes):
        finding = classes.classes[label]
        lines.append(f'{label} = "{IGNORED if finding is None else CLASSES[finding]}"')
    return "\n".join(lines) + "\n"


def effective(chosen: ClassMap, names: Mapping[int, str]) -> ClassMap:
    """Return what labels mean: what was chosen, else the class that a label's name says, else what others are.

    Parameters
    ----------
    names : name of each label that is asked about.
    """
    named = from_names(names).classes
    found = {label: chosen.classes.get(label, named.get(label, chosen.others)) for label in names}
    return ClassMap(found, chosen.others)


def remember(classes: ClassMap) -> None:
    """Keep a map for the next time; one that names no label is forgotten.

    Raises
    ------
    StoreError
        If the user's data folder cannot be written.
    """
    from gmic_core.inference.export import write_atomically  # here: a window at its start must not wait for it

    path = ensure_dir(user_data_dir()) / REMEMBERED
    if classes.classes:
        write_atomically(path, format_class_map(classes).encode())
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be removed ({error.strerror}); remove it by hand.") from error


def remembered() -> ClassMap:
    """Return the map that was kept; without one every label is malignant.

    Raises
    ------
    SegmentationError
        If the file that was kept is damaged.
    """
    path = user_data_dir() / REMEMBERED
    if not path.is_file():
        return EVERY_LABEL_MALIGNANT
    return ClassMap(read_class_map(path).classes, Finding.MALIGNANT)
