"""Texts and tables go, digests and decisions stay: what is deleted, what is not, and what a kill in between leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

import small_run
from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.core.errors import DeletedArtifactError
from rai_tune.holdings import Holdings
from rai_tune.promoting import decisions_today, promote_run, roll_back, sign_run
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.statement import evidence_statement
from rai_tune.reporting.stored import stored_results, stored_table
from rai_tune.retaining import due_runs
from rai_tune.retention import delete_run, plan_deletion
from rai_tune.workspace import Workspace

HERE = Path(__file__).resolve()
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(scope="module")
def small():
    return small_run


@pytest.fixture
def plain(monkeypatch):
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture(params=["local", "memory"])
def workspace(request, tmp_path, plain):
    if request.param == "memory":
        plain.setenv("RAITUNE_ARTIFACTS_URL", f"memory://bucket-{uuid.uuid4().hex}/raitune")
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


@pytest.fixture
def local(tmp_path, plain):
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


def filled(workspace, small, *policies, name="small", weights=b"weights", text="the only text"):
    """A completed run with rows, predictions of its own, a table of an audit, an old one, a checkpoint and a log."""
    run = small.complete_run(workspace, *policies, name=name, weights=weights)
    for version in ("old", "new"):
        table = pd.DataFrame({"row_id": ["a"], "unit": [f"{version} of {name}"]})
        workspace.attach(run.id, "explanations:attributions", workspace.put_table(table), PARQUET)
    workspace.attach(run.id, "rows", workspace.put_table(pd.DataFrame({"text": [text]})), PARQUET)
    folder = workspace.run_dir(run.id) / "checkpoints" / "checkpoint-5"
    folder.mkdir(parents=True)
    (folder / "optimizer.pt").write_bytes(b"state of " + name.encode())
    workspace.add_checkpoint(run.id, 5, {"optimizer.pt": "c" * 64})
    (workspace.run_dir(run.id) / "log.txt").write_text("what was said")
    return run


def stored_bytes(workspace, run_id):
    """Names of a run's artifacts, model files too, whose bytes are there."""
    refs = {f"{ref.name}@{ref.digest[:8]}": ref.digest for ref in workspace.artifact_history(run_id)}
    manifest = workspace.read_json(workspace.artifacts(run_id)["model"].digest)["files"]
    named = {**refs, **{f"model/{name}": digest for name, digest in manifest.items()}}
    return {name.partition("@")[0] for name, digest in named.items() if workspace.size_of(digest) is not None}


def test_tables_model_and_scratch_go_and_what_a_decision_needs_stays(workspace, small):
    run = filled(workspace, small)
    before = evidence_statement(workspace, run.id, stored_results(workspace, run.id))
    decided = decisions_today(workspace, workspace.run(run.id))
    assert stored_table(workspace, run.id, "explanations:attributions")["unit"].tolist() == ["new of small"]
    record = workspace.run(run.id)
    done, entry = delete_run(workspace, run.id, "asked for by the person")

    assert {item.name for item in done.going} == {
        "predictions",
        "rows",
        "explanations:attributions",
        f"explanations:attributions (superseded, {workspace.artifact_history(run.id)[-3].digest[:8]})",
        "model/model.safetensors",
        "model/config.json",
        "scratch/checkpoints/checkpoint-5/optimizer.pt",
        "scratch/log.txt",
    }
    assert stored_bytes(workspace, run.id) == {
        "context",
        "policy:trial",
        "data",
        "environment",
        "training",
        "model",
        "opening",
        "audit:task_quality",
        "model/base.json",
        "model/decision.json",
    }
    assert [path.name for path in workspace.run_dir(run.id).iterdir()] == ["lock"]
    assert not any(path.is_file() for path in (workspace.root / "cache").rglob("*") if path.name in digests_of(entry))
    again = evidence_statement(workspace, run.id, stored_results(workspace, run.id))
    assert statement_digest(again) == statement_digest(before)
    assert decisions_today(workspace, workspace.run(run.id)) == decided
    assert {key: value for key, value in vars(workspace.run(run.id)).items() if key not in {"pid", "host"}} == {
        key: value for key, value in vars(record).items() if key not in {"pid", "host"}
    }
    assert stored_table(workspace, run.id, "explanations:attributions") is None


def digests_of(entry):
    return {item["digest"]["sha256"] for item in entry.statement["subject"]}


