"""``raitune verify``: check a bundle, and decide again; or write the script that checks bundles without this tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rai_tune.cli.options import JsonOption


def verify(
    bundle: Annotated[Path | None, typer.Argument(help="The bundle, such as evidence.zip.")] = None,
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
    try:
        report = verify_bundle(checks.read_bundle(str(bundle)), head, key)
    except checks.NotABundle as error:
        raise UsageError(f"{bundle}: {checks.printable(str(error))}") from None
    if as_json:
        print_json(checks.as_json(report, str(bundle)))
    else:
        typer.echo(checks.as_text(report, str(bundle)), nl=False)
    raise typer.Exit(0 if report.ok else 6)


def _write_script(path: Path) -> None:
    from rai_tune.core import UsageError
    from rai_tune.promotion import verify as checks
    from rai_tune.workspace import atomic_write

    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"--script {path}: give a file name in a folder that is there")
    atomic_write(path, Path(checks.__file__).read_bytes())
    typer.echo(f"wrote {path}: python {path.name} evidence.zip", err=True)
