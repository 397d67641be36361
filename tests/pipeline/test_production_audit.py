"""What is in use, audited on new rows: a tiny model, really trained, really promoted, and rows that came later."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path

import pytest

import small_run as small
from rai_tune import pipeline
from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.production_audit import audit_promoted
from rai_tune.promoting import promote_run, sign_run
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.records import statement_digest
from rai_tune.promotion.serving import current
from rai_tune.promotion.statement import evidence_statement
from rai_tune.recipe import load_recipe
from rai_tune.reporting.stored import stored_results
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow

PACK = """\
schema: rai-tune/policy/v1
id: easy
version: 1.0.0
title: Easy
issuer: A test
summary: For tests.
status: organisation
verified_on: 2026-11-26
sources: [a test]
controls:
  - id: E-1
    reference: "1"
    title: The audits are there
    asks: The audits ran.
    mode: automated
    severity: block
    check: {kind: presence, audits: [task_quality, group_rates]}
  - id: E-2
    reference: "2"
    title: Test texts are new
    asks: Few test texts were seen in training.
    mode: automated
    severity: warn
    check:
      kind: bound
      audit: data_profile
      metric: normalised_overlap_share
      over: overall
      direction: at_most
      threshold: {value: 1.0, origin: organisation, source: set for a test}
  - id: E-3
    reference: "3"
    title: Every group is there
    asks: Each declared group has a row.
    mode: automated
    severity: block
    check:
      kind: coverage
      audit: group_rates
      metric: group_size
      threshold: {value: 1, origin: organisation, source: set for a test}
