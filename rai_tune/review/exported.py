"""Files that the exports page offers: each with what it is for, made when somebody asks, and kept while the evidence stays the same.

Every file is made by the function that the command line uses, from the state of the store at the moment of the click.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import streamlit as st

from rai_tune.core import RaiError, canonical_json
from rai_tune.reporting.tables import CSV_TABLES
from rai_tune.review.reading import open_workspace, read_run
from rai_tune.review.telling import without_folders

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from rai_tune.reporting import ReportInputs
    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import Workspace

_LOG = logging.getLogger(__name__)
_KEPT = 64

Needs = Literal["nothing", "a model", "a decided model", "a completed run"]


@dataclass(frozen=True)
class Export:
    """One file. ``label`` is what its button downloads, ``what`` says what it is for and who asks for it; ``needs`` what a run must have before it can be made."""

    name: str
    title: str
    label: str
    what: str
    ending: str
    mime: str
    make: Callable[[Workspace, RunPage], bytes]
    needs: Needs = "nothing"

    def file_name(self, run_id: str) -> str:
        """A run's id is letters, digits and hyphens, so this is a safe name everywhere."""
        return f"{run_id}-{self.ending}"

    def refusal(self, page: RunPage) -> str | None:
        """Why this file cannot be made of a run as it stands, in a sentence; None when it can."""
        if self.needs == "a completed run" and page.view.state != "completed":
            return f"Not to be had: it needs a completed run, and this one is {page.view.state}."
        if self.needs in {"a model", "a decided model"} and not page.inputs.run.get("model_digest"):
            return f"Not to be had: it needs a trained model, and this run is {page.view.state} without one."
        if self.needs == "a decided model" and not page.inputs.decisions:
            return "Not to be had: no policy has decided on this run yet."
        return None


@dataclass(frozen=True)
class Shelf:
    """Files that belong together."""

    title: str
    exports: tuple[Export, ...]


def export_file(run_id: str, export: Export) -> bytes:
    """Make a file of a run now, after its evidence was checked; the same state of the evidence is made once in the life of the server."""
    with open_workspace() as workspace:
        page = read_run(workspace, run_id)
        if export.name == "bundle":
            return export.make(workspace, page)  # it enters the evidence in the ledger where that is not there yet
        return _made(page.key, export.name, export, workspace, page)


def maker(run_id: str, export: Export, problems: MutableMapping[str, str]) -> Callable[[], bytes]:
    """What a download button calls, in a thread of its own. What goes wrong is kept in ``problems`` for the page to say."""

    def make() -> bytes:
        problems.pop(export.name, None)
        try:
            return export_file(run_id, export)
        except RaiError as error:
            problems[export.name] = without_folders(error)
            raise
        except Exception as error:
            problems[export.name] = (
                f"Something unexpected went wrong ({type(error).__name__}); the server's log says where"
            )
            _LOG.exception("an export failed")
            raise

    return make


@st.cache_resource(max_entries=_KEPT, show_spinner=False)
def _made(key: str, name: str, _export: Export, _workspace: Workspace, _page: RunPage) -> bytes:  # noqa: ARG001  (key and name name the entry)
    return _export.make(_workspace, _page)


def _of_inputs(make: Callable[[ReportInputs], bytes]) -> Callable[[Workspace, RunPage], bytes]:
    return lambda _workspace, page: make(page.inputs)


def _json(inputs: ReportInputs) -> bytes:
    from rai_tune.reporting import report_json

    return canonical_json(report_json(inputs))


def _document(name: str) -> Callable[[Workspace, RunPage], bytes]:
    def make(_workspace: Workspace, page: RunPage) -> bytes:
        from rai_tune.reporting import documents

        found: bytes = getattr(documents, name)(page.inputs)
        return found

    return make


def _bundle(workspace: Workspace, page: RunPage) -> bytes:
    from rai_tune.bundling import bundle_run

    return bundle_run(workspace, page.view.run_id)


def _csv(name: str, title: str, what: str) -> Export:
    return Export(f"csv-{name}", title, name, what, f"{name}.csv", "text/csv", _of_inputs(CSV_TABLES[name]))


def _paper(form: Literal["html", "markdown"]) -> Callable[[Workspace, RunPage], bytes]:
    def make(_workspace: Workspace, page: RunPage) -> bytes:
        from rai_tune.reporting.html import html_report
        from rai_tune.reporting.markdown import markdown_report
        from rai_tune.reporting.paper import paper_for

        return {"html": html_report, "markdown": markdown_report}[form](paper_for(page.inputs))

    return make


def _pdf(policy: str | None = None) -> Callable[[Workspace, RunPage], bytes]:
    def make(_workspace: Workspace, page: RunPage) -> bytes:
        from rai_tune.reporting import render_report

        return render_report(page.inputs, policy)

    return make


