"""Text normalisation for finding near-copies across splits.

Use it before comparing texts: two texts with the same normal form differ only in letter case, Unicode encoding, white
space, punctuation or invisible characters. Stable API: ``normalise_text``; a change to it changes published shares.
"""

from __future__ import annotations

import unicodedata

_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


class _Visible(dict[int, int | None]):
    """Deletes invisible format characters. Filled as characters are met, so no pass over all of Unicode is needed."""

    def __missing__(self, code: int) -> int | None:
        invisible = unicodedata.category(chr(code)) == "Cf" or code in _VARIATION_SELECTORS
        self[code] = None if invisible else code
        return self[code]


class _Spaced(dict[int, int | str]):
    """Turns punctuation, separators and control characters into spaces."""

    def __missing__(self, code: int) -> int | str:
        category = unicodedata.category(chr(code))
        self[code] = " " if category[0] in "PZ" or category == "Cc" else code
        return self[code]


_VISIBLE = _Visible()
_SPACED = _Spaced()


def _fold_case(text: str) -> str:
    """NFKC and case folding to a fixed point: folding can undo the composition, and composing can leave a capital."""
    folded = unicodedata.normalize("NFKC", text.translate(_VISIBLE))
    while (again := unicodedata.normalize("NFKC", folded.casefold())) != folded:
        folded = again
    return folded


def normalise_text(text: str) -> str:
    r"""Return the normal form of a text, for comparison only.

    Applies Unicode NFKC and case folding (Unicode Standard, section 3.13, default caseless matching), deletes invisible
    format characters, and turns every run of white space and punctuation (general categories P, Z and Cc) into one space.
    Symbols such as emoji and ``+`` are kept, since they carry meaning. A text of punctuation alone keeps it: otherwise
    all such texts would be copies of one another. Idempotent.

    >>> normalise_text("  Hello,\tWORLD!! ")
    'hello world'
    """
    folded = _fold_case(text)
    words = " ".join(folded.translate(_SPACED).split())
    return words or " ".join(folded.split())
