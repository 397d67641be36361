"""``raitune gate``: control by control in 80 columns, and decisions for another day."""

from __future__ import annotations

import json
import sys

import pytest

import small_run
from rai_tune.workspace import Workspace

PACK = """
id: own
version: 0.1.0
title: Own
issuer: Us
summary: For a test.
status: in_force
verified_on: 2026-11-25
sources: [clause 7]
controls:
  - id: P-1
    reference: Section 1
    title: Accurate
    asks: It is right often enough.
    mode: automated
    severity: block
    when: 'run.test_openings == run.test_openings'
    check:
      kind: bound
      audit: task_quality
      metric: accuracy
      over: overall
      direction: at_least
      threshold: {value: 0.8, origin: organisation, source: The committee of May 2026}
  - id: P-2
    reference: Section 2
    title: Logs are kept
    asks: Logs are kept for six months.
    mode: automated
    severity: block
    status: future
    applies_from: 2999-12-02
    check: {kind: retention, of: logs, threshold: {value: 184, origin: law, source: Article 19(1)}}
"""


@pytest.fixture
def small():
    return small_run


@pytest.fixture
def gate(tmp_path, monkeypatch, capsys, small):
    """Run ``raitune gate latest`` on a small stored run; returns (exit code, stdout, stderr, decisions that are stored)."""
    from rai_tune.cli import main

    (tmp_path / "own.yaml").write_text(PACK, encoding="utf-8")
    with Workspace.open(tmp_path / "ws") as workspace:
        run = small.complete_run(workspace)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments):
        asked = ["raitune", "gate", run.id, "--workspace", "ws", "--policy", "own.yaml", *arguments]
        monkeypatch.setattr(sys, "argv", asked)
        code = main._guarded()
        out, err = capsys.readouterr()
        with Workspace.open(tmp_path / "ws") as workspace:
            return code, out, err, len(workspace.decisions(run.id))

    return call


def test_each_control_shows_what_it_read_and_where_its_threshold_comes_from(gate):
    code, out, err, stored = gate()
    assert (code, err, stored) == (0, "", 1)
    assert all(len(line) <= 80 for line in out.splitlines())
    words = " ".join(out.split())
    assert "Read: Accuracy 90.0 % (95% interval 85.0 to 95.0 %), deciding bound 85.0 %, n 500: met" in words
    assert "Threshold: at least 80.0 %, the organisation's choice. The committee of May 2026" in words
    assert "Applies when: run.test_openings == run.test_openings" in words
    assert "? P-2 Logs are kept - not enough evidence (for information)" in words
    assert "It applies from 2999-12-02: until then shown for information, it does not block." in words
    assert "Threshold: at least 184 days, from law. Article 19(1)" in words
    assert "To settle it: State system.retention.logs_days in the recipe." in words


def test_a_decision_for_another_day_is_shown_and_not_kept(gate):
    gate()
    code, out, err, stored = gate("--as-of", "2999-12-02", "--json")
    body = json.loads(out)
    assert (code, stored) == (4, 1)
    assert [decision["as_of"] for decision in body["decisions"]] == ["2999-12-02"]
    assert [(control["id"], control["severity"]) for control in body["controls"]] == [
        ("P-1", "block"),
        ("P-2", "block"),
    ]
    assert "Decided as on 2999-12-02 and not kept" in err
    _, out, _, _ = gate("--as-of", "2999-12-01")
    assert "Decided as of 2999-12-01." in out


@pytest.mark.parametrize("day", ["2026-02-30", "20261126", "tomorrow", "", "2026-11-26T10:00", "٢٠٢٦-١١-٢٦"])
def test_a_bad_day_is_refused_and_nothing_is_decided(gate, day):
    code, out, err, stored = gate("--as-of", day)
    assert (code, out, stored) == (2, "", 0)
    assert "is not a day; write it as" in err


def test_a_list_of_policies_without_a_name_is_refused(gate):
    code, _, err, stored = gate("--policy", " , ")
    assert (code, stored) == (2, 0)
    assert "--policy names no policy" in err
