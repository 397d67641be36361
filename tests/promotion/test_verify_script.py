"""verify.py: alone in a clean environment, on the numbers of other implementations, and on every lie that it can find."""

from __future__ import annotations

import ast
import base64
import json
import math
import os
import shutil
import struct
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rai_tune.core import canonical_json
from rai_tune.promotion import merkle, verify
from rai_tune.promotion.dsse import IN_TOTO, seal
from rai_tune.promotion.keys import key_id_of, public_pem
from rai_tune.promotion.ledger import HEAD_TYPE

SCRIPT = Path(verify.__file__)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


# Canonical JSON


@given(FINITE)
@example(5e-324)
@example(1e21)
@example(1e20)
@example(123456789012345680000.0)
@example(0.000001)
@example(1e-7)
@example(-0.0)
@example(1.7976931348623157e308)
@example(9007199254740992.0)
@settings(max_examples=500, deadline=None)
def test_numbers_are_written_as_the_reference_package_writes_them(value: float) -> None:
    assert verify.canonical(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785, appendix B
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
        (0x44B52D02C7E14AF6, "1e+23"),
        (0x444B1AE4D6E2EF4E, "999999999999999700000"),
        (0x444B1AE4D6E2EF4F, "999999999999999900000"),
        (0x444B1AE4D6E2EF50, "1e+21"),
        (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
        (0x3EB0C6F7A0B5ED8D, "0.000001"),
        (0x41B3DE4355555553, "333333333.3333332"),
        (0xBECBF647612F3696, "-0.0000033333333333333333"),
        (0x43143FF3C1CB0959, "1424953923781206.2"),
    ],
)
def test_numbers_of_the_rfc(bits: int, text: str) -> None:
    value = struct.unpack(">d", bits.to_bytes(8, "big"))[0]
    assert verify.canonical(value).decode() == text


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_values_are_written_as_the_reference_package_writes_them_and_read_back(value: object) -> None:
    data = rfc8785.dumps(value)
    assert verify.canonical(value) == data
    assert verify.canonical(verify.parse(data, "it")) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a": 1}',
        b'{"b":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e2}',
        b'{"a":-0}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":1}\n',
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\\ud800"}',
        b'{"a":9007199254740993}',
        b'"\xff"',
        b"[" * 100_000 + b"]" * 100_000,
        b"1" * 400,
        b"",
    ],
)
def test_json_of_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(verify.Refused, match="it is not"):
        verify.parse(data, "it")


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {1: 2}, {"a": {1}}, "\ud800"])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        verify.canonical(value)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 33])
def test_its_tree_is_the_tree_of_the_ledger(size: int) -> None:
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(size)]
    assert list(verify.roots(leaves)) == [merkle.root(leaves[:first]) for first in range(size + 1)]


# One file, in a clean environment


def test_it_is_python_39_and_imports_only_the_standard_library_and_cryptography() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 9))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(str(node.module).split(".")[0])
    assert found - set(sys.stdlib_module_names) == {"cryptography"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, story) -> Path:
    """A folder with a copy of verify.py, a bundle, and a library folder that holds cryptography and what it needs."""
    import cffi
    import cryptography

    folder = tmp_path_factory.mktemp("alone")
    (folder / "lib").mkdir()
    site = Path(cryptography.__file__).parent.parent
    for path in (site / "cryptography", Path(cffi.__file__).parent, *site.glob("_cffi_backend*")):
        (folder / "lib" / path.name).symlink_to(path)
    shutil.copyfile(SCRIPT, folder / "verify.py")
    (folder / "evidence.zip").write_bytes(story.promoted().bundle())
    return folder


