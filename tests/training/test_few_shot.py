"""Few-shot learning on a tiny encoder: which rows are drawn, what the warm start does, what is recorded, what is refused."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from rai_tune.core import DivergedError, UsageError
from rai_tune.pipeline import plan
from rai_tune.recipe import load_recipe
from rai_tune.training.estimate import estimate
from rai_tune.training.few_shot import check_few_shot, draw_seed, learned_from, with_shots
from rai_tune.training.few_shot.learning import learn_few_shot
from rai_tune.training.few_shot.spread import measures, spread_of
from rai_tune.training.few_shot.warm_start import ClassSampler, contrastive_loss
from rai_tune.training.fit import fit
from rai_tune.training.saved_model import load_saved

FEW = """\
training: {{batch_size: 16, threads: 1, few_shot: {{shots: 6, epochs: 3, repeats: {repeats}}}}}
"""


class Log:
    def add(self, step, manifest):
        raise AssertionError("few-shot learning keeps no checkpoints")

    def recorded(self):
        return {}


class Recorder:
    def __init__(self, stop_at=None):
        self.told, self.losses, self.stop_at = [], [], stop_at

    def metrics(self, step, epoch, values):
        self.losses.append(values["contrastive_loss"])

    def progress(self, what, done, total):
        self.told.append(what)
        if self.stop_at and len(self.told) == self.stop_at:
            raise KeyboardInterrupt


@pytest.fixture
def few(project):
    """A function that writes a few-shot recipe, with what was asked to be otherwise, and plans it."""

    def planned(*settings, repeats=1):
        text = (project / "recipe.yaml").read_text()
        lines = [
            FEW.format(repeats=repeats).strip() if line.startswith("training:") else line for line in text.split("\n")
        ]
        (project / "few.yaml").write_text("\n".join(lines))
        return plan(load_recipe(project / "few.yaml", overrides=list(settings)))

    return planned


def fitted(planned, folder, recorder=None):
    return fit(
        planned.recipe,
        planned.data,
        planned.base,
        folder=Path(folder),
        checkpoints=Log(),
        recorder=recorder or Recorder(),
        resume=False,
    )


def train_ids(data):
    rows = data.rows[data.rows["split"] == "train"]
    return set(rows["row_id"])


def test_shots_of_each_class_by_identity_whatever_the_order(few):
    planned = few()
    drawn = with_shots(planned.recipe, planned.data)
    counts = drawn.rows[drawn.rows["split"] == "train"]["label"].value_counts()
    assert counts.to_dict() == {"approved": 6, "denied": 6}
    shuffled = replace(planned.data, rows=planned.data.rows.sample(frac=1.0, random_state=4))
    assert train_ids(with_shots(planned.recipe, shuffled)) == train_ids(drawn)
    assert train_ids(with_shots(planned.recipe, planned.data, 1)) != train_ids(drawn)
    for split in ("validation", "test"):
        assert (drawn.rows["split"] == split).sum() == (planned.data.rows["split"] == split).sum()


def test_the_rows_with_the_smallest_digests_are_drawn(few):
    planned = few()
    train = planned.data.rows[planned.data.rows["split"] == "train"]
    denied = train[train["label"] == "denied"]["row_id"]
    by_hand = sorted(denied, key=lambda row: hashlib.sha256(f"few-shot row\x001\x00{row}".encode()).digest())[:6]
    assert set(by_hand) == train_ids(with_shots(planned.recipe, planned.data)) & set(denied)


def test_a_draw_has_its_own_seed_and_the_first_the_recipes():
    assert draw_seed(7, 0) == 7
    assert len({draw_seed(7, draw) for draw in range(20)} | {draw_seed(8, draw) for draw in range(20)}) == 40


def test_too_few_rows_name_the_class_and_the_count(few):
    planned = few()
    train = planned.data.rows[planned.data.rows["split"] == "train"]
    scarce = train["label"].value_counts()
    asked = int(scarce.min()) + 1
    with pytest.raises(
        UsageError, match=rf"class '{scarce.idxmin()}' has {scarce.min()}: ask for {scarce.min()} or fewer"
    ):
        few(f"training.few_shot.shots={asked}")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.epochs=5", "training.epochs has no meaning"),
        ("training.learning_rate=0.01", "training.learning_rate has no meaning"),
        ("training.early_stopping.patience=2", "training.early_stopping has no meaning"),
        ("model.adapter={method: ia3}", "not 'ia3'"),
        ("training.batch_size=3", "batch_size must be 4 or more"),
        ("training.few_shot.shots=1", "shots"),
    ],
)
def test_what_cannot_be_joined_is_refused_at_load(few, setting, said):
    with pytest.raises((UsageError, ValidationError), match=said):
        few(setting)


def test_frozen_has_no_warm_start_to_set(few):
    with pytest.raises((UsageError, ValidationError), match=r"few_shot\.epochs has no meaning with adapter frozen"):
        few("model.adapter={method: frozen}")


def test_mitigation_inside_the_trainer_is_refused_and_thresholds_are_not(few):
    with pytest.raises(UsageError, match="group_dro changes how the Trainer learns"):
        few("mitigation={method: group_dro}")
    check_few_shot(few("mitigation={method: threshold, attributes: [race]}").recipe)


def test_contrastive_loss_by_hand():
    rows = torch.tensor([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [0.0, 0.5]])
    labels = torch.tensor([0, 0, 1, 1])
    one = float(np.log(1 + 2 * np.exp(-10.0)))  # one like row at cosine 1, two unlike at 0, temperature 0.1
    assert float(contrastive_loss(rows, labels)) == pytest.approx(one, rel=5e-3)
    crossed = torch.tensor([0, 1, 0, 1])
    assert float(contrastive_loss(rows, crossed)) == pytest.approx(float(np.log(2 + np.exp(10.0))), rel=1e-5)


def test_a_row_alone_in_its_class_is_left_out_and_none_alike_is_no_loss():
    rows = torch.eye(3, requires_grad=True)
    lone = contrastive_loss(rows, torch.tensor([0, 1, 2]))
    lone.backward()
    assert float(lone.detach()) == 0.0
    assert torch.equal(rows.grad, torch.zeros(3, 3))
    mixed = contrastive_loss(torch.eye(3), torch.tensor([0, 0, 1]))
    assert float(mixed) == pytest.approx(float(np.log(2.0)))


def test_every_batch_holds_like_and_unlike_rows():
    sampler = ClassSampler([0] * 8 + [1] * 8 + [2] * 8, seed=5)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        order = list(sampler)
        orders.append(order)
        assert sorted(order) == list(range(24))
        for start in range(0, 24, 6):
            assert sorted(place // 8 for place in order[start : start + 6]) == [0, 0, 1, 1, 2, 2]
    assert orders[0] != orders[1]
    sampler.set_epoch(0)
    assert list(sampler) == orders[0]


def test_spread_is_of_all_draws_or_none():
    draws = [{"roc_auc": 0.6, "accuracy": 0.5}, {"roc_auc": 0.9}, {"roc_auc": 0.7}]
    assert spread_of(draws) == {"roc_auc": {"median": 0.7, "lowest": 0.6, "highest": 0.9, "draws": 3}}
    assert spread_of(draws[:1]) == {}


def test_no_auc_where_one_class_is_missing():
    probabilities = np.asarray([[0.3, 0.7], [0.6, 0.4]])
    assert measures(probabilities, np.asarray([1, 1]), 1)["accuracy"] == 0.5
    assert "roc_auc" not in measures(probabilities, np.asarray([1, 1]), 1)
    assert measures(probabilities, np.asarray([0, 1]), 1)["roc_auc"] == 0.0


@pytest.mark.parametrize("method", ["lora", "full", "frozen"])
def test_a_fit_is_saved_loaded_and_the_same_again(few, tmp_path, method):
    settings = [] if method == "lora" else [f"model.adapter={{method: {method}}}"]
    if method == "frozen":
        settings += ["training.few_shot={shots: 6, repeats: 1}"]
    planned = few(*settings)
    first, recorder = fitted(planned, tmp_path / "a"), Recorder()
    assert fitted(planned, tmp_path / "b", recorder).digest == first.digest
    told = first.facts["few_shot"]
    assert told["rows_learned_from"] == 12
    assert told["training_rows"] > 100
    assert told["chosen_on_validation"] == ["threshold"]
    assert (told["warm_start"] is None) == (method == "frozen")
    assert len(recorder.losses) == (0 if method == "frozen" else 3)
    assert told["trained_parameters"] < first.facts["parameters"]["total"] or method == "full"
    loaded = load_saved(tmp_path / "a" / "model", first.manifest, tmp_path)
    assert loaded.facts.head == "linear"
    assert not loaded.facts.adapter


@pytest.mark.slow
def test_killed_and_started_again_ends_with_the_same_bytes(few, tmp_path):
    planned = few(repeats=2)
    whole = fitted(planned, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fitted(planned, tmp_path / "cut", Recorder(stop_at=5))
    again = Recorder()
    assert fitted(planned, tmp_path / "cut", again).digest == whole.digest
    assert set(again.told) == {"few-shot draw 1 of 2, warm start", "few-shot draw 2 of 2, warm start"}
    assert len(again.losses) == 3  # of the model that is kept alone


@pytest.mark.slow
def test_other_training_rows_are_not_read(few, tmp_path):
    planned = few()
    kept = train_ids(learned_from(planned.recipe, planned.data))
    rows = planned.data.rows.copy()
    other = (rows["split"] == "train") & ~rows["row_id"].isin(kept)
    rows.loc[other, "text"] = "film film film"
    changed = replace(planned, data=replace(planned.data, rows=rows))
    assert other.sum() > 100
    assert fitted(changed, tmp_path / "a").digest == fitted(planned, tmp_path / "b").digest


@pytest.mark.slow
def test_draws_are_reported_as_a_spread_and_the_first_is_kept(few, tmp_path):
    one, three = fitted(few(), tmp_path / "one"), fitted(few(repeats=3), tmp_path / "three")
    assert one.digest == three.digest
    assert one.facts["few_shot"]["spread"] == {}
    told = three.facts["few_shot"]
    aucs = sorted(draw["roc_auc"] for draw in told["draws"])
    assert told["spread"]["roc_auc"] == {"median": aucs[1], "lowest": aucs[0], "highest": aucs[2], "draws": 3}
    assert told["draws"][0]["seed"] == 1
    assert len(set(aucs)) > 1


def test_a_rate_that_is_too_high_stops_the_run(few, tmp_path):
    planned = few("model.adapter={method: full}", "training.few_shot.learning_rate=1e30", "training.max_grad_norm=1e30")
    with pytest.raises(DivergedError, match="diverged"):
        fitted(planned, tmp_path)


def test_the_threshold_that_is_fixed_reads_no_validation_row(few, tmp_path):
    told = fitted(few("decision={rule: fixed}"), tmp_path).facts
    assert told["few_shot"]["chosen_on_validation"] == []
    assert told["threshold"]["value"] == 0.5


@pytest.mark.slow
def test_a_script_learns_without_a_workspace(few, tmp_path):
    planned = few()
    learned = learn_few_shot(planned.recipe, planned.data, planned.base)
    saved = fitted(planned, tmp_path)
    loaded = load_saved(tmp_path / "model", saved.manifest, tmp_path)
    ids = torch.tensor([[2, 8, 5, 3]])
    mask = torch.ones_like(ids)
    with torch.inference_mode():
        assert torch.equal(learned.model(ids, mask).logits, loaded.model(ids, mask).logits)


def test_the_estimate_counts_the_shots_and_every_draw(few):
    planned = few(repeats=4)
    found = estimate(planned.recipe, planned.data, planned.base)
    assert found["splits"]["train"]["rows"] == 12
    assert found["steps"] == 3 * 4  # a batch holds all 12 rows, so one step an epoch
    assert "6 training rows of each class" in found["notes"][-1]
    frozen = few("model.adapter={method: frozen}", "training.few_shot={shots: 6, repeats: 1}")
    assert estimate(frozen.recipe, frozen.data, frozen.base)["steps"] == 0
