"""Choosing one trial of a search by a rule in words, such as ``auc within 0.5 of best, smallest gap``.

A rule is a list of parts with commas between them. A part that keeps trials: ``<objective> within <number> [points|%] of best``,
``<objective> at least <number> [points]``, ``<objective> at most <number> [points]``. A part that prefers: ``smallest <objective>``, ``largest <objective>``,
``best <objective>``. Trials that are kept by all of the former are ordered by the latter, the first first.

Preferring reads the bound on the bad side of a trial's interval, not its point: of two trials with the same gap the one that was measured on
less, or by luck, does not win. Stable API: ``parse_rule``, ``pick``, ``Rule``, ``Picked``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rai_tune.core import UsageError, did_you_mean
from rai_tune.search.objectives import SHORT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.search.result import Value

Direction = Literal["maximise", "minimise"]
EXAMPLE = "auc within 0.5 of best, smallest gap"

_WITHIN = re.compile(r"(?P<what>\S+) within (?P<amount>\S+?) ?(?P<unit>points?|%)? of (?:the )?best")
_LIMIT = re.compile(r"(?P<what>\S+) (?P<side>at least|at most) (?P<amount>\S+?) ?(?P<unit>points?|%)?")
_NUMBER = re.compile(r"[0-9]*\.?[0-9]+(e[+-]?[0-9]+)?", re.ASCII)
_PREFER = re.compile(r"(?P<side>smallest|largest|best) (?P<what>\S+)")


@dataclass(frozen=True)
class Within:
    """Keeps trials that are at most ``amount`` worse than the best one; ``relative`` as a share of the best one's value."""

    objective: str
    amount: float
    relative: bool


@dataclass(frozen=True)
class Limit:
    """Keeps trials on the right side of a number."""

    objective: str
    side: Literal["at least", "at most"]
    amount: float


@dataclass(frozen=True)
class Prefer:
    """Orders what is kept."""

    objective: str
    direction: Direction


@dataclass(frozen=True)
class Rule:
    """A rule as it was written and as it is read."""

    text: str
    keep: tuple[Within | Limit, ...]
    prefer: tuple[Prefer, ...]


@dataclass(frozen=True)
class Picked:
    """The trial that a rule picks, and the numbers of those that it kept, the picked one first and then in its order."""

    number: int
    kept: tuple[int, ...]


def parse_rule(text: str, directions: Mapping[str, Direction], shares: frozenset[str]) -> Rule:
    """Read a rule about the objectives of a search; ``shares`` are those that lie between 0 and 1, whose ``within`` is in points of 100.

    Raises ``UsageError`` for a part that is no part of a rule, an objective that the search did not measure, or a rule that prefers nothing.
    """
    keep: list[Within | Limit] = []
    prefer: list[Prefer] = []
    for part in [" ".join(piece.lower().split()) for piece in text.split(",") if piece.strip()]:
        if found := _WITHIN.fullmatch(part):
            name = _objective(found["what"], directions)
            keep.append(_within(name, _number(found["amount"], part), found["unit"], shares))
        elif found := _LIMIT.fullmatch(part):
            side: Literal["at least", "at most"] = "at least" if found["side"] == "at least" else "at most"
            name = _objective(found["what"], directions)
            keep.append(Limit(name, side, _limit(name, _number(found["amount"], part), found["unit"], shares)))
        elif found := _PREFER.fullmatch(part):
            name = _objective(found["what"], directions)
            towards: dict[str, Direction] = {"smallest": "minimise", "largest": "maximise", "best": directions[name]}
            prefer.append(Prefer(name, towards[found["side"]]))
        else:
            raise UsageError(f"--choose: {part!r} is no part of a rule. A rule reads like: {EXAMPLE}")
    if not prefer:
        raise UsageError(f"--choose: the rule prefers nothing, so it picks none; end it like: {EXAMPLE}")
    return Rule(text, tuple(keep), tuple(prefer))


