"""Where two runs differ: settings, environment, digests and decisions; what is alike is left out. Stable API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import ControlRow, DecisionView, Fact, ReportView

NOT_SET = "(not set)"
_PATH_LENGTH = 160


@dataclass(frozen=True)
class Difference:
    """One thing that is not alike, with what it is in the candidate and in the other."""

    path: str
    candidate: str
    other: str


@dataclass(frozen=True)
class ControlDifference:
    """A control whose outcome is not alike. Outcomes are the gate's words, for the tone; texts are for showing."""

    policy: str
    title: str
    candidate: ControlRow | None
    other: ControlRow | None


@dataclass(frozen=True)
class DecidedApart:
    """Two runs' decisions side by side: a sentence, notes, and the controls that came out otherwise."""

    sentence: str
    notes: tuple[str, ...]
    controls: tuple[ControlDifference, ...]


def recipe_differences(candidate: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Fields of two recipes that differ, as dotted paths in the order of the recipe; what only one of them sets is ``(not set)`` in the other."""
    one, two = dict(_fields(candidate)), dict(_fields(other))
    return tuple(
        Difference(clean(path, _PATH_LENGTH), _value(one.get(path)), _value(two.get(path)))
        for path in dict.fromkeys([*one, *two])
        if not _alike(one.get(path), two.get(path))
    )


def environment_differences(candidate: ReportView, other: ReportView) -> tuple[Difference, ...]:
    """Python, platform, processor, threads and packages."""
    ours, theirs = ((*view.environment, *view.packages) for view in (candidate, other))
    return tuple(_facts_apart(ours, theirs))


_DIGESTS = {
    "recipe_digest": "Recipe",
    "data_digest": "Data",
    "base_digest": "Base model",
    "model_digest": "Model",
    "predictions_digest": "Predictions",
}


def digest_differences(candidate: ReportInputs, other: ReportInputs) -> tuple[Difference, ...]:
    """SHA-256 of recipe, data, base, model and predictions, and of the test rows, where they differ."""
    pairs = [(name, candidate.run.get(key), other.run.get(key)) for key, name in _DIGESTS.items()]
    pairs.append(("Test rows", candidate.data.get("test_digest"), other.data.get("test_digest")))
    return tuple(Difference(name, _digest(one), _digest(two)) for name, one, two in pairs if one != two)


def decisions_apart(candidate: Sequence[DecisionView], other: Sequence[DecisionView]) -> DecidedApart:
    """Controls whose outcome differs, policy by policy; a policy that decided on one of the two only is a note."""
    ours, theirs = ({decision.policy: decision for decision in side} for side in (candidate, other))
    apart: list[ControlDifference] = []
    notes: list[str] = []
    same = 0
    for policy in dict.fromkeys([*ours, *theirs]):
        one, two = ours.get(policy), theirs.get(policy)
        if one is None or two is None:
            only = one or two
            where = "candidate" if two is None else "other"
            notes.append(sentence(f"{only.title if only else policy} decided on the {where} only."))
            continue
        if one.digest != two.digest:
            notes.append(sentence(f"{one.title}: the two were decided under different texts of this policy."))
        found = list(_controls_apart(one, two))
        apart += found
        same += len({c.id for c in one.controls} | {c.id for c in two.controls}) - len(found)
    total = same + len(apart)
    if not total:
        words = "No policy decided on both, so no control can be put beside another."
    elif apart:
        words = f"{len(apart)} of {total} controls came out otherwise."
    else:
        words = f"All {total} controls came out alike."
    return DecidedApart(words, tuple(notes), tuple(apart))


def _controls_apart(one: DecisionView, two: DecisionView) -> Iterator[ControlDifference]:
    ours, theirs = ({control.id: control for control in side.controls} for side in (one, two))
    for name in dict.fromkeys([*ours, *theirs]):
        left, right = ours.get(name), theirs.get(name)
        if left is not None and right is not None and (left.outcome, left.word) == (right.outcome, right.word):
            continue
        title = next(control.title for control in (left, right) if control is not None)
        yield ControlDifference(one.title, title, left, right)


def _fields(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves of nested settings. A list of plain values is one leaf; a list of settings has its places in brackets."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _fields(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for place, inner in enumerate(value):
            yield from _fields(inner, f"{path}[{place}]")
    else:
        yield path, list(value) if isinstance(value, tuple) else value


def _alike(one: Any, two: Any) -> bool:
    """Equal, and not a yes beside a 1."""
    return bool(one == two) and isinstance(one, bool) == isinstance(two, bool)


def _value(value: Any) -> str:
    if value is None:
        return NOT_SET
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return sentence(", ".join(map(str, value))) or "(none)"
    if isinstance(value, Mapping):
        return "(none)"
    return sentence(value) or "(empty)"


def _digest(value: Any) -> str:
    return clean(value, 140) if value else "not recorded"


def _facts_apart(one: Iterable[Fact], two: Iterable[Fact]) -> Iterator[Difference]:
    ours, theirs = ({fact.name: fact.text for fact in side} for side in (one, two))
    for name in dict.fromkeys([*ours, *theirs]):
        if ours.get(name) != theirs.get(name):
            yield Difference(name, ours.get(name, "not recorded"), theirs.get(name, "not recorded"))
