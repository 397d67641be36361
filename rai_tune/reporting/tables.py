"""Measurements, controls and groups of a report as CSV, for spreadsheets. Stable API: ``CSV_TABLES``.

The rows are those of the JSON (``export.report_json``), small cells suppressed as there: where there is no number, the cell holds
the word why, never a zero or nothing (a suppressed ``n`` is the word too, where the JSON has 0 for the sake of its type). ``csv_cells`` says how text is kept from being read as a formula, and how to undo it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.reporting.csv_cells import csv_bytes
from rai_tune.reporting.evidence import GROUPS
from rai_tune.reporting.export import report_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rai_tune.reporting.inputs import ReportInputs

_MEASURED = (
    *("audit", "metric", "attribute", "group", "reference", "label", "split"),
    *("estimate", "low", "high", "confidence", "n", "n_pos", "n_neg", "status", "reason", "method"),
    *("threshold", "positive", "favourable"),
)
_CONTROLLED = (
    *(
        "policy",
        "policy_version",
        "id",
        "reference",
        "title",
        "asks",
        "mode",
        "severity",
        "outcome",
        "reason",
        "settle",
    ),
    *("kind", "direction", "condition", "waived_until", "waived_by", "attested_by"),
    *("status", "binding", "applies_from", "applies_until", "verified_on"),
)
_THRESHOLD = ("value", "origin", "source")
_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value", "accuracy")
_OF_RATE = {"": "estimate", "_low": "low", "_high": "high", "_n": "n", "_status": "status"}


def measurements_csv(inputs: ReportInputs) -> bytes:
    """Every measurement, one a line. The one-sided bounds that the gate reads are the last columns, one for each kind that was measured."""
    report = report_json(inputs)
    rows = [_told(row) for row in report["measurements"]]
    kinds = sorted({_kind(bound) for row in rows for bound in row["bounds"]})
    header = ["run", *_MEASURED, *(_bound_name(kind) for kind in kinds)]
    return csv_bytes(header, [[_run(report), *_picked(row, _MEASURED), *_bounds(row, kinds)] for row in rows])


def controls_csv(inputs: ReportInputs) -> bytes:
    """Every control of every policy with its outcome, its threshold and who set it, one a line."""
    report = report_json(inputs)
    header = ["run", *_CONTROLLED, *(f"threshold_{name}" for name in _THRESHOLD), "readings", "sources"]
    return csv_bytes(header, [[_run(report), *_controlled(row)] for row in report["controls"]])


def groups_csv(inputs: ReportInputs) -> bytes:
    """Every group with its size and rates, one a line; ``unknown`` is counted like a group and never compared."""
    report = report_json(inputs)
    lines: dict[tuple[Any, Any, Any], dict[str, Mapping[str, Any]]] = {}
    for row in map(_told, report["measurements"]):
        if row["audit"] == GROUPS and row["group"] is not None and row["reference"] is None:
            lines.setdefault((row["attribute"], row["group"], row["split"]), {})[row["metric"]] = row
    rates = [f"{rate}{end}" for rate in _RATES for end in _OF_RATE]
    return csv_bytes(
        ["run", "attribute", "group", "split", "rows", "favourable", "positive", *rates],
        [[_run(report), *where, *_group(found)] for where, found in lines.items()],
    )


CSV_TABLES: dict[str, Callable[[ReportInputs], bytes]] = {
    "measurements": measurements_csv,
    "controls": controls_csv,
    "groups": groups_csv,
}
"""Every table by its name, which is also the name of its file."""


def _run(report: Mapping[str, Any]) -> str | None:
    found = report["run"].get("id")
    return None if found is None else str(found)


def _told(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A measurement whose count is hidden says so where its count would be."""
    return {**row, "n": row["status"]} if row["status"] == "suppressed" else row


def _picked(row: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    return [row[name] for name in names]


Kind = tuple[str, float, str]


def _kind(bound: Mapping[str, Any]) -> Kind:
    return bound["side"], bound["alpha"], bound["correction"]


def _bound_name(kind: Kind) -> str:
    side, alpha, correction = kind
    return f"{side}_bound_alpha_{alpha:g}" + ("" if correction == "none" else f"_{correction}")


def _bounds(row: Mapping[str, Any], kinds: Sequence[Kind]) -> list[Any]:
    found = {_kind(bound): bound["value"] for bound in row["bounds"]}
    return [found.get(kind) for kind in kinds]


def _controlled(row: Mapping[str, Any]) -> list[Any]:
    threshold = row["threshold"] or {}
    return [
        *_picked(row, _CONTROLLED),
        *(threshold.get(name) for name in _THRESHOLD),
        len(row["readings"]),
        " | ".join(row["sources"]),
    ]


def _group(found: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    size, rate = found.get("group_size", {}), found.get("selection_rate", {})
    cells = [found.get(name, {}).get(field) for name in _RATES for field in _OF_RATE.values()]
    people = size.get("estimate")
    return [int(people) if isinstance(people, float) else people, rate.get("favourable"), rate.get("positive"), *cells]
