"""Choosing from a real search: the chosen run, and no other, opens the test rows, and its evidence says what the choice flattered."""

from __future__ import annotations

import pytest

import small_run
from rai_tune import pipeline
from rai_tune.bundling import bundle_run
from rai_tune.core import UsageError
from rai_tune.promoting import sign_run
from rai_tune.promotion.deciding_again import verify_bundle
from rai_tune.promotion.ledger import Ledger
from rai_tune.recipe import load_recipe
from rai_tune.reporting.stored import report_inputs, stored_results
from rai_tune.search import choice
from rai_tune.search.choice import choose
from rai_tune.search.store import begin, read_search
from rai_tune.search.trial import TrialJob, run_trial
from rai_tune.workspace import Workspace
from searched import complete, made_search

pytestmark = pytest.mark.slow

SETTINGS = ({"training.learning_rate": 0.01}, {"training.learning_rate": 0.0001})
RULE = "best auc"


def quiet(*_told):
    return None


@pytest.fixture
def searched(project):
    """Two real trials of a small recipe, told to the study of a search."""
    import optuna

    from rai_tune.search.store import OUTCOME, open_study

    audits = "audits: {include: [task_quality, group_rates]}\n"
    text = (project / "recipe.yaml").read_text().replace("audits: {explain: {documents: 6}}\n", audits)
    (project / "recipe.yaml").write_text(text)
    loaded = load_recipe(project / "recipe.yaml")
    with Workspace.open(project / "w") as workspace:
        from rai_tune.search.space import Space

        record = begin(
            workspace, loaded, Space(()), objectives=("roc_auc", "equalized_odds_difference"), constraints=(),
            sampler="random", prune=False, trials=2,
        )  # fmt: skip
        study = open_study(workspace, record)
        for number, settings in enumerate(SETTINGS):
            outcome = run_trial(TrialJob(str(workspace.root), record.id, number, settings))
            assert outcome.state == "complete", outcome.error
            values = [outcome.values[name]["estimate"] for name in record.objectives]
            told = {"settings": settings, OUTCOME: outcome.to_json()}
            study.add_trial(optuna.trial.create_trial(values=values, user_attrs=told))
        yield workspace, record.id


def test_the_chosen_one_goes_on_to_a_verdict_and_the_others_stay_closed(searched, monkeypatch):
    workspace, search = searched
    trials = read_search(workspace, search).trials
    with pytest.raises(UsageError, match="was not chosen"):
        pipeline.resume(trials[0].run_id, workspace, quiet)
    with pytest.raises(UsageError, match="leaves none"):
        choose(workspace, search, "auc at least 1, best auc", quiet)
    assert all("predictions" not in workspace.artifacts(trial.run_id) for trial in trials)

    # A kill between the choice and the test rows: going on as with any run ends with the same audit.
    class Killed(Exception):
        pass

    def killed(*_given, choose):
        choose()
        raise Killed

    monkeypatch.setattr(choice, "resume", killed)
    with pytest.raises(Killed):
        choose(workspace, search, RULE, quiet)
    monkeypatch.undo()
    best, other = sorted(trials, key=lambda trial: -trial.values["roc_auc"].low)
    outcome = pipeline.resume(best.run_id, workspace, quiet)
    assert workspace.run(best.run_id).state == "completed" and workspace.run(other.run_id).state == "trained"

    found = {(item.metric, item.label): item for result in stored_results(workspace, best.run_id)
             if result.audit == "selection" for item in result.measurements}  # fmt: skip
    # What the audit measures on validation rows is what the search measured there.
    assert found["chosen_on_validation", "roc_auc"].estimate == pytest.approx(best.values["roc_auc"].estimate)
    assert found["winners_curse", "roc_auc"].estimate == pytest.approx(
        best.values["roc_auc"].estimate - found["chosen_on_test", "roc_auc"].estimate
    )
    inputs = report_inputs(workspace, best.run_id)
    assert inputs.selection["rule"] == RULE and inputs.selection["kept"][0] == best.number
    assert set(inputs.selection["expected"]) == {"roc_auc", "equalized_odds_difference"}

    again = choose(workspace, search, RULE, quiet)
    assert again.again and again.outcome.outcome == outcome.outcome
    assert report_inputs(workspace, best.run_id).selection == inputs.selection

    # Evidence of the choice goes into the bundle, and whoever checks it decides alike.
    sign_run(workspace, best.run_id, small_run.person(workspace, "Ada", "author"), "author")
    report = verify_bundle(bundle_run(workspace, best.run_id), Ledger(workspace).head().root)
    assert [check for check in report.checks if check.ok is False] == []
    assert report.run == best.run_id

    # Another one later opens the test rows again, and both say so.
    later = choose(workspace, search, f"auc at most {best.values['roc_auc'].estimate - 1e-9}, best auc", quiet)
    assert later.trial.number == other.number and not later.again
    assert workspace.open_test_rows(other.run_id, workspace.run(other.run_id).test_digest) == 2
    assert read_search(workspace, search).chosen == tuple(sorted((best.run_id, other.run_id)))
    assert report_inputs(workspace, other.run_id).selection["search"]["chosen"] == [best.run_id]


def test_what_cannot_be_chosen_from_is_said(tmp_path):
    with Workspace.open(tmp_path / "w") as workspace:
        made_search(workspace, "made-00000001", [None])
        with pytest.raises(UsageError, match="no trial that can be chosen"):
            choose(workspace, "made-00000001", RULE, quiet)
        with pytest.raises(UsageError, match="Did you mean 'made-00000001'"):
            choose(workspace, "made-00000002", RULE, quiet)
        made_search(workspace, "made-00000003", [complete(None, 0.7, 0.1)])
        with pytest.raises(UsageError, match="no 'latency'"):
            choose(workspace, "made-00000003", "smallest latency", quiet)
