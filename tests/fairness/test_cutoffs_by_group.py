"""A model that decides by group: every audit that decides a changed row anew uses that person's cutoff, and says so."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rai_audits.core import AuditContext, GroupCutoffs, Measurement, TaskInfo, UsageError, load_audit
from rai_audits.core.deciding import cutting, swapped_cutoffs
from rai_audits.explain import TextModel
from rai_audits.fairness.swapping import decided
from rai_audits.robustness.scoring import decisions

WORDS = ["[PAD]", "[UNK]", "black", "white", "paid", "late", "he", "she"]
CUTS = {"black": 0.3, "white": 0.7}
"""Score of denial at and above which a group is denied."""


class Tables(dict):
    def put_table(self, name, table):
        self[name] = table
        return f"digest-of-{name}"


class Planted(torch.nn.Module):
    """Probability of denial: 0.5 for "late" and 0.1 for all else; ``worth`` is added to the log-odds by the word "black"."""

    def __init__(self, worth=0.0):
        super().__init__()
        self.words = torch.nn.Embedding(len(WORDS), 1)
        with torch.no_grad():
            self.words.weight.zero_()
            self.words.weight[WORDS.index("late")] = float(np.log(9))
            self.words.weight[WORDS.index("black")] = worth

    def get_input_embeddings(self):
        return self.words

    def forward(self, input_ids, attention_mask):
        logit = (self.words(input_ids).squeeze(-1) * attention_mask).sum(dim=1) - float(np.log(9))
        return SimpleNamespace(logits=torch.stack([torch.zeros_like(logit), logit], dim=1))


def model(worth=0.0):
    core = Tokenizer(models.WordLevel({name: place for place, name in enumerate(WORDS)}, unk_token="[UNK]"))
    core.normalizer = normalizers.BertNormalizer()
    core.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]")
    return TextModel(Planted(worth), tokenizer, ("approved", "denied"), max_tokens=16)


def cuts(rows):
    return np.array([CUTS.get(group, 0.5) for group in rows["group:race"].astype(str)])


def shown(row, attribute, group):
    return f"{group} {row['record']}" if attribute == "race" else None


def hidden(row, attribute, group):
    del row, attribute, group


def context(of=None, *, texts=None, render=hidden, rows=16, **options):
    """Black and white applicants in turn, half of them late; the text holds the record alone unless ``texts`` say more."""
    race = ["black" if place % 2 == 0 else "white" for place in range(rows)]
    record = ["late" if place % 4 < 2 else "paid" for place in range(rows)]
    texts = texts or record
    spans = [[(0, len(text), "record")] for text in texts]
    frame = pd.DataFrame({"row_id": [f"r{place:02}" for place in range(rows)], "split": "test", "text": texts})
    frame["record"], frame["col:record"], frame["segments"] = record, record, spans
    predictions = frame[["row_id", "split"]].assign(label="approved", **{"group:race": race})
    predictions["cutoff"] = cuts(predictions)
    late = np.array([word == "late" for word in record])
    score = np.where(late, 0.5, 0.1)
    predictions["score"] = score
    predictions["score:denied"], predictions["score:approved"] = score, 1 - score
    predictions["prediction"] = np.where(score >= predictions["cutoff"], "denied", "approved")
    task = TaskInfo(
        ("approved", "denied"), "denied", "approved", None, {"race": ("black", "white")},
        seen_by_model={"race": True}, by_group=GroupCutoffs(("race",), cuts),
    )  # fmt: skip
    return AuditContext(
        predictions, task, Tables(), frame, of or model(), seed=1, alphas=(0.05,),
        options={"group_columns": {"race": "race"}, **({"render": render} if render else {}), **options},
    )  # fmt: skip


def pick(output, metric, **where):
    (item,) = [
        each
        for each in output.measurements
        if each.metric == metric and all(getattr(each, key) == value for key, value in where.items())
    ]
    return item


def test_a_group_that_no_text_shows_still_turns_decisions():
    given = context()
    output = load_audit("paired_swaps").run(given)
    # Late rows score 0.5: denied of a black applicant (0.3), approved of a white one (0.7). Paid rows are approved anyway.
    assert pick(output, "swap_any_flip_rate", attribute="race").estimate == 0.5
    assert pick(output, "swap_favourable_rate_change", group="black", reference="white").estimate == 0.5
    assert pick(output, "swap_favourable_rate_change", group="white", reference="black").estimate == -0.5
    assert pick(output, "swap_mean_absolute_shift").estimate == 0.0
    assert {item.threshold for item in output.measurements} == {"by group"}
    table = given.artifacts["swaps"].set_index("row_id")
    assert table.loc["r00", ["cutoff", "swapped_cutoff"]].tolist() == [0.3, 0.7]


def test_text_and_cutoff_change_together_where_the_text_shows_the_group():
    # "black" takes 3 off the log-odds: late black rows score 0.047, so both texts are approved at the cutoffs of both.
    race = ["black" if place % 2 == 0 else "white" for place in range(16)]
    texts = [f"{group} {'late' if place % 4 < 2 else 'paid'}" for place, group in enumerate(race)]
    output = load_audit("paired_swaps").run(context(model(-3.0), texts=texts, render=shown))
    assert pick(output, "swap_any_flip_rate", attribute="race").estimate == 0.0
    # At one cutoff of 0.3 for everybody, the same late rows would be approved as black and denied as white.
    one = context(model(-3.0), texts=texts, render=shown)
    one = replace(one, task=replace(one.task, threshold=0.3, by_group=None))
    assert pick(load_audit("paired_swaps").run(one), "swap_any_flip_rate", attribute="race").estimate == 0.5


def test_free_text_about_another_gender_keeps_the_cutoff_and_the_group_is_swapped_by_itself():
    texts = [f"{'he' if place % 3 else 'she'} {'late' if place % 4 < 2 else 'paid'}" for place in range(16)]
    output = load_audit("paired_swaps").run(context(texts=texts, render=None))
    assert pick(output, "swap_any_flip_rate", attribute="gender").estimate == 0.0
    # The lists have words for race too, which no text here holds: the group is swapped by itself.
    race = [item for item in output.measurements if item.attribute == "race" and item.metric == "swap_any_flip_rate"]
    assert len(race) == 1
    assert race[0].estimate == 0.5


def test_no_share_of_an_attribution_is_given_for_an_attribute_with_cutoffs():
    output = load_audit("identity_reliance").run(context(documents=16))
    item = pick(output, "identity_reliance", attribute="race")
    assert item.status == "not_estimable"
    assert "a cutoff for each group of 'race' (its score never reads it)" in item.reason


def test_edits_keep_the_cutoff_of_the_row():
    def flips(given):
        return {
            (item.label, item.group): item.n_pos
            for item in load_audit("harmless_edits").run(given).measurements
            if item.metric == "edit_flip_rate" and item.label == "typos"
        }

    # A typo takes "late" from 0.5 to 0.1: under 0.3 for black rows (a flip), under 0.7 before and after for white ones.
    found = flips(context(edits=["typos"]))
    assert found[("typos", "white")] == 0
    assert found[("typos", "black")] > 0


def test_the_smallest_change_is_that_of_the_rows_own_decision():
    given = context(render_columns=lambda row, changes: (str({**row, **changes}.get("record") or row["record"]), ()))
    output = load_audit("minimal_counterfactuals").run(given)
    table = given.artifacts["counterfactuals"].set_index("row_id")
    assert table.loc["r00", "before"] == "denied"
    assert table.loc["r01", "before"] == "approved"
    # Late rows turn with the group alone, whoever they are about; paid ones never do.
    assert pick(output, "counterfactual_identity_share").estimate == 0.5
    assert pick(load_audit("adverse_action_reasons").run(context()), "prohibited_basis_share").status == "not_estimable"


def test_a_decision_without_its_cutoff_is_refused():
    given = context()
    probabilities = np.array([[0.5, 0.5]])
    for decide in (
        lambda: decided(given.task, probabilities),
        lambda: decisions(probabilities, given.task.classes, given.task),
        lambda: cutting(given.task, None),
    ):
        with pytest.raises(UsageError, match="decides by group"):
            decide()
    bare = replace(given, predictions=given.predictions.drop(columns="cutoff"))
    for name in ("paired_swaps", "harmless_edits", "minimal_counterfactuals"):
        with pytest.raises(UsageError, match="no column 'cutoff'"):
            load_audit(name).run(bare)


def test_a_crossing_is_cut_anew_when_one_of_its_attributes_is_swapped():
    table = {"black & man": 0.2, "black & woman": 0.4, "white & man": 0.6, "white & woman": 0.8}
    task = TaskInfo(
        ("no", "yes"), "yes", None, None, {},
        by_group=GroupCutoffs(("race & sex",), lambda rows: rows["group:race & sex"].map(table).to_numpy(dtype=float)),
    )  # fmt: skip
    rows = pd.DataFrame(
        {
            "group:race": ["black", "white"],
            "group:sex": ["man", "woman"],
            "group:race & sex": ["black & man", "white & woman"],
        }
    ).assign(cutoff=[0.2, 0.8])
    assert swapped_cutoffs(task, rows, "race", ["white", "black"]).tolist() == [0.6, 0.4]
    assert swapped_cutoffs(task, rows, "age", ["old", "old"]).tolist() == [0.2, 0.8]


def test_a_measurement_says_by_group_and_nothing_else_in_words():
    kept = {"audit": "a", "metric": "m", "estimate": 0.5, "low": 0.4, "high": 0.6, "method": "x", "n": 3}
    for threshold in ("by group", 0.25, None):
        again = Measurement.model_validate_json(Measurement(**kept, threshold=threshold).model_dump_json())
        assert again.threshold == threshold
    with pytest.raises(ValueError, match="threshold"):
        Measurement(**kept, threshold="high")
