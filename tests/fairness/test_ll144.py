"""The audit ll144: the tables of 6 RCNY 5-301 on counts worked by hand, the median, unknown categories, the 2 % rule."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rai_audits.core import AuditContext, TaskInfo, UsageError
from rai_audits.fairness import audit
from rai_audits.fairness.grouped import Grouping
from rai_audits.fairness.impact_tables import impact_table, sample_median
from rai_audits.fairness.ll144 import measure

NAMES = ("sex", "race")


class Sink:
    def __init__(self):
        self.tables = {}

    def put_table(self, name, table):
        self.tables[name] = table
        return f"digest of {name}"


def context(cells, *, scores=None, options=None, classes=("no", "yes"), favourable="yes", positive="yes", names=NAMES):
    """``cells`` maps (sex, race) to the decisions of its rows; ``scores`` likewise to their scores."""
    rows = [
        {f"group:{names[0]}": sex, f"group:{names[1]}": race, "prediction": said, "split": "test"}
        | ({} if scores is None else {"score": scores[sex, race][place]})
        for (sex, race), decisions in cells.items()
        for place, said in enumerate(decisions)
    ]
    groups = {
        name: tuple(dict.fromkeys(cell[place] for cell in cells if cell[place] != "unknown"))
        for place, name in enumerate(names)
    }
    return AuditContext(
        predictions=pd.DataFrame(rows),
        task=TaskInfo(classes, positive, favourable, None, groups),
        artifacts=Sink(),
        options=options or {},
    )


def said(selected, everyone):
    return ["yes"] * selected + ["no"] * (everyone - selected)


def pick(output, metric, attribute=None, group=None, label=None):
    [item] = [
        item
        for item in output.measurements
        if (item.metric, item.attribute, item.group, item.label) == (metric, attribute, group, label)
    ]
    return item


CELLS = {
    ("f", "A"): said(10, 40),
    ("f", "B"): said(6, 20),
    ("m", "A"): said(30, 60),
    ("m", "B"): said(2, 20),
    ("unknown", "A"): said(4, 5),
    ("f", "unknown"): said(3, 10),
}


def test_selection_tables_by_sex_by_race_and_by_both():
    output = measure(context(CELLS))
    assert pick(output, "ll144_selection_rate", "sex", "f").value == pytest.approx(19 / 70)
    assert pick(output, "ll144_selection_rate", "sex", "m").value == pytest.approx(32 / 80)
    assert pick(output, "ll144_impact_ratio", "sex", "f").value == pytest.approx((19 / 70) / (32 / 80))
    assert pick(output, "ll144_impact_ratio", "sex", "m").value == 1.0
    assert pick(output, "ll144_selection_rate", "race", "A").value == pytest.approx(44 / 105)
    both = pick(output, "ll144_impact_ratio", "sex x race", "m x B")
    assert (both.value, both.reference) == (pytest.approx(0.1 / 0.5), "m x A")
    assert both.low < both.value < both.high


def test_people_of_unknown_category_are_counted_and_in_no_table():
    output = measure(context(CELLS))
    assert pick(output, "ll144_assessed_rows").value == 155
    assert [pick(output, "ll144_unknown_rows", name).value for name in (*NAMES, "sex x race")] == [5, 10, 15]
    assert not [item for item in output.measurements if item.group and "unknown" in item.group]


def test_scoring_rates_count_scores_strictly_above_the_median_of_the_full_sample():
    cells = {("f", "A"): said(0, 3), ("m", "A"): said(0, 3), ("m", "unknown"): said(0, 1)}
    scores = {("f", "A"): [0.1, 0.5, 0.5], ("m", "A"): [0.2, 0.8, 0.9], ("m", "unknown"): [0.7]}
    output = measure(context(cells, scores=scores))
    # Sorted: 0.1 0.2 0.5 0.5 0.7 0.8 0.9; the median 0.5 is the full sample's, and the two scores equal to it are not above it.
    assert pick(output, "ll144_median_score").value == 0.5
    assert pick(output, "ll144_scoring_rate", "sex", "f").value == 0.0
    assert pick(output, "ll144_scoring_rate", "sex", "m").value == 0.75
    assert pick(output, "ll144_scoring_rate", "race", "A").value == pytest.approx(2 / 6)
    assert pick(output, "ll144_scoring_impact_ratio", "sex", "f").value == 0.0
    assert pick(output, "ll144_impact_ratio", "sex", "f").reason == "no category has a rate above 0"


def test_a_score_of_the_other_class_is_turned_round():
    cells = {("f", "A"): said(0, 2), ("m", "A"): said(0, 2)}
    scores = {("f", "A"): [0.9, 0.8], ("m", "A"): [0.1, 0.2]}
    output = measure(context(cells, scores=scores, positive="no"))
    assert pick(output, "ll144_scoring_rate", "sex", "m").value == 1.0


def test_without_scores_the_scoring_part_does_not_apply():
    output = measure(context(CELLS))
    for metric in ("ll144_median_score", "ll144_scoring_rate", "ll144_scoring_impact_ratio"):
        assert pick(output, metric).status == "not_applicable"


def test_a_category_under_two_percent_may_be_left_out_with_its_disclosure():
    cells = {("f", "A"): said(100, 400), ("m", "A"): said(120, 600 - 19), ("m", "B"): said(19, 19)}
    everyone = measure(context(cells))
    assert pick(everyone, "ll144_impact_ratio", "race", "A").reference == "B"
    assert everyone.facts["excluded"] == [] and pick(everyone, "ll144_excluded_categories").value == 0
    options = {"ll144_exclude_below": 0.02, "ll144_exclusion_reason": "19 people say little"}
    given = context(cells, options=options)
    output = measure(given)
    left_out = pick(output, "ll144_impact_ratio", "race", "B")
    assert left_out.status == "not_applicable" and "19 people say little" in left_out.reason
    assert pick(output, "ll144_selection_rate", "race", "B").value == 1.0
    assert pick(output, "ll144_impact_ratio", "race", "A").value == 1.0
    assert pick(output, "ll144_excluded_categories").value == len(output.facts["excluded"]) == 2
    [by_race] = [item for item in output.facts["excluded"] if item["scope"] == "race"]
    assert by_race == {
        "kind": "selection", "scope": "race", "label": None, "category": "B", "n": 19, "share": 0.019, "rate": 1.0,
        "justification": "19 people say little",
    }  # fmt: skip
    table = given.artifacts.tables["ll144_selection_race"].set_index("category")
    assert table.loc["B", "excluded"] and pd.isna(table.loc["B", "impact_ratio"])
    # Exactly 2 % is not under 2 %.
    at_two = {("f", "A"): said(100, 400), ("m", "A"): said(120, 580), ("m", "B"): said(20, 20)}
    assert measure(context(at_two, options=options)).facts["excluded"] == []


def test_a_tool_of_several_classes_has_one_table_for_each():
    cells = {("f", "A"): ["lead", "lead", "coach", "none"], ("m", "A"): ["lead", "none", "none", "none"]}
    output = measure(context(cells, classes=("coach", "lead", "none"), favourable=None, positive=None))
    assert pick(output, "ll144_impact_ratio", "sex", "m", "lead").value == pytest.approx(0.5)
    assert pick(output, "ll144_impact_ratio", "sex", "f", "none").value == pytest.approx((1 / 4) / (3 / 4))
    assert pick(output, "ll144_impact_ratio", "sex", "m", "coach").value == 0.0


def test_attributes_are_taken_by_exact_name_or_by_option():
    output = measure(context(CELLS, names=("Sex", "ethnicity")))
    assert "ll144_sex" in pick(output, "ll144_categories").reason
    assert set(output.artifacts) == {"ll144_selection_race"}
    named = measure(context(CELLS, names=("Sex", "origin"), options={"ll144_sex": "Sex", "ll144_race": "origin"}))
    assert pick(named, "ll144_selection_rate", "Sex x origin", "m x A").value == 0.5
    assert set(named.artifacts) == {f"ll144_selection_{scope}" for scope in ("sex", "race", "sex_race")}
    neither = measure(context(CELLS, names=("a", "b")))
    assert {item.status for item in neither.measurements} == {"not_applicable"}
    twice = measure(context(CELLS, names=("race", "ethnicity")))
    assert (
        "could each be the race" in [item.reason for item in twice.measurements if item.metric == "ll144_categories"][1]
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ll144_sex": "sx"}, "ll144_sex: 'sx' is no group attribute.*sex"),
        ({"ll144_sex": "race"}, "both name 'race'"),
        ({"ll144_exclude_below": 0.05, "ll144_exclusion_reason": "x"}, "between 0 and 0.02"),
        ({"ll144_exclude_below": 0.02}, "needs ll144_exclusion_reason"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(UsageError, match=message):
        measure(context(CELLS, options=options))


def test_a_missing_score_is_refused():
    cells = {("f", "A"): said(1, 2), ("m", "A"): said(1, 2)}
    with pytest.raises(UsageError, match="no score in 1 of 4 rows"):
        measure(context(cells, scores={("f", "A"): [0.5, None], ("m", "A"): [0.1, 0.2]}))


def test_the_interval_of_the_median_holds_its_level_and_is_the_narrowest_that_does():
    for n in (6, 7, 20, 101):
        found = sample_median(np.arange(1.0, n + 1), 0.95)
        place = int(found.low)
        assert found.high == n + 1 - place
        assert 2 * stats.binom.cdf(place - 1, n, 0.5) <= 0.05 < 2 * stats.binom.cdf(place, n, 0.5)
    assert sample_median(np.array([3.0]), 0.95).low == 3.0


def test_a_table_with_no_such_attribute_says_why_the_audit_did_not_run():
    frame = pd.DataFrame({"hired": ["1", "0"] * 20, "team": ["a", "b", "b", "a"] * 10})
    found = audit(frame, prediction="hired", favourable="1", groups=["team"])
    assert "ll144_race" in found.not_run["ll144"] and "ll144_sex" in found.not_run["ll144"]
    assert "four_fifths" in {result.audit for result in found.results}


# 6 RCNY 5-301, the rule's second example ("culture fit" scores): applicants, scoring rate and impact ratio as printed there, where
# 18 of 28 is cut to 64.2 %.
RULE_EXAMPLE = {
    "sex": {"Male": (50, 92, 54.3, 1.00), "Female": (34, 76, 44.7, 0.82)},
    "race": {
        "Hispanic or Latino": (18, 28, 64.2, 1.00),
        "White": (15, 40, 37.5, 0.58),
        "Black or African American": (16, 32, 50.0, 0.78),
        "Native Hawaiian or Pacific Islander": (5, 8, 62.5, 0.97),
        "Asian": (10, 24, 41.7, 0.65),
    },
}


@pytest.mark.parametrize("scope", RULE_EXAMPLE)
def test_the_example_in_the_rule(scope):
    printed = RULE_EXAMPLE[scope]
    values = np.asarray([name for name, (_, n, _, _) in printed.items() for _ in range(n)], dtype=object)
    hits = np.asarray([place < k for k, n, _, _ in printed.values() for place in range(n)])
    groups = Grouping(scope, values, tuple(printed), tuple(printed), np.ones(values.size, dtype=np.int64))
    table = impact_table("scoring", scope, groups, hits, exclude_below=Fraction(0))
    for item in table.categories:
        _, n, rate, ratio = printed[item.name]
        assert item.n == n
        assert 100 * float(item.rate) == pytest.approx(rate, abs=0.1)
        assert round(float(table.ratio(item)), 2) == ratio
