"""Conditions in CEL (``when:`` and the check ``expression``): refused when a pack is loaded, or decided as true, false or unknown.

Stable API: ``read_condition``, ``decide_condition``. cel-python parses and evaluates; it is imported when a pack uses a condition. A
fact that is not stated is an error in CEL, which ``||`` and ``&&`` absorb where the other side decides alone; what is left is unknown.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rai_tune.gate.condition_types import ConditionError, Reads, check_types
from rai_tune.gate.facts import FACTS, Fact, how_to_state, stated

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 500
"""Most characters of a condition."""

DEEPEST = 120
"""Most levels of a parsed condition: about seven brackets inside each other, and far from the depth where Python stops."""

SETTLED = frozenset({"pass", "fail", "not_applicable"})
"""Outcomes that a condition can read; one that more evidence or a person may still change is unknown."""


@dataclass(frozen=True)
class Truth:
    """What a condition gives: ``value`` is None when it cannot be decided, and then ``missing`` and ``settle`` say why."""

    value: bool | None
    missing: tuple[str, ...] = ()
    settle: str | None = None
    stated: tuple[str, ...] = ()
    """What it was decided on, in words, so that a control which a stated fact switches off says which."""


@lru_cache(maxsize=1024)
def read_condition(text: str, *, limit: bool = False) -> Reads:
    """What a condition reads. Raises ``ConditionError`` when it is malformed, oversized, or names something unknown.

    ``limit`` says whether the name ``limit`` stands for a threshold.
    """
    return check_types(_parse(text), limit=limit)


def decide_condition(
    text: str, facts: Mapping[str, Mapping[str, Any]], outcomes: Mapping[str, str], limit: float | None = None
) -> Truth:
    """Decide a condition on facts and on outcomes of other controls; an outcome that is not settled is unknown."""
    reads = read_condition(text, limit=limit is not None)
    found = {name: stated(facts, name) for name in sorted(reads.facts)}
    known = {name: value for name, value in found.items() if value is not None}
    settled = {name: outcomes[name] for name in sorted(reads.outcomes) if outcomes.get(name) in SETTLED}
    value = _evaluate(text, tuple(known.items()), tuple(settled.items()), limit)
    if value is not None:
        return Truth(value, stated=tuple(f"{name} is {_words(fact)}" for name, fact in known.items()))
    silent = [name for name in found if name not in known]
    open_ = sorted(reads.outcomes - set(settled))
    missing = [f"{name} is not stated" for name in silent] + [f"the outcome of {name} is not settled" for name in open_]
    settle = [how_to_state(name) for name in silent] + [f"settle {name}" for name in open_]
    return Truth(None, tuple(missing) or ("it cannot be computed",), "; ".join(settle) or None)


def _words(fact: Fact) -> str:
    if isinstance(fact, tuple):
        return ", ".join(fact)[:200] or "empty"
    return str(fact).lower() if isinstance(fact, bool) else str(fact)[:200]


def _parse(text: str) -> Any:
    if len(text) > LONGEST:
        raise ConditionError(f"it has {len(text)} characters; the most is {LONGEST}")
    import lark

    environment = _environment()
    from celpy import CELParseError

    try:
        tree = environment.compile(text)
    except (CELParseError, lark.exceptions.LarkError, RecursionError):
        raise ConditionError("it is not an expression in CEL") from None
    if _depth(tree) > DEEPEST:
        raise ConditionError("it is nested too deeply; write several controls, or fewer brackets")
    return tree


def _environment() -> Any:
    before = sys.getrecursionlimit()
    import celpy

    try:
        return celpy.Environment()
    finally:
        # celpy sets a limit for the whole process; conditions here are shallow and need none.
        sys.setrecursionlimit(before)


def _depth(tree: Any) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, level = waiting.pop()
        deepest = max(deepest, level)
        waiting += [(child, level + 1) for child in getattr(node, "children", ())]
    return deepest


@lru_cache(maxsize=256)
def _program(text: str) -> Any:
    environment = _environment()
    return environment.program(environment.compile(text))


@lru_cache(maxsize=8192)
def _evaluate(
    text: str, facts: tuple[tuple[str, Fact], ...], outcomes: tuple[tuple[str, str], ...], limit: float | None
) -> bool | None:
    from celpy import CELEvalError, celtypes

    names: dict[str, Any] = {name.split(".")[0]: {} for name in FACTS}
    for name, value in facts:
        section, _, key = name.partition(".")
        names[section][key] = value
    names["outcomes"] = dict(outcomes)
    context = {name: _cel(value) for name, value in names.items()}
    if limit is not None:
        context["limit"] = _cel(limit)
    try:
        found = _program(text).evaluate(context)
    except CELEvalError:
        return None
    return bool(found) if isinstance(found, celtypes.BoolType) else None


def _cel(value: object) -> Any:
    from celpy import celtypes

    if isinstance(value, bool):
        return celtypes.BoolType(value)
    if isinstance(value, (int, float)):
        return celtypes.DoubleType(value)
    if isinstance(value, str):
        return celtypes.StringType(value)
    if isinstance(value, dict):
        return celtypes.MapType({celtypes.StringType(key): _cel(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return celtypes.ListType([_cel(item) for item in value])
    raise TypeError(f"no CEL value for {type(value).__name__}")
