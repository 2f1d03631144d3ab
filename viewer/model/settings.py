"""What is remembered between runs: one small JSON file in the user's data folder.

A file that was damaged or edited by hand never keeps the window from opening: it is put aside (``settings.json.bad``)
or, where single fields are wrong, those fields go back to their defaults; either way the reader is told.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from gmic_core.errors import StoreError
from gmic_core.inference.execution.modes import PLACES
from gmic_core.paths import ensure_dir, user_data_dir
from viewer.model.last_exam import is_last_exam
from viewer.model.overlays import OverlaySettings
from viewer.model.slab import MAX_MM, MIN_MM, SlabMode
from viewer.model.viewing import LENS_STRENGTHS

log = logging.getLogger(__name__)

FILE_NAME = "settings.json"
RECENT_LIMIT = 10
"""Paths kept in File > Open recent."""
CINE_FPS = (5.0, 30.0)
"""Slowest and fastest cine, frames per second."""
UI_SCALES = (1.0, 2.0)
"""Smallest and largest interface."""
UNIT_FIELDS = ("opacity", "threshold_malignant", "threshold_benign")
"""Overlay settings that are fractions, 0..1."""


@dataclass
class Settings:
    """What the window remembers.

    Attributes
    ----------
    weights : for each model the weights to run it with (names or files); several make an ensemble.
    device : where networks run and how: one of :data:`gmic_core.inference.execution.modes.PLACES`.
    ai_automatic : run the networks as soon as an exam is opened.
    recent : paths opened last, newest first.
    overlay : switches and sliders of the overlay panel.
    layout : id of the hanging protocol used last.
    panels : which side panels are open, by name; a panel that is not named is open.
    cine_fps : frames per second, 5 to 30.
    cine_sweep : whether cine goes to and fro, or from the first slice to the last and again.
    slab_mm, slab_mode : thickness and kind of slabs, when they are switched on; every run begins with single slices.
    lens_strength : how much more than its surroundings the lens magnifies.
    identity_hidden : whether names and patient ids are hidden.
    window_geometry, window_state : what Qt saved, base64.
    keys : keys that the reader changed, by command id; see :class:`viewer.model.keymap.KeyMap`.
    ui_scale : size of the interface, 1.0 to 2.0; counts from the next start on.
    offer_last : whether the exam that was open last is remembered and offered at the next start.
    last_exam : which one that was and how it hung; see :mod:`viewer.model.last_exam`.
    """

    weights: dict[str, list[str]] = field(default_factory=dict)
    device: str = "auto"
    ai_automatic: bool = False
    recent: list[str] = field(default_factory=list)
    overlay: OverlaySettings = field(default_factory=OverlaySettings)
    layout: str = "2x2"
    panels: dict[str, bool] = field(default_factory=dict)
    cine_fps: float = 10.0
    cine_sweep: bool = True
    slab_mm: float = 10.0
    slab_mode: SlabMode = "mean"
    lens_strength: float = LENS_STRENGTHS[0]
    identity_hidden: bool = False
    window_geometry: str = ""
    window_state: str = ""
    keys: dict[str, list[str]] = field(default_factory=dict)
    ui_scale: float = 1.0
    offer_last: bool = True
    last_exam: dict[str, Any] = field(default_factory=dict)

    def remember_path(self, path: Path | str) -> None:
        """Put a path first in the list of recent ones."""
        text = str(path)
        self.recent = [text, *(other for other in self.recent if other != text)][:RECENT_LIMIT]


def settings_path() -> Path:
    """Return where the settings are kept."""
    return user_data_dir() / FILE_NAME


def load_settings(on_problem: Callable[[str], None] | None = None) -> Settings:
    """Return the remembered settings; defaults on the first run.

    Parameters
    ----------
    on_problem : called with one sentence for the reader when something in the file could not be used; it is logged
        in any case.
    """
    path = settings_path()
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, ValueError) as error:
        _report([_put_aside(path, error)], on_problem)
        return Settings()
    if not isinstance(data, dict):
        _report([_put_aside(path, ValueError("it holds no JSON object"))], on_problem)
        return Settings()
    settings, wrong = _read(data)
    if wrong:
        _report([f"{path.name}: {', '.join(wrong)} could not be used; the default is in force again."], on_problem)
    return settings


def save_settings(settings: Settings) -> None:
    """Write the settings; a crash or a full disk in between leaves the old file as it was.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    path = settings_path()
    ensure_dir(path.parent)
    part = path.with_name(f"{FILE_NAME}.{os.getpid()}.part")
    try:
        part.write_text(json.dumps(_plain(settings), indent=2, ensure_ascii=False) + "\n", "utf-8")
        with part.open("rb+") as file:  # on the disk before it gets its name: a power cut must not leave an empty file
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"The settings cannot be written to {path} ({error.strerror or error}); "
            "free the place, or set GMIC_HOME to a folder that you may write to."
        ) from error


