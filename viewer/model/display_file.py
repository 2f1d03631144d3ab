"""The screens that were set up, between runs: ``displays.json`` in the user's data folder.

A damaged file or entry never stops the program: the screen counts as not calibrated again, and the reader is told.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import date
from pathlib import Path

from gmic_core.errors import StoreError
from gmic_core.paths import ensure_dir, user_data_dir
from viewer.model.displays import DisplayProfile, profile_problem

FILE_NAME = "displays.json"


def displays_path() -> Path:
    """Return where the screens are kept."""
    return user_data_dir() / FILE_NAME


def load_displays() -> tuple[dict[str, DisplayProfile], str]:
    """Return the known screens, and one sentence about what could not be used ("" when all is well)."""
    path = displays_path()
    try:
        data = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        return {}, f"{path} cannot be read ({error}); set the displays up again (Set up this display)."
    if not isinstance(data, dict):
        return {}, f"{path} holds no JSON object; set the displays up again (Set up this display)."
    profiles, wrong = {}, []
    for screen, entry in data.items():
        profile = _profile(entry)
        if profile is None:
            wrong.append(screen)
        else:
            profiles[screen] = profile
    text = (
        f"{FILE_NAME}: {', '.join(wrong)} could not be used; set that display up again (Set up this display)."
        if wrong
        else ""
    )
    return profiles, text


def _profile(entry: object) -> DisplayProfile | None:
    if not isinstance(entry, dict):
        return None
    try:
        size = entry.get("pixel_mm")
        profile = DisplayProfile(
            entry["output"],
            float(entry["darkest"]),
            float(entry["brightest"]),
            None if size is None else float(size),
            date.fromisoformat(entry["calibrated"]).isoformat() if entry["calibrated"] else "",
        )
    except (KeyError, TypeError, ValueError):
        return None
    return None if profile.output not in ("srgb", "gsdf") or profile_problem(profile) else profile


def save_displays(profiles: dict[str, DisplayProfile]) -> None:
    """Write the screens; a crash or a full disk in between leaves the old file as it was.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    path = displays_path()
    ensure_dir(path.parent)
    part = path.with_name(f"{FILE_NAME}.{os.getpid()}.part")
    try:
        text = json.dumps({screen: asdict(profile) for screen, profile in profiles.items()}, indent=2)
        part.write_text(text + "\n", "utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StoreError(
            f"The displays cannot be written to {path} ({error.strerror or error}); "
            "free the place, or set GMIC_HOME to a folder that you may write to."
        ) from error
