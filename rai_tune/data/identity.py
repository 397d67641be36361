"""Who a row is: an id that neither the order of rows nor other rows can change, and digests of whole tables. Internal.

The default id is the SHA-256 (first 128 bits) of the row's cells as written, under the sorted column names; exact repeats get
``-2``, ``-3`` and so on. Cells and names are JSON strings or null, for which Python's JSON and RFC 8785 agree.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.data.cells import Column, need_column, rows_phrase

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def json_line(value: Any) -> bytes:
    """Compact JSON of strings, null, integers and lists of them, as UTF-8."""
    return _encode(value).encode("utf-8", "surrogatepass")


def content_digests(columns: dict[str, Column]) -> list[str]:
    """SHA-256 of each row's content."""
    names = sorted(columns)
    head = hashlib.sha256(json_line(names) + b"\n")
    digests = []
    for row in zip(*(columns[name].written for name in names), strict=True):
        line = head.copy()
        line.update(json_line(row))
        digests.append(line.hexdigest())
    return digests


def lines_digest(header: Any, lines: Iterable[bytes]) -> str:
    """SHA-256 of a header and lines in the order given."""
    digest = hashlib.sha256(json_line(header))
    for line in lines:
        digest.update(b"\n")
        digest.update(line)
    return digest.hexdigest()


def frame_digest(columns: dict[str, Column]) -> str:
    """SHA-256 of a whole table's canonical content, in row order."""
    return lines_digest(sorted(columns), (digest.encode() for digest in content_digests(columns)))


def row_ids(columns: dict[str, Column], contents: Sequence[str], id_column: str | None, origin: str) -> list[str]:
    """One id per row: the id column's cells, else content digests. Raises ``UsageError`` for a missing or repeated id."""
    if id_column is None:
        return _content_ids(contents)
    written = need_column(columns, id_column, "data.id", origin).written
    missing = [row for row, cell in enumerate(written) if cell is None]
    if missing:
        raise UsageError(f"{origin}: the id column {id_column!r} is empty in {rows_phrase(missing)}")
    ids = [str(cell) for cell in written]
    if len(set(ids)) != len(ids):
        counts = Counter(ids)
        first = next(cell for cell in ids if counts[cell] > 1)
        rows = [row for row, cell in enumerate(ids) if cell == first]
        raise UsageError(f"{origin}: the id column {id_column!r} has {first!r} in {rows_phrase(rows)}; ids must differ")
    return ids


def _content_ids(contents: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    ids = []
    for content in contents:
        seen[content] += 1
        ids.append(content[:32] if seen[content] == 1 else f"{content[:32]}-{seen[content]}")
    return ids
