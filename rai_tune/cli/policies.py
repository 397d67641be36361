"""``raitune policies``: list and show policy packs, try their fixtures, and compare two of them."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rai_tune.gate import FixtureResult, LoadedPolicy
    from rai_tune.redeciding import Redecisions
    from rai_tune.workspace import Workspace

app = typer.Typer(
    name="policies",
    help="List and show policy packs, try their fixtures, and see what a changed pack would decide.",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)

AsOfOption = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Day that decides what applies, such as 2027-01-31.")
]

BROKEN = 3
DAMAGED = 6
_LISTED = 20
_DIGITS = re.compile(r"[0-9a-fA-F]{8,64}")


@app.command("list")
def list_policies(as_json: JsonOption = False) -> None:
    """List the packs that come with the tool: standing today, and controls by mode."""
    from rai_tune.cli.console import print_json
    from rai_tune.gate import known_policies, load_policy
    from rai_tune.reporting.policy_text import listing, listing_json

    packs = tuple(load_policy(name) for name in known_policies())
    day = _day(None)
    if as_json:
        print_json(listing_json(packs, day))
    else:
        _print(listing(packs, day))


@app.command("show")
def show(
    policy: Annotated[str, typer.Argument(help="Id of a pack, or a YAML file.")],
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show every control of a pack: what it asks, how it is checked, who set each number, and whether it applies (today, or --as-of)."""
    from rai_tune.cli.console import print_json
    from rai_tune.gate import load_policy
    from rai_tune.reporting.policy_text import one_pack, one_pack_json

    day = _day(as_of)
    loaded = load_policy(policy)
    if as_json:
        print_json(one_pack_json(loaded, day))
    else:
        _print(one_pack(loaded, day))