def run_alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the copy without site packages, without the user's settings, in a folder of its own."""
    environment = {"PYTHONPATH": str(folder / "lib"), "PATH": os.environ.get("PATH", ""), "PYTHONUTF8": "1"}
    return subprocess.run(
        [sys.executable, "-S", "-W", "error", "verify.py", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_runs_alone_and_says_what_it_does_not_show(alone: Path, story) -> None:
    root = story.promoted().chain.root()
    done = run_alone(alone, "evidence.zip", "--head", f"10:{root}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "evidence.zip: every check holds." in done.stdout
    assert "the ledger had this root at 10 entries" in done.stdout
    assert "That two keys are two people" in done.stdout
    without = run_alone(alone, "evidence.zip")
    assert without.returncode == 0
    assert "not done  outside head" in without.stdout
    assert "a whole new bundle by a new workspace key would pass" in without.stdout
    assert "a whole new bundle" not in done.stdout


def test_rai_tune_is_not_there_where_it_runs(alone: Path) -> None:
    environment = {"PYTHONPATH": str(alone / "lib")}
    code = "import verify, sys; print(sorted(m for m in sys.modules if m.startswith(('rai_', 'rfc', 'securesys'))))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}; import rai_tune"],
        cwd=alone,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "[]"
    assert "No module named 'rai_tune'" in done.stderr


def test_json_and_exit_codes(alone: Path) -> None:
    good = run_alone(alone, "evidence.zip", "--json")
    found = json.loads(good.stdout)
    assert (good.returncode, found["ok"], found["schema"]) == (0, True, "rai-tune/verification/v1")
    assert [check["name"] for check in found["checks"]] == [name for name, _ in verify.CHECKS]
    assert {check["ok"] for check in found["checks"]} == {True, None}
    data = bytearray((alone / "evidence.zip").read_bytes())
    data[5000] ^= 1
    (alone / "changed.zip").write_bytes(data)
    bad = run_alone(alone, "changed.zip", "--json")
    assert bad.returncode == 6
    assert json.loads(bad.stdout)["checks"][0]["ok"] is False
    assert "17 of 17 checks" not in bad.stdout
    text = run_alone(alone, "changed.zip")
    assert text.returncode == 6
    assert "FAILED    archive: its bytes are not those that its files give" in text.stdout


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("missing.zip",), "it cannot be read: No such file"),
        (("verify.py",), "it does not begin as a zip file"),
        (("evidence.zip", "--head", "abc"), "--head 'abc' is neither 64 hex digits nor SIZE:HEX"),
        (("evidence.zip", "--head", "0:" + "0" * 64), "is neither 64 hex digits nor SIZE:HEX"),
        (("evidence.zip", "--key", "abc"), "--key 'abc' is not a key id"),
        ((), "required: bundle"),
    ],
)
def test_what_cannot_be_checked_exits_2(alone: Path, arguments: tuple[str, ...], why: str) -> None:
    done = run_alone(alone, *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


# What it finds


def failed(data: bytes, head: str | None = None, key: str | None = None) -> dict[str, str]:
    return {check.name: check.says for check in verify.verify(data, head, key).checks if check.ok is False}


def found(data: bytes, name: str) -> str:
    """The sentence of the first check that does not hold, which must be the named one."""
    problems = failed(data)
    assert next(iter(problems), None) == name, problems
    return problems[name]


def test_a_sound_bundle_holds_with_head_and_key(story) -> None:
    told = story.promoted()
    key = key_id_of(told.chain.own.public_key())
    data = told.bundle()
    for head in (None, told.chain.root(), f"10:{told.chain.root()}", told.chain.root(4), f"4:{told.chain.root(4)}"):
        assert failed(data, head, key) == {}
    assert verify.verify(data).root == told.chain.root()


def test_a_ledger_that_grew_still_holds_an_old_head_and_no_other(story) -> None:
    told = story.promoted()
    old, head = told.chain.root(), "11:" + told.chain.root()
    told.sign("Rosa", "reviewer")
    assert failed(told.bundle(), old) == {}
    assert "at 11 entries it does not have the root" in failed(told.bundle(), head)["outside head"]
    assert "at no size does it have the root" in failed(told.bundle(), "00" * 32)["outside head"]
    assert "at 12 entries" in failed(told.bundle(), "12:" + told.chain.root())["outside head"]


def test_another_key_than_the_one_given(story) -> None:
    assert "not the one given with --key" in failed(story.promoted().bundle(), key="ab" * 32)["workspace key"]


def test_the_order_of_checks_and_those_not_possible(story) -> None:
    told = story.promoted()
    files = told.files()
    files["ledger/leaves.txt"] = files["ledger/leaves.txt"][:-65]
    problems = failed(told.bundle(files))
    assert problems["ledger root"].startswith("ledger/leaves.txt does not hold the hashes")
    assert problems["promotions"] == "not possible while 'ledger root' does not hold"


def without(decision: dict, *controls: str) -> dict:
    """The decision when a waiver and an attestation no longer count, as the gate would take it."""
    for item in decision["controls"]:
        if item["id"] in controls:
            outcome = "fail" if item["outcome"] == "fail" else "awaiting_signoff"
            item.update(outcome=outcome, waived_until=None, waived_by=None, attested_by=None)
    return {**decision, "outcome": "fail", "promotable": False}


def edited(story, told, **changes) -> bytes:
    """The bundle with a decision that says something else, sealed by a workspace that lies."""
    return told.bundle(told.files({**told.decision().to_json(), **changes}))


def with_control(story, told, control: str, **changes) -> bytes:
    body = told.decision().to_json()
    for item in body["controls"]:
        if item["id"] == control:
            item.update(changes)
    order = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")
    outcomes = {item["outcome"] for item in body["controls"] if item["severity"] == "block"}
    body["outcome"] = next(word for word in order if word in outcomes)
    return told.bundle(told.files(body))


def test_decisions_that_do_not_follow_from_their_controls(story) -> None:
    told = story.promoted()
    assert "it says pass, and its controls give fail" in found(edited(story, told, outcome="pass"), "decisions")
    assert "do not give promotable False" in found(edited(story, told, promotable=False), "decisions")
    assert "whether it is a re-decision" in found(edited(story, told, redecision=True), "decisions")
    assert "model_digest is not that of its pack, run or evidence" in found(
        edited(story, told, model_digest="0" * 64), "decisions"
    )
    assert "run_id is not that of its pack, run or evidence" in found(
        edited(story, told, run_id="x-00000000"), "decisions"
    )
    fewer = told.decision().to_json()["controls"][1:]
    assert "its controls are not those of the pack" in found(edited(story, told, controls=fewer), "decisions")
    assert "under is not in the bundle" in found(edited(story, told, policy_digest="0" * 64), "decisions")
    early = edited(story, told, as_of="2026-11-25")
    assert "the waiver until 2027-01-31 by Ben does not count or is not here" in found(early, "decisions")
    files = told.files()
    del files["decisions/example.json"]
    assert "is not in the bundle, and the run froze that pack" in found(told.bundle(files), "decisions")
    late = edited(story, told, as_of="2027-02-01")
    assert "its waiver ended on 2027-01-31, before the day of the decision" in found(late, "decisions")


def test_controls_that_say_other_than_pack_evidence_and_signatures(story) -> None:
    told = story.promoted()
    lie = with_control(story, told, "EX-02", outcome="pass", waived_until=None, waived_by=None)
    assert "EX-02: it passes, and not all of its readings do" in found(lie, "decisions")
    lie = with_control(story, told, "EX-02", severity="info")
    assert "EX-02: its severity is not the pack's" in found(lie, "decisions")
    lie = with_control(story, told, "EX-02", threshold={"value": 0.6, **story.ORGANISATION})
    assert "EX-02: its threshold is not the pack's" in found(lie, "decisions")
    for name in ("title", "asks", "reference", "verified_on", "condition", "kind"):
        lie = with_control(story, told, "EX-02", **{name: "something else"})
        assert f"EX-02: its {name.replace('_', ' ')} is not the pack's" in found(lie, "decisions")
    lie = with_control(story, told, "EX-02", attested_by="Ben")
    assert "it names a statement of 'Ben' that does not count" in found(lie, "decisions")
    lie = with_control(story, told, "EX-03", attested_by="Rosa")
    assert "EX-03: it passes by a statement of 'Rosa'" in found(lie, "decisions")
    lie = with_control(story, told, "EX-02", waived_by="Rosa")
    assert "the waiver until 2027-01-31 by Rosa does not count or is not here" in found(lie, "decisions")
    lie = with_control(story, told, "EX-02", waived_until="2027-03-31")
    assert "the waiver until 2027-03-31 by Ben does not count" in found(lie, "decisions")
    lie = with_control(story, told, "EX-02", outcome="not_applicable")
    assert "EX-02: it does not apply, and nothing in the pack" in found(lie, "decisions")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"estimate": 0.97}, "it reads numbers of 'accuracy' that the evidence does not hold"),
        ({"n": 20_000}, "it reads numbers of 'accuracy' that the evidence does not hold"),
        ({"bound": 0.96}, "it reads a bound of 'accuracy' that the evidence does not hold"),
        ({"outcome": "pass", "bound": 0.8601}, "whose lower bound is on the wrong side of the threshold"),
        ({"outcome": "pass", "bound": 0.9294}, "whose lower bound is on the wrong side of the threshold"),
    ],
)
def test_readings_are_those_of_the_statement(story, changes: dict, why: str) -> None:
    told = story.promoted()
    reading = {**told.decision().to_json()["controls"][1]["readings"][0], **changes}
    assert why in found(with_control(story, told, "EX-02", readings=[reading]), "decisions")