def test_the_entry_names_everything_with_its_digest_and_the_ledger_is_sound(workspace, small):
    run = filled(workspace, small)
    predictions = workspace.artifacts(run.id)["predictions"].digest
    done, entry = delete_run(workspace, run.id, "asked for by the person")
    assert (entry.kind, entry.run_id) == ("deletion", run.id)
    subject = {item["name"]: item["digest"]["sha256"] for item in entry.statement["subject"]}
    assert subject == {item.name: item.digest for item in done.items}
    assert subject["predictions"] == predictions == run.predictions_digest
    assert subject["scratch/checkpoints/checkpoint-5/optimizer.pt"] == "c" * 64
    assert entry.predicate["reason"] == "asked for by the person"
    assert entry.predicate["names"] == sorted(subject)
    assert entry.predicate["kept"] == []
    assert check_ledger(Ledger(workspace)).entries == 2
    with pytest.raises(
        DeletedArtifactError, match=rf"'predictions' of run {run.id} was deleted on .* \(ledger entry 1\)"
    ) as told:
        workspace.read_table(predictions)
    assert told.value.exit_code == 2
    assert delete_run(workspace, run.id, "again")[1] is None
    assert check_ledger(Ledger(workspace)).entries == 2


def test_a_lost_table_is_not_called_deleted(local, small):
    run = filled(local, small)
    lost = local.artifacts(run.id)["rows"].digest
    (local.root / "artifacts" / lost[:2] / lost).unlink()
    done, entry = delete_run(local, run.id, "over")
    assert "rows" not in {item.name for item in done.items}
    assert lost not in digests_of(entry)
    with pytest.raises(IntegrityError, match="is missing") as told:
        local.read_table(lost)
    assert told.value.exit_code == 6


def test_what_another_run_needs_stays_until_that_run_gives_it_up(workspace, small):
    first = filled(workspace, small, name="first", text="shared")
    second = filled(workspace, small, name="second", text="shared", weights=b"others")
    rows = workspace.artifacts(first.id)["rows"].digest
    assert workspace.artifacts(second.id)["rows"].digest == rows
    done, entry = delete_run(workspace, first.id, "over")
    assert {(item.name, item.needed_by) for item in done.kept} == {
        ("rows", f"run {second.id}"),
        ("model/config.json", f"run {second.id}"),
    } | {("predictions", f"run {second.id}")} & {(item.name, item.needed_by) for item in done.kept}
    assert {"name": "rows", "needed_by": f"run {second.id}"} in entry.predicate["kept"]
    assert workspace.read_table(rows)["text"].tolist() == ["shared"]
    # The run that gave them up shows them no more, although the bytes are there.
    assert stored_table(workspace, first.id, "rows") is None
    assert stored_table(workspace, second.id, "rows") is not None
    delete_run(workspace, second.id, "over too")
    assert workspace.size_of(rows) is None


def test_a_run_that_comes_back_to_the_same_rows_is_not_robbed_by_a_repeat(local, small):
    first = filled(local, small, name="first", text="shared")
    delete_run(local, first.id, "over")
    later = filled(local, small, name="later", text="shared", weights=b"others")
    rows = local.artifacts(later.id)["rows"].digest
    delete_run(local, first.id, "once more")
    assert local.read_table(rows)["text"].tolist() == ["shared"]


@pytest.fixture
def people(local, small):
    return {"ada": small.person(local, "Ada", "author"), "cy": small.person(local, "Cy", "approver")}


def promote(workspace, run, people, alias="production"):
    sign_run(workspace, run.id, people["ada"], "author")
    return promote_run(workspace, run.id, alias, people["cy"])


@pytest.mark.parametrize("alias", ["staging", "production"])
def test_what_an_alias_serves_is_not_touched(local, small, people, alias):
    run = filled(local, small)
    promote(local, run, people, alias)
    held = stored_bytes(local, run.id), Ledger(local).head()
    with pytest.raises(ConflictError, match=f"{alias} serves run {run.id}") as refused:
        delete_run(local, run.id, "over")
    assert refused.value.exit_code == 7
    assert (stored_bytes(local, run.id), Ledger(local).head()) == held


def test_a_run_that_was_promoted_once_loses_its_tables_and_can_still_be_rolled_back_to(local, small, people):
    old = filled(local, small, name="old", weights=b"old weights", text="old text")
    new = filled(local, small, name="new", weights=b"new weights")
    promote(local, old, people)
    promote(local, new, people)
    delete_run(local, old.id, "over")
    assert "rows" not in stored_bytes(local, old.id)
    assert "model/model.safetensors" in stored_bytes(local, old.id)
    assert sorted(path.name for path in local.run_dir(old.id).iterdir()) == ["lock", "model"]
    back = roll_back(local, "production", people["cy"])
    assert back.run_id == old.id
    check_ledger(Ledger(local))


