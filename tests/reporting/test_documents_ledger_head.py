"""The ledger's head, printed by every report: whole, and honest about an empty ledger."""

from __future__ import annotations

import io
from dataclasses import replace

import pikepdf

from rai_audits.core.plugins import TaskInfo
from rai_tune.reporting import build_view, render_report, report_json, summary_text
from rai_tune.reporting.ledger import EMPTY
from rai_tune.reporting.table_view import TableFacts

ROOT = "9f" * 32
HEAD = {"size": 1204, "root": ROOT, "at": "2026-11-26T14:00:00.000000Z"}


def test_terminal_prints_size_and_whole_root_within_80_columns(make_inputs):
    text = summary_text(build_view(make_inputs(ledger=HEAD)))
    assert "Head of the ledger: 1,204 entries, signed at 2026-11-26T14:00:00.000000Z." in text
    assert f"  root {ROOT}\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_empty_ledger_is_called_empty_and_never_has_a_root(make_inputs):
    inputs = make_inputs()
    assert EMPTY in summary_text(build_view(inputs))
    assert report_json(inputs)["ledger"] == {"size": 0, "root": None, "at": None}
    assert report_json(inputs)["statement"] is None
    # A size without a root is no head.
    assert build_view(make_inputs(ledger={"size": 3, "root": ""})).ledger.text == EMPTY


def test_json_holds_the_head_and_the_statement(make_inputs):
    told = report_json(make_inputs(ledger=HEAD, statement="8" * 64))
    assert told["ledger"] == HEAD
    assert told["statement"] == "8" * 64


def test_the_head_changes_no_evidence_digest(make_inputs):
    assert build_view(make_inputs(ledger=HEAD)).evidence_digest == build_view(make_inputs()).evidence_digest


def test_how_to_check_asks_for_a_head_only_where_there_is_one(make_inputs):
    assert "raitune ledger verify --head ROOT" in build_view(make_inputs(ledger=HEAD)).ledger.how
    assert "--head" not in build_view(make_inputs()).ledger.how


def test_a_table_of_predictions_has_no_ledger(make_inputs):
    task = TaskInfo(("approved", "denied"), "denied", "approved", None, {})
    facts = TableFacts(origin="t.csv", rows=10, task=task, columns={"label": "deny"})
    table = replace(make_inputs(ledger=HEAD), table=facts)
    assert "ledger" not in summary_text(build_view(table)).lower()
    assert "ledger" not in report_json(table)


def test_last_page_of_the_pdf_says_how_to_verify(make_inputs):
    body = render_report(make_inputs(ledger=HEAD, statement="8" * 64))
    with pikepdf.open(io.BytesIO(body)) as pdf:
        titles = [str(item.title) for item in pdf.open_outline().root]
    assert any(title.endswith("Ledger and how to verify") for title in titles[-3:])