def test_a_pack_that_was_edited_is_not_the_frozen_one(story) -> None:
    told = story.promoted()
    files = told.files()
    softer = story.pack_of(quorum=None, summary="A softer pack.")
    files["policies/example.json"] = canonical_json(softer.model_dump(mode="json", exclude_none=True))
    assert "is not the pack that was frozen when the run began" in found(told.bundle(files), "policies")
    files = told.files()
    files["policies/other.json"] = files["policies/example.json"]
    assert "policies/other.json holds the pack 'example'" in found(told.bundle(files), "policies")


# Promotions


def test_an_author_never_promotes_their_own_run(story) -> None:
    told = story.Story()
    told.chain.register("Zoe", ["author", "approver"])
    told.sign("Zoe", "author")
    told.promote(person="Zoe")
    assert "Zoe is an author of the run, and an author never approves it" in found(told.bundle(), "promotions")


def test_a_second_key_and_capital_letters_make_no_other_person(story) -> None:
    told = story.Story()
    second = story.key("second key of Ann")
    told.chain.register("ANN", ["approver"], second)
    body = {"alias": "production", "run": story.RUN, "person": "ANN"}
    seq = len(told.chain.entries)
    told.promote()
    real = told.chain.entries.pop()
    body = {**real.predicate, **body, "sequence": seq, "at": real.at}
    body.pop("schema")
    told.chain.add("promotion", [*story.FILES, *story.BASE], body, second, story.RUN)
    assert "ANN is an author of the run" in found(told.bundle(), "promotions")