def test_model_bytes_that_a_promotion_of_another_run_serves_stay(local, small, people):
    served = filled(local, small, name="served")
    twin = filled(local, small, name="twin")
    promote(local, served, people)
    done, _ = delete_run(local, twin.id, "over")
    kept = {item.name: item.needed_by for item in done.kept}
    assert kept["model/model.safetensors"].startswith(f"the promotion of run {served.id} (ledger entry")
    assert "model/model.safetensors" in stored_bytes(local, served.id)


def test_a_run_that_gave_up_its_model_is_not_promoted_even_while_the_bytes_are_there(local, small, people, monkeypatch):
    run = filled(local, small)
    sign_run(local, run.id, people["ada"], "author")
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "discard", lambda *_: False)
        patch.setattr(Workspace, "clear_scratch", lambda *_, **__: None)
        delete_run(local, run.id, "over")
    assert "model/model.safetensors" in stored_bytes(local, run.id)
    with pytest.raises(UsageError, match=f"the model of run {run.id} was deleted on"):
        promote_run(local, run.id, "production", people["cy"])


def test_a_promotion_between_the_look_and_the_entry_keeps_everything(local, small, people, monkeypatch):
    run = filled(local, small)
    held = stored_bytes(local, run.id)
    real = plan_deletion

    def overtaken(*arguments, **more):
        planned = real(*arguments, **more)
        promote(local, run, people)
        return planned

    monkeypatch.setattr("rai_tune.retention.plan_deletion", overtaken)
    with pytest.raises(ConflictError) as refused:
        delete_run(local, run.id, "over")
    assert refused.value.exit_code == 7
    assert (stored_bytes(local, run.id), local.deletions()) == (held, ())


def test_an_unfinished_run_does_not_go_on_after_its_deletion_and_the_app_still_opens_a_completed_one(local, small):
    from rai_tune import pipeline
    from rai_tune.review.reading import check_evidence

    stopped = small.complete_run(local, name="stopped", state="auditing")
    local.set_state(stopped.id, "interrupted")
    delete_run(local, stopped.id, "over")
    with pytest.raises(UsageError, match=r"were deleted on .*; start a new run"):
        pipeline.resume(stopped.id, local, lambda *_: None)
    done = filled(local, small, name="done", weights=b"others")
    delete_run(local, done.id, "over")
    check_evidence(local, done.id)
    lost = local.artifacts(done.id)["audit:task_quality"].digest
    (local.root / "artifacts" / lost[:2] / lost).unlink()
    with pytest.raises(IntegrityError, match="is missing"):
        check_evidence(local, done.id)


