"""Choosing from a search: a rule picks a trial, what that flatters is said, and the trial's run goes on to a verdict. Stable API: ``choose``, ``Chosen``.

The test rows are opened here and not before, by the one run that is chosen. Choosing again from the same search opens them again, which every later
decision counts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import TaskInfo, UsageError
from rai_tune.pipeline import resume
from rai_tune.recipe.mitigation import MitigationSpec
from rai_tune.reporting.stored import stored_table
from rai_tune.search.choosing import parse_rule, pick
from rai_tune.search.curse import expected_curse
from rai_tune.search.objectives import load_objective
from rai_tune.search.pareto import front
from rai_tune.search.points import FAST, OF_SCORES, Points
from rai_tune.search.recorded import check_as_recorded
from rai_tune.search.result import Value, acceptable
from rai_tune.search.store import check_current, folder_of, read_record, read_search
from rai_tune.selection import SELECTION, SELECTION_SCHEMA
from rai_tune.stored_run import attach
from rai_tune.training.mitigation.composing import decides
from rai_tune.workspace.locks import hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from rai_tune.auditing import Progress
    from rai_tune.search.choosing import Rule
    from rai_tune.search.result import SearchResult, TrialResult
    from rai_tune.stored_run import RunOutcome
    from rai_tune.workspace import RunRecord, Workspace


_LOCK = ".choose.lock"


@dataclass(frozen=True)
class Chosen:
    """The trial that was chosen, and the verdict of its run.

    ``rule`` is the one that it was chosen by first, where that was another. ``kept`` are the numbers of the trials that the rule keeps, in its order; ``among`` counts those that it was asked about. ``flattery`` is by how much
    the validation rows are expected to flatter, by objective; ``unknown_flattery`` names those for which that cannot be said, since cutoffs were fitted on the same rows. ``again`` where the run was chosen before and had a verdict; nothing is then opened anew.
    """

    trial: TrialResult
    rule: str
    kept: tuple[int, ...]
    among: int
    flattery: dict[str, float]
    unknown_flattery: tuple[str, ...]
    outcome: RunOutcome
    again: bool


def choose(workspace: Workspace, search_id: str, text: str, progress: Progress) -> Chosen:
    """Pick by a rule, record the choice and what it is expected to flatter, and carry the run through test rows, audits and policies.

    Raises ``UsageError`` for a rule that cannot be read or keeps no trial, and for a search with no trial that can be chosen; ``IntegrityError``
    for a trial that is not as its run recorded it; ``ConflictError`` while another process chooses from this search. Where it is refused, nothing is recorded.
    """
    check_current(read_record(workspace, search_id))
    with hold(folder_of(workspace, search_id) / _LOCK, f"choosing from search {search_id}"):
        return _choose(workspace, search_id, text, progress)


def _choose(workspace: Workspace, search_id: str, text: str, progress: Progress) -> Chosen:
    found = read_search(workspace, search_id)
    rule = parse_rule(text, found.directions, _shares(found))
    check_as_recorded(workspace, found)
    trials = _choosable(found)
    picked = pick(rule, {number: trial.values for number, trial in trials.items()}, found.directions)
    trial = trials[picked.number]
    assert trial.run_id is not None
    again = workspace.run(trial.run_id).state == "completed"
    named = workspace.artifacts(trial.run_id).get(SELECTION)
    if named is not None:
        # Written before the test rows were opened, and not again: a choice that was killed goes on with what it knew.
        told = workspace.read_json(named.digest)
        outcome = resume(trial.run_id, workspace, progress)
    else:
        told = _selection(workspace, found, rule, trials, picked.kept)
        run_id = trial.run_id
        outcome = resume(run_id, workspace, progress, choose=lambda: attach(workspace, run_id, SELECTION, told))
    return Chosen(
        trial=trial,
        rule=told["rule"],
        kept=tuple(told["kept"]),
        among=told["among"],
        flattery=dict(told["expected"]),
        unknown_flattery=tuple(told.get("not_expected", ())),
        outcome=outcome,
        again=again,
    )


def _shares(found: SearchResult) -> frozenset[str]:
    return frozenset(name for name in found.directions if load_objective(name).unit == "share")


def _choosable(found: SearchResult) -> dict[int, TrialResult]:
    """Measured trials that meet their constraints; where none does, all that are measured, since the gate still decides."""
    measured = [trial for trial in found.trials if trial.measured and trial.run_id]
    if not measured:
        raise UsageError(
            f"search {found.id} has no trial that can be chosen: {len(found.trials)} trials, none complete with a number for every objective and its texts and model kept"
        )
    return {trial.number: trial for trial in acceptable(measured) or measured}


def _selection(
    workspace: Workspace, found: SearchResult, rule: Rule, trials: Mapping[int, TrialResult], kept: tuple[int, ...]
) -> dict[str, Any]:
    """What is kept of a choice with the run: the rule, the search as it stood, and what is expected to be flattered."""
    expected = _expected(workspace, found, rule, trials)
    # Cutoffs by group that were fitted on these rows flatter decisions on every part of them.
    fitted = any(_fits_cutoffs(workspace.run(str(trial.run_id))) for trial in trials.values())
    unknown = [name for name in expected if fitted and name not in OF_SCORES]
    return {
        "schema": SELECTION_SCHEMA,
        "search": found.to_json(),
        # Objects lose their order when they are stored.
        "objectives": list(found.directions),
        "front": sorted(front(found.trials, found.directions)),
        "rule": rule.text,
        "number": kept[0],
        "kept": list(kept),
        "among": len(trials),
        "feasible": bool(acceptable(tuple(trials.values()))),
        "wanted": {
            name: asdict(item) for name in found.directions if (item := load_objective(name).wanted) is not None
        },
        "expected": {name: value for name, value in expected.items() if name not in unknown},
        "not_expected": unknown,
    }


def _fits_cutoffs(run: RunRecord) -> bool:
    """Whether a method of the run chose how its scores become decisions, on validation rows."""
    given = run.recipe.get("mitigation")
    return given is not None and decides(MitigationSpec.model_validate(given))


def _expected(
    workspace: Workspace, found: SearchResult, rule: Rule, trials: Mapping[int, TrialResult]
) -> dict[str, float]:
    """Expected flattery by objective: choosing by the same rule on halves of the validation rows. Nothing where the rule reads what halves cannot tell."""
    measured = [name for name in found.directions if name in FAST]
    read = {part.objective for part in (*rule.keep, *rule.prefer)}
    costs = {name for name in found.directions if load_objective(name).wanted is None}
    if not measured or read - set(measured) - costs:
        return {}
    tables = {number: _table(workspace, trial) for number, trial in trials.items()}
    if any(table is None for table in tables.values()):
        return {}
    task = _task(workspace, next(iter(trials.values())))
    points = {number: Points.of(table, task) for number, table in tables.items() if table is not None}
    first = next(iter(points.values()))
    strata = list(zip(first.positive.tolist(), *(cells.tolist() for cells in first.groups.values()), strict=True))

    def values_on(number: int, rows: Any) -> dict[str, float | None]:
        return {name: points[number].value(name, rows) for name in measured}

    def choose_on(rows: Any) -> int | None:
        on = {number: _on_half(values_on(number, rows), trials[number], costs) for number in points}
        try:
            return pick(rule, on, found.directions).number
        except UsageError:
            return None

    directions = {name: found.directions[name] for name in measured}
    return expected_curse(len(first.scores), strata, choose_on, values_on, directions, seed=found.seed)


def _on_half(measured: Mapping[str, float | None], trial: TrialResult, costs: set[str]) -> dict[str, Value]:
    """Values on half the rows, with the trial's own intervals moved to them: the rule reads bounds, and costs are what they are."""
    values = {name: value for name, value in trial.values.items() if name in costs}
    for name, estimate in measured.items():
        whole = trial.values[name]
        if estimate is None or whole.estimate is None:
            values[name] = Value(None, status="not_estimable", reason="not on half of the rows")
            continue
        moved = estimate - whole.estimate
        low, high = (None if end is None else end + moved for end in (whole.low, whole.high))
        values[name] = Value(estimate, low, high, whole.n)
    return values


def _table(workspace: Workspace, trial: TrialResult) -> pd.DataFrame | None:
    table = stored_table(workspace, str(trial.run_id), "validation")
    return None if table is None else table.sort_values("row_id", ignore_index=True)


def _task(workspace: Workspace, trial: TrialResult) -> TaskInfo:
    """What labels and groups mean, from the description of the rows that every trial keeps."""
    told = workspace.read_json(workspace.artifacts(str(trial.run_id))["data"].digest)
    groups = {name: tuple(values) for name, values in told["groups"].items()}
    return TaskInfo(tuple(told["classes"]), told["positive"], told["favourable"], None, groups)
