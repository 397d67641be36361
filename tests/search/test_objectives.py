"""Objectives are what the audits measure on validation rows, and constraints what the gate would read there."""

import numpy as np
import pandas as pd
import pytest

from rai_audits.quality.chosen import Wanted
from rai_tune.core import TaskInfo, UsageError
from rai_tune.planning import plan
from rai_tune.recipe import load_recipe
from rai_tune.search.constraints import constraints_of, judged_by, missed
from rai_tune.search.measurable import made_up, unmeasurable
from rai_tune.search.objectives import (
    Objective,
    ValidationView,
    known_objectives,
    load_objective,
    load_objectives,
    measure,
)
from rai_tune.search.points import FAST, Points
from rai_tune.search.result import TrialResult, acceptable

FAIRLEARN = {
    # The example of Fairlearn's user guide: demographic parity difference 0.25, equalized odds difference 1.
    "label": [0, 1, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1],
    "prediction": [0, 0, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0, 1, 1, 0],
    "group": "bbabbcccaacabccbcc",
}


def view(project, *, rows=None, groups=("a", "b", "c"), policies="[baseline]", training=None, least=1):
    recipe = load_recipe(project / "recipe.yaml", [f"audits.min_group_rows={least}", f"policies={policies}"])
    given = rows if rows is not None else table(FAIRLEARN["label"], FAIRLEARN["prediction"], list(FAIRLEARN["group"]))
    task = TaskInfo(("approved", "denied"), "denied", "denied", 0.5, {"race": groups})
    return recipe, ValidationView(given, task, training or {}, recipe.recipe)


def table(labels, predictions, groups, scores=None):
    words = np.asarray(["approved", "denied"])
    scores = np.asarray(predictions, dtype=float) if scores is None else np.asarray(scores)
    return pd.DataFrame(
        {
            "row_id": [str(place) for place in range(len(labels))],
            "split": "validation",
            "label": words[labels],
            "prediction": words[predictions],
            "score": scores,
            "score:approved": 1 - scores,
            "score:denied": scores,
            "group:race": groups,
        }
    )


def test_the_gaps_of_fairlearns_example(project):
    _, given = view(project)
    found = measure(load_objectives(["demographic_parity_difference", "equalized_odds_difference", "accuracy"]), given)
    assert found["demographic_parity_difference"].estimate == pytest.approx(0.25)
    assert found["equalized_odds_difference"].estimate == pytest.approx(1.0)
    right = np.mean(np.asarray(FAIRLEARN["label"]) == np.asarray(FAIRLEARN["prediction"]))
    assert found["accuracy"].estimate == pytest.approx(right)
    assert found["accuracy"].low < right < found["accuracy"].high


def test_costs_come_from_the_training(project):
    _, given = view(project, training={"parameters": {"trained": 1234, "total": 9999}, "cpu_s": 2.5})
    found = measure(load_objectives(["parameters", "cpu_seconds"]), given)
    assert found["adapter_parameters"].estimate == 1234.0
    assert found["adapter_parameters"].low is None
    assert found["cpu_seconds"].estimate == 2.5
    _, without = view(project)
    assert (
        measure(load_objectives(["cpu_seconds"]), without)["cpu_seconds"].reason == "the training left no cpu_seconds"
    )


def test_a_group_that_vanished_is_no_number(project):
    _, given = view(project, groups=("a", "b", "c", "d"), least=10)
    found = measure(load_objectives(["equalized_odds_difference", "impact_ratio"]), given)
    assert {value.status for value in found.values()} == {"not_estimable"}
    assert all(value.reason for value in found.values())


def test_short_names_and_near_ones():
    assert load_objective("auc").name == "roc_auc"
    with pytest.raises(UsageError, match=r"measured by nobody\. Did you mean 'accuracy'"):
        load_objective("acuracy")
    with pytest.raises(UsageError, match="measured by nobody"):
        load_objective("latency")
    with pytest.raises(UsageError, match="named twice"):
        load_objectives(["auc", "roc_auc"])
    with pytest.raises(UsageError, match="compares groups, and the recipe declares none"):
        load_objectives(["equalized_odds_difference"], TaskInfo(("no", "yes"), "yes", None, 0.5, {}))


def test_all_of_them_can_be_measured(project):
    training = {"parameters": {"trained": 10}, "cpu_s": 1.0}
    _, given = view(project, training=training)
    found = measure(known_objectives(), given)
    undefined = {name: value.reason for name, value in found.items() if value.status != "ok"}
    assert undefined == {}


def biased(low, rows=400):
    """Of group a 60 % get the favourable outcome, of b ``low``."""
    labels = [place % 2 for place in range(2 * rows)]
    a = [int(place < 0.6 * rows) for place in range(rows)]
    b = [int(place < low * rows) for place in range(rows)]
    return table(labels, a + b, ["a"] * rows + ["b"] * rows)


