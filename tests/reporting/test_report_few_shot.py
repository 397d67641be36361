"""What a report says of a run that learned from a few rows of each class."""

import io
from dataclasses import replace

from rich.console import Console

from rai_tune.reporting import build_view, print_summary
from rai_tune.reporting.few_shot import few_shot_facts, spread_facts
from rai_tune.reporting.model import Fact

DRAWS = [
    {"draw": 0, "seed": 1, "roc_auc": 0.71},
    {"draw": 1, "seed": 9, "roc_auc": 0.5},
    {"draw": 2, "seed": 4, "roc_auc": 0.8},
]
TOLD = {
    "shots": 8,
    "rows_learned_from": 16,
    "training_rows": 1200,
    "validation_rows": 150,
    "chosen_on_validation": ["threshold"],
    "warm_start": {"loss": "supervised contrastive", "epochs": 20, "steps": 20, "learning_rate": 1e-3},
    "draws": DRAWS,
    "spread": {"roc_auc": {"median": 0.71, "lowest": 0.5, "highest": 0.8, "draws": 3}},
}


def facts(**changed):
    return {fact.name: fact.text for fact in few_shot_facts({"few_shot": {**TOLD, **changed}})}


def test_rows_warm_start_and_what_was_chosen_on_validation():
    told = facts()
    assert told["Rows learned from"] == "16 of 1,200 training rows: 8 of each class, drawn by the seed"
    assert told["Warm start"] == "supervised contrastive, 20 passes in 20 steps, learning rate 0.001"
    assert told["Chosen on validation rows"] == "threshold"
    assert facts(warm_start=None, chosen_on_validation=[])["Warm start"] == "none: the encoder is frozen"
    assert facts(chosen_on_validation=[])["Chosen on validation rows"] == "nothing"


def test_the_spread_names_the_kept_model_and_every_draw():
    assert facts()["ROC AUC over draws of the shots"] == (
        "median 0.710, 0.500 to 0.800 on 150 validation rows (kept: 0.710; all 3: 0.710, 0.500, 0.800)"
    )


def test_one_draw_is_said_to_tell_nothing_of_the_spread():
    assert facts(draws=DRAWS[:1], spread={})["Draws of the shots"] == "one, so how much hangs on the draw is not known"


def test_a_run_on_all_rows_says_nothing_of_it():
    assert few_shot_facts({"head": "linear"}) == ()


def test_the_summary_has_median_and_range(make_inputs):
    view = build_view(make_inputs())
    few = replace(view, training=(*view.training, *few_shot_facts({"few_shot": TOLD})))
    assert spread_facts(few) == (Fact("ROC AUC", facts()["ROC AUC over draws of the shots"]),)
    out = io.StringIO()
    print_summary(few, Console(file=out, width=80))
    assert "Over draws of the shots" in out.getvalue()
    assert "median 0.710, 0.500 to 0.800" in out.getvalue()
    before = io.StringIO()
    print_summary(view, Console(file=before, width=80))
    assert "Over draws" not in before.getvalue()
