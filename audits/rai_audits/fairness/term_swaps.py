"""Words that name a group, and a text with the words of one group replaced by those of another.

Use for free text; a templated text is rendered again instead. Stable API: ``english_terms``, ``merged_terms``, ``TermSwap``.

Lists are aligned: the word at one place of a group's list answers to the word at that place of every other group's. Whole words
only, longest first, upper and title case kept, and "a" or "an" before a swapped word follows it. Colours are never swapped by
themselves ("white" in "a white car"): only with a noun for people. English pronouns do not map one to one, so: "his" is "her" before
another word and "hers" at the end of a phrase; "her" is "his" before a word that can begin a noun phrase, else "him".
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from rai_audits.core import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Terms = dict[str, dict[str, tuple[str, ...]]]

_PRONOUNS = {"her", "his", "him"}
_NO_NOUN_PHRASE = (
    "a about after again all an and are as at back because before but by for from had has he how if in into is it not of off on "
    "or out over she so than that the then there they this to too up was were what when where while who why will with would you"
)
_ENDS_PHRASE = frozenset(_NO_NOUN_PHRASE.split())
_NEXT_WORD = re.compile(r"\s+([A-Za-z]+)")


@lru_cache(maxsize=1)
def english_terms() -> Terms:
    """The lists that come with this package: gender, race, religion and orientation."""
    text = files("rai_audits.fairness").joinpath("terms", "english.json").read_text(encoding="utf-8")
    return {name: {group: tuple(words) for group, words in groups.items()} for name, groups in json.loads(text).items()}


def merged_terms(own: Mapping[str, Mapping[str, Sequence[str]]]) -> Terms:
    """The packaged lists with ``own`` in place of, or beside, them. Raises ``UsageError`` for lists that are not aligned."""
    merged = dict(english_terms())
    for attribute, groups in own.items():
        lists = {str(group): tuple(map(str, words)) for group, words in groups.items()}
        if len(lists) < 2:
            raise UsageError(f"swap_terms: {attribute!r} needs at least two groups")
        if len({len(words) for words in lists.values()}) != 1:
            raise UsageError(
                f"swap_terms: the lists of {attribute!r} differ in length; words answer to each other by place"
            )
        if any(not word.strip() for words in lists.values() for word in words) or not next(iter(lists.values())):
            raise UsageError(f"swap_terms: {attribute!r} has an empty word or list")
        merged[attribute] = lists
    return merged


class TermSwap:
    """Replaces the words of one group by those of another. ``pronouns`` adds the rule for her, his and him."""

    def __init__(self, source: Sequence[str], target: Sequence[str]) -> None:
        self._words: dict[str, str] = {}
        for word, instead in zip(source, target, strict=True):
            self._words.setdefault(word.lower(), instead)
        # Only lists that hold the subject pronouns swap the others as well.
        pronouns: set[str] = set()
        if "she" in self._words and self._words["she"] == "he":
            pronouns = {"her"}
        elif "he" in self._words and self._words["he"] == "she":
            pronouns = {"his", "him"}
        self._pronouns = pronouns
        every = sorted({*self._words, *pronouns}, key=lambda word: (-len(word), word))
        choice = "|".join(re.escape(word).replace(r"\ ", r"\s+") for word in every)
        self._pattern = re.compile(rf"(?<!\w)(?P<article>an?\s+)?(?P<word>{choice})(?!\w)", re.IGNORECASE)

    def apply(self, text: str) -> str | None:
        """The changed text, or None when it holds none of the words."""
        changed, count = self._pattern.subn(self._instead, text)
        return changed if count else None

    def spans(self, text: str) -> tuple[tuple[int, int], ...]:
        """Characters of the words that ``apply`` would replace, in order."""
        return tuple(match.span("word") for match in self._pattern.finditer(text))

    def _instead(self, match: re.Match[str]) -> str:
        found = match["word"]
        plain = re.sub(r"\s+", " ", found.lower())
        rest = match.string[match.end() :]
        word = _pronoun(plain, rest) if plain in self._pronouns else self._words[plain]
        return _article(match["article"] or "", word) + _cased(word, found)


def _pronoun(word: str, rest: str) -> str:
    if word == "him":
        return "her"
    following = _NEXT_WORD.match(rest)
    before_noun = following is not None and following[1].lower() not in _ENDS_PHRASE
    if word == "her":
        return "his" if before_noun else "him"
    return "her" if before_noun else "hers"


def _article(article: str, word: str) -> str:
    if not article:
        return ""
    written, blank = article.rstrip(), article[len(article.rstrip()) :]
    right = "an" if word[0].lower() in "aeiou" else "a"
    return (written[0] + right[1:]) + blank


def _cased(word: str, like: str) -> str:
    if len(like) > 1 and like.isupper():
        return word.upper()
    return word[0].upper() + word[1:] if like[0].isupper() else word
