"""What a report is made from: the stored evidence of one run, already read into plain values. Stable API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from rai_tune.core import AuditResult
    from rai_tune.gate.decision import Attestation, Decision, SignOff, Waiver
    from rai_tune.recipe.schema import Recipe
    from rai_tune.reporting.table_view import TableFacts


@dataclass(frozen=True)
class ReportInputs:
    """All that a report may show. Any mapping may be empty: a run that stopped early has little to tell and still reports.

    ``run``: id, name, state, created_at (ISO 8601), error, and the digests recipe_digest, data_digest, base_digest,
    model_digest, predictions_digest.
    ``training``: device, precision, threads, epochs_done, best_step, stopped_early, duration_s, tokens_per_second,
    parameters {total, trained}, threshold {value, rule, split, detail}, truncated {split: rows}, history [{step, epoch,
    ...}], base {name, digest}, files {path: sha256}.
    ``environment``: python, platform, cpu, threads, packages {name: version}.
    ``data``: origin, rows, splits {split: {rows, classes: {class: rows}}}, source_digest, notes.
    ``table``: what was asked of a table of predictions, when there is no run; training, environment and data are then empty.
    ``ledger``: the head of the workspace's ledger {size, root, at}; empty when the ledger is. ``statement``: SHA-256 of the evidence
    statement, empty while there is none. ``attestations``, ``signoffs`` and ``waivers``: those whose signatures were verified; ``entries``:
    their ledger entries by kind (``attestation``, ``signoff``, ``waiver``), in the same order.
    ``evidence``: that statement itself, empty while there is none. ``signers``: how many people the run's policies ask to sign, by role, and
    under ``quorum`` how many besides the author.
    ``texts``: row_id, label, prediction and text of the explained rows where somebody asked for them, else None.
    """

    run: Mapping[str, Any]
    recipe: Recipe
    training: Mapping[str, Any]
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    results: tuple[AuditResult, ...]
    decisions: tuple[Decision, ...]
    table: TableFacts | None = None
    ledger: Mapping[str, Any] = field(default_factory=dict)
    statement: str = ""
    attestations: tuple[Attestation, ...] = ()
    signoffs: tuple[SignOff, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    entries: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    texts: pd.DataFrame | None = None
    taken_back: tuple[str, ...] = ()
    """Where a stored decision would be worse today, or its waivers no longer hold: a sentence for each policy."""
    evidence: Mapping[str, Any] = field(default_factory=dict)
    signers: Mapping[str, int] = field(default_factory=dict)
    selection: Mapping[str, Any] = field(default_factory=dict)
    """The search that the run was chosen from and the rule (``rai-tune/selection/v1``); empty for a run that was not chosen."""
