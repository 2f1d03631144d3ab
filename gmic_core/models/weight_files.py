"""Reading weight files that strangers made: PyTorch ``.p .pt .pth`` (old and new format) and safetensors.

A pickle can carry a program. Nothing here runs one: the opcodes are listed first, so that the refusal can name what
was found, and torch reads the file with ``weights_only``. What a file is follows from its content, not from its name.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import pickletools
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor

from gmic_core.errors import WeightsError

MAX_FILE_BYTES = 1 << 30
"""The largest published network here is below 0.1 GiB; a file beyond this is none of them."""

MAX_PICKLE_BYTES = 16 << 20
"""The pickle of a state dictionary holds names and shapes only: about 0.1 MB."""

NAMED_FUNCTIONS = 5
"""Functions that a refusal names at most."""

_ZIP_MAGIC = b"PK\x03\x04"
_LEGACY_PICKLES = 5  # magic number, protocol, system, state dictionary, storage keys
_WRAPPERS = ("model", "state_dict", "model_state_dict")
_HARMLESS = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor|tensor_v2|parameter)|torch \w+Storage|torch Size"
    r"|torch\.storage (Untyped|Typed)Storage"
)


def read_weight_file(path: Path) -> tuple[dict[str, Tensor], str]:
    """Return the state dictionary in ``path`` and the SHA-256 of the file.

    Raises
    ------
    WeightsError
        If the file is missing, too large, damaged, carries code, or holds no state dictionary.
    """
    data = _read_bytes(path)
    if _is_safetensors(data):
        content: object = _parse_safetensors(path, data)
    else:
        _refuse_code(path, data)
        content = _parse_torch(path, data)
    return _state_in(path, content), hashlib.sha256(data).hexdigest()


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise WeightsError(f"There is no weight file {path}; check the path.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise WeightsError(
                f"{path.name} has {size / 2**30:.1f} GiB; weight files of these networks have less than "
                f"{MAX_FILE_BYTES / 2**30:.0f} GiB. Choose the file with the state dictionary."
            )
        data = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror or error}).") from error
    if not data:
        raise WeightsError(f"{path.name} is empty; copy or download it again.")
    return data


def _is_safetensors(data: bytes) -> bool:
    if len(data) < 9 or data[8:9] != b"{":
        return False
    (header,) = struct.unpack("<Q", data[:8])
    return bool(header <= len(data))


def _parse_safetensors(path: Path, data: bytes) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_safetensors(data)
    except (SafetensorError, ValueError, KeyError) as error:
        raise WeightsError(f"{path.name} is a damaged safetensors file ({error}); copy it again.") from error
    return tensors


def _refuse_code(path: Path, data: bytes) -> None:
    """Raise if the pickle in the file names anything but tensors and dictionaries."""
    streams = _pickles_of_zip(path, data) if data.startswith(_ZIP_MAGIC) else [data]
    found = [name for stream in streams for name in _globals_in(path, stream)]
    code = list(dict.fromkeys(name.replace(" ", ".") for name in found if not _HARMLESS.fullmatch(name)))
    if code:
        raise WeightsError(
            f"{path.name} is refused: besides numbers it carries code ({', '.join(code[:NAMED_FUNCTIONS])}) that would "
            "run on loading. Ask for a file with the state dictionary only (torch.save(model.state_dict(), ...))."
        )


def _pickles_of_zip(path: Path, data: bytes) -> list[bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = _names_of_pickles(path, archive.infolist())
            return [archive.read(name) for name in names]
    except WeightsError:
        raise
    except Exception as error:  # zipfile lets errors of every kind through on damaged archives
        raise WeightsError(f"{path.name} is damaged ({_first_line(error)}); copy or download it again.") from error


def _names_of_pickles(path: Path, members: list[zipfile.ZipInfo]) -> list[str]:
    if sum(member.file_size for member in members) > MAX_FILE_BYTES:
        raise WeightsError(f"{path.name} unpacks to more than {MAX_FILE_BYTES / 2**30:.0f} GiB; it is refused.")
    pickles = [member for member in members if member.filename.endswith(".pkl")]
    if not pickles:
        raise WeightsError(f"{path.name} is a zip archive without PyTorch weights; unpack it first.")
    if any(member.file_size > MAX_PICKLE_BYTES for member in pickles):
        raise WeightsError(f"{path.name} holds a pickle that is far too large for weights; it is refused.")
    return [member.filename for member in pickles]


def _globals_in(path: Path, stream: bytes) -> list[str]:
    """Return ``module name`` of everything that the pickles at the start of ``stream`` import."""
    source = io.BytesIO(stream[:MAX_PICKLE_BYTES])
    found: list[str] = []
    for number in range(_LEGACY_PICKLES):
        try:
            _add_globals_of_pickle(source, found)
        except Exception as error:  # pickletools lets errors of every kind through on damaged pickles
            if number == 0 and not found:
                raise WeightsError(f"{path.name} is no PyTorch weight file, or is damaged; copy it again.") from error
            break  # what follows the pickles of an old file is raw numbers
    return found


def _add_globals_of_pickle(source: io.BytesIO, found: list[str]) -> None:
    """List one pickle's imports without running it; ``source`` ends behind it."""
    strings: list[str] = []
    for opcode, argument, _ in pickletools.genops(source):
        if opcode.name in ("GLOBAL", "INST"):
            found.append(str(argument))
        elif opcode.name == "STACK_GLOBAL":  # takes its two names from the stack
            found.append(" ".join(strings[-2:]) or "an unnamed object")
        elif opcode.name.startswith("EXT"):
            found.append(f"extension {argument}")
        elif isinstance(argument, str):
            strings.append(argument)


def _parse_torch(path: Path, data: bytes) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # advice on old or odd formats, for developers; we report in sentences
            content: object = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path.name} is refused: it holds more than weights, or is damaged ({_first_line(error)})."
        ) from error
    except Exception as error:  # torch.load, too, raises anything on damaged files
        raise WeightsError(
            f"{path.name} is damaged or cut short ({_first_line(error)}); copy or download it again."
        ) from error
    return content


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]


def _state_in(path: Path, content: object) -> dict[str, Tensor]:
    """Return the state dictionary in what was read: itself, or wrapped as {"model": state}."""
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path.name} holds {type(content).__name__}, not a state dictionary with weights.")
    state: dict[str, Tensor] = {}
    for key, value in content.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise WeightsError(
                f"{path.name} is no state dictionary: its entry {str(key)[:80]!r} is a {type(value).__name__}."
            )
        state[key] = value.detach()
    if all(key.startswith("module.") for key in state):  # saved from DataParallel
        state = {key.removeprefix("module."): value for key, value in state.items()}
    return state
