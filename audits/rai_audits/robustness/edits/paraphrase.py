"""Paraphrase by reviewed frames: words put before or after a text that add nothing to what it says.

The frames are data, ``frames.json`` beside this file: each has words before and after, and was read for meaning, tone and
grammar around any text. They are English; another language needs its own list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random


@dataclass(frozen=True)
class Frame:
    """Words put before and after a text, spaces included."""

    before: str
    after: str


@cache
def frames() -> tuple[Frame, ...]:
    """Return the reviewed frames, in file order."""
    content = json.loads(files(__package__).joinpath("frames.json").read_text(encoding="utf-8"))
    return tuple(Frame(item["before"], item["after"]) for item in content["frames"])


def add_frame(text: str, _protected: frozenset[str], draw: random.Random) -> str:
    """Put the text into one of the frames."""
    if not text.strip():
        return text
    frame = draw.choice(frames())
    return f"{frame.before}{text}{frame.after}"
