"""Crossed groups at the gate: judged where the recipe declares the crossing, and never because an audit crossed attributes on its own."""

import pandas as pd
import pytest
import yaml

from rai_tune.core import UsageError
from rai_tune.gate import load_policy
from rai_tune.recipe.audits import AuditsSpec
from rai_tune.table_audit import TableQuestion, audit_predictions

# Each sex and each race is selected at 0.5; two of the four crossed groups at 0.2.
RATES = {("f", "B"): 100, ("f", "w"): 400, ("m", "B"): 400, ("m", "w"): 100}


def pack(tmp_path, **changes):
    check = {
        "kind": "bound",
        "audit": "group_rates",
        "metric": "impact_ratio",
        "over": "pairs",
        "direction": "at_least",
        "threshold": {"value": 0.8, "origin": "guidance", "source": "29 CFR 1607.4(D)"},
    }
    check = {key: value for key, value in {**check, **changes}.items() if value is not None}
    control = {
        "id": "C-1",
        "reference": "1",
        "title": "Ratio",
        "asks": "Something.",
        "mode": "automated",
        "severity": "block",
    }
    body = {
        "schema": "rai-tune/policy/v1",
        "id": "trial",
        "version": "1.0.0",
        "title": "Trial",
        "issuer": "A test",
        "summary": "For tests.",
        "status": "organisation",
        "verified_on": "2026-11-25",
        "sources": ["a test"],
        "controls": [{**control, "check": check}],
    }
    path = tmp_path / "trial.yaml"
    path.write_text(yaml.safe_dump(body))
    return str(path)


def decided(policy, *, intersections=False):
    rows = [
        {"sex": sex, "race": race, "hired": int(place < selected)}
        for (sex, race), selected in RATES.items()
        for place in range(500)
    ]
    question = TableQuestion(
        table=pd.DataFrame(rows),
        prediction="hired",
        favourable="1",
        groups={"sex": (), "race": ()},
        intersections=intersections,
    )
    found = audit_predictions(question, (policy,), AuditsSpec())
    [control] = found.decisions[0].controls
    return control, found


def test_a_check_always_names_its_audit(tmp_path):
    with pytest.raises(UsageError, match="audit"):
        load_policy(pack(tmp_path, audit=None))


def test_a_check_of_group_rates_does_not_pick_up_the_crossings_of_another_audit(tmp_path):
    control, found = decided(pack(tmp_path))
    crossed = [
        item
        for result in found.inputs.results
        for item in result.measurements
        if item.audit == "intersections" and item.metric == "impact_ratio" and item.status == "ok"
    ]
    assert min(item.value for item in crossed) == 0.25
    assert {item.attribute for item in crossed} == {"sex x race"}
    assert control.outcome == "pass"
    assert {(item.audit, item.attribute) for item in control.readings} == {
        ("group_rates", "sex"),
        ("group_rates", "race"),
    }


def test_a_declared_crossing_is_judged_over_all_its_ordered_pairs(tmp_path):
    control, _ = decided(pack(tmp_path), intersections=True)
    assert control.outcome == "fail"
    read = [item for item in control.readings if item.attribute == "sex & race"]
    assert len(read) == 12
    assert "adjusted for 12 comparisons" in control.reason


def test_a_check_of_the_audit_that_crosses_on_its_own_is_no_way_round_declared_groups(tmp_path):
    control, _ = decided(pack(tmp_path, audit="intersections"))
    assert control.outcome == "insufficient_evidence"
    assert "no measurement of impact_ratio" in control.reason
    named, _ = decided(pack(tmp_path, audit="intersections", attributes=["sex x race"]))
    assert named.outcome == "insufficient_evidence"
    assert "declares no group attribute 'sex x race'" in named.reason
