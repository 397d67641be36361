"""Which runs are older than a rule of retention allows. Stable API: ``due_runs``, ``DueRun``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from rai_tune.candidates import frozen_policies
from rai_tune.core import RaiError, UsageError
from rai_tune.gate import load_policy
from rai_tune.holdings import Holdings
from rai_tune.promoting import today
from rai_tune.retention import plan_deletion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rai_tune.gate import LoadedPolicy
    from rai_tune.workspace import RunRecord, Workspace


@dataclass(frozen=True)
class Rule:
    """Days after which texts and tables go, and the pack that says so."""

    days: int
    policy: str


@dataclass(frozen=True)
class DueRun:
    """A run that is past its rule. ``skipped`` says why it is left alone; None when its texts are to go.

    ``rule`` is None for a run that cannot be read, which is skipped. ``files`` and ``bytes`` are what would go.
    """

    run: RunRecord
    age_days: int
    rule: Rule | None
    skipped: str | None
    files: int
    bytes: int


def due_runs(workspace: Workspace, policies: Sequence[str] = (), as_of: date | None = None) -> tuple[DueRun, ...]:
    """Runs that are past a rule on a day and still hold something, oldest first.

    The rule is ``retention.texts_days`` of the named packs, the shortest of several; without names, that of the packs that froze with
    each run. Raises ``UsageError`` when no pack has such a rule.
    """
    day = as_of or today()
    named = _shortest(load_policy(name) for name in policies)
    if policies and named is None:
        raise UsageError(f"{', '.join(policies)}: no retention.texts_days there, so nothing says when texts go")
    held, ruled, found = Holdings(workspace), named is not None, []
    for run in reversed(workspace.runs()):
        try:
            rule = named or _shortest(frozen_policies(workspace, run))
            due = _due(workspace, run, rule, day, held) if rule is not None and _age(run, day) >= rule.days else None
        except RaiError as error:
            # One run that cannot be read keeps its texts, and the others are looked at all the same.
            rule, due = named, DueRun(run, _age(run, day), named, str(error), 0, 0)
        ruled = ruled or rule is not None
        if due is not None:
            found.append(due)
    if not ruled:
        raise UsageError("no pack of these runs has retention.texts_days; name one that has with --policy")
    return tuple(found)


def _due(workspace: Workspace, run: RunRecord, rule: Rule, day: date, held: Holdings) -> DueRun | None:
    planned = plan_deletion(workspace, run.id, day, held)
    if not planned.items and not planned.unfinished:
        return None
    if workspace.is_alive(run.id):
        why: str | None = "a process works on it now"
    elif run.state not in {"completed", "trained", "pruned"}:
        why = f"it is {run.state}; 'raitune runs delete {run.id}' deletes what it left"
    else:
        why = str(planned.refused) if isinstance(planned.refused, RaiError) else None
    size = sum(item.size for item in planned.going)
    return DueRun(run, _age(run, day), rule, why, len(planned.going), size)


def _shortest(packs: Iterable[LoadedPolicy]) -> Rule | None:
    rules = [
        Rule(int(pack.policy.retention.texts_days.value), pack.policy.id)
        for pack in packs
        if pack.policy.retention is not None
    ]
    return min(rules, key=lambda rule: (rule.days, rule.policy), default=None)


def _age(run: RunRecord, day: date) -> int:
    """Whole days between the day on which the run was made (UTC) and another."""
    return (day - date.fromisoformat(run.created_at[:10])).days
