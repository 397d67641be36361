"""What may be joined and what is refused, methods of other packages, groups that vanish, and the loss that the Trainer sees."""

import json
from dataclasses import replace
from importlib.metadata import EntryPoint

import numpy as np
import pandas as pd
import pytest
import torch

from rai_tune.core import UsageError
from rai_tune.planning import plan
from rai_tune.recipe import load_recipe
from rai_tune.recipe.mitigation import MitigationSpec
from rai_tune.training.estimate import estimate
from rai_tune.training.hf import class_weights, mean_loss, row_losses
from rai_tune.training.mitigation import (
    LossBatch,
    MethodCard,
    Mitigation,
    TrainingRows,
    card_of,
    known_methods,
    load_method,
    mitigation,
)
from rai_tune.training.mitigation.composing import Applied, apply_mitigation, check_joined, crossed, mitigation_notes
from rai_tune.training.trainer import Examples


def planned(project, **settings):
    return plan(load_recipe(project / "recipe.yaml", [f"{key}={json.dumps(value)}" for key, value in settings.items()]))


def rows(groups, labels, names=("a", "b"), weights=None):
    frame = pd.DataFrame({"row_id": [str(place) for place in range(len(groups))]})
    if weights is not None:
        frame["weight"] = weights
    return TrainingRows(frame, np.asarray(labels), np.asarray(groups), names, ("race",), ("no", "yes"), "yes", "no", 0)


def applied(names, train, **settings):
    spec = MitigationSpec.model_validate({"method": names, **settings})
    methods = tuple(load_method(name).make(spec) for name in spec.methods)
    for method in methods:
        method.begin(train)
    first = lambda found: next((value for value in found if value is not None), None)  # noqa: E731
    return Applied(
        methods,
        train,
        train,
        first([method.weights(train) for method in methods]),
        first([method.sampling(train) for method in methods]),
        None,
    )


def loss_batch(logits, labels, groups, own=None, by_class=None, training=True):
    labels, groups = torch.tensor(labels), torch.tensor(groups)
    own = None if own is None else torch.tensor(own)
    losses, weights = row_losses(logits, labels, own, by_class)
    return LossBatch(logits, labels, losses, weights, groups, training=training, row_weights=own), mean_loss(
        losses, weights
    )


class TestRefusals:
    @pytest.mark.parametrize(
        ("names", "reason"),
        [
            (("reweigh", "balance"), "both together correct twice"),
            (("balance", "counterfactual_augment"), "copies about other groups already change how often"),
            (("group_dro", "reweigh"), "weights within a cell that are all alike cancel out"),
        ],
    )
    def test_each_is_told_with_its_reason_in_either_order(self, names, reason):
        for order in (names, names[::-1]):
            with pytest.raises(UsageError, match=reason) as told:
                check_joined([card_of(name) for name in order])
            assert f"{order[0]} and {order[1]} cannot be joined" in str(told.value)

    def test_penalties_add_and_draws_meet_group_dro(self):
        check_joined([card_of(name) for name in ("fair_loss", "logit_pairing", "group_dro", "balance", "threshold")])

    def test_two_that_act_on_one_thing_are_refused(self):
        with pytest.raises(UsageError, match=r"both act on the same thing \(weights\), and only one can"):
            check_joined([card_of("reweigh"), replace(card_of("reweigh"), name="other", excludes={})])

    @pytest.mark.parametrize("other", ["reweigh", "balance"])
    def test_parity_of_all_rows_is_refused_where_labels_count_otherwise(self, project, other):
        settings = {"mitigation.method": ["fair_loss", other], "mitigation.fair_loss.constraint": "demographic_parity"}
        with pytest.raises(UsageError, match=f"fair_loss for demographic_parity and {other} cannot be joined"):
            planned(project, **settings)
        planned(project, **{"mitigation.method": ["fair_loss", other]})

    def test_an_unknown_name_suggests_the_nearest(self, project):
        with pytest.raises(UsageError, match=r"unknown method 'group_dr0'.*group_dro"):
            planned(project, **{"mitigation.method": "group_dr0"})

    def test_a_method_without_groups_is_refused(self, project):
        with pytest.raises(UsageError, match=r"mitigation reweigh needs groups.*data.groups"):
            planned(project, **{"mitigation.method": "reweigh", "data.groups": []})


