"""Single values as YAML text that ``load_yaml`` reads back unchanged. Internal to the recipe room."""

from __future__ import annotations

import math
import re
from typing import Any

from rai_tune.core.safe_yaml import MAX_INTEGER, WrittenFloat

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./()+-]*(?: [A-Za-z0-9_./()+-]+)*")
# Other readers of YAML take these for truth values or nothing.
_SPOKEN_FOR = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})
_SHORT = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_UNSAFE = re.compile(r'[\\"]|[^\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]')


def key_text(key: Any) -> str:
    """A mapping's key. Raises ``ValueError`` when it is not text."""
    if not isinstance(key, str):
        raise ValueError(f"keys are text, not {type(key).__name__}")
    return _text(key)


def scalar(value: Any, used: int, indent: int, width: int) -> str:
    """One value, after ``used`` columns of its line; quoted text continues on lines indented by ``indent``."""
    if isinstance(value, str):
        text = _text(value)
        return _folded(text, used, indent, width) if text.startswith('"') and used + len(text) > width else text
    return _other(value)


def flow(value: Any) -> str | None:
    """A list as ``[a, b]``, or None when something in it is a mapping with entries."""
    if isinstance(value, list | tuple):
        parts = [flow(item) for item in value]
        return None if None in parts else f"[{', '.join(part for part in parts if part is not None)}]"
    if isinstance(value, dict):
        return None if value else "{}"
    return _text(value) if isinstance(value, str) else _other(value)


def _other(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value):
        return value.text if isinstance(value, WrittenFloat) else repr(float(value))
    raise ValueError(f"a recipe cannot hold {value!r}")


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _SPOKEN_FOR:
        return value
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("a recipe cannot hold half a character (a lone surrogate)")
    return '"' + _UNSAFE.sub(_escape, value) + '"'


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return _SHORT.get(character) or f"\\u{ord(character):04X}"


def _folded(quoted: str, used: int, indent: int, width: int) -> str:
    """Break quoted text at single spaces, though not inside ``{{ name }}``; YAML folds such a line break back to one space."""
    lines: list[str] = []
    room = width - used
    line = ""
    for piece in re.split(r"(?<=[^ \\{]) (?=[^ }])", quoted):
        if line and len(line) + 1 + len(piece) > room:
            lines.append(line)
            line, room = piece, width - indent
        else:
            line = f"{line} {piece}" if line else piece
    return ("\n" + " " * indent).join([*lines, line])
