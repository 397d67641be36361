"""Weights, draws and group DRO against formulas and numbers worked out by hand."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from rai_tune.recipe.mitigation import MitigationSpec
from rai_tune.training.mitigation import LossBatch, TrainingRows, load_method
from rai_tune.training.mitigation.cells import cells_of
from rai_tune.training.mitigation.reweigh import cell_weights
from rai_tune.training.sampler import EpochSampler


def rows(groups, labels, names=("a", "b"), weights=None):
    frame = pd.DataFrame({"row_id": [str(place) for place in range(len(groups))]})
    if weights is not None:
        frame["weight"] = weights
    return TrainingRows(
        frame, np.asarray(labels), np.asarray(groups), names, ("race",), ("no", "yes"), "yes", "no", seed=0
    )


def method(name, **settings):
    return load_method(name).make(MitigationSpec.model_validate({"method": name, **settings}))


def batch(losses, groups, labels=None, weights=None, logits=None, training=True):
    losses = torch.tensor(losses, dtype=torch.float64)
    labels = torch.zeros(len(losses), dtype=torch.long) if labels is None else torch.tensor(labels)
    weights = torch.ones_like(losses) if weights is None else torch.tensor(weights, dtype=torch.float64)
    logits = torch.zeros(len(losses), 2) if logits is None else logits
    return LossBatch(logits, labels, losses, weights, torch.tensor(groups), training=training)


class TestReweigh:
    def test_the_published_formula_by_hand(self):
        # 3 of a denied and 1 approved, 2 of b denied and 4 approved: P(a) = .4, P(yes) = .5, P(a, yes) = .3, and so on.
        groups, labels = [0] * 4 + [1] * 6, [1, 1, 1, 0, 1, 1, 0, 0, 0, 0]
        found = method("reweigh").weights(rows(groups, labels))
        by_hand = {
            (0, 1): Fraction(4 * 5, 10 * 3),
            (0, 0): Fraction(4 * 5, 10),
            (1, 1): Fraction(6 * 5, 20),
            (1, 0): Fraction(6 * 5, 40),
        }
        assert found.tolist() == pytest.approx([float(by_hand[cell]) for cell in zip(groups, labels, strict=True)])

    def test_as_aif360_states_it_with_instance_weights(self):
        # AIF360's Reweighing: w_p_fav = n_fav * n_p / (n * n_p_fav), every n a sum of instance weights.
        generator = np.random.default_rng(3)
        groups, labels = generator.integers(0, 2, 200), generator.integers(0, 2, 200)
        own = generator.uniform(0.5, 3.0, 200)
        found = method("reweigh").weights(rows(groups, labels, weights=own))
        for place in range(200):
            group, label = groups == groups[place], labels == labels[place]
            n, n_g, n_y, n_gy = own.sum(), own[group].sum(), own[label].sum(), own[group & label].sum()
            assert found[place] == pytest.approx(n_y * n_g / (n * n_gy))

    def test_it_makes_group_and_label_independent(self):
        generator = np.random.default_rng(4)
        groups = generator.integers(0, 3, 500)
        labels = (generator.random(500) < np.asarray([0.2, 0.5, 0.9])[groups]).astype(int)
        weights = method("reweigh").weights(rows(groups, labels, names=("a", "b", "c")))
        rates = [np.average(labels[groups == group], weights=weights[groups == group]) for group in range(3)]
        assert rates == pytest.approx([labels.mean()] * 3)
        assert weights.mean() == pytest.approx(1.0)

    def test_rows_of_unknown_group_count_as_they_are_and_an_empty_cell_is_no_error(self):
        found = method("reweigh")
        assert found.weights(rows([0, 0, 1, -1], [0, 1, 0, 1])).tolist() == pytest.approx([4 / 3, 2 / 3, 2 / 3, 1.0])
        assert set(found.facts()["weight_by_cell"]) == {"a, no", "a, yes", "b, no"}
        assert cell_weights(np.zeros((2, 2))).tolist() == [[1.0, 1.0], [1.0, 1.0]]


class TestBalance:
    def test_each_cell_is_drawn_equally_often(self):
        groups = [0] * 90 + [1] * 10
        labels = [0] * 80 + [1] * 10 + [0] * 4 + [1] * 6
        chances = method("balance").sampling(rows(groups, labels))
        assert chances[[0, 85, 92, 98]].tolist() == pytest.approx([25 / 80, 25 / 10, 25 / 4, 25 / 6])
        sampler = EpochSampler([5] * 100, 10, 0, group_by_length=False, chances=chances.tolist())
        drawn = np.zeros(100)
        for epoch in range(400):
            sampler.set_epoch(epoch)
            order = list(sampler)
            assert len(order) == 100
            drawn += np.bincount(order, minlength=100)
        cells = cells_of(rows(groups, labels)).of
        # 40,000 draws over 4 cells: each has 10,000 with a standard deviation of 87.
        assert np.bincount(cells, weights=drawn).tolist() == pytest.approx([10_000] * 4, abs=400)

    def test_an_epoch_draws_the_same_rows_each_time_and_others_the_next(self):
        sampler = EpochSampler([3] * 40, 8, 5, group_by_length=True, chances=[1.0] * 20 + [3.0] * 20)
        first = list(sampler)
        assert first == list(sampler)
        sampler.set_epoch(1)
        assert first != list(sampler)

    def test_unknown_rows_keep_their_share(self):
        chances = method("balance").sampling(rows([0, 0, 0, 1, -1], [0, 0, 0, 0, 0]))
        assert chances.tolist() == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2.0, 1.0])


class TestGroupDro:
    def test_weights_by_hand_over_three_batches(self):
        dro = method("group_dro", group_dro={"step_size": 0.5})
        dro.begin(rows([0, 0, 1, 1], [0, 0, 0, 0]))  # two cells with rows: (a, no) and (b, no)
        q = {0: 0.5, 2: 0.5}
        for losses, groups in (([1.0, 3.0, 4.0], [0, 0, 1]), ([2.0, 2.0], [0, 0]), ([0.0, 1.0], [0, 1])):
            means = {0: 0.0, 2: 0.0}
            for cell, group in ((0, 0), (2, 1)):
                own = [loss for loss, of in zip(losses, groups, strict=True) if of == group]
                means[cell] = sum(own) / len(own) if own else 0.0
            grown = {cell: q[cell] * math.exp(0.5 * means[cell]) for cell in q}
            q = {cell: value / sum(grown.values()) for cell, value in grown.items()}
            loss = dro.reduce(batch(losses, groups))
            assert float(loss) == pytest.approx(sum(q[cell] * means[cell] for cell in q))
            assert dro.state()["q"] == pytest.approx([q[0], 0.0, q[2], 0.0])

    def test_the_first_batch_in_numbers(self):
        # Losses 2 and 4, step 0.5: q is as exp(1) to exp(2), so 0.268941 and 0.731059; the loss is 2 * 0.268941 + 4 * 0.731059.
        dro = method("group_dro", group_dro={"step_size": 0.5})
        dro.begin(rows([0, 1], [0, 0]))
        assert float(dro.reduce(batch([2.0, 4.0], [0, 1]))) == pytest.approx(3.4621172, abs=1e-6)
        assert dro.facts()["weight_by_cell"] == pytest.approx({"a, no": 0.2689414, "b, no": 0.7310586})

    def test_small_cells_are_pushed_by_the_adjustment(self):
        dro = method("group_dro", group_dro={"step_size": 1.0, "adjustment": 2.0})
        dro.begin(rows([0] * 16 + [1] * 4, [0] * 20))
        dro.reduce(batch([1.0, 1.0], [0, 1]))
        # q is as exp(1 + 2/4) to exp(1 + 2/2)
        assert dro.state()["q"][0] == pytest.approx(1 / (1 + math.exp(0.5)))

    def test_validation_rows_move_nothing_and_a_state_goes_on(self):
        dro = method("group_dro")
        dro.begin(rows([0, 1], [0, 0]))
        dro.reduce(batch([1.0, 5.0], [0, 1]))
        kept = dro.state()
        measured = dro.reduce(batch([3.0, 7.0], [0, 1], training=False))
        assert dro.state() == kept
        # Cells count alike in what is measured, whatever q has become.
        assert kept["q"][0] < kept["q"][2]
        assert float(measured) == pytest.approx(0.5 * 3 + 0.5 * 7)
        other = method("group_dro")
        other.begin(rows([0, 1], [0, 0]))
        other.load_state(kept)
        assert float(other.reduce(batch([2.0, 1.0], [0, 1]))) == float(dro.reduce(batch([2.0, 1.0], [0, 1])))

    def test_unknown_rows_count_by_their_share(self):
        dro = method("group_dro", group_dro={"step_size": 1e-9})
        dro.begin(rows([0, 1], [0, 0]))
        assert float(dro.reduce(batch([2.0, 4.0, 9.0, 9.0], [0, 1, -1, -1]))) == pytest.approx(0.5 * 3 + 0.5 * 9)
        assert float(dro.reduce(batch([5.0], [-1]))) == pytest.approx(5.0)

    def test_row_weights_count_within_a_cell(self):
        dro = method("group_dro", group_dro={"step_size": 1e-9})
        dro.begin(rows([0, 1], [0, 0]))
        found = dro.reduce(batch([2.0, 6.0, 4.0], [0, 0, 1], weights=[3.0, 1.0, 1.0]))
        assert float(found) == pytest.approx(0.5 * 3.0 + 0.5 * 4.0)

    def test_a_loss_that_is_not_finite_is_seen(self):
        dro = method("group_dro")
        dro.begin(rows([0, 1], [0, 0]))
        assert not math.isfinite(float(dro.reduce(batch([float("inf"), 1.0], [0, 1]))))


class TestFairLoss:
    @staticmethod
    def logits(scores):
        return torch.logit(torch.tensor(scores)).reshape(-1, 1) * torch.tensor([[0.0, 1.0]])

    def test_gaps_by_hand(self):
        fair = method("fair_loss", fair_loss={"strength": 2.0, "memory": 0.0})
        fair.begin(rows([0, 1], [0, 1]))
        scores, groups, labels = [0.9, 0.7, 0.4, 0.2], [0, 1, 0, 1], [1, 1, 0, 0]
        found = fair.penalty(batch([0.0] * 4, groups, labels, logits=self.logits(scores)))
        assert float(found) == pytest.approx(2.0 * (0.2 + 0.2) / 2, abs=1e-6)
        parity = method("fair_loss", fair_loss={"constraint": "demographic_parity", "memory": 0.0})
        parity.begin(rows([0, 1], [0, 1]))
        found = parity.penalty(batch([0.0] * 4, groups, labels, logits=self.logits(scores)))
        assert float(found) == pytest.approx(0.65 - 0.45, abs=1e-6)

    def test_a_group_that_is_absent_is_remembered(self):
        fair = method("fair_loss", fair_loss={"constraint": "demographic_parity", "memory": 0.75})
        fair.begin(rows([0, 1], [0, 1]))
        fair.penalty(batch([0.0] * 2, [0, 1], logits=self.logits([0.8, 0.4])))
        found = fair.penalty(batch([0.0], [1], logits=self.logits([0.8])))
        # b is now 0.75 * 0.4 + 0.25 * 0.8 = 0.5, a is still 0.8.
        assert float(found) == pytest.approx(0.3, abs=1e-6)
        assert fair.state()["rates"] == [pytest.approx([0.8, 0.5], abs=1e-6)]

    def test_its_gradient_draws_the_groups_together(self):
        fair = method("fair_loss", fair_loss={"constraint": "demographic_parity"})
        fair.begin(rows([0, 1], [0, 1]))
        logits = self.logits([0.8, 0.4]).clone().requires_grad_(True)
        fair.penalty(batch([0.0] * 2, [0, 1], logits=logits)).backward()
        assert logits.grad[0, 1] > 0 > logits.grad[1, 1]

    def test_equal_rates_cost_nothing_and_one_group_neither(self):
        fair = method("fair_loss")
        fair.begin(rows([0, 1], [0, 1]))
        assert float(fair.penalty(batch([0.0] * 2, [0, 1], [1, 1], logits=self.logits([0.6, 0.6])))) == 0.0
        alone = method("fair_loss")
        alone.begin(rows([0, 1], [0, 1]))
        assert float(alone.penalty(batch([0.0], [0], [1], logits=self.logits([0.6])))) == 0.0

    def test_validation_rows_are_not_remembered(self):
        fair = method("fair_loss")
        fair.begin(rows([0, 1], [0, 1]))
        fair.penalty(batch([0.0] * 2, [0, 1], [1, 1], logits=self.logits([0.6, 0.2]), training=False))
        assert fair.state() == {"rates": [[None, None], [None, None]]}
