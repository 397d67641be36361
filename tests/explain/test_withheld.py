"""Numbers made of attributions that failed their checks never reach a policy as numbers."""

import dataclasses

import pytest

from rai_audits.core import load_audit
from rai_audits.explain.trust import NOT_TRUSTED, leave_verdict


def run(context, name):
    return {(m.metric, m.attribute, m.group, m.label): m for m in load_audit(name).run(context).measurements}


@pytest.mark.parametrize("outcome", ["trusted", "insufficient_evidence"])
def test_only_a_failed_verdict_withholds(bert_model, context_of, outcome):
    plain = run(context_of(bert_model), "identity_reliance")
    context = context_of(bert_model)
    leave_verdict(context, outcome)
    assert run(context, "identity_reliance") == plain


def test_reliance_is_withheld_and_the_swap_is_not(bert_model, context_of):
    context = context_of(bert_model)
    leave_verdict(context, "not_trusted")
    found = run(context, "identity_reliance")
    reliance = found["identity_reliance", "race", None, None]
    assert (reliance.status, reliance.reason, reliance.bounds) == ("not_estimable", NOT_TRUSTED, ())
    assert not [m for m in found.values() if m.status == "ok" and "reliance" in m.metric]
    assert found["identity_word_share", "race", None, None].status == "ok", "counting words needs no attribution"
    assert {m.status for m in run(context, "global_attributions").values()} == {"not_estimable"}


def test_a_run_whose_explanations_fail_says_so_throughout(bert_model, context_of):
    """Lines that nothing meets: the audit itself leaves the verdict that the others read."""
    context = context_of(
        bert_model,
        checks={"edits": 1.0, "comprehensiveness": 1.0, "sufficiency": 1.0, "agreement": 1.0, "randomisation": 0.0},
    )
    found = run(context, "explanations")
    trusted = found["explanation_trusted", None, None, None]
    assert trusted.value == 0.0 and trusted.bound("upper", 0.05).value == 0.0
    assert found["column_attribution_share", None, None, "afam"].reason == NOT_TRUSTED
    assert run(context, "identity_reliance")["identity_reliance", "race", None, None].reason == NOT_TRUSTED
    fresh = dataclasses.replace(context, shared={})
    assert run(fresh, "identity_reliance")["identity_reliance", "race", None, None].status == "ok"
