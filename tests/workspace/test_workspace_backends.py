"""One suite that every database passes: SQLite always, PostgreSQL where ``RAITUNE_TEST_POSTGRES`` names one."""

from __future__ import annotations

import math
import os
import re
from dataclasses import replace

import pytest

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.workspace import ArtifactRef, MetricPoint, Workspace
from rai_tune.workspace.records import TRANSITIONS, WORKING


def _empty_schema(url: str, worker: str) -> str:
    """An empty schema of this test process alone, and the URL that sees nothing else."""
    from sqlalchemy import create_engine, make_url, text

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{worker}" CASCADE'))
        connection.execute(text(f'CREATE SCHEMA "{worker}"'))
    engine.dispose()
    narrowed = make_url(url).update_query_dict({"options": f"-c search_path={worker}"})
    return narrowed.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def workspace(request, tmp_path, monkeypatch, worker_id):
    monkeypatch.delenv("RAITUNE_ARTIFACTS_URL", raising=False)
    monkeypatch.delenv("RAITUNE_DATABASE_URL", raising=False)
    if request.param == "postgresql":
        url = os.environ.get("RAITUNE_TEST_POSTGRES")
        if not url:
            pytest.skip("RAITUNE_TEST_POSTGRES names no PostgreSQL database to test against")
        monkeypatch.setenv("RAITUNE_DATABASE_URL", _empty_schema(url, worker_id))
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


def _run(workspace, name="demo", **more):
    return workspace.create_run(
        name=name,
        recipe={"name": name, "lr": 1.0, "café": "é"},
        recipe_digest="a" * 64,
        policies={"base": "b" * 64},
        **more,
    )


def _bring(workspace, run_id, state):
    """Walk a fresh run to ``state`` by allowed steps."""
    paths = {"created": (), "completed": (*WORKING, "completed")}
    paths |= {state: ("preparing", "training", state) for state in ("diverged", "trained", "pruned")}
    for step in paths.get(state, WORKING[: WORKING.index(state) + 1] if state in WORKING else (state,)):
        workspace.set_state(run_id, step)


