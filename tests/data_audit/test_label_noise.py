"""Label noise: planted flips are found, the rate covers the truth, and train rows are never used."""

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit
from rai_audits.data.confident import confident_joint, noise_rates

CLASSES = ("no", "yes")


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


def planted(rows=1000, noise=(0.08, 0.15), seed=3):
    """True classes, scores of a good model, and labels flipped at ``noise`` per true class; women's labels twice as often."""
    draw = np.random.default_rng(seed)
    truth = draw.random(rows) < 0.5
    chance = 1 / (1 + np.exp(-np.where(truth, 3, -3) - draw.normal(0, 1.2, rows)))
    sex = draw.choice(["man", "woman"], rows)
    flip = draw.random(rows) < np.where(truth, noise[1], noise[0]) * np.where(sex == "woman", 4 / 3, 2 / 3)
    given = truth ^ flip
    table = pd.DataFrame(
        {
            "row_id": [f"r{place:04}" for place in range(rows)],
            "split": draw.choice(["validation", "test"], rows),
            "label": np.where(given, "yes", "no"),
            "score:no": 1 - chance,
            "score:yes": chance,
            "group:sex": sex,
        }
    )
    return table, flip


def context(table, sink=None, **options):
    task = TaskInfo(classes=CLASSES, positive="yes", favourable="no", threshold=0.5, groups={"sex": ("man", "woman")})
    return AuditContext(predictions=table, task=task, artifacts=sink or Sink(), options=options, seed=1)


def one(output, metric, **where):
    found = [
        item
        for item in output.measurements
        if item.metric == metric and all(getattr(item, key) == value for key, value in where.items())
    ]
    assert len(found) == 1, (metric, where, len(found))
    return found[0]


def test_planted_flips_are_the_suspects():
    table, flip = planted()
    sink = Sink()
    output = load_audit("label_noise").run(context(table, sink))
    suspects = sink.tables["label_suspects"]
    wrong = set(table["row_id"][flip])
    hits = suspects["row_id"].isin(wrong)
    assert hits.mean() > 0.85
    assert hits.sum() / flip.sum() > 0.85
    assert suspects["margin"].is_monotonic_increasing
    assert hits.head(40).all()
    assert list(suspects.columns) == ["row_id", "split", "label", "believed", "margin"]
    women = one(output, "label_suspect_rate", group="woman")
    gap = one(output, "label_suspect_rate_difference", group="woman", reference="man")
    assert women.value > 0.1
    assert gap.bound("lower", 0.05).value > 0


def test_the_rate_is_near_the_planted_one_over_samples():
    """40 samples: the interval of the overall rate holds the share of flipped labels in most; the estimate is nearly unbiased."""
    covered, errors = 0, []
    for seed in range(40):
        table, flip = planted(seed=seed)
        item = one(load_audit("label_noise").run(context(table)), "label_noise_rate", label=None)
        covered += item.low <= flip.mean() <= item.high
        errors.append(item.value - flip.mean())
    assert covered >= 34
    assert abs(np.mean(errors)) < 0.015


def test_the_confident_joint_by_hand():
    labels = [0, 0, 0, 1, 1]
    chance = [[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6], [0.1, 0.9]]
    joint = confident_joint(labels, chance)
    assert joint.thresholds.tolist() == pytest.approx([0.6, 0.75])
    assert joint.believed.tolist() == [0, 0, 1, -1, 1]
    assert joint.counts.tolist() == [[2, 1], [0, 1]]
    assert joint.margin.tolist() == pytest.approx([0.8, 0.4, -0.6, 0.2, 0.8])
    assert noise_rates(joint.counts, np.array([3.0, 2.0])).tolist() == pytest.approx([1 / 3, 0.0, 0.2])


def test_train_rows_are_left_out_and_order_does_not_matter():
    table, _ = planted(400)
    extra = table.assign(row_id="x" + table["row_id"], split="train", label="no")
    first = load_audit("label_noise").run(context(table))
    mixed = pd.concat([extra, table]).sample(frac=1, random_state=1)
    assert load_audit("label_noise").run(context(mixed)).measurements == first.measurements
    only_train = load_audit("label_noise").run(context(extra))
    assert "trained on" in only_train.measurements[0].reason


def test_clean_labels_have_an_interval_with_width():
    table, _ = planted(200, noise=(0.0, 0.0))
    table["score:yes"] = np.where(table["label"] == "yes", 0.9, 0.1)
    table["score:no"] = 1 - table["score:yes"]
    item = one(load_audit("label_noise").run(context(table)), "label_noise_rate", label=None)
    assert item.value == item.low == 0.0
    assert 0 < item.high < 0.05


def test_missing_scores_and_strange_labels():
    table, _ = planted(50)
    assert "score:no" in load_audit("label_noise").run(context(table.drop(columns="score:no"))).measurements[0].reason
    with pytest.raises(UsageError, match="maybe"):
        load_audit("label_noise").run(context(table.assign(label="maybe")))
    table.loc[3, "score:yes"] = np.nan
    with pytest.raises(UsageError, match="r0003"):
        load_audit("label_noise").run(context(table))
