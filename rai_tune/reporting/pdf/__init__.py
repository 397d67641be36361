"""The PDF of a report: compiled with Typst, finished with pikepdf. Stable API: ``make_pdf``, ``Attachment``, ``SignatureField``.

What the document says comes from outside; this room attaches files, lays out the signature page and makes the bytes reproducible.
Signing itself is above it (``rai_tune.signed_report``), because it takes a person's key.
"""

from rai_tune.reporting.pdf.attached import Attachment, attachments_of
from rai_tune.reporting.pdf.compiling import ReportError, make_pdf
from rai_tune.reporting.pdf.signers import SignatureField, signature_fields

__all__ = ["Attachment", "ReportError", "SignatureField", "attachments_of", "make_pdf", "signature_fields"]
