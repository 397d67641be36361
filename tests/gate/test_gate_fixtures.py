"""The fixtures that ship with a pack, and that they notice every change of what it decides on."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

import pytest

from rai_tune.core import UsageError
from rai_tune.gate import check_fixtures, known_policies, load_policy
from rai_tune.gate.conditions import read_condition
from rai_tune.gate.fixture_file import read_fixtures
from rai_tune.gate.fixtures import required_outcomes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rai_tune.gate import Control, LoadedPolicy

JUST = 0.002
OTHER_WAY = {"at_least": "at_most", "at_most": "at_least"}
ROLES = ("author", "reviewer", "approver")
WHOLE = {"coverage", "retention", "freshness", "signature"}
NEGATED = {"==": "!=", "!=": "==", "<=": ">", ">=": "<", "<": ">=", ">": "<=", "&&": "||", "||": "&&", "!": ""}
OPERATOR = re.compile(r"""("[^"]*"|'[^']*')|(==|!=|<=|>=|<|>|&&|\|\||!)""")
loaded_once = lru_cache(load_policy)
fixtures_once = lru_cache(lambda name: read_fixtures(loaded_once(name)))


def changed(loaded: LoadedPolicy, control: Control) -> LoadedPolicy:
    """The pack with another text of one control, and the digest that it had."""
    controls = tuple(control if each.id == control.id else each for each in loaded.policy.controls)
    return replace(loaded, policy=loaded.policy.model_copy(update={"controls": controls}))


def mutants(control: Control) -> Iterator[tuple[str, Control]]:
    """Every small change of what a control decides on, with a name."""
    if control.mode == "hybrid":
        yield "no person asked", control.model_copy(update={"mode": "automated"})
    for section in control.sections or ():
        rest = tuple(name for name in control.sections if name != section)
        yield f"no section {section!r}", control.model_copy(update={"sections": rest or None})
    if control.when is not None:
        yield "no condition", control.model_copy(update={"when": None})
        for text in conditions(control.when):
            yield f"when: {text}", control.model_copy(update={"when": text})
    if control.check is not None:
        for what, changes in check_mutants(control.check):
            yield what, control.model_copy(update={"check": control.check.model_copy(update=changes)})


def check_mutants(check) -> Iterator[tuple[str, dict[str, object]]]:
    for name in ("threshold", "people"):
        limit = getattr(check, name, None)
        if limit is not None:
            step = 1 if check.kind in WHOLE else max(JUST, JUST * abs(limit.value))
            for sign in (-1, 1):
                moved = limit.model_copy(update={"value": round(limit.value + sign * step, 6)})
                yield f"{name} {moved.value}", {name: moved}
    if hasattr(check, "direction"):
        yield "direction", {"direction": OTHER_WAY[check.direction]}
    if check.kind == "bound":
        yield "alpha", {"alpha": 0.1}
    if check.kind == "signature":
        for role in ROLES:
            if role != check.role:
                yield f"role {role}", {"role": role}
    if check.kind == "presence":
        for name in ("audits", "artifacts", "metrics"):
            for item in getattr(check, name):
                yield f"without {item}", {name: tuple(each for each in getattr(check, name) if each != item)}
    if check.kind == "mitigation":
        for item in check.forbids:
            yield f"without {item}", {"forbids": tuple(each for each in check.forbids if each != item)}
        yield "groups at use", {"forbids_groups_at_use": not check.forbids_groups_at_use}
    if check.kind == "expression":
        for text in conditions(check.expression, limit=check.threshold is not None):
            yield f"expression: {text}", {"expression": text}


def conditions(text: str, *, limit: bool = False) -> Iterator[str]:
    """The condition turned round, and with each operator turned round."""
    turned = [match for match in OPERATOR.finditer(text) if match.group(2)]
    each_turned = [text[: match.start()] + NEGATED[match.group(2)] + text[match.end() :] for match in turned]
    for each in (f"!({text})", *each_turned):
        read_condition(each, limit=limit)
        yield each


@pytest.mark.parametrize("name", known_policies())
def test_every_fixture_gives_its_outcome_and_every_outcome_has_a_fixture(name):
    assert [result for result in check_fixtures(loaded_once(name)) if not result.ok] == []


@pytest.mark.parametrize("name", known_policies())
def test_every_change_of_what_a_control_decides_on_breaks_a_fixture_of_it(name):
    loaded, file = loaded_once(name), fixtures_once(name)
    tried = [(control.id, what, mutant) for control in loaded.policy.controls for what, mutant in mutants(control)]
    unseen = [
        f"{control}: {what}"
        for control, what, mutant in tried
        if all(result.ok for result in check_fixtures(changed(loaded, mutant), file, {control}))
    ]
    assert len(tried) > 10
    assert unseen == []


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
    title: Tables
    asks: Tables are stored.
    mode: hybrid
    severity: block
    check: {kind: presence, audits: [rates], artifacts: [table], metrics: [accuracy]}
  - {id: P-2, reference: "2", title: A person, asks: A person looked., mode: attestation, severity: block}
