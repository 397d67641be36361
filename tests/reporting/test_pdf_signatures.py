"""Signature fields, signatures and what a changed byte does to them."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import pdf_checks as checks
from rai_tune.core import IntegrityError, canonical_json, sha256_json
from rai_tune.gate.decision import SignOff
from rai_tune.promotion.keys import Signer, key_id_of
from rai_tune.promotion.pdf_checking import check_pdf
from rai_tune.promotion.pdf_signing import certificate_of, sign_pdf
from rai_tune.reporting.document import render_report
from rai_tune.reporting.pdf import attachments_of, signature_fields
from rai_tune.reporting.pdf.appearing import signature_page
from rai_tune.reporting.pdf.printed import page_texts
from rai_tune.signed_report import check_report

STATEMENT = "8" * 64
SINCE = "2026-11-25T10:00:00.123456Z"
AT = datetime(2026, 11, 26, 12, 0, 30, tzinfo=UTC)
EVIDENCE = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [],
    "predicate": {"at": "", "run": {"id": "lending-0a1b2c3d"}, "measurements": [{"n": 3}], "results": [], "groups": {}},
}


def person(name: str, role: str, seed: int) -> Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(name, frozenset({role}), key_id_of(key.public_key()), key)  # type: ignore[arg-type]


LONG = "Ada Maria Philippa Quine of the Department of Everything " + "und " * 5


ADA, BO = person("Ada", "author", 1), person("Bo משה", "reviewer", 2)


def inputs_of(kit: Any, **more: Any) -> Any:
    signoff = SignOff(role="author", person="Ada", key_id=ADA.key_id, at=SINCE, statement=STATEMENT)
    return kit.lending(
        statement=STATEMENT, evidence=EVIDENCE, signers={"quorum": 2, "reviewer": 1},
        signoffs=(signoff,), entries={"signoff": (4,)}, **more,
    )  # fmt: skip


def signed(body: bytes, field: str, who: Signer) -> bytes:
    role = next(iter(who.roles))
    return sign_pdf(body, field, who, SINCE, AT, signature_page(who.person, role, who.key_id, AT))


@pytest.fixture(scope="module")
def unsigned(request: pytest.FixtureRequest) -> bytes:
    return render_report(inputs_of(request.getfixturevalue("module_kit")))


@pytest.fixture(scope="module")
def both(unsigned: bytes) -> bytes:
    return signed(signed(unsigned, "author 1", ADA), "reviewer 1", BO)


def test_each_signer_has_a_tagged_field_that_says_whose_it_is(unsigned: bytes) -> None:
    with pikepdf.open(io.BytesIO(unsigned)) as pdf:
        fields = list(pdf.Root.AcroForm.Fields)
        assert [str(field.T) for field in fields] == ["author 1", "reviewer 1", "approver 1"]
        assert [str(field.TU) for field in fields] == [
            "Signature of Ada as author", "Signature of a reviewer, 1 of 1", "Signature of an approver, 1 of 1",
        ]  # fmt: skip
        page = pdf.pages[-1].obj
        assert str(page.Tabs) == "/S" and len(page.Annots) == 3
        parents = pikepdf.NumberTree(pdf.Root.StructTreeRoot.ParentTree)
        for field in fields:
            form = parents[int(field.StructParent)]
            assert str(form.S) == "/Form" and form.K.Obj.objgen == field.objgen
            assert form.objgen in {kid.objgen for kid in form.P.K}
            assert "/V" not in field and field.AP.N is not None
        assert "/JavaScript" not in pdf.Root.Names and "/OpenAction" not in pdf.Root and "/AA" not in pdf.Root
    last = page_texts(unsigned)[-1]
    assert "Ledgerentry4,signedon2026-11-25at10:00:00UTC" in last and ADA.key_id in last


def test_the_statement_goes_in_without_what_suppression_hides(kit: Any, unsigned: bytes) -> None:
    measurements, statement = attachments_of(inputs_of(kit))
    told = json.loads(statement.body)
    assert told["statement"]["predicate"]["measurements"] == {"sha256": sha256_json([{"n": 3}])}
    assert b'"n":3' not in statement.body and "suppressed" in statement.description
    table = {"race": {name: rows for name, rows in kit.LENDING["race"].items() if name in ("Black", "white")}}
    whole = attachments_of(inputs_of(kit, table=table))[1]
    timeless = {**EVIDENCE, "predicate": {k: v for k, v in EVIDENCE["predicate"].items() if k != "at"}}  # type: ignore[attr-defined]
    assert whole.body == canonical_json(timeless)
    with pikepdf.open(io.BytesIO(unsigned)) as pdf:
        relations = {str(spec.UF): str(spec.AFRelationship) for spec in pdf.Root.AF}
        assert relations == {"measurements.json": "/Data", "statement.json": "/Source"}
    text = "".join(page_texts(unsigned))
    for item in (measurements, statement):
        assert hashlib.sha256(item.body).hexdigest() in text


def test_no_field_without_evidence_and_no_field_for_two_names_of_one_person(kit: Any) -> None:
    assert signature_fields(kit.lending()) == ()
    twice = SignOff(role="author", person="ADA", key_id=ADA.key_id, at=SINCE, statement=STATEMENT)
    inputs = inputs_of(kit)
    from dataclasses import replace

    again = replace(inputs, signoffs=(*inputs.signoffs, twice), entries={"signoff": (4, 5)})
    assert [field.name for field in signature_fields(again)] == ["author 1", "reviewer 1", "approver 1"]


@pytest.mark.slow
def test_a_second_signature_leaves_the_first_and_both_hold(unsigned: bytes, both: bytes) -> None:
    assert both.startswith(unsigned)
    found = {item.field: item for item in check_pdf(both)}
    assert {name: item.problem for name, item in found.items()} == {"author 1": "", "reviewer 1": ""}
    assert found["author 1"].person == "Ada" and found["author 1"].key_id == ADA.key_id
    assert found["reviewer 1"].key_id == BO.key_id and found["reviewer 1"].at == AT.isoformat()
    assert check_report(both).ok and not check_report(unsigned).ok


def test_a_certificate_is_the_same_bytes_whenever_it_is_made() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    assert certificate_of(ADA, SINCE).public_bytes(Encoding.DER) == certificate_of(ADA, SINCE).public_bytes(
        Encoding.DER
    )


@pytest.mark.parametrize(
    ("name", "certified"),
    [
        ("Ada", "Ada"),
        ("Максим Александрович Константинопольский", "Максим Александрович Константиноп"),
        ("中" * 80, "中" * 21),
        ("a" * 80, "a" * 64),
        ("משה", "(U+05DE)(U+05E9)(U+05D4)"),
    ],
)
def test_a_name_of_any_script_and_length_goes_into_a_certificate(name: str, certified: str) -> None:
    subject = certificate_of(person(name, "author", 3), SINCE).subject
    assert next(str(item.value) for item in subject) == certified


@pytest.mark.slow
def test_a_flipped_byte_in_a_signature_or_at_the_end_is_seen(unsigned: bytes, both: bytes) -> None:
    first = signed(unsigned, "author 1", ADA)
    places = {len(first) - 2, len(both) - 2}
    for start in (both.index(b"/Contents <3", len(unsigned)), both.rindex(b"/Contents <3")):
        # Inside the signature, in its unused rest, and the case of a digit.
        places |= {start + 20, start + 1500, start + 8000}
    for place in sorted(places):
        for bit in (0x01, 0x20):
            changed = bytearray(both)
            changed[place] ^= bit
            assert not holds(bytes(changed)), (place, bit)


@pytest.mark.slow
def test_a_flipped_byte_is_seen_wherever_it_lies(unsigned: bytes, both: bytes) -> None:
    """Drawn by a fixed seed from each revision, and around the edges of what each signature covers."""
    draw = random.Random(997)
    first = signed(unsigned, "author 1", ADA)
    edges = [0, len(unsigned), len(first), len(both)]
    places = {draw.randrange(start, end) for start, end in pairwise(edges) for _ in range(6)}
    for found in re.finditer(rb"/ByteRange ?\[0 (\d+) (\d+) (\d+)\s*\]", both):
        before, after, rest = (int(number) for number in found.groups())
        places |= {before - 1, before, before + 1, after - 2, after - 1, after, after + rest - 1, found.start() + 12}
    assert len(places) > 28
    assert [place for place in sorted(places) if holds(flipped(both, place))] == []


def holds(body: bytes) -> bool:
    """What ``check_report`` asks first, without reading the pages, which takes longer than all the rest."""
    try:
        return not any(item.problem for item in check_pdf(body))
    except IntegrityError:
        return False


def flipped(body: bytes, place: int) -> bytes:
    changed = bytearray(body)
    changed[place] ^= 0x01
    return bytes(changed)


@pytest.mark.slow
def test_a_page_that_is_changed_after_signing_is_seen(both: bytes) -> None:
    """An incremental update with nothing but an empty page content: every signed byte is still there."""
    from pyhanko.pdf_utils import generic
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    writer = IncrementalPdfFileWriter(io.BytesIO(both))
    page, _ = writer.find_page_for_modification(0)
    page.get_object()["/Contents"] = writer.add_object(generic.StreamObject(stream_data=b""))
    writer.update_container(page.get_object())
    out = io.BytesIO()
    writer.write(out)
    changed = out.getvalue()
    assert changed.startswith(both)
    found = check_report(changed)
    assert not found.ok
    assert {item.field: item.problem for item in found.signatures} == {
        "author 1": "after it, more than further signatures was added",
        "reviewer 1": "it does not cover the whole file as it was signed",
    }


@pytest.mark.slow
def test_a_swapped_attachment_is_seen_by_its_printed_digest(unsigned: bytes) -> None:
    """Whoever signs a file with another attachment makes a sound signature; the pages still say which file belongs to them."""
    with pikepdf.open(io.BytesIO(unsigned)) as pdf:
        spec = pdf.Root.AF[0]
        assert spec.UF == "measurements.json"
        spec.EF.F.write(b'{"measurements": []}')
        out = io.BytesIO()
        pdf.save(out)
    found = check_report(signed(out.getvalue(), "author 1", ADA))
    assert [item.problem for item in found.signatures] == [""]
    assert len(found.problems) == 1 and "measurements.json has the digest" in found.problems[0]


@pytest.mark.slow
@pytest.mark.parametrize("people", [0, 1, 3, 7])
def test_the_structure_holds_however_many_have_signed(kit: Any, people: int) -> None:
    from dataclasses import replace

    body = render_report(replace(inputs_of(kit), signers={"reviewer": 4, "approver": 2}))
    assert checks.structure_problems(body) == []
    names = [f"reviewer {place}" for place in range(1, 5)] + ["approver 1", "approver 2"]
    for place, field in enumerate(["author 1", *names][:people], start=10):
        body = signed(body, field, person(LONG if place == 11 else f"Person {place}", field.split()[0], place))
    assert checks.structure_problems(body) == []
    found = check_report(body)
    assert len(found.signatures) == people and found.ok == (people > 0)


@pytest.mark.slow
def test_what_is_added_after_a_signature_is_seen(both: bytes) -> None:
    assert not check_report(both + b"\n").ok
    assert not check_report(both + b"%%EOF\n").ok
