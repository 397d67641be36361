"""Two runs on the same test rows: joined, compared, and shown. Stable API: ``compare_runs``, ``comparison_json``, ``print_comparison``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rai_audits.fairness.compared import AUDIT_NAME, Comparison, Flip, compare
from rai_tune.core import AuditResult, TaskInfo, UsageError
from rai_tune.reporting.numbers import digits, show
from rai_tune.reporting.suppression import hidden_cells, hide_small_cells
from rai_tune.reporting.terminal import print_lines
from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pandas as pd

    from rai_tune.core import Measurement
    from rai_tune.workspace import RunRecord, Workspace

SCHEMA = "rai-tune/comparison/v1"
_OVERALL = {
    "accuracy_change": "Accuracy",
    "roc_auc_change": "ROC AUC",
    "selection_rate_change": "Selection rate",
    "true_positive_rate_change": "True positive rate",
    "false_positive_rate_change": "False positive rate",
}


@dataclass(frozen=True)
class Joined:
    """How the test rows of two runs met. ``common`` are compared; the others are in one run only."""

    common: int
    only_candidate: int
    only_production: int


@dataclass(frozen=True)
class RunComparison:
    """A candidate against the model in production. Changes are candidate minus production."""

    candidate: str
    production: str
    rows: Joined
    favourable: str | None
    positive: str | None
    confidence: float
    suppress_below: int
    found: Comparison


def compare_runs(workspace: Workspace, candidate: str, production: str) -> RunComparison:
    """Join the test rows of two runs by id and compare their decisions.

    Raises ``UsageError`` when a run has no predictions, the tasks differ, no test row is shared, or shared rows carry other
    labels.
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
    audits = new.recipe["audits"]
    found = compare(
        tables[1].loc[common].reset_index(),
        tables[0].loc[common].reset_index(),
        task,
        confidence=audits["confidence"],
        min_group_rows=max(audits["min_group_rows"], audits["suppress_below"]),
    )
    return _hidden(
        RunComparison(
            candidate=new.id,
            production=old.id,
            rows=joined,
            favourable=task.favourable,
            positive=task.positive,
            confidence=audits["confidence"],
            suppress_below=int(audits["suppress_below"]),
            found=found,
        )
    )


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
    print_lines(list(_lines(comparison)))


def _test_rows(workspace: Workspace, run: RunRecord) -> pd.DataFrame:
    artifacts = workspace.artifacts(run.id)
    if "predictions" not in artifacts:
        raise UsageError(f"run {run.id} is {run.state} and has no predictions")
    table = workspace.read_table(artifacts["predictions"].digest)
    return table[table["split"] == "test"].set_index("row_id")


def _data_facts(workspace: Workspace, run: RunRecord) -> Mapping[str, Any]:
    return dict(workspace.read_json(workspace.artifacts(run.id)["data"].digest))


def _hidden(comparison: RunComparison) -> RunComparison:
    """Hide numbers of groups below the recipe's k; their flips go with them."""
    k, found = comparison.suppress_below, comparison.found
    result = AuditResult(
        audit=AUDIT_NAME, suite="fairness", version="1", measurements=found.measurements, seed=0, duration_s=0.0
    )
    hidden = hidden_cells((result,), k)
    measured = hide_small_cells((result,), hidden)[0].measurements
    flips = tuple(flip for flip in found.flips if (flip.attribute, flip.group) not in hidden.groups)
    return replace(comparison, found=Comparison(measured, flips))


def _lines(comparison: RunComparison) -> Iterator[str]:
    rows, found = comparison.rows, comparison.found
    yield f"Candidate  {comparison.candidate}"
    yield f"Production {comparison.production}"
    yield f"{rows.common:,} test rows in both; {rows.only_candidate:,} only in the candidate's, {rows.only_production:,} only in production's"
    yield ""
    yield f"Candidate minus production, same rows, {100 * comparison.confidence:g} % intervals"
    if comparison.positive is not None:
        yield f"Positive, of which the error rates speak, is '{named(comparison.positive)}'"
    for item in found.measurements:
        if item.attribute is None:
            yield _line(_OVERALL.get(item.metric, item.metric), item)
    for attribute in dict.fromkeys(item.attribute for item in found.measurements if item.attribute is not None):
        own = [item for item in found.measurements if item.attribute == attribute]
        yield from _attribute_lines(attribute, own, comparison)
    yield from _flip_lines(comparison)


def _attribute_lines(attribute: str, own: list[Measurement], comparison: RunComparison) -> Iterator[str]:
    for metric, words in (("selection_rate", f"'{comparison.favourable}'"), ("accuracy", "Accuracy")):
        changes = [item for item in own if item.metric == f"{metric}_change"]
        if not changes:
            continue
        yield ""
        yield f"{words} by {named(attribute)}"
        for item in changes:
            yield _line(named(item.group or ""), item)
        for item in own:
            if item.metric == f"{metric}_gap_change":
                yield _line(f"gap, {named(item.group or '')} - {named(item.reference or '')}", item)


def _flip_lines(comparison: RunComparison) -> Iterator[str]:
    if not comparison.found.flips:
        return
    yield ""
    yield f"Who gains and who loses '{comparison.favourable}'"
    yield f"  {'':<34} {'rows':>6} {'gained':>7} {'lost':>6}  McNemar mid-p"
    for flip in comparison.found.flips:
        yield f"  {_flip_name(flip):<34} {flip.n:>6,} {flip.gained:>7,} {flip.lost:>6,}  {digits(flip.p_value, 'number')}"


def _flip_name(flip: Flip) -> str:
    name = "everybody" if flip.group is None else f"{named(flip.group)} ({named(flip.attribute or '')})"
    return name if len(name) <= 34 else name[:33] + "…"


def _line(name: str, item: Measurement) -> str:
    shown = show(item)
    short = name if len(name) <= 34 else name[:33] + "…"
    count = f"n {shown.n_text}" if shown.n is not None else ""
    return f"  {short:<34} {shown.text:>12}  {shown.interval:<20} {count}".rstrip()[:80]