"""


def write(tmp_path, fixtures: str):
    (tmp_path / "fixtures").mkdir(exist_ok=True)
    (tmp_path / "own.yaml").write_text(PACK, encoding="utf-8")
    (tmp_path / "fixtures" / "own.yaml").write_text(fixtures, encoding="utf-8")
    return load_policy(tmp_path / "own.yaml")


WHOLE_FILE = """
policy: own
fixtures:
  - {control: P-1, expect: awaiting_signoff, says: all is there, ALL}
  - {control: P-1, expect: pass, says: and a person confirms it, ALL, attestations: [{text: I looked at every table myself}]}
  - {control: P-1, expect: insufficient_evidence, says: a placeholder, ALL, attestations: [{text: TODO}]}
  - {control: P-1, expect: insufficient_evidence, says: no table, readings: [{audit: rates, metric: accuracy, estimate: 0.9}]}
  - {control: P-2, expect: awaiting_signoff, says: nobody looked}
  - {control: P-2, expect: pass, says: somebody looked, attestations: [{text: I looked at the model myself, person: Kim}]}
  - {control: P-2, expect: insufficient_evidence, says: nothing is said, attestations: [{text: see above}]}
""".replace("ALL", "artifacts: [table], readings: [{audit: rates, metric: accuracy, estimate: 0.9}]")


def test_a_statement_is_made_awaited_or_empty_alone_and_beside_measurements(tmp_path):
    assert [result for result in check_fixtures(write(tmp_path, WHOLE_FILE)) if not result.ok] == []


def test_an_outcome_without_a_fixture_is_reported(tmp_path):
    loaded = write(tmp_path, "policy: own\nfixtures: []\n")
    missing = [(result.control, result.expected, result.found) for result in check_fixtures(loaded)]
    outcomes = ("pass", "insufficient_evidence", "awaiting_signoff")
    both = [("P-1", each, "no fixture") for each in outcomes] + [("P-2", each, "no fixture") for each in outcomes]
    assert sorted(missing) == sorted(both)
    assert {result.control for result in check_fixtures(loaded, only={"P-2"})} == {"P-2"}


def test_a_condition_and_each_kind_say_which_outcomes_need_a_fixture(make):
    def needed(check, **fields):
        return set(required_outcomes(make.policy(make.control(check, **fields)).controls[0]))

    person = {"kind": "signature", "role": "reviewer", "people": make.limit | {"value": 1}}
    kept = {"kind": "retention", "of": "logs", "threshold": make.limit | {"value": 184}}
    assert needed({"kind": "ordering"}) == {"pass", "insufficient_evidence"}
    assert needed(person) == {"pass", "awaiting_signoff"}
    assert needed(kept) == {"pass", "fail", "insufficient_evidence"}
    assert needed(kept, when="system.workplace") == needed(kept) | {"not_applicable"}
    assert needed(kept, mode="hybrid") == needed(kept) | {"awaiting_signoff"}
    assert needed({"kind": "information"}, severity="info") == {"not_applicable"}


@pytest.mark.parametrize(
    ("fixtures", "message"),
    [
        ("policy: other\nfixtures: []\n", "'other' is not the pack 'own'"),
        ("policy: own\nfixtures: [{control: P-9, expect: pass, says: x}]\n", r"unknown control 'P-9'. Did you mean"),
        (
            "policy: own\nfixtures: [{control: P-1, expct: pass, says: x}]\n",
            r"expct: unknown key. Did you mean 'expect'\?",
        ),
        (
            "policy: own\nfixtures: [{control: P-1, expect: pass, says: x, readings: [{estimate: 1}]}]\n",
            "names no audit",
        ),
        (
            "policy: own\nfixtures: [{control: P-1, expect: pass, says: x, signoffs: [{role: boss, person: A}]}]\n",
            r"signoffs\[0\]\.role: Input should be 'author', 'reviewer' or 'approver'",
        ),
        (
            "policy: own\nfixtures: [{control: P-2, expect: pass, says: x, attestations: [{txt: A}]}]\n",
            r"txt: unknown key. Did you mean 'text'\?",
        ),
    ],
)
def test_malformed_fixtures_are_refused(tmp_path, fixtures, message):
    with pytest.raises(UsageError, match=message):
        check_fixtures(write(tmp_path, fixtures))


def test_a_pack_without_fixtures_is_refused(tmp_path):
    loaded = write(tmp_path, "policy: own\nfixtures: []\n")
    (tmp_path / "fixtures" / "own.yaml").unlink()
    with pytest.raises(UsageError, match="no such file"):
        check_fixtures(loaded)