@pytest.mark.parametrize(
    ("person", "changes", "why"),
    [
        ("Rosa", {}, "Rosa does not hold the role approver"),
        ("Ben", {"sequence": 8}, "signed for another place in the ledger"),
        ("Ben", {"previous": "0" * 64}, "signed for another place in the ledger"),
        ("Ben", {"model_digest": "0" * 64}, "serves another model than the one measured"),
        ("Ben", {"statement": "0" * 64}, "the evidence statement 0000000000000000 is not in the bundle"),
        ("Ben", {"decisions": []}, "rests on no decision under"),
        ("Ben", {"signoffs": []}, "no author signed the evidence that it rests on"),
        ("Ben", {"signoffs": [5, 6, 7]}, "rests on the signoff at ledger entry 7"),
        ("Ben", {"waivers": [3]}, "rests on the waiver at ledger entry 3"),
        ("Ben", {"attestations": [99]}, "rests on the attestation at ledger entry 99"),
        ("Ben", {"served": [("model/adapter.safetensors", "0" * 64)]}, "serves other files"),
        ("Ben", {"served": []}, "serves other files"),
    ],
)
def test_promotions_that_the_door_would_not_have_made(story, person: str, changes: dict, why: str) -> None:
    told = story.Story()
    told.promote(person, **changes)
    assert why in found(told.bundle(), "promotions")


