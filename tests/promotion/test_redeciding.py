"""Which stored runs another pack would decide differently: the short way finds what deciding everything twice finds."""

import copy
import random
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rai_tune.core import IntegrityError, UsageError, sha256_bytes
from rai_tune.gate import LoadedPolicy, Policy, evaluate, policy_digest
from rai_tune.promotion import collect_evidence
from rai_tune.promotion.bulk import BulkEvidence
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import register, signer_for
from rai_tune.promotion.signed import About, attest, sign_off
from rai_tune.promotion.statement import evidence_statement
from rai_tune.redeciding import redecide, stored_policy
from rai_tune.reporting.stored import stored_results
from rai_tune.workspace import Workspace

DAY = date(2026, 11, 26)
STATED = {"system": {"annex_iii": "5b", "retention": {"logs_days": 200}}}


def threshold(value):
    return {"value": value, "origin": "organisation", "source": "set for a test"}


def bound(name, audit, value, **fields):
    check = {"kind": "bound", "audit": audit, "metric": "share", "direction": "at_least", "over": "overall"}
    return control(name, {**check, "threshold": threshold(value)}, **fields)


def control(name, check, **fields):
    body = {"id": name, "reference": "1", "title": name, "asks": "Something.", "mode": "automated", "severity": "block"}
    return {**body, **({"check": check} if check else {}), **fields}


def pack(*controls, **fields):
    body = {
        "id": "trial",
        "version": "1.0.0",
        "title": "Trial",
        "issuer": "A test",
        "summary": "For tests.",
        "status": "organisation",
        "verified_on": "2026-11-25",
        "sources": ["a test"],
        **fields,
    }
    policy = Policy.model_validate({**body, "controls": list(controls)})
    return LoadedPolicy(policy, policy_digest(policy), Path("trial.yaml"))


def measured(audit, metric, value):
    ends = {side: value + shift for side, shift in (("lower", -0.05), ("upper", 0.05))}
    return {
        "audit": audit,
        "metric": metric,
        "estimate": value,
        "low": ends["lower"],
        "high": ends["upper"],
        "method": "by hand",
        "n": 100,
        "split": "test",
        "bounds": [{"side": side, "alpha": 0.05, "value": end, "method": "by hand"} for side, end in ends.items()],
    }


def result(audit, value, digests):
    return {
        "schema": "rai-audits/result/v1",
        "audit": audit,
        "suite": "fairness",
        "version": "1",
        "seed": 0,
        "duration_s": 0.5,
        "inputs": digests,
        "measurements": [
            measured(audit, "share", value),
            measured(audit, "other", 1 - value),
            measured(audit, "third", 0),
        ],
    }


def stored_run(workspace, values, policies=None, recipe=None, state="completed"):
    """A run that was audited by hand; ``values`` are the shares that each audit found."""
    run = workspace.create_run(name="trial", recipe=recipe or {}, recipe_digest="0" * 64, policies=policies or {})
    digests = {name: sha256_bytes(f"{name} {run.id}".encode()) for name in ("model", "predictions")}
    test_rows = sha256_bytes(run.id.encode())
    stored = {
        "data": {"groups": {"sex": ["f", "m"]}, "rows": 200},
        "opening": {"test_digest": test_rows, "at": "2999-01-01T00:00:00+00:00"},
        **{f"audit:{name}": result(name, value, digests) for name, value in values.items()},
    }
    for name, body in stored.items():
        workspace.attach(run.id, name, workspace.put_json(body), "application/json")
    workspace.update_run(
        run.id,
        model_digest=digests["model"],
        predictions_digest=digests["predictions"],
        test_digest=test_rows,
    )
    workspace.open_test_rows(run.id, test_rows)
    for step in ("preparing", "deciding", *([state] if state != "deciding" else [])):
        workspace.set_state(run.id, step)
    return run.id


def collected(workspace):
    return [collect_evidence(workspace, run.id, stored_results(workspace, run.id)) for run in workspace.runs()]


def plainly(everything, old, new):
    """Everything decided twice, and compared by the words of ``redecide``."""
    found = {}
    for evidence in everything:
        before, after = (evaluate(policy, evidence, DAY) for policy in (old, new))
        mine, theirs = ({item.id: item.outcome for item in decision.controls} for decision in (before, after))
        pairs = {name: (mine.get(name), theirs.get(name)) for name in {*mine, *theirs}}
        controls = {
            name: pair
            for name, pair in pairs.items()
            if pair[0] != pair[1] and not (None in pair and set(pair) & {"pass", "not_applicable"})
        }
        if before.outcome != after.outcome or controls:
            found[evidence.run_id] = (before.outcome, after.outcome, controls)
    return found


