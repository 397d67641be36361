"""Waivers, statements, conditions and dates of a control, as reports, the terminal and JSON show them."""

from __future__ import annotations

import io
from datetime import date

import pytest
from rich.console import Console

from rai_tune.gate import evaluate, policy_digest
from rai_tune.gate.decision import Attestation, Waiver
from rai_tune.reporting import decisions_json, print_decisions
from rai_tune.reporting.controls import decision_view, headline

AT = "2026-11-26T10:00:00+00:00"


@pytest.fixture
def decision(make):
    limit = {**make.limit, "origin": "law", "source": "Section 9"}
    pack = make.policy(
        make.control(make.bound_check(metric="accuracy", over="overall"), title="Accurate"),
        make.control(None, id="C-2", mode="attestation", title="Overseen", when="system.workplace"),
        make.control(
            {"kind": "signature", "role": "reviewer", "people": {**limit, "value": 2}},
            id="C-3",
            applies_until="2026-11-01",
        ),
        make.control(
            {"kind": "retention", "of": "logs", "threshold": {**limit, "value": 1}}, id="C-4", severity="warn"
        ),
        make.control(
            {"kind": "freshness", "of": "evaluation", "threshold": {**limit, "value": 365}}, id="C-5", severity="warn"
        ),
        make.control(
            {"kind": "expression", "expression": "data.rows > limit", "threshold": {**limit, "value": 2000}},
            id="C-6",
            severity="warn",
        ),
    )
    about = {
        "policy_id": "trial",
        "policy_digest": policy_digest(pack),
        "model_digest": make.model,
        "key_id": "k",
        "at": AT,
    }
    text = "Two clerks read each refusal before it is sent."
    seen = make.evidence(
        make.result(make.measurement(0.5, metric="accuracy", lower=0.45, upper=0.55)),
        author="Ada",
        facts={"system": {"workplace": True}, "data": {"rows": 5000}},
        attestations=(Attestation(control="C-2", text=text, person="Kim", **about),),
        waivers=(Waiver(control="C-1", reason="In May.", until="2027-01-31", person="Bo", **about),),
    )
    return evaluate((pack, policy_digest(pack)), seen, date(2026, 11, 26))


def test_a_control_says_who_attested_who_waived_and_when_it_applies(decision):
    first, second, third, *rest = decision_view(decision, 0.95).controls
    assert (first.outcome, first.word) == ("fail", "fail (waived until 2027-01-31)")
    assert first.people == ("Waived by Bo until 2027-01-31; the outcome stays what it is.",)
    assert (second.people, second.condition) == (("Attested by Kim.",), "system.workplace")
    assert (third.threshold, third.severity) == ("at least 2 people", "for information")
    assert third.standing.startswith("superseded, not binding, applies until 2026-11-01")
    assert [control.threshold for control in rest] == ["at least 1 day", "at most 365 days", "2,000"]
    assert all(control.condition == "" and control.people == () for control in rest)


def test_the_verdict_says_that_waivers_change_nothing(decision):
    told = headline({"state": "completed"}, [decision])
    assert told.outcome == "fail"
    assert "Waivers hold for every blocking control that is not met: they change no outcome" in told.sentence
    assert "must not be promoted" not in told.sentence
    bare = decision.model_copy(
        update={
            "promotable": False,
            "controls": tuple(c.model_copy(update={"waived_until": None}) for c in decision.controls),
        }
    )
    told = headline({"state": "completed"}, [bare])
    assert "The model must not be promoted." in told.sentence
    assert "aivers" not in told.sentence


def test_the_terminal_shows_it_in_80_columns(decision):
    out = io.StringIO()
    print_decisions([decision], Console(file=out, width=80, highlight=False, markup=False))
    assert all(len(line) <= 80 for line in out.getvalue().splitlines())
    words = " ".join(out.getvalue().replace("┃", " ").split())
    assert "✗ C-1 Accurate - fail (waived until 2027-01-31)" in words
    assert "Waived by Bo until 2027-01-31; the outcome stays what it is." in words
    assert "✓ C-2 Overseen - met" in words
    assert "Applies when: system.workplace Attested by Kim." in words
    assert "Threshold: at least 2 people, from law. Section 9" in words
    assert "Promotion would rest on waivers of C-1; they do not change the outcome." in words


def test_json_holds_every_new_field(decision):
    body = decisions_json([decision], suppress_below=0)
    first, second, third, *_ = body["controls"]
    assert (first["outcome"], first["waived_until"], first["waived_by"], first["kind"]) == (
        "fail",
        "2027-01-31",
        "Bo",
        "bound",
    )
    assert (second["attested_by"], second["condition"], second["kind"]) == ("Kim", "system.workplace", None)
    assert third["applies_until"] == "2026-11-01"
    assert (body["decisions"][0]["promotable"], body["decisions"][0]["exit_code"]) == (True, 3)
