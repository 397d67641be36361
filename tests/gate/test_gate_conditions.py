"""Conditions in CEL: three values by hand and against Kleene's tables, and everything that a pack may not write."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rai_tune.core import UsageError
from rai_tune.gate import load_policy
from rai_tune.gate.condition_types import ConditionError
from rai_tune.gate.conditions import DEEPEST, LONGEST, decide_condition, read_condition
from rai_tune.gate.facts import FACTS, stated

FACT = {
    "system": {"workplace": True, "deployer_public": False, "annex_iii": "5b", "role": "provider"},
    "data": {"attributes": ["race", "sex"], "rows": 2380},
}
OUTCOMES = {"A": "pass", "B": "fail", "C": "not_applicable", "D": "insufficient_evidence", "E": "awaiting_signoff"}


def value(text, facts=FACT, limit=None):
    return decide_condition(text, facts, OUTCOMES, limit).value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("system.workplace", True),
        ("!system.workplace", False),
        ('system.annex_iii in ["5b", "5c"]', True),
        ('system.annex_iii.startsWith("5")', True),
        ('system.annex_iii != "2" && system.role != "deployer"', True),
        ('"age" in data.attributes', False),
        ('"race" in data.attributes', True),
        ('system.workplace ? system.role == "provider" : system.deployer_public', True),
        ("system.workplace == system.deployer_public", False),
        ('outcomes["A"] == "pass" && outcomes["B"] == "fail" && outcomes["C"] == "not_applicable"', True),
        # One side decides alone, wherever the unknown stands.
        ("system.workplace || system.special_categories", True),
        ("system.special_categories || system.workplace", True),
        ("system.deployer_public && system.special_categories", False),
        ("system.special_categories && system.deployer_public", False),
        # Nothing else makes an unknown known.
        ("system.special_categories", None),
        ("!system.special_categories", None),
        ("system.special_categories || system.deployer_public", None),
        ("system.special_categories && system.workplace", None),
        ('system.domain == "credit"', None),
        ('system.domain != "credit"', None),
        ('!(system.domain in ["credit", "housing"])', None),
        ('system.domain == "credit" || system.domain != "credit"', None),
        ("system.special_categories ? system.workplace : system.workplace", None),
        ('outcomes["D"] == "fail"', None),
        ('outcomes["D"] != "pass"', None),
        ('outcomes["E"] != "pass"', None),
        ('outcomes["nobody"] != "pass"', None),
    ],
)
def test_true_false_and_unknown(text, expected):
    assert value(text) is expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("data.rows >= limit", 2380, True),
        ("data.rows > limit", 2380, False),
        ("data.rows < limit * limit", 48.785, False),
        ("data.rows < limit * limit", 48.79, True),
        ("data.rows / limit == data.rows", 1, True),
        ("data.rows - limit <= -limit", 1190, False),
        ("data.rows + limit <= limit", -1, False),
        ("run.training_flops > limit", 0, None),
    ],
)
def test_numbers_are_held_against_the_threshold(text, limit, expected):
    assert value(text, limit=limit) is expected


def test_what_is_missing_is_named_with_what_would_settle_it():
    truth = decide_condition('system.domain == "credit" && outcomes["D"] == "pass" && run.generative', FACT, OUTCOMES)
    assert truth.missing == (
        "run.generative is not stated",
        "system.domain is not stated",
        "the outcome of D is not settled",
    )
    assert truth.settle == "a run whose evidence states run.generative; state system.domain in the recipe; settle D"


ATOMS = {"a": "system.workplace", "b": "system.deployer_public", "c": "system.special_categories"}
atom = st.sampled_from(sorted(ATOMS))
tree = st.recursive(
    atom,
    lambda inner: st.one_of(st.tuples(st.just("!"), inner), st.tuples(st.sampled_from(["&&", "||"]), inner, inner)),
    max_leaves=6,
)


def written(node):
    if isinstance(node, str):
        return ATOMS[node]
    return f"!({written(node[1])})" if node[0] == "!" else f"({written(node[1])} {node[0]} {written(node[2])})"


def kleene(node, known):
    """Kleene's strong three-valued logic, as the reference."""
    if isinstance(node, str):
        return known[node]
    if node[0] == "!":
        inner = kleene(node[1], known)
        return None if inner is None else not inner
    sides = {kleene(node[1], known), kleene(node[2], known)}
    decides = node[0] == "||"
    if decides in sides:
        return decides
    return None if None in sides else not decides


