"""Over seeds, on rows with a planted shortcut: reweighing, balancing, group DRO and the penalty shrink the gap; a stopped fit ends the same."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from rai_tune.recipe.mitigation import MitigationSpec
from rai_tune.recipe.schema import AdapterSpec, TrainingSpec
from rai_tune.tasks import load_task
from rai_tune.training.adapters import apply_adapter
from rai_tune.training.hardware import Hardware
from rai_tune.training.hf import mean_loss, row_losses
from rai_tune.training.mitigation import LossBatch, Mitigation, TrainingRows, load_method
from rai_tune.training.mitigation.composing import Applied
from rai_tune.training.tokens import load_tokenizer, tokenize
from rai_tune.training.trainer import Examples, TrainRequest, train
from tests.tools.training_logs import Log, Recorder

pytestmark = pytest.mark.slow

SEEDS = range(10)


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


def rows_of(groups, labels, seed=0, weights=None):
    frame = pd.DataFrame({"row_id": [str(place) for place in range(len(groups))]})
    if weights is not None:
        frame["weight"] = weights
    return TrainingRows(frame, labels, groups, ("a", "b"), ("race",), ("no", "yes"), "yes", "no", seed)


def applied(names, rows, **settings):
    spec = MitigationSpec.model_validate({"method": names, **settings})
    methods = tuple(load_method(name).make(spec) for name in spec.methods)
    for method in methods:
        method.begin(rows)
    return Applied(methods, rows, rows, methods[0].weights(rows), methods[0].sampling(rows), None)


def shortcut(seed, count, aligned):
    """A noisy cause of the label and a clear trace of the group, which is that of the label for a share ``aligned`` of the rows."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 2, count)
    groups = np.where(draw.random(count) < aligned, labels, 1 - labels)
    features = np.stack(
        [2.0 * labels - 1 + draw.normal(0, 1.0, count), 2.0 * groups - 1 + draw.normal(0, 0.3, count)], 1
    )
    return torch.tensor(features, dtype=torch.float32), labels, groups


def judged(seed, method, **settings):
    """Largest difference between groups of the rate of ``yes`` by label, for a logistic regression learned as the method says; and its accuracy."""
    features, labels, groups = shortcut(seed, 1200, 0.9)
    mitigation = applied(method, rows_of(groups, labels, seed), **settings) if method else None
    torch.manual_seed(seed)
    model = torch.nn.Linear(2, 2)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=0.05, weight_decay=(mitigation.weight_decay if mitigation else None) or 0.01
    )
    draw = np.random.default_rng(seed + 1000)
    chances = (
        None if mitigation is None or mitigation.sampling is None else mitigation.sampling / mitigation.sampling.sum()
    )
    targets, known = torch.tensor(labels), torch.tensor(groups)
    weights = (
        None
        if mitigation is None or mitigation.weights is None
        else torch.tensor(mitigation.weights, dtype=torch.float32)
    )
    for _ in range(300):
        chosen = torch.tensor(draw.choice(len(labels), 64, p=chances))
        own = None if weights is None else weights[chosen]
        logits = model(features[chosen])
        losses, each = row_losses(logits, targets[chosen], own, None)
        loss = mean_loss(losses, each)
        if mitigation is not None:
            loss = mitigation.loss(
                LossBatch(logits, targets[chosen], losses, each, known[chosen], row_weights=own), loss
            )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    # Judged where group says nothing about the label, on rows of their own.
    features, labels, groups = shortcut(seed + 500, 4000, 0.5)
    decided = model(features).argmax(1).numpy()
    rates = [[decided[(labels == label) & (groups == group)].mean() for group in (0, 1)] for label in (0, 1)]
    return max(abs(one - other) for one, other in rates), (decided == labels).mean()


