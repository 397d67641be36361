"""``raitune promote``, ``rollback`` and ``status``: the door, and what stands behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption
from rai_tune.cli.signing import KeyOption

if TYPE_CHECKING:
    from rai_tune.gate import Decision
    from rai_tune.promoting import AliasStatus
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.workspace import Workspace


def promote(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    to: Annotated[str, typer.Option("--to", help="staging or production.")],
    key: KeyOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let a run through the door. Exits 3, 4 or 5 as its decisions or missing people say, 6 for changed bytes, 7 when another was first."""
    from rai_tune.cli.signing import unlocked
    from rai_tune.promoting import promote_run
    from rai_tune.promotion.door import check_alias
    from rai_tune.workspace import Workspace

    check_alias(to)
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    entry = promote_run(store, record.id, to, unlocked(store, key))
    _say(store, entry, f"run {record.id} is in {to}")


def rollback(
    alias: Annotated[str, typer.Argument(help="staging or production.")],
    to: Annotated[
        int | None, typer.Option("--to", metavar="ENTRY", help="Ledger entry of the promotion to return to.")
    ] = None,
    key: KeyOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Promote again what was there before: a new, signed promotion through the same door."""
    from rai_tune.cli.signing import unlocked
    from rai_tune.promoting import roll_back
    from rai_tune.promotion.door import check_alias
    from rai_tune.workspace import Workspace

    check_alias(alias)
    store = Workspace.open(workspace, create=False)
    entry = roll_back(store, alias, unlocked(store, key), to)
    _say(store, entry, f"{alias} is back at run {entry.run_id}")


def status(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Show what staging and production serve, who let it in, and what would be decided today."""
    from rai_tune.cli.console import print_json
    from rai_tune.promoting import status_of
    from rai_tune.promotion.door import ALIASES
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    head = Ledger(store).head()
    found = [status_of(store, alias) for alias in ALIASES]
    if as_json:
        aliases = [_status_json(item) for item in found]
        print_json(
            {"schema": "rai-tune/status/v1", "aliases": aliases, "ledger": {"size": head.size, "root": head.root}}
        )
        return
    for item in found:
        _show_status(item)
    typer.echo(f"ledger      {head.size} entries, head {head.root}")


def _say(store: Workspace, entry: LedgerEntry, what: str) -> None:
    from rai_tune.promotion.ledger import Ledger

    waived = [
        f"{control['id']} until {control['waived_until']}"
        for decision in entry.predicate["decisions"]
        for control in decision["controls"]
        if control.get("waived_until")
    ]
    typer.echo(f"{what} (ledger entry {entry.seq}, promoted by {entry.predicate['person']})")
    if waived:
        typer.echo(f"on waivers: {'; '.join(waived)}")
    typer.echo(f"ledger head {Ledger(store).head().root}")


def _status_json(item: AliasStatus) -> dict[str, Any]:
    promotion = item.promotion
    return {
        "alias": item.alias,
        "promotion": None
        if promotion is None
        else {
            "sequence": promotion.seq,
            "at": promotion.at,
            "run": promotion.run_id,
            "person": promotion.person,
            "model_digest": promotion.model_digest,
            "rollback_of": promotion.rollback_of,
        },
        "today": [
            {"policy": each.policy_id, "outcome": each.outcome, "promotable": each.promotable} for each in item.today
        ],
        "problem": item.problem,
    }


def _show_status(item: AliasStatus) -> None:
    promotion = item.promotion
    if promotion is None:
        typer.echo(f"{item.alias:<11} nothing was promoted yet")
        return
    back = f", a rollback of entry {promotion.rollback_of}" if promotion.rollback_of is not None else ""
    typer.echo(f"{item.alias:<11} run {promotion.run_id}")
    typer.echo(
        f"{'':<11} by {promotion.person}, {promotion.at[:16].replace('T', ' ')} UTC (ledger entry {promotion.seq}{back})"
    )
    for decision in item.today:
        typer.echo(f"{'':<11} today: {_today(decision)}")
    if item.problem:
        typer.echo(f"{'':<11} today: no decision, {item.problem}")


def _today(decision: Decision) -> str:
    word = decision.outcome.replace("_", " ")
    waived = [control for control in decision.controls if control.waived_until]
    if waived:
        word += f" ({len(waived)} waived, the first until {min(str(each.waived_until) for each in waived)})"
    return f"{decision.policy_id} {word}" + ("" if decision.promotable else "; would not be let through again")
