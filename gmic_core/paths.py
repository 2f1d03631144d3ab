"""Where this program keeps the user's data: weights, results, settings."""

from __future__ import annotations

import os
from pathlib import Path

from gmic_core.errors import StoreError

APP_NAME = "gmic-viewer"
HOME_VARIABLE = "GMIC_HOME"


def user_data_dir() -> Path:
    """Return the user's data folder: ``$GMIC_HOME``, or the platform's own place; it need not exist yet."""
    override = os.environ.get(HOME_VARIABLE)
    if override:
        return Path(override).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir(APP_NAME, appauthor=False))


def weights_dir() -> Path:
    """Return the folder of the weights store; it need not exist yet."""
    return user_data_dir() / "weights"


def ensure_dir(folder: Path) -> Path:
    """Create ``folder`` with its parents, readable by this user only, and return it.

    Raises
    ------
    StoreError
        If the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"The data folder {folder} cannot be created ({error.strerror or error}); "
            f"free the place or set {HOME_VARIABLE} to a folder that you may write to."
        ) from error
    return folder
