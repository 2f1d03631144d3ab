"""What identifies the weights that a reader chose, without loading them: no torch here.

The key covers the tensors (SHA-256) and the hyperparameters that go with them, which for loose files follow from the
file's name. A result is shown again only for the key that it was computed with.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from gmic_core import __version__
from gmic_core.errors import WeightsError
from gmic_core.models.store import WeightsStore, file_sha256

RANDOM_PREFIX = "random:"


def weights_key(ref: str) -> str:
    """Return the key of what ``ref`` stands for (a stored name, a file, ``random:SEED``); "" where there is nothing."""
    if ref.startswith(RANDOM_PREFIX):
        return f"{ref}@{__version__}"  # the numbers follow from the seed and this program
    try:
        store = WeightsStore()
        name = store.find(ref) if Path(ref).name == ref else None
        if name is None:
            path = Path(ref).expanduser()
            return f"{_sha256(path)}|{path.stem}"
        record = store.record(name)
        return f"{_sha256(store.tensors_path(name))}|{json.dumps(record.hyper, sort_keys=True)}"
    except (OSError, WeightsError):
        return ""


def joint_key(refs: tuple[str, ...]) -> str:
    """Return the key of an ensemble; "" when any of its members has none."""
    keys = [weights_key(ref) for ref in refs]
    return "+".join(keys) if all(keys) else ""


def is_of(key: str, refs: tuple[str, ...], sha256: str) -> bool:
    """Whether weights that a worker loaded (their digests, joined by " + ") are those of a key computed now."""
    loaded = sha256.split(" + ")
    return len(loaded) == len(refs) and all(
        ref.startswith(RANDOM_PREFIX) or digest in key for ref, digest in zip(refs, loaded, strict=True)
    )


def _sha256(path: Path) -> str:
    stat = path.stat()
    return _cached_sha256(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)  # the last cannot be set back


@lru_cache(maxsize=64)
def _cached_sha256(path: Path, size: int, mtime_ns: int, ctime_ns: int) -> str:
    """Return the digest of a file; 56 MB take 0.1 s, and an ensemble of each network would take a second per exam."""
    return file_sha256(path)
