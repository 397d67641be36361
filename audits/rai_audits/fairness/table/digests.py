"""Digests of tables that have no file, and the tables that audits leave. Internal to this package."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from rai_audits.fairness.counts import GroupCounts


@dataclass(frozen=True)
class Tables:
    """Tables that audits leave, kept in memory."""

    kept: dict[str, pd.DataFrame]

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        self.kept[name] = table
        return content_digest(table)


def content_digest(frame: pd.DataFrame) -> str:
    """SHA-256 over the hashes of the rows, sorted, and the names of the columns."""
    import numpy as np
    import pandas as pd

    rows = np.sort(pd.util.hash_pandas_object(frame, index=False).to_numpy())
    return hashlib.sha256("\n".join(map(str, frame.columns)).encode() + rows.tobytes()).hexdigest()


def counts_digest(counts: GroupCounts) -> str:
    """SHA-256 over the counts of a table that is not held."""
    cells = sorted((str(key), str(cell)) for key, cell in counts.cells.items())
    return hashlib.sha256(repr(cells).encode()).hexdigest()
