"""A search as people read it: numbers from the search alone, literal text, 80 columns."""

import io

from rich.console import Console

from rai_tune.reporting.search_view import search_view
from rai_tune.reporting.terminal_search import print_search
from rai_tune.search.pareto import front
from rai_tune.search.result import SearchResult, TrialResult, Value

DIRECTIONS = {"roc_auc": "maximise", "equalized_odds_difference": "minimise", "adapter_parameters": "minimise"}


def trial(number, area, gap, size, **more):
    values = {
        "roc_auc": Value(area, area - 0.03, area + 0.02, 200),
        "equalized_odds_difference": Value(gap, max(0.0, gap - 0.05), gap + 0.08, 200),
        "adapter_parameters": Value(float(size), n=200),
    }
    settings = {"training.learning_rate": 0.00123456, "model.adapter.layer_ranks": (4, 0, 8), "mitigation.method": None}
    return TrialResult(number, "complete", f"run-{number:08x}", settings, values, **more)


def view_of(*trials, chosen=()):
    found = SearchResult(
        "lending-0123abcd",
        "lending <b>",
        "d" * 64,
        "tpe",
        7,
        40,
        DIRECTIONS,
        {},
        ("fair-lending:FL-1",),
        trials,
        chosen,
    )
    return search_view(found.to_json(), front(trials, DIRECTIONS))


def printed(view):
    out = io.StringIO()
    print_search(view, Console(file=out, width=80, highlight=False))
    return out.getvalue()


def test_the_chosen_first_then_the_front_then_the_others():
    view = view_of(trial(0, 0.80, 0.30, 9), trial(1, 0.79, 0.10, 9), trial(2, 0.70, 0.40, 9), chosen=("run-00000001",))
    assert [(row.number, row.mark) for row in view.rows] == [(1, "chosen"), (0, "front"), (2, "")]
    assert [head.best for head in view.objectives] == ["0.800", "10.0 pp", "9"]
    assert view.rows[0].values[1].text == "10.0 pp"
    assert view.rows[0].values[1].interval == "5.0 to 18.0 pp"
    assert view.rows[0].settings == (
        ("learning_rate", "0.00123"),
        ("adapter.layer_ranks", "[4, 0, 8]"),
        ("mitigation", "none"),
    )
    assert "Of 3 measured trials, 2 are beaten by none" in view.sentence


def test_what_went_wrong_is_said():
    lost = TrialResult(1, "diverged", "run-00000001", {}, {}, error="training diverged: the loss became nan at step 3")
    missed = trial(2, 0.9, 0.01, 1, constraints={"fair-lending:FL-1": 0.04})
    undefined = TrialResult(
        3,
        "complete",
        "run-00000003",
        {},
        {**trial(3, 0.8, 0.1, 9).values, "roc_auc": Value(None, status="not_estimable", reason="one class only")},
    )
    view = view_of(trial(0, 0.80, 0.30, 9), lost, missed, undefined)
    text = printed(view)
    assert "4 of 40 trials: 3 complete, 1 diverged" in text
    assert "the loss became nan at step 3" in text
    assert "Steered by fair-lending:FL-1 (missed by 1 of 3 trials)" in text
    assert "trial 3, complete: ROC AUC is not estimable: one class only" in " ".join(text.split())
    assert [row.mark for row in view.rows if row.number in {2, 3}] == ["", ""]


def test_it_fits_80_columns_and_text_stays_text():
    text = printed(view_of(*(trial(place, 0.7 + place / 100, 0.1 + place / 100, 10_000_000) for place in range(25))))
    assert max(map(len, text.splitlines())) <= 80
    assert "lending <b>" in text
    assert "5 more trials" in text
    assert "better to the upper right" in text


def test_a_search_that_has_just_begun():
    text = printed(view_of())
    assert "0 of 40 trials: none yet" in text
    assert "No trial has a number for every objective yet." in text
