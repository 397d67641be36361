"""``raitune runs``: what this workspace holds, what works on it, and what of it is deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption, parse_day

if TYPE_CHECKING:
    from rai_tune.retaining import DueRun
    from rai_tune.retention import Deletion
    from rai_tune.workspace import Workspace

app = typer.Typer(
    help="List runs, newest first; follow or cancel one at work; delete the texts and tables of runs.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_STOPPING_S = 30.0
_RESTING = ("completed", "diverged", "failed", "interrupted", "trained", "pruned")
_FIELDS = (
    "id",
    "name",
    "state",
    "verdict",
    "created_at",
    "updated_at",
    "recipe_digest",
    "model_digest",
    "parent",
    "error",
)
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would go; delete nothing.")]


@app.callback(invoke_without_command=True)
def runs(
    context: typer.Context,
    as_json: JsonOption = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Show only the newest so many.")] = None,
    trials: Annotated[bool, typer.Option("--trials", help="List trials of searches that nobody chose, too.")] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List runs, newest first, with state and verdict; delete what a run stored of texts and tables."""
    from rai_tune.cli.console import print_json
    from rai_tune.selection import unchosen_trials
    from rai_tune.workspace import Workspace

    if context.invoked_subcommand is not None:
        _refuse_before_subcommand(context.invoked_subcommand, as_json or trials, limit, workspace)
        return
    store = Workspace.open(workspace, create=False)
    hidden = frozenset() if trials else unchosen_trials(store)
    records = tuple(record for record in store.runs() if record.id not in hidden)[:limit]
    working = {record.id: store.is_alive(record.id) for record in records}
    if as_json:
        deleted = {item.run_id: item.at for item in reversed(store.deletions())}
        rows = [
            {
                **{key: getattr(record, key) for key in _FIELDS},
                "working": working[record.id],
                "texts_deleted_at": deleted.get(record.id),
            }
            for record in records
        ]
        print_json({"schema": "rai-tune/runs/v1", "runs": rows, "trials_left_out": len(hidden)})
        return
    if not records and not hidden:
        typer.echo("no runs yet; 'raitune demo lending' makes one")
        return
    if hidden:
        one = len(hidden) == 1
        what = "run is a trial of a search" if one else "runs are trials of searches"
        typer.echo(f"{len(hidden)} more {what}; --trials lists {'it' if one else 'them'}", err=True)
    if not records:
        return
    typer.echo(f"{'run':<30} {'state':<12} {'verdict':<22} {'began (UTC)':<16}")
    for record in records:
        state = record.state if record.state in _RESTING or working[record.id] else "stopped"
        verdict = (record.verdict or "-").replace("_", " ")
        typer.echo(f"{record.id:<30} {state:<12} {verdict:<22} {record.created_at[:16].replace('T', ' '):<16}")


