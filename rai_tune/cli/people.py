"""``raitune sign``, ``attest`` and ``waive``: what people put their names under."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import WorkspaceOption, parse_day
from rai_tune.cli.signing import KeyOption

RunArgument = Annotated[str, typer.Argument(help="Run id, or latest.")]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        "--policy", help="The policy of the control, where several have that id or the recipe does not name it."
    ),
]
ControlOption = Annotated[str, typer.Option("--control", help="Id of the control, such as EUAIA-14-4.")]


def sign(
    run: RunArgument,
    role: Annotated[str, typer.Option("--as", help="author, reviewer or approver.")],
    comment: Annotated[str, typer.Option("--comment", help="A sentence that goes on record.")] = "",
    key: KeyOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Sign the evidence of a run as it stands. The author signs first; an author never signs in another role."""
    from rai_tune.cli.signing import unlocked
    from rai_tune.core import UsageError
    from rai_tune.promoting import sign_run
    from rai_tune.promotion.people import ROLES
    from rai_tune.workspace import Workspace

    found = next((each for each in ROLES if each == role), None)
    if found is None:
        raise UsageError(f"--as {role[:40]!r} is not one of {', '.join(ROLES)}")
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    signer = unlocked(store, key)
    entry = sign_run(store, record.id, signer, found, comment)
    said = ", ".join(f"{name}: {word.replace('_', ' ')}" for name, word in entry.predicate["outcomes"].items())
    typer.echo(f"{signer.person} signed run {record.id} as {role} (ledger entry {entry.seq}); decisions seen: {said}")


def attest(
    run: RunArgument,
    control: ControlOption,
    file: Annotated[Path | None, typer.Option("--file", help="The statement, UTF-8 text or Markdown.")] = None,
    template: Annotated[
        bool, typer.Option("--template", help="Print what has to be filled in, and sign nothing.")
    ] = False,
    policy: PolicyOption = None,
    key: KeyOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """State, under your name, what a control leaves to a person. A placeholder is refused."""
    from rai_tune.cli.signing import unlocked
    from rai_tune.core import UsageError
    from rai_tune.promoting import attest_control, statement_template
    from rai_tune.workspace import Workspace

    if (file is None) == (not template):
        raise UsageError("give the statement with --file, or ask for --template")
    text = _statement(file) if file else ""
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    if template:
        typer.echo(statement_template(store, record.id, control, policy))
        return
    signer = unlocked(store, key)
    entry = attest_control(store, record.id, signer, control, text, policy)
    typer.echo(f"{signer.person} attested to {control} of run {record.id} (ledger entry {entry.seq})")


def waive(
    run: RunArgument,
    control: ControlOption,
    reason: Annotated[str, typer.Option("--reason", help="Why, in a sentence: it goes on record.")],
    until: Annotated[str, typer.Option("--until", metavar="YYYY-MM-DD", help="Last day on which it holds.")],
    policy: PolicyOption = None,
    key: KeyOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Accept until a day that a control of this model is not met. The outcome stays, and says so."""
    from rai_tune.cli.signing import unlocked
    from rai_tune.promoting import waive_control
    from rai_tune.workspace import Workspace

    last = parse_day(until, "--until")
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    signer = unlocked(store, key)
    entry = waive_control(store, record.id, signer, control, reason, last, policy)
    typer.echo(
        f"{signer.person} waived {control} of run {record.id} until {last.isoformat()} (ledger entry {entry.seq})"
    )


def _statement(file: Path) -> str:
    from rai_tune.core import UsageError
    from rai_tune.promotion.signed import MAX_TEXT

    try:
        if file.stat().st_size > 4 * MAX_TEXT:
            raise UsageError(f"{file}: {file.stat().st_size:,} bytes; a statement has at most {MAX_TEXT:,} characters")
        return file.read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file}: not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror or error}") from error
