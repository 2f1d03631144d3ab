"""What identifies the weights that a reader chose, without loading them: no torch here."""

from __future__ import annotations

from pathlib import Path

from gmic_core.models.store import WeightsStore, file_sha256


def weights_key(ref: str) -> str:
    """Return the SHA-256 of the weight file behind ``ref``; ``random:SEED`` is its own key; "" where there is none.

    A result is shown again only for the key that it was computed with, so a file that changed invalidates it.
    """
    if ref.startswith("random:"):
        return ref
    store = WeightsStore()
    name = store.find(ref) if Path(ref).name == ref else None
    path = store.tensors_path(name) if name is not None else Path(ref).expanduser()
    try:
        return file_sha256(path)
    except OSError:
        return ""


def joint_key(refs: tuple[str, ...]) -> str:
    """Return the key of an ensemble; "" when any of its members has none."""
    keys = [weights_key(ref) for ref in refs]
    return "+".join(keys) if all(keys) else ""
