"""Whatever is in the evidence: dropping a part of it turns nothing to pass, and no waiver changes an outcome."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from rai_tune.gate import evaluate, policy_digest
from rai_tune.gate.decision import Attestation, SignOff, Waiver

TODAY = date(2026, 11, 26)
STANDS = frozenset({"pass", "not_applicable"})
SAID = "Two clerks read each refusal before it is sent and may reverse it."


pytestmark = pytest.mark.slow
"""Hundreds of examples, each decided twice."""


@pytest.fixture(scope="session")
def pack(make):
    """One control of every kind that evidence can decide, with conditions that read facts and each other."""

    def limit(value):
        return {**make.limit, "value": value}

    return make.policy(
        make.control(make.bound_check(), id="ratio"),
        make.control({"kind": "presence", "audits": ["rates"], "metrics": ["impact_ratio"]}, id="there"),
        make.control({"kind": "ordering"}, id="order"),
        make.control({"kind": "freshness", "of": "evaluation", "threshold": limit(30)}, id="fresh"),
        make.control({"kind": "signature", "role": "reviewer", "people": limit(1)}, id="signed"),
        make.control({"kind": "retention", "of": "logs", "threshold": limit(184)}, id="kept", when="system.workplace"),
        make.control(
            {
                "kind": "expression",
                "expression": "data.rows >= limit || system.deployer_public",
                "threshold": limit(100),
            },
            id="sized",
        ),
        make.control(None, id="said", mode="attestation", when='outcomes["kept"] == "pass" || !system.workplace'),
        make.control(
            {"kind": "retention", "of": "texts", "direction": "at_most", "threshold": limit(90)},
            id="forgotten",
            when='outcomes["ratio"] != "not_applicable" && !(outcomes["kept"] == "fail")',
        ),
    )


CLEAR = {"lower": 0.85, "upper": 1.1, "holm_lower": 0.8, "holm_upper": 1.2}
BELOW = {"lower": 0.5, "upper": 0.7, "holm_lower": 0.45, "holm_upper": 0.75}
GOOD_FACTS = {
    "system": {"workplace": True, "deployer_public": False},
    "retention": {"logs_days": 184, "texts_days": 30},
    "data": {"rows": 5000},
}
BAD_FACTS = [
    ("system", "workplace", False),
    ("system", "deployer_public", True),
    ("retention", "logs_days", 10),
    ("retention", "texts_days", 91),
    ("data", "rows", 99),
]
FLAWS = [
    "below",
    "not estimable",
    "thawed",
    "late",
    "undated",
    "stale",
    "unsigned",
    "self-signed",
    "unsaid",
    "empty",
    "elsewhere",
]
flaws = st.sets(st.sampled_from(FLAWS), max_size=3)
bad_facts = st.lists(st.sampled_from(BAD_FACTS), max_size=2)
PARTS = [
    "a/b",
    "b/a",
    "rates",
    "signoffs",
    "said",
    "frozen_policies",
    "frozen_at",
    "evaluation_started_at",
    "statement",
]
PARTS += [f"{part}.{key}" for part, keys in GOOD_FACTS.items() for key in keys]


@st.composite
def evidences(draw, make, pack):
    """Evidence on which everything passes, with up to three flaws and two facts that do not suit."""
    flawed, digest = draw(flaws), policy_digest(pack)
    first = make.pair("a", "b", 0.6, **BELOW) if "below" in flawed else make.pair("a", "b", 0.95, **CLEAR)
    if "not estimable" in flawed:
        first = make.pair("a", "b", "not_estimable")
    facts = {part: dict(values) for part, values in GOOD_FACTS.items()}
    for part, key, value in draw(bad_facts):
        facts[part][key] = value
    people = [("Ada", "author", "now")]
    if "unsigned" not in flawed:
        people.append(("Bo", "reviewer", "before" if "stale" in flawed else "now"))
    if "self-signed" in flawed:
        people = [("Ada", "author", "now"), ("Ada", "reviewer", "now")]
    said = Attestation(
        policy_id="trial",
        policy_digest=digest,
        control="said",
        model_digest="other" if "elsewhere" in flawed else make.model,
        text="TODO" if "empty" in flawed else SAID,
        person="Kim",
        key_id="k",
        at="2026-11-26T10:00:00+00:00",
    )
    second = said.model_copy(update={"text": draw(st.sampled_from([SAID, "TODO"])), "at": "2026-11-26T11:00:00+00:00"})
    return make.evidence(
        make.result(first, make.pair("b", "a", 1.0, **CLEAR)),
        facts=facts,
        frozen_policies={} if "thawed" in flawed else {"trial": digest},
        frozen_at="2026-11-21T09:00:00+00:00" if "late" in flawed else "2026-11-20T09:00:00+00:00",
        evaluation_started_at="" if "undated" in flawed else "2026-11-20T10:00:00+00:00",
        author="Ada",
        statement="now",
        signoffs=tuple(
            SignOff(role=role, person=name, key_id="k", at="", statement=about) for name, role, about in people
        ),
        attestations=() if "unsaid" in flawed else (said, *((second,) if draw(st.booleans()) else ())),
    )


def lessened(seen, dropped):
    """The evidence without some of its parts. An author's own signature stays: it shuts the author out of other roles."""
    result = seen.results[0]
    items = tuple(item for item in result.measurements if f"{item.group}/{item.reference}" not in dropped)
    facts = {
        part: {key: value for key, value in values.items() if f"{part}.{key}" not in dropped}
        for part, values in seen.facts.items()
    }
    emptied = {"frozen_policies": {}, "frozen_at": "", "evaluation_started_at": "", "statement": ""}
    changes = {
        "results": () if "rates" in dropped else (result.model_copy(update={"measurements": items}),),
        "facts": facts,
        "signoffs": tuple(item for item in seen.signoffs if item.role == "author" or "signoffs" not in dropped),
        "attestations": seen.attestations[: -1 if "said" in dropped else None],
        **{name: empty for name, empty in emptied.items() if name in dropped},
    }
    return seen.model_copy(update=changes)


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_dropping_evidence_never_turns_a_control_or_a_decision_to_pass(make, pack, data):
    seen = data.draw(evidences(make, pack))
    less = lessened(seen, data.draw(st.sets(st.sampled_from(PARTS), min_size=1, max_size=4)))
    whole, rest = (evaluate((pack, policy_digest(pack)), each, TODAY) for each in (seen, less))
    event(f"whole: {whole.outcome}, rest: {rest.outcome}")
    if whole.outcome != "pass":
        assert rest.outcome != "pass"
    if not whole.promotable:
        assert not rest.promotable
    for before, after in zip(whole.controls, rest.controls, strict=True):
        if before.outcome not in STANDS:
            assert after.outcome not in STANDS, before.id