class TestWhatIsSaidBeforehand:
    def test_settings_of_a_method_that_is_not_named_are_told(self):
        given = {"method": "reweigh", "fair_loss": {"strength": 2.0}, "options": {"a": 1}, "group_dro": {}}
        assert mitigation_notes(MitigationSpec.model_validate(given)) == [
            "mitigation.fair_loss and mitigation.options: not used, since the method is reweigh"
        ]

    def test_settings_of_the_named_ones_are_no_news(self):
        given = {"method": ["fair_loss", "reweigh"], "fair_loss": {"strength": 2.0}}
        assert mitigation_notes(MitigationSpec.model_validate(given)) == mitigation_notes(None) == []

    @pytest.mark.parametrize(("method", "shares"), [("threshold", 0.0), ("reweigh", 1.0)])
    def test_the_estimate_counts_the_twin(self, project, method, shares):
        ready = planned(project, mitigation={"method": method})
        found = estimate(ready.recipe, ready.data, ready.base)
        assert found["twin_s"] == pytest.approx(shares * found["training_s"])

    def test_rows_that_a_method_adds_are_not_the_twins(self, project):
        ready = planned(project, mitigation={"method": "counterfactual_augment"})
        found = estimate(ready.recipe, ready.data, ready.base)
        assert found["splits"]["train"]["rows"] > int((ready.data.rows["split"] == "train").sum())
        assert 0 < found["twin_s"] < found["training_s"]

    def test_two_combinations_of_groups_with_one_name_are_refused(self):
        frame = pd.DataFrame({"group:x": ["a & b", "a"], "group:y": ["c", "b & c"]})
        with pytest.raises(UsageError, match="would both be called 'a & b & c'"):
            crossed(frame, ("x", "y"))


class Halved(Mitigation):
    """A method as another package would write it: every row weighs half."""

    card = MethodCard(
        "halved", "Halved", "Rows weigh half.", ("weights",), groups_at_training=False, groups_at_use=False, law="", source=""
    )  # fmt: skip

    def weights(self, rows):
        return np.full(len(rows.labels), 0.5)


HALVED = mitigation(Halved.card)(lambda _spec: Halved())
UNDECORATED = Halved


class TestOtherPackages:
    @pytest.fixture
    def installed(self, monkeypatch):
        def install(name, value):
            points = [EntryPoint(name, f"{__name__}:{value}", "rai_tune.mitigations")]
            monkeypatch.setattr("rai_tune.training.mitigation.registry.entry_points", lambda group: points)

        return install

    def test_one_is_found_by_its_entry_point_and_acts(self, installed, project):
        installed("halved", "HALVED")
        assert "halved" in known_methods()
        ready = planned(project, **{"mitigation.method": "halved"})
        assert set(apply_mitigation(ready.recipe, ready.data).weights.tolist()) == {0.5}
        with pytest.raises(UsageError, match=r"halved and reweigh cannot be joined: both act on the same thing"):
            planned(project, **{"mitigation.method": ["halved", "reweigh"]})

    def test_its_name_is_suggested(self, installed):
        installed("halved", "HALVED")
        with pytest.raises(UsageError, match="halved"):
            load_method("halvd")

    @pytest.mark.parametrize(("name", "value"), [("halved", "UNDECORATED"), ("quartered", "HALVED")])
    def test_one_that_is_not_decorated_or_calls_itself_otherwise_is_refused(self, installed, name, value):
        installed(name, value)
        with pytest.raises(UsageError, match=f"{name!r} is not decorated"):
            load_method(name)

    def test_it_cannot_take_the_name_of_a_built_in_method(self, installed):
        installed("reweigh", "HALVED")
        assert load_method("reweigh").card.title == "Reweighing"


