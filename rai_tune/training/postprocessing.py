"""How scores become decisions by group, after training: saved with the model as JSON and applied wherever the model decides.

Every rule here is a cutoff for each row: the row is decided positive when its score is at least its cutoff. A rule that draws between two
thresholds draws by a digest of the row's id, so that the same row gets the same decision each time and nothing hangs on the order of rows.

Stable API: ``PostProcessing``, ``GroupRule``, ``POST_FILE``.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import UsageError, canonical_json
from rai_tune.data.groups import crossed_groups

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

POST_FILE = "postprocessing.json"
SCHEMA = "rai-tune/postprocessing/v1"
NEVER, ALWAYS = 2.0, -1.0
"""Cutoffs above every probability and below every one: finite, since JSON has no infinity."""


@dataclass(frozen=True)
class GroupRule:
    """Cutoffs of one group with the chance of each; the chances sum to 1. One cutoff with chance 1 is a plain threshold."""

    cutoffs: tuple[float, ...]
    chances: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.cutoffs) != len(self.chances) or not self.cutoffs:
            raise ValueError("a rule has as many chances as cutoffs, at least one")
        finite = all(math.isfinite(value) for value in (*self.cutoffs, *self.chances))
        if not finite or min(self.chances) < 0 or abs(sum(self.chances) - 1.0) > 1e-9:
            raise ValueError("cutoffs are finite numbers, and their chances are not negative and sum to 1")


@dataclass(frozen=True)
class PostProcessing:
    """A rule for each group of ``attributes`` (crossed with ``&`` where several), and ``default`` for a person whose group is not known."""

    method: str
    constraint: str
    attributes: tuple[str, ...]
    rules: dict[str, GroupRule]
    default: float
    salt: str = ""
    """Goes into the digest that a drawn decision is made of: the run's seed."""

    def __post_init__(self) -> None:
        # A cutoff that is not a number would decide everybody negative, since no score reaches it.
        if not math.isfinite(self.default):
            raise ValueError("the default cutoff is a finite number")

    @property
    def drawn(self) -> bool:
        """Whether some group's decision is drawn between cutoffs."""
        return any(len(rule.cutoffs) > 1 for rule in self.rules.values())

    def cutoffs(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Cutoff of each row, shape (rows,). Reads ``group:<attribute>`` and, where decisions are drawn, ``row_id``.

        Raises ``UsageError`` when a group column is missing: without it nobody can be decided by this model.
        """
        groups = self._groups(rows)
        ids = rows["row_id"].astype(str).tolist() if self.drawn else [""] * len(groups)
        return np.asarray([self._cutoff(group, row) for group, row in zip(groups, ids, strict=True)], dtype=np.float64)

    def without_rule(self, rows: pd.DataFrame) -> dict[str, int]:
        """Groups among ``rows`` that have no rule and get ``default``, with their rows: not known, never seen, or spelt in another way."""
        return dict(sorted(Counter(group for group in self._groups(rows) if group not in self.rules).items()))

    def _groups(self, rows: pd.DataFrame) -> list[str]:
        for attribute in self.attributes:
            if f"group:{attribute}" not in rows:
                raise UsageError(
                    f"this model decides by group of {attribute!r}, and the rows do not say it: add its column, or use a model without "
                    "the mitigation 'threshold'"
                )
        cells = [rows[f"group:{attribute}"].astype(str).tolist() for attribute in self.attributes]
        return crossed_groups(cells, "this model's cutoffs by group")

    def _cutoff(self, group: str, row: str) -> float:
        rule = self.rules.get(group)
        if rule is None:
            return self.default
        if len(rule.cutoffs) == 1:
            return rule.cutoffs[0]
        place = int(np.searchsorted(np.cumsum(rule.chances), _uniform(self.salt, row), side="right"))
        return rule.cutoffs[min(place, len(rule.cutoffs) - 1)]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"schema": SCHEMA, **asdict(self)}

    def save(self, folder: Path) -> None:
        """Write ``postprocessing.json`` into a model's folder."""
        (folder / POST_FILE).write_bytes(canonical_json(self.to_json()))


def read_postprocessing(folder: Path) -> PostProcessing | None:
    """What ``save`` wrote, None where the model has none. Raises ``UsageError`` for a file that is not one."""
    path = folder / POST_FILE
    if not path.is_file():
        return None
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body.pop("schema") != SCHEMA:
            raise ValueError("another schema")
        rules = {group: GroupRule(**_tuples(rule)) for group, rule in body.pop("rules").items()}
        return PostProcessing(rules=rules, attributes=tuple(body.pop("attributes")), **body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path}: not the post-processing of a model ({error})") from error


def _tuples(rule: dict[str, Sequence[float]]) -> dict[str, Any]:
    return {name: tuple(map(float, values)) for name, values in rule.items()}


def _uniform(salt: str, row: str) -> float:
    """A number in [0, 1) that hangs on salt and row alone."""
    digest = hashlib.sha256(f"{salt}\x00{row}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
