"""``raitune bundle`` and ``raitune verify`` on a real store: what is in a bundle, and that the engine decides it again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from rai_tune.bundling import bundle_run
from rai_tune.core import IntegrityError, UsageError
from rai_tune.promoting import attest_control, promote_run, roll_back, sign_run, today, waive_control
from rai_tune.promotion import verify
from rai_tune.promotion.bundle import unpack
from rai_tune.promotion.deciding_again import verify_bundle
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke

OVERSIGHT = "Two operators read every refusal on the same day and may overrule it at once."


def no_documents(workspace, run_id: str) -> dict[str, bytes]:
    return {}


def promoted(workspace, small, people, *policies, **fields):
    """A run signed by its author and a reviewer, attested, waived and promoted."""
    packs = policies or (small.trial_policy(small.bound_control(), small.attested_control()),)
    run = small.complete_run(workspace, *packs, **fields)
    sign_run(workspace, run.id, people["ada"], "author")
    sign_run(workspace, run.id, people["bo"], "reviewer")
    attest_control(workspace, run.id, people["bo"], "T-2", OVERSIGHT)
    promote_run(workspace, run.id, "production", people["cy"])
    return run


def failed(data: bytes, head: str | None = None) -> dict[str, str]:
    return {check.name: check.says for check in verify_bundle(data, head).checks if check.ok is False}


def test_a_promoted_run_in_a_bundle_holds_and_is_decided_again(workspace, small, people) -> None:
    run = promoted(workspace, small, people)
    data = bundle_run(workspace, run.id, no_documents)
    head = Ledger(workspace).head()
    report = verify_bundle(data, f"{head.size}:{head.root}")
    assert report.ok, [check for check in report.checks if check.ok is False]
    says = {check.name: check.says for check in report.checks}
    assert (
        says["decided again"]
        == "decisions/trial.json: trial is pass again; ledger entry 8 (promotion): trial is pass again"
    )
    assert says["promotions"].startswith("production on ")
    assert says["sign-offs"] == "Ada as author; Bo as reviewer"
    assert verify.verify(data).ok
    assert bundle_run(workspace, run.id, no_documents) == data


def test_only_what_concerns_the_run_is_in_it(workspace, small, people) -> None:
    run = promoted(workspace, small, people)
    other = small.complete_run(workspace, name="other", weights=b"other weights")
    sign_run(workspace, other.id, people["ada"], "author")
    contents = unpack(bundle_run(workspace, run.id, lambda *_: {"report.pdf": b"%PDF"}))
    about = {contents.json(name)["entry"]["kind"] for name in contents.names("ledger/entries/")}
    assert about == {"workspace", "key", "evidence", "signoff", "attestation", "promotion"}
    assert len(contents.names("ledger/entries/")) == Ledger(workspace).head().size - 2
    assert contents.names("documents/") == ("documents/report.pdf",)
    assert failed(bundle_run(workspace, run.id, no_documents)) == {}


def test_a_run_that_nobody_signed_gets_its_evidence_into_the_ledger(workspace, small) -> None:
    run = small.complete_run(workspace)
    data = bundle_run(workspace, run.id, no_documents)
    assert failed(data) == {}
    assert [entry.kind for entry in Ledger(workspace).entries()] == ["workspace", "evidence"]
    assert bundle_run(workspace, run.id, no_documents) == data


def test_waivers_groups_and_a_failing_control(workspace, small, people) -> None:
    from datetime import timedelta

    pack = small.trial_policy(
        small.bound_control(), small.bound_control("T-3", title="Better"), small.attested_control()
    )
    run = small.complete_run(workspace, pack, measurements=(small.accuracy(0.6, 0.5, 0.7),))
    sign_run(workspace, run.id, people["ada"], "author")
    assert (
        json.loads(unpack(bundle_run(workspace, run.id, no_documents)).files["decisions/trial.json"])["outcome"]
        == "fail"
    )
    until = today() + timedelta(days=30)
    for control in ("T-1", "T-3"):
        waive_control(workspace, run.id, people["cy"], control, "accepted for the pilot only", until)
    attest_control(workspace, run.id, people["cy"], "T-2", OVERSIGHT)
    promote_run(workspace, run.id, "staging", people["cy"])
    data = bundle_run(workspace, run.id, no_documents)
    assert failed(data) == {}
    decision = unpack(data).json("decisions/trial.json")
    assert (decision["outcome"], decision["promotable"]) == ("fail", True)


def test_a_waiver_on_a_run_that_names_its_author_by_key_alone(workspace, small, people) -> None:
    """The author of the run is known by the key that the statement names, before anybody signed."""
    from datetime import timedelta

    run = small.complete_run(
        workspace, measurements=(small.accuracy(0.6, 0.5, 0.7),), context={"author_key": people["ada"].key_id}
    )
    waive_control(workspace, run.id, people["cy"], "T-1", "accepted for the pilot only", today() + timedelta(days=9))
    data = bundle_run(workspace, run.id, no_documents)
    assert failed(data) == {}
    assert unpack(data).json("decisions/trial.json")["promotable"] is True


def test_a_key_revoked_after_the_promotion(workspace, small, people) -> None:
    run = promoted(workspace, small, people)
    ledger = Ledger(workspace)
    revoke(ledger, read_registry(ledger).named("Bo"), "laptop lost")
    data = bundle_run(workspace, run.id, no_documents)
    assert failed(data) == {}
    says = {check.name: check.says for check in verify_bundle(data).checks}
    assert "Bo as reviewer (does not count: the key was revoked)" in says["sign-offs"]
    assert unpack(data).json("decisions/trial.json")["outcome"] == "awaiting_signoff"


def test_a_rollback_is_a_promotion_like_any_other(workspace, small, people) -> None:
    first = promoted(workspace, small, people)
    promoted(workspace, small, people, name="second", weights=b"second weights")
    roll_back(workspace, "production", people["cy"])
    data = bundle_run(workspace, first.id, no_documents)
    assert failed(data) == {}
    assert next(c.says for c in verify.verify(data).checks if c.name == "promotions").count("production on") == 2


def test_the_engine_finds_a_decision_that_only_it_can_judge(workspace, small, people) -> None:
    """A condition is not evaluated by verify.py: the workspace lies that a control does not apply, and the engine sees it."""
    from rai_tune.core import canonical_json
    from rai_tune.promotion.bundle import pack
    from rai_tune.promotion.keys import workspace_key

    policy = small.trial_policy(small.bound_control(), small.bound_control("T-3", when='outcomes["T-1"] == "fail"'))
    run = small.complete_run(workspace, policy, measurements=(small.accuracy(0.6, 0.5, 0.7),))
    contents = unpack(bundle_run(workspace, run.id, no_documents))
    decision = contents.json("decisions/trial.json")
    assert decision["controls"][1]["outcome"] == "fail"
    decision["controls"][1].update(outcome="not_applicable", readings=[])
    files = {name: body for name, body in contents.files.items() if name != "manifest.json"}
    files["decisions/trial.json"] = canonical_json(decision)
    data = pack(run.id, files, Ledger(workspace).head(), workspace_key(workspace.root, create=False))
    assert verify.verify(data).ok
    assert failed(data) == {
        "decided again": "decisions/trial.json: control T-3: outcome is 'not_applicable', and the engine says 'fail'"
    }


def test_what_cannot_be_bundled(workspace, small) -> None:
    run = small.complete_run(workspace, state="auditing")
    with pytest.raises(UsageError, match="is auditing; a bundle holds the evidence of a completed run"):
        bundle_run(workspace, run.id, no_documents)
    whole = small.complete_run(workspace)
    digest = workspace.artifacts(whole.id)["predictions"].digest
    bundle_run(workspace, whole.id, no_documents)
    path = workspace.root / "artifacts" / digest[:2] / digest
    path.chmod(0o644)
    workspace.update_run(whole.id, predictions_digest="0" * 64)
    with pytest.raises(IntegrityError):
        bundle_run(workspace, whole.id, no_documents)


# The command line


@pytest.fixture
def command(monkeypatch):
    """The command line in this process: (exit code, standard output, standard error)."""
    from rai_tune.cli import main

    def run(capsys, *arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["raitune", *arguments])
        code = main._guarded()
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_bundle_and_verify_on_the_command_line(
    workspace, small, people, tmp_path: Path, command, capsys, monkeypatch
) -> None:
    import rai_tune.bundling

    monkeypatch.setattr(rai_tune.bundling.bundle_run, "__defaults__", (no_documents,))
    run = promoted(workspace, small, people)
    root = Ledger(workspace).head().root
    target = tmp_path / "evidence.zip"
    code, out, err = command(capsys, "bundle", run.id, "-o", str(target), "--workspace", str(workspace.root))
    assert (code, out) == (0, "")
    assert f"ledger head 9:{root}" in err
    code, out, _ = command(capsys, "verify", str(target), "--head", root)
    assert code == 0
    assert "every check holds" in out
    assert "ok        decided again: decisions/trial.json: trial is pass again" in out
    code, out, _ = command(capsys, "verify", str(target), "--json", "--key", "ab" * 32)
    assert code == 6
    found = json.loads(out)
    assert (found["schema"], found["ok"], found["run"]) == ("rai-tune/verification/v1", False, run.id)
    assert found["checks"][-1]["name"] == "decided again"
    data = bytearray(target.read_bytes())
    data[4000] ^= 1
    target.write_bytes(data)
    assert command(capsys, "verify", str(target))[0] == 6


def test_verify_writes_the_script_and_names_what_is_no_bundle(tmp_path: Path, command, capsys) -> None:
    script = tmp_path / "verify.py"
    assert command(capsys, "verify", "--script", str(script))[0] == 0
    assert script.read_bytes() == Path(verify.__file__).read_bytes()
    for arguments, why in (
        ((), "give a bundle to check, or --script FILE"),
        ((str(script), "--script", str(script)), "give a bundle to check, or --script FILE"),
        ((str(script),), "it does not begin as a zip file"),
        ((str(tmp_path / "none.zip"),), "cannot be read"),
        (("--script", str(tmp_path)), "give a file name"),
        (("--script", str(tmp_path / "no" / "verify.py")), "give a file name"),
    ):
        code, _, err = command(capsys, "verify", *arguments)
        assert code == 2
        assert why in err


def test_bundle_says_where_it_cannot_write(workspace, small, tmp_path: Path, command, capsys) -> None:
    run = small.complete_run(workspace)
    place = ("--workspace", str(workspace.root))
    code, _, err = command(capsys, "bundle", run.id, "-o", str(tmp_path / "no" / "x.zip"), *place)
    assert (code, "there is no folder" in err) == (2, True)
    code, _, err = command(capsys, "bundle", run.id, "-o", str(tmp_path), *place)
    assert (code, "that is a folder" in err) == (2, True)
    assert Ledger(workspace).entries() == ()