def valid(make, pack, control):
    return Waiver(
        policy_id="trial",
        policy_digest=policy_digest(pack),
        control=control,
        model_digest=make.model,
        reason="We know why.",
        until="2026-12-31",
        person="Bo",
        key_id="k",
        at="2026-11-26T10:00:00+00:00",
    )


@st.composite
def waivers(draw, make, pack):
    return Waiver(
        policy_id=draw(st.sampled_from(["trial", "trial", "trial", "other"])),
        policy_digest=draw(st.sampled_from([policy_digest(pack)] * 3 + ["other"])),
        control=draw(st.sampled_from([control.id for control in pack.controls])),
        model_digest=draw(st.sampled_from([make.model] * 3 + ["", "other"])),
        reason=draw(st.sampled_from(["We know why.", "We know why.", " "])),
        until=draw(st.sampled_from(["2026-11-26", "2027-01-31", "2026-11-25", "never"])),
        person=draw(st.sampled_from(["Bo", "Cy", "Ada", ""])),
        key_id="k",
        at="2026-11-26T10:00:00+00:00",
    )


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_no_waiver_changes_an_outcome_and_only_blocking_controls_count(make, pack, data):
    seen = data.draw(evidences(make, pack))
    plain = evaluate((pack, policy_digest(pack)), seen, TODAY)
    needed = [control.id for control in plain.controls if control.outcome not in STANDS]
    covered = data.draw(st.lists(st.sampled_from(needed), unique=True)) if needed else []
    given_ = tuple(data.draw(st.lists(waivers(make, pack), max_size=6)))
    given_ += tuple(valid(make, pack, name) for name in (needed if data.draw(st.booleans()) else covered))
    waived = evaluate((pack, policy_digest(pack)), seen.model_copy(update={"waivers": given_}), TODAY)
    event(f"promotable: {plain.promotable} -> {waived.promotable}")
    assert plain.promotable == (plain.outcome == "pass")
    assert (waived.outcome, waived.exit_code) == (plain.outcome, plain.exit_code)
    held = {"waived_until", "waived_by"}
    for before, after in zip(plain.controls, waived.controls, strict=True):
        assert after.to_json() | dict.fromkeys(held) == before.to_json() | dict.fromkeys(held)
        if after.waived_until is not None:
            assert after.outcome not in STANDS
            assert any(item.control == after.id and item.person == after.waived_by for item in given_)
            assert after.waived_by in {"Bo", "Cy"}
            assert after.waived_until >= TODAY.isoformat()
    open_ = [control for control in waived.controls if control.outcome not in STANDS]
    assert waived.promotable == all(control.waived_until for control in open_)
