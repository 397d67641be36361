"""Dose response: the more a label follows an identity word, the more reliance and swap effect are found; clean twins are not flagged.

Tiny transformers are trained here on sentences of two cues, an identity word and the word for a record. With probability ``dose`` the label
follows the identity word, else the record; one label in twenty is wrong. Five doses, three seeds each.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from rai_audits.core import AuditContext, TaskInfo, load_audit
from rai_audits.explain import TextModel
from rai_audits.stats.rank_correlation import spearman

DOSES = (0.0, 0.25, 0.5, 0.75, 1.0)
SEEDS = (0, 1, 2)
FLAG = 0.10
TERMS = {"race": {"black": ["black"], "white": ["white"]}}


class Tables(dict):
    def put_table(self, name, table):
        self[name] = table
        return name


@dataclass(frozen=True)
class Found:
    """What the audit says of one trained model."""

    dose: float
    reliance: float
    swap: float
    flagged: bool


def sentences(count, dose, generator):
    """Texts and labels (1 is denied): black and bad speak for denial."""
    black, bad, follow, wrong = (generator.random(count) < chance for chance in (0.5, 0.5, dose, 0.05))
    fill = generator.choice(["film", "loan", "income"], count)
    texts = [
        f"the {'black' if one else 'white'} applicant is {'bad' if two else 'good'} for a {word} ."
        for one, two, word in zip(black, bad, fill, strict=True)
    ]
    return texts, (np.where(follow, black, bad) ^ wrong).astype(int), black


def trained(tokenizer, texts, labels, seed):
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=24, num_hidden_layers=1, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=32, num_labels=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        initializer_range=0.1,
    )  # fmt: skip
    model = BertForSequenceClassification(config)
    batch = tokenizer(texts, return_tensors="pt", padding=True, return_token_type_ids=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    target = torch.tensor(labels)
    for _ in range(80):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(**batch).logits, target).backward()
        optimizer.step()
    return TextModel(model.eval(), tokenizer, ("approved", "denied"), max_tokens=32)


def audited(tokenizer, dose, seed):
    generator = np.random.default_rng([seed, int(dose * 100)])
    texts, labels, _ = sentences(300, dose, generator)
    model = trained(tokenizer, texts, labels, seed)
    texts, labels, black = sentences(60, dose, generator)
    ids = [f"r{place:02}" for place in range(60)]
    names = np.where(labels, "denied", "approved")
    predictions = pd.DataFrame(
        {
            "row_id": ids,
            "split": "test",
            "label": names,
            "prediction": names,
            "group:race": np.where(black, "black", "white"),
        }
    )
    context = AuditContext(
        predictions, TaskInfo(("approved", "denied"), "denied", "approved", 0.5, {"race": ("black", "white")}), Tables(),
        pd.DataFrame({"row_id": ids, "split": "test", "text": texts}), model, options={"swap_terms": TERMS}, seed=seed,
    )  # fmt: skip
    measured = {
        item.metric: item
        for item in load_audit("identity_reliance").run(context).measurements
        if item.attribute == "race" and item.group is None and item.label is None
    }
    reliance, swap = measured["identity_reliance"], measured["swap_logit_change"]
    lows = [measured[name].bound("lower", 0.05).value for name in ("identity_reliance", "swap_any_flip_rate")]
    return Found(dose, reliance.value, swap.value, max(lows) > FLAG)


@pytest.fixture(scope="module")
def found(tokenizer):
    torch.set_num_threads(1)
    return [audited(tokenizer, dose, seed) for dose in DOSES for seed in SEEDS]


@pytest.mark.slow
def test_reliance_and_swap_effect_rise_with_the_dose(found):
    doses = [item.dose for item in found]
    assert spearman(doses, [item.reliance for item in found]).estimate >= 0.7
    assert spearman(doses, [item.swap for item in found]).estimate >= 0.7


@pytest.mark.slow
def test_clean_twins_are_not_flagged_and_strong_cues_are(found):
    assert not [item for item in found if item.dose == 0.0 and item.flagged]
    assert all(item.flagged for item in found if item.dose >= 0.5)
