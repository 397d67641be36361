"""Typing mistakes: one in about ten words, a letter swapped with the next, doubled, dropped, or hit beside its key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.robustness.edits.words import words_of

if TYPE_CHECKING:
    import random

_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST = 4
_ONE_IN = 10


def _neighbours() -> dict[str, str]:
    beside: dict[str, str] = {}
    for row, keys in enumerate(_KEYBOARD):
        for place, key in enumerate(keys):
            near = [keys[at] for at in (place - 1, place + 1) if 0 <= at < len(keys)]
            if row:
                near += [_KEYBOARD[row - 1][at] for at in (place, place + 1) if at < len(_KEYBOARD[row - 1])]
            beside[key] = "".join(near)
    return beside


_NEAR = _neighbours()


def make_typos(text: str, protected: frozenset[str], draw: random.Random) -> str:
    """One mistake in every ten words that may be touched, at least one; words of three letters or fewer stay, as do first letters."""
    candidates = [found for found in words_of(text, protected) if len(found.group()) >= _SHORTEST]
    if not candidates:
        return text
    chosen = draw.sample(candidates, max(1, len(candidates) // _ONE_IN))
    for found in sorted(chosen, key=lambda item: -item.start()):
        text = text[: found.start()] + _mistype(found.group(), draw) + text[found.end() :]
    return text


def _mistype(word: str, draw: random.Random) -> str:
    place = draw.randrange(1, len(word) - 1)
    kind = draw.choice(("swap", "double", "drop", "neighbour"))
    near = _NEAR.get(word[place].lower())
    if kind == "swap" and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == "drop":
        return word[:place] + word[place + 1 :]
    if kind == "neighbour" and near:
        hit = draw.choice(near)
        return word[:place] + (hit.upper() if word[place].isupper() else hit) + word[place + 1 :]
    return word[: place + 1] + word[place:]
