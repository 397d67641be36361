"""What people read of a comparison of two runs: finished texts and numbers for the terminal and the app. Stable API: ``comparison_view``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rai_tune.reporting.audit_words import METRICS
from rai_tune.reporting.charts import DotChart, rows_chart
from rai_tune.reporting.evidence import measure_row
from rai_tune.reporting.numbers import digits, unit_of
from rai_tune.reporting.text import clean, named, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_audits.fairness.compared import Flip
    from rai_tune.core import Measurement
    from rai_tune.reporting.comparing import RunComparison
    from rai_tune.reporting.model import MeasureRow

_OVERALL = {
    "accuracy_change": "Accuracy",
    "roc_auc_change": "ROC AUC",
    "selection_rate_change": "Selection rate",
    "true_positive_rate_change": "True positive rate",
    "false_positive_rate_change": "False positive rate",
}
_METRICS = ("selection_rate", "accuracy", "true_positive_rate", "false_positive_rate")


@dataclass(frozen=True)
class ChangedMetric:
    """One metric of an attribute: its change in every group, then the change of the gap between each two."""

    metric: str
    name: str
    changes: tuple[MeasureRow, ...]
    gaps: tuple[MeasureRow, ...]


@dataclass(frozen=True)
class ChangedAttribute:
    """What changed for the groups of one attribute."""

    attribute: str
    metrics: tuple[ChangedMetric, ...]


@dataclass(frozen=True)
class FlipRow:
    """Rows whose decision changed: who gained the favourable outcome, who lost it, and the p-value of as many gains as losses."""

    name: str
    rows: str
    gained: str
    lost: str
    p_value: str


@dataclass(frozen=True)
class ComparisonView:
    """A comparison in words. ``rows`` says which rows met, ``basis`` what every number is; changes are candidate minus production.

    ``words`` name the positive and the favourable class, ``favourable`` is empty where the task names none. ``changed`` are the ids of rows that
    the two decide differently, for look-ups and not for showing.
    """

    candidate: str
    production: str
    rows: str
    basis: str
    positive: str
    favourable: str
    overall: tuple[MeasureRow, ...]
    attributes: tuple[ChangedAttribute, ...]
    flips: tuple[FlipRow, ...]
    common: int
    changed: tuple[str, ...]

    @property
    def words(self) -> str:
        """Both classes in one sentence."""
        favourable = f"Favourable: '{self.favourable}'" if self.favourable else "No favourable outcome is named"
        positive = f"positive: '{self.positive}'" if self.positive else "no positive class is named"
        return f"{favourable}; {positive}."


def comparison_view(comparison: RunComparison, other: str = "production") -> ComparisonView:
    """Every text and number of a comparison. Small cells are hidden already. ``other`` is our word for the run that is compared with."""
    rows, measured = comparison.rows, comparison.found.measurements
    attributes = dict.fromkeys(item.attribute for item in measured if item.attribute is not None)
    return ComparisonView(
        candidate=clean(comparison.candidate),
        production=clean(comparison.production),
        rows=f"{rows.common:,} test rows in both; {rows.only_candidate:,} only in the candidate's, "
        f"{rows.only_production:,} only in {other}'s",
        basis=f"Candidate minus {other}, same rows, {100 * comparison.confidence:g} % intervals",
        positive="" if comparison.positive is None else named(comparison.positive),
        favourable="" if comparison.favourable is None else named(comparison.favourable),
        overall=tuple(_row(item, _OVERALL.get(item.metric)) for item in measured if item.attribute is None),
        attributes=tuple(
            ChangedAttribute(named(name), tuple(_metrics(name, measured, comparison.favourable))) for name in attributes
        ),
        flips=tuple(_flip(flip) for flip in comparison.found.flips),
        common=rows.common,
        changed=comparison.changed,
    )


def overall_chart(view: ComparisonView) -> DotChart | None:
    """Changes of rates over all rows in both; the area under the curve has another unit and is in the table alone."""
    rows = [row for row in view.overall if unit_of(row.value.ref.metric) == "points"]
    return rows_chart("Change over all rows in both", "Candidate minus the other", rows, _ends("", view.favourable))


def metric_chart(view: ComparisonView, attribute: ChangedAttribute, metric: ChangedMetric) -> DotChart | None:
    """The change of one metric in every group of an attribute."""
    title = f"{metric.name}, change by {attribute.attribute}"
    return rows_chart(title, "Candidate minus the other", metric.changes, _ends(metric.metric, view.favourable))


def flips_sentence(view: ComparisonView) -> str:
    """How many decisions changed, and who gained and lost over all rows."""
    count = len(view.changed)
    share = f"{count:,} of {view.common:,} rows in both are decided differently."
    everybody = next((flip for flip in view.flips if flip.name == EVERYBODY), None)
    if everybody is None:
        return share
    return sentence(f"{share} {everybody.gained} gained '{view.favourable}' and {everybody.lost} lost it.")


EVERYBODY = "everybody"


def _metrics(attribute: str, measured: Sequence[Measurement], favourable: str | None) -> Iterator[ChangedMetric]:
    own = [item for item in measured if item.attribute == attribute]
    for metric in _METRICS:
        changes = [item for item in own if item.metric == f"{metric}_change"]
        if not changes:
            continue
        gaps = [item for item in own if item.metric == f"{metric}_gap_change"]
        name = f"Rate of '{named(favourable or '')}'" if metric == "selection_rate" else _OVERALL[f"{metric}_change"]
        yield ChangedMetric(
            metric=metric,
            name=name,
            changes=tuple(_bare(item, named(item.group or "")) for item in changes),
            gaps=tuple(_bare(item, f"{named(item.group or '')} - {named(item.reference or '')}") for item in gaps),
        )


def _row(item: Measurement, name: str | None) -> MeasureRow:
    """Only test rows are compared, whatever a measurement says of its split."""
    return replace(measure_row(item, METRICS, name=name), split="test")


def _bare(item: Measurement, name: str) -> MeasureRow:
    """A row of a table that says itself what it measures."""
    return replace(_row(item, name), meaning="")


def _flip(flip: Flip) -> FlipRow:
    return FlipRow(
        name=EVERYBODY if flip.group is None else f"{named(flip.group)} ({named(flip.attribute or '')})",
        rows=f"{flip.n:,}",
        gained=f"{flip.gained:,}",
        lost=f"{flip.lost:,}",
        p_value=digits(flip.p_value, "number"),
    )


def _ends(metric: str, favourable: str) -> tuple[str, str]:
    if metric == "selection_rate":
        return f"the candidate decides '{favourable}' less often", f"the candidate decides '{favourable}' more often"
    return "lower with the candidate", "higher with the candidate"