@app.command("delete")
def delete(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why: it goes on record.")] = "deleted by hand",
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Delete a run's texts, tables, checkpoints and, unless it was ever promoted, its model; digests and decisions stay.

    Exits 2 while a clause of its policies demands its records, 7 while an alias serves it or a process works on it.
    """
    from rai_tune.retention import plan_deletion
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    planned = plan_deletion(store, store.run(run).id)
    if dry_run:
        _show_plan(planned)
        if planned.refused is not None:
            typer.echo(f"not now: {planned.refused}")
        return
    if planned.refused is not None:
        raise planned.refused
    if not yes:
        _show_plan(planned)
        _ask(planned.run.id)
    _delete(store, planned.run.id, reason)


@app.command("cancel")
def cancel(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Stop a run that a process works on, as Ctrl-C would; what it has is kept and --resume goes on. Exits 2 when nothing works on it."""
    from rai_tune.detached import cancel as ask
    from rai_tune.detached import wait_until_stopped
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    ask(store, record.id)
    if wait_until_stopped(store, record.id, _STOPPING_S):
        typer.echo(f"run {record.id} is {store.run(record.id).state}; 'raitune run --resume {record.id}' goes on")
    else:
        typer.echo(f"run {record.id} was asked to stop and has not yet; 'raitune runs watch {record.id}' follows it")


@app.command("watch")
def watch(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Follow a run until it is over or stops; Ctrl-C ends the watching, not the run. Exits as the run's verdict says, 4 without one."""
    import time

    from rai_tune.detached.watching import look
    from rai_tune.gate.decision import EXIT_CODES
    from rai_tune.workspace import Workspace

    store = Workspace.open(workspace, create=False)
    run_id, said = store.run(run).id, ""
    while (seen := look(store, run_id)).status in {"working", "starting"}:
        line = seen.now + ("" if seen.left in {"", "not known"} else f" Left: {seen.left}.")
        if line != said:
            typer.echo(line, err=True)
            said = line
        time.sleep(1)
    record = store.run(run_id)
    reason = f" ({record.error})" if record.error else ""
    typer.echo(f"run {run_id} is {record.state}, verdict {(record.verdict or 'none').replace('_', ' ')}{reason}")
    verdict = record.verdict if record.state == "completed" else None
    raise typer.Exit(EXIT_CODES[verdict or "insufficient_evidence"])


@app.command("retain")
def retain(
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy", help="Packs whose retention rules apply, comma-separated (default: those of each run)."
        ),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="DATE", help="Look as on this day; one to come only with --dry-run."),
    ] = None,
    dry_run: DryRunOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Delete texts and tables of every completed run that is older than a policy's retention.texts_days."""
    from rai_tune.core import UsageError
    from rai_tune.promoting import today
    from rai_tune.retaining import due_runs
    from rai_tune.workspace import Workspace

    names = tuple(name.strip() for name in (policy or "").split(",") if name.strip())
    if policy is not None and not names:
        raise UsageError("--policy names no policy")
    day = parse_day(as_of, "--as-of") if as_of is not None else None
    if day is not None and day > today() and not dry_run:
        raise UsageError(f"--as-of {day} is to come, and nothing is deleted before its day; add --dry-run to plan")
    store = Workspace.open(workspace, create=False)
    due = due_runs(store, names, day)
    if not due:
        typer.echo("no run is past its days with texts or tables left")
    for item in due:
        if item.skipped is not None or dry_run:
            typer.echo(_line(item))
        else:
            assert item.rule is not None  # only a skipped run has none
            _delete(store, item.run.id, f"retention: {item.rule.policy} keeps texts {item.rule.days} days")


def _delete(store: Workspace, run_id: str, reason: str) -> None:
    from rai_tune.retention import delete_run

    done, entry = delete_run(store, run_id, reason)
    if entry is None and not done.unfinished:
        (first, *_) = store.deletions(run_id) or (None,)
        typer.echo(
            f"run {run_id}: " + (f"texts and tables were {first.sentence}" if first else "there was nothing to delete")
        )
        return
    place = f"ledger entry {entry.seq}" if entry is not None else "an earlier deletion was finished"
    typer.echo(f"run {run_id}: {_files(done)} deleted ({place})")
    for item in done.kept:
        typer.echo(f"  {item.name} stays on disk for {item.needed_by}")


def _show_plan(planned: Deletion) -> None:
    typer.echo(f"run {planned.run.id}: {_files(planned)} would go; digests and decisions stay")
    width = max((len(item.name) for item in (*planned.going, *planned.kept)), default=0)
    for item in planned.going:
        typer.echo(f"  {item.name:<{width}} {_size(item.size):>9}  {item.digest[:16]}")
    for item in planned.kept:
        typer.echo(f"  {item.name:<{width}} {'stays':>9}  for {item.needed_by}")


def _line(due: DueRun) -> str:
    days = f"{due.age_days} days old"
    if due.rule is not None:
        days += f", {due.rule.policy} keeps texts {due.rule.days}"
    if due.skipped is not None:
        return f"{due.run.id:<30} skipped ({days}): {due.skipped}"
    return f"{due.run.id:<30} would go ({days}): {due.files} files, {_size(due.bytes)}"


def _files(planned: Deletion) -> str:
    count = len(planned.going)
    return f"{count} {'file' if count == 1 else 'files'} of texts, tables and scratch, {_size(sum(item.size for item in planned.going))},"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def _ask(run_id: str) -> None:
    import sys

    from rai_tune.core import UsageError

    if not sys.stdin.isatty():
        raise UsageError("deleting is for good: add --yes, or answer on a terminal")
    if not typer.confirm(f"Delete these of run {run_id} for good?"):
        raise UsageError("nothing was deleted")


def _refuse_before_subcommand(name: str, as_json: bool, limit: int | None, workspace: object) -> None:
    from rai_tune.core import UsageError

    if as_json or limit is not None or workspace is not None:
        raise UsageError(f"options of 'raitune runs' stand before {name!r}; put those of {name!r} after it")
