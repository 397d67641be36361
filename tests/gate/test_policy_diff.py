"""What changed between two packs, whether it asks for more or less, and whether the version says so."""

from pathlib import Path

import pytest

from rai_tune.gate import LoadedPolicy, policy_digest
from rai_tune.gate.diffing import bound_to_digest, changed_controls, compare_policies, with_read, with_readers
from rai_tune.gate.shown import check_words


def loaded(policy):
    return LoadedPolicy(policy, policy_digest(policy), Path("trial.yaml"))


@pytest.fixture
def pack(make):
    def build(*, check=None, fields=None, extra=(), **pack_fields):
        first = make.control({**make.bound_check(), **(check or {})}, **(fields or {}))
        return make.policy(first, *extra, **pack_fields)

    return build


def compared(old, new):
    return compare_policies(loaded(old), loaded(new))


def limit(value):
    return {"threshold": {"value": value, "origin": "organisation", "source": "set for a test"}}


def test_equal_packs_differ_in_nothing(pack):
    found = compared(pack(), pack())
    assert (found.same_digest, found.changes, found.needed, found.version_fits) == (True, (), "none", True)


CHANGES = {
    "raised at least": ({"check": limit(0.9)}, "check.threshold.value", "stricter", "threshold: 0.8 -> 0.9 (stricter)"),
    "lowered at least": ({"check": limit(0.7)}, "check.threshold.value", "looser", "threshold: 0.8 -> 0.7 (looser)"),
    "larger alpha": ({"check": {"alpha": 0.1}}, "check.alpha", "looser", "alpha: 0.05 -> 0.1 (looser)"),
    "fewest rows": ({"check": {"min_n": 50}}, "check.min_n", "stricter", "min n: not set -> 50 (stricter)"),
    "another metric": ({"check": {"metric": "other"}}, "check.metric", "decides", "metric: impact_ratio -> other"),
    "only warns": ({"fields": {"severity": "warn"}}, "severity", "looser", "severity: block -> warn (looser)"),
    "a person too": ({"fields": {"mode": "hybrid"}}, "mode", "stricter", "mode: automated -> hybrid (stricter)"),
    "superseded": ({"status": "superseded"}, "status", "looser", "status: organisation -> superseded (looser)"),
    "later": (
        {"fields": {"applies_from": "2030-01-01"}},
        "applies_from",
        "looser",
        "applies from: not set -> 2030-01-01 (looser)",
    ),
    "another title": ({"fields": {"title": "New name"}}, "title", "wording", 'title: "A control" -> "New name"'),
    "checked again": ({"verified_on": "2026-11-26"}, "verified_on", "wording", "verified on: 2026-11-25 -> 2026-11-26"),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_changed_field_is_named_with_what_it_does(pack, case):
    given, field, effect, words = CHANGES[case]
    (change,) = compared(pack(), pack(**given)).changes
    assert (change.field, change.effect, change.words) == (field, effect, words)


def test_direction_decides_what_a_lower_threshold_means(pack):
    at_most = {"direction": "at_most"}
    (change,) = compared(pack(check=at_most), pack(check={**at_most, **limit(0.7)})).changes
    assert change.effect == "stricter"
    turned = compared(pack(), pack(check={**at_most, **limit(0.7)})).changes
    assert {(change.field, change.effect) for change in turned} == {
        ("check.direction", "decides"),
        ("check.threshold.value", "decides"),
    }


def test_another_kind_is_one_change(pack, make):
    presence = make.policy(make.control({"kind": "presence", "audits": ["rates"]}))
    (change,) = compared(pack(), presence).changes
    assert (change.field, change.effect) == ("check", "decides")
    assert change.words == (
        "check: impact_ratio of the audit rates is at least 0.8, shown by its bounds at alpha 0.05, for each"
        " ordered pair of groups on the test split -> the audits rates ran without error on this run's predictions"
    )


def test_fewer_audits_are_less_to_meet(make):
    def presence(*audits):
        return make.policy(make.control({"kind": "presence", "audits": list(audits)}))

    assert compared(presence("a", "b"), presence("a")).changes[0].effect == "looser"
    assert compared(presence("a"), presence("a", "b")).changes[0].effect == "stricter"
    assert compared(presence("a"), presence("b")).changes[0].effect == "decides"


def test_controls_that_came_and_went(pack, make):
    second = make.control(make.bound_check(), id="C-2", title="Second")
    gone, came = compared(pack(extra=[second]), pack()), compared(pack(), pack(extra=[second]))
    assert [(change.control, change.effect) for change in gone.changes] == [("C-2", "removed")]
    assert [(change.control, change.effect) for change in came.changes] == [("C-2", "added")]
    assert came.changes[0].words.startswith("added: Second (automated, block): impact_ratio of the audit rates")
    assert (gone.needed, came.needed) == ("major", "minor")


def test_another_order_is_said_and_decides_nothing(pack, make):
    one, two = make.control(make.bound_check()), make.control(make.bound_check(), id="C-2")
    old, new = make.policy(one, two), make.policy(two, one)
    (change,) = compared(old, new).changes
    assert (change.field, change.effect) == ("controls", "wording")
    assert changed_controls(old, new) == frozenset()


VERSIONS = [
    ({"fields": {"title": "New"}}, "1.0.0", "1.0.1", "patch", True),
    ({"fields": {"title": "New"}}, "1.0.0", "1.0.0", "patch", False),
    ({"check": limit(0.9)}, "1.0.0", "1.0.1", "minor", False),
    ({"check": limit(0.9)}, "1.0.0", "1.1.0", "minor", True),
    ({"check": limit(0.9)}, "1.9.0", "1.10.0", "minor", True),
    ({"check": limit(0.7)}, "1.0.0", "1.1.0", "major", False),
    ({"check": limit(0.7)}, "1.0.0", "2.0.0", "major", True),
    ({"check": limit(0.7)}, "0.1.0", "0.2.0", "major", True),
    ({"check": limit(0.9)}, "2.0.0", "1.9.0", "minor", False),
    ({"check": limit(0.9)}, "2.0.0-rc.1", "2.0.0", "minor", True),
]


@pytest.mark.parametrize(("given", "before", "after", "needed", "fits"), VERSIONS)
def test_the_step_of_the_version_fits_what_changed(pack, given, before, after, needed, fits):
    found = compared(pack(version=before), pack(version=after, **given))
    assert (found.needed, found.version_fits) == (needed, fits)
    assert before in found.version_words
    assert after in found.version_words


def test_versions_of_packs_with_other_ids_are_not_compared(pack):
    found = compared(pack(), pack(id="other", check=limit(0.7)))
    assert found.version_fits
    assert "different ids" in found.version_words


def test_a_new_number_alone_is_a_change_of_words(pack):
    found = compared(pack(version="1.0.0"), pack(version="1.0.1"))
    assert [(change.field, change.effect) for change in found.changes] == [("version", "wording")]
    assert not found.same_digest


def test_only_what_decides_makes_a_control_one_to_look_at_again(pack, make):
    second = make.control(make.bound_check(), id="C-2")
    old = pack(extra=[second])
    assert changed_controls(old, pack(extra=[second], fields={"title": "New"}, verified_on="2026-11-26")) == frozenset()
    assert changed_controls(old, pack(extra=[second], check=limit(0.7))) == {"C-1"}
    assert changed_controls(old, pack()) == {"C-2"}
    # The standing of the pack is that of every control which names none.
    assert changed_controls(old, pack(extra=[second], status="superseded")) == {"C-1", "C-2"}
    assert changed_controls(old, pack(extra=[second], status="superseded", fields={"status": "organisation"})) == {
        "C-2"
    }


def test_fields_of_the_pack_reach_the_controls_that_they_are_about(pack, make):
    presence = make.control({"kind": "presence", "audits": ["rates"]}, id="C-2")
    old, divided = pack(extra=[presence]), pack(extra=[presence], divide_alpha_by_openings=True)
    assert changed_controls(old, divided) == {"C-1"}
    (change,) = compared(old, divided).changes
    assert (change.control, change.effect) == (None, "stricter")
    (fewer,) = compared(pack(quorum=3), pack(quorum=2)).changes
    assert fewer.words == "quorum: 3 -> 2 (looser)"
    assert changed_controls(pack(quorum=3), pack(quorum=2)) == frozenset()


def test_controls_that_read_others_at_any_remove(make):
    one = make.control(make.bound_check(), id="A")
    two = make.control(make.bound_check(), id="B", when='outcomes["A"] == "pass"')
    three = make.control(make.bound_check(), id="C", when='outcomes["B"] == "pass"')
    four = make.control(make.bound_check(), id="D")
    whole = make.policy(one, two, three, four)
    assert with_readers({"A"}, whole) == {"A", "B", "C"}
    assert with_readers({"D"}, whole) == {"D"}
    assert with_read({"C"}, whole) == {"A", "B", "C"}
    assert with_read({"A"}, whole) == {"A"}


def test_what_rests_on_the_digest_of_the_pack(make):
    modes = [
        make.control(make.bound_check(), id="A"),
        make.control(make.bound_check(), id="H", mode="hybrid"),
        make.control(None, id="P", mode="attestation"),
    ]
    assert [bound_to_digest(control) for control in make.policy(*modes).controls] == [False, True, True]


def test_an_attestation_and_an_unknown_kind_have_words():
    assert check_words(None) == "a person attests to it"
    assert check_words({"kind": "sundial", "hours": 3, "of": ["a", "b"]}) == "sundial: hours 3, of a, b"


def test_a_veto_that_names_more_is_stricter_and_one_that_names_less_looser(make):
    def vetoed(**check):
        return make.policy(make.control({"kind": "mitigation", **check}))

    more = compared(vetoed(forbids=["threshold"]), vetoed(forbids=["threshold", "reweigh"])).changes[0]
    assert (more.effect, more.words) == ("stricter", "forbids: threshold -> threshold, reweigh (stricter)")
    other = compared(vetoed(forbids=["threshold"]), vetoed(forbids=["reweigh"])).changes[0]
    assert other.effect == "decides"
    both = vetoed(forbids=["threshold"], forbids_groups_at_use=True)
    loosened = compared(both, vetoed(forbids=["threshold"]))
    assert (loosened.changes[0].effect, loosened.needed) == ("looser", "major")
    assert check_words(both.controls[0].check.model_dump(mode="json")) == (
        "the run did not use the mitigation method threshold; no mitigation method of the run needs a person's group when a "
        "decision is made"
    )