def test_a_merged_model_may_be_served_without_its_base(story) -> None:
    told = story.Story()
    told.promote(served=story.FILES)
    assert failed(told.bundle()) == {}


def test_a_quorum_of_three_is_not_two(story) -> None:
    told = story.promoted(story.pack_of(quorum=3))
    assert "2 people besides the author stand for it, and 3 must" in found(told.bundle(), "promotions")
    assert failed(story.promoted(story.pack_of(quorum=2)).bundle()) == {}


def test_a_replayed_promotion_is_found(story) -> None:
    told = story.promoted()
    first = told.chain.entries[-1]
    told.chain.place("promotion", first.envelope, story.RUN, story.time(30))
    assert "it is a copy, or the ledger was changed" in found(told.bundle(), "promotions")


def test_a_promotion_on_decisions_that_do_not_let_it(story) -> None:
    told = story.Story()
    decision = told.decision(day="2027-02-01")
    assert not decision.promotable  # the waiver has ended
    told.promote(decisions=[decision.with_digest()])
    assert "it does not let the model be promoted" in found(told.bundle(), "promotions")
    told = story.Story()
    told.promote(decisions=[told.decision(day="2026-11-27").with_digest()])
    assert "made as of 2026-11-27, and the promotion on 2026-11-26" in found(told.bundle(), "promotions")
    told = story.Story()
    told.promote(decisions=[{**told.decision().with_digest(), "digest": "0" * 64}])
    assert "its digest is not that of what it says" in found(told.bundle(), "promotions")


def test_what_a_revoked_key_signed_does_not_count_and_what_was_promoted_before_stays(story) -> None:
    told = story.promoted()
    told.chain.revoke("Ben")
    decision = told.decision().to_json()
    assert "does not count" in found(told.bundle(told.files(decision)), "decisions")
    assert failed(told.bundle(told.files(without(decision, "EX-02", "EX-03")))) == {}
    before = story.Story()
    before.chain.revoke("Rosa")
    before.promote()
    problems = failed(before.bundle())
    assert "Rosa" not in problems.get("sign-offs", "")
    assert "EX-04" in problems["decisions"]


def test_a_revocation_cannot_be_left_out(story) -> None:
    told = story.promoted()
    told.chain.revoke("Rosa")
    files = told.files()
    files.pop("ledger/entries/10.json")
    assert "entry 10 of the ledger (revocation) was left out" in found(told.bundle(files), "ledger entries")


# The ledger and its signatures


def test_signatures_by_keys_that_were_not_registered_for_the_person(story) -> None:
    told = story.Story()
    body = {**told.about("EX-02", "Rosa"), "reason": "accepted for the pilot", "until": "2027-01-31"}
    told.chain.add("waiver", [("model", story.MODEL_DIGEST)], body, story.key("nobody"), story.RUN)
    assert "was not registered for Rosa before it" in found(told.bundle(), "signatures")
    told = story.Story()
    told.chain.add("waiver", [("model", story.MODEL_DIGEST)], body, story.key("Ben"), story.RUN)
    assert "was not registered for Rosa before it" in found(told.bundle(), "signatures")
    told = story.Story()
    told.chain.revoke("Rosa")
    told.sign("Rosa", "reviewer")
    assert "the key of Rosa was revoked before it" in found(told.bundle(), "signatures")


def test_a_person_who_registers_after_signing(story) -> None:
    told = story.Story()
    told.sign("Late", "reviewer")
    told.chain.register("Late", ["reviewer"])
    assert "was not registered for Late before it" in found(told.bundle(), "signatures")


def test_a_key_registered_by_somebody_else_than_the_workspace(story) -> None:
    told = story.Story()
    public = story.key("Eve").public_key()
    body = {"person": "Eve", "roles": ["approver"], "public": public_pem(public), "vouched": False}
    told.chain.add("key", [("key/Eve", key_id_of(public))], body, story.key("Eve"))
    assert "is signed by key" in found(told.bundle(), "signatures")