def _plain(settings: Settings) -> dict[str, Any]:
    data = {item.name: getattr(settings, item.name) for item in fields(settings)}
    data["overlay"] = {item.name: getattr(settings.overlay, item.name) for item in fields(settings.overlay)}
    return data


def _report(messages: Iterable[str], on_problem: Callable[[str], None] | None) -> None:
    for message in messages:
        log.warning("%s", message)
        if on_problem is not None:
            on_problem(message)


def _put_aside(path: Path, error: Exception) -> str:
    """Keep the unreadable file for whoever wants to repair it, and say where it is."""
    aside = path.with_name(f"{path.name}.bad")
    try:
        path.replace(aside)
    except OSError as problem:
        return f"The settings in {path} cannot be read ({error}) nor moved ({problem}); defaults are in force."
    return f"The settings could not be read ({error}); defaults are in force, the old file is kept as {aside}."


def _read(data: dict[str, Any]) -> tuple[Settings, list[str]]:
    """Take what fits from ``data``; return the settings and the names of the fields that did not fit."""
    settings, wrong = Settings(), []
    for item in fields(Settings):
        if item.name == "overlay" or item.name not in data:
            continue
        value, check = data[item.name], _CHECKS[item.name]
        if check(value):
            setattr(settings, item.name, value)
        else:
            wrong.append(item.name)
    settings.overlay, wrong_overlay = _read_overlay(data.get("overlay", {}))
    return settings, wrong + wrong_overlay


def _read_overlay(data: object) -> tuple[OverlaySettings, list[str]]:
    if not isinstance(data, dict):
        return OverlaySettings(), ["overlay"]
    good: dict[str, Any] = {}
    wrong = []
    for item in fields(OverlaySettings):
        if item.name not in data:
            continue
        fits = _is_unit if item.name in UNIT_FIELDS else _is_bool
        if fits(data[item.name]):
            good[item.name] = data[item.name]
        else:
            wrong.append(f"overlay.{item.name}")
    return OverlaySettings(**good), wrong


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_unit(value: object) -> bool:
    return _is_number(value, 0.0, 1.0)


def _is_table(value: object, fits: Callable[[object], bool]) -> bool:
    return isinstance(value, dict) and all(fits(item) for item in value.values())


_CHECKS: dict[str, Callable[[object], bool]] = {
    "weights": lambda value: _is_table(value, _is_texts),
    "device": lambda value: value in PLACES,
    "ai_automatic": _is_bool,
    "recent": _is_texts,
    "layout": _is_text,
    "panels": lambda value: _is_table(value, _is_bool),
    "cine_fps": lambda value: _is_number(value, *CINE_FPS),
    "cine_sweep": _is_bool,
    "slab_mm": lambda value: _is_number(value, MIN_MM, MAX_MM),
    "slab_mode": lambda value: value in ("mean", "maximum"),
    "lens_strength": lambda value: value in LENS_STRENGTHS,
    "identity_hidden": _is_bool,
    "window_geometry": _is_text,
    "window_state": _is_text,
    "keys": lambda value: _is_table(value, _is_texts),
    "ui_scale": lambda value: _is_number(value, *UI_SCALES),
    "offer_last": _is_bool,
    "last_exam": is_last_exam,
}
