"""A second table that brings group columns, matched by a key. Internal to this package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rai_audits.core import UsageError
from rai_audits.fairness.table.cells import Coded, coded, group_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from rai_audits.fairness.table.source import Part, Source


@dataclass(frozen=True)
class Joined:
    """The second table: its keys and, for each group column it brings, the groups of its rows."""

    origin: str
    on: str
    keys: pd.Index[str]
    brought: dict[str, Coded]

    @property
    def columns(self) -> tuple[str, ...]:
        """Group columns that come from this table."""
        return tuple(self.brought)

    def match(self, part: Part) -> npt.NDArray[np.int64]:
        """Row of this table for each row of a part, -1 where no key fits."""
        import pandas as pd

        cells = coded(part.batch.column(self.on))
        places = np.asarray([*self.keys.get_indexer(pd.Index(cells.names, dtype=object)), -1], dtype=np.int64)
        return places[cells.codes]

    def groups(self, attribute: str, matched: npt.NDArray[np.int64]) -> Coded:
        """Groups of rows that were matched; missing where there is no match."""
        own = self.brought[attribute]
        return Coded(np.append(own.codes, -1)[matched], own.names)

    def check(self, unmatched: int, rows: int) -> None:
        """Raise ``UsageError`` when no row found its match."""
        if unmatched == rows:
            raise UsageError(f"the join is empty: no value of {self.on!r} in the predictions is in {self.origin}")


def join_table(source: Source, on: str, groups: Sequence[str]) -> Joined:
    """Read keys and group columns of the second table. Raises ``UsageError`` for a missing or repeated key."""
    import pandas as pd

    source.need(on, "the key of the join")
    keys: list[str] = []
    columns: dict[str, list[str | None]] = {name: [] for name in groups}
    first: dict[str, str] = {}
    for part in source.read([on, *groups]):
        cells = coded(part.batch.column(on))
        for at, code in enumerate(cells.codes.tolist()):
            if code < 0:
                raise UsageError(f"{part.row(at)}: the key (column {on!r}) is missing")
            key = cells.names[code]
            if key in first:
                raise UsageError(f"{part.row(at)}: the key {key!r} (column {on!r}) is used before, in {first[key]}")
            first[key] = part.row(at)
            keys.append(key)
        for name, kept in columns.items():
            here = group_cells(part.batch.column(name))
            kept += [None if code < 0 else here.names[code] for code in here.codes.tolist()]
    brought = {}
    for name, kept in columns.items():
        names = list(dict.fromkeys(cell for cell in kept if cell is not None))
        place = {text: at for at, text in enumerate(names)}
        brought[name] = Coded(np.asarray([-1 if c is None else place[c] for c in kept], dtype=np.int64), names)
    return Joined(source.origin, on, pd.Index(keys, dtype=object), brought)