@settings(max_examples=300, deadline=None)
@given(node=tree, known=st.fixed_dictionaries(dict.fromkeys(ATOMS, st.sampled_from([True, False, None]))))
def test_logic_agrees_with_kleene_and_more_facts_never_turn_an_answer(node, known):
    facts = {"system": {ATOMS[name].split(".")[1]: held for name, held in known.items() if held is not None}}
    try:
        found = decide_condition(written(node), facts, {}).value
    except ConditionError as error:
        assert "too deeply" in str(error) or "characters" in str(error)
        return
    assert found is kleene(node, known)
    if found is not None:
        for name in (name for name, held in known.items() if held is None):
            for held in (True, False):
                more = {"system": {**facts["system"], ATOMS[name].split(".")[1]: held}}
                assert decide_condition(written(node), more, {}).value is found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not an expression in CEL"),
        ("system.workplace &&", "not an expression in CEL"),
        ("system.workplace; true", "not an expression in CEL"),
        ("true", "reads no fact and no outcome"),
        ('"a" == "a"', "reads no fact and no outcome"),
        ("system.workplaces", r"unknown fact 'system\.workplaces'\. Did you mean 'system\.workplace'"),
        ("sistem.workplace", r"unknown name 'sistem'\. Did you mean 'system'"),
        ("workplace", "unknown name 'workplace'"),
        ("system", "is a group of names"),
        ('outcomes == "pass"', "is a group of names"),
        ("outcomes.A", r'an outcome is read as outcomes\["A"\]'),
        ('system["workplace"]', "brackets are for outcomes"),
        ("outcomes[system.role] == system.role", "brackets are for outcomes"),
        ("system.role", "it gives a text, not true or false"),
        ("data.rows", "it gives a number"),
        ("data.rows > 1000", "the number 1000 has no origin"),
        ("data.rows > -1.5", "has no origin"),
        ("data.rows > 0x10", "has no origin"),
        ("data.rows > 1u", "has no origin"),
        ("data.rows > 1e3", "has no origin"),
        ("data.rows > limit", "'limit' is the threshold of a check of kind expression"),
        ('system.workplace == "yes"', "true or false cannot equal a text"),
        ('system.role > "a"', "numbers are compared by size"),
        ("system.role in data.rows", "'in' asks whether a text is in a list"),
        ("system.workplace || system.role", "stand between conditions, and here is a text"),
        ('system.workplace ? true : "no"', "both answers"),
        ("has(system.role)", "a function has no place"),
        ('data.attributes.exists(x, x == "age")', "the function 'exists' is not allowed"),
        ("data.attributes.size() > data.rows", "the function 'size' is not allowed"),
        ('system.role.matches("(a+)+$")', "the function 'matches' is not allowed"),
        ('{"a": system.role} == {"a": system.role}', "a map has no place"),
        ("system.role in []", "an empty list"),
        (r'system.role == "\x61"', "not a plain text"),
        ('system.role == b"provider"', "not a plain text"),
        ("data.rows % data.rows == data.rows", "only 'limit' divides"),
        ('system.role == "provder"', r"system\.role is never 'provder'\. Did you mean 'provider'"),
        ('system.domain in ["credit", "cars"]', r"system\.domain is never 'cars'"),
        ('outcomes["A"] == "passed"', r"""outcomes\["A"\] is never 'passed'\. Did you mean 'pass'"""),
        ('outcomes["A"] == "insufficient_evidence"', "is unknown while it is insufficient_evidence"),
        ("(" * 40 + "system.workplace" + ")" * 40, "nested too deeply"),
        ("!" * 400 + "system.workplace", "nested too deeply"),
        ("system.workplace || " * 25 + "system.workplace", "characters; the most is 500"),
        ("system.workplace" + " " * LONGEST, "characters; the most is 500"),
    ],
)
def test_what_a_condition_may_not_be_is_refused_with_the_reason(text, message):
    with pytest.raises(ConditionError, match=message):
        read_condition(text)