def test_one_key_for_two_people_and_a_key_of_another_type(story) -> None:
    told = story.Story()
    told.chain.register("Eve", ["approver"], story.key("Ann"))
    assert "gives Eve the key of Ann" in found(told.bundle(), "signatures")
    told = story.Story()
    other = rsa.generate_private_key(65537, 2048).public_key()
    pem = other.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo).decode()
    told.chain.add(
        "key", [("key/Eve", "0" * 64)], {"person": "Eve", "roles": ["approver"], "public": pem, "vouched": False}
    )
    assert "holds a key of another type; only Ed25519 keys sign here" in found(told.bundle(), "signatures")


def test_a_person_whom_the_workspace_vouches_for(story) -> None:
    told = story.Story()
    public = told.chain.own.public_key()
    body = {"person": "Sue", "roles": ["reviewer"], "public": public_pem(public), "vouched": True}
    told.chain.add("key", [("key/Sue", key_id_of(public))], body)
    signed = {**told.chain.entries[5].predicate, "role": "reviewer", "person": "Sue"}
    del signed["schema"], signed["at"]
    told.chain.add("signoff", [("evidence", told.said)], signed, told.chain.own, story.RUN)
    told.promote()
    assert failed(told.bundle()) == {}
    signed["person"] = "Tom"
    told.chain.add("signoff", [("evidence", told.said)], signed, told.chain.own, story.RUN)
    assert "was not registered for Tom before it" in found(told.bundle(), "signatures")


def test_time_that_runs_backwards(story) -> None:
    told = story.Story()
    told.chain.register("Late", ["reviewer"])
    last = told.chain.entries.pop()
    told.chain.place("key", last.envelope, None, story.time(2))
    assert "ledger entry 9 was made at '2026-11-26T09:02:00.000000Z'" in found(told.bundle(), "ledger order")


@pytest.mark.parametrize(
    ("seq", "changes", "check", "why"),
    [
        (1, {"roles": []}, "signatures", "the roles of Ann are not of author, reviewer, approver"),
        (1, {"roles": ["owner"]}, "signatures", "the roles of Ann are not of author, reviewer, approver"),
        (1, {"vouched": True}, "signatures", "a person has a key of their own, or the workspace vouches"),
        (1, {"vouched": "no"}, "signatures", "a person has a key of their own, or the workspace vouches"),
        (1, {"at": "2026-11-26T09:03:00.000000Z"}, "ledger entries", "was signed at '2026-11-26T09:03:00.000000Z'"),
        (1, {"at": "yesterday"}, "ledger entries", "was signed at 'yesterday'"),
        (1, {"person": "Eve"}, "ledger entries", "has another subject than 'key/Eve'"),
        (5, {"run": "other-00000000"}, "ledger entries", "is about another run, 'other-00000000'"),
        (5, {"outcomes": {}}, "sign-offs", "names other policies than those that froze with the run"),
        (5, {"policies": {"example": "0" * 64}}, "sign-offs", "names other policies than those that froze"),
        (5, {"outcomes": {"example": "fine"}}, "sign-offs", "names an outcome or a role that there is not"),
        (5, {"role": "king"}, "sign-offs", "names an outcome or a role that there is not"),
        (5, {"model_digest": "0" * 64}, "sign-offs", "names another model than the evidence that it signs"),
        (8, {"reason": " "}, "ledger entries", "reason is empty"),
        (7, {"text": ""}, "ledger entries", "text is empty"),
        (5, {"comment": 5}, "sign-offs", "comment is not there or is not text"),
        (8, {"until": "soon"}, "attestations and waivers", "'soon' is not a day"),
        (9, {"alias": "somewhere"}, "ledger entries", "promotes to 'somewhere', not to staging or production"),
    ],
)
def test_signed_fields_that_nobody_could_have_meant(story, seq: int, changes: dict, check: str, why: str) -> None:
    """The right keys signed them, so only what they say can tell."""
    told = story.promoted()
    decision, later = told.decision().to_json(), told.chain.entries[seq:]
    del told.chain.entries[seq:]
    for entry in later:
        body = entry.statement
        if entry.seq == seq:
            body["predicate"].update(changes)
        if entry.kind == "promotion":
            body["predicate"]["previous"] = told.chain.root()
        signer = told.chain.own if entry.kind in verify.BY_WORKSPACE else story.key(entry.predicate["person"])
        told.chain.place(entry.kind, seal(body, IN_TOTO, signer), entry.run_id, entry.at)
    assert why in found(told.bundle(told.files(decision)), check)