"""


def quiet(_what, _done, _total):
    return None


def by_path(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def shared():
    return by_path("shared_fixtures", Path(__file__).resolve().parent.parent / "conftest.py")


@pytest.fixture(scope="module")
def promoted(tmp_path_factory, tiny_base, shared):
    """A folder with recipe and rows, and a workspace whose ``production`` serves its run."""
    folder = tmp_path_factory.mktemp("promoted")
    shared.write_csv(folder / "rows.csv", shared.lending_rows())
    (folder / "easy.yaml").write_text(PACK, encoding="utf-8")
    (folder / "recipe.yaml").write_text(shared.RECIPE.format(base=tiny_base), encoding="utf-8")
    workspace = Workspace.open(folder / "w")
    sets = [
        f"policies=[{folder / 'easy.yaml'}]",
        "training.epochs=1",
        "audits.include=[data_profile, task_quality, group_rates, paired_swaps, label_noise, near_duplicates]",
        "audits.fairness.base_vs_tuned=true",
    ]
    outcome = pipeline.start(pipeline.plan(load_recipe(folder / "recipe.yaml", sets)), workspace, quiet)
    assert outcome.outcome == "pass"
    ada, cy = small.person(workspace, "Ada", "author"), small.person(workspace, "Cy", "approver")
    sign_run(workspace, outcome.run_id, ada, "author")
    promote_run(workspace, outcome.run_id, "production", cy)
    return folder, workspace, outcome.run_id, {"ada": ada, "cy": cy}


@pytest.fixture(scope="module")
def fresh(promoted, shared):
    """Rows of another month. With nine possible texts, most were in the training data as well."""
    rows = shared.lending_rows(150, seed=11)
    for row in rows:
        row["id"] = f"new-{row['id']}"
    return shared.write_csv(promoted[0] / "fresh.csv", rows)


@pytest.fixture(scope="module")
def audited(promoted, fresh):
    _, workspace, run_id, _ = promoted
    outcome = audit_promoted(workspace, "production", fresh, quiet)
    return workspace, workspace.run(run_id), workspace.run(outcome.run_id), outcome


def measured(workspace, run_id, metric):
    return [
        item for result in stored_results(workspace, run_id) for item in result.measurements if item.metric == metric
    ]


def test_it_is_a_completed_child_with_everything_that_a_report_reads(audited):
    workspace, parent, child, outcome = audited
    assert (child.state, child.parent, child.verdict) == ("completed", parent.id, outcome.outcome)
    assert (child.model_digest, child.base_digest) == (parent.model_digest, parent.base_digest)
    assert child.policies == parent.policies
    assert child.test_digest != parent.test_digest
    mine, theirs = workspace.artifacts(child.id), workspace.artifacts(parent.id)
    assert mine["model"].digest == theirs["model"].digest
    assert mine["policy:easy"].digest == theirs["policy:easy"].digest
    assert {"context", "data", "environment", "training", "opening", "rows", "predictions"} <= set(mine)
    assert {name for name in mine if name.startswith("audit:")} == {n for n in theirs if n.startswith("audit:")}
    assert child.recipe["data"]["source"]["path"] == "fresh.csv"
    assert {**child.recipe, "data": None} == {**parent.recipe, "data": None}


def test_every_row_is_a_test_row_and_scored_by_the_promoted_bytes(audited, promoted):
    workspace, parent, child, _ = audited
    table = workspace.read_table(workspace.artifacts(child.id)["predictions"].digest)
    assert len(table) == 150
    assert set(table["split"]) == {"test"}
    assert set(table["model_digest"]) == {parent.model_digest}
    assert table["row_id"].str.startswith("new-").all()
    import pandas as pd

    from rai_tune import load

    frame = pd.read_csv(promoted[0] / "fresh.csv", dtype=str)
    again = load("production", workspace).predict(frame)
    assert again["score"].tolist() == pytest.approx(table["score"].tolist(), abs=1e-6)


def test_what_needs_training_rows_is_not_measured_and_nothing_passes_on_it(audited):
    workspace, parent, child, outcome = audited
    assert measured(workspace, parent.id, "normalised_overlap_share")[0].status == "ok"
    for metric in ("normalised_overlap_share", "duplicate_overlap_share"):
        (found,) = measured(workspace, child.id, metric)
        assert (found.status, found.n) == ("not_estimable", 150)
    statuses = {result.audit: result.status for result in stored_results(workspace, child.id)}
    assert statuses["base_vs_tuned"] == "error"
    (decision,) = outcome.decisions
    controls = {control.id: control.outcome for control in decision.controls}
    assert controls == {"E-1": "pass", "E-2": "insufficient_evidence", "E-3": "pass"}
    assert not decision.redecision
    assert decision.test_openings == 1


def test_the_statement_in_the_ledger_is_that_of_the_audit_and_dated(audited):
    workspace, parent, child, _ = audited
    (entry,) = Ledger(workspace).entries(("evidence",), child.id)
    (first,) = Ledger(workspace).entries(("evidence",), parent.id)
    assert entry.at > first.at
    predicate = entry.predicate
    assert predicate["run"]["parent"] == parent.id
    assert predicate["predictions_digest"] == child.predictions_digest
    assert predicate["model_digest"] == parent.model_digest
    again = evidence_statement(workspace, child.id, stored_results(workspace, child.id))
    assert statement_digest(entry.statement) == statement_digest(again)


def test_the_notes_count_rows_that_the_model_learned_from(audited, promoted):
    workspace, parent, child, _ = audited
    trained = workspace.read_table(workspace.artifacts(parent.id)["rows"].digest)
    texts = set(trained.loc[trained["split"] != "test", "text"])
    mine = workspace.read_table(workspace.artifacts(child.id)["rows"].digest)
    data = workspace.read_json(workspace.artifacts(child.id)["data"].digest)
    assert data["counts"]["trained_texts"] == sum(text in texts for text in mine["text"])
    assert data["notes"][0].startswith(f"{data['counts']['trained_texts']} of 150 rows have a text")


def test_a_group_that_is_gone_leaves_the_evidence_insufficient(promoted, shared, tmp_path):
    _, workspace, _, _ = promoted
    rows = [row for row in shared.lending_rows(80, seed=5) if row["race"] == "white"]
    path = shared.write_csv(tmp_path / "white.csv", rows)
    outcome = audit_promoted(workspace, "production", path, quiet)
    controls = {control.id: control for control in outcome.decisions[0].controls}
    assert outcome.outcome == "insufficient_evidence"
    assert controls["E-3"].outcome == "insufficient_evidence"
    data = workspace.read_json(workspace.artifacts(outcome.run_id)["data"].digest)
    assert data["groups"]["race"] == ["black", "white"]
    assert "race: no row here, so nothing can be measured: black." in " ".join(data["notes"]).replace("'", "")


def test_it_cannot_be_promoted_signed_by_an_author_resumed_or_audited_again(audited, promoted):
    workspace, parent, child, _ = audited
    people = promoted[3]
    with pytest.raises(UsageError, match=f"{child.id} is an audit of run {parent.id} in use.*never promoted"):
        promote_run(workspace, child.id, "staging", people["cy"])
    with pytest.raises(UsageError, match="has no author"):
        sign_run(workspace, child.id, people["ada"], "author")
    with pytest.raises(UsageError, match="no such audit is audited again"):
        pipeline.reaudit(child.id, workspace, "quality", quiet)
    assert current(Ledger(workspace), "staging") is None


def test_its_tables_can_go_while_what_is_in_use_stays(promoted, shared, tmp_path):
    from rai_tune import load
    from rai_tune.retention import delete_run

    _, workspace, run_id, _ = promoted
    path = shared.write_csv(tmp_path / "more.csv", shared.lending_rows(40, seed=8))
    child = audit_promoted(workspace, "production", path, quiet).run_id
    done, _ = delete_run(workspace, child, "the review is over")
    assert {"rows", "predictions"} <= {item.name for item in done.going}
    assert not any(item.name.startswith("model/") for item in done.items)
    load("production", workspace)
    with pytest.raises(ConflictError, match=f"production serves run {run_id}"):
        delete_run(workspace, run_id, "over")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda row: row.pop("deny"), "'deny', which is not there"),
        (lambda row: row.pop("debt"), "debt"),
        (lambda row: row.pop("race"), "race"),
        (lambda row: row.update(deny="maybe"), "says 'maybe', which the model does not know"),
        (lambda row: row.update(deny=""), "'deny' is empty in 20 of 20 rows"),
    ],
)
def test_rows_of_another_form_are_refused_and_nothing_is_stored(promoted, shared, tmp_path, change, says):
    _, workspace, _, _ = promoted
    rows = shared.lending_rows(20, seed=2)
    for row in rows:
        change(row)
    path = shared.write_csv(tmp_path / "odd.csv", rows)
    before = workspace.runs(), Ledger(workspace).head()
    with pytest.raises(UsageError, match=says):
        audit_promoted(workspace, "production", path, quiet)
    assert (workspace.runs(), Ledger(workspace).head()) == before


def test_the_command_prints_the_report_and_every_refusal_has_its_exit_code(promoted, fresh, cli, tmp_path):
    folder, workspace, run_id, _ = promoted
    at = ("--workspace", str(workspace.root))
    done = cli(
        "audit", "production", "--data", "fresh.csv", "--json", "--pdf", str(tmp_path / "r.pdf"), *at, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["run"]["id"] == workspace.runs(1)[0].id != run_id
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")
    for arguments, says in (
        (("staging", "--data", "fresh.csv"), "nothing was ever promoted to staging"),
        (("production", "--data", "none.csv"), "none.csv: there is no such file"),
        (("production", "--data", "easy.yaml"), "must end in .csv"),
        ((run_id, "--data", "fresh.csv"), "is a stored run"),
        (("production",), "name the new rows with --data"),
        (("production", "--data", "fresh.csv", "--suite", "fairness"), "--suite cannot be joined with --data"),
        (("--data", "fresh.csv", "--predictions", "rows.csv"), "--data is for what is in use"),
    ):
        refused = cli("audit", *arguments, *at, cwd=folder)
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert says in refused.stderr


def test_a_served_byte_that_changed_is_exit_6(promoted, fresh, cli, tmp_path):
    folder, workspace, _, _ = promoted
    copy = tmp_path / "w"
    shutil.copytree(workspace.root, copy)
    digest = current(Ledger(workspace), "production").files["model/adapter_model.safetensors"]
    for path in (copy / "artifacts" / digest[:2] / digest, *copy.glob("served/*/model/adapter_model.safetensors")):
        path.chmod(0o644)
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    before = len(Workspace.open(copy).runs())
    refused = cli("audit", "production", "--data", "fresh.csv", "--workspace", str(copy), cwd=folder)
    assert refused.returncode == 6, refused.stderr
    assert "is not the file that was promoted" in refused.stderr
    assert len(Workspace.open(copy).runs()) == before
    with pytest.raises(IntegrityError):
        audit_promoted(Workspace.open(copy), "production", fresh, quiet)