def shortly(workspace, old, new):
    found = redecide(workspace, old, new, DAY)
    assert found.skipped == ()
    return {
        item.run_id: (item.old, item.new, {change.control: (change.old, change.new) for change in item.controls})
        for item in found.changed
    }


@pytest.fixture
def workspace(tmp_path):
    with Workspace.open(tmp_path / "w") as opened:
        yield opened


def test_a_raised_threshold_names_the_runs_between_the_two(workspace):
    runs = {value: stored_run(workspace, {"one": value, "two": 0.9}) for value in (0.84, 0.86, 0.9, 0.96)}
    old, new = (pack(bound("A", "one", limit), bound("B", "two", 0.5)) for limit in (0.8, 0.86))
    found = redecide(workspace, old, new, DAY)
    assert (found.looked_at, found.skipped) == (4, ())
    changed = {item.run_id: (item.old, item.new, item.named) for item in found.changed}
    assert changed == {
        runs[0.86]: ("pass", "insufficient_evidence", False),
        runs[0.9]: ("pass", "insufficient_evidence", False),
    }
    (change,) = found.changed[0].controls
    assert (change.control, change.old, change.new, change.because) == ("A", "pass", "insufficient_evidence", "control")


def test_a_changed_control_that_only_warns_leaves_the_overall_outcome(workspace):
    run_id = stored_run(workspace, {"one": 0.7, "two": 0.3})
    old, new = (pack(bound("A", "one", limit, severity="warn"), bound("B", "two", 0.5)) for limit in (0.5, 0.9))
    (change,) = redecide(workspace, old, new, DAY).changed
    assert (change.run_id, change.old, change.new) == (run_id, "fail", "fail")
    assert [(item.control, item.old, item.new) for item in change.controls] == [("A", "pass", "fail")]


def test_a_severity_changes_the_overall_outcome_alone(workspace):
    stored_run(workspace, {"one": 0.3, "two": 0.9})
    old, new = (pack(bound("A", "one", 0.5, severity=word), bound("B", "two", 0.5)) for word in ("block", "warn"))
    (change,) = redecide(workspace, old, new, DAY).changed
    assert (change.old, change.new, change.controls) == ("fail", "pass", ())


def test_a_control_that_reads_another_follows_it(workspace):
    run_id = stored_run(workspace, {"one": 0.7, "two": 0.3})
    reader = bound("B", "two", 0.5, when='outcomes["A"] == "pass"')
    last = bound("C", "two", 0.5, when='outcomes["B"] == "not_applicable"', severity="warn")
    old, new = (pack(bound("A", "one", limit), reader, last) for limit in (0.5, 0.9))
    assert plainly(collected(workspace), old, new) == shortly(workspace, old, new)
    assert shortly(workspace, old, new)[run_id] == (
        "fail",
        "fail",
        {"A": ("pass", "fail"), "B": ("fail", "not_applicable"), "C": ("not_applicable", "fail")},
    )


def test_what_was_frozen_for_the_old_pack_does_not_carry_over(workspace):
    ordering = control("O", {"kind": "ordering"}, severity="warn")
    old, new = pack(bound("A", "one", 0.5), ordering), pack(bound("A", "one", 0.5, title="New"), ordering)
    named = stored_run(workspace, {"one": 0.9}, policies={"trial": old.digest})
    stored_run(workspace, {"one": 0.9})
    (change,) = redecide(workspace, old, new, DAY).changed
    assert (change.run_id, change.old, change.new, change.named) == (named, "pass", "pass", True)
    assert [(item.control, item.because) for item in change.controls] == [("O", "digest")]
    assert change.only_digest


def test_what_a_person_attested_for_the_old_pack_does_not_carry_over(workspace):
    old, new = (
        pack(bound("A", "one", 0.5, title=title), control("P", None, mode="attestation")) for title in ("Old", "New")
    )
    signed, other = (stored_run(workspace, {"one": 0.9}) for _ in range(2))
    sign_attestation(workspace, signed, old, "P")
    (change,) = redecide(workspace, old, new, DAY).changed
    assert (change.run_id, change.old, change.new) == (signed, "pass", "awaiting_signoff")
    assert [(item.control, item.because) for item in change.controls] == [("P", "digest")]
    assert plainly(collected(workspace), old, new) == shortly(workspace, old, new)
    assert other not in shortly(workspace, old, new)


