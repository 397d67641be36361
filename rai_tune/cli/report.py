"""``raitune report``: the evidence of a run as text, JSON or PDF, and the documents that others ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rai_tune.cli.options import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting import ReportInputs
    from rai_tune.workspace import Workspace


def report(
    run: Annotated[str, typer.Argument(help="Run id, or latest.")],
    as_json: JsonOption = False,
    pdf: Annotated[Path | None, typer.Option("--pdf", help="Write the report as PDF to this file.")] = None,
    sign: Annotated[
        Path | None,
        typer.Option(
            "--sign",
            metavar="KEY",
            help="Sign the PDF with this key file, in your own field; adds to signatures that are there.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the report as one self-contained HTML file without script.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write the report as Markdown.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            metavar="ID",
            help="Write PDF, HTML and Markdown for one policy that decided: nyc-ll144 gives the public summary, eu-ai-act-high-risk the Annex IV file.",
        ),
    ] = None,
    texts: Annotated[
        bool,
        typer.Option(
            "--texts", help="Add the texts of the explained rows to PDF, HTML and Markdown. They are raw data."
        ),
    ] = False,
    model_card: Annotated[
        Path | None, typer.Option("--model-card", help="Write a model card (Hugging Face's README.md form).")
    ] = None,
    ml_bom: Annotated[
        Path | None, typer.Option("--ml-bom", help="Write a bill of materials (CycloneDX 1.6 JSON).")
    ] = None,
    annex_iv: Annotated[
        Path | None, typer.Option("--annex-iv", help="Write technical documentation after Annex IV (Markdown).")
    ] = None,
    oscal: Annotated[
        Path | None, typer.Option("--oscal", help="Write the decisions as OSCAL assessment results (JSON).")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FOLDER_OR_FILE",
            help="Write measurements, controls and groups as CSV into this folder, or the measurements alone to this .csv file.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Show what is known about a run, or write it as a document. Each file is written whole or not at all."""
    from rai_tune.cli.run import show_run
    from rai_tune.reported_run import reported
    from rai_tune.workspace import Workspace

    asked = {
        "--pdf": pdf,
        "--html": html,
        "--markdown": markdown,
        "--model-card": model_card,
        "--ml-bom": ml_bom,
        "--annex-iv": annex_iv,
        "--oscal": oscal,
    }
    files = {option: path for option, path in asked.items() if path is not None} | _csv_files(csv)
    for option, path in files.items():
        _check_target(option, path, files)
    _check_variant(policy, files, texts=texts)
    _check_signing(pdf, sign)
    store = Workspace.open(workspace, create=False)
    record = store.run(run)
    if pdf is not None and sign is not None:
        _write_signed(store, record.id, files.pop("--pdf"), sign, policy, texts=texts)
    if files:
        write_documents(reported(store, record.id, texts=texts), files, policy)
        for path in files.values():
            typer.echo(f"wrote {path}", err=True)
    if as_json or not (files or pdf):
        show_run(store, record.id, as_json=as_json)
    for deletion in store.deletions(record.id)[:1]:
        typer.echo(f"texts and tables of this run were {deletion.sentence}; every number was measured before", err=True)


def write_documents(inputs: ReportInputs, files: dict[str, Path], policy: str | None = None) -> None:
    """Write the asked documents. All are made before the first is written, so that one that cannot be made leaves nothing behind."""
    from rai_tune.workspace import atomic_write

    makers = _makers(policy)
    made = {path: makers[option](inputs) for option, path in files.items()}
    for path, body in made.items():
        atomic_write(path, body)


def write_pdf(store: Workspace, run_id: str, path: Path) -> None:
    """Render the report of a run to ``path``, whole or not at all."""
    from rai_tune.reported_run import reported

    _check_target("--pdf", path, {})
    write_documents(reported(store, run_id), {"--pdf": path})


def _makers(policy: str | None = None) -> dict[str, Callable[[ReportInputs], bytes]]:
    from rai_tune.reporting import documents, render_report
    from rai_tune.reporting.html import html_report
    from rai_tune.reporting.markdown import markdown_report
    from rai_tune.reporting.paper import paper_for
    from rai_tune.reporting.tables import CSV_TABLES

    return {
        "--pdf": lambda inputs: render_report(inputs, policy),
        "--html": lambda inputs: html_report(paper_for(inputs, policy)),
        "--markdown": lambda inputs: markdown_report(paper_for(inputs, policy)),
        "--model-card": documents.model_card_markdown,
        "--ml-bom": documents.ml_bom,
        "--annex-iv": documents.annex_iv_markdown,
        "--oscal": documents.oscal_results,
        **{f"--csv ({name})": make for name, make in CSV_TABLES.items()},
    }


def _csv_files(target: Path | None) -> dict[str, Path]:
    """Which table goes to which file: three into a folder, the measurements alone to a file."""
    from rai_tune.core import UsageError
    from rai_tune.reporting.tables import CSV_TABLES

    if target is None:
        return {}
    if target.is_dir():
        return {f"--csv ({name})": target / f"{name}.csv" for name in CSV_TABLES}
    if target.suffix.lower() != ".csv":
        raise UsageError(f"--csv {target}: give a folder that is there, or a file name that ends in .csv")
    return {"--csv (measurements)": target}


def _check_signing(pdf: Path | None, sign: Path | None) -> None:
    """--sign needs a PDF, and a PDF that people signed is never written over."""
    from rai_tune.core import ConflictError, UsageError

    if sign is not None and pdf is None:
        raise UsageError("--sign needs --pdf: it signs that file")
    if pdf is not None and sign is None and pdf.is_file():
        from rai_tune.signed_report import refuse_signed

        try:
            refuse_signed(pdf.read_bytes())
        except ConflictError as error:
            raise ConflictError(f"{pdf}: {error}") from None


def _write_signed(store: Workspace, run_id: str, path: Path, key: Path, policy: str | None, *, texts: bool) -> None:
    from rai_tune.cli.signing import unlocked
    from rai_tune.signed_report import sign_report
    from rai_tune.workspace import atomic_write

    signer = unlocked(store, key)
    existing = path.read_bytes() if path.is_file() else None
    atomic_write(path, sign_report(store, run_id, signer, existing, policy=policy, texts=texts))
    typer.echo(f"signed {path} as {signer.person}", err=True)


def _check_variant(policy: str | None, files: dict[str, Path], *, texts: bool) -> None:
    """--policy and --texts say what is in PDF, HTML or Markdown; without one of these they would silently do nothing."""
    from rai_tune.core import UsageError

    if {"--pdf", "--html", "--markdown"} & files.keys():
        return
    if policy is not None:
        raise UsageError("--policy needs --pdf, --html or --markdown: it chooses what they say")
    if texts:
        raise UsageError("--texts needs --pdf, --html or --markdown: it adds texts to them")


def _check_target(option: str, path: Path, files: dict[str, Path]) -> None:
    """Refuse what cannot be a file, and two documents in one file, before anything is read."""
    from rai_tune.core import UsageError

    if not path.parent.is_dir():
        raise UsageError(f"{option} {path}: there is no folder {path.parent}")
    if path.is_dir():
        raise UsageError(f"{option} {path}: that is a folder; give a file name")
    same = [other for other, taken in files.items() if other != option and taken.absolute() == path.absolute()]
    if same:
        raise UsageError(f"{option} and {same[0]} name the same file {path}")
