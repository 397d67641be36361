"""Signatures inside a PDF, with the same Ed25519 keys that sign the ledger. Stable API: ``sign_pdf``, ``certificate_of``, ``certified_name``.

PAdES baseline B-B (ETSI EN 319 142-1) made by pyHanko, appended as an incremental update; ``pdf_checking`` reads it. The certificate is
issued by the key to itself: it carries the name and the key's id and proves neither; whose key it is stands in the ledger. There is no
timestamp, so the date is the signer's word.
"""

from __future__ import annotations

import io
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError

if TYPE_CHECKING:
    from cryptography import x509

    from rai_tune.promotion.keys import Signer

DIGEST = "sha512"
"""RFC 8419: Ed25519 in CMS goes with SHA-512."""
RESERVED = 8192
"""Hexadecimal digits kept free for a signature; one takes about 2,500. Always the same, so that the length tells nothing."""
_FOREVER = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""RFC 5280, 4.1.2.5: a certificate that has no well-defined end. A key ends by its revocation in the ledger."""
_SERIAL_BYTES = 19
NAME_BYTES = 64
"""RFC 5280 has room for 64 characters; libraries count bytes."""


def certified_name(person: str) -> str:
    """A person's name as the certificate has it: at most 64 bytes of UTF-8; the ledger has the whole.

    Names in scripts that run from right to left are spelt as code points, because libraries disagree on how to compare them (RFC 4518).
    """
    rtl = any(unicodedata.bidirectional(c) in {"R", "AL", "AN"} for c in person)
    spelt = "".join(c if ord(c) < 128 else f"(U+{ord(c):04X})" for c in person) if rtl else person
    return spelt.encode()[:NAME_BYTES].decode(errors="ignore")


def certificate_of(signer: Signer, since: str) -> x509.Certificate:
    """The key's own certificate: the same bytes whenever it is made, because name, id and ``since`` are all that goes in.

    ``since`` is the time of registration, ISO 8601 in UTC.
    """
    from cryptography import x509

    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, certified_name(signer.person)),
            x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, signer.key_id),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    public = signer.private.public_key()
    start = datetime.fromisoformat(since).astimezone(UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(int(signer.key_id, 16) >> (256 - 8 * _SERIAL_BYTES) | 1)
        .not_valid_before(start)
        .not_valid_after(_FOREVER)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(signer.private, None)
    )


def sign_pdf(body: bytes, field: str, signer: Signer, since: str, at: datetime, appearance: bytes) -> bytes:
    """``body`` with the field signed, as an incremental update: every byte that was there stays.

    ``appearance`` is a one-page PDF that fills the field. Raises ``IntegrityError`` when the document cannot be signed as it is.
    """
    from pyhanko.pdf_utils.misc import PdfError
    from pyhanko.sign.general import SigningError

    out = io.BytesIO()
    try:
        writer = _writer(body)
        _pdf_signer(field, signer, since, at, appearance).sign_pdf(
            writer, existing_fields_only=True, bytes_reserved=RESERVED, output=out
        )
    except (PdfError, SigningError, ValueError) as error:
        raise IntegrityError(f"the document cannot be signed: {error}") from error
    signed = out.getvalue()
    if not signed.startswith(body):
        raise IntegrityError("signing would have rewritten the document")
    return signed


def _writer(body: bytes) -> Any:
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Writer(IncrementalPdfFileWriter):
        def _update_meta(self) -> None:
            # The metadata speak of the report, which a signature does not change; and PDF/A asks that both copies agree.
            pass

        def ensure_output_version(self, version: tuple[int, int]) -> None:
            # PDF/A-3 is PDF 1.7 (ISO 19005-3, 5). Ed25519 came with ISO/TS 32002, for which pyHanko would say PDF 2.0.
            pass

        def register_extension(self, ext: Any) -> None:
            if ext.base_version == "/1.7":
                super().register_extension(ext)

    return Writer(io.BytesIO(body))


def _pdf_signer(field: str, signer: Signer, since: str, at: datetime, appearance: bytes) -> Any:
    from pyhanko.keys.internal import (
        translate_pyca_cryptography_cert_to_asn1,
        translate_pyca_cryptography_key_to_asn1,
    )
    from pyhanko.sign.fields import SigSeedSubFilter
    from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    class Dated(PdfSigner):
        def init_signing_session(self, pdf_out: Any, existing_fields_only: bool = False) -> Any:
            session = super().init_signing_session(pdf_out, existing_fields_only)
            # The printed date and the signature's are one.
            session.system_time = at
            return session

    no_others: Any = SimpleCertificateStore
    key = SimpleSigner(
        signing_cert=translate_pyca_cryptography_cert_to_asn1(certificate_of(signer, since)),
        signing_key=translate_pyca_cryptography_key_to_asn1(signer.private),
        cert_registry=no_others(),
    )
    about = PdfSignatureMetadata(
        field_name=field, md_algorithm=DIGEST, subfilter=SigSeedSubFilter.PADES, name=signer.person
    )
    return Dated(about, key, stamp_style=_stamp(appearance))


def _stamp(appearance: bytes) -> Any:
    """The appearance as a form XObject: its fonts come with it, embedded."""
    from pyhanko.pdf_utils import content, layout
    from pyhanko.pdf_utils.reader import PdfFileReader
    from pyhanko.stamp import StaticStampStyle

    class Page(content.PdfContent):
        def render(self) -> bytes:
            writer: Any = self.writer
            page = writer.import_page_as_xobject(PdfFileReader(io.BytesIO(appearance)))
            self.resources.xobject["/Appearance"] = page
            left, low, right, high = page.get_object()["/BBox"]
            self.box = layout.BoxConstraints(width=abs(right - left), height=abs(high - low))
            return b"/Appearance Do"

    fill = layout.SimpleBoxLayoutRule(
        x_align=layout.AxisAlignment.ALIGN_MIN,
        y_align=layout.AxisAlignment.ALIGN_MIN,
        inner_content_scaling=layout.InnerScaling.NO_SCALING,
    )
    return StaticStampStyle(background=Page(), background_layout=fill, border_width=0)