@pytest.mark.parametrize("text", ["data.rows / data.rows > limit", "limit / data.rows > limit"])
def test_nothing_is_divided_by_a_fact(text):
    with pytest.raises(ConditionError, match="only 'limit' divides"):
        read_condition(text, limit=True)


def test_products_stay_finite():
    with pytest.raises(ConditionError, match="multiplies more than 3 times"):
        read_condition("data.rows * data.rows * data.rows * data.rows * data.rows > limit", limit=True)


def test_the_deepest_condition_that_is_let_in_is_decided_under_the_usual_limit_of_python():
    before = sys.getrecursionlimit()
    text = "system.workplace"
    while True:
        try:
            read_condition(f"!({text})")
        except ConditionError:
            break
        text = f"!({text})"
    assert text.count("(") >= 5
    assert value(text) is (text.count("!") % 2 == 0)
    assert sys.getrecursionlimit() == before
    assert DEEPEST < 200


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "system",
                ".",
                "workplace",
                "role",
                "==",
                "(",
                ")",
                "[",
                "]",
                '"pass"',
                "outcomes",
                "&&",
                "!",
                "in",
                "1",
                "?",
                ":",
                "-",
                "\x00",
                "é",
            ]
        ),
        max_size=14,
    ).map(" ".join)
)
def test_any_text_is_read_or_refused(text):
    try:
        read_condition(text)
    except ConditionError:
        return
    assert decide_condition(text, FACT, OUTCOMES).value in {True, False, None}


def test_a_fact_of_another_type_is_not_stated():
    for name, kind in FACTS.items():
        section, _, key = name.partition(".")
        for wrong in ("", "  ", 7, True, [1], {}, float("nan"), 1e61):
            found = stated({section: {key: wrong}}, name)
            right = {"bool": wrong is True, "number": wrong == 7 and wrong is not True}.get(kind.type, False)
            assert (found is not None) is right, (name, wrong)
    assert stated({"system": {"role": "owner"}}, "system.role") is None
    assert stated({"system": {"role": "both"}}, "system.role") == "both"
    assert stated({"data": {"attributes": ("a", "b")}}, "data.attributes") == ("a", "b")


# ------------------------------------------------------------------------------------------------- in a whole pack


def retention(make, **fields):
    return make.control({"kind": "retention", "of": "logs", "threshold": make.limit | {"value": 184}}, **fields)


def test_a_condition_decides_whether_a_control_applies(make):
    pack = make.policy(retention(make, when="system.workplace"))
    facts = {"retention": {"logs_days": 200}}

    def decided(**system):
        return make.decide(pack, make.evidence(facts={**facts, "system": system}))

    assert decided(workplace=True).outcome == "pass"
    off = decided(workplace=False)
    assert off.controls[0].outcome == "not_applicable"
    assert off.controls[0].reason == "does not apply: it is not so that system.workplace (system.workplace is false)"
    assert "these blocking controls do not apply" in " ".join(off.notes)
    assert (off.outcome, off.promotable) == ("insufficient_evidence", False)
    silent = decided().controls[0]
    assert (silent.outcome, silent.settle) == ("insufficient_evidence", "state system.workplace in the recipe")
    assert (silent.condition, silent.attested_by) == ("system.workplace", None)


def test_a_chain_of_conditions_is_decided_in_order_and_an_open_one_leaves_the_rest_open(make):
    pack = make.policy(
        retention(make, id="C-3", when='outcomes["C-2"] == "pass"'),
        retention(make, id="C-2", when='outcomes["C-1"] == "pass"'),
        retention(make, id="C-1", when="system.workplace"),
    )

    def outcomes(**facts):
        return [control.outcome for control in make.decide(pack, make.evidence(facts=facts)).controls]

    assert outcomes(system={"workplace": True}, retention={"logs_days": 184}) == ["pass"] * 3
    assert outcomes(system={"workplace": True}, retention={"logs_days": 1}) == [
        "not_applicable",
        "not_applicable",
        "fail",
    ]
    assert outcomes(system={"workplace": False}) == ["not_applicable"] * 3
    assert outcomes() == ["insufficient_evidence"] * 3


