"""Reports: one view model, rendered by the terminal, the app, the PDF and the JSON export. Stable API."""

from rai_tune.reporting.document import render_pdf, render_report
from rai_tune.reporting.export import decisions_json, measurements_json, report_json
from rai_tune.reporting.inputs import ReportInputs
from rai_tune.reporting.model import ReportView
from rai_tune.reporting.stored import report_inputs
from rai_tune.reporting.terminal import print_decisions, print_summary, summary_text
from rai_tune.reporting.view import build_view

__all__ = [
    "ReportInputs",
    "ReportView",
    "build_view",
    "decisions_json",
    "measurements_json",
    "print_decisions",
    "print_summary",
    "render_pdf",
    "render_report",
    "report_inputs",
    "report_json",
    "summary_text",
]
