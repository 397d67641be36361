"""How a model's decisions fall on groups of people.

``counts`` (mergeable confusion counts per group), ``group_rates`` (the audit of rates, impact ratios and differences). Audits are
loaded by name through ``rai_audits.core.load_audit``; nothing is imported here. Stable API: ``counts`` and the audits' metric names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_audits.fairness.table import TableAudit


def audit(
    table: Any,
    *,
    label: str | None = None,
    prediction: str | None = None,
    score: str | None = None,
    threshold: float | None = None,
    value: str | None = None,
    groups: Sequence[str] | Mapping[str, Sequence[str]] = (),
    favourable: str | None = None,
    positive: str | None = None,
    **more: Any,
) -> TableAudit:
    """Audit a table of predictions: no model is needed, and nothing of it is stored.

    ``table`` is a data frame, an Arrow table, or a path (CSV, JSON Lines, Parquet; a folder, a pattern, several paths, or
    ``file.duckdb::table``). A decision is ``prediction`` (a class), or ``score`` (probability of ``positive``) at or above ``threshold``;
    ``value`` is a predicted number instead, with a numeric ``label``. ``groups`` names the group columns; a mapping also names the groups that
    must be there. ``favourable`` is the outcome that a person wants, ``positive`` the class that TPR and FPR speak of (default: 1, true
    or yes).

    ``more``: ``row_id``, ``weight`` (columns), ``intersections`` (cross the attributes two by two), ``join`` and ``on`` (a second table
    that brings group columns), ``options`` of audits such as ``min_group_rows``, ``audits`` (names; default all that apply), ``metrics``
    (functions of (y_true, y_pred) by name, run by group through Fairlearn's MetricFrame: points without intervals), ``alphas`` of the
    one-sided bounds, ``confidence`` of the intervals, ``seed``, ``max_held_rows`` (longer tables are counted part by part).

    Raises ``UsageError`` that names the file, the row and the column of anything that cannot be audited.
    """
    from rai_audits.core import UsageError
    from rai_audits.fairness.table import TableSpec, audit_table

    if "id" in more:
        raise UsageError("name the column of row ids with row_id")
    spec = TableSpec(
        label=label,
        prediction=prediction,
        score=score,
        threshold=threshold,
        value=value,
        groups=TableSpec.declared(groups),
        favourable=favourable,
        positive=positive,
        **{name: more.pop(name) for name in ("row_id", "weight", "intersections") if name in more},
    )
    return audit_table(table, spec, **more)
