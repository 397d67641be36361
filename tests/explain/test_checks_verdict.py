"""All checks together: the verdict, its measurements, and that nothing missing or broken ever counts as passed."""

import math
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from rai_audits.core import UsageError
from rai_audits.explain import TextModel
from rai_audits.explain.attributing import attribute_opened
from rai_audits.explain.attribution import Settings
from rai_audits.explain.checks import Case, CheckResult, Thresholds, check_measurements, run_checks, verdict_of
from rai_audits.explain.checks import completeness as completeness_module
from rai_audits.explain.checks import verdict as verdict_module
from rai_audits.explain.checks.completeness import check_completeness
from rai_audits.explain.checks.work import NAMES, Work
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import opened
from rai_audits.explain.target import contrast_target

TEXTS = [
    f"{first} {second} is {third} for the {fourth}"
    for first in ("good", "bad", "black", "white")
    for second, third in (("film", "high"), ("loan", "low"), ("applicant", "good"), ("income", "bad"))
    for fourth in ("loan", "films")
]


def cases_of(model, engine, texts=TEXTS, method="integrated_gradients"):
    target = contrast_target(model.classes, "denied")
    encoded = [encode_text(model, text) for text in texts]
    found = attribute_opened(engine, encoded, [target] * len(texts), Settings(method=method))
    return [
        Case(f"r{place:02}", text, target, item) for place, (text, item) in enumerate(zip(encoded, found, strict=True))
    ]


def checked(model, change=lambda case: case, texts=TEXTS, **named):
    method = named.pop("method", "integrated_gradients")
    with opened(model) as engine:
        cases = [change(case) for case in cases_of(model, engine, texts, method)]
        return run_checks(engine, cases, Settings(method=method), **named)


def by_name(checks):
    return {item.name: item for item in checks.results}


def test_exact_attributions_of_a_bag_of_words_are_trusted(bag_model):
    checks = checked(bag_model, seed=1)
    assert [item.name for item in checks.results] == list(NAMES)
    assert {item.name: item.outcome for item in checks.results} == dict.fromkeys(NAMES, "passed")
    assert checks.outcome == "trusted"
    assert "passed every check" in checks.sentence


def test_a_method_without_a_sum_can_be_trusted_and_is_not_asked_for_one(bag_model):
    checks = checked(bag_model, method="occlusion")
    assert by_name(checks)["completeness"].outcome == "not_applicable"
    assert checks.outcome == "trusted"


def test_attributions_turned_round_are_not_trusted(bag_model):
    def turned(case):
        return replace(case, tokens=replace(case.tokens, attributions=tuple(-v for v in case.tokens.attributions)))

    checks = checked(bag_model, turned)
    outcomes = {name: item.outcome for name, item in by_name(checks).items()}
    assert outcomes["completeness"] == outcomes["comprehensiveness"] == outcomes["agreement"] == "failed"
    assert checks.outcome == "not_trusted"
    assert "completeness" in checks.sentence and "comprehensiveness" in checks.sentence


def test_attributions_of_another_model_do_not_sum_to_this_ones_change(bert_model, bert_of, tokenizer):
    """Their status says ok; the sum is taken again with the model at hand."""
    other = bert_of()
    torch.manual_seed(99)
    for weight in other.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    with opened(TextModel(other, tokenizer, bert_model.classes, max_tokens=64)) as engine:
        foreign = [case for case in cases_of(bert_model, engine) if case.usable]
    with opened(bert_model) as engine:
        own = check_completeness(Work(engine, tuple(cases_of(bert_model, engine)), Settings()))
        found = check_completeness(Work(engine, tuple(foreign), Settings()))
    assert own.key.value.point == 0.0
    assert found.key.value.point > 0.8
    assert found.outcome == "failed"


def test_a_constant_model_is_not_trusted(tokenizer, bag_of):
    module = bag_of()
    torch.nn.init.zeros_(module.out.weight)
    checks = checked(TextModel(module, tokenizer, ("approved", "denied"), max_tokens=64))
    assert by_name(checks)["completeness"].outcome == "failed"
    assert {item.outcome for item in checks.results[1:]} == {"insufficient_evidence"}
    assert checks.outcome == "not_trusted"


@pytest.mark.parametrize("count", [0, 1, 4])
def test_too_few_documents_are_no_evidence(bag_model, count):
    checks = checked(bag_model, texts=TEXTS[:count])
    assert checks.outcome == "insufficient_evidence"
    assert {item.outcome for item in checks.results} == {"insufficient_evidence"}


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_numbers_that_are_not_finite_count_as_failed(bag_model, value):
    def broken(case):
        return replace(case, tokens=replace(case.tokens, attributions=(value,) * len(case.encoded)))

    checks = checked(bag_model, broken)
    assert by_name(checks)["completeness"].key.value.point == 1.0
    assert checks.outcome == "not_trusted"
    assert checked(bag_model, broken, method="occlusion").outcome == "insufficient_evidence"


