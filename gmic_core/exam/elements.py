"""Values of DICOM attributes by keyword, read leniently: what cannot be understood is absent, with a warning."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, field

from gmic_core.exam.dictionary import TAG, VR

MAX_TEXT = 1024
"""Longest text kept, in characters; the longest legal text attribute read here (ST) has 1,024."""

_NUMERIC = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "OW": "H", "AT": "I"}
_TEXT_NUMBERS = frozenset({"DS", "IS"})

_ENCODINGS = {
    "ISO_IR 100": "latin_1", "ISO_IR 101": "iso8859_2", "ISO_IR 109": "iso8859_3", "ISO_IR 110": "iso8859_4",
    "ISO_IR 144": "iso8859_5", "ISO_IR 127": "iso8859_6", "ISO_IR 126": "iso8859_7", "ISO_IR 138": "iso8859_8",
    "ISO_IR 148": "iso8859_9", "ISO_IR 203": "iso8859_15", "ISO_IR 13": "shift_jis", "ISO_IR 166": "iso8859_11",
    "ISO_IR 192": "utf_8", "ISO_IR 87": "iso2022_jp_2", "ISO_IR 159": "iso2022_jp_2", "ISO_IR 149": "euc_kr",
    "ISO_IR 58": "gb2312", "GB18030": "gb18030", "GBK": "gbk",
}  # fmt: skip
_DESIGNATORS = (b"\x1b$)C", b"\x1b$)A")
"""Escape sequences that switch to Korean and Chinese; the stateless Python codecs want them removed."""


def encoding_of(terms: tuple[str, ...]) -> str:
    """Return the Python codec for the values of Specific Character Set; the last one that is known decides."""
    for term in reversed(terms):
        known = _ENCODINGS.get(term.replace("ISO 2022 IR", "ISO_IR"))
        if known is not None:
            return known
    return "latin_1"  # a superset of the default repertoire that decodes any byte


@dataclass
class Context:
    """What all values of one file share."""

    big_endian: bool = False
    encoding: str = "latin_1"
    warnings: list[str] = field(default_factory=list)

    def warn(self, message: str) -> None:
        """Note a warning once."""
        if message not in self.warnings:
            self.warnings.append(message)


Value = tuple[str, bytes]
"""Value representation as stated in the file ("" in implicit VR) and the undecoded value."""


class Elements:
    """The attributes of a data set or sequence item.

    Parameters
    ----------
    context : of the file.
    """

    __slots__ = ("context", "sequences", "values")

    def __init__(self, context: Context) -> None:
        self.context = context
        self.values: dict[int, Value] = {}
        self.sequences: dict[int, list[Elements]] = {}

    def has(self, keyword: str) -> bool:
        """Whether the attribute is present, even without a value."""
        tag = TAG[keyword]
        return tag in self.values or tag in self.sequences

    def items(self, keyword: str) -> list[Elements]:
        """Return the items of a sequence; none when it is absent."""
        return self.sequences.get(TAG[keyword], [])

    def item(self, keyword: str) -> Elements:
        """Return the first item of a sequence, or an item without attributes."""
        return next(iter(self.items(keyword)), None) or Elements(self.context)

    def texts(self, keyword: str) -> tuple[str, ...]:
        r"""Return the values of a text attribute, split at ``\`` and stripped; () when absent or empty."""
        tag = TAG[keyword]
        vr, raw = self.values.get(tag, ("", b""))
        if not raw:
            return ()
        if (vr or VR[tag]) in _NUMERIC:
            return tuple(f"{number:g}" for number in self.numbers(keyword))
        encoding = self.context.encoding
        if encoding in ("euc_kr", "gb2312"):
            for designator in _DESIGNATORS:
                raw = raw.replace(designator, b"")
        text = raw.decode(encoding, "replace")
        values = tuple(_clean(part)[:MAX_TEXT] for part in text.split("\\")[:64])
        return values if any(values) else ()

    def text(self, keyword: str) -> str:
        """Return the first value of a text attribute, or ""."""
        return next(iter(self.texts(keyword)), "")

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Return the finite values of a numeric attribute; () when absent or not understood."""
        tag = TAG[keyword]
        vr, raw = self.values.get(tag, ("", b""))
        if not raw:
            return ()
        kind = vr if vr in _NUMERIC or vr in _TEXT_NUMBERS else VR[tag]
        numbers = _binary(raw, _NUMERIC[kind], self.context.big_endian) if kind in _NUMERIC else _decimal(raw)
        if numbers is None or not all(map(math.isfinite, numbers)):
            self.context.warn(f"{keyword} has no usable number and was ignored")
            return ()
        return numbers

    def number(self, keyword: str) -> float | None:
        """Return the first value of a numeric attribute, or None."""
        return next(iter(self.numbers(keyword)), None)

    def integer(self, keyword: str) -> int | None:
        """Return the first value of a numeric attribute as an integer, or None."""
        value = self.number(keyword)
        return None if value is None else int(value)

    def words(self, keyword: str, count: int) -> tuple[int, ...]:
        """Return LUT data: ``count`` 16-bit words, or as many bytes where the value has just one byte for each."""
        _, raw = self.values.get(TAG[keyword], ("", b""))
        if count <= len(raw) < 2 * count:
            return tuple(raw[:count])
        order = ">" if self.context.big_endian else "<"
        return struct.unpack_from(f"{order}{min(len(raw) // 2, count)}H", raw)


def _clean(text: str) -> str:
    """Strip padding and drop control characters, which could break a line on screen or in a log."""
    text = text.strip(" \0\t\r\n")
    return text if text.isprintable() else "".join(char for char in text if char.isprintable())


def _binary(raw: bytes, kind: str, big_endian: bool) -> tuple[float, ...] | None:
    order = ">" if big_endian else "<"
    count = len(raw) // struct.calcsize(kind)
    if count == 0:
        return None
    numbers: tuple[float, ...] = struct.unpack_from(f"{order}{count}{kind}", raw)
    return numbers


def _decimal(raw: bytes) -> tuple[float, ...] | None:
    try:
        return tuple(float(part) for part in raw.decode("ascii").strip(" \0").split("\\") if part.strip(" \0"))
    except ValueError:  # not ASCII, or not a number
        return None
