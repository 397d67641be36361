"""A recipe whose method a policy forbids is refused before anything is trained; what cannot be decided yet is not."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from rai_tune.core import UsageError
from rai_tune.gate import LoadedPolicy, Policy, load_policy, policy_digest
from rai_tune.planning import check_vetoes, plan
from rai_tune.promotion.vetoes import vetoes
from rai_tune.recipe import load_recipe, parse_recipe

TODAY = date(2026, 11, 26)
BARE = {"data": {"source": {"path": "people.csv"}, "text": "t", "label": "deny"}}


def recipe_of(method, **fields):
    return parse_recipe({**BARE, "mitigation": {"method": method}, **fields}, "recipe", Path()).recipe


def found(recipe, *policies, day=TODAY, **needed):
    return vetoes(recipe.model_dump(mode="json"), policies, needed, day)


def pack(*controls, **fields) -> LoadedPolicy:
    body = {
        "id": "own",
        "version": "1.0.0",
        "title": "Own",
        "issuer": "Us",
        "summary": "S.",
        "status": "organisation",
        "verified_on": "2026-11-26",
        "sources": ["us"],
        **fields,
        "controls": [
            {
                "id": f"V-{place}",
                "reference": f"Rule {place}",
                "title": "A veto.",
                "asks": "A.",
                "mode": "automated",
                "severity": "block",
                **control,
            }
            for place, control in enumerate(controls, 1)
        ],
    }
    policy = Policy.model_validate(body)
    return LoadedPolicy(policy, policy_digest(policy), Path("own.yaml"))


BY_NAME = {"check": {"kind": "mitigation", "forbids": ["threshold", "reweigh"]}}
AT_USE = {"check": {"kind": "mitigation", "forbids_groups_at_use": True}}


def test_a_veto_names_policy_control_clause_and_the_methods_it_means():
    both = recipe_of(["balance", "threshold"])
    (veto,) = found(both, pack(BY_NAME), balance=False, threshold=True)
    assert (veto.policy, veto.control, veto.reference, veto.methods) == ("own", "V-1", "Rule 1", ("threshold",))
    assert veto.words == "policy own forbids threshold (V-1, Rule 1: A veto)"
    assert found(recipe_of("balance"), pack(BY_NAME, AT_USE), balance=False) == ()
    (by_need,) = found(both, pack(AT_USE), balance=False, threshold=True)
    assert by_need.methods == ("threshold",)


def test_only_what_blocks_today_refuses():
    recipe = recipe_of("reweigh")
    assert found(recipe, pack({**BY_NAME, "severity": "warn"}), reweigh=False) == ()
    later = pack({**BY_NAME, "applies_from": "2027-01-01"})
    assert found(recipe, later, reweigh=False) == ()
    assert len(found(recipe, later, day=date(2027, 1, 1), reweigh=False)) == 1
    assert found(recipe, pack({**BY_NAME, "applies_until": "2026-11-26"}), reweigh=False) == ()


def test_a_condition_is_decided_by_what_the_recipe_states():
    credit = pack({**BY_NAME, "when": 'system.domain == "credit"'})
    stated = {domain: recipe_of("reweigh", system={"domain": domain}) for domain in ("credit", "health")}
    assert len(found(stated["credit"], credit, reweigh=False)) == 1
    assert found(stated["health"], credit, reweigh=False) == ()
    # Nobody said what the system is about: the verdict will be insufficient, and a run may begin.
    assert found(recipe_of("reweigh"), credit, reweigh=False) == ()


@pytest.mark.parametrize(("policy", "control"), [("fair-lending", "REGB-4a-methods"), ("eeoc-four-fifths", "T7-703l")])
def test_the_packs_refuse_thresholds_by_group_and_no_other_method_that_comes_with_the_tool(policy, control):
    from rai_tune.training.mitigation import known_methods

    refused = []
    for method in known_methods():
        try:
            check_vetoes(recipe_of(method), (load_policy(policy),))
        except UsageError as error:
            refused.append(method)
            assert f"policy {policy} forbids {method} ({control}, " in str(error)
            assert "Choose another method" in str(error)
    assert refused == ["threshold"]


def test_a_run_is_refused_when_it_is_planned_before_its_data_are_judged(project):
    recipe = yaml.safe_load((project / "recipe.yaml").read_text())
    recipe |= {"policies": ["baseline", "fair-lending"], "mitigation": {"method": "threshold"}}
    (project / "vetoed.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    with pytest.raises(
        UsageError, match=r"^mitigation\.method: policy fair-lending forbids threshold \(REGB-4a-methods"
    ):
        plan(load_recipe(project / "vetoed.yaml"))
    recipe["mitigation"] = {"method": "reweigh"}
    (project / "vetoed.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert plan(load_recipe(project / "vetoed.yaml")).recipe.mitigation.methods == ("reweigh",)
