"""A report that people sign, and the check of such a file. Stable API: ``sign_report``, ``check_report``.

It stands above reporting, which makes the document, and promotion, which knows people and keys.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.promotion.deeds import deeds_about
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.keys import same_person
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.pdf_checking import check_pdf, signed_fields
from rai_tune.promotion.pdf_signing import certified_name, sign_pdf
from rai_tune.promotion.people import read_registry
from rai_tune.reported_run import reported
from rai_tune.reporting import render_report
from rai_tune.reporting.document import report_fields
from rai_tune.reporting.pdf.appearing import signature_page
from rai_tune.reporting.pdf.printed import attached_problems, differences, page_texts
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.pdf_checking import PdfSignature
    from rai_tune.promotion.people import Registry
    from rai_tune.reporting.pdf import SignatureField
    from rai_tune.workspace import Workspace

SCHEMA = "rai-tune/report-check/v1"


@dataclass(frozen=True)
class ReportCheck:
    """What a check of a report found. ``names`` is key id -> name in the ledger; ``problems`` are about the file as a whole."""

    signatures: tuple[PdfSignature, ...]
    names: dict[str, str]
    problems: tuple[str, ...]
    ledger: bool

    @property
    def ok(self) -> bool:
        return bool(self.signatures) and not self.problems and not any(item.problem for item in self.signatures)


def sign_report(
    workspace: Workspace,
    run_id: str,
    signer: Signer,
    existing: bytes | None,
    *,
    policy: str | None = None,
    texts: bool = False,
) -> bytes:
    """The report of a run with this person's signature; added to ``existing`` where that is the same report, signed by others.

    Raises ``ConflictError`` when the signed file is of other evidence or damaged, ``UsageError`` when the person has no free field.
    """
    inputs = reported(workspace, run_id, texts=texts)
    ledger = Ledger(workspace)
    add = existing is not None and bool(signed_fields(existing))
    if existing is not None and add:
        inputs = replace(inputs, ledger=_printed_head(existing, ledger) or inputs.ledger)
    fields = report_fields(inputs, policy)
    if not fields:
        why = (
            f"the document for {policy} is for everybody's eyes"
            if policy and inputs.statement
            else "the run left no evidence statement"
        )
        raise UsageError(f"there is no field to sign: {why}")
    body = render_report(inputs, policy)
    signed: tuple[PdfSignature, ...] = ()
    if existing is not None and add:
        signed = _same_report(existing, body, signer, ledger)
        body = existing
    authors = deeds_about(ledger, inputs.run["id"], author_key(workspace, inputs.run["id"])).authors
    field = _field_of(fields, signer, signed, is_author=any(same_person(signer.person, name) for name in authors))
    registered = read_registry(ledger).find(signer.key_id, signer.person)
    if registered is None:
        raise UsageError(f"key {signer.key_id[:16]} is not registered in this workspace")
    at = datetime.now(UTC).replace(microsecond=0)
    page = signature_page(signer.person, field.role, signer.key_id, at)
    return sign_pdf(body, field.name, signer, registered.at, at, page)


def refuse_signed(existing: bytes) -> None:
    """``ConflictError`` for a file that holds signatures: writing a new report over it would destroy them."""
    if signed_fields(existing):
        raise ConflictError("the file holds signatures; give another name, or add yours with --sign")


def check_report(body: bytes, ledger: Ledger | None = None) -> ReportCheck:
    """Every signature against its key, the whole file, and attached files against the digests on the pages.

    With ``ledger`` each key is looked up there. An unknown key is a problem, because only the ledger says whose key it is; so is one that
    was revoked since, because no ledger entry says when the file was signed.
    """
    try:
        signatures = check_pdf(body)
        problems = list(attached_problems(body))
    except IntegrityError as error:
        return ReportCheck((), {}, (str(error),), ledger is not None)
    if not signatures:
        problems.append("it holds no signature")
    names: dict[str, str] = {}
    if ledger is not None:
        registry = read_registry(ledger)
        signatures = tuple(_known(item, registry, names) for item in signatures)
    return ReportCheck(signatures, names, tuple(problems), ledger is not None)


def check_text(found: ReportCheck, source: str) -> str:
    """The check in lines for a terminal."""
    lines = [f"{source}: {'every signature holds' if found.ok else 'does not hold'}"]
    for item in found.signatures:
        who = found.names.get(item.key_id, "")
        named = f"{who} (ledger of this workspace)" if who else f"{item.person or '?'} (the certificate's own word)"
        state = f"DOES NOT HOLD: {item.problem}" if item.problem else "holds"
        lines.append(
            f"  {item.field}: {state}; {named}, key {item.key_id or '?'}, {item.at or '?'} by the signer's clock"
        )
    lines += [f"  {problem}" for problem in found.problems]
    if found.ok:
        lines.append("  The last signature covers the whole file; attached files have the digests that are printed.")
    if found.signatures and not found.ledger:
        lines.append("  No workspace was asked: names are what the certificates say of themselves.")
    return "\n".join(lines) + "\n"


def check_json(found: ReportCheck, source: str) -> dict[str, Any]:
    """The check by the public contract of the command line."""
    return {
        "schema": SCHEMA,
        "file": source,
        "ok": found.ok,
        "problems": list(found.problems),
        "ledger": found.ledger,
        "signatures": [
            {**vars(item), "ok": not item.problem, "registered_as": found.names.get(item.key_id)}
            for item in found.signatures
        ],
    }


def _printed_head(existing: bytes, ledger: Ledger) -> dict[str, Any] | None:
    """The head that a report was made with, where this ledger had it; None where it never did, or the file does not say.

    Entries about other runs come at any time. They change the printed head and nothing else, and are no reason to refuse a second signer.
    """
    printed = "".join(page_texts(existing))
    roots = ledger.roots()
    for size in range(len(roots) - 1, 0, -1):
        if (root := roots[size].hex()) in printed:
            return {"size": size, "root": root, "at": ledger.entries(first=size - 1)[0].at}
    return None


def _same_report(existing: bytes, made: bytes, signer: Signer, ledger: Ledger) -> tuple[PdfSignature, ...]:
    """The signatures of a file that begins with the report as it would be made now; otherwise what changed."""
    if not existing.startswith(made):
        changes = "; ".join(differences(existing, made)) or "its bytes are others"
        raise ConflictError(f"the signed file is not the report of the evidence as it stands: {changes}")
    found = check_report(existing, ledger)
    if any(same_person(name, signer.person) for name in found.names.values()):
        raise UsageError(f"{signer.person} signed this file already")
    for item in found.signatures:
        if item.problem:
            raise ConflictError(f"the signature in field {item.field!r} does not hold: {item.problem}")
    if found.problems:
        raise ConflictError(f"the signed file does not hold: {found.problems[0]}")
    return found.signatures


def _field_of(
    fields: tuple[SignatureField, ...], signer: Signer, signed: tuple[PdfSignature, ...], *, is_author: bool
) -> SignatureField:
    """The field of a person: the one that names them, else a free one of a role that they hold."""
    taken = {item.field for item in signed}
    free = [field for field in fields if field.name not in taken]
    for field in free:
        if field.person and same_person(field.person, signer.person):
            return field
    for field in free:
        # An author never stands beside themselves, and whoever reviews is no author.
        if not field.person and field.role in signer.roles and (field.role == "author" or not is_author):
            return field
    roles = ", ".join(sorted(signer.roles))
    raise UsageError(
        f"there is no free field for {signer.person} ({roles}{'; author of this run' if is_author else ''})"
    )


def _known(item: PdfSignature, registry: Registry, names: dict[str, str]) -> PdfSignature:
    if item.problem:
        return item
    registered = registry.find(item.key_id)
    if registered is None:
        return replace(item, problem="its key is not registered in the ledger of this workspace")
    names[item.key_id] = registered.person
    if registered.revoked is not None:
        # The time in a signature is the signer's word: whoever found the key could name any.
        why = f"ledger entry {registered.revoked}: {clean(registered.revoked_because)}"
        return replace(item, problem=f"its key was revoked ({why}), and nothing shows that it was made before")
    if not same_person(certified_name(registered.person), item.person):
        return replace(
            item, problem=f"its certificate names {item.person!r}, and the ledger says {registered.person!r}"
        )
    return item