def test_a_run_at_work_is_not_touched(local, small):
    run = filled(local, small)
    held = stored_bytes(local, run.id)
    worker = subprocess.Popen(
        [sys.executable, str(HERE.with_name("workspace_worker.py")), "claim", str(local.root), run.id],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert worker.stdout.readline() == "claimed\n"
        with pytest.raises(ConflictError, match=f"run {run.id} is in use by process {worker.pid}") as refused:
            delete_run(local, run.id, "over")
        assert refused.value.exit_code == 7
    finally:
        worker.kill()
        worker.communicate()
    assert stored_bytes(local, run.id) == held
    assert Ledger(local).head().size == 0


def keeping(small, days, **fields):
    control = {
        "id": "K-1",
        "reference": "12 CFR 1002.12(b)",
        "title": "Records are kept",
        "asks": "Records are kept.",
        "mode": "automated",
        "severity": "block",
        "check": {
            "kind": "retention",
            "of": "records",
            "direction": "at_least",
            "threshold": {"value": days, "origin": "law", "source": "12 CFR 1002.12(b)(1)"},
        },
        **fields,
    }
    return small.trial_policy(small.bound_control(), control)


def test_a_clause_that_demands_records_is_named_until_its_days_are_over(local, small):
    run = filled(local, small, keeping(small, 762))
    made = date.fromisoformat(local.run(run.id).created_at[:10])
    until = made + timedelta(days=762)
    says = rf"12 CFR 1002.12\(b\) \(trial K-1\) keeps them for 762 days, until {until.isoformat()}"
    with pytest.raises(UsageError, match=says) as refused:
        delete_run(local, run.id, "over")
    assert refused.value.exit_code == 2
    assert Ledger(local).head().size == 0
    assert plan_deletion(local, run.id, until - timedelta(days=1)).refused is not None
    assert plan_deletion(local, run.id, until).refused is None


@pytest.mark.parametrize(
    "fields",
    [
        {"when": "'sex' in data.attributes"},
        {"applies_until": "2026-01-01"},
        {
            "check": {
                "kind": "retention",
                "of": "logs",
                "direction": "at_least",
                "threshold": {"value": 999, "origin": "law", "source": "a test"},
            }
        },
        {
            "check": {
                "kind": "retention",
                "of": "records",
                "direction": "at_most",
                "threshold": {"value": 999, "origin": "law", "source": "a test"},
            }
        },
    ],
    ids=["does not apply", "is over", "of logs", "at most"],
)
def test_a_clause_that_does_not_ask_for_records_demands_nothing(local, small, fields):
    run = filled(local, small, keeping(small, 762, **fields))
    assert plan_deletion(local, run.id).refused is None


# Killed in between

KILLED = """
import os, signal, sys
from pathlib import Path
from rai_tune.promotion.ledger import Ledger
from rai_tune.retention import delete_run
from rai_tune.workspace import Workspace
from rai_tune.workspace.artifacts import ArtifactStore

root, run_id, where, place = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
seen = 0

def dying(owner, name, before):
    real = getattr(owner, name)
    def wrapped(*arguments, **more):
        global seen
        seen += 1
        if before and seen == place:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*arguments, **more)
        if not before and seen == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return found
    setattr(owner, name, wrapped)

dying(*{
    "before entry": (Ledger, "append", True),
    "after entry": (Ledger, "append", False),
    "before bytes": (ArtifactStore, "delete", True),
    "after bytes": (ArtifactStore, "delete", False),
    "before scratch": (Workspace, "clear_scratch", True),
    "after scratch": (Workspace, "clear_scratch", False),
}[where])
delete_run(Workspace.open(root), run_id, "over")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "place"),
    [
        ("before entry", 1),
        ("after entry", 1),
        ("after bytes", 1),
        ("before bytes", 3),
        ("after bytes", 6),
        ("before scratch", 1),
        ("after scratch", 1),
    ],
)
def test_killed_anywhere_nothing_is_gone_or_the_entry_says_it_and_a_repeat_finishes(local, small, where, place):
    run = filled(local, small)
    everything = stored_bytes(local, run.id)
    digests = {item.digest for item in plan_deletion(local, run.id).items}
    died = subprocess.run(
        [sys.executable, "-c", KILLED, str(local.root), run.id, where, str(place)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ},
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    entries = local.deletions(run.id)
    if where == "before entry":
        assert entries == ()
        assert stored_bytes(local, run.id) == everything
    else:
        assert set(entries[0].digests.values()) == digests
    check_ledger(Ledger(local))
    decisions_today(local, local.run(run.id))
    assert (stored_table(local, run.id, "rows") is None) == bool(entries)

    done, _ = delete_run(local, run.id, "over")
    assert [item for item in done.going if item.digest not in digests] == []
    assert not any(local.size_of(digest) for digest in digests)
    assert list(local.scratch_files(run.id)) == []
    assert len(local.deletions(run.id)) == 1
    check_ledger(Ledger(local))


# Rules of retention


def ruled(small, days=30, **fields):
    rule = {"texts_days": {"value": days, "origin": "organisation", "source": "set for a test"}}
    return small.trial_policy(small.bound_control(), retention=rule, **fields)


def made_on(local):
    return date.fromisoformat(local.runs(1)[0].created_at[:10])


def test_runs_are_due_on_the_day_that_their_pack_says(local, small):
    run = filled(local, small, ruled(small, 30))
    day = made_on(local)
    assert due_runs(local, (), day + timedelta(days=29)) == ()
    (due,) = due_runs(local, (), day + timedelta(days=30))
    assert (due.run.id, due.age_days, due.rule.days, due.rule.policy, due.skipped) == (run.id, 30, 30, "trial", None)
    assert due.files == len(plan_deletion(local, run.id).going)
    delete_run(local, run.id, "retention")
    assert due_runs(local, (), day + timedelta(days=30)) == ()


def test_the_shortest_rule_of_the_named_packs_holds_for_every_run(local, small):
    run = filled(local, small)
    day = made_on(local) + timedelta(days=400)
    with pytest.raises(UsageError, match=r"no pack of these runs has retention\.texts_days"):
        due_runs(local, (), day)
    with pytest.raises(UsageError, match=r"nyc-ll144: no retention\.texts_days"):
        due_runs(local, ("nyc-ll144",), day)
    (due,) = due_runs(local, ("nyc-ll144", "baseline"), day)
    assert (due.run.id, due.rule.policy, due.rule.days) == (run.id, "baseline", 365)


def test_runs_in_use_unfinished_or_demanded_are_skipped_and_say_why(local, small, people):
    filled(local, small, ruled(small), name="plain", weights=b"1")
    served = filled(local, small, ruled(small), name="served", weights=b"2")
    promote(local, served, people)
    small.complete_run(local, ruled(small), name="stuck", weights=b"3", state="auditing")
    filled(local, small, keeping(small, 999), name="law", weights=b"4")
    day = made_on(local) + timedelta(days=400)
    found = {due.run.name: due.skipped for due in due_runs(local, ("baseline",), day)}
    assert found["plain"] is None
    assert found["served"].startswith("production serves run served-")
    assert found["stuck"].startswith("it is auditing")
    assert "12 CFR 1002.12(b) (trial K-1)" in found["law"]


@pytest.fixture
def raitune(local, monkeypatch, capsys):
    """The command line in this process: exit code, standard output, standard error."""
    from rai_tune.cli.main import _guarded

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["raitune", *arguments, "--workspace", str(local.root)])
        code = _guarded()
        return code, *capsys.readouterr()

    return run


def test_the_commands_say_what_goes_ask_first_and_exit_by_contract(local, small, people, raitune):
    run = filled(local, small, ruled(small))
    code, out, _ = raitune("runs", "delete", run.id, "--dry-run")
    assert code == 0
    assert "8 files of texts, tables and scratch" in out
    code, _, err = raitune("runs", "delete", run.id)
    assert (code, local.deletions()) == (2, ())
    assert "--yes" in err
    later = str(made_on(local) + timedelta(days=31))
    code, out, _ = raitune("runs", "retain", "--as-of", later, "--dry-run")
    assert code == 0
    assert out.startswith(run.id)
    assert "would go (31 days old, trial keeps texts 30): 8 files" in out
    code, _, err = raitune("runs", "retain", "--as-of", later)
    assert (code, local.deletions()) == (2, ())
    assert "is to come" in err
    assert raitune("runs", "retain", "--as-of", "soon")[0] == 2
    code, out, _ = raitune("runs", "delete", run.id, "--yes")
    assert code == 0
    assert "deleted (ledger entry" in out
    code, out, _ = raitune("runs", "delete", run.id, "--yes")
    assert code == 0
    assert "texts and tables were deleted on" in out
    code, out, _ = raitune("runs", "--json", "--limit", "1")
    (listed,) = json.loads(out)["runs"]
    assert (listed["id"], listed["texts_deleted_at"]) == (run.id, local.deletions()[0].at)
    served = filled(local, small, name="served", weights=b"2")
    promote(local, served, people)
    assert raitune("runs", "delete", served.id, "--yes")[0] == 7
    assert raitune("runs", "delete", "nobody-00000000", "--yes")[0] == 2


def test_retain_deletes_what_is_due_and_names_what_it_skips(local, small, people, raitune, monkeypatch):
    old = filled(local, small, ruled(small), name="old", weights=b"1")
    served = filled(local, small, ruled(small), name="served", weights=b"2", text="another")
    promote(local, served, people)
    assert "no run is past its days" in raitune("runs", "retain")[1]
    later = made_on(local) + timedelta(days=31)
    monkeypatch.setattr("rai_tune.retaining.today", lambda: later)
    code, out, _ = raitune("runs", "retain")
    assert code == 0
    assert f"run {old.id}: 7 files" in out
    assert f"model/config.json stays on disk for the promotion of run {served.id}" in out
    assert f"{served.id}" in out
    assert "skipped" in out
    (deletion,) = local.deletions()
    assert deletion.run_id == old.id
    assert "retention: trial keeps texts 30 days" in Ledger(local).entries(("deletion",))[0].predicate["reason"]
    assert "rows" in stored_bytes(local, served.id)


def test_looking_at_many_runs_reads_each_model_once(local, small):
    """With a thousand runs, reading every manifest for every run would be a million reads."""
    for number in range(5):
        filled(local, small, ruled(small), name=f"run{number}", weights=bytes([number]))
    reads = []
    real = local.read_json
    local.read_json = lambda digest: reads.append(digest) or real(digest)
    try:
        held = Holdings(local)
        items = [held.items(run) for run in local.runs()]
    finally:
        del local.read_json
    assert [len(found) for found in items] == [8] * 5
    assert len(reads) == 5
