"""Measurements that belong beside each other, as tables: one row a group, a pair or a category, one column a measure. Internal.

What an audit measures of every group reads badly as a list; the bias audit of New York City is a table by law. ``grids`` lays such measurements
out; whatever has no column stays for the list of the chapter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rai_tune.reporting.audit_words import METRICS
from rai_tune.reporting.model import Grid, GridRow
from rai_tune.reporting.numbers import show
from rai_tune.reporting.text import named
from rai_tune.reporting.wording import words_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.core import AuditResult, Measurement

MOST_ROWS = 40
_Row = tuple[str, str | None, str | None, str | None]


@dataclass(frozen=True)
class Layout:
    """A kind of table of an audit: metric -> head of its column.

    Rows are groups, in ``pairs`` tables groups and references, and with ``labels`` words or columns: over everybody, or (with ``pairs``) between groups.
    """

    title: str
    columns: dict[str, str]
    pairs: bool = False
    head: str = ""
    labels: bool = False


_LL144_RATIO = "Impact ratio"
LAYOUTS: dict[str, tuple[Layout, ...]] = {
    "ll144": (
        Layout("Selection", {"ll144_selection_rate": "Selection rate", "ll144_impact_ratio": _LL144_RATIO}),
        Layout(
            "Scoring above the median",
            {"ll144_scoring_rate": "Scoring rate", "ll144_scoring_impact_ratio": _LL144_RATIO},
        ),
    ),
    "base_vs_tuned": (
        Layout(
            "From base to tuned",
            {
                "base_selection_rate": "Favourable rate of the base",
                "selection_rate_change": "Change",
                "favourable_gained_share": "Gained",
                "favourable_lost_share": "Lost",
                "favourable_flip_p_value": "p",
                "accuracy_change": "Change of accuracy",
            },
        ),
    ),
    "mitigation_effect": (
        Layout(
            "Before and after",
            {
                "before_selection_rate": "Favourable rate before",
                "after_selection_rate": "After",
                "selection_rate_change": "Change",
                "favourable_gained_share": "Gained",
                "favourable_lost_share": "Lost",
                "favourable_flip_p_value": "p",
                "accuracy_change": "Change of accuracy",
            },
        ),
        Layout(
            "Errors before and after",
            {
                "before_true_positive_rate": "True positive rate before",
                "after_true_positive_rate": "True positive rate after",
                "true_positive_rate_change": "Change of the true positive rate",
                "before_false_positive_rate": "False positive rate before",
                "after_false_positive_rate": "False positive rate after",
                "false_positive_rate_change": "Change of the false positive rate",
            },
        ),
    ),
    "paired_swaps": (
        Layout(
            "Swaps",
            {
                "swap_flip_rate": "Decisions that change",
                "swap_favourable_rate_change": "Change in the favourable rate",
                "swap_score_shift": "Shift of the score",
            },
            pairs=True,
            head="From / to",
        ),
    ),
    "four_fifths": (
        Layout(
            "Against the highest rate",
            {
                "four_fifths_ratio": "Ratio",
                "four_fifths_difference": "Difference",
                "four_fifths_standard_deviations": "Standard deviations",
                "four_fifths_p_value": "Fisher's p",
                "four_fifths_p_value_adjusted": "p, all pairs",
                "four_fifths_disagreement": "Rule and test disagree",
            },
            pairs=True,
        ),
    ),
    "intersections": (
        Layout("Favourable rate", {"selection_rate": "As counted", "selection_rate_pooled": "Partially pooled"}),
    ),
    "score_fairness": (
        Layout(
            "Scores",
            {
                "subgroup_auc": "Subgroup AUC",
                "bpsn_auc": "BPSN AUC",
                "bnsp_auc": "BNSP AUC",
                "brier_score": "Brier score",
                "calibration_in_the_large": "Mean score minus share",
                "expected_calibration_error": "Calibration error",
            },
        ),
    ),
    "unknown_demographics": (
        Layout(
            "Impact ratio",
            {"impact_ratio_lowest": "Lowest possible", "impact_ratio_highest": "Highest possible"},
            pairs=True,
        ),
    ),
    "simpson": (
        Layout(
            "Gap in the favourable rate",
            {
                "selection_rate_difference_marginal": "As it is",
                "selection_rate_difference_adjusted": "After allowing",
                "simpson_reversal": "Turns round",
            },
            pairs=True,
        ),
    ),
    "identity_reliance": (
        Layout(
            "Share on who the person is", {"identity_reliance": "Of attribution", "identity_word_share": "Of words"}
        ),
        Layout(
            "Possible proxies",
            {"proxy_association": "Tells the group (V)", "proxy_attribution_share": "Share of attribution"},
            head="Column or word",
            labels=True,
        ),
    ),
    "global_attributions": (
        Layout(
            "What weighs most",
            {
                "mean_absolute_attribution": "Mean size",
                "mean_attribution": "Mean with sign",
                "mean_attribution_p_value_adjusted": "p that it has none",
            },
            head="Column or word",
            labels=True,
        ),
        Layout(
            "Weighs differently",
            {"attribution_difference": "Difference", "attribution_difference_p_value_adjusted": "p"},
            pairs=True,
            head="Column or word: group / against",
            labels=True,
        ),
    ),
    "regression_gaps": (
        Layout(
            "Predicted numbers",
            {
                "mean_prediction": "Mean prediction",
                "mean_residual": "Mean error",
                "mean_absolute_error": "Mean absolute error",
            },
        ),
    ),
}


def grids(result: AuditResult, most: int = MOST_ROWS) -> tuple[Grid, ...]:
    """The tables of one audit, attribute by attribute, of ``most`` rows each; empty for an audit without any."""
    tables: list[Grid] = []
    for layout in LAYOUTS.get(result.audit, ()):
        own = list(_grids(layout, result, most))
        tables += [replace(table, legend=_legend(layout) if not place else "") for place, table in enumerate(own)]
    return tuple(tables)


def _legend(layout: Layout) -> str:
    """What each column says, for below the first table of its kind."""
    said = (
        (head, words_for(metric, METRICS).meaning.removeprefix(f"{head}: ").rstrip("."))
        for metric, head in layout.columns.items()
    )
    return " ".join(f"{head}: {meaning[:1].lower()}{meaning[1:]}." for head, meaning in said if meaning)


def in_grid(item: Measurement) -> bool:
    """Whether a measurement has a cell in a table of its audit, be it shown or beyond the last row."""
    return any(_fits(layout, item) for layout in LAYOUTS.get(item.audit, ()))


def _grids(layout: Layout, result: AuditResult, most: int) -> Iterator[Grid]:
    tables: dict[tuple[str | None, str | None], dict[_Row, dict[str, Measurement]]] = {}
    for item in result.measurements:
        if _fits(layout, item) and not _turned(item):
            table = tables.setdefault((item.attribute, None if layout.labels else item.label), {})
            own = item.label if layout.labels else None
            row = (item.group or "", item.reference if layout.pairs else None, item.split, own)
            table.setdefault(row, {})[item.metric] = item
    for (attribute, label), rows in tables.items():
        within = {"simpson": f", within {named(label or '')}"}.get(result.audit, f", {named(label)}" if label else "")
        yield Grid(
            title=f"{layout.title} by {named(attribute)}{within}" if attribute is not None else layout.title,
            head=layout.head or ("Group / against" if layout.pairs else "Group"),
            columns=tuple(layout.columns.values()),
            rows=tuple(_row(row, cells, layout) for row, cells in list(rows.items())[:most]),
            left_out=max(0, len(rows) - most),
            legend="",
        )


def _fits(layout: Layout, item: Measurement) -> bool:
    """Whether a measurement has a cell: there is a column for its metric, and a row for what it is about."""
    if layout.labels:
        rows = item.label is not None and (item.group is not None) == layout.pairs
    else:
        rows = item.group is not None
    return rows and item.metric in layout.columns


def _turned(item: Measurement) -> bool:
    """A difference with its groups exchanged says nothing new."""
    return item.audit == "simpson" and item.reference is not None and (item.group or "") > item.reference


def _row(row: _Row, cells: dict[str, Measurement], layout: Layout) -> GridRow:
    group, reference, _split, label = row
    people = named(group) if reference is None else f"{named(group)} / {named(reference)}"
    shown = tuple(show(cells[metric]) if metric in cells else None for metric in layout.columns)
    first = next((cell for cell in shown if cell is not None), None)
    return GridRow(
        name=people if label is None else named(label) + (f": {people}" if group else ""),
        n_text=first.n_text if first is not None else "–",
        cells=shown,
    )