def test_signatures_still_count_where_the_rest_of_the_pack_is_decided(workspace):
    signature = {"kind": "signature", "role": "author", "people": threshold(1)}
    old, new = (pack(bound("A", "one", limit), control("S", signature)) for limit in (0.5, 0.7))
    signed, unsigned = (stored_run(workspace, {"one": 0.72}) for _ in range(2))
    for run_id in (signed, unsigned):
        files = {"adapter.safetensors": workspace.put_bytes(run_id.encode())}
        workspace.attach(run_id, "model", workspace.put_json({"files": files}), "application/json")
        table = workspace.put_bytes(b"predictions of " + run_id.encode())
        workspace.attach(run_id, "predictions", table, "application/vnd.apache.parquet")
        body = result("one", 0.72, {"model": workspace.run(run_id).model_digest, "predictions": table})
        workspace.attach(run_id, "audit:one", workspace.put_json(body), "application/json")
        workspace.update_run(run_id, predictions_digest=table)
    ledger, signer = signing(workspace, "Ada Author", "author")
    sign_off(
        ledger, signer, "author", evidence_statement(workspace, signed, stored_results(workspace, signed)), (), None
    )
    found = {item.run_id: (item.old, item.new) for item in redecide(workspace, old, new, DAY).changed}
    assert found == {
        signed: ("pass", "insufficient_evidence"),
        unsigned: ("awaiting_signoff", "insufficient_evidence"),
    }
    assert plainly(collected(workspace), old, new) == shortly(workspace, old, new)


def signing(workspace, person, role):
    ledger, key = Ledger(workspace), Ed25519PrivateKey.generate()
    register(ledger, person, [role], key.public_key())
    return ledger, signer_for(ledger, key)


def sign_attestation(workspace, run_id, policy, name):
    ledger, signer = signing(workspace, "Rosa Reviewer", "reviewer")
    about = About(run_id, workspace.run(run_id).model_digest, policy.policy.id, policy.digest, name)
    attest(ledger, signer, about, "Two people watch the decisions every morning and can stop them.")


CHANGES = [
    lambda body, draw: body["check"]["threshold"].update(value=draw.choice([0.3, 0.6, 0.9])),
    lambda body, draw: body["check"].update(direction=draw.choice(["at_least", "at_most"])),
    lambda body, draw: body["check"].update(alpha=draw.choice([0.05, 0.01])),
    lambda body, draw: body.update(severity=draw.choice(["block", "warn", "info"])),
    lambda body, draw: body.update(applies_from=draw.choice(["2020-01-01", "2030-01-01"])),
    lambda body, draw: body.update(title="Another title"),
    lambda body, draw: body.update(when=draw.choice(['system.annex_iii == "5b"', 'outcomes["C0"] == "pass"'])),
    lambda body, draw: body.update(mode="hybrid"),
    lambda body, draw: body["check"].update(metric=draw.choice(["share", "other", "absent"])),
]


def random_pack(draw, controls, others):
    """The controls after up to three changes, some of the others beside them. Only the first is read, so none reads itself."""
    body = copy.deepcopy(controls)
    for _ in range(draw.randint(0, 3)):
        draw.choice(CHANGES)(draw.choice(body[1:]), draw)
    if draw.random() < 0.3:
        body.pop()
    if draw.random() < 0.2:
        body[0]["check"]["threshold"]["value"] = 0.7
    fields = {"status": "superseded"} if draw.random() < 0.1 else {}
    chosen = [item for item in others if draw.random() < 0.7]
    return pack(*body, *chosen, version=f"1.{draw.randint(0, 9)}.0", **fields)


def test_the_short_way_finds_what_deciding_everything_twice_finds(workspace):
    draw = random.Random(7)
    audits = ("one", "two", "three", "four")
    for number in range(12):
        values = {name: round(draw.uniform(0.2, 1.0), 2) for name in audits if draw.random() < 0.9}
        stored_run(workspace, values, recipe=STATED if number % 3 else {})
    controls = [bound(f"C{place}", name, 0.6) for place, name in enumerate(audits)]
    others = [
        control("R", {"kind": "retention", "of": "logs", "threshold": threshold(180)}, severity="warn"),
        control("E", {"kind": "presence", "audits": ["one", "two"], "metrics": ["other"]}),
        control("P", None, mode="attestation", severity="warn"),
    ]
    everything, kinds = collected(workspace), set()
    for _ in range(40):
        old, new = (random_pack(draw, controls, others) for _ in range(2))
        expected = plainly(everything, old, new)
        assert shortly(workspace, old, new) == expected
        kinds |= {outcomes for _, _, changed in expected.values() for outcomes in changed.values()}
    assert len(kinds) >= 10, kinds


