"""Harmless edits: what each changes and leaves alone, and a planted reliance on a word that typos destroy."""

import random
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit
from rai_audits.explain import TextModel
from rai_audits.robustness.edits import EDITS, apply_edit
from rai_audits.robustness.edits.paraphrase import frames
from rai_audits.stats.rates import wilson

SENTENCE = "The applicant earns 1,250.50 a month, isn't late, and writes to ann@example.org from Memphis."


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


class Letters:
    """A tokenizer of one token per character."""

    pad_token_id = 0

    def __call__(self, texts, truncation, max_length):
        return {"input_ids": [[ord(mark) for mark in text][:max_length] for text in texts]}


class Reads(torch.nn.Module):
    """Says yes exactly when the text holds the word, letter by letter and in this case."""

    def __init__(self, word):
        super().__init__()
        self.word = word

    def forward(self, input_ids, attention_mask):
        texts = ["".join(chr(code) for code in row if code) for row in input_ids.tolist()]
        return SimpleNamespace(logits=torch.tensor([[0.0, 4.0 if self.word in text else -4.0] for text in texts]))


def context(texts, groups, word="reliable", **options):
    ids = [f"r{place}" for place in range(len(texts))]
    predictions = pd.DataFrame(
        {
            "row_id": ids,
            "split": "test",
            "label": "no",
            "prediction": ["yes" if word in text else "no" for text in texts],
            "score": [1 / (1 + np.exp(-8 if word in text else 8)) for text in texts],
            "group:sex": groups,
        }
    )
    task = TaskInfo(
        classes=("no", "yes"), positive="yes", favourable="yes", threshold=0.5, groups={"sex": ("man", "woman")}
    )
    return AuditContext(
        predictions=predictions,
        task=task,
        artifacts=Sink(),
        rows=pd.DataFrame({"row_id": ids, "text": texts}),
        model=TextModel(Reads(word), Letters(), ("no", "yes")),
        options=options,
        seed=4,
    )


def planted(count=120):
    """Men's texts are the one word, so every typo hits it; women's hold it in digits, which no typo touches."""
    texts = ["reliable" if place % 2 else "reliable. 12 34 reliable2" for place in range(count)]
    return texts, ["man" if place % 2 else "woman" for place in range(count)]


def one(output, metric, **where):
    found = [
        item
        for item in output.measurements
        if item.metric == metric and all(getattr(item, key) == value for key, value in where.items())
    ]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


def test_flip_rates_follow_the_planted_reliance():
    output = load_audit("harmless_edits").run(context(*planted()))
    men = one(output, "edit_flip_rate", label="typos", group="man")
    women = one(output, "edit_flip_rate", label="typos", group="woman")
    assert (men.value, women.value, men.n, women.n) == (1.0, 0.0, 60, 60)
    assert men.low == pytest.approx(float(wilson(60, 60).low))
    gap = one(output, "edit_flip_rate_difference", label="typos", group="man", reference="woman")
    assert gap.value == 1.0
    assert gap.bound("lower", 0.05).value == pytest.approx(2 * 0.025 ** (1 / 60) - 1)
    assert one(output, "edit_flip_rate", label="case", group=None).value == 1.0
    assert one(output, "edit_flip_rate", label="punctuation", group=None).value == 0.0
    assert one(output, "edit_flip_rate", label="any", group=None).n == 120
    shift = one(output, "edit_score_shift", label="case")
    assert shift.value == pytest.approx(1 / (1 + np.exp(4)) * 2 - 1, abs=0.04)


def test_row_order_and_other_rows_change_nothing():
    texts, groups = planted(60)
    case = context(texts, groups, edit_rows=25)
    first = load_audit("harmless_edits").run(case)
    mixed = context(texts, groups, edit_rows=25)
    turned = mixed.predictions.iloc[::-1].reset_index(drop=True)
    again = load_audit("harmless_edits").run(
        AuditContext(**{**vars(mixed), "predictions": turned, "rows": mixed.rows.sample(frac=1, random_state=1)})
    )
    assert first.measurements == again.measurements
    assert case.artifacts.tables["edits"].equals(mixed.artifacts.tables["edits"])
    assert "text" not in case.artifacts.tables["edits"]
    assert first.facts["rows"] == 25


def test_a_group_too_small_is_a_gap_with_its_reason():
    texts, groups = planted(60)
    groups = ["woman" if place == 3 else "man" for place in range(60)]
    output = load_audit("harmless_edits").run(context(texts, groups))
    item = one(output, "edit_flip_rate_difference", label="typos", group="woman", reference=None)
    assert item.status == "not_estimable"
    assert "1 drawn rows of group 'woman'" in item.reason


def test_options_are_checked():
    texts, groups = planted(4)
    with pytest.raises(UsageError, match=r"typos"):
        load_audit("harmless_edits").run(context(texts, groups, edits=("typoz",)))
    with pytest.raises(UsageError, match="edit_rows"):
        load_audit("harmless_edits").run(context(texts, groups, edit_rows=0))


def test_no_texts_is_missing_evidence():
    output = load_audit("harmless_edits").run(context(["", " "], ["man", "woman"]))
    assert {item.status for item in output.measurements} == {"not_estimable"}


@pytest.mark.parametrize("name", sorted(EDITS))
def test_numbers_and_addresses_survive_every_edit(name):
    for row in range(40):
        edited = apply_edit(name, SENTENCE, row_id=str(row), seed=1)
        assert edited != SENTENCE
        assert "1,250.50" in edited
        assert "ann@example.org" in edited.lower()


def test_typos_spare_short_and_protected_words():
    for row in range(60):
        edited = apply_edit("typos", SENTENCE, row_id=str(row), seed=1, protected=frozenset({"memphis", "applicant"}))
        assert "Memphis" in edited
        assert "applicant" in edited
        assert edited.startswith("The ")
    assert apply_edit("typos", "an old man", row_id="1", seed=1) == "an old man"


def test_frames_hold_the_text_untouched():
    assert len(frames()) >= 5
    for row in range(40):
        assert SENTENCE in apply_edit("paraphrase", SENTENCE, row_id=str(row), seed=1)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.sampled_from(sorted(EDITS)), st.integers(0, 5))
def test_any_text_is_edited_the_same_way_twice(text, name, seed):
    random.seed(0)
    once = apply_edit(name, text, row_id="r", seed=seed)
    random.seed(1)
    assert once == apply_edit(name, text, row_id="r", seed=seed)
    if not text.strip():
        assert once == text
