"""The check of signatures inside a PDF, stricter than that of PDF readers. Stable API: ``check_pdf``, ``signed_fields``, ``PdfSignature``."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError
from rai_tune.promotion.keys import key_id_of
from rai_tune.promotion.pdf_signing import DIGEST, RESERVED

if TYPE_CHECKING:
    from asn1crypto import cms
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature


@dataclass(frozen=True)
class PdfSignature:
    """One signature as the file has it. ``person`` is the certificate's own word; ``problem`` is empty when the signature holds."""

    field: str
    person: str
    key_id: str
    at: str
    problem: str = ""


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