def test_controls_steer_by_how_far_they_are_missed(project):
    by = []
    for low in (0.2, 0.4, 0.6):
        recipe, given = view(project, rows=biased(low), groups=("a", "b"), policies="[eeoc-four-fifths]")
        planned = plan(recipe)
        found = constraints_of(planned)
        assert found, "the pack has a control on rates of groups"
        ratio = next(item for item in found if item.check.metric == "impact_ratio")
        by.append(missed(found, given)[ratio.name])
    # At rates of 0.2, 0.4 and 0.6 against 0.6 the worst ratio is 1/3, 2/3 and 1; the threshold is four fifths.
    assert by[0] > by[1] > 0 >= by[2]
    assert by[0] > 0.8 - 1 / 3


def test_what_these_rows_cannot_judge_is_not_met(project):
    """Nobody is approved, so there is no ratio of rates."""
    labels = [place % 2 for place in range(400)]
    recipe, given = view(
        project, rows=table(labels, [0] * 400, ["a", "b"] * 200), groups=("a", "b"), policies="[eeoc-four-fifths]"
    )
    found = constraints_of(plan(recipe))
    ratio = next(item for item in found if item.check.metric == "impact_ratio")
    told = missed(found, given)
    assert told[ratio.name] is None
    assert not TrialResult(0, "complete", None, {}, constraints=told).feasible


def test_controls_that_these_rows_cannot_judge_are_known_beforehand(project):
    """Of b there are too few rows for a ratio, whatever is decided."""
    for least, judged in ((1, True), (100_000, False)):
        recipe = load_recipe(project / "recipe.yaml", [f"audits.min_group_rows={least}", "policies=[eeoc-four-fifths]"])
        planned = plan(recipe)
        ratio = next(item for item in constraints_of(planned) if item.check.metric == "impact_ratio")
        assert (ratio.name in judged_by(planned, made_up(planned))) is judged
        told = unmeasurable(load_objectives(["roc_auc", "equalized_odds_difference", "cpu_seconds"]), planned)
        assert list(told) == ([] if judged else ["equalized_odds_difference"])


def test_what_only_a_model_without_errors_leaves_open_is_no_obstacle(project):
    """Error rates of a perfect model are 0 everywhere, and their ratio has no number."""
    planned = plan(load_recipe(project / "recipe.yaml"))
    right, wrong = made_up(planned)
    assert (right.predictions["prediction"] == right.predictions["label"]).all()
    missed_rows = wrong.predictions["prediction"] != wrong.predictions["label"]
    assert 0.15 < missed_rows.mean() < 0.34
    ratio = Objective(
        "odds_ratio",
        "maximise",
        "share",
        "",
        wanted=Wanted("group_rates", "equalized_odds_ratio", "maximise", "attributes"),
    )
    assert measure([ratio], right)["odds_ratio"].status != "ok"
    assert measure([ratio], wrong)["odds_ratio"].status == "ok"
    assert unmeasurable([ratio], planned) == {}


def test_a_trial_that_cannot_be_judged_is_not_acceptable():
    amounts = ({"p:a": 0.1}, {"p:a": 0.0}, {"p:a": None}, {"p:a": -0.1, "p:b": None}, {})
    trials = [TrialResult(place, "complete", None, {}, constraints=given) for place, given in enumerate(amounts)]
    assert [trial.number for trial in acceptable(trials)] == [1, 4]
    assert acceptable(trials[2:4]) == ()


def test_points_are_the_numbers_of_the_audits(project):
    generator = np.random.default_rng(12)
    score = np.round(generator.random(300), 2)
    labels = (generator.random(300) < score).astype(int)
    given = table(labels, (score >= 0.4).astype(int), generator.choice(["a", "b", "c"], 300), score)
    for weighted in (given, given.assign(weight=generator.uniform(0.5, 2.0, 300))):
        _, seen = view(project, rows=weighted)
        found = measure(load_objectives(sorted(FAST)), seen)
        points, rows = Points.of(weighted, seen.task), np.arange(300)
        for name in FAST:
            assert points.value(name, rows) == pytest.approx(found[name].estimate), name


def test_points_of_rows_that_cannot_be_measured():
    task = TaskInfo(("approved", "denied"), "denied", "approved", 0.5, {"race": ("a", "b")})
    points = Points.of(table([1, 1, 0], [1, 0, 0], ["a", "b", "unknown"]), task)
    every = np.arange(3)
    assert points.value("roc_auc", np.asarray([0, 1])) is None
    assert points.value("equalized_odds_difference", every) is None
    assert points.value("demographic_parity_difference", every) == 1.0
    assert points.value("macro_f1", every) is None
