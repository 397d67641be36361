"""What the classes of a table mean: which there are, which one is positive, which one is favourable. Internal to this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_audits.core import TaskInfo, UsageError, did_you_mean
from rai_audits.fairness.table.cells import UNKNOWN
from rai_audits.fairness.table.spec import CROSS

if TYPE_CHECKING:
    from rai_audits.fairness.table.source import Source
    from rai_audits.fairness.table.spec import TableSpec
    from rai_audits.fairness.table.survey import Survey

_PAIRS = (("0", "1"), ("false", "true"), ("no", "yes"), ("False", "True"), ("No", "Yes"), ("-1", "1"))
_POSITIVE = ("1", "true", "yes", "True", "Yes")


@dataclass(frozen=True)
class Meaning:
    """The task of a table, and sentences about what was taken for granted. ``negative`` is what a low score decides."""

    task: TaskInfo
    negative: str | None
    notes: tuple[str, ...]


def meaning(source: Source, spec: TableSpec, found: Survey) -> Meaning:
    """Find the task. Raises ``UsageError`` for vocabularies that differ and for a favourable or positive class that never occurs."""
    groups = _groups(spec, found)
    if spec.value is not None:
        return Meaning(TaskInfo((), None, None, None, groups), None, ())
    _same_vocabulary(spec, found)
    classes = sorted({*found.labels, *found.predictions})
    notes: list[str] = []
    if len(classes) == 1 or not classes:
        classes = _completed(spec, classes)
    for role in ("favourable", "positive"):
        named = getattr(spec, role)
        if named is not None and named not in classes:
            columns = " and ".join(repr(name) for name in (spec.label, spec.prediction) if name)
            raise UsageError(
                f"{source.origin}: the {role} class {named!r} never occurs in {columns or 'the decisions'}."
                f"{did_you_mean(named, classes)}"
            )
    positive = spec.positive or next((name for name in _POSITIVE if name in classes and len(classes) == 2), None)
    if positive is None and len(classes) == 2:
        positive = spec.favourable
        notes.append(f"No positive class was named; {positive!r}, the favourable one, was taken.")
    if spec.threshold is not None and len(classes) != 2:
        raise UsageError(
            f"{source.origin}: score with threshold decides between two classes, and column {spec.label!r} holds "
            f"{len(classes)} ({', '.join(classes[:6])}); give the decisions with prediction"
        )
    if spec.score is not None and positive is None:
        raise UsageError("score is the probability of the positive class: say which one that is with positive")
    negative = next((name for name in classes if name != positive), None) if len(classes) == 2 else None
    return Meaning(TaskInfo(tuple(classes), positive, spec.favourable, spec.threshold, groups), negative, tuple(notes))


def _same_vocabulary(spec: TableSpec, found: Survey) -> None:
    labels, predictions = set(found.labels), set(found.predictions)
    if not labels or not predictions or labels <= predictions or predictions <= labels:
        return
    if any(labels | predictions == set(pair) for pair in _PAIRS):
        return
    odd = next(name for name in found.predictions if name not in labels)
    raise UsageError(
        f"{found.predictions[odd]}: the prediction (column {spec.prediction!r}) is {odd!r}, which no label is; labels (column "
        f"{spec.label!r}) are {', '.join(repr(name) for name in sorted(labels)[:6])}: write both in the same words"
    )


def _completed(spec: TableSpec, classes: list[str]) -> list[str]:
    """Both classes of a table in which only one occurs, or none because it has scores alone."""
    named = [name for name in (spec.positive, spec.favourable) if name is not None]
    known = list(dict.fromkeys([*classes, *named]))
    if len(known) == 2:
        # With two names the second may be a slip, unless the two are a usual pair.
        if not classes or any(set(known) == set(pair) for pair in _PAIRS):
            return sorted(known)
        return classes
    if len(known) == 1:
        other = next((a if b == known[0] else b for a, b in _PAIRS if known[0] in (a, b)), f"not {known[0]}")
        return sorted([known[0], other])
    return classes or known


def _groups(spec: TableSpec, found: Survey) -> dict[str, tuple[str, ...]]:
    """Every group of each attribute that is there or must be; groups of a crossing are those that meet in some row."""
    groups = {}
    for name, declared in spec.groups.items():
        seen = {*found.groups.get(name, {}), *declared}
        if found.unknown.get(name):
            seen.add(UNKNOWN)
        groups[name] = tuple(sorted(seen))
    for one, other in spec.crossings:
        groups[CROSS.join((one, other))] = ()
    return groups
