"""Signatures inside a PDF, with the same Ed25519 keys that sign the ledger. Stable API: ``sign_pdf``, ``check_pdf``, ``certificate_of``.

PAdES baseline B-B (ETSI EN 319 142-1) made and read by pyHanko, appended as an incremental update. The certificate is issued by the key to
itself: it carries the name and the key's id and proves neither; whose key it is stands in the ledger. There is no timestamp, so the date is
the signer's word.
"""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError
from rai_tune.promotion.keys import key_id_of

if TYPE_CHECKING:
    from asn1crypto import cms
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

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


@dataclass(frozen=True)
class PdfSignature:
    """One signature as the file has it. ``person`` is the certificate's own word; ``problem`` is empty when the signature holds."""

    field: str
    person: str
    key_id: str
    at: str
    problem: str = ""


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


def signed_fields(body: bytes) -> tuple[str, ...]:
    """Names of the fields that hold a signature, valid or not; empty for what is no PDF."""
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        found = PdfFileReader(io.BytesIO(body), strict=False).embedded_signatures
        return tuple(str(item.fq_name) for item in found)
    except Exception:
        return ("unreadable",) if body.startswith(b"%PDF") and b"/ByteRange" in body else ()


def check_pdf(body: bytes) -> tuple[PdfSignature, ...]:
    """Every signature of a file, each with what does not hold about it. Raises ``IntegrityError`` when the file cannot be read.

    Stricter than PDF readers: the last signature must cover the whole file, and nothing in a signature may be left to chance, so that no
    byte of the file can be changed unseen.
    """
    from pyhanko.pdf_utils.reader import PdfFileReader

    try:
        reader = PdfFileReader(io.BytesIO(body), strict=True)
        embedded = list(reader.embedded_signatures)
    except Exception as error:
        raise IntegrityError(f"the file cannot be read as a PDF: {type(error).__name__}") from error
    ends = [_end(item) for item in embedded]
    return tuple(_checked(body, item, last=_end(item) == max(ends)) for item in embedded)


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


def _checked(body: bytes, item: EmbeddedPdfSignature, *, last: bool) -> PdfSignature:
    """What a signature says of itself, and what does not hold."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        certificate = _certificate(item)
        public = certificate.public_key()
        if not isinstance(public, Ed25519PublicKey):
            return PdfSignature(str(item.fq_name), "", "", "", "its key is of another type than Ed25519")
        person, named = _subject(certificate)
        key_id = key_id_of(public)
        at = item.self_reported_timestamp
        told = PdfSignature(str(item.fq_name), person, key_id, at.astimezone(UTC).isoformat() if at else "")
        problem = _problem(body, item, certificate, public, last=last)
        if not problem and named != key_id:
            problem = "its certificate names another key id than that of its key"
    except Exception as error:
        return PdfSignature(str(item.fq_name), "", "", "", f"it cannot be read: {type(error).__name__}")
    return PdfSignature(told.field, told.person, told.key_id, told.at, problem)


def _problem(
    body: bytes, item: EmbeddedPdfSignature, certificate: x509.Certificate, public: Ed25519PublicKey, *, last: bool
) -> str:
    from pyhanko.sign.diff_analysis import ModificationLevel
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko.sign.validation.status import SignatureCoverageLevel
    from pyhanko_certvalidator import ValidationContext

    public.verify(certificate.signature, certificate.tbs_certificate_bytes)
    if not _exact(body, item):
        return "the signature is not written as this tool writes it, so something in it was changed"
    status = validate_pdf_signature(
        item, ValidationContext(trust_roots=[item.signer_cert], allow_fetching=False, revocation_mode="soft-fail")
    )
    if not (status.intact and status.valid):
        return "what it signed was changed, or it was not made with this key"
    wanted = SignatureCoverageLevel.ENTIRE_FILE if last else SignatureCoverageLevel.ENTIRE_REVISION
    if status.coverage is None or status.coverage < wanted:
        return "it does not cover the whole file as it was signed"
    if not last and (
        not status.docmdp_ok
        or status.modification_level not in {ModificationLevel.LTA_UPDATES, ModificationLevel.FORM_FILLING}
    ):
        return "after it, more than further signatures was added"
    if not status.bottom_line:
        return f"it does not hold: {status.summary()}"
    return ""


def _certificate(item: EmbeddedPdfSignature) -> x509.Certificate:
    from cryptography import x509

    return x509.load_der_x509_certificate(item.signer_cert.dump())


def _subject(certificate: x509.Certificate) -> tuple[str, str]:
    """Name and key id as the certificate states them."""
    from cryptography import x509

    def one(oid: x509.ObjectIdentifier) -> str:
        found = certificate.subject.get_attributes_for_oid(oid)
        return str(found[0].value) if len(found) == 1 else ""

    return one(x509.NameOID.COMMON_NAME), one(x509.NameOID.SERIAL_NUMBER)


def _end(item: EmbeddedPdfSignature) -> int:
    start, length = [int(value) for value in item.byte_range][-2:]
    return start + length


def _exact(body: bytes, item: EmbeddedPdfSignature) -> bool:
    """Whether the bytes between the signed ranges are the one way to write this signature.

    They are the only bytes of a file that a signature does not cover. What is not signed in CMS (RFC 5652) follows from what is: rebuilt
    from certificate, signed attributes and signature value, it must come out the same, in upper-case digits, filled up with zeros.
    """
    first, length, second, _ = (int(value) for value in item.byte_range)
    if first != 0:
        return False
    digits = _rebuilt(item).dump().hex().upper().encode()
    between = body[length:second]
    room = len(between) - 2
    return len(digits) <= room == RESERVED and between == b"<" + digits.ljust(room, b"0") + b">"


def _rebuilt(item: EmbeddedPdfSignature) -> cms.ContentInfo:
    from asn1crypto import algos, cms

    certificate, info = item.signer_cert, item.signer_info
    digest = algos.DigestAlgorithm({"algorithm": DIGEST})
    again = cms.SignerInfo(
        {
            "version": "v1",
            "sid": cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": cms.IssuerAndSerialNumber(
                        {"issuer": certificate.issuer, "serial_number": certificate.serial_number}
                    )
                }
            ),
            "digest_algorithm": digest,
            "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "ed25519"}),
            "signed_attrs": info["signed_attrs"],
            "signature": info["signature"].native,
        }
    )
    return cms.ContentInfo(
        {
            "content_type": "signed_data",
            "content": cms.SignedData(
                {
                    "version": "v1",
                    "digest_algorithms": cms.DigestAlgorithms((digest,)),
                    "encap_content_info": {"content_type": "data"},
                    "certificates": [cms.CertificateChoices(name="certificate", value=certificate)],
                    "signer_infos": [again],
                }
            ),
        }
    )