PACK = """
id: own
version: 0.1.0
title: Own
issuer: Us
summary: For a test.
status: organisation
verified_on: 2026-11-25
sources: [us]
controls:
  - id: P-1
    reference: "1"
    title: First
    asks: Something.
    mode: automated
    severity: block
    FIRST
    check: {kind: expression, expression: 'EXPRESSION'}
  - {id: P-2, reference: "2", title: Second, asks: Something., mode: attestation, severity: block, SECOND}
"""


def load(tmp_path, first="also_known_as: [x]", second="binding: false", expression="system.workplace"):
    text = PACK.replace("FIRST", first).replace("SECOND", second).replace("EXPRESSION", expression)
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return load_policy(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"first": """when: 'outcomes["P-1"] == "pass"'"""},
            r"controls\[0\] \(P-1\): when: it reads the outcome of P-1 itself",
        ),
        ({"first": "when: 'syst.role'"}, r"controls\[0\] \(P-1\): when: unknown name 'syst'"),
        ({"first": "when: 'system.rol == \"both\"'"}, r"\(P-1\): when: unknown fact 'system\.rol'"),
        (
            {"first": """when: 'outcomes["P-9"] == "pass"'"""},
            r"control 'P-1' reads the outcome of 'P-9'\. Did you mean",
        ),
        (
            {"first": """when: 'outcomes["P-2"] == "pass"'""", "second": """when: 'outcomes["P-1"] == "pass"'"""},
            r"the conditions of P-1, P-2 read each other's outcomes in a circle",
        ),
        (
            {"expression": 'outcomes["P-2"] == "pass"', "second": """when: 'outcomes["P-1"] == "pass"'"""},
            "in a circle",
        ),
        (
            {"first": f"when: '{'system.workplace || ' * 30}system.workplace'"},
            r"\(P-1\)\.when: String should have at most 500",
        ),
        ({"first": f"when: '{'(' * 60}system.workplace{')' * 60}'"}, r"\(P-1\): when: it is nested too deeply"),
        ({"first": "when: ''"}, r"\(P-1\)\.when: String should have at least 1"),
        ({"first": "when: 'data.rows > 100'"}, r"\(P-1\): when: the number 100 has no origin"),
        (
            {"expression": 'outcomes["P-1"] == "pass"'},
            r"\(P-1\): check\.expression: it reads the outcome of P-1 itself",
        ),
        ({"expression": "data.rows > 100"}, r"\(P-1\)\.check: expression: the number 100 has no origin"),
        ({"expression": "data.rows > limit"}, r"\(P-1\)\.check: expression: 'limit' is the threshold"),
        ({"expression": "x" * 501}, r"\(P-1\)\.check\.expression: String should have at most 500"),
        ({"expression": "true"}, r"\(P-1\)\.check: expression: it reads no fact"),
    ],
)
def test_a_pack_with_a_bad_condition_is_refused_naming_file_control_and_field(tmp_path, changes, message):
    with pytest.raises(UsageError, match=message) as caught:
        load(tmp_path, **changes)
    assert str(tmp_path / "own.yaml") in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_division_by_a_threshold_of_zero_is_refused(make):
    check = {
        "kind": "expression",
        "expression": "data.rows / limit > data.rows",
        "threshold": make.limit | {"value": 0},
    }
    with pytest.raises(ValidationError, match="it divides by 'limit', and the threshold is 0"):
        make.policy(make.control(check))


def test_a_circle_that_was_never_loaded_is_insufficient(make):
    pack = make.policy(retention(make), retention(make, id="C-2"))
    looped = tuple(
        control.model_copy(update={"when": f'outcomes["{other}"] == "pass"'})
        for control, other in zip(pack.controls, ("C-2", "C-1"), strict=True)
    )
    broken = pack.model_copy(update={"controls": looped})
    decision = make.decide(broken, make.evidence(facts={"retention": {"logs_days": 200}}))
    assert {control.outcome for control in decision.controls} == {"insufficient_evidence"}
