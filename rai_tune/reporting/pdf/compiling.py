"""Typst, in a folder of its own, with data that stays data. Stable API: ``make_pdf``, ``ReportError``.

The templates get everything as JSON and show its strings as literal text. Fonts come with the compiler and the time from the run, so
the same data gives the same bytes on any machine with the same Typst, zlib and pikepdf.
"""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import RaiError, resource_path
from rai_tune.reporting.pdf.finishing import finish
from rai_tune.reporting.text import escape_character

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rai_tune.reporting.pdf.attached import Attachment
    from rai_tune.reporting.pdf.signers import SignatureField

STANDARDS: tuple[Literal["a-3a"], Literal["ua-1"]] = ("a-3a", "ua-1")
SIGNATURES = "signatures.typ"
_UNDRAWABLE = re.compile(r"the text `\"(.+?)\"` could not be displayed")
_TYPST_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_SURELY_DRAWN = 0x017F


class ReportError(RaiError):
    """The PDF could not be made (exit 1)."""


def make_pdf(
    data: Mapping[str, Any],
    created_at: str,
    attachments: Sequence[Attachment] = (),
    fields: Sequence[SignatureField] = (),
    template: str = "report.typ",
) -> bytes:
    """A PDF/A-3a and PDF/UA-1 file from a template and its data, with files attached and unsigned signature fields at its end.

    ``template`` ends with ``#include "signatures.typ"``. ``created_at`` is an ISO 8601 time; the present is never asked. A character that
    the fonts cannot draw is printed as its code point, such as ``[U+4E2D]``. Raises ``ReportError`` when Typst refuses the document.
    """
    told = {
        **data,
        "attached": [
            {
                "name": item.name,
                "description": item.description,
                "relationship": item.relationship,
                "mime_type": item.mime_type,
                "digest": item.digest,
            }
            for item in attachments
        ],
        "signatures": [field.to_plain() for field in fields],
    }
    files = {item.name: item.body for item in attachments}
    return finish(compile_typst((template, SIGNATURES), told, files, timestamp(created_at)), fields)


def compile_typst(
    templates: Sequence[str], data: Mapping[str, Any], files: Mapping[str, bytes], stamp: int, *, tags: bool = True
) -> bytes:
    """Compile the first template; characters without a glyph are spelt out."""
    import typst

    def compiled(told: Any) -> bytes:
        return _compile(templates, told, files, stamp, tags=tags)

    try:
        return compiled(data)
    except typst.TypstError as error:
        missing = _undrawable(error.diagnostic)
        if not missing:
            raise ReportError(f"the PDF could not be made: {error.message}") from error
    try:
        return compiled(_map_strings(data, lambda text: _spell_out(text, missing)))
    except typst.TypstError:
        # The compiler names only some of what it cannot draw; then everything beyond plain Latin is spelt out.
        plain = _map_strings(data, _spell_out_all)
    try:
        return compiled(plain)
    except typst.TypstError as error:
        raise ReportError(f"the PDF could not be made: {error.message}") from error


def timestamp(created_at: str) -> int:
    """Seconds since 1970 of the run's start; 0 when it is not recorded, never the present."""
    try:
        found = datetime.fromisoformat(created_at)
    except ValueError:
        return 0
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


def _compile(
    templates: Sequence[str], data: Mapping[str, Any], files: Mapping[str, bytes], stamp: int, *, tags: bool
) -> bytes:
    """Compile in a folder that holds the templates, the data and the files, and nothing else can be read."""
    import typst

    with tempfile.TemporaryDirectory(prefix="raitune-report-") as name:
        root = Path(name)
        for template in templates:
            (root / template).write_bytes(resource_path("reports", "templates", template).read_bytes())
        (root / "view.json").write_text(json.dumps(data, allow_nan=False), encoding="utf-8")
        for attached, body in files.items():
            (root / attached).write_bytes(body)
        standards = {"pdf_standards": list(STANDARDS)} if tags else {"pdf_standards": ["a-3b"], "pdf_tags": False}
        pdf: Any = typst.compile(
            root / templates[0], root=root, ignore_system_fonts=True, format="pdf", timestamp=stamp, **standards
        )
    return bytes(pdf)


def _undrawable(diagnostic: str) -> frozenset[str]:
    found: set[str] = set()
    for text in _UNDRAWABLE.findall(diagnostic):
        found |= set(_TYPST_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text))
    return frozenset(found)


def _spell_out(text: str, missing: frozenset[str]) -> str:
    return "".join(escape_character(c) if c in missing and c.isprintable() and ord(c) > 127 else c for c in text)


def _spell_out_all(text: str) -> str:
    kept = set("–—…✓✗−“”‘’·≥≤")
    return "".join(c if ord(c) <= _SURELY_DRAWN or c in kept else escape_character(c) for c in text)


def _map_strings(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _map_strings(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_map_strings(item, change) for item in value]
    return value