def test_a_decision_older_than_the_ledger_beside_it(story) -> None:
    """A waiver that has ended cannot be kept alive by a decision of an earlier day."""
    told = story.promoted()
    decision = told.decision().to_json()
    told.chain.place("signoff", told.sign("Rosa", "reviewer").envelope, story.RUN, "2027-02-03T09:00:00.000000Z")
    found_now = found(told.bundle(told.files(decision)), "decisions")
    assert found_now == "decisions/example.json is as of 2026-11-26, older than the ledger beside it (2027-02-03)"


def test_a_second_workspace_key(story) -> None:
    told = story.Story()
    public = told.chain.own.public_key()
    told.chain.add("workspace", [("workspace", key_id_of(public))], {"public": public_pem(public)})
    assert "only the first entry names the workspace's key" in found(told.bundle(), "signatures")


def test_evidence_that_does_not_fit_itself(story) -> None:
    told = story.Story()
    body = json.loads(json.dumps(told.statement))
    body["subject"][0]["digest"]["sha256"] = "0" * 64
    told.chain.place("evidence", seal(body, IN_TOTO, told.chain.own), story.RUN, story.time(20))
    assert "the model's files do not give the model digest" in found(told.bundle(), "evidence")
    body = json.loads(json.dumps(told.statement))
    body["predicate"]["reaudited"] = ["task_quality"]
    told = story.Story()
    told.chain.place("evidence", seal(body, IN_TOTO, told.chain.own), story.RUN, story.time(20))
    assert "statement.json is not the newest evidence of the run" in found(told.bundle(), "evidence")


def test_an_attestation_of_another_model_or_another_control(story) -> None:
    told = story.Story()
    body = {**told.about("EX-03", "Ben"), "text": "Two people look.", "model_digest": "0" * 64}
    told.chain.add("attestation", [("model", "0" * 64)], body, story.key("Ben"), story.RUN)
    assert "is about another model than this run's" in found(told.bundle(), "attestations and waivers")
    told = story.Story()
    told.attest("Ben", "EX-99", "Two people look.")
    assert "is about a control that its pack does not have" in found(told.bundle(), "attestations and waivers")


def test_a_head_signed_by_another_key_and_one_from_the_past(story) -> None:
    told = story.promoted()
    files = told.files()
    other = story.promoted(own=story.key("another workspace"))
    files["ledger/head.json"] = other.chain.head().envelope.encode()
    assert "ledger/head.json is signed by key" in found(told.bundle(files), "ledger root")
    files["ledger/head.json"] = story.Story().chain.head().envelope.encode()
    assert "are not those that its head was signed over" in found(told.bundle(files), "ledger root")
    head = json.loads(base64.b64decode(json.loads(told.chain.head().envelope)["payload"]))
    early = seal({**head, "at": story.time(0)}, HEAD_TYPE, told.chain.own)
    files["ledger/head.json"] = early.encode()
    assert "older than its last entry" in found(told.bundle(files), "ledger order")


def test_files_added_changed_or_taken_after_the_manifest_was_signed(story) -> None:
    told = story.promoted()
    sealed = verify.read_zip(told.bundle())
    more = {**sealed, "documents/more.txt": b"1"}
    assert found(verify.write_zip(more), "manifest") == "documents/more.txt was added after the manifest was signed"
    other = {**sealed, "documents/README.txt": b"1"}
    assert (
        found(verify.write_zip(other), "manifest") == "documents/README.txt was changed after the manifest was signed"
    )
    del other["documents/README.txt"]
    assert "is not in the bundle after the manifest was signed" in found(verify.write_zip(other), "manifest")
    odd = {**sealed, "notes/x.txt": b"1"}
    assert found(verify.write_zip(odd), "archive") == "notes/x.txt has no place in a bundle"


