"""``raitune audit``: audit a table of predictions, one suite of a stored run again, or what is in use on new rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import JsonOption, SetOption, WorkspaceOption

if TYPE_CHECKING:
    from rai_tune.table_audit import AuditedTable


def audit(
    run: Annotated[
        str | None, typer.Argument(help="Run id, or latest, with --suite; staging or production with --data.")
    ] = None,
    suite: Annotated[str | None, typer.Option("--suite", help="Suite to run again, such as fairness.")] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="New rows, labels included, for what staging or production serves."),
    ] = None,
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            "--predictions",
            help="CSV, JSON Lines or Parquet: a file, folder or pattern; repeatable. file.duckdb::table too.",
        ),
    ] = None,
    label: Annotated[str | None, typer.Option("--label", help="Column with the true outcome.")] = None,
    prediction: Annotated[str | None, typer.Option("--prediction", help="Column with the decision, a class.")] = None,
    score: Annotated[
        str | None, typer.Option("--score", help="Column with the probability of the positive class.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", help="A score at or above it decides for the positive class.")
    ] = None,
    value: Annotated[str | None, typer.Option("--value", help="Column with a predicted number (regression).")] = None,
    groups: Annotated[
        list[str] | None, typer.Option("--groups", help="Group columns, comma-separated; repeatable.")
    ] = None,
    expect: Annotated[
        list[str] | None,
        typer.Option("--expect", metavar="COLUMN=GROUP,...", help="Groups that must be there. Repeatable."),
    ] = None,
    favourable: Annotated[str | None, typer.Option("--favourable", help="The outcome that a person wants.")] = None,
    positive: Annotated[
        str | None,
        typer.Option("--positive", help="Class that TPR, FPR and scores speak of (default: 1, true or yes)."),
    ] = None,
    row_id: Annotated[
        str | None, typer.Option("--id", help="Column that names a row; no two rows may share it.")
    ] = None,
    weight: Annotated[str | None, typer.Option("--weight", help="Column of row weights above 0.")] = None,
    intersections: Annotated[
        bool, typer.Option("--intersections", help="Also cross the group columns two by two.")
    ] = False,
    join: Annotated[str | None, typer.Option("--join", help="Second table that brings group columns.")] = None,
    on: Annotated[str | None, typer.Option("--on", help="Key column of --join, in both tables.")] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy", help="Policy ids or files, comma-separated; repeatable. Without one there is no verdict."
        ),
    ] = None,
    overrides: SetOption = None,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Also write the report as PDF to this file.")] = None,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Audit a table of predictions without a model, a run again, or what is in use. Exits as a policy says; 0 without a policy."""
    from rai_tune.core import UsageError

    if (run is None) == (not predictions):
        raise UsageError(
            "give a table with --predictions, a run with --suite (raitune audit latest --suite fairness), "
            "or what is in use with --data (raitune audit production --data fresh.csv)"
        )
    if pdf is not None and not pdf.absolute().parent.is_dir():
        raise UsageError(f"--pdf {pdf}: there is no folder {pdf.parent}")
    if data is not None:
        _refuse_beside_data(run, suite, overrides)
        raise typer.Exit(_in_use(str(run), data, workspace, pdf, as_json=as_json))
    if run is not None:
        raise typer.Exit(_again(run, suite, workspace, tuple(overrides or ()), as_json=as_json))
    if suite is not None:
        raise UsageError("--suite is for a stored run; a table gets every audit that applies to it")
    from rai_tune.table_audit import TableQuestion, audit_predictions, table_settings

    given = predictions or []
    audited = audit_predictions(
        TableQuestion(
            table=given[0] if len(given) == 1 else given,
            label=label,
            prediction=prediction,
            score=score,
            threshold=threshold,
            value=value,
            groups=_groups(groups or [], expect or []),
            favourable=favourable,
            positive=positive,
            row_id=row_id,
            weight=weight,
            intersections=intersections,
            join=join,
            on=on,
        ),
        tuple(name for item in policy or [] for name in _listed(item)),
        table_settings(tuple(overrides or ())),
    )
    _show(audited, pdf, as_json=as_json)
    raise typer.Exit(audited.exit_code)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _groups(columns: list[str], expected: list[str]) -> dict[str, tuple[str, ...]]:
    from rai_tune.core import UsageError, did_you_mean

    found: dict[str, tuple[str, ...]] = dict.fromkeys((name for item in columns for name in _listed(item)), ())
    for item in expected:
        name, equals, values = item.partition("=")
        if not equals or not _listed(values):
            raise UsageError(f"--expect {item!r}: write it as COLUMN=GROUP,GROUP")
        if name not in found:
            raise UsageError(f"--expect {item!r}: {name!r} is not in --groups.{did_you_mean(name, found)}")
        found[name] = (*found[name], *_listed(values))
    return found


def _show(audited: AuditedTable, pdf: Path | None, *, as_json: bool) -> None:
    from rai_tune.cli.console import print_json
    from rai_tune.reporting import build_view, print_summary, render_report, report_json
    from rai_tune.workspace import atomic_write

    if pdf is not None:
        atomic_write(pdf, render_report(audited.inputs))
        typer.echo(f"wrote {pdf}", err=True)
    if as_json:
        print_json(report_json(audited.inputs))
    else:
        print_summary(build_view(audited.inputs))


def _again(run: str, suite: str | None, path: Path | None, overrides: tuple[str, ...], *, as_json: bool) -> int:
    from rai_tune import pipeline
    from rai_tune.cli.console import progress
    from rai_tune.cli.run import show_run
    from rai_tune.core import UsageError
    from rai_tune.gate.decision import EXIT_CODES
    from rai_tune.workspace import Workspace

    if suite is None:
        from rai_tune.promotion.door import ALIASES

        wanted = "the new rows with --data" if run in ALIASES else "the suite to run again, such as --suite fairness"
        raise UsageError(f"name {wanted}")
    store = Workspace.open(path, create=False)
    record = store.run(run)
    with progress() as show:
        outcome = pipeline.reaudit(record.id, store, suite, show, overrides)
    show_run(store, record.id, as_json=as_json)
    return EXIT_CODES[outcome.outcome]


def _refuse_beside_data(run: str | None, suite: str | None, overrides: list[str] | None) -> None:
    from rai_tune.core import UsageError

    if run is None:
        raise UsageError("--data is for what is in use: raitune audit production --data fresh.csv")
    if suite is not None or overrides:
        given = "--suite" if suite is not None else "--set"
        raise UsageError(f"{given} cannot be joined with --data: what is in use gets the audits of its own recipe")


def _in_use(alias: str, data: Path, path: Path | None, pdf: Path | None, *, as_json: bool) -> int:
    from rai_tune.cli.console import progress
    from rai_tune.cli.report import write_pdf
    from rai_tune.cli.run import show_run
    from rai_tune.core import UsageError
    from rai_tune.gate.decision import EXIT_CODES
    from rai_tune.production_audit import audit_promoted
    from rai_tune.promotion.door import ALIASES
    from rai_tune.workspace import Workspace

    if alias not in ALIASES:
        raise UsageError(
            f"--data is for what is in use, {' or '.join(ALIASES)}; {alias[:64]!r} is a stored run, audited again with --suite"
        )
    store = Workspace.open(path, create=False)
    with progress() as show:
        outcome = audit_promoted(store, alias, data, show)
    if pdf is not None:
        write_pdf(store, outcome.run_id, pdf)
        typer.echo(f"wrote {pdf}", err=True)
    show_run(store, outcome.run_id, as_json=as_json)
    return EXIT_CODES[outcome.outcome]
