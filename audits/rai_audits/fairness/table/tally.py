"""A long table as its distinct rows with their number: what audits read that need people and not their order. Internal to this package.

Ids, scores and weights are left out, so that the tally is as short as there are combinations of groups, label and decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.fairness.counts import GROUP_PREFIX
from rai_audits.fairness.grouped import TIMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

MAX_COMBINATIONS = 2_000_000
"""More distinct rows than this are no shorter than the table: then there is no tally."""


def tally(part: pd.DataFrame) -> pd.DataFrame:
    """Distinct rows of one part of a table, with their number in the column ``times``."""
    keys = [name for name in part.columns if name in ("label", "prediction") or name.startswith(GROUP_PREFIX)]
    counted = part.groupby(keys, observed=True, dropna=False, sort=False).size()
    found = counted.rename(TIMES).reset_index()
    return found.astype(dict.fromkeys(keys, object))


def merged(tallies: Iterable[pd.DataFrame], split: str) -> pd.DataFrame | None:
    """One tally of all parts, in an order that their content alone decides; None past ``MAX_COMBINATIONS``."""
    import pandas as pd

    whole = pd.DataFrame()
    for one in tallies:
        both = pd.concat([whole, one], ignore_index=True) if len(whole) else one
        keys = [name for name in both.columns if name != TIMES]
        whole = both.groupby(keys, dropna=False, sort=True)[[TIMES]].sum().reset_index()
        if len(whole) > MAX_COMBINATIONS:
            return None
    return whole.assign(split=split)
