"""Text of data as cells of a CSV file that no spreadsheet reads as a formula. Stable API: ``csv_bytes``, ``as_written``.

A spreadsheet reads a cell that begins with = + - @ as a formula, also after spaces or quotes; such a text gets an apostrophe
before it. Where a spreadsheet splits lines at semicolons, a text would begin anew after each one, so one goes there as well. Numbers
are not text: they stay numbers, negative ones too, and so does a text that is nothing but a negative number.

A reader undoes it exactly with ``as_written``: an apostrophe at the start of a cell, or after a semicolon, is taken out when what
follows it, spaces and quotes skipped, is one of the four signs. Before that, every text went through ``clean``: what would be
invisible or reorder its surroundings stands as a visible code point such as ``[U+202E]``.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Scalar = str | int | float | bool | None

LONGEST = 32_000
"""Characters of one cell; spreadsheets hold 32,767."""

# Wide and small forms of the signs count: some input methods of spreadsheets fold them.
_STARTS = r"[\s\"'`\u2018-\u201f\u00ab\u00bb]*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
_FORMULA = re.compile(_STARTS)
_AFTER_SEMICOLON = re.compile(rf";(?={_STARTS})")
_MARKED = re.compile(rf"'(?={_STARTS})")
_MARKED_AFTER_SEMICOLON = re.compile(rf";'(?={_STARTS})")
_NUMBER = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?")


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[Scalar]]) -> bytes:
    """A table as RFC 4180: UTF-8, CRLF, a header line, text in quotes and numbers without them. None is an empty cell."""
    target = io.StringIO(newline="")
    writer = csv.writer(target, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([_text(name) for name in header])
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return target.getvalue().encode()


def as_written(cell: str) -> str:
    """The text that a cell was made from: the opposite of what ``csv_bytes`` does to a text."""
    return _MARKED_AFTER_SEMICOLON.sub(";", _MARKED.sub("", cell, count=1) if _MARKED.match(cell) else cell)


def _cell(value: Scalar) -> str | int | float | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    text = clean(value, LONGEST)
    if _NUMBER.fullmatch(text):
        return text
    marked = _AFTER_SEMICOLON.sub(";'", text)
    return f"'{marked}" if _FORMULA.match(marked) else marked
