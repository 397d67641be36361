"""What the pages of a report say, read back from their fonts, and what the file carries. Stable API: ``attached_problems``, ``differences``."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Iterator


def page_texts(body: bytes) -> tuple[str, ...]:
    """The text of every page without white space. Raises ``IntegrityError`` for what cannot be read."""
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(body)) as pdf:
            return tuple(_text(page) for page in pdf.pages)
    except (pikepdf.PdfError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise IntegrityError(f"the file cannot be read as a PDF: {type(error).__name__}") from error


def attached_files(body: bytes) -> dict[str, bytes]:
    """Name -> bytes of everything attached. Raises ``IntegrityError`` for what cannot be read."""
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(body)) as pdf:
            return {name: spec.get_file().read_bytes() for name, spec in sorted(pdf.attachments.items())}
    except (pikepdf.PdfError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise IntegrityError(f"the attached files cannot be read: {type(error).__name__}") from error


def attached_problems(body: bytes) -> Iterator[str]:
    """A sentence for each attached file whose SHA-256 is on no page."""
    printed = page_texts(body)
    for name, content in attached_files(body).items():
        digest = hashlib.sha256(content).hexdigest()
        if not any(digest in page for page in printed):
            yield f"the attached file {name} has the digest {digest[:16]}, which is printed nowhere in the report"


def differences(one: bytes, other: bytes) -> Iterator[str]:
    """What tells two reports apart: attached files, pages, and the first page that says something else."""
    old, new = attached_files(one), attached_files(other)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"{name} is another file"
    before, after = page_texts(one), page_texts(other)
    if len(before) != len(after):
        yield f"it has {len(before)} pages, and would have {len(after)} now"
    for number, (was, now) in enumerate(zip(before, after, strict=False), start=1):
        if was != now:
            place = next((i for i, pair in enumerate(zip(was, now, strict=False)) if pair[0] != pair[1]), 0)
            start = max(0, place - 20)
            yield f"page {number} says {was[start : place + 30]!r}, and would say {now[start : place + 30]!r} now"
            return


def _text(page: Any) -> str:
    import pikepdf

    maps = {str(name): _unicode(font) for name, font in dict(page.obj.Resources.get("/Font", {})).items()}
    found: list[str] = []
    current: dict[bytes, str] = {}
    for instruction in pikepdf.parse_content_stream(page):
        operands, operator = instruction.operands, instruction.operator
        if str(operator) == "Tf":
            current = maps.get(str(operands[0]), {})
        elif str(operator) in {"Tj", "TJ"}:
            parts = operands[0] if str(operator) == "TJ" else operands
            for part in parts:
                if isinstance(part, pikepdf.String):
                    codes = bytes(part)
                    found += [current.get(codes[i : i + 2], "") for i in range(0, len(codes), 2)]
    return "".join("".join(found).split()).replace("\u200b", "")


def _unicode(font: Any) -> dict[bytes, str]:
    """Code -> text of a font with two-byte codes, from its ToUnicode map."""
    if "/ToUnicode" not in font:
        return {}
    found: dict[bytes, str] = {}
    source = bytes(font.ToUnicode.read_bytes())
    for block in re.findall(rb"beginbfchar(.*?)endbfchar", source, re.DOTALL):
        for code, text in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]*)>", block):
            found[bytes.fromhex(code.decode())] = bytes.fromhex(text.decode()).decode("utf-16-be", "replace")
    for block in re.findall(rb"beginbfrange(.*?)endbfrange", source, re.DOTALL):
        for low, high, text in re.findall(rb"<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>\s*<([0-9A-Fa-f]+)>", block):
            first = int(text, 16)
            for place in range(int(low, 16), int(high, 16) + 1):
                found[place.to_bytes(2, "big")] = chr(first + place - int(low, 16))
    return found