def test_runs_that_cannot_be_decided_are_skipped_and_say_why(workspace):
    good = stored_run(workspace, {"one": 0.7})
    stopped = stored_run(workspace, {"one": 0.7}, state="interrupted")
    lost, flipped = (stored_run(workspace, {"one": value}) for value in (0.71, 0.72))
    paths = [workspace.path_of(workspace.artifacts(run_id)["audit:one"].digest) for run_id in (lost, flipped)]
    paths[0].unlink()
    data = paths[1].read_bytes()
    paths[1].chmod(0o600)
    paths[1].write_bytes(data.replace(b"0.72", b"0.92"))
    found = redecide(workspace, pack(bound("A", "one", 0.5)), pack(bound("A", "one", 0.9)), DAY)
    assert found.looked_at == 1
    assert [item.run_id for item in found.changed] == [good]
    skipped = {item.run_id: item for item in found.skipped}
    assert skipped[stopped].reason == "the run is interrupted"
    assert "is missing" in skipped[lost].reason
    assert "was changed" in skipped[flipped].reason
    assert f"'audit:one' of run {flipped}" in skipped[flipped].reason
    assert {name: item.damaged for name, item in skipped.items()} == {stopped: False, lost: False, flipped: True}


def test_evidence_in_bulk_is_that_of_each_run(workspace):
    ids = [stored_run(workspace, {"one": 0.7, "two": 0.4}, recipe=STATED), stored_run(workspace, {"one": 0.9})]
    again = {"audits": ["one"]}
    workspace.attach(ids[0], "reaudits", workspace.put_json(again), "application/json")
    workspace.attach(
        ids[0],
        "training",
        workspace.put_json({"parameters": {"total": 10}, "tokens": {"train": 5}, "epochs_done": 2}),
        "application/json",
    )
    workspace.open_test_rows(ids[1], workspace.run(ids[0]).test_digest)
    every = dict.fromkeys(("one", "two"))
    sign_attestation(workspace, ids[1], pack(bound("A", "one", 0.5)), "A")
    bulk = BulkEvidence(workspace, every)
    assert bulk.signed_runs == {ids[1]}
    for run_id in ids:
        run = workspace.run(run_id)
        whole = collect_evidence(workspace, run_id, stored_results(workspace, run_id))
        assert bulk.of(run, every) == whole
        less = bulk.of(run, {"one": frozenset({"other"})})
        assert [[item.metric for item in found.measurements] for found in less.results] == [["share", "other"]]
        assert bulk.of(run, every) == whole
    assert bulk.of(workspace.run(ids[0]), {}).test_openings == 2
    assert bulk.of(workspace.run(ids[0]), {}).facts["run"]["training_flops"] == 600.0


def test_nothing_is_written(workspace):
    stored_run(workspace, {"one": 0.7})
    before = sorted((path, path.stat().st_size) for path in (workspace.root / "artifacts").rglob("*"))
    rows = [workspace.openings(), workspace.runs(), workspace.chain_rows()]
    redecide(workspace, pack(bound("A", "one", 0.5)), pack(bound("A", "one", 0.9)), DAY)
    assert sorted((path, path.stat().st_size) for path in (workspace.root / "artifacts").rglob("*")) == before
    assert [workspace.openings(), workspace.runs(), workspace.chain_rows()] == rows
    assert workspace.decisions(workspace.runs()[0].id) == ()


def test_a_stored_pack_is_found_by_its_digest(workspace):
    run_id = stored_run(workspace, {"one": 0.7})
    kept = pack(bound("A", "one", 0.5))
    body = kept.policy.model_dump(mode="json", exclude_none=True)
    workspace.attach(run_id, "policy:trial", workspace.put_json(body), "application/json")
    for digits in (kept.digest, kept.digest[:8], kept.digest[:9].upper()):
        found = stored_policy(workspace, digits)
        assert (found.policy, found.digest) == (kept.policy, kept.digest)
    with pytest.raises(UsageError, match="at least 8 digits"):
        stored_policy(workspace, kept.digest[:7])
    with pytest.raises(UsageError, match="no run here"):
        stored_policy(workspace, "f" * 64)
    path = workspace.path_of(kept.digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.4"))
    with pytest.raises(IntegrityError, match="'policy:trial'"):
        stored_policy(workspace, kept.digest)