class TestGroupsThatVanish:
    """A group ``c`` that only validation rows hold, and a cell (b, yes) without training rows."""

    train = rows([0, 0, 0, 1, 1], [0, 1, 0, 0, 0], names=("a", "b", "c"))

    def test_a_group_without_training_rows_has_no_weight_and_breaks_nothing(self):
        dro = applied("group_dro", self.train)
        assert np.asarray(dro.state()["group_dro"]["q"]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
        batch, plain = loss_batch(torch.zeros(3, 2), [0, 1, 0], [0, 1, 2], training=False)
        # Of the three cells with training rows, (a, no) holds two in five; (b, yes) and c count for nothing.
        assert float(dro.loss(batch, plain)) == pytest.approx(np.log(2) * (5 / 3 / 2) / 3, abs=1e-6)
        assert set(dro.facts()["group_dro"]["weight_by_cell"]) == {"a, no", "a, yes", "b, no"}

    def test_neither_weights_nor_draws_ask_for_what_is_not_there(self):
        assert applied("reweigh", self.train).weights.tolist() == pytest.approx([1.2, 0.6, 1.2, 0.8, 0.8])
        assert applied("balance", self.train).sampling.tolist() == pytest.approx([5 / 6, 5 / 3, 5 / 6, 5 / 6, 5 / 6])

    def test_a_rate_that_no_row_gives_is_in_no_gap(self):
        fair = applied("fair_loss", self.train)
        batch, plain = loss_batch(torch.tensor([[0.0, 1.0], [0.0, 2.0], [0.0, 0.0]]), [0, 1, 0], [0, 0, 1])
        gap = torch.sigmoid(torch.tensor(1.0)) - 0.5  # a against b among "no"; nobody stands beside a among "yes"
        assert float(fair.loss(batch, plain) - plain) == pytest.approx(float(gap), abs=1e-6)
        assert fair.facts()["fair_loss"]["mean_score"]["yes"] == {
            "a": pytest.approx(0.880797, abs=1e-6),
            "b": None,
            "c": None,
        }

    @pytest.mark.parametrize("method", ["reweigh", "balance", "group_dro", "fair_loss", "threshold"])
    @pytest.mark.parametrize("split", ["train", "validation"])
    def test_one_group_left_in_a_split_is_refused_when_planned(self, project, method, split):
        table = pd.read_csv(project / "rows.csv", dtype=str)
        table["part"] = np.resize(["train", "train", "validation", "test"], len(table))
        table = table[(table["part"] != split) | (table["race"] == "white")]
        table.to_csv(project / "rows.csv", index=False)
        with pytest.raises(UsageError, match=f"the {split} rows hold only 'white'"):
            planned(
                project,
                **{"mitigation.method": method, "mitigation.attributes": ["race"], "data.split": {"column": "part"}},
            )


class TestWhatTheTrainerSees:
    logits = torch.tensor([[0.0, 1.5], [0.3, -0.2], [1.0, 0.1], [0.0, 0.4]])
    labels, groups = [1, 0, 0, 1], [0, 0, 1, 1]

    def test_validation_loss_adds_up_over_batches_and_counts_cells_alike(self):
        train = rows([0] * 6 + [1] * 4, [0] * 4 + [1] * 2 + [0] * 3 + [1])
        dro = applied("group_dro", train)
        generator = torch.Generator().manual_seed(0)
        logits = torch.randn(10, 2, generator=generator)
        labels, groups = train.labels.tolist(), train.groups.tolist()
        whole = dro.loss(*loss_batch(logits, labels, groups, training=False))
        parts = [
            float(dro.loss(*loss_batch(logits[cut], labels[cut], groups[cut], training=False)))
            for cut in (slice(0, 5), slice(5, 10))
        ]
        assert np.mean(parts) == pytest.approx(float(whole), abs=1e-6)
        losses = row_losses(logits, torch.tensor(labels), None, None)[0].numpy()
        cell = train.groups * 2 + train.labels
        assert float(whole) == pytest.approx(np.mean([losses[cell == place].mean() for place in range(4)]), abs=1e-6)

    def test_validation_loss_does_not_follow_what_training_moved(self):
        train = rows(self.groups, self.labels)
        dro = applied("group_dro", train, group_dro={"step_size": 5.0})
        measure = lambda: float(dro.loss(*loss_batch(self.logits, self.labels, self.groups, training=False)))  # noqa: E731
        before = measure()
        for _ in range(3):
            dro.loss(*loss_batch(self.logits, self.labels, self.groups))
        assert max(dro.state()["group_dro"]["q"]) > 0.5
        assert measure() == before

    def test_the_penalty_on_validation_rows_is_that_of_the_running_rates(self):
        fair = applied("fair_loss", rows(self.groups, self.labels), fair_loss={"constraint": "demographic_parity"})
        batch, plain = loss_batch(torch.tensor([[0.0, 1.0], [0.0, 0.0]]), [1, 0], [0, 1])
        trained = float(fair.loss(batch, plain) - plain)
        other, its_plain = loss_batch(self.logits, self.labels, self.groups, training=False)
        assert float(fair.loss(other, its_plain) - its_plain) == pytest.approx(trained, abs=1e-6)
        assert trained > 0.2

    @pytest.mark.parametrize("names", ["reweigh", "balance"])
    def test_weights_and_draws_leave_the_loss_of_validation_rows_plain(self, names):
        found = applied(names, rows(self.groups, self.labels))
        batch, plain = loss_batch(self.logits, self.labels, self.groups, training=False)
        assert float(found.loss(batch, plain)) == float(plain)

    def test_class_weights_cancel_within_a_cell_and_row_weights_do_not(self):
        train = rows(self.groups, self.labels)
        by_class = torch.tensor([1.0, 7.0])
        with_and_without = [
            float(applied("group_dro", train).loss(*loss_batch(self.logits, self.labels, self.groups, None, weights)))
            for weights in (None, by_class)
        ]
        assert with_and_without[0] == pytest.approx(with_and_without[1], abs=1e-6)
        own, heavy = [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 9.0]
        one_cell = [0, 1, 0, 0], [0, 0, 1, 1]  # (b, no) has two rows
        found = [float(applied("group_dro", train).loss(*loss_batch(self.logits, *one_cell, w))) for w in (own, heavy)]
        assert abs(found[0] - found[1]) > 0.01

    def test_parity_is_that_of_rows_whatever_their_class_weighs(self):
        train = rows(self.groups, self.labels)
        spec = {"constraint": "demographic_parity", "memory": 0.0}
        scores = torch.softmax(self.logits, 1)[:, 1].numpy()
        for own in (None, [1.0, 3.0, 2.0, 1.0]):
            batch, plain = loss_batch(self.logits, self.labels, self.groups, own, torch.tensor([1.0, 7.0]))
            found = float(applied("fair_loss", train, fair_loss=spec).loss(batch, plain) - plain)
            rates = [
                np.average(scores[cut], weights=None if own is None else own[cut]) for cut in (slice(2), slice(2, 4))
            ]
            assert found == pytest.approx(abs(rates[0] - rates[1]), abs=1e-6)

    def test_every_pair_of_three_groups_is_in_the_gap_and_an_absent_one_still_pulls(self):
        train = rows([0, 1, 2], [0, 0, 0], names=("a", "b", "c"))
        fair = applied("fair_loss", train, fair_loss={"constraint": "demographic_parity", "memory": 0.5})
        logits = torch.logit(torch.tensor([[0.2], [0.5], [0.9]])) * torch.tensor([[0.0, 1.0]])
        batch, plain = loss_batch(logits, [0, 0, 0], [0, 1, 2])
        assert float(fair.loss(batch, plain) - plain) == pytest.approx((0.3 + 0.7 + 0.4) / 3, abs=1e-6)
        # Only b is in the next batch, at the same rate: a pulls it down, c up, and by as much, so nothing is left; above c both pull it down.
        for score, sign in ((0.5, 0), (1 - 1e-3, 1)):
            alone = (torch.logit(torch.tensor([[score]])) * torch.tensor([[0.0, 1.0]])).requires_grad_(True)
            again = applied("fair_loss", train, fair_loss={"constraint": "demographic_parity", "memory": 0.0})
            again.load_state(fair.state())
            again.methods[0].penalty(loss_batch(alone, [0], [1])[0]).backward()
            assert np.sign(round(float(alone.grad[0, 1]), 6)) == sign

    @pytest.mark.parametrize(
        ("method", "expected"), [("balance", [1.0, 1.0]), (None, [0.625, 2.5]), ("reweigh", [0.625, 2.5])]
    )
    def test_balanced_class_weights_go_by_what_is_drawn(self, method, expected):
        groups, labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 0, 0, 0, 0, 1]
        found = applied(method, rows(groups, labels)) if method else None

        class Asked:
            spec = type("Spec", (), {"class_weights": "balanced"})
            train, classes, mitigation = Examples([[1]] * 10, labels), ("no", "yes"), found

        assert class_weights(Asked).tolist() == pytest.approx(expected)