def test_a_run_comes_back_as_it_was_created(workspace):
    run = _run(workspace)
    assert re.fullmatch(r"demo-[0-9a-f]{8}", run.id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", run.created_at)
    assert (run.state, run.recipe, run.policies) == (
        "created",
        {"name": "demo", "lr": 1.0, "café": "é"},
        {"base": "b" * 64},
    )
    assert run.policies_frozen_at == run.created_at
    assert run.pid == os.getpid()
    assert workspace.run(run.id) == run
    with Workspace.open(workspace.root) as again:
        assert again.run(run.id) == run


def test_runs_are_newest_first_even_within_one_clock_tick(workspace, monkeypatch):
    monkeypatch.setattr("rai_tune.workspace.runs.now", lambda: "2026-01-01T00:00:00.000000Z")
    ids = [_run(workspace).id for _ in range(3)]
    assert [run.id for run in workspace.runs()] == ids[::-1]
    assert [run.id for run in workspace.runs(limit=2)] == ids[:0:-1]
    assert workspace.run("latest").id == ids[-1]


def test_latest_of_an_empty_workspace_is_a_usage_error(workspace):
    with pytest.raises(UsageError, match="no run here yet"):
        workspace.run("latest")


def test_an_unknown_id_suggests_the_near_one_and_a_prefix_is_not_enough(workspace):
    run = _run(workspace, name="lending")
    typo = run.id[:-1] + ("0" if run.id[-1] != "0" else "1")
    with pytest.raises(UsageError, match=f"Did you mean {run.id}"):
        workspace.run(typo)
    with pytest.raises(UsageError, match="is not a run id"):
        workspace.run("lending")


@pytest.mark.parametrize("bad", ["../x", "..", "", "a/../b-00000000", "x-0000000\x00", "latest/../x-00000000"])
def test_an_id_that_could_leave_the_workspace_is_refused_everywhere(workspace, bad):
    for call in (workspace.run, workspace.run_dir, workspace.is_alive, workspace.artifacts, workspace.metrics):
        with pytest.raises(UsageError):
            call(bad)
    with pytest.raises(UsageError), workspace.claim(bad):
        pass
    assert not (workspace.root / "runs").exists()


def test_a_parent_must_exist(workspace):
    first = _run(workspace)
    assert _run(workspace, parent=first.id).parent == first.id
    with pytest.raises(UsageError, match="no run"):
        _run(workspace, parent="ghost-00000000")
    assert len(workspace.runs()) == 2


def test_every_step_from_every_state_is_allowed_or_refused_as_the_table_says(workspace):
    for start, allowed in TRANSITIONS.items():
        for target in TRANSITIONS:
            run = _run(workspace)
            _bring(workspace, run.id, start)
            if target in allowed:
                workspace.set_state(run.id, target)
                assert workspace.run(run.id).state == target
            else:
                with pytest.raises(ConflictError, match=f"is {start}; it can become"):
                    workspace.set_state(run.id, target)
                assert workspace.run(run.id).state == start


def test_what_may_be_resumed():
    resumable = {state for state, allowed in TRANSITIONS.items() if "preparing" in allowed}
    assert resumable == {"created", *WORKING, "failed", "interrupted", "trained"}
    assert TRANSITIONS["completed"] == {"deciding"}
    assert "completed" in TRANSITIONS["deciding"]
    assert not TRANSITIONS["diverged"]
    assert not TRANSITIONS["pruned"]
    # A trial ends before the test rows, and is never completed without going on.
    assert "trained" in TRANSITIONS["training"]
    assert "completed" not in TRANSITIONS["trained"]


def test_latest_names_no_trial_unless_it_was_chosen(workspace):
    def trial(name):
        run = _run(workspace, name)
        workspace.attach(run.id, "trial", workspace.put_json({"search": "s-00000001"}), "application/json")
        return run.id

    first = trial("first")
    with pytest.raises(UsageError, match="no run here yet but trials"):
        workspace.run("latest")
    plain = _run(workspace, "plain").id
    trial("second")
    assert workspace.run("latest").id == plain
    chosen = trial("third")
    trial("fourth")
    workspace.attach(chosen, "selection", workspace.put_json({}), "application/json")
    assert workspace.run("latest").id == chosen
    assert workspace.run(first).id == first


def test_an_error_is_kept_with_the_failure_and_cleared_by_the_resume(workspace):
    run = _run(workspace)
    workspace.set_state(run.id, "failed", error="no such file: caf\udce9.csv")
    failed = workspace.run(run.id)
    assert failed.error == "no such file: caf\\udce9.csv"
    assert failed.resumable
    workspace.set_state(run.id, "preparing")
    assert workspace.run(run.id).error is None


def test_facts_are_set_one_by_one_and_unknown_names_are_refused(workspace):
    run = _run(workspace)
    workspace.update_run(run.id, data_digest="d" * 64)
    workspace.update_run(run.id, verdict="fail", model_digest="e" * 64)
    found = workspace.run(run.id)
    assert (found.data_digest, found.model_digest, found.verdict) == ("d" * 64, "e" * 64, "fail")
    assert found.updated_at > run.updated_at
    assert replace(found, updated_at="", data_digest=None, model_digest=None, verdict=None) == replace(
        run, updated_at=""
    )
    with pytest.raises(TypeError, match="policies"):
        workspace.update_run(run.id, policies="anything", verdict="pass")
    assert workspace.run(run.id).verdict == "fail"


def test_attach_replaces_by_name_and_keeps_the_replaced_row(workspace):
    run, other = _run(workspace), _run(workspace)
    one, two = workspace.put_bytes(b"one"), workspace.put_bytes(b"second")
    for digest in (one, two, two, one):
        workspace.attach(run.id, "report", digest, "text/plain")
    workspace.attach(other.id, "report", two, "text/plain")
    assert workspace.artifacts(run.id) == {"report": ArtifactRef("report", one, 3, "text/plain")}
    assert workspace.artifacts(other.id)["report"].size == 6
    from sqlalchemy import text

    with workspace._database.read() as session:
        history = session.execute(
            text("SELECT digest, superseded FROM artifacts WHERE run_id = :run ORDER BY id"), {"run": run.id}
        ).all()
    assert [(digest, bool(old)) for digest, old in history] == [(one, True), (two, True), (one, False)]


def test_attach_refuses_what_is_not_stored(workspace):
    run = _run(workspace)
    with pytest.raises(IntegrityError, match="missing"):
        workspace.attach(run.id, "ghost", "0" * 64, "text/plain")
    with pytest.raises(IntegrityError, match="not an artifact digest"):
        workspace.attach(run.id, "climb", "../../raitune.db", "text/plain")
    assert workspace.artifacts(run.id) == {}


def test_metrics_keep_what_was_seen_also_when_it_is_not_finite(workspace):
    run = _run(workspace)
    workspace.add_metrics(run.id, 20, 2.0, {"loss": math.nan, "up": math.inf, "down": -math.inf})
    workspace.add_metrics(run.id, 10, 1.0, {"loss": 0.1 + 0.2})
    workspace.add_metrics(run.id, 10, 1.0, {"eval_loss": 5e-324})
    first, second = workspace.metrics(run.id)
    assert first == MetricPoint(10, 1.0, {"eval_loss": 5e-324, "loss": 0.1 + 0.2})
    assert math.isnan(second.values["loss"])
    assert (second.step, second.values["up"], second.values["down"]) == (20, math.inf, -math.inf)


def test_a_resumed_run_logs_a_step_again_and_the_later_value_counts(workspace):
    run, other = _run(workspace), _run(workspace)
    workspace.add_metrics(other.id, 5, 0.5, {"loss": 9.0})
    workspace.add_metrics(run.id, 5, 0.5, {"loss": 1.0, "grad": 3.0})
    workspace.add_metrics(run.id, 5, 0.5, {"loss": 2.0})
    assert workspace.metrics(run.id) == (MetricPoint(5, 0.5, {"grad": 3.0, "loss": 2.0}),)
    assert workspace.metrics(other.id)[0].values == {"loss": 9.0}


def test_checkpoints_come_by_step_and_the_last_word_on_a_step_counts(workspace):
    run = _run(workspace)
    for step, digest in ((20, "a"), (3, "b"), (100, "c"), (20, "d")):
        workspace.add_checkpoint(run.id, step, {"adapter.safetensors": digest * 64})
    assert [(c.step, c.manifest["adapter.safetensors"][0]) for c in workspace.checkpoints(run.id)] == [
        (3, "b"),
        (20, "d"),
        (100, "c"),
    ]


def test_decisions_accumulate_newest_first(workspace):
    run = _run(workspace)
    first = workspace.save_decision(run.id, {"outcome": "fail", "controls": [{"id": "x", "value": 0.5}]})
    second = workspace.save_decision(run.id, {"outcome": "pass", "controls": []})
    assert second > first
    found = workspace.decisions(run.id)
    assert [decision["outcome"] for decision in found] == ["pass", "fail"]
    assert found[1]["controls"] == [{"id": "x", "value": 0.5}]
    assert found[0]["created_at"] >= found[1]["created_at"] > run.created_at


def test_a_number_that_is_not_one_never_enters_a_decision(workspace):
    run = _run(workspace)
    with pytest.raises(Exception, match="JSON compliant"):
        workspace.save_decision(run.id, {"value": math.nan})
    assert workspace.decisions(run.id) == ()


def test_openings_count_distinct_runs_per_test_set(workspace):
    first, second = _run(workspace), _run(workspace)
    assert workspace.open_test_rows(first.id, "t" * 64) == 1
    assert workspace.open_test_rows(first.id, "t" * 64) == 1
    assert workspace.open_test_rows(second.id, "u" * 64) == 1
    assert workspace.open_test_rows(second.id, "t" * 64) == 2


def test_a_crash_in_the_middle_of_a_change_leaves_nothing_of_it(workspace):
    run = _run(workspace)
    with pytest.raises(ValueError, match="could not convert"):
        workspace.add_metrics(run.id, 1, 0.1, {"loss": 1.0, "bad": "word"})
    assert workspace.metrics(run.id) == ()


def test_run_dir_is_made_inside_the_workspace(workspace):
    run = _run(workspace)
    assert workspace.run_dir(run.id) == workspace.root / "runs" / run.id
    assert workspace.run_dir(run.id).is_dir()
    with pytest.raises(UsageError, match="no run"):
        workspace.run_dir("ghost-00000000")
    assert not (workspace.root / "runs" / "ghost-00000000").exists()
