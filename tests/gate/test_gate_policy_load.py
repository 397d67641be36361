"""Reading packs: what is refused, with which words, and what a digest depends on."""

from __future__ import annotations

import re

import pytest

from rai_tune.core import UsageError, resource_path
from rai_tune.gate import alphas_of, known_policies, load_policy

BASELINE = resource_path("policies", "baseline.yaml")


def edited(tmp_path, old: str, new: str, *, everywhere: bool = False):
    text = BASELINE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "baseline.yaml"
    path.write_text(text.replace(old, new, -1 if everywhere else 1), encoding="utf-8")
    return path


def test_the_baseline_is_found_by_id_and_by_path():
    loaded = load_policy("baseline")
    assert loaded.policy.version == "1.1.0"
    assert [control.id for control in loaded.policy.controls] == [f"BASE-{n:02}" for n in range(1, 15)]
    assert load_policy(BASELINE) == loaded
    assert load_policy(str(BASELINE)) == loaded
    assert "baseline" in known_policies()
    assert alphas_of([loaded.policy]) == (0.05,)


def test_no_number_of_the_baseline_claims_to_be_law():
    policy = load_policy("baseline").policy
    origins = {control.check.threshold.origin for control in policy.controls if hasattr(control.check, "threshold")}
    assert origins == {"organisation"}
    assert not any(control.binding for control in policy.controls)
    ratio = next(control for control in policy.controls if control.id == "BASE-04")
    assert "29 CFR 1607.4(D)" in ratio.check.threshold.source


@pytest.mark.parametrize(
    "name",
    ["../baseline", "baseline/../../etc", "a/b", "..", "", "Baseline", "-baseline", "baseline\n", "x" * 99, "fixtures"],
)
def test_a_name_never_becomes_a_path_unchecked(name):
    with pytest.raises(UsageError):
        load_policy(name)


def test_an_unknown_policy_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"unknown policy 'base-line'. Did you mean 'baseline'\?"):
        load_policy("base-line")


def test_the_layout_of_a_file_does_not_change_its_digest_and_its_meaning_does(tmp_path):
    digest = load_policy("baseline").digest
    text = BASELINE.read_text(encoding="utf-8")
    relaid = "# another comment\n\n" + re.sub(
        r"id: baseline\nversion: 1.1.0\n", "version: '1.1.0'\nid: baseline\n", text
    )
    path = tmp_path / "baseline.yaml"
    path.write_text(relaid.replace("value: 0.70", "value: 0.7"), encoding="utf-8")
    assert load_policy(path).digest == digest
    assert load_policy(edited(tmp_path, "value: 0.70", "value: 0.71")).digest != digest
    assert load_policy(edited(tmp_path, "severity: warn", "severity: info")).digest != digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "severity: block",
            "sevrity: block",
            r"controls\[0\] \(BASE-01\)\.sevrity: unknown key. Did you mean 'severity'\?",
        ),
        ("metric: roc_auc", "metrik: roc_auc", r"\(BASE-03\)\.check\.metrik: unknown key. Did you mean 'metric'\?"),
        ("kind: bound", "kind: bond", r"\(BASE-03\)\.check: unknown kind 'bond'. Did you mean 'bound'\?"),
        ("      kind: bound\n", "", r"\(BASE-03\)\.check: a check needs a kind: bound, coverage, expression"),
        ("issuer:", "isuer:", r"isuer: unknown key. Did you mean 'issuer'\?"),
        ("        origin: organisation\n", "", r"\(BASE-02\)\.check\.threshold\.origin: required"),
        (
            "origin: organisation",
            "origin: habit",
            r"threshold\.origin: Input should be 'law', 'guidance' or 'organisation'",
        ),
        ("source: Set by the organisation; no law names a smallest quality", "source: ' '", r"threshold\.source"),
        (
            "        source: Set by the organisation; no law names a smallest quality\n",
            "",
            r"threshold\.source: required",
        ),
        ("value: 30", "value: 29.5", r"\(BASE-02\)\.check: threshold\.value of a coverage check is a number of rows"),
        ("value: 0.70", "value: .inf", "not a finite number"),
        ("id: BASE-02", "id: BASE-01", "two controls have the id 'BASE-01'"),
        ("version: 1.1.0", "version: '1.0'", "version: "),
        ("id: baseline", "id: ../up", "id: "),
        ("mode: automated", "mode: attestation", "an attestation is decided by a person"),
        ("status: organisation", "status: future", "is future and needs applies_from"),
        ("direction: at_least", "direction: above", r"\(BASE-03\)\.check\.direction"),
        ("controls:", "controls: []\nrest:", "rest: unknown key"),
        ("sources:\n  - Set by the organisation in policies/baseline.yaml\n", "sources: []\n", "sources: "),
    ],
)
def test_a_malformed_pack_is_refused_with_its_place(tmp_path, old, new, message):
    path = edited(tmp_path, old, new)
    with pytest.raises(UsageError, match=message) as caught:
        load_policy(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_many_problems_are_listed_and_the_rest_counted(tmp_path):
    with pytest.raises(UsageError, match="and 23 more"):
        load_policy(edited(tmp_path, "    severity:", "    weight:", everywhere=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "expected a mapping of fields, found list"),
        ("", "expected a mapping of fields, found NoneType"),
        ("id: a\nid: b\n", "second time"),
        ("a: &x 1\nb: *x\n", "anchors are not allowed"),
        ("id: " + "x" * 300_000, "the limit is"),
    ],
)
def test_yaml_that_is_not_a_pack_is_refused(tmp_path, text, message):
    path = tmp_path / "pack.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        load_policy(path)


def test_a_pack_without_controls_is_refused(tmp_path):
    head = BASELINE.read_text(encoding="utf-8").split("controls:")[0]
    path = tmp_path / "baseline.yaml"
    path.write_text(head + "controls: []\n", encoding="utf-8")
    with pytest.raises(UsageError, match="a policy needs at least one"):
        load_policy(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        load_policy(tmp_path / "none.yaml")
