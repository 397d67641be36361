"""Annex IV documentation: nine sections, each statement bound to a digest, and what nobody stated called empty."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from rai_tune.core import UsageError, sha256_json
from rai_tune.gate.decision import Attestation, SignOff
from rai_tune.reporting.documents import annex_iv_markdown, annex_iv_sections
from rai_tune.reporting.documents.annex_parts import under
from rai_tune.reporting.documents.subject import EU_PACK, NOBODY

MODEL, PACK, STATEMENT = "4" * 64, "c" * 64, "8" * 64
WORDS = "The bank keeps a register of risks, reviewed by the credit committee every quarter."
SYSTEM = {
    "provider": "Example Bank",
    "contact": "models@example.org",
    "version": "2.1",
    "intended_users": "loan officers",
    "out_of_scope": "Business loans, appeals and any decision without a loan officer.",
    "interactions": "Reads applications from the loan system and writes a queue for officers.",
    "oversight": "A loan officer reads every refusal and may overrule it at once.",
    "maintenance": "Rates by group are measured every month; a drift of two points stops it.",
}
HEADINGS = {
    1: (
        "Forms in which it is placed on the market",
        "Hardware it is meant to run on",
        "Product it is part of, where it is",
        "User interface given to the deployer",
    ),
    2: ("Changes determined in advance",),
    4: ("Performance metrics",),
    6: ("Changes",),
    7: ("Standards",),
    9: ("Post-market monitoring",),
}


def attested(control, text=WORDS, **more):
    values = {
        "policy_id": EU_PACK, "policy_digest": PACK, "control": control, "model_digest": MODEL, "text": text,
        "person": "Ada Moreau", "key_id": "ab" * 32, "at": "2026-11-25T09:00:00.000000Z", **more,
    }  # fmt: skip
    return Attestation(**values)


def everything(make_inputs, kit):
    """Inputs in which every part is stated by somebody."""
    document = "\n".join(f"## {title}\n\n{WORDS} ({title})\n" for titles in HEADINGS.values() for title in titles)
    controls = (
        "EUAIA-13-3",
        "EUAIA-10-3",
        "EUAIA-14-4",
        "EUAIA-15-5",
        "EUAIA-9-2",
        "EUAIA-9-5",
        "EUAIA-9-9",
        "EUAIA-47",
        "EUAIA-72",
    )
    return make_inputs(
        recipe=kit.lending_recipe(system=SYSTEM),
        attestations=(*map(attested, controls), attested("EUAIA-11-IV", document)),
        statement=STATEMENT,
        signoffs=(signoff(STATEMENT),),
    )


def signoff(statement):
    return SignOff(
        role="reviewer", person="Bo Lind", key_id="cd" * 32, at="2026-11-25T10:00:00.000000Z", statement=statement
    )


def statuses(inputs):
    return {section.number: section.status for section in annex_iv_sections(inputs)}


def section(inputs, number):
    return next(each for each in annex_iv_sections(inputs) if each.number == number)


def filled(inputs, number, title):
    return next(not each.empty for each in section(inputs, number).items if each.title == title)


def test_nine_sections_in_order_and_what_a_bare_run_holds(make_inputs):
    expected = {
        1: "partly",
        2: "partly",
        3: "partly",
        4: "partly",
        5: "empty",
        6: "empty",
        7: "partly",
        8: "empty",
        9: "empty",
    }
    assert statuses(make_inputs()) == expected
    markdown = annex_iv_markdown(make_inputs()).decode()
    assert re.findall(r"^## (\d)\.", markdown, re.MULTILINE) == [str(number) for number in range(1, 10)]
    assert markdown.count(f"**Section {NOBODY}.**") == 4


def test_everything_stated_fills_all_nine(make_inputs, kit):
    inputs = everything(make_inputs, kit)
    assert statuses(inputs) == dict.fromkeys(range(1, 10), "filled")
    assert NOBODY not in annex_iv_markdown(inputs).decode()


@pytest.mark.parametrize("field", sorted(set(SYSTEM) - {"contact"}))
@pytest.mark.parametrize("value", ["TODO", "n/a", "to be written"])
def test_a_placeholder_in_the_recipe_fills_nothing(make_inputs, kit, field, value):
    inputs = everything(make_inputs, kit)
    # What people attest about oversight would fill its part as well.
    inputs = replace(inputs, attestations=tuple(each for each in inputs.attestations if each.control != "EUAIA-14-4"))
    broken = replace(inputs, recipe=kit.lending_recipe(system={**SYSTEM, field: value}))
    markdown = annex_iv_markdown(broken).decode()
    assert NOBODY in markdown
    assert f"\n{value}\n" not in markdown
    assert NOBODY not in annex_iv_markdown(inputs).decode()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"text": "TODO"}, "placeholder"),
        ({"text": "lorem ipsum dolor sit amet consectetur"}, "placeholder"),
        ({"text": "risk risk risk risk risk risk"}, "repeated filler"),
        ({"text": "see above"}, "placeholder"),
        ({"model_digest": "5" * 64}, "another model"),
        ({"policy_id": "nist-ai-rmf"}, "another pack"),
        ({"control": "EUAIA-9-9"}, "another control"),
    ],
)
def test_a_statement_that_does_not_count_leaves_the_part_empty(make_inputs, change, why):
    title = "Risks known and foreseeable, and measures against them"
    assert filled(make_inputs(attestations=(attested("EUAIA-9-2"),)), 5, title)
    broken = attested("EUAIA-9-2").model_copy(update=change)
    assert not filled(make_inputs(attestations=(broken,)), 5, title), why


def test_a_statement_about_another_version_of_the_pack_does_not_count(make_inputs, kit):
    decided = kit.decision(kit.baseline_decision().controls, "fail", policy_id=EU_PACK)
    assert decided.policy_digest != PACK
    title = "Copy of the declaration"
    assert not filled(make_inputs(decisions=(decided,), attestations=(attested("EUAIA-47"),)), 8, title)
    same = attested("EUAIA-47", policy_digest=decided.policy_digest)
    assert filled(make_inputs(decisions=(decided,), attestations=(same,)), 8, title)


def test_only_a_sign_off_of_the_present_statement_is_a_signed_report(make_inputs):
    title = "Test reports dated and signed by the persons responsible"
    assert not filled(make_inputs(statement=STATEMENT), 2, title)
    assert not filled(make_inputs(statement=STATEMENT, signoffs=(signoff("7" * 64),)), 2, title)
    assert not filled(make_inputs(statement="", signoffs=(signoff(""),)), 2, title)
    inputs = make_inputs(statement=STATEMENT, signoffs=(signoff(STATEMENT),))
    assert filled(inputs, 2, title)
    assert "| reviewer | Bo Lind | 2026-11-25T10:00:00.000000Z |" in annex_iv_markdown(inputs).decode()


def test_a_contact_alone_names_no_provider(make_inputs, kit):
    recipe = kit.lending_recipe(system={"contact": "models@example.org"})
    assert not filled(make_inputs(recipe=recipe), 1, "Provider")
    assert "`models@example.org`" in annex_iv_markdown(everything(make_inputs, kit)).decode()


def test_each_statement_names_digests_that_are_the_runs(make_inputs, kit):
    inputs = everything(make_inputs, kit)
    known = {
        *("1" * 64, "2" * 64, "3" * 64, MODEL, "5" * 64, STATEMENT),
        *(sha256_json(each.to_json()) for each in (*inputs.results, *inputs.decisions, *inputs.attestations)),
        *(sha256_json(dict(each)) for each in (inputs.training, inputs.environment, inputs.data)),
    }
    statements = [each for one in annex_iv_sections(inputs) for item in one.items for each in item.statements]
    assert len(statements) > 40
    for statement in statements:
        assert statement.sources
        assert {source.digest for source in statement.sources} <= known
    markdown = annex_iv_markdown(inputs).decode()
    lines = [line for line in markdown.splitlines() if line.startswith("Source: ")]
    assert len(lines) == len(statements)
    assert all(re.search(r"sha256 `[0-9a-f]{64}`", line) for line in lines)


def test_a_changed_measurement_changes_number_and_digest(make_inputs, kit):
    items = (kit.number("task_quality", "roc_auc", 0.77123, 0.7, 0.8, 996), *kit.quality().measurements[1:])
    changed = kit.quality().model_copy(update={"measurements": items})
    before = make_inputs()
    after = replace(before, results=tuple(changed if each.audit == "task_quality" else each for each in before.results))
    old, new = annex_iv_markdown(before).decode(), annex_iv_markdown(after).decode()
    assert "| ROC AUC | 0.771 | 0.700 to 0.800 | 996 |" in new
    assert sha256_json(kit.quality().to_json()) in old
    assert sha256_json(kit.quality().to_json()) not in new


def test_a_failed_audit_fills_nothing(make_inputs, kit):
    crashed = kit.result("group_rates", "fairness", [], status="error", reason="it ran out of memory")
    before = make_inputs()
    inputs = replace(before, results=tuple(crashed if each.audit == "group_rates" else each for each in before.results))
    assert filled(before, 3, "Accuracy for particular groups of people")
    assert not filled(inputs, 3, "Accuracy for particular groups of people")
    assert "The audit group\\_rates stopped with an error" in annex_iv_markdown(inputs).decode()


def test_no_groups_declared_is_said(make_inputs, kit):
    data = kit.lending_recipe().data.model_dump(mode="json") | {"groups": []}
    inputs = make_inputs(recipe=kit.lending_recipe(data=data), results=(kit.quality(),))
    assert f"*{NOBODY} (the recipe declares no groups)*" in annex_iv_markdown(inputs).decode()


def test_small_cells_stay_hidden(make_inputs):
    markdown = annex_iv_markdown(make_inputs()).decode()
    rows = re.findall(r"^\| other \|.*$", markdown, re.MULTILINE)
    assert rows
    assert not [row for row in rows if re.search(r"\d+\.\d", row)]


def test_text_under_a_heading():
    text = "Intro\n\n## 4. Changes\n\nOne.\n\n### More\n\nTwo.\n\n## Standards\n\nThree.\n\nMonitoring:\nFour.\n# End\nFive."
    assert under(text, "Changes") == "\nOne.\n\n### More\n\nTwo.\n"
    assert under(text, "changes", lead_only=True) == "\nOne.\n"
    assert under(text, "More") == "\nTwo.\n"
    assert under(text, "Monitoring") == "Four."
    assert under(text, "Nowhere") is None


def test_a_heading_without_text_of_its_own_fills_nothing(make_inputs):
    document = "## Changes\n\nTODO\n\n## Standards\n\nNo harmonised standard was applied; none is cited yet."
    inputs = make_inputs(attestations=(attested("EUAIA-11-IV", document),))
    assert not filled(inputs, 6, "Relevant changes made by the provider")
    assert filled(inputs, 7, "Harmonised standards applied, or that there are none")


def test_the_words_of_a_person_are_quoted_whole_and_named(make_inputs):
    text = f"{WORDS}\n\n<b>Second</b> paragraph | with marks."
    markdown = annex_iv_markdown(make_inputs(attestations=(attested("EUAIA-9-2", text),))).decode()
    assert (
        f"Ada Moreau stated for EUAIA-9-2, signed 2026-11-25T09:00:00.000000Z:\n\n> {WORDS}\n>\n> &lt;b&gt;Second"
        in markdown
    )


def test_it_never_says_compliant(make_inputs, kit):
    markdown = annex_iv_markdown(everything(make_inputs, kit)).decode().lower()
    assert "complian" not in markdown
    assert "does not state that a law is met" in markdown


def test_a_run_without_a_model(make_inputs):
    with pytest.raises(UsageError, match="no trained model"):
        annex_iv_sections(make_inputs(run={"model_digest": None}))


def test_an_unfinished_run_says_so(make_inputs):
    markdown = annex_iv_markdown(make_inputs(run={"state": "interrupted", "error": None}, decisions=())).decode()
    assert "interrupted" in markdown
    assert "The run is interrupted: its evidence is not complete." in markdown
