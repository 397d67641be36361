"""The audit ``ll144``: the tables that New York City's Local Law 144 asks of a bias audit of a hiring tool.

Rule: 6 RCNY 5-301 (in force since 5 July 2023). Rates and impact ratios by sex, by race/ethnicity and by both; the median score; the
number of people of unknown category; categories under 2 % of the data may be left out of impact ratios, with a justification. The rule
asks to compute and publish and sets no limit, so nothing here is a threshold or has bounds for a gate. Stable: metric, fact and table names.

Choices that the rule leaves open: a score equal to the median is not above it; shares for the 2 % are of the rows of known category;
an excluded category is no reference either; with more than two classes, each class is one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_audits.core import AuditContext, AuditOutput, UsageError, audit, did_you_mean, undefined
from rai_audits.fairness.describe import EXACT, SCORE, WILSON, Describer, end_methods
from rai_audits.fairness.grouped import TIMES, Grouping, evaluated, grouping, multiplicity
from rai_audits.fairness.impact_tables import Category, ImpactTable, Scope, impact_table, sample_median
from rai_audits.fairness.pooling import crossed
from rai_audits.stats.rates import wilson
from rai_audits.stats.ratios import ratio_bound

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.core import Measurement

NAME = "ll144"
MOST_EXCLUDED = 0.02
_GUESSES = {"sex": ("sex", "gender"), "race": ("race", "ethnicity", "race_ethnicity")}
_METRICS = {
    "selection": ("ll144_selection_rate", "ll144_impact_ratio"),
    "scoring": ("ll144_scoring_rate", "ll144_scoring_impact_ratio"),
}
_RATE = {"selection": WILSON, "scoring": f"{WILSON}, the median taken as given"}
_SHOWN = "shown, not gated: "
_RATIO = f"{_SHOWN}{SCORE} or {EXACT}, as if the reference had been named beforehand"
_MEDIAN = "sample median; interval from order statistics"


@dataclass(frozen=True)
class _Exclusion:
    below: Fraction
    reason: str


def measure(context: AuditContext) -> AuditOutput:
    """Measure on the rows of ``context.eval_split``. Row weights are not used: the rule counts people.

    Options: ``ll144_sex`` and ``ll144_race``, group attributes (default: those named exactly sex or gender, and race, ethnicity or
    race_ethnicity); ``ll144_exclude_below``, 0 to 0.02 (default 0), with ``ll144_exclusion_reason``. Raises ``UsageError`` naming a wrong
    option, a missing column, a missing score, or where two classes have no favourable one.
    """
    task = context.task
    if task.binary and task.favourable is None:
        raise UsageError(f"audit {NAME} needs a favourable class: the outcome that counts as selected")
    exclusion = _exclusion(context)
    describe = Describer(NAME, context, weighted=False)
    parts, absent = _attributes(context)
    found: list[Measurement] = [
        _not_applicable(describe, "ll144_categories", reason, method="none", n=0) for reason in absent.values()
    ]
    if not parts:
        return AuditOutput(tuple(found), facts={"not_applicable": absent})
    frame = evaluated(context, "prediction")
    people = int(multiplicity(frame).sum())
    groups = _groups(context, frame, parts)
    scores = _scores(context, frame)
    tables = [*_selection(context, frame, groups, exclusion), *_scoring(groups, scores, exclusion)]
    found.append(describe.number("ll144_assessed_rows", *[people] * 3, method="count", n=people))
    for cells in groups.values():
        unknown = people - sum(cells.size(name) for name in cells.names)
        where: dict[str, Any] = {"attribute": cells.attribute, "n": people}
        found.append(describe.number("ll144_unknown_rows", unknown, unknown, unknown, method="count", **where))
    found += _median(describe, scores, people, left_out=TIMES in frame.columns and "score" in frame.columns)
    for table in tables:
        found += _measurements(describe, table, exclusion)
    artifacts = {name: context.artifacts.put_table(name, rows) for name, rows in _frames(tables).items()}
    notes = ["Row weights are not used: the rule counts people."] if "weight" in frame.columns else []
    told = [_told(table) for table in tables]
    excluded = [{**item, "justification": exclusion.reason} for table in told for item in table["excluded"]]
    found.append(describe.number("ll144_excluded_categories", *[len(excluded)] * 3, method="count", n=people))
    facts = {
        "assessed_rows": people,
        "tables": told,
        "excluded": excluded,
        "not_applicable": absent,
        "notes": notes,
    }
    return AuditOutput(tuple(found), artifacts=artifacts, facts=facts)


AUDIT = audit(NAME, suite="fairness", ignores_weights=True, reads_tallies=True)(measure)


def _exclusion(context: AuditContext) -> _Exclusion:
    value = context.options.get("ll144_exclude_below", 0.0)
    reason = context.options.get("ll144_exclusion_reason", "")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= MOST_EXCLUDED:
        raise UsageError(f"option ll144_exclude_below must lie between 0 and {MOST_EXCLUDED}, got {value!r}")
    if not isinstance(reason, str):
        raise UsageError(f"option ll144_exclusion_reason must be text, got {reason!r}")
    if value > 0 and not reason.strip():
        raise UsageError("option ll144_exclude_below needs ll144_exclusion_reason: 6 RCNY 5-301(d) wants it published")
    return _Exclusion(Fraction(str(value)), reason.strip())


def _attributes(context: AuditContext) -> tuple[dict[str, str], dict[str, str]]:
    """The attributes that are sex and race/ethnicity, and for each that is not found the reason."""
    known = tuple(context.task.groups)
    parts, absent = {}, {}
    for part, names in _GUESSES.items():
        option = f"ll144_{part}"
        asked = context.options.get(option)
        if asked is not None and asked not in known:
            raise UsageError(f"option {option}: {asked!r} is no group attribute.{did_you_mean(str(asked), known)}")
        there = [asked] if asked is not None else [name for name in names if name in known]
        if len(there) == 1:
            parts[part] = there[0]
        elif there:
            absent[part] = f"{' and '.join(map(repr, there))} could each be the {part}; say which with {option}"
        else:
            absent[part] = f"no group attribute is named {' or '.join(names)}; name the one that is with {option}"
    if len(parts) == 2 and parts["sex"] == parts["race"]:
        raise UsageError(f"options ll144_sex and ll144_race both name {parts['sex']!r}")
    return parts, absent


def _groups(context: AuditContext, frame: pd.DataFrame, parts: dict[str, str]) -> dict[Scope, Grouping]:
    each: dict[Scope, Grouping] = {}
    if "sex" in parts:
        each["sex"] = grouping(context, frame, parts["sex"], 1)
    if "race" in parts:
        each["race"] = grouping(context, frame, parts["race"], 1)
    if len(parts) == 2:
        each["sex_race"] = crossed([each["sex"], each["race"]], 1)
    return each


def _scores(context: AuditContext, frame: pd.DataFrame) -> npt.NDArray[np.float64] | None:
    """Score of the favourable outcome for every row, or None where the predictions carry none."""
    task = context.task
    named = f"score:{task.favourable}"
    column = named if named in frame.columns else "score"
    if task.favourable is None or column not in frame.columns or (column == "score" and not task.binary):
        return None
    scores = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
    missing = np.isnan(scores)
    if missing.all():
        return None
    if missing.any():
        raise UsageError(f"audit {NAME}: column {column!r} has no score in {int(missing.sum())} of {scores.size} rows")
    return 1.0 - scores if column == "score" and task.positive != task.favourable else scores


def _selection(
    context: AuditContext, frame: pd.DataFrame, groups: dict[Scope, Grouping], exclusion: _Exclusion
) -> Iterator[ImpactTable]:
    said = frame["prediction"].astype(str).to_numpy(dtype=object)
    task = context.task
    labels = [(task.favourable, None)] if task.binary else [(name, name) for name in task.classes]
    for scope, cells in groups.items():
        for wanted, label in labels:
            hits = np.asarray(said == wanted, dtype=np.bool_)
            yield impact_table("selection", scope, cells, hits, exclude_below=exclusion.below, label=label)


def _scoring(
    groups: dict[Scope, Grouping], scores: npt.NDArray[np.float64] | None, exclusion: _Exclusion
) -> Iterator[ImpactTable]:
    if scores is not None:
        above = scores > np.median(scores)
        for scope, cells in groups.items():
            yield impact_table("scoring", scope, cells, above, exclude_below=exclusion.below)


def _median(
    describe: Describer, scores: npt.NDArray[np.float64] | None, rows: int, *, left_out: bool
) -> Iterator[Measurement]:
    if scores is not None:
        found = sample_median(scores, describe.context.confidence)
        yield describe.number("ll144_median_score", found.value, found.low, found.high, method=_MEDIAN, n=rows)
        return
    for metric, method in (("ll144_median_score", _MEDIAN), *((name, "none") for name in _METRICS["scoring"])):
        if left_out:
            yield describe.gap(
                metric, "the table is too long to hold, and this needs every score", method=method, n=rows
            )
            continue
        yield _not_applicable(describe, metric, "the predictions carry no score", method=method, n=rows)


def _measurements(describe: Describer, table: ImpactTable, exclusion: _Exclusion) -> Iterator[Measurement]:
    rate_metric, ratio_metric = _METRICS[table.kind]
    alpha = 1 - describe.context.confidence
    for item in table.categories:
        where: dict[str, Any] = {"attribute": table.attribute, "group": item.name, "label": table.label}
        counted = {**where, "n": item.n, "n_pos": item.hits, "n_neg": item.n - item.hits}
        if item.n == 0:
            for metric, method in ((rate_metric, _RATE[table.kind]), (ratio_metric, _RATIO)):
                yield describe.gap(metric, "no rows", method=method, **counted)
            continue
        ends = wilson(item.hits, item.n, alpha=alpha)
        method = _RATE[table.kind]
        yield describe.number(
            rate_metric, item.hits / item.n, float(ends.low), float(ends.high), method=method, **counted
        )
        yield _ratio(describe, ratio_metric, table, item, exclusion, where)


def _ratio(
    describe: Describer, metric: str, table: ImpactTable, item: Category, exclusion: _Exclusion, where: dict[str, Any]
) -> Measurement:
    ratio, highest = table.ratio(item), table.highest
    if item.excluded:
        reason = f"left out under 6 RCNY 5-301(d), {100 * float(item.share):.2g} % of the rows: {exclusion.reason}"
        return _not_applicable(describe, metric, reason, method=_RATIO, n=item.n, **where)
    if ratio is None or highest is None:
        return describe.gap(metric, "no category has a rate above 0", method=_RATIO, n=item.n, **where)
    where = {**where, "reference": highest.name}
    if item is highest:
        return describe.number(metric, 1.0, 1.0, 1.0, method=f"{_SHOWN}the reference", n=item.n, **where)
    ends = ratio_bound(item.hits, item.n, highest.hits, highest.n, alpha=1 - describe.context.confidence)
    method = f"{_SHOWN}{end_methods(bool(ends.low_exact), bool(ends.high_exact))}, as if the reference had been named beforehand"
    return describe.number(
        metric, float(ratio), float(ends.low), float(ends.high), method=method, n=item.n + highest.n, **where
    )


def _not_applicable(describe: Describer, metric: str, reason: str, *, method: str, n: int, **where: Any) -> Measurement:
    return undefined(
        "not_applicable",
        reason,
        audit=NAME,
        metric=metric,
        method=method,
        n=n,
        confidence=describe.context.confidence,
        split=describe.context.eval_split,
        favourable=describe.context.task.favourable,
        **where,
    )


def _told(table: ImpactTable) -> dict[str, Any]:
    highest = table.highest
    return {
        "kind": table.kind,
        "scope": table.scope,
        "attribute": table.attribute,
        "label": table.label,
        "unknown_rows": table.unknown,
        "highest": highest.name if highest is not None else None,
        "categories": len(table.categories),
        "excluded": [
            {
                "kind": table.kind,
                "scope": table.scope,
                "label": table.label,
                "category": item.name,
                "n": item.n,
                "share": float(item.share),
                "rate": float(Fraction(item.hits, item.n)),
            }
            for item in table.categories
            if item.excluded
        ],
    }


def _frames(tables: list[ImpactTable]) -> dict[str, pd.DataFrame]:
    """The tables as the rule has them published: applicants, rate and impact ratio of each category."""
    import pandas as pd

    rows: dict[str, list[dict[str, Any]]] = {}
    for table in tables:
        here = rows.setdefault(f"ll144_{table.kind}_{table.scope}", [])
        for item in table.categories:
            ratio = table.ratio(item)
            here.append(
                {
                    "label": table.label,
                    "category": item.name,
                    "n": item.n,
                    "share": float(item.share),
                    "rate": float(item.rate) if item.rate is not None else None,
                    "impact_ratio": float(ratio) if ratio is not None else None,
                    "excluded": item.excluded,
                }
            )
    return {name: pd.DataFrame(items) for name, items in rows.items()}