def test_a_bundle_from_a_newer_format_is_named(story) -> None:
    told = story.promoted()
    manifest = {"schema": "rai-tune/bundle/v2", "run": story.RUN}
    newer = {**told.files(), "manifest.json": seal(manifest, verify.BUNDLE_TYPE, told.chain.own).encode()}
    with pytest.raises(verify.NotABundle, match=r"its schema is 'rai-tune/bundle/v2'.* a newer rai-tune wrote it"):
        verify.verify(verify.write_zip(newer))


def test_text_of_a_bundle_cannot_act_on_a_terminal(story) -> None:
    told = story.Story()
    told.chain.register("Eve\x1b[2J\u202e", ["reviewer"], story.key("Eve"))
    shown = verify.as_text(verify.verify(told.bundle()), "x.zip")
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_just_after_midnight_the_decision_may_be_of_the_day_before() -> None:
    assert verify._days_of("2026-11-27T00:00:03.000000Z") == ("2026-11-27", "2026-11-26")
    assert verify._days_of("2026-11-27T00:11:00.000000Z") == ("2026-11-27", "2026-11-27")


def test_the_engine_agrees_with_its_reading_of_decisions(story) -> None:
    """The two implementations of the overall outcome and of promotable say the same about the story's decision."""
    decision = story.promoted().decision()
    controls = [control.to_json() for control in decision.controls]
    assert verify.overall(controls) == decision.outcome
    assert verify.promotable(controls) == decision.promotable
    assert date.fromisoformat(str(decision.as_of)) == date(2026, 11, 26)


CONTROLS = st.lists(
    st.tuples(
        st.sampled_from(["block", "warn", "info"]),
        st.sampled_from(["pass", "fail", "insufficient_evidence", "not_applicable", "awaiting_signoff"]),
        st.booleans(),
    ),
    max_size=5,
)


@given(CONTROLS)
@settings(max_examples=300, deadline=None)
def test_overall_and_promotable_are_those_of_the_engine(drawn: list[tuple[str, str, bool]]) -> None:
    """The script has its own few lines for both; they say what the gate says for any controls."""
    from rai_tune.gate import evaluate as engine_module
    from rai_tune.gate.decision import ControlOutcome

    engine = sys.modules[engine_module.__module__]
    fields = {"reference": "1", "title": "t", "asks": "a", "mode": "automated", "reason": "r"}
    controls = tuple(
        ControlOutcome(
            id=f"C-{number}",
            severity=severity,
            outcome=outcome,
            waived_until="2027-01-31" if waived and outcome not in {"pass", "not_applicable"} else None,
            **fields,
        )
        for number, (severity, outcome, waived) in enumerate(drawn)
    )
    plain = [control.to_json() for control in controls]
    assert verify.overall(plain) == engine.overall(controls)
    assert verify.promotable(plain) == engine._promotable(controls)


def test_a_terminal_without_the_letters_of_a_name_still_gets_the_answer(alone: Path, story) -> None:
    told = story.Story()
    told.chain.register("Zo\u00eb \u0141", ["reviewer"], story.key("Zoe"))
    (alone / "named.zip").write_bytes(told.bundle())
    done = subprocess.run(
        [sys.executable, "-S", "verify.py", "named.zip"],
        cwd=alone,
        env={"PYTHONPATH": str(alone / "lib"), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Zo\\xeb \\u0141" in done.stdout


def test_a_json_file_that_would_fill_the_memory_is_refused_unread(monkeypatch):
    from rai_tune.promotion import verify

    monkeypatch.setattr(verify, "MAX_JSON", 10)
    with pytest.raises(verify.Refused, match="a JSON file here has at most 10"):
        verify.parse(b"[1,2,3,4,5,6]", "manifest.json")
    assert verify.parse(b"[1,2,3]", "manifest.json") == [1, 2, 3]
