"""Controls by clause, and what differs between a stored decision and one made again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rai_tune.reporting.model import ControlRow, DecisionView
from rai_tune.reporting.redecided import by_clause, clause_of, differences, open_first


def control(name, **fields):
    texts = dict.fromkeys(
        ("title", "asks", "mode", "reason", "threshold", "origin", "source", "settle", "standing"), ""
    )
    filled = {
        "severity": "blocks",
        "outcome": "pass",
        "word": "met",
        "icon": "✓",
        "reference": "Art. 1",
        "condition": "",
        "people": (),
        "sources": (),
        "readings": (),
        "readings_left_out": 0,
    }
    return ControlRow(id=name, **{**texts, **filled, **fields})


def decision(policy, *controls):
    return DecisionView(policy, policy, "1.0.0", "d" * 64, "pass", "Passed", "✓", (), controls)


@pytest.mark.parametrize(
    ("reference", "clause"),
    [
        ("Art. 10(3); Art. 3(32)", "Art. 10"),
        ("Art. 15(1) and (3)", "Art. 15"),
        ("Annex IV(2)(g)", "Annex IV"),
        ("29 CFR 1607.4(D), second and third sentences", "29 CFR 1607.4"),
        ("SR 26-2, section V, outcomes analysis", "SR 26-2, section V"),
        ("ISO/IEC 42001:2023, A.6.2.8", "ISO/IEC 42001:2023, A.6"),
        ("MEASURE 2.11", "MEASURE 2"),
        ("Baseline, section 4", "Baseline"),
        ('6 RCNY 5-301(b)(2); 5-300 "impact ratio"', "6 RCNY 5-301"),
        ("Final rule of 22 April 2026 (FR document 2026-07804)", "Final rule of 22 April 2026"),
        ("(unnamed)", "(unnamed)"),
    ],
)
def test_the_clause_of_a_reference(reference, clause):
    assert clause_of(reference) == clause


def test_controls_of_one_article_stand_together_in_the_order_of_the_pack():
    rows = [control(name, reference=f"Art. {art}(1)") for name, art in (("a", 9), ("b", 10), ("c", 9))]
    assert {clause: [row.id for row in found] for clause, found in by_clause(rows).items()} == {
        "Art. 9": ["a", "c"],
        "Art. 10": ["b"],
    }


def test_only_what_ends_weighs_or_measures_otherwise_differs():
    same, waits = control("same"), control("waits", outcome="awaiting_signoff", word="waiting for a person")
    stored = decision("p", same, waits, control("idle", severity="for information"), control("gone"))
    again = decision(
        "p",
        replace(same, reason="other words"),
        replace(waits, outcome="pass", word="met"),
        control("idle"),
        control("new", threshold="at least 0.8"),
    )
    found = differences([stored, decision("q", control("x"))], [again])
    assert [(item.either.id, item.before is None, item.after is None) for item in found] == [
        ("waits", False, False),
        ("idle", False, False),
        ("new", True, False),
        ("gone", False, True),
    ]
    assert {item.policy for item in found} == {"p"}


def test_a_pack_that_never_decided_differs_whole():
    assert [item.before for item in differences([], [decision("p", control("a"), control("b"))])] == [None, None]


def test_open_controls_come_worst_first_and_those_that_block_before_others():
    rows = [
        control("warned", outcome="fail", severity="warns"),
        control("met"),
        control("waiting", outcome="awaiting_signoff"),
        control("unknown", outcome="insufficient_evidence"),
        control("failed", outcome="fail"),
        control("idle", outcome="not_applicable"),
    ]
    assert [row.id for row in open_first(rows)] == ["failed", "unknown", "waiting", "warned"]
