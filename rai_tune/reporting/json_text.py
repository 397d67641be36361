"""A JSON value as text to read and to copy: indented, and with nothing in it that is invisible or reorders what stands around it."""

from __future__ import annotations

import json
import re
from typing import Any

from rai_tune.reporting.text import clean

_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")


def json_text(value: Any) -> str:
    """Indented JSON of the same value. Letters of any script stay; what no reader would see stands as an escape of JSON."""
    return _NOT_PLAIN.sub(_seen, json.dumps(value, indent=2, ensure_ascii=False))


def _seen(match: re.Match[str]) -> str:
    character = match[0]
    if clean(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place]:02x}{units[place + 1]:02x}" for place in range(0, len(units), 2))
