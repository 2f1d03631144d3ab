"""ITK-SNAP's label description files: number, colour, transparency, visibility and name of each label.

A line is ``IDX R G B A VIS MSH "LABEL"``; lines that begin with ``#`` are comments. ITK-SNAP writes UTF-8; older
versions wrote the code page of their system, and editors add byte order marks or save UTF-16.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gmic_core.errors import SegmentationError
from gmic_core.inference.export import write_atomically
from gmic_core.segmentation.voxels import MAX_LABEL

MAX_FILE = 4 << 20
_LINE = re.compile(r'\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\d+)\s+(\d+)\s*"(.*)"\s*')
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_COLOURS = (
    (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255), (255, 239, 213), (0, 0, 205),
    (205, 133, 63), (210, 180, 140), (102, 205, 170), (0, 0, 128),
)  # fmt: skip
"""ITK-SNAP's own first twelve."""
_HEADER = """\
################################################
# ITK-SnAP Label Description File
# File format:
# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL
# Fields:
#    IDX:   Zero-based index
#    -R-:   Red color component (0..255)
#    -G-:   Green color component (0..255)
#    -B-:   Blue color component (0..255)
#    -A-:   Label transparency (0.00 .. 1.00)
#    VIS:   Label visibility (0 or 1)
#    IDX:   Label mesh visibility (0 or 1)
#  LABEL:   Label description
################################################
"""


@dataclass(frozen=True)
class LabelDescription:
    """One label.

    Attributes
    ----------
    index : its number, 0..65535; 0 is background.
    name : in any language.
    colour : red, green, blue, 0..255.
    opacity : 0..1.
    visible, mesh_visible : whether ITK-SNAP shows it in slices and in 3D.
    """

    index: int
    name: str
    colour: tuple[int, int, int] = (255, 0, 0)
    opacity: float = 1.0
    visible: bool = True
    mesh_visible: bool = True


CLEAR = LabelDescription(0, "Clear Label", (0, 0, 0), 0.0, False, False)


def default_description(index: int) -> LabelDescription:
    """Return what ITK-SNAP calls a label that nothing describes."""
    if index == 0:
        return CLEAR
    return LabelDescription(index, f"Label {index}", _COLOURS[(index - 1) % len(_COLOURS)])


def read_descriptions(path: Path) -> dict[int, LabelDescription]:
    """Read a label description file; a number that stands twice counts as it stands last.

    Raises
    ------
    SegmentationError
        Naming the file and the line that is not understood.
    """
    try:
        if path.stat().st_size > MAX_FILE:
            raise SegmentationError(f"{path.name} is too large for a label description file; choose another one.")
        data = path.read_bytes()
    except OSError as error:
        raise SegmentationError(f"{path.name} cannot be read ({error.strerror}); check the file.") from error
    try:
        return parse_descriptions(_decoded(data))
    except SegmentationError as error:
        raise SegmentationError(f"{path.name}, {error}") from None


def parse_descriptions(text: str) -> dict[int, LabelDescription]:
    """Return the labels of a description file's text, by number.

    Raises
    ------
    SegmentationError
        Naming the line, or saying that there is none.
    """
    found = {}
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            label = _label(line, number)
            found[label.index] = label
    if not found:
        raise SegmentationError('line 1: there is no label in it; a label is a line IDX R G B A VIS MSH "LABEL".')
    return found


def _label(line: str, number: int) -> LabelDescription:
    match = _LINE.fullmatch(line)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301  # one message for all that can be wrong with a line
        index, red, green, blue = (int(match[k]) for k in range(1, 5))
        opacity = float(match[5])
    except ValueError:
        raise SegmentationError(
            f'line {number}: not understood: {line.strip()[:60]!r}; a label is a line IDX R G B A VIS MSH "LABEL".'
        ) from None
    if index > MAX_LABEL or max(red, green, blue) > 255 or not 0.0 <= opacity <= 1.0:
        raise SegmentationError(
            f"line {number}: labels go to {MAX_LABEL}, colours to 255, transparency from 0 to 1; correct the line."
        )
    return LabelDescription(index, match[8], (red, green, blue), opacity, match[6] != "0", match[7] != "0")


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if b"\0" in data[:200]:  # UTF-16 without a mark: ASCII comes with zeros
        return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # what old versions wrote on Windows; accents of western Europe


def format_descriptions(labels: Iterable[LabelDescription]) -> str:
    """Return the text of a description file; label 0 is added where it is missing, as ITK-SNAP expects it."""
    by_number = {0: CLEAR} | {label.index: label for label in labels}
    return _HEADER + "".join(_row(by_number[index]) for index in sorted(by_number))


def write_descriptions(path: Path, labels: Iterable[LabelDescription]) -> None:
    """Write a description file (UTF-8).

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    write_atomically(path, format_descriptions(labels).encode("utf-8"))


def _row(label: LabelDescription) -> str:
    red, green, blue = label.colour
    # a quotation mark ends the name in ITK-SNAP, a line break the label
    name = re.sub(r"[\r\n\x00-\x1f]+", " ", label.name).replace('"', "'")
    return (
        f"{label.index:5d} {red:5d} {green:4d} {blue:4d} {label.opacity:9.6g} {int(label.visible):2d} "
        f'{int(label.mesh_visible):2d}    "{name}"\n'
    )
