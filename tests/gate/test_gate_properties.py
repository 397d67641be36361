"""Whatever the evidence: nothing passes on a gap, and the order in which evidence was stored changes nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

GROUPS = ("a", "b", "c")
PAIRS = [(one, other) for one in GROUPS for other in GROUPS if one != other]
WORDS = ("not_estimable", "suppressed")

number = st.floats(0.0, 2.0)
spread = st.tuples(number, number, number, number).map(sorted)
reading = st.one_of(spread, st.sampled_from(WORDS))
readings = st.fixed_dictionaries(dict.fromkeys(PAIRS, reading))


def measured(make, table):
    items = []
    for (group, reference), value in table.items():
        if isinstance(value, str):
            items.append(make.pair(group, reference, value))
        else:
            low, middle, high, higher = value
            ends = {"lower": low, "upper": high, "holm_lower": low, "holm_upper": higher}
            items.append(make.pair(group, reference, middle, family=len(PAIRS), **ends))
    return items


def decided(make, items, direction="at_least"):
    check = make.bound_check(direction=direction)
    return make.decide(check, make.evidence(make.result(*items), groups={"race": (*GROUPS, "unknown")}))


@settings(max_examples=150, deadline=None)
@given(table=readings, direction=st.sampled_from(["at_least", "at_most"]))
def test_no_decision_passes_while_a_required_reading_is_undefined(make, table, direction):
    outcome = decided(make, measured(make, table), direction).outcome
    if any(isinstance(value, str) for value in table.values()):
        assert outcome in {"fail", "insufficient_evidence"}
    numbers = [value for value in table.values() if not isinstance(value, str)]
    clear = [value[0] >= 0.8 if direction == "at_least" else value[2] <= 0.8 for value in numbers]
    if outcome == "pass":
        assert all(clear)
        assert len(clear) == len(PAIRS)


@settings(max_examples=80, deadline=None)
@given(kept=st.sets(st.sampled_from(PAIRS)))
def test_no_decision_passes_while_a_pair_is_absent(make, kept):
    items = measured(make, {pair: [0.9, 1.0, 1.1, 1.2] for pair in sorted(kept)})
    assert (decided(make, items).outcome == "pass") == (kept == set(PAIRS))


@settings(max_examples=60, deadline=None)
@given(table=readings, data=st.data())
def test_the_order_of_measurements_does_not_change_the_digest(make, table, data):
    items = measured(make, table)
    mixed = data.draw(st.permutations(items))
    assert decided(make, items).with_digest()["digest"] == decided(make, mixed).with_digest()["digest"]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_order_of_results_and_groups_does_not_change_the_digest(make, data):
    results = [make.result(make.pair("a", "b", 0.9, lower=0.8, upper=1.0)), make.result(audit="other")]
    groups = {"race": ("a", "b"), "sex": ("f", "m"), "age": ("old", "young")}
    shuffled = dict(data.draw(st.permutations([(name, tuple(reversed(names))) for name, names in groups.items()])))
    pack = make.policy(
        make.control(make.bound_check()), make.control({"kind": "presence", "audits": ["other"]}, id="C-2")
    )
    first = make.decide(pack, make.evidence(*results, groups=groups))
    second = make.decide(pack, make.evidence(*data.draw(st.permutations(results)), groups=shuffled))
    assert first.with_digest() == second.with_digest()
