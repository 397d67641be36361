"""``raitune keys``: signing keys, and what each may sign in this workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption

app = typer.Typer(
    no_args_is_help=True, help="Signing keys, and who may sign what in this workspace.", add_completion=False
)
RoleOption = Annotated[
    list[str] | None, typer.Option("--role", help="author, reviewer or approver. Repeatable; none registers nothing.")
]


@app.command("new")
def new(
    person: Annotated[str, typer.Argument(help="Name of the person whose key it is.")],
    role: RoleOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Key file to make (default: NAME.pem in the configuration folder).")
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a key pair: an encrypted NAME.pem (mode 0600) and NAME.pub. With --role, register it in this workspace too."""
    from rai_tune.core import ConflictError
    from rai_tune.promotion.identity import key_folder, public_path
    from rai_tune.promotion.keys import check_person, key_id_of, new_key, public_pem
    from rai_tune.promotion.people import check_roles
    from rai_tune.workspace import atomic_write

    name = check_person(person)
    if role:
        check_roles(role)
    path = (out or key_folder() / f"{_slug(name)}.pem").expanduser()
    if path.exists() or public_path(path).exists():
        raise ConflictError(f"{path} or {public_path(path).name} is there already; a key is never replaced")
    public = new_key(path, _new_passphrase())
    atomic_write(public_path(path), public_pem(public).encode("ascii"))
    typer.echo(f"key      {path} (keep it and its passphrase to yourself)")
    typer.echo(f"public   {public_path(path)}")
    typer.echo(f"key id   {key_id_of(public)}")
    if role:
        _register(name, role, public_path(path), workspace)


@app.command("add")
def add(
    public: Annotated[Path, typer.Argument(help="Public key file of the person, such as bo.pub.")],
    person: Annotated[str, typer.Option("--person", help="Name of the person whose key it is.")],
    role: RoleOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Register somebody's public key in this workspace, with what it may sign."""
    from rai_tune.core import UsageError

    if not role:
        raise UsageError("say what the key may sign: --role author, reviewer or approver")
    _register(person, role, public, workspace)


@app.command("vouch")
def vouch_for(
    person: Annotated[
        str, typer.Argument(help="Who signs in, as single sign-on names them, such as alice@example.org.")
    ],
    role: RoleOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Register somebody whom single sign-on identifies: this workspace's key signs for them and names them."""
    from rai_tune.core import UsageError
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.promotion.people import vouch
    from rai_tune.workspace import Workspace

    if not role:
        raise UsageError("say what they may sign: --role author, reviewer or approver")
    found = vouch(Ledger(Workspace.open(workspace)), person, role)
    typer.echo(f"this workspace signs for {found.person}: {', '.join(sorted(found.roles))} (ledger entry {found.seq})")


@app.command("list")
def list_keys(as_json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Show the keys of this workspace: person, roles, since when, and whether revoked."""
    from rai_tune.cli.console import print_json
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.promotion.people import read_registry
    from rai_tune.workspace import Workspace

    found = read_registry(Ledger(Workspace.open(workspace, create=False))).keys
    if as_json:
        rows = [{**vars(key), "roles": sorted(key.roles)} for key in found]
        print_json({"schema": "rai-tune/keys/v1", "keys": rows})
        return
    if not found:
        typer.echo("no keys yet; 'raitune keys new NAME --role author' makes one")
        return
    typer.echo(f"{'person':<22} {'roles':<26} {'key id':<13} since")
    for key in found:
        note = "  by single sign-on" if key.vouched else ""
        note += f"  revoked: {key.revoked_because}" if key.revoked is not None else ""
        typer.echo(
            f"{key.person[:22]:<22} {', '.join(sorted(key.roles)):<26} {key.key_id[:12]:<13} {key.at[:10]}{note}"
        )


@app.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="Name of the person, or the first digits of the key id.")],
    reason: Annotated[str, typer.Option("--reason", help="Why: it goes on record.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Revoke a key from now on: what it signed no longer counts toward a promotion."""
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.promotion.people import read_registry, revoke
    from rai_tune.workspace import Workspace

    ledger = Ledger(Workspace.open(workspace, create=False))
    found = read_registry(ledger).named(key)
    entry = revoke(ledger, found, reason)
    typer.echo(f"revoked key {found.key_id[:12]} of {found.person} (ledger entry {entry.seq})")


def _register(person: str, roles: list[str], public: Path, workspace: Path | None) -> None:
    from rai_tune.core import UsageError
    from rai_tune.promotion.keys import parse_public
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.promotion.people import register
    from rai_tune.workspace import Workspace

    if not public.is_file():
        raise UsageError(f"{public}: no such file")
    store = Workspace.open(workspace)
    key = parse_public(public.read_text("ascii", errors="replace"), str(public))
    found = register(Ledger(store), person, roles, key)
    typer.echo(
        f"may sign {', '.join(sorted(found.roles))} as {found.person} in {store.root} (ledger entry {found.seq})"
    )


def _new_passphrase() -> str:
    import os

    from rai_tune.cli.signing import ask_passphrase
    from rai_tune.core import UsageError
    from rai_tune.promotion.identity import PASSPHRASE_VARIABLE

    given = os.environ.get(PASSPHRASE_VARIABLE)
    if given:
        return given
    first = ask_passphrase("New passphrase (12 characters or more): ")
    if first != ask_passphrase("The same again: "):
        raise UsageError("the two passphrases differ; nothing was made")
    return first


def _slug(name: str) -> str:
    import re

    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "key"
