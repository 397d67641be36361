"""Slice discovery: planted slices are found, and without any the false discoveries stay at their rate."""

import numpy as np
import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, UsageError, load_audit
from rai_audits.fairness.conditions import make_conditions
from rai_audits.fairness.slices import ERROR, FAVOURABLE, discover, first_half


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest-of-{name}"


def tables(rows, seed, *, planted):
    """Five columns; errors at 15 %, but 45 % where sector is farm and the income is in its lowest quarter."""
    draw = np.random.default_rng(seed)
    sector = draw.choice(["farm", "office", "shop"], rows)
    income = draw.normal(50, 10, rows)
    sex = draw.choice(["man", "woman"], rows)
    hit = (sector == "farm") & (income < np.quantile(income, 0.25))
    wrong = draw.random(rows) < np.where(hit & planted, 0.6, 0.15)
    label = draw.choice(["no", "yes"], rows)
    other = np.where(label == "yes", "no", "yes")
    ids = [f"r{place}" for place in range(rows)]
    predictions = pd.DataFrame(
        {
            "row_id": ids,
            "split": "test",
            "label": label,
            "prediction": np.where(wrong, other, label),
            "group:sex": sex,
        }
    )
    source = pd.DataFrame(
        {
            "row_id": ids,
            "split": "test",
            "text": [f"works in {name}" for name in sector],
            "col:sector": sector,
            "col:income": income,
            "col:sex": sex,
            "col:outcome": np.where(label == "yes", "Y", "N"),
            "col:name": ids,
        }
    )
    return predictions, source


def context(predictions, source, **options):
    task = TaskInfo(
        classes=("no", "yes"), positive="yes", favourable="yes", threshold=0.5, groups={"sex": ("man", "woman")}
    )
    return AuditContext(predictions=predictions, task=task, artifacts=Sink(), rows=source, options=options, seed=3)


def test_a_planted_pair_of_conditions_is_found_and_measured():
    predictions, source = tables(1600, 7, planted=True)
    case = context(predictions, source, slice_words=0)
    output = load_audit("slice_discovery").run(case)
    named = {item.label: item for item in output.measurements if item.metric == ERROR}
    best = max(named.values(), key=lambda item: item.value)
    assert "sector = farm" in best.label
    assert "income from" in best.label
    assert best.low > 0.2
    assert best.low < 0.45 < best.high
    assert best.bound("lower", 0.05).value > best.low
    assert "adjusted for selection" in best.method
    assert not [item for item in output.measurements if item.metric == FAVOURABLE]
    assert output.facts["rows_to_find"] + output.facts["rows_to_test"] == 1600
    listing = case.artifacts.tables["slices"]
    assert listing["confirmed"].sum() == output.facts["confirmed"] == len(output.measurements)


def test_estimates_come_from_the_second_half_alone():
    predictions, source = tables(1600, 7, planted=True)
    output = load_audit("slice_discovery").run(context(predictions, source, slice_words=0))
    item = next(item for item in output.measurements if item.label == "sector = farm")
    second = ~first_half(predictions["row_id"].tolist(), 3)
    wrong = (predictions["label"] != predictions["prediction"]).to_numpy()
    farm = (source["col:sector"] == "farm").to_numpy()
    assert item.value == pytest.approx(wrong[second & farm].mean() - wrong[second & ~farm].mean())
    assert item.n == int((second & farm).sum())


def test_row_order_does_not_matter():
    predictions, source = tables(400, 1, planted=True)
    first = load_audit("slice_discovery").run(context(predictions, source))
    again = load_audit("slice_discovery").run(
        context(predictions.sample(frac=1, random_state=2), source.sample(frac=1, random_state=5))
    )
    assert first.measurements == again.measurements
    assert first.facts == again.facts


@pytest.mark.slow
def test_power_and_false_discoveries_over_seeded_tables():
    """200 tables of 400 rows with nothing planted: at least one discovery is false, so their share is the rate itself."""
    false, rows = 0, 400
    for seed in range(200):
        predictions, source = tables(rows, seed, planted=False)
        found = everything(predictions, source)
        false += any(item.confirmed for item in found)
    assert false <= 200 * 0.05 + 3 * np.sqrt(200 * 0.05 * 0.95)
    hits = sum(
        any(item.confirmed and "farm" in item.words for item in everything(*tables(900, 500 + seed, planted=True)))
        for seed in range(20)
    )
    assert hits >= 18


def everything(predictions, source):
    table = predictions.merge(source.drop(columns="split"), on="row_id")
    wrong = (table["label"] != table["prediction"]).to_numpy()
    outcomes = {ERROR: wrong, FAVOURABLE: (table["prediction"] == "yes").to_numpy()}
    first = first_half(table["row_id"].tolist(), 1)
    return discover(make_conditions(table, words=0), outcomes, first, most=20, min_rows=20)


def test_conditions_leave_out_the_label_and_names_and_repeat_nothing():
    predictions, source = tables(400, 1, planted=False)
    made = make_conditions(predictions.merge(source.drop(columns="split"), on="row_id"), words=5)
    assert set(made.left_out) == {"col:outcome", "col:name"}
    words = [item.words for item in made.items]
    assert words.count("sex = man") == 1
    assert sum(word.startswith("income ") for word in words) == 4
    assert "text has 'farm'" in words
    assert not any("works" in word for word in words)
    quarters = made.meets[[place for place, word in enumerate(words) if word.startswith("income ")]]
    assert (quarters.sum(axis=0) == 1).all()


def test_a_column_of_two_values_is_one_comparison():
    predictions, _ = tables(1200, 1, planted=False)
    men = predictions["group:sex"] == "man"
    predictions.loc[men, "prediction"] = np.where(predictions.loc[men, "label"] == "yes", "no", "yes")
    output = load_audit("slice_discovery").run(context(predictions, None))
    assert [item.label for item in output.measurements if item.metric == ERROR] == ["sex = man"]


def test_without_source_rows_only_groups_are_read():
    predictions, _ = tables(400, 1, planted=False)
    output = load_audit("slice_discovery").run(context(predictions, None))
    assert output.facts["conditions"] == 2
    assert output.facts["columns_read"] is False


def test_too_few_rows_find_nothing_and_options_are_checked():
    predictions, source = tables(30, 1, planted=False)
    assert load_audit("slice_discovery").run(context(predictions, source)).facts["tested"] == 0
    with pytest.raises(UsageError, match="slice_min_rows"):
        load_audit("slice_discovery").run(context(predictions, source, slice_min_rows=0))
