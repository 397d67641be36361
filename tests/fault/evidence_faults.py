"""Faults in what was measured, when, and under which packs. Loaded by path; importing it registers them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from promotion_case import OTHER, fault, small

if TYPE_CHECKING:
    from promotion_case import Case

# Numbers and audits


def raw_result(case: Case, **changed: Any) -> None:
    """Store a result whose JSON holds what no honest writer can write."""
    body = case.result(small.accuracy()).to_json()
    body["measurements"][0] |= changed
    case.ws.attach(case.run.id, "audit:task_quality", case.ws.put_bytes(json.dumps(body).encode()), small.JSON)


@fault(r"measurements\.0\.estimate.*finite", 6, evidence=True)
def nan_estimate(case):
    case.ready()
    raw_result(case, estimate=float("nan"))


@fault(r"measurements\.0\.bounds\.0\.value.*finite", 6, evidence=True)
def infinite_bound(case):
    case.ready()
    bounds = json.loads(json.dumps(small.accuracy().to_json()["bounds"]))
    bounds[0]["value"] = float("inf")
    raw_result(case, bounds=bounds)


@fault(r"task_quality.*cannot be read|stored audit result cannot be read: measurements\.0\.estimate", 6, evidence=True)
def a_word_for_a_number(case):
    case.ready()
    raw_result(case, estimate="NaN")


@fault("no measurement of accuracy", 4, evidence=True)
def missing_metric(case):
    case.ready(measurements=())


@fault("no measurement of accuracy .*on the test split", 4, evidence=True)
def metric_of_another_split(case):
    case.ready(measurements=(small.accuracy(split="train"),))


@fault("the audit task_quality is not in the evidence", 4, evidence=True)
def missing_audit(case):
    case.ready(results=())


@fault("the audit task_quality stopped with an error: out of memory", 4, evidence=True)
def crashed_audit(case):
    case.complete()
    case.store(case.result(status="error", reason="out of memory"))
    case.sign()


@fault("2 results of the audit task_quality", 4, evidence=True)
def two_results_of_one_audit(case):
    case.complete()
    case.store(case.result(small.accuracy(0.99, 0.98, 1.0)), "audit:another")
    case.sign()


@fault("measured on another model", 4, evidence=True)
def evidence_of_another_model(case):
    case.complete()
    case.store(small.audit_result(case.run.predictions_digest, OTHER, small.accuracy()))
    case.sign()


@fault("measured on other predictions", 4, evidence=True)
def evidence_of_other_predictions(case):
    case.complete()
    case.store(small.audit_result(OTHER, case.run.model_digest, small.accuracy()))
    case.sign()


@fault("does not say which predictions", 4, evidence=True)
def evidence_of_nothing_named(case):
    case.complete()
    case.store(case.result(small.accuracy(), inputs={}))
    case.sign()


@fault("suppressed: fewer than 5 people", 4, evidence=True)
def suppressed_number(case):
    case.ready(measurements=(_undefined("suppressed", "fewer than 5 people"),))


@fault("not estimable: no positive rows", 4, evidence=True)
def not_estimable_number(case):
    case.ready(measurements=(_undefined("not_estimable", "no positive rows"),))


def _undefined(status: str, reason: str, **where: Any) -> Any:
    fields = {"low": status, "high": status, "status": status, "reason": reason, "n": 0, **where}
    return small.accuracy(status, "unbounded", "unbounded", **fields)


@fault("it rests on 20 rows; this control asks for 100", 4, evidence=True)
def too_few_rows(case):
    control = small.bound_control()
    control["check"]["min_n"] = 100
    case.ready(control, measurements=(small.accuracy(n=20),))


@fault("the estimate is 0.9, but the lower bound 0.7 does not confirm", 4, evidence=True)
def too_wide_an_interval(case):
    case.ready(measurements=(small.accuracy(0.9, 0.7, 0.95),))


@fault("the upper bound 0.75 is below 0.8", 3, evidence=True)
def a_plain_failure(case):
    case.failing()


@fault("the lower bound at alpha 0.01 was not measured|lower bound at alpha 0.01 was not", 4, evidence=True)
def a_bound_of_another_level(case):
    control = small.bound_control()
    control["check"]["alpha"] = 0.01
    case.ready(control)


@fault("contradict each other", 4, evidence=True)
def bounds_against_their_estimate(case):
    case.ready(measurements=(small.accuracy(0.7, 0.85, 0.95),))


@fault(r"alpha 0.05 is divided by the 2 runs", 4, evidence=True)
def alpha_divided_and_not_measured_so(case):
    divided = {"divide_alpha_by_openings": True}
    case.complete(policy=divided, name="first")
    case.ready(policy=divided, name="second")


# Groups


def groups_control() -> dict[str, Any]:
    control = small.bound_control()
    control["check"]["over"] = "groups"
    return control


def grouped(case: Case, *measurements: Any) -> None:
    case.complete(groups_control(), measurements=measurements)
    case.attach("data", {"groups": {"sex": ["f", "m"]}, "rows": 500})
    case.sign()


@fault("group 'm' of 'sex'.*not estimable: no rows", 4, evidence=True)
def empty_group(case):
    empty = _undefined("not_estimable", "no rows", attribute="sex", group="m")
    grouped(case, small.accuracy(attribute="sex", group="f"), empty)


@fault("no measurement of accuracy for group 'm' of 'sex'", 4, evidence=True)
def declared_group_absent(case):
    grouped(case, small.accuracy(attribute="sex", group="f"))


@fault("the recipe declares no groups", 4, evidence=True)
def groups_never_declared(case):
    case.ready(groups_control(), measurements=(small.accuracy(attribute="sex", group="f"),))


# Time, order and the packs


def freshness(**fields: Any) -> dict[str, Any]:
    check = {"kind": "freshness", "of": "evaluation", "threshold": {**small.LIMIT, "value": 30}}
    return {**small.bound_control("T-3"), "check": check, **fields}


def ordering() -> dict[str, Any]:
    return {**small.bound_control("T-4"), "check": {"kind": "ordering"}}


@fault("is 31 days old", 4, evidence=True)
def stale_evidence(case):
    case.ready(small.bound_control(), freshness())
    case.days_later(31)


def evaluated(case: Case, at: str, control: dict[str, Any]) -> None:
    case.complete(small.bound_control(), control)
    case.opened(at)
    case.sign()


@fault("after the day of the decision", 4, evidence=True)
def evaluation_in_the_future(case):
    evaluated(case, (datetime.now(UTC) + timedelta(days=2)).isoformat(), freshness())


@fault("it is not recorded when the evaluation began", 4, evidence=True)
def evaluation_without_a_date(case):
    evaluated(case, "", freshness())


@fault("not before the evaluation began", 4, evidence=True)
def frozen_after_evaluation_began(case):
    evaluated(case, "2020-01-01T00:00:00+00:00", ordering())


@fault("audits were run again after the first decision: task_quality", 4, evidence=True)
def measured_again_after_the_decision(case):
    case.complete(small.bound_control(), ordering())
    case.opened_now()
    case.attach("reaudits", {"audits": ["task_quality"]})
    case.sign()


@fault("the stored pack trial is not the one that froze", 6, evidence=True)
def edited_policy(case):
    case.failing()
    lax = small.trial_policy(small.bound_control(check={**small.bound_control()["check"], "direction": "at_most"}))
    case.attach("policy:trial", lax.policy.model_dump(mode="json", exclude_none=True))


@fault("is not the evidence that was signed", 5)
def edited_policy_and_its_digest(case):
    case.failing()
    lax = small.trial_policy(small.bound_control(check={**small.bound_control()["check"], "direction": "at_most"}))
    case.attach("policy:trial", lax.policy.model_dump(mode="json", exclude_none=True))
    case.sql("UPDATE runs SET policies = ?", json.dumps({"trial": lax.digest}))


@fault("the run named no policy", 4, evidence=True)
def no_policy_was_frozen(case):
    case.complete()
    case.sql("UPDATE runs SET policies = '{}'")
    case.sign()


@fault("no blocking control of the run's policies applies", 4, evidence=True)
def zero_blocking_controls(case):
    case.ready(small.bound_control(severity="warn"))


@fault("no blocking control of the run's policies applies", 4, evidence=True)
def only_a_policy_that_does_not_apply_yet(case):
    case.ready(policy={"status": "future", "applies_from": "2099-01-01"})


@fault("no blocking control of the run's policies applies", 4, evidence=True)
def only_a_clause_that_no_longer_applies(case):
    case.ready(small.bound_control(applies_until="2020-01-01"))


@fault("system.workplace is not stated", 4, evidence=True)
def unknown_fact_in_a_condition(case):
    case.ready(small.bound_control(when="system.workplace"))