@pytest.fixture(scope="module")
def plain():
    torch.set_num_threads(1)
    return np.asarray([judged(seed, None) for seed in SEEDS])


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("reweigh", {}),
        ("balance", {}),
        ("group_dro", {"group_dro": {"step_size": 0.1}}),
        ("fair_loss", {"fair_loss": {"strength": 3.0}}),
    ],
)
def test_the_gap_is_at_most_half_of_that_of_plain_training(plain, method, settings):
    before, after = plain, np.asarray([judged(seed, method, **settings) for seed in SEEDS])
    assert before[:, 0].min() > 0.2, "the shortcut must be learned by plain training for the case to be covered"
    assert (after[:, 0] < before[:, 0] / 2).all(), (before[:, 0], after[:, 0])
    assert after[:, 1].mean() > before[:, 1].mean()


class Watching(Mitigation):
    """Keeps every batch that the Trainer shows to methods."""

    card = replace(load_method("fair_loss").card, name="watching")

    def __init__(self):
        self.batches = []

    def penalty(self, batch):
        self.batches.append(batch)


def fitted(base, folder, log=None, stop_at=None, resume=False):
    """Group DRO and the penalty with rows that weigh, classes that weigh, rows of unknown group, and batches summed into a step."""
    from transformers import set_seed

    set_seed(3)
    tokenizer = load_tokenizer(str(base))
    texts = [
        f"debt {debt} record {record}" for debt in ("high", "low", "fair") for record in ("clean", "bad", "good")
    ] * 8
    labels = np.asarray([int("high" in text) for text in texts])
    groups = np.resize([0, 1, 1, 0, -1], len(texts))
    weights = np.resize([1.0, 2.0, 0.5], len(texts))
    rows = rows_of(groups, labels, weights=weights)
    examples = Examples(tokenize(tokenizer, texts, 32).ids, labels.tolist(), weights.tolist(), groups.tolist())
    loaded = load_task("text_classification").load_base(str(base), ("no", "yes"))
    mitigation = applied(["group_dro", "fair_loss"], rows, group_dro={"step_size": 0.2})
    mitigation = replace(mitigation, methods=(*mitigation.methods, Watching()))
    result = train(
        TrainRequest(
            model=apply_adapter(loaded, AdapterSpec(method="full")),
            tokenizer=tokenizer,
            train=examples,
            validation=examples,
            classes=("no", "yes"),
            positive="yes",
            spec=TrainingSpec(
                epochs=2, batch_size=8, accumulate=2, learning_rate=1e-3, checkpoint_every=3, class_weights={"no": 1.0, "yes": 2.0}
            ),
            hardware=Hardware("cpu", "fp32", 1),
            seed=3,
            folder=folder,
            checkpoints=log or Log(),
            recorder=Recorder(stop_at),
            resume=resume,
            mitigation=mitigation,
        )
    )  # fmt: skip
    return (
        replace(result, model=None),
        {name: value.clone() for name, value in result.model.state_dict().items()},
        mitigation,
    )


def test_a_stopped_fit_ends_the_same_with_summed_batches_and_all_weights(tiny_base, tmp_path):
    whole, its_weights, its_methods = fitted(tiny_base, tmp_path / "whole")
    log = Log()
    with pytest.raises(KeyboardInterrupt):
        fitted(tiny_base, tmp_path / "cut", log, stop_at=5)
    resumed, weights, methods = fitted(tiny_base, tmp_path / "cut", log, resume=True)
    assert (whole.resumed_from, resumed.resumed_from) == (None, 3)
    assert all(torch.equal(weights[name], its_weights[name]) for name in its_weights)
    assert methods.state() == its_methods.state()
    seen = its_methods.methods[-1].batches
    assert sum(batch.training for batch in seen) == 2 * 72 // 8
    for batch in seen:
        assert torch.equal(batch.weights, batch.row_weights * torch.tensor([1.0, 2.0])[batch.labels])
    assert {0.5, 1.0, 2.0} == {float(weight) for batch in seen for weight in batch.row_weights}
    q = its_methods.state()["group_dro"]["q"]
    assert min(q) > 0
    assert max(q) > 0.26, "the weights of the cells must have moved for the case to be covered"