def test_a_crash_is_missing_evidence_and_names_the_error(bag_model, monkeypatch):
    def crash(_work):
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(verdict_module, "_CHECKS", ((("completeness",), crash), *verdict_module._CHECKS[1:]))
    checks = checked(bag_model)
    assert checks.results[0].outcome == "insufficient_evidence"
    assert "ZeroDivisionError: of all things" in checks.results[0].sentence
    assert checks.outcome == "insufficient_evidence"


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_check_is_never_a_pass(missing):
    rest = [CheckResult(name, "passed", "") for name in NAMES if name != missing]
    assert verdict_of(rest) == "insufficient_evidence"
    assert verdict_of([*rest, CheckResult(missing, "passed", "")]) == "trusted"
    assert verdict_of([*rest, CheckResult(missing, "failed", "")]) == "not_trusted"
    other = verdict_of([*rest, CheckResult(missing, "not_applicable", "")])
    assert other == ("trusted" if missing == "completeness" else "insufficient_evidence")


def test_the_order_of_documents_changes_nothing(bert_model, context_of):
    context = context_of(bert_model)
    with opened(bert_model) as engine:
        cases = cases_of(bert_model, engine)
        both = [
            check_measurements(run_checks(engine, order, Settings(), seed=4), context, audit="explanations")
            for order in (cases, cases[::-1])
        ]
    for one, two in zip(*both, strict=True):
        assert (one.metric, one.label, one.n, one.status) == (two.metric, two.label, two.n, two.status)
        if one.status == "ok":
            assert one.estimate == pytest.approx(two.estimate, abs=1e-4)


def test_measurements_carry_bounds_at_every_level_and_the_verdict(bag_model, context_of):
    context = context_of(bag_model)
    checks = checked(bag_model)
    found = check_measurements(checks, context, audit="explanations")
    assert found[0].metric == "explanation_trusted" and found[0].estimate == 1.0
    assert found[0].bound("lower", 0.05).value == found[0].bound("lower", 0.01).value == 1.0
    keys = [(item.metric, item.label) for item in found]
    assert len(set(keys)) == len(keys)
    for item in found:
        assert item.audit == "explanations" and item.split == "test"
        if item.status == "ok" and item.metric != "explanation_trusted":
            low, high = item.bound("lower", 0.05).value, item.bound("upper", 0.05).value
            assert low <= item.estimate <= high
            assert item.bound("lower", 0.01).value <= low and item.bound("upper", 0.01).value >= high
    for result in checks.results:
        measured = next(m for m in found if (m.metric, m.label) == (result.key.metric, None))
        assert measured.n == result.key.n
    facts = checks.facts()
    assert set(facts["checks"]) == set(NAMES) and "off-distribution" in facts["masking"]


def test_the_verdict_measurement_says_no_and_not_known(bag_model, tokenizer, bag_of, context_of):
    context = context_of(bag_model)
    few = check_measurements(checked(bag_model, texts=TEXTS[:3]), context, audit="explanations")[0]
    assert few.status == "not_estimable" and "too little evidence" in few.reason
    module = bag_of()
    torch.nn.init.zeros_(module.out.weight)
    flat = checked(TextModel(module, tokenizer, ("approved", "denied"), max_tokens=64))
    no = check_measurements(flat, context, audit="explanations")[0]
    assert no.estimate == 0.0 and no.bound("upper", 0.05).value == 0.0


def test_wrong_thresholds_and_methods_are_refused(bag_model):
    with pytest.raises(UsageError, match="comprehensiveness"):
        Thresholds(comprehensiveness=1.5)
    with pytest.raises(UsageError, match="agreement"):
        Thresholds(agreement=math.nan)


def test_the_checks_import_without_torch():
    code = "import sys, rai_audits.explain.checks; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_tolerance_of_the_recheck_is_that_of_the_attribution(bag_model):
    """0.02 logit off is within 1 % of a change of 2 logits and beyond it of one of 0.5."""
    with opened(bag_model) as engine:
        cases = cases_of(bag_model, engine)
        moved = [
            replace(
                c, tokens=replace(c.tokens, attributions=(c.tokens.attributions[0] + 0.012, *c.tokens.attributions[1:]))
            )
            for c in cases
        ]
        found = completeness_module._sums(Work(engine, tuple(moved), Settings()))
    assert found == [abs(case.tokens.change) * 0.01 >= 0.012 - 1e-4 for case in cases]


def test_a_right_explanation_that_never_looked_at_the_model_is_not_trusted(bag_model, monkeypatch):
    """A lookup of the true attributions by text: faithful, complete, stable, and the same when the weights are random."""
    from rai_audits.explain.checks import work as work_module

    known = {}
    real = work_module.attribute_opened

    def looked_up(engine, texts, targets, settings, progress=lambda _done, _total: None):
        if settings.method == "occlusion" or any(text.ids not in known for text in texts):
            return real(engine, texts, targets, settings, progress)
        return tuple(known[text.ids] for text in texts)

    def remembered(case):
        known[case.encoded.ids] = case.tokens
        return case

    monkeypatch.setattr(work_module, "attribute_opened", looked_up)
    checks = checked(bag_model, remembered)
    outcomes = {name: item.outcome for name, item in by_name(checks).items()}
    assert outcomes.pop("randomisation") == "failed"
    assert set(outcomes.values()) == {"passed"}
    assert checks.outcome == "not_trusted"
