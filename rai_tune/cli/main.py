"""Entry point of ``raitune``: registers the commands and turns every error into a sentence and an exit code.

Only typer is imported at the top, so that ``raitune --help`` answers at once; each command imports what it needs.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback

import typer

from rai_tune.cli import (
    audit,
    bundle,
    compare,
    demo,
    explain,
    gate,
    init,
    keys,
    ledger,
    people,
    policies,
    predict,
    promote,
    report,
    run,
    runs,
    tune,
    ui,
    verify,
)

app = typer.Typer(
    name="raitune",
    help="Fine-tune a model, measure how it treats people, and let a policy decide whether it may go on.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.command("run")(run.run)
app.command("predict")(predict.predict)
app.command("audit")(audit.audit)
app.command("explain")(explain.explain)
app.command("compare")(compare.compare)
app.command("tune")(tune.tune)
app.command("gate")(gate.gate)
app.add_typer(policies.app, name="policies")
app.command("attest")(people.attest)
app.command("sign")(people.sign)
app.command("waive")(people.waive)
app.command("promote")(promote.promote)
app.command("rollback")(promote.rollback)
app.command("status")(promote.status)
app.add_typer(keys.app, name="keys")
app.add_typer(ledger.app, name="ledger")
app.command("bundle")(bundle.bundle)
app.command("verify")(verify.verify)
app.add_typer(runs.app, name="runs")
app.command("report")(report.report)
app.command("ui")(ui.ui)
app.command("demo")(demo.demo)

INTERNAL, INTERRUPTED = 1, 130
_DISK = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up", errno.EIO: "the disk failed"}


def main() -> None:
    """Run the command line; the exit code follows the public contract."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(_guarded())


def _guarded() -> int:
    try:
        app(standalone_mode=True)
    except KeyboardInterrupt:
        return _interrupted()
    except SystemExit as stop:
        # typer turns Ctrl-C into this exit code itself.
        return _interrupted() if stop.code == INTERRUPTED else int(stop.code or 0)
    except Exception as error:
        return _explain(error)
    return 0


def _interrupted() -> int:
    if sys.argv[1:2] != ["tune"]:  # it has said how to go on
        typer.echo("interrupted; what was stored is kept, and 'raitune run --resume RUN' goes on", err=True)
    return INTERRUPTED


def _explain(error: Exception) -> int:
    """Say what went wrong in a sentence; return the exit code."""
    # Imported only now: help must not wait for it.
    from rai_audits.core import RaiError

    if os.environ.get("RAITUNE_DEBUG"):
        traceback.print_exc()
    if isinstance(error, RaiError):
        typer.echo(f"error: {error}", err=True)
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _DISK:
        typer.echo(f"error: {_DISK[error.errno]}; what was stored before is intact ({error})", err=True)
        return INTERNAL
    typer.echo(
        f"internal error: {type(error).__name__}: {error}\nSet RAITUNE_DEBUG=1 to see where, and please report it.",
        err=True,
    )
    return INTERNAL
