"""``raitune verify``: check a bundle, and decide again; or write the script that checks bundles without this tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption


def verify(
    bundle: Annotated[
        Path | None, typer.Argument(help="The bundle, such as evidence.zip, or a signed report.pdf.")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option("--head", metavar="HEX", help="A ledger head kept elsewhere: the root in hex, or SIZE:HEX."),
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="KEYID", help="Id of the workspace's key, learnt elsewhere.")
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(
            "--script", metavar="FILE", help="Write verify.py, which needs only Python and cryptography, here."
        ),
    ] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Check a bundle offline: digests, signatures, people, dates, the ledger; then decide again. Exits 6 when anything does not hold."""
    from rai_tune.cli.console import print_json
    from rai_tune.core import UsageError
    from rai_tune.promotion import verify as checks
    from rai_tune.promotion.deciding_again import verify_bundle

    if (bundle is None) == (script is None):
        raise UsageError("give a bundle to check, or --script FILE to write verify.py")
    if script is not None:
        _write_script(script)
        return
    if bundle is not None and _is_pdf(bundle):
        _verify_pdf(bundle, workspace, as_json=as_json)
    try:
        report = verify_bundle(checks.read_bundle(str(bundle)), head, key)
    except checks.NotABundle as error:
        raise UsageError(f"{bundle}: {checks.printable(str(error))}") from None
    if as_json:
        print_json(checks.as_json(report, str(bundle)))
    else:
        typer.echo(checks.as_text(report, str(bundle)), nl=False)
    raise typer.Exit(0 if report.ok else 6)


def _is_pdf(path: Path) -> bool:
    if path.suffix.lower() == ".pdf":
        return True
    if not path.is_file():
        return False
    with path.open("rb") as handle:
        return handle.read(5) == b"%PDF-"


def _verify_pdf(path: Path, workspace: Path | None, *, as_json: bool) -> None:
    """Check a signed report. Names come from the workspace's ledger where there is one; a workspace that is named must be there."""
    from rai_tune.cli.console import print_json
    from rai_tune.core import UsageError
    from rai_tune.promotion.ledger import Ledger
    from rai_tune.signed_report import check_json, check_report, check_text
    from rai_tune.workspace import Workspace

    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    try:
        store = Workspace.open(workspace, create=False)
    except UsageError:
        if workspace is not None:
            raise
        store = None
    found = check_report(path.read_bytes(), Ledger(store) if store is not None else None)
    if as_json:
        print_json(check_json(found, str(path)))
    else:
        typer.echo(check_text(found, str(path)), nl=False)
    raise typer.Exit(0 if found.ok else 6)


def _write_script(path: Path) -> None:
    from rai_tune.core import UsageError
    from rai_tune.promotion import verify as checks
    from rai_tune.workspace import atomic_write

    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--script {path}: give a file name in a folder that is there")
    atomic_write(path, Path(checks.__file__).read_bytes())
    typer.echo(f"wrote {path}: python {path.name} evidence.zip", err=True)
