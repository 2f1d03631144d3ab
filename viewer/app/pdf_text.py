"""Makes the text of a written PDF file searchable: its spaces are tabs otherwise.

Qt looks up which character a glyph stands for and finds the tab before the space, which fonts draw alike. Whoever
copies or searches the text, or has it read aloud, gets ``Not<tab>for<tab>diagnosis``. The tables that say so
(ToUnicode CMaps, ISO 32000-1 9.10.3) are written plainly by Qt, and both codes are as long: no place in the file moves.
"""

from __future__ import annotations

import re

_CMAP = re.compile(rb"begincmap.*?endcmap", re.DOTALL)
_TARGETS = re.compile(rb"\[[^\]]*\]|(?<=> )<0009>(?=\s*\n)")
"""What glyphs stand for: lists of codes, or the code that a range begins with, which stands last on its line."""
TAB, SPACE = b"<0009>", b"<0020>"


def with_spaces(data: bytes) -> bytes:
    """Return a PDF file whose glyph of the space stands for a space; of the same length."""
    return _CMAP.sub(lambda cmap: _TARGETS.sub(lambda codes: codes[0].replace(TAB, SPACE), cmap[0]), data)
