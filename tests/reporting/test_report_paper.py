"""The report as HTML and Markdown: what it says follows the evidence, and nothing in the data is markup."""

from __future__ import annotations

import re
from typing import Any

import pytest

from rai_tune.core import UsageError
from rai_tune.reporting.html import html_report
from rai_tune.reporting.markdown import markdown_report
from rai_tune.reporting.paper import paper_for
from rai_tune.reporting.paper.blocks import Table

HOSTILE = "<script>alert(1)</script> ![a](https://evil.example/a.png) | # x \u202e=cmd() "


@pytest.mark.parametrize("render", [html_report, markdown_report])
def test_changed_evidence_changes_the_page(make_inputs: Any, kit: Any, render: Any) -> None:
    table = {**kit.LENDING, "race": {**kit.LENDING["race"], "Black": (135, 95, (22, 38), (26, 97))}}
    before = render(paper_for(make_inputs())).decode()
    after = render(paper_for(make_inputs(table=table))).decode()
    assert "64.4 %" in before and "70.4 %" not in before
    assert "70.4 %" in after and "64.4 %" not in after


def test_hostile_text_is_inert_in_html_and_markdown(make_inputs: Any, kit: Any) -> None:
    table = {HOSTILE: {HOSTILE + "a": (100, 50, (5, 10), (5, 90)), "b" * 100_000: (100, 60, (5, 10), (5, 90))}}
    inputs = make_inputs(table=table, run={"name": HOSTILE}, recipe=kit.lending_recipe(purpose=HOSTILE))
    page = html_report(paper_for(inputs)).decode()
    assert not re.search(r"<(script|img|iframe|link|object)\b|\son\w+=|javascript:", page)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "[U+202E]" in page
    assert "default-src &#39;none&#39;" in page and len(page) < 400_000
    text = markdown_report(paper_for(inputs)).decode()
    assert "<script" not in text and "](" not in text.replace("\\](", "") and "://e" not in text


def test_one_policy_says_which_others_are_left_out_and_an_undecided_one_is_refused(make_inputs: Any, kit: Any) -> None:
    other = kit.decision(kit.baseline_decision().controls[:1], "pass", policy_id="other", policy_title="Other pack")
    inputs = make_inputs(decisions=(kit.baseline_decision(), other))
    page = markdown_report(paper_for(inputs, "other")).decode()
    assert "Baseline for fine-tuned text classifiers: Refused" in page and "BASE-04" not in page
    with pytest.raises(UsageError, match=r"never decided .*decided: baseline, other"):
        paper_for(inputs, "nyc-ll144")


def test_the_public_summary_for_local_law_144_has_its_fields_and_says_what_is_not_stated(
    make_inputs: Any, kit: Any
) -> None:
    rates = [
        kit.rate("ll144", "ll144_selection_rate", hits, rows, attribute="sex", group=group)
        for group, hits, rows in (("f", 61, 200), ("m", 80, 200))
    ]
    unknown = kit.number("ll144", "ll144_unknown_rows", 17.0, 17.0, 17.0, 417, attribute="sex", method="count")
    ruled = kit.decision(kit.baseline_decision().controls[:1], "pass", policy_id="nyc-ll144", policy_title="LL144")
    inputs = make_inputs(results=(kit.result("ll144", "fairness", [*rates, unknown]),), decisions=(ruled,))
    text = markdown_report(paper_for(inputs, "nyc-ll144")).decode()
    assert "| Date of the most recent bias audit | not stated |" in text
    assert "| Distribution date of the tool | not stated |" in text
    assert "sex not known and in no table | 17 |" in text
    assert "| f | 200 | 30.5 %" in text and "not stated |" in text
    with pytest.raises(UsageError, match="no rates by sex or race"):
        paper_for(make_inputs(decisions=(ruled,)), "nyc-ll144")


def test_the_annex_iv_file_is_the_same_in_html(make_inputs: Any, kit: Any) -> None:
    ruled = kit.decision(
        kit.baseline_decision().controls[:1], "pass", policy_id="eu-ai-act-high-risk", policy_title="EU"
    )
    page = html_report(paper_for(make_inputs(decisions=(ruled,)), "eu-ai-act-high-risk")).decode()
    assert "9. Monitoring after it is placed on the market" in page and "empty: nobody has stated this" in page


def test_the_clauses_of_a_report_are_those_of_the_page(make_inputs: Any, kit: Any) -> None:
    """``29 CFR 1607.4(D)`` stands under its section, not under the number of its title."""
    given = ("29 CFR 1607.4(D), first sentence", "29 CFR 1607.3(B)", "Annex IV(2)(g)")
    controls = kit.baseline_decision().controls[: len(given)]
    changed = tuple(each.model_copy(update={"reference": text}) for each, text in zip(controls, given, strict=True))
    paper = paper_for(make_inputs(decisions=(kit.decision(changed, "pass"),)))
    tables = [block for section in paper.chapters for block in section.blocks if isinstance(block, Table)]
    found = next(table for table in tables if table.columns[0].head == "Clause")
    assert [row[0].text for row in found.rows] == ["29 CFR 1607.4", "29 CFR 1607.3", "Annex IV"]