def pick(rule: Rule, values: Mapping[int, Mapping[str, Value]], directions: Mapping[str, Direction]) -> Picked:
    """Apply a rule to the values of trials by number. Trials without a number for an objective that the rule reads are left out.

    Raises ``UsageError`` when no trial is kept. Of trials that are alike in all that the rule prefers, the lower number is picked.
    """
    read = {part.objective for part in (*rule.keep, *rule.prefer)}
    left = [number for number in sorted(values) if all(_estimate(values[number], name) is not None for name in read)]
    # Every part looks at all trials: the best one is not the best of those that another part happens to leave.
    everyone = tuple(left)
    for part in rule.keep:
        left = [number for number in left if _keeps(part, number, everyone, values, directions)]
        if not left:
            raise UsageError(f"--choose: no trial is kept by {rule.text!r}; {_said(part)} leaves none")
    if not left:
        raise UsageError("--choose: no trial has a number for every objective that the rule reads")
    ordered = sorted(left, key=lambda number: (*(_cost(values[number], part) for part in rule.prefer), number))
    return Picked(ordered[0], tuple(ordered))


def _keeps(
    part: Within | Limit,
    number: int,
    everyone: tuple[int, ...],
    values: Mapping[int, Mapping[str, Value]],
    directions: Mapping[str, Direction],
) -> bool:
    own = _number_of(values[number], part.objective)
    if isinstance(part, Limit):
        return own >= part.amount if part.side == "at least" else own <= part.amount
    found = [_number_of(values[other], part.objective) for other in everyone]
    best = max(found) if directions[part.objective] == "maximise" else min(found)
    room = part.amount * abs(best) if part.relative else part.amount
    return abs(own - best) <= room + 1e-12


def _cost(values: Mapping[str, Value], part: Prefer) -> float:
    """The bound on the bad side; the point where there is no interval, such as for a count."""
    value, own = values[part.objective], _number_of(values, part.objective)
    if part.direction == "minimise":
        return own if value.high is None else value.high
    return -own if value.low is None else -value.low


def _estimate(values: Mapping[str, Value], name: str) -> float | None:
    value = values.get(name)
    return value.estimate if value is not None and value.status == "ok" else None


def _number_of(values: Mapping[str, Value], name: str) -> float:
    found = _estimate(values, name)
    assert found is not None
    return found


def _objective(word: str, directions: Mapping[str, Direction]) -> str:
    gaps = [name for name in directions if name.endswith("_difference")]
    if word == "gap" and len(gaps) == 1:
        return gaps[0]
    if word == "gap" and gaps:
        raise UsageError(f"--choose: this search measured several gaps; say which: {', '.join(gaps)}")
    name = SHORT.get(word, word)
    if name not in directions:
        raise UsageError(
            f"--choose: this search measured no {word!r}.{did_you_mean(name, directions)} It measured: {', '.join(directions)}"
        )
    return name


def _within(name: str, amount: float, unit: str | None, shares: frozenset[str]) -> Within:
    if unit == "%":
        return Within(name, amount / 100, relative=True)
    if unit and name not in shares:
        raise UsageError(f"--choose: {name} is not counted in points; write 'within 10% of best' or a plain number")
    return Within(name, amount / 100 if name in shares else amount, relative=False)


def _limit(name: str, amount: float, unit: str | None, shares: frozenset[str]) -> float:
    """A limit as the objective is measured; a share above 1 would keep or drop everything without a word."""
    if unit and name not in shares:
        raise UsageError(f"--choose: {name} is not counted in points; write a plain number")
    limit = amount / 100 if unit else amount
    if name in shares and limit > 1:
        instead = f"; write '{amount / 100:g}' or '{amount:g} points'" if amount <= 100 else ""
        raise UsageError(f"--choose: {name} lies between 0 and 1 (100 points), so {amount:g} is no limit{instead}")
    return limit


def _number(word: str, part: str) -> float:
    found = float(word) if _NUMBER.fullmatch(word) else -1.0
    if not 0 <= found < float("inf"):
        raise UsageError(f"--choose: {word!r} in {part!r} is not a number of at least 0")
    return found


def _said(part: Within | Limit) -> str:
    if isinstance(part, Limit):
        return f"'{part.objective} {part.side} {part.amount:g}'"
    return f"'{part.objective} within {part.amount:g} of best'"
