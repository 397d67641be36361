"""The checks ``coverage`` and ``presence``: they pass or leave the evidence insufficient, and never fail."""

from __future__ import annotations

import pytest


def coverage(make, **fields):
    limit = {**make.limit, "value": 30}
    return {"kind": "coverage", "audit": "rates", "metric": "group_size", "threshold": limit, **fields}


def sizes(make, **rows):
    return [
        make.measurement(count, metric="group_size", attribute="race", group=group, n=500)
        for group, count in rows.items()
    ]


def test_every_declared_group_needs_the_rows_and_unknown_needs_none(make):
    found = make.one(coverage(make), make.evidence(make.result(*sizes(make, a=30, b=400, unknown=0))))
    assert found.outcome == "pass"
    assert found.direction == "at_least"
    assert [reading.group for reading in found.readings] == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "named"),
    [({"a": 29, "b": 400}, "group 'a' of 'race' (29 rows)"), ({"b": 400}, "group 'a' of 'race' (not in the evidence)")],
)
def test_a_short_or_absent_group_is_named_and_never_fails(make, rows, named):
    found = make.one(coverage(make), make.evidence(make.result(*sizes(make, **rows))))
    assert found.outcome == "insufficient_evidence"
    assert named in found.reason
    assert "at least 30 rows" in found.settle


def test_other_metrics_count_by_their_n_and_need_a_number(make):
    check = coverage(make, metric="selection_rate")
    known = make.measurement(0.4, metric="selection_rate", attribute="race", group="a", n=31)
    few = make.measurement(0.4, metric="selection_rate", attribute="race", group="b", n=29)
    gap = make.measurement("not_estimable", metric="selection_rate", attribute="race", group="b", n=40)
    more = make.measurement(0.4, metric="selection_rate", attribute="race", group="b", n=30)
    outcomes = [make.one(check, make.evidence(make.result(known, item))).outcome for item in (few, gap, more)]
    assert outcomes == ["insufficient_evidence", "insufficient_evidence", "pass"]


def test_coverage_without_groups_or_without_the_audit(make):
    found = make.one(coverage(make), make.evidence(make.result(*sizes(make, a=50, b=50)), groups={}))
    assert (found.outcome, found.reason) == ("insufficient_evidence", "the recipe declares no groups")
    found = make.one(coverage(make), make.evidence())
    assert (found.outcome, found.reason) == ("insufficient_evidence", "the audit rates is not in the evidence")
    only_unknown = make.evidence(make.result(*sizes(make, unknown=50)), groups={"race": ("unknown",)})
    assert make.one(coverage(make), only_unknown).outcome == "insufficient_evidence"


def presence(**fields):
    return {"kind": "presence", "audits": ["rates"], **fields}


def test_presence_needs_measurements_artifacts_and_metrics(make):
    full = make.result(make.measurement(1.0), artifacts={"table": "digest"})
    seen = make.evidence(full)
    assert make.one(presence(artifacts=["table"], metrics=["impact_ratio"]), seen).outcome == "pass"
    for missing, named in (
        (presence(artifacts=["other"]), "no artifact 'other'"),
        (presence(metrics=["accuracy"]), "no metric 'accuracy'"),
        (presence(audits=["rates", "quality"]), "the audit quality is not in the evidence"),
    ):
        found = make.one(missing, seen)
        assert found.outcome == "insufficient_evidence"
        assert named in found.reason
    empty = make.one(presence(), make.evidence(make.result()))
    assert (empty.outcome, empty.reason) == ("insufficient_evidence", "the audit rates measured nothing")


def test_a_metric_without_a_number_is_not_there_and_one_that_does_not_apply_takes_the_check_with_it(make):
    def outcome(*items):
        return make.one(presence(metrics=["accuracy", "recall"]), make.evidence(make.result(*items)))

    number = make.measurement(0.9, metric="accuracy")
    no_number = make.measurement("not_estimable", metric="recall")
    beside = make.measurement("not_applicable", metric="recall")
    both = (make.measurement("not_applicable", metric="accuracy"), beside)
    assert outcome(number, no_number).outcome == "insufficient_evidence"
    assert "no number for recall" in outcome(number, no_number).reason
    assert outcome(number, beside).outcome == "insufficient_evidence"
    assert outcome(*both).outcome == "not_applicable"
    assert outcome(both[0], no_number).outcome == "insufficient_evidence"


@pytest.mark.parametrize("status", ["not_estimable", "suppressed", "not_applicable"])
def test_an_audit_that_came_to_no_number_is_not_there(make, status):
    check = {"kind": "presence", "audits": ["rates"]}
    found = make.one(check, make.evidence(make.result(make.measurement(status, metric="accuracy"))))
    assert (found.outcome, "came to no number" in found.reason) == ("insufficient_evidence", True)
    beside = make.result(make.measurement(status, metric="accuracy"), make.measurement(0.5, metric="other"))
    assert make.one(check, make.evidence(beside)).outcome == "pass"
