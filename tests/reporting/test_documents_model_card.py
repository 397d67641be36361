"""The model card: what the hub's library reads back is what was measured, and nothing from data is markup."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from rai_tune.core import UsageError
from rai_tune.reporting import build_view
from rai_tune.reporting.documents import annex_iv_markdown, ml_bom, model_card_markdown, oscal_results
from rai_tune.reporting.documents.markdown import literal, quoted
from rai_tune.reporting.model import Shown
from rai_tune.reporting.suppression import shown

HOSTILE = (
    "<script>alert(1)</script>",
    "![p](https://evil.example/a.png)",
    "[go](javascript:alert(1))",
    "https://evil.example/x www.evil.example a@evil.example",
    "# heading",
    "1. item",
    "- item",
    "+ item",
    "> quote",
    "---",
    "===",
    "a | b | c",
    "`code` ``x``",
    "*em* __strong__ ~~gone~~ $x$",
    "&copy; &#60;b&#62;",
    "a\n\n## b\n\n<b>c</b>",
    "```\nfence",
    "\\",
    "[^1]: note",
    "[ref]: https://evil.example",
)
ALLOWED = {
    "heading_open", "heading_close", "inline", "text", "paragraph_open", "paragraph_close", "strong_open", "strong_close",
    "em_open", "em_close", "table_open", "table_close", "thead_open", "thead_close", "tbody_open", "tbody_close", "tr_open",
    "tr_close", "th_open", "th_close", "td_open", "td_close", "bullet_list_open", "bullet_list_close", "list_item_open",
    "list_item_close", "code_inline", "softbreak", "blockquote_open", "blockquote_close",
}  # fmt: skip


def text(inputs):
    return model_card_markdown(inputs).decode()


def body_of(card):
    return card.split("\n---\n", 1)[1]


def tokens(markdown):
    for token in MarkdownIt("commonmark").enable("table").enable("strikethrough").parse(markdown):
        yield token
        yield from token.children or ()


def hostile_inputs(make_inputs, kit, name):
    table = {name: {f"{name} x": (135, 87, (22, 38), (26, 97)), f"y {name}": (817, 752, (31, 76), (34, 741))}}
    recipe = kit.lending_recipe(purpose=f"{name} decides which applications are seen first")
    return make_inputs(
        table=table, recipe=recipe, data={"origin": name, "rows": 3, "notes": [name], "splits": {}},
        environment={"python": name, "packages": {name: name}},
    )  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("render", [model_card_markdown, annex_iv_markdown])
def test_names_from_data_are_never_markup(make_inputs, kit, name, render):
    markdown = render(hostile_inputs(make_inputs, kit, name)).decode()
    markdown = body_of(markdown) if markdown.startswith("---") else markdown
    kinds = {token.type for token in tokens(markdown)}
    assert kinds <= ALLOWED
    levels = [token.tag for token in tokens(markdown) if token.type == "heading_open"]
    clean = [token.tag for token in tokens(_same_with(make_inputs, kit, render)) if token.type == "heading_open"]
    assert levels == clean


def _same_with(make_inputs, kit, render):
    markdown = render(hostile_inputs(make_inputs, kit, "plain")).decode()
    return body_of(markdown) if markdown.startswith("---") else markdown


@pytest.mark.parametrize("name", HOSTILE)
def test_literal_shows_what_was_written(name):
    """Rendered, a literal reads as the text it was made from, but for whitespace."""
    (paragraph,) = [token for token in MarkdownIt("commonmark").parse(literal(name)) if token.type == "inline"]
    assert {child.type for child in paragraph.children} == {"text"}
    shown_text = "".join(child.content for child in paragraph.children)
    assert re.sub(r"\s", "", shown_text) == re.sub(r"\s", "", name)


def test_links_that_renderers_make_by_themselves_are_broken():
    told = literal("see https://evil.example or www.evil.example or a@evil.example")
    assert not re.search(r"https?://\S|www\.\S|\w@\w", told)


def test_a_statement_of_several_lines_stays_one_quote():
    kinds = [token.type for token in tokens(quoted("# A\n\n<b>x</b>\n- y\n```\nz"))]
    assert kinds.count("blockquote_open") == 1
    assert set(kinds) <= ALLOWED
    assert "heading_open" not in kinds


def test_the_hub_library_reads_back_what_was_measured(make_inputs):
    hub = pytest.importorskip("huggingface_hub")
    inputs = make_inputs()
    data = hub.ModelCard(text(inputs), ignore_metadata_errors=False).data
    assert (data.library_name, data.pipeline_tag, data.base_model) == (
        "peft",
        "text-classification",
        "minilm (all-MiniLM-L6-v2)",
    )
    measured = {
        (item.metric, item.label, tuple([(item.attribute, item.group)] if item.group else [])): item
        for result in shown(inputs).results
        if result.audit in {"task_quality", "group_rates"}
        for item in result.measurements
        if item.status == "ok" and item.split == "test" and item.reference is None
    }
    assert len(data.eval_results) > 20
    for told in data.eval_results:
        place = tuple((told.dataset_args or {}).items())
        item = measured[told.metric_type, told.metric_args.get("label"), place]
        assert told.metric_value == item.value
        assert (told.metric_args["low"], told.metric_args["high"], told.metric_args["n"]) == (
            item.low,
            item.high,
            item.n,
        )
        assert not told.verified
    auc = [told.metric_value for told in data.eval_results if told.metric_type == "roc_auc"]
    assert auc == [0.8047]


def test_nothing_of_a_small_group_is_in_the_card(make_inputs):
    card = text(make_inputs())
    hub = pytest.importorskip("huggingface_hub")
    told = hub.ModelCard(card).data.eval_results
    assert {"race": "Black"} in [each.dataset_args for each in told]
    assert {"race": "other"} not in [each.dataset_args for each in told]
    (row,) = re.findall(r"^\| other \|.*$", card, re.MULTILINE)
    assert not re.findall(r"\d+\.\d", row)
    assert "suppressed" in row


def numbers_of(view):
    """Every text of a number that the view shows."""

    def walk(value):
        if isinstance(value, Shown):
            yield from (value.text, value.interval, value.n_text)
        elif isinstance(value, list | tuple):
            for each in value:
                yield from walk(each)
        elif hasattr(value, "__dataclass_fields__"):
            for name in value.__dataclass_fields__:
                yield from walk(getattr(value, name))

    return {number for each in walk(view) for number in re.findall(r"\d[\d,.]*", each)}


def test_every_number_in_results_and_groups_resolves_to_a_measurement(make_inputs):
    inputs = make_inputs()
    card = body_of(text(inputs))
    chapter = card[card.index("## Results") : card.index("## Explanations")]
    cells = [
        cell
        for line in chapter.splitlines()
        if line.startswith("|")
        for cell in line.split("|")[2:-2]  # not the name, and not the meaning, which has examples
    ]
    found = {number.rstrip(".,") for cell in cells for number in re.findall(r"\d[\d,.]*", cell)}
    known = {number.rstrip(".,") for number in numbers_of(build_view(inputs))}
    assert found <= known
    assert len(found) > 50
    assert "| Black | 135 | 64.4 % | 56.1 to 72.0 % | 57.9 % | 26.8 % |" in chapter


def test_a_changed_measurement_changes_the_card(make_inputs, kit):
    before = make_inputs()
    items = (kit.number("task_quality", "roc_auc", 0.77123, 0.7, 0.8, 996), *kit.quality().measurements[1:])
    changed = kit.quality().model_copy(update={"measurements": items})
    after = replace(before, results=tuple(changed if each.audit == "task_quality" else each for each in before.results))
    assert "| ROC AUC | 0.771 | 0.700 to 0.800 | 996 |" in text(after)
    assert "| ROC AUC | 0.805 | 0.763 to 0.846 | 996 |" in text(before)


def test_undefined_numbers_are_left_out_of_the_metadata_and_told_in_the_text(make_inputs, kit):
    gap = kit.rate("task_quality", "precision", 0, 0, label="denied")
    items = (*kit.quality().measurements[:6], gap)
    results = (kit.quality().model_copy(update={"measurements": items}),)
    card = text(make_inputs(results=results, decisions=()))
    front, rest = card.split("\n---\n", 1)
    assert "type: precision" not in front
    assert "nan" not in front.lower()
    assert "not estimable" in rest


def test_placeholders_count_as_empty(make_inputs, kit):
    for value in ("TODO", "n/a", "lorem ipsum dolor sit amet consectetur"):
        recipe = kit.lending_recipe(system={"out_of_scope": value, "oversight": value})
        card = text(make_inputs(recipe=recipe))
        assert card.count("*Empty: nobody has stated this.*") == 3
    recipe = kit.lending_recipe(
        system={
            "out_of_scope": "Not for business loans or for appeals.",
            "oversight": "A loan officer reads every refusal and may overrule it.",
            "intended_users": "loan officers",
        }
    )
    card = text(make_inputs(recipe=recipe))
    assert "nobody has stated" not in card
    assert "A loan officer reads every refusal and may overrule it." in card


def test_a_full_fine_tune_is_no_adapter(make_inputs, kit):
    recipe = kit.lending_recipe(model={"adapter": {"method": "full"}})
    card = text(make_inputs(recipe=recipe))
    assert "library_name: transformers\n" in card
    assert "base_model_relation: finetune\n" in card


def test_untrusted_explanations_are_said_to_be_so(make_inputs, kit):
    result = kit.explained()
    checks = {**result.facts["checks"], "outcome": "not_trusted", "sentence": "They miss the check of sums."}
    failed = result.model_copy(update={"facts": {**result.facts, "checks": checks}})
    before = make_inputs()
    after = replace(before, results=tuple(failed if each.audit == "explanations" else each for each in before.results))
    limits = text(after)[text(after).index("## Limits") :]
    assert "Explanations: not trusted." in limits
    assert "Explanations: not trusted." not in text(before)


def test_no_word_of_a_text_is_in_any_document(make_inputs, kit):
    """Words that attributions rank are words of people's texts, and so are the texts that were explained."""
    secret = "rosebud street 12"
    result = kit.explained()
    facts = {**result.facts, "top_words": [{"word": secret, "mean_absolute": 0.9, "mean_signed": 0.2, "documents": 9}]}
    ranked = kit.result(
        "global_attributions", "explain", [kit.number("global_attributions", "mean", 0.5, 0.4, 0.6, 60, label=secret)]
    )
    before = make_inputs()
    inputs = replace(before, results=(*before.results[:3], result.model_copy(update={"facts": facts}), ranked))
    for render in (model_card_markdown, annex_iv_markdown, ml_bom, oscal_results):
        body = render(inputs).decode()
        assert "rosebud" not in body
        assert "row-1" not in body


def test_a_failed_run_without_a_model_has_no_card(make_inputs):
    with pytest.raises(UsageError, match="has no trained model"):
        model_card_markdown(make_inputs(run={"model_digest": None}))


def test_front_matter_is_finite(make_inputs):
    hub = pytest.importorskip("huggingface_hub")
    told = hub.ModelCard(text(make_inputs())).data.eval_results
    assert all(math.isfinite(each.metric_value) for each in told)
