"""People sign the report of a stored run, one after the other, while the ledger and the evidence go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import pdf_checks as checks
import small_run as small
from rai_tune.core import ConflictError, RaiError, UsageError
from rai_tune.promoting import sign_run
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.pdf_checking import check_pdf
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.reported_run import reported
from rai_tune.reporting import render_report
from rai_tune.signed_report import check_report, check_text, refuse_signed, sign_report
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def run(store: Workspace) -> str:
    return str(small.complete_run(store, recipe=small.whole_recipe("small", "trial")).id)


@pytest.fixture
def people(store: Workspace) -> dict[str, Any]:
    named = {"ada": ("Ada Quine", "author"), "bo": ("Bo Lind", "approver"), "cy": ("Cy Fox", "reviewer")}
    return {short: small.person(store, name, role) for short, (name, role) in named.items()}


def problems(body: bytes, store: Workspace) -> dict[str, str]:
    return {item.field: item.problem for item in check_report(body, Ledger(store)).signatures}


def test_two_people_sign_and_the_first_signature_stays_what_it_was(store: Any, run: str, people: Any) -> None:
    plain = render_report(reported(store, run))
    first = sign_report(store, run, people["ada"], None)
    assert first.startswith(plain)
    # An unsigned file of another report is no signature to keep: the report is made anew.
    assert sign_report(store, run, people["ada"], b"something else").startswith(plain)
    both = sign_report(store, run, people["bo"], first)
    assert both.startswith(first)
    assert problems(both, store) == {"author 1": "", "approver 1": ""}
    one, other = check_pdf(both)
    assert check_pdf(first) == (one,) and other.person == "Bo Lind"
    for body in (plain, first, both):
        assert checks.structure_problems(body) == []
    found = check_report(both, Ledger(store))
    assert found.ok and set(found.names.values()) == {"Ada Quine", "Bo Lind"}
    assert "ledger of this workspace" in check_text(found, "report.pdf")


def test_nobody_signs_twice_or_in_a_place_that_is_not_theirs(store: Any, run: str, people: Any) -> None:
    first = sign_report(store, run, people["ada"], None)
    with pytest.raises(UsageError, match="Ada Quine signed this file already"):
        sign_report(store, run, people["ada"], first)
    with pytest.raises(UsageError, match="no free field for Cy Fox"):
        sign_report(store, run, people["cy"], first)
    full = sign_report(store, run, people["bo"], first)
    second_approver = small.person(store, "Dee Moss", "approver")
    with pytest.raises(UsageError, match="no free field for Dee Moss"):
        sign_report(store, run, second_approver, full)
    with pytest.raises(UsageError, match="is not registered in this workspace"):
        sign_report(store, run, stranger("Ada Quine"), None)
    with pytest.raises(ConflictError, match="holds signatures"):
        refuse_signed(first)


def test_one_person_with_two_keys_does_not_fill_two_fields(store: Any, run: str, people: Any) -> None:
    first = sign_report(store, run, people["ada"], None)
    again = small.person(store, "ada  QUINE", "approver")
    with pytest.raises(UsageError, match="signed this file already"):
        sign_report(store, run, again, first)


def test_an_author_of_the_ledger_stands_in_the_author_s_field_alone(store: Any, run: str, people: Any) -> None:
    both_roles = small.person(store, "Eve Hart", "author", "approver")
    sign_run(store, run, both_roles, "author")
    signed = sign_report(store, run, both_roles, None)
    assert [item.field for item in check_pdf(signed)] == ["author 1"]
    with pytest.raises(UsageError, match="no free field for Ada Quine"):
        sign_report(store, run, people["ada"], signed)


def test_entries_about_other_runs_are_no_reason_to_refuse_a_second_signer(store: Any, run: str, people: Any) -> None:
    first = sign_report(store, run, people["ada"], None)
    other = small.complete_run(store, recipe=small.whole_recipe("other", "trial"), name="other")
    sign_run(store, other.id, people["ada"], "author")
    small.person(store, "Dee Moss", "reviewer")
    both = sign_report(store, run, people["bo"], first)
    assert both.startswith(first) and check_report(both, Ledger(store)).ok
    assert sign_report(store, run, people["bo"], None)[: len(first)] != first  # a new report prints the new head


def test_what_people_said_about_this_run_since_is_a_reason(store: Any, run: str, people: Any) -> None:
    first = sign_report(store, run, people["ada"], None)
    sign_run(store, run, people["ada"], "author")
    with pytest.raises(ConflictError, match=r"not the report of the evidence as it stands: .*page") as caught:
        sign_report(store, run, people["bo"], first)
    assert caught.value.exit_code == 7


def test_other_evidence_is_a_reason_and_named(store: Any, run: str, people: Any) -> None:
    first = sign_report(store, run, people["ada"], None)
    changed = small.audit_result(
        store.run(run).predictions_digest, store.run(run).model_digest, small.accuracy(0.7, 0.65, 0.75)
    )
    small.attach(store, run, "audit:task_quality", changed.to_json())
    with pytest.raises(ConflictError, match=r"measurements\.json is another file"):
        sign_report(store, run, people["bo"], first)


def test_the_report_of_another_run_or_workspace_takes_no_signature(
    store: Any, run: str, people: Any, tmp_path: Path
) -> None:
    other = small.complete_run(store, recipe=small.whole_recipe("other", "trial"), name="other")
    foreign = sign_report(store, other.id, people["ada"], None)
    with pytest.raises(ConflictError, match="not the report of the evidence"):
        sign_report(store, run, people["bo"], foreign)
    with Workspace.open(tmp_path / "elsewhere") as elsewhere:
        there = small.complete_run(elsewhere, recipe=small.whole_recipe("small", "trial")).id
        theirs = sign_report(elsewhere, there, small.person(elsewhere, "Ada Quine", "author"), None)
    with pytest.raises(ConflictError, match="not the report of the evidence"):
        sign_report(store, run, people["bo"], theirs)


@pytest.mark.parametrize("cut", [100, 500])
def test_a_damaged_file_takes_no_signature_and_is_not_written_over(store: Any, run: str, people: Any, cut: int) -> None:
    first = sign_report(store, run, people["ada"], None)
    with pytest.raises(RaiError) as caught:
        sign_report(store, run, people["bo"], first[:-cut])
    assert caught.value.exit_code in {6, 7}
    with pytest.raises(ConflictError, match="holds signatures"):
        refuse_signed(first[:-cut])


def stranger(name: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from rai_tune.promotion.keys import Signer, key_id_of

    private = Ed25519PrivateKey.generate()
    return Signer(name, frozenset({"author"}), key_id_of(private.public_key()), private)  # type: ignore[arg-type]


def forged(store: Any, run: str) -> bytes:
    """The report with a signature of another key that calls itself Ada Quine."""
    from datetime import UTC, datetime

    from rai_tune.promotion.pdf_signing import sign_pdf
    from rai_tune.reporting.pdf.appearing import signature_page

    other, at = stranger("Ada Quine"), datetime(2026, 11, 26, 12, tzinfo=UTC)
    page = signature_page(other.person, "author", other.key_id, at)
    return sign_pdf(render_report(reported(store, run)), "author 1", other, "2026-11-25T10:00:00Z", at, page)


def test_a_key_of_the_same_name_is_not_that_person(store: Any, run: str, people: Any) -> None:
    body = forged(store, run)
    assert check_report(body).ok  # the certificate's own word, and the check says so
    assert "No workspace was asked" in check_text(check_report(body), "report.pdf")
    assert problems(body, store) == {"author 1": "its key is not registered in the ledger of this workspace"}
    with pytest.raises(ConflictError, match="is not registered in the ledger"):
        sign_report(store, run, people["bo"], body)


def test_a_revoked_key_no_longer_holds(store: Any, run: str, people: Any) -> None:
    first = sign_report(store, run, people["ada"], None)
    ledger = Ledger(store)
    key = read_registry(ledger).find(people["ada"].key_id)
    assert key is not None
    entry = revoke(ledger, key, "lost on a train")
    said = problems(first, store)["author 1"]
    assert f"revoked (ledger entry {entry.seq}: lost on a train)" in said and "made before" in said
    assert check_report(first).ok  # without the ledger nobody can know
    with pytest.raises(ConflictError, match="was revoked"):
        sign_report(store, run, people["bo"], first)
