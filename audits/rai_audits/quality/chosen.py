"""One number of an audit about one split, the worst over attributes where it has several: what a search looks for and what is said of its choice.

Stable API: ``Wanted``, ``measure_wanted``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from rai_audits.core import AuditContext, Measurement, load_audit

if TYPE_CHECKING:
    from collections.abc import Mapping

Direction = Literal["maximise", "minimise"]


@dataclass(frozen=True)
class Wanted:
    """A metric of an audit and which way is better. ``over``: one number for all rows, one for each attribute, or one for each pair of groups."""

    audit: str
    metric: str
    direction: Direction
    over: Literal["overall", "attributes", "pairs"] = "overall"


def measure_wanted(wanted: Mapping[str, Wanted], context: AuditContext, split: str) -> dict[str, Measurement | str]:
    """Each of them on the rows of ``split``, by the audit that measures it; a text says why there is no measurement.

    Of several measurements the worst counts, and one without a number is worse than any: nothing is chosen for a group that was not measured.
    Row weights are used as the audit uses them. ``not_applicable`` measurements are left out.
    """
    there = replace(context, eval_split=split, alphas=())
    results = {name: load_audit(name).run(there).measurements for name in {item.audit for item in wanted.values()}}
    return {name: _worst(item, results[item.audit]) for name, item in wanted.items()}


def _worst(wanted: Wanted, measured: tuple[Measurement, ...]) -> Measurement | str:
    found = [item for item in measured if item.metric == wanted.metric and _belongs(item, wanted)]
    found = [item for item in found if item.status != "not_applicable"]
    if not found:
        return f"{wanted.metric} was not measured: the rows have nothing that it speaks of"
    undefined = [item for item in found if item.status != "ok"]
    if undefined:
        return undefined[0]
    pick = max if wanted.direction == "minimise" else min
    return pick(found, key=lambda item: item.value)


def _belongs(item: Measurement, wanted: Wanted) -> bool:
    if item.label is not None:
        return False
    if wanted.over == "overall":
        return item.attribute is None and item.group is None
    if wanted.over == "attributes":
        return item.attribute is not None and item.group is None
    return item.group is not None and "unknown" not in {item.group, item.reference}
