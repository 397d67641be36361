"""Training with counterfactuals on a tiny encoder: the swap's effect shrinks, and a stopped fit ends as one that was not stopped."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from rai_tune.data.preparing import prepare
from rai_tune.recipe import Recipe
from rai_tune.training.base_model import find_base
from rai_tune.training.checkpoints import file_manifest
from rai_tune.training.fit import fit
from rai_tune.training.predicting import predict_logits
from rai_tune.training.saved_model import load_saved
from rai_tune.training.tokens import load_tokenizer, tokenize
from tests.tools.training_logs import Log, Recorder

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def given(folder: Path, base: Path, mitigation: dict | None):
    """Denials that follow debt and, for five in six of the low debts, being black."""
    rows = [
        {"debt": debt, "race": race, "deny": "yes" if debt == "high" or (race == "black" and turn < 5) else "no",
         "part": "train" if turn < 4 else ("validation", "test")[turn % 2], "id": f"{debt}{race}{turn}{copy}"}
        for copy in range(4) for turn in range(6) for debt in ("high", "low") for race in ("black", "white")
    ]  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    recipe = Recipe.model_validate(
        {
            "name": "trial",
            "purpose": "A test.",
            "data": {
                "source": {"path": "rows.csv"},
                "template": "debt {{ debt }} applicant {{ race }}",
                "label": "deny",
                "positive": "yes",
                "favourable": "no",
                "groups": [{"column": "race"}],
                "hide_groups": False,
                "id": "id",
                "split": {"column": "part"},
            },
            "model": {"base": str(base), "adapter": {"method": "full"}},
            "training": {
                "epochs": 20, "batch_size": 16, "learning_rate": 3e-3, "checkpoint_every": 10, "select_best_by": "loss", "threads": 1,
                "early_stopping": {"patience": 0},
            },
            "decision": {"rule": "fixed"},
            "seed": 4,
            **({"mitigation": mitigation} if mitigation else {}),
        }
    )  # fmt: skip
    return recipe, prepare(recipe.data, recipe.seed, folder), find_base(str(base), None, folder)


def fitted(folder: Path, base: Path, mitigation=None, log=None, stop_at=None, resume=False):
    recipe, data, found = given(folder, base, mitigation)
    return fit(
        recipe, data, found, folder=folder, checkpoints=log or Log(), recorder=Recorder(stop_at), resume=resume
    )  # fmt: skip


def swap_effect(folder: Path, base: Path) -> float:
    """Mean absolute change of the log-odds of a denial when the race changes."""
    tokenizer = load_tokenizer(str(base))
    texts = [f"debt {debt} applicant {race}" for debt in ("high", "low") for race in ("black", "white")]
    logits = predict_logits(
        load_saved(folder / "model", file_manifest(folder / "model"), folder).model,
        tokenize(tokenizer, texts, 32).ids,
        pad_id=0,
        batch_size=4,
        device="cpu",
    )
    odds = logits[:, 1] - logits[:, 0]
    return float(np.abs(odds[0::2] - odds[1::2]).mean())


def weights_of(folder: Path) -> bytes:
    return (folder / "model" / "model.safetensors").read_bytes()


def test_pairing_and_copies_shrink_what_a_swap_does(tiny_base, tmp_path):
    plain = fitted(tmp_path / "plain", tiny_base)
    assert "mitigation" not in plain.facts
    left = swap_effect(tmp_path / "plain", tiny_base)
    assert left > 0.5
    pairing = {"method": "logit_pairing", "logit_pairing": {"strength": 2}}
    for name, mitigation in (("pairing", pairing), ("copies", {"method": "counterfactual_augment"})):
        found = fitted(tmp_path / name, tiny_base, mitigation)
        assert swap_effect(tmp_path / name, tiny_base) < left / 2, name
        assert found.facts["mitigation"]["methods"][0]["groups_at_use"] is False
    assert found.facts["mitigation"]["rows_learned_from"] == 2 * 64


@pytest.mark.parametrize(
    "mitigation",
    [
        {"method": "logit_pairing"},
        {"method": ["counterfactual_augment", "logit_pairing"], "counterfactual_augment": {"share": 0.5}},
        {"method": ["group_dro", "fair_loss"], "group_dro": {"step_size": 0.1}},
        {"method": "balance"},
    ],
    ids=["pairing", "both", "dro and penalty", "draws"],
)
def test_a_fit_that_was_stopped_ends_with_the_same_bytes(tiny_base, tmp_path, mitigation):
    fitted(tmp_path / "whole", tiny_base, mitigation)
    log = Log()
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "cut", tiny_base, mitigation, log, stop_at=27)
    resumed = fitted(tmp_path / "cut", tiny_base, mitigation, log, resume=True)
    assert resumed.facts["resumed_from"] == 20
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