@app.command("test")
def test(
    policies: Annotated[list[str] | None, typer.Argument(help="Ids or YAML files (default: every pack).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Try the fixtures of packs. Exits 0 when all hold, 3 when one breaks or is not there, 2 when a pack cannot be read."""
    from rai_tune.cli.console import print_json
    from rai_tune.gate import check_fixtures, known_policies, load_policy

    packs = [load_policy(name) for name in policies or known_policies()]
    tried = [(loaded, check_fixtures(loaded)) for loaded in packs]
    if as_json:
        print_json({"schema": "rai-tune/policy-tests/v1", "policies": [_tested(*item) for item in tried]})
    else:
        for loaded, results in tried:
            _print_tested(loaded, results)
    if not all(result.ok for _, results in tried for result in results):
        raise typer.Exit(BROKEN)


@app.command("diff")
def diff(
    old: Annotated[
        str, typer.Argument(help="Id, YAML file, or digest (8 digits or more) of a pack stored with a run.")
    ],
    new: Annotated[str, typer.Argument(help="The other one, named likewise.")],
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Say what changed between two packs, and which stored runs would be decided differently.

    Every completed run is decided anew under both, from its stored evidence; nothing is stored. Exits 0, or 6 when the evidence
    of a run was changed.
    """
    from rai_tune.cli.console import print_json
    from rai_tune.gate.diffing import compare_policies
    from rai_tune.redeciding import redecide
    from rai_tune.reporting.policy_text import differences

    day = _day(as_of)
    store = _store(workspace)
    before, after = _pack(old, store), _pack(new, store)
    found = compare_policies(before, after)
    again = redecide(store, before, after, day) if store is not None and not found.same_digest else None
    if as_json:
        print_json({**found.to_json(), "runs": again.to_json() if again else None, "workspace": store is not None})
    else:
        _print(differences(found))
        if store is None:
            typer.echo("\nThere is no workspace here, so no stored runs were decided again.")
        elif again is not None:
            _print_runs(again)
    if again is not None and any(run.damaged for run in again.skipped):
        typer.echo("error: stored evidence was changed; those runs were not decided again", err=True)
        raise typer.Exit(DAMAGED)


def _pack(text: str, store: Workspace | None) -> LoadedPolicy:
    from rai_tune.core import UsageError
    from rai_tune.gate import known_policies, load_policy
    from rai_tune.redeciding import stored_policy

    if text in known_policies() or not _DIGITS.fullmatch(text):
        return load_policy(text)
    if store is None:
        raise UsageError(f"{text} is the digest of a stored pack, and there is no workspace here to find it in")
    return stored_policy(store, text)


def _store(given: Path | None) -> Workspace | None:
    """The workspace, or None when nobody named one and there is none in its usual place."""
    import os

    from rai_tune.workspace import Workspace

    usual = Path(os.environ.get("RAITUNE_WORKSPACE") or ".raitune").expanduser()
    if given is None and not usual.is_dir():
        return None
    return Workspace.open(given, create=False)


def _day(text: str | None) -> date:
    from datetime import UTC, datetime

    return _parsed(text) if text else datetime.now(UTC).date()


def _parsed(text: str) -> date:
    from rai_tune.core import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--as-of {text!r} is not a date such as 2027-01-31") from None


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _tested(loaded: LoadedPolicy, results: tuple[FixtureResult, ...]) -> dict[str, object]:
    broken = [
        {
            "control": item.control,
            "says": item.says,
            "expected": item.expected,
            "found": item.found,
            "reason": item.reason,
        }
        for item in results
        if not item.ok
    ]
    pack = loaded.policy
    return {"id": pack.id, "version": pack.version, "fixtures": len(results), "holds": not broken, "broken": broken}


def _print_tested(loaded: LoadedPolicy, results: tuple[FixtureResult, ...]) -> None:
    from rai_tune.reporting.policy_text import wrapped
    from rai_tune.reporting.text import sentence

    broken = [item for item in results if not item.ok]
    count = f"{len(results)} fixture{'s' if len(results) != 1 else ''}"
    verdict = f"{len(broken)} of {count} broken or missing" if broken else f"{count}, all hold"
    typer.echo(f"{loaded.policy.id} {loaded.policy.version}: {verdict}")
    for item in broken:
        words = f"{item.control}: {item.says}: expected {item.expected}, found {item.found} ({item.reason})"
        _print(wrapped(sentence(words), 2))


def _print_runs(again: Redecisions) -> None:
    from rai_tune.reporting.policy_text import wrapped
    from rai_tune.reporting.text import sentence

    looked = f"{again.looked_at} stored run{'s' if again.looked_at != 1 else ''} decided again"
    skipped = f", {len(again.skipped)} skipped" if again.skipped else ""
    typer.echo(f"\n{looked}{skipped}; {len(again.changed)} would be decided differently.")
    shown = [run for run in again.changed if not run.only_digest]
    for run in shown[:_LISTED]:
        aside = "" if run.named else " (its recipe did not name the pack)"
        _print(wrapped(f"{run.run_id}: {_words(run.old)} -> {_words(run.new)}{aside}", 2))
        for item in run.controls:
            because = "" if item.because == "control" else " (frozen or attested for the old pack only)"
            _print(wrapped(f"{item.control}: {_words(item.old)} -> {_words(item.new)}{because}", 4))
    if len(shown) > _LISTED:
        typer.echo(f"  and {len(shown) - _LISTED} more; --json lists them all")
    bound = [run for run in again.changed if run.only_digest]
    if bound:
        names = ", ".join(sorted({item.control for run in bound for item in run.controls}))
        words = (
            f"{len(bound)} only because {names} were frozen or attested for the old pack, which does not carry over."
        )
        _print(wrapped(words, 2))
    for skip in again.skipped[:_LISTED]:
        _print(wrapped(f"{skip.run_id} skipped: {sentence(skip.reason)}", 2))
    if len(again.skipped) > _LISTED:
        typer.echo(f"  and {len(again.skipped) - _LISTED} more skipped; --json lists them all")


def _words(outcome: str | None) -> str:
    return "not in the pack" if outcome is None else outcome.replace("_", " ")
