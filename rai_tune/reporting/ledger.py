"""The head of the ledger as every report prints it: a number to keep elsewhere, against which the ledger can be checked later. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import NO_LEDGER, LedgerHead
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from rai_tune.reporting.inputs import ReportInputs

EMPTY = "The ledger is empty."
_KEEP = "Keep it outside the workspace: with it, 'raitune ledger verify --head ROOT' finds entries that were cut off or rewritten since."
_BUNDLE = (
    "'raitune bundle {run} -o evidence.zip' packs the evidence, and 'raitune verify evidence.zip' checks it offline."
)


def ledger_head(inputs: ReportInputs) -> LedgerHead:
    """The head in words, with the commands that check it; nothing for a table of predictions."""
    if inputs.table is not None:
        return NO_LEDGER
    bundle = _BUNDLE.format(run=clean(inputs.run.get("id", "RUN")))
    size, root, at = _size(inputs), clean(inputs.ledger.get("root", "")), clean(inputs.ledger.get("at", ""))
    if not size or not root:
        return LedgerHead(0, "", "", EMPTY, bundle, clean(inputs.statement))
    entries = "1 entry" if size == 1 else f"{size:,} entries"
    dated = f", signed at {at}" if at else ""
    return LedgerHead(
        size,
        root,
        at,
        f"Head of the ledger: {entries}{dated}.",
        f"{_KEEP} {bundle}",
        clean(inputs.statement),
    )


def ledger_json(inputs: ReportInputs) -> dict[str, Any]:
    """``size``, ``root`` and ``at`` of the head; an empty ledger has size 0 and no root."""
    head = ledger_head(inputs)
    return {"size": head.size, "root": head.root or None, "at": head.at or None}


def _size(inputs: ReportInputs) -> int:
    found = inputs.ledger.get("size", 0)
    return found if isinstance(found, int) else 0
