"""Two runs on the same test rows: joined and compared. Stable API: ``compare_runs``, ``comparison_json``, ``print_comparison``.

What people read of it is in ``comparing_view``; the terminal and the app both render that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rai_audits.fairness.compared import AUDIT_NAME, Comparison, compare
from rai_tune.core import AuditResult, TaskInfo, UsageError
from rai_tune.recipe import Recipe
from rai_tune.reporting.comparing_lines import comparison_lines
from rai_tune.reporting.comparing_view import comparison_view
from rai_tune.reporting.stored import stored_results
from rai_tune.reporting.suppression import Hidden, hidden_cells, hide_small_cells
from rai_tune.reporting.terminal import print_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from rai_tune.workspace import RunRecord, Workspace

SCHEMA = "rai-tune/comparison/v1"
_READ = ("row_id", "split", "label", "prediction", "score")


@dataclass(frozen=True)
class Joined:
    """How the test rows of two runs met. ``common`` are compared; the others are in one run only."""

    common: int
    only_candidate: int
    only_production: int


@dataclass(frozen=True)
class RunComparison:
    """A candidate against the model in production. Changes are candidate minus production.

    ``changed`` names the rows in both that the two decide differently, in the order of their ids.
    """

    candidate: str
    production: str
    rows: Joined
    favourable: str | None
    positive: str | None
    confidence: float
    suppress_below: int
    found: Comparison
    changed: tuple[str, ...] = ()


def compare_runs(workspace: Workspace, candidate: str, production: str) -> RunComparison:
    """Join the test rows of two runs by id and compare their decisions.

    Small cells are hidden as in the reports of both runs: by the larger k, and whatever either report hides stays hidden here. Raises
    ``UsageError`` when a run has no predictions or gave them up, the tasks differ, no test row is shared, or shared rows carry other labels;
    ``IntegrityError`` when something that is read is not what was stored.
    """
    new, old = workspace.run(candidate), workspace.run(production)
    if new.id == old.id:
        raise UsageError(f"both are run {new.id}; compare two different runs")
    tables = [_test_rows(workspace, run) for run in (new, old)]
    facts, other = _data_facts(workspace, new), _data_facts(workspace, old)
    for key in ("classes", "positive", "favourable"):
        if facts[key] != other[key]:
            raise UsageError(f"the runs differ in {key}: {facts[key]!r} in {new.id}, {other[key]!r} in {old.id}")
    ids = [set(table.index) for table in tables]
    common = sorted(ids[0] & ids[1])
    joined = Joined(len(common), len(ids[0] - ids[1]), len(ids[1] - ids[0]))
    if not common:
        raise UsageError(
            f"the runs share no test row: {joined.only_candidate:,} rows in {new.id}, {joined.only_production:,} in {old.id}; "
            "a paired comparison needs the same rows (the same data, id column and seed)"
        )
    task = TaskInfo(
        classes=tuple(facts["classes"]),
        positive=facts["positive"],
        favourable=facts["favourable"],
        threshold=None,
        groups={name: tuple(values) for name, values in facts["groups"].items()},
    )
    audits = Recipe.model_validate(new.recipe).audits
    k = max(audits.suppress_below, Recipe.model_validate(old.recipe).audits.suppress_below)
    before, after = (tables[side].loc[common].reset_index() for side in (1, 0))
    found = compare(before, after, task, confidence=audits.confidence, min_group_rows=max(audits.min_group_rows, k))
    differ = before["prediction"].astype(str) != after["prediction"].astype(str)
    compared = RunComparison(
        candidate=new.id,
        production=old.id,
        rows=joined,
        favourable=task.favourable,
        positive=task.positive,
        confidence=audits.confidence,
        suppress_below=k,
        found=found,
        changed=tuple(after.loc[differ, "row_id"].astype(str)),
    )
    return _hidden(compared, [hidden_cells(stored_results(workspace, run.id), k) for run in (new, old)])


def comparison_json(comparison: RunComparison) -> dict[str, Any]:
    """The comparison as plain JSON values, small cells hidden."""
    return {
        "schema": SCHEMA,
        "candidate": comparison.candidate,
        "production": comparison.production,
        "rows": vars(comparison.rows),
        "favourable": comparison.favourable,
        "positive": comparison.positive,
        "measurements": [
            {"split": "test", **{key: value for key, value in item.to_json().items() if value is not None}}
            for item in comparison.found.measurements
        ],
        "flips": [vars(flip) for flip in comparison.found.flips],
    }


def print_comparison(comparison: RunComparison) -> None:
    """Print the comparison, 80 columns wide or less."""
    print_lines(list(comparison_lines(comparison_view(comparison))))


def _test_rows(workspace: Workspace, run: RunRecord) -> pd.DataFrame:
    """Decisions, labels and groups of the test rows, by row id; no texts."""
    ref = workspace.artifacts(run.id).get("predictions")
    if ref is None:
        raise UsageError(f"run {run.id} is {run.state} and has no predictions")
    for deletion in workspace.deletions(run.id):
        if ref.digest in deletion.digests.values():
            raise UsageError(f"the predictions of run {run.id} were {deletion.sentence}, so no row can be compared")
    table = workspace.read_table(ref.digest)
    absent = [name for name in _READ if name not in table and name != "score"]
    if absent:
        raise UsageError(f"the predictions of run {run.id} have no column {absent[0]}, so no row can be compared")
    kept = [name for name in table if name in _READ or str(name).startswith("group:")]
    return table.loc[table["split"] == "test", kept].set_index("row_id")


def _data_facts(workspace: Workspace, run: RunRecord) -> Mapping[str, Any]:
    ref = workspace.artifacts(run.id).get("data")
    facts = dict(workspace.read_json(ref.digest)) if ref is not None else {}
    for name in ("classes", "groups"):
        if name not in facts:
            raise UsageError(f"run {run.id} does not record the {name} of its data, so it cannot be compared")
    return {"positive": None, "favourable": None, **facts}


def _hidden(comparison: RunComparison, of_runs: list[Hidden]) -> RunComparison:
    """Hide numbers of groups below k, and of those that the report of either run hides; their flips go with them."""
    k, found = comparison.suppress_below, comparison.found
    result = AuditResult(
        audit=AUDIT_NAME, suite="fairness", version="1", measurements=found.measurements, seed=0, duration_s=0.0
    )
    hidden = hidden_cells((result,), k)
    for other in of_runs:
        hidden = replace(hidden, groups=hidden.groups | other.groups, labels=hidden.labels | other.labels)
    measured = hide_small_cells((result,), hidden)[0].measurements
    # A flip tells what the change of the same group tells, so it goes where that is hidden.
    dark = {
        (item.attribute, item.group)
        for item in measured
        if item.metric == "selection_rate_change" and item.status == "suppressed"
    }
    flips = tuple(flip for flip in found.flips if (flip.attribute, flip.group) not in dark | hidden.groups)
    return replace(comparison, found=Comparison(measured, flips))
