"""What the day of a decision changes, and what the number of runs that opened the test rows does."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import ValidationError

from rai_tune.gate import alphas_of, evaluate, load_policy, policy_digest

LATER = date(2027, 12, 2)


def quality(make, **fields):
    return make.bound_check(metric="accuracy", over="overall", **fields)


def measured(make, *levels):
    """0.9 with one-sided bounds 0.85 and 0.95 at 5 %, and wider ones at other levels."""
    ends = {0.05: (0.85, 0.95), 0.025: (0.82, 0.96), 0.05 / 3: (0.79, 0.97)}
    bounds = [
        make.bound(side, ends[level][place], alpha=level)
        for level in levels
        for place, side in enumerate(("lower", "upper"))
    ]
    item = make.measurement(0.9, metric="accuracy").model_copy(update={"bounds": tuple(bounds)})
    return make.result(item)


# ------------------------------------------------------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("as_of", "status", "severity"),
    [
        (date(2026, 7, 26), "in_force", "block"),
        (date(2026, 7, 27), "superseded", "info"),
        (None, "in_force", "block"),
    ],
)
@pytest.mark.parametrize("written", ["in_force", "superseded"])
def test_a_clause_past_its_last_day_is_shown_and_does_not_block(make, as_of, status, severity, written):
    gone = make.control(quality(make, audit="none"), id="C-2", status=written, applies_until="2026-07-27")
    pack = make.policy(make.control(quality(make)), gone)
    decision = make.decide(pack, make.evidence(measured(make, 0.05)), as_of=as_of)
    shown = decision.controls[1]
    if as_of is None and written == "superseded":
        status, severity = "superseded", "info"
    assert (shown.status, shown.severity, shown.applies_until) == (status, severity, "2026-07-27")
    assert decision.outcome == ("pass" if severity == "info" else "insufficient_evidence")
    assert ("It applied until 2026-07-27" in shown.reason) is (as_of == date(2026, 7, 27))


def test_a_clause_in_force_between_two_days(make):
    dated = make.control(quality(make), status="future", applies_from="2027-01-01", applies_until="2028-01-01")
    pack = make.policy(dated)

    def standing(day):
        return make.decide(pack, make.evidence(measured(make, 0.05)), as_of=day).controls[0].status

    days = (date(2026, 12, 31), date(2027, 1, 1), date(2027, 12, 31), date(2028, 1, 1))
    assert [standing(day) for day in days] == ["future", "in_force", "in_force", "superseded"]


def test_the_last_day_must_lie_after_the_first(make):
    for until in ("2027-01-01", "2026-12-31"):
        with pytest.raises(ValidationError, match="it must lie after applies_from"):
            make.policy(make.control(quality(make), applies_from="2027-01-01", applies_until=until))


def test_the_same_evidence_is_decided_again_for_another_day(make):
    loaded = load_policy("eu-ai-act-high-risk")
    later = {control.id for control in loaded.policy.controls if control.applies_from == LATER}
    assert len(later) > 10

    def blocking(day):
        decision = evaluate(loaded, make.evidence(), day)
        assert decision.as_of == day.isoformat()
        return {control.id for control in decision.controls if control.severity != "info"} & later

    written = {control.id for control in loaded.policy.controls if control.severity != "info"} & later
    assert (blocking(date(2027, 12, 1)), blocking(LATER)) == (set(), written)


# ------------------------------------------------------------------------------------------------------------- alpha


def test_alpha_is_divided_by_the_runs_that_opened_the_test_rows_where_the_policy_says_so(make):
    plain = make.policy(make.control(quality(make)))
    strict = make.policy(make.control(quality(make)), divide_alpha_by_openings=True)
    every = measured(make, 0.05, 0.025, 0.05 / 3)

    def decided(pack, openings, result=every):
        return make.decide(pack, make.evidence(result, test_openings=openings))

    assert [decided(plain, n).outcome for n in (1, 2, 3)] == ["pass"] * 3
    assert [decided(strict, n).outcome for n in (0, 1, 2, 3)] == ["pass", "pass", "pass", "insufficient_evidence"]
    second = decided(strict, 2)
    assert second.controls[0].readings[0].bound == 0.82
    assert "alpha 0.05 is divided by the 2 runs that opened the test rows" in second.controls[0].reason
    assert "this policy divides alpha by that number" in " ".join(second.notes)
    assert "divides" not in " ".join(decided(plain, 2).notes)


def test_without_a_bound_at_the_divided_level_the_audit_must_be_run_again(make):
    strict = make.policy(make.control(quality(make)), divide_alpha_by_openings=True)
    found = make.decide(strict, make.evidence(measured(make, 0.05, 0.025), test_openings=3)).controls[0]
    assert found.outcome == "insufficient_evidence"
    assert "alpha 0.0166667 was not measured" in found.reason
    assert "run the audit rates again" in found.settle


def test_audits_are_asked_for_the_divided_levels_too(make):
    plain = make.policy(make.control(quality(make, alpha=0.1)))
    strict = make.policy(make.control(quality(make)), divide_alpha_by_openings=True)
    assert alphas_of([plain], 3) == (0.1,)
    assert alphas_of([strict, plain], 3) == (0.05 / 3, 0.05, 0.1)
    assert alphas_of([strict], 1) == alphas_of([strict], 0) == alphas_of([strict]) == (0.05,)


def test_a_pack_that_says_it_does_not_divide_has_the_digest_of_one_that_says_nothing(make):
    said = make.policy(make.control(quality(make), also_known_as=[]), divide_alpha_by_openings=False)
    assert policy_digest(said) == policy_digest(make.policy(make.control(quality(make))))
    assert policy_digest(make.policy(make.control(quality(make)), divide_alpha_by_openings=True)) != policy_digest(said)
