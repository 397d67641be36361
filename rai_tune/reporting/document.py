"""The report as a PDF that declares PDF/A-3a and PDF/UA-1. Stable API: ``render_pdf``, ``render_report``, ``report_fields``.

The same view gives the same bytes on any machine with the same Typst and pikepdf. Measurements, and the evidence statement where there
is one, travel inside the file; a field for each signer is at its end. See ``rai_tune.reporting.pdf``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.reporting.paper import full_paper, paper_for
from rai_tune.reporting.paper.ll144 import POLICY as PUBLIC
from rai_tune.reporting.pdf import ReportError, attachments_of, make_pdf, signature_fields
from rai_tune.reporting.pdf.attached import measurements_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import ReportView
    from rai_tune.reporting.pdf import Attachment, SignatureField

__all__ = ["ReportError", "render_pdf", "render_report", "report_fields"]


def render_report(inputs: ReportInputs, policy: str | None = None) -> bytes:
    """The PDF of a run with its attachments, and unsigned fields for everybody who is asked to sign it; ``policy`` asks for its variant.

    The public summary for Local Law 144 is for everybody's eyes: it carries no attachments and asks nobody to sign.
    """
    paper = paper_for(inputs, policy)
    attached = () if policy == PUBLIC else attachments_of(inputs)
    return make_pdf({"paper": paper.to_plain()}, paper.created_at, attached, report_fields(inputs, policy))


def report_fields(inputs: ReportInputs, policy: str | None = None) -> tuple[SignatureField, ...]:
    """The fields that ``render_report`` lays out for the same run and variant."""
    return () if policy == PUBLIC else signature_fields(inputs)


def render_pdf(
    view: ReportView,
    measurements_json: bytes,
    more: Sequence[Attachment] = (),
    fields: Sequence[SignatureField] = (),
) -> bytes:
    """The PDF of a view. ``measurements_json`` is attached as it is, ``more`` beside it; the SHA-256 of each is printed.

    The compiler's fonts cover Latin, Greek, Cyrillic, Hebrew, Arabic and some more; a character that they cannot draw
    is printed as its code point, such as ``[U+4E2D]``. Raises ``ReportError`` when Typst refuses the document.
    """
    data = {"paper": full_paper(view).to_plain()}
    return make_pdf(data, view.created_at, (measurements_file(measurements_json), *more), fields)
