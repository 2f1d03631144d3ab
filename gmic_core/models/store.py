"""The weights store: safetensors files with a record each, in the user's data folder; and those that are shipped.

Imports no torch.

weights/NAME.safetensors    the tensors, published keys
weights/NAME.json           origin, licence, network, hyperparameters, SHA-256 of the safetensors file
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from gmic_core.errors import StoreError, WeightsError
from gmic_core.models.shipped import ShippedWeights
from gmic_core.models.weights_record import TENSORS_SUFFIX, WeightsRecord, file_sha256, numbers
from gmic_core.paths import ensure_dir, weights_dir

__all__ = ["Check", "WeightsRecord", "WeightsStore", "check_name", "file_sha256", "name_from_file"]

RECORD_SUFFIX = ".json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # no file may be called so on Windows
_MAX_RECORD_BYTES = 1 << 20


@dataclass(frozen=True)
class Check:
    """Result of verifying one entry."""

    name: str
    status: Literal["ok", "changed", "missing", "unreadable", "unrecorded"]
    detail: str = ""


def check_name(name: str) -> str:
    """Return ``name`` if it can name stored weights.

    Raises
    ------
    WeightsError
        If it could be a path or is not portable.
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name) or name.endswith("."):
        raise WeightsError(
            f"{name!r} cannot name weights: use up to 64 letters, digits, '.', '_' and '-', beginning with a letter "
            "or digit (option --as NAME)."
        )
    return name


def name_from_file(path: Path) -> str:
    """Return a valid name made from a file's name."""
    return check_name(re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).strip("._-")[:64] or "weights")


class WeightsStore:
    """The stored weights, and behind them the shipped ones: both go by their names.

    Parameters
    ----------
    folder : default: the user's; it is made when something is added.
    shipped : default: the program's own.
    """

    def __init__(self, folder: Path | None = None, shipped: ShippedWeights | None = None) -> None:
        self.folder = weights_dir() if folder is None else folder
        self.shipped = ShippedWeights() if shipped is None else shipped

    def names(self) -> list[str]:
        """Return the names of all records of the user, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.stem for path in self.folder.glob(f"*{RECORD_SUFFIX}") if _NAME.fullmatch(path.stem))

    def find(self, name: str) -> str | None:
        """Return the stored or shipped name equal to ``name`` but for upper and lower case, or None."""
        return self._find_stored(name) or self.shipped.find(name)

    def _find_stored(self, name: str) -> str | None:
        return next((stored for stored in self.names() if stored.lower() == name.lower()), None)

    def record(self, name: str, *, digest: bool = True) -> WeightsRecord:
        """Return one record; what the user stored hides shipped weights of the same name.

        Parameters
        ----------
        digest : False: the SHA-256 of shipped weights is not computed for it.

        Raises
        ------
        WeightsError
            If there is none, or it is damaged.
        """
        stored = self._find_stored(check_name(name))
        if stored is None:
            shipped = self.shipped.find(name)
            if shipped is not None:
                return self.shipped.record(shipped, digest=digest)
            raise WeightsError(f"There are no stored weights '{name}'; {self._known()}.")
        path = self.folder / f"{stored}{RECORD_SUFFIX}"
        try:
            if path.stat().st_size > _MAX_RECORD_BYTES:
                raise WeightsError(f"The record {path} is far too large; remove it and import the weights again.")
            content = json.loads(path.read_text(encoding="utf-8"))
            values = {"known_answer": (), **content}  # records of earlier versions have none
            values["known_answer"] = numbers(values["known_answer"])
            return WeightsRecord(**{entry.name: values[entry.name] for entry in fields(WeightsRecord)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise WeightsError(f"The record {path} is damaged; remove it and import the weights again.") from error

    def tensors_path(self, name: str) -> Path:
        """Return where the tensors of ``name`` are."""
        shipped = None if self._find_stored(name) else self.shipped.find(name)
        if shipped is not None:
            return self.shipped.tensors_path(shipped)
        return self.folder / f"{check_name(name)}{TENSORS_SUFFIX}"

    def add(self, record: WeightsRecord, write_tensors: Callable[[Path], None]) -> WeightsRecord:
        """Store weights; the record gets the size and SHA-256 of what ``write_tensors`` wrote to the path given to it.

        Raises
        ------
        WeightsError
            If the name is taken.
        StoreError
            If the folder cannot be written.
        """
        if self.find(check_name(record.name)) is not None:
            raise WeightsError(f"Weights named '{record.name}' are stored already; choose another name (--as NAME).")
        ensure_dir(self.folder)
        try:
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".import-") as scratch:
                tensors = Path(scratch) / "tensors"
                write_tensors(tensors)
                values = asdict(record) | {"sha256": file_sha256(tensors), "size": tensors.stat().st_size}
                text = Path(scratch) / "record"
                text.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
                os.replace(tensors, self.folder / f"{record.name}{TENSORS_SUFFIX}")
                os.replace(
                    text, self.folder / f"{record.name}{RECORD_SUFFIX}"
                )  # last: a record stands for a whole file
        except OSError as error:
            raise StoreError(f"The weights cannot be stored in {self.folder} ({error.strerror or error}).") from error
        return WeightsRecord(**values)

    def verify(self) -> list[Check]:
        """Recompute the SHA-256 of everything stored; also report tensors without a record."""
        checks = [self._verify_one(name) for name in self.names()]
        if self.folder.is_dir():
            recorded = {check.name for check in checks}
            loose = sorted(path.stem for path in self.folder.glob(f"*{TENSORS_SUFFIX}") if path.stem not in recorded)
            checks += [Check(name, "unrecorded", "tensors without a record; import the file again") for name in loose]
        return checks

    def _verify_one(self, name: str) -> Check:
        try:
            record = self.record(name)
        except WeightsError as error:
            return Check(name, "unreadable", str(error))
        path = self.folder / f"{name}{TENSORS_SUFFIX}"
        if not path.is_file():
            return Check(name, "missing", f"{path} is gone; import the weights again")
        try:
            found = file_sha256(path)
        except OSError as error:
            return Check(name, "unreadable", f"{path} cannot be read ({error.strerror or error})")
        if found != record.sha256:
            return Check(name, "changed", f"SHA-256 is {found}, recorded is {record.sha256}; import the weights again")
        return Check(name, "ok", found)

    def _known(self) -> str:
        names = [*self.names(), *self.shipped.names()]
        return f"stored are {', '.join(names)}" if names else "nothing is stored yet (gmic-core models import FILE)"
