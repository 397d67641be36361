"""The report as a PDF that declares PDF/A-3a and PDF/UA-1, made with Typst. Stable API: ``render_pdf``, ``render_report``.

The template gets the view as JSON data and shows its strings as literal text, so nothing in them is ever read as markup.
Fonts come with the compiler and the time from the run, so the same view gives the same bytes on any machine with the same
Typst. Measurements travel inside the file as a JSON attachment.
"""

from __future__ import annotations

import json
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rai_tune.core import RaiError, resource_path, sha256_bytes
from rai_tune.reporting.export import measurements_json as measurements_of
from rai_tune.reporting.text import escape_character
from rai_tune.reporting.view import build_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import ReportView

STANDARDS: tuple[Literal["a-3a"], Literal["ua-1"]] = ("a-3a", "ua-1")
_UNDRAWABLE = re.compile(r"the text `\"(.+?)\"` could not be displayed")
_TYPST_ESCAPE = re.compile(r"\\u\{([0-9a-fA-F]+)\}")
_SURELY_DRAWN = 0x017F


class ReportError(RaiError):
    """The PDF could not be made (exit 1)."""


def render_report(inputs: ReportInputs) -> bytes:
    """The PDF of a run, measurements attached."""
    return render_pdf(build_view(inputs), measurements_of(inputs))


def render_pdf(view: ReportView, measurements_json: bytes) -> bytes:
    """The PDF of a view. ``measurements_json`` is attached as it is and its SHA-256 is printed.

    The compiler's fonts cover Latin, Greek, Cyrillic, Hebrew, Arabic and some more; a character that they cannot draw
    is printed as its code point, such as ``[U+4E2D]``. Raises ``ReportError`` when Typst refuses the document.
    """
    import typst

    data = {"view": view.to_plain(), "attachment_digest": sha256_bytes(measurements_json)}
    stamp = _timestamp(view.created_at)
    try:
        return _compile(data, measurements_json, stamp)
    except typst.TypstError as error:
        missing = _undrawable(error.diagnostic)
        if not missing:
            raise ReportError(f"the PDF could not be made: {error.message}") from error
    try:
        return _compile(_map_strings(data, lambda text: _spell_out(text, missing)), measurements_json, stamp)
    except typst.TypstError:
        # The compiler names only some of what it cannot draw; then everything beyond plain Latin is spelt out.
        plain = _map_strings(data, _spell_out_all)
    try:
        return _compile(plain, measurements_json, stamp)
    except typst.TypstError as error:
        raise ReportError(f"the PDF could not be made: {error.message}") from error


def _compile(data: dict[str, Any], attachment: bytes, stamp: int) -> bytes:
    """Compile in a folder of its own that holds the template and the data, and nothing else can be read."""
    import typst

    with tempfile.TemporaryDirectory(prefix="raitune-report-") as name:
        root = Path(name)
        (root / "report.typ").write_bytes(resource_path("reports", "templates", "report.typ").read_bytes())
        (root / "view.json").write_text(json.dumps(data, allow_nan=False), encoding="utf-8")
        (root / "measurements.json").write_bytes(attachment)
        pdf: bytes = typst.compile(
            root / "report.typ",
            root=root,
            ignore_system_fonts=True,
            format="pdf",
            pdf_standards=list(STANDARDS),
            timestamp=stamp,
        )
    return pdf


def _timestamp(created_at: str) -> int:
    """Seconds since 1970 of the run's start; 0 when it is not recorded, never the present."""
    try:
        found = datetime.fromisoformat(created_at)
    except ValueError:
        return 0
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())


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