REPORT = Export(
    "pdf",
    "PDF",
    "PDF",
    "The whole report, for a regulator, an auditor or an archive: verdict first, then everything it rests on, with the "
    "statement and the measurements attached.",
    "report.pdf",
    "application/pdf",
    _pdf(),
)
"""The whole report as PDF, which the overview of a run offers too."""


def shelves_of(page: RunPage) -> tuple[Shelf, ...]:
    """Everything that can be exported of this run, in the order of the page: the report, one PDF a policy that decided, then the rest."""
    told = {
        "nyc-ll144": "The public summary of a bias audit, with the fields that 6 RCNY 5-303(a) names: to be posted where applicants see it.",
        "eu-ai-act-high-risk": "Evidence for Annex IV(1) to (9) of Regulation (EU) 2024/1689 as one file: for a market surveillance authority.",
    }
    plain = "The report with the controls of this policy alone; the others are named with their verdicts."
    policies = tuple(
        Export(
            f"pdf-{decision.policy}",
            decision.title,
            "PDF for this policy",
            told.get(decision.policy, plain),
            f"{decision.policy}.pdf",
            "application/pdf",
            _pdf(decision.policy),
        )
        for decision in page.view.decisions
    )
    first, *rest = SHELVES
    return (first, *((Shelf("For one policy", policies),) if policies else ()), *rest)


SHELVES = (
    Shelf(
        "The report",
        (
            REPORT,
            Export(
                "html",
                "HTML",
                "HTML",
                "The same in one file for a browser, without script and asking nothing of the network: for reading on a screen.",
                "report.html",
                "text/html",
                _paper("html"),
            ),
            Export(
                "markdown",
                "Markdown",
                "Markdown",
                "The same as text with tables: for a wiki, a pull request or a ticket.",
                "report.md",
                "text/markdown",
                _paper("markdown"),
            ),
            Export(
                "json",
                "JSON",
                "JSON",
                "The same for programs: every measurement, decision and control with all digits, for your own monitoring or records.",
                "report.json",
                "application/json",
                _of_inputs(_json),
            ),
        ),
    ),
    Shelf(
        "Tables for spreadsheets",
        (
            _csv(
                "measurements",
                "Measurements (CSV)",
                "Every number that was measured, one a line, with its interval and its rows: for an analyst who checks or plots them.",
            ),
            _csv(
                "controls",
                "Controls (CSV)",
                "Every control with its outcome, its threshold and who set it: for a compliance register.",
            ),
            _csv(
                "groups",
                "Groups (CSV)",
                "Every group with its size and its rates side by side: for whoever answers questions about one group.",
            ),
        ),
    ),
    Shelf(
        "Documents that others ask for",
        (
            Export(
                "model-card",
                "Model card",
                "model card",
                "What the model is, and is not, for and how well it does (Hugging Face's README.md form): for whoever takes it over.",
                "model-card.md",
                "text/markdown",
                _document("model_card_markdown"),
                "a model",
            ),
            Export(
                "ml-bom",
                "Bill of materials (ML-BOM)",
                "ML-BOM",
                "What the model was made from, by digest (CycloneDX 1.6): for supply-chain and security reviews.",
                "ml-bom.json",
                "application/json",
                _document("ml_bom"),
                "a model",
            ),
            Export(
                "annex-iv",
                "Technical documentation (Annex IV)",
                "Annex IV",
                "Evidence for Annex IV(1) to (9) of Regulation (EU) 2024/1689, with what nobody has stated marked as empty: for a "
                "notified body or a market surveillance authority.",
                "annex-iv.md",
                "text/markdown",
                _document("annex_iv_markdown"),
                "a model",
            ),
            Export(
                "oscal",
                "Assessment results (OSCAL)",
                "OSCAL",
                "The decisions in the form that governance tools exchange (OSCAL 1.1.3): for a control catalogue or an audit tool.",
                "oscal.json",
                "application/json",
                _document("oscal_results"),
                "a decided model",
            ),
        ),
    ),
    Shelf(
        "Everything, to be checked by others",
        (
            Export(
                "bundle",
                "Evidence bundle (ZIP)",
                "bundle",
                "Evidence, decisions, policies, signatures, the ledger's part and the documents in one file, which anybody checks offline "
                "with 'raitune verify': for an auditor. It holds counts of small groups unhidden, since the decisions rest on them: give it "
                "to who may see them. Evidence that is not in the ledger yet is entered there, signed by the workspace.",
                "bundle.zip",
                "application/zip",
                _bundle,
                "a completed run",
            ),
        ),
    ),
)
"""What can be exported whatever the policies."""
