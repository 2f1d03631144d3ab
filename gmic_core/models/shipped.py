"""The weights that come with the program: ``resources/models/NAME.safetensors``, trained on simulated breasts only.

They are not untrained, but they never saw a patient. So they are run by themselves on simulated images only; on any
other image somebody has to name them, and is told what that is worth. Imports no torch.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from pathlib import Path

from gmic_core.errors import ModelError, WeightsError
from gmic_core.models.registry import get_spec
from gmic_core.models.weight_metadata import WeightMetadata, read_metadata, simulated_only
from gmic_core.models.weights_record import TENSORS_SUFFIX, WeightsRecord, file_sha256, numbers

CARD_SUFFIX = ".md"
ANSWER_SUFFIX = ".answer.json"
ORIGIN = "shipped with the program"
LICENCE = "Apache-2.0"
SIMULATED_NOTE = "Trained on simulated breasts only; says nothing about patients."


def shipped_dir() -> Path:
    """Return the folder of the shipped weights; it need not exist."""
    return Path(str(resources.files("resources"))) / "models"


class ShippedWeights:
    """The shipped weights in a folder, read only.

    Parameters
    ----------
    folder : default: the program's own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = shipped_dir() if folder is None else folder

    def names(self) -> list[str]:
        """Return the names of all shipped weights, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(path.stem for path in self.folder.glob(f"*{TENSORS_SUFFIX}"))

    def find(self, name: str) -> str | None:
        """Return the shipped name equal to ``name`` but for upper and lower case, or None."""
        return next((shipped for shipped in self.names() if shipped.lower() == name.lower()), None)

    def tensors_path(self, name: str) -> Path:
        """Return where the tensors of ``name`` are."""
        return self.folder / f"{name}{TENSORS_SUFFIX}"

    def record(self, name: str, *, digest: bool = True) -> WeightsRecord:
        """Return what is known about one of them.

        Parameters
        ----------
        digest : whether the SHA-256 is wanted; "" stands for it where not. A window that is about to show an exam
            does not wait for it.

        Raises
        ------
        WeightsError
            If the file cannot be read or does not say which network it is for.
        """
        path = self.tensors_path(name)
        try:
            metadata, stat = read_metadata(path), path.stat()
            sha256 = _digest(path, stat.st_size, stat.st_mtime_ns) if digest else ""
        except OSError as error:
            raise WeightsError(
                f"The shipped weights {path} cannot be read ({error.strerror or error}); install the program again."
            ) from error
        return WeightsRecord(
            name=name,
            model=_model_of(path, metadata),
            sha256=sha256,
            size=stat.st_size,
            origin=ORIGIN,
            origin_sha256=sha256,
            licence=metadata.licence or LICENCE,
            training_data=simulated_only(metadata.training_data),
            imported=metadata.created,
            hyper=dict(metadata.hyper),
            known_answer=self._known_answer(name),
        )

    def _known_answer(self, name: str) -> tuple[float, ...]:
        path = self.folder / f"{name}{ANSWER_SUFFIX}"
        try:
            return numbers(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else ()
        except (OSError, ValueError, TypeError) as error:
            raise WeightsError(f"The known answer {path} is damaged; install the program again.") from error

    def statement(self, name: str) -> str:
        """Return the model card in one line: its first line that is no heading, or what the file says of itself.

        Raises
        ------
        WeightsError
            If what the file says cannot be read.
        """
        try:
            card = _first_line(self.folder / f"{name}{CARD_SUFFIX}")
            return card or read_metadata(self.tensors_path(name)).statement or SIMULATED_NOTE
        except OSError as error:
            raise WeightsError(
                f"What the shipped weights '{name}' say of themselves cannot be read ({error.strerror or error}); "
                "install the program again."
            ) from error


def _model_of(path: Path, metadata: WeightMetadata) -> str:
    try:
        return get_spec(metadata.model).name
    except ModelError as error:
        raise WeightsError(
            f"The shipped weights {path.name} name no network that this program has; install the program again."
        ) from error


def _first_line(card: Path) -> str:
    """Return the first line of a Markdown file that is no heading, or ""."""
    if not card.is_file():
        return ""
    lines = (line.strip() for line in card.read_text(encoding="utf-8").splitlines())
    return next((line for line in lines if line and not line.startswith(("#", "---", "|", ">"))), "")


@lru_cache(maxsize=16)
def _digest(path: Path, _size: int, _mtime_ns: int) -> str:
    """Return the digest of a file; 28 MB take 0.05 s, and it is asked for with every run."""
    return file_sha256(path)
