"""A trial of a search that nobody chose is no candidate: nothing decides on it, signs it or goes on with it, in one plain sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from rai_tune.bundling import bundle_run
from rai_tune.candidates import completed_run
from rai_tune.core import UsageError
from rai_tune.detached import cancel
from rai_tune.detached.watching import look
from rai_tune.explaining import explain_row
from rai_tune.gate import load_policy
from rai_tune.pipeline import predict, resume
from rai_tune.promoting import candidate_of
from rai_tune.reaudit import reaudit
from rai_tune.redeciding import redecide
from rai_tune.reporting.controls import headline
from rai_tune.retention import delete_run
from rai_tune.search.choice import _choosable
from rai_tune.search.pareto import front
from rai_tune.search.store import read_search
from rai_tune.stored_run import PARQUET, decide
from rai_tune.workspace import Workspace
from tests.tools import small_run
from tests.tools.searched import complete, made_search

if TYPE_CHECKING:
    from pathlib import Path


def trial(workspace: Workspace, *states: Any) -> str:
    recipe = small_run.whole_recipe("t", "baseline")
    run = workspace.create_run(name="t", recipe=recipe, recipe_digest="d" * 64, policies={})
    small_run.attach(workspace, run.id, "trial", {"search": "made-00000007", "number": 4})
    for state in states:
        workspace.set_state(run.id, state)
    return run.id


def nothing(*_: Any) -> None:
    """Progress that nobody watches."""


@pytest.mark.parametrize(
    "asked",
    [
        lambda run, workspace: resume(run, workspace, nothing),
        lambda run, workspace: decide(run, workspace, (load_policy("baseline"),)),
        lambda run, workspace: candidate_of(workspace, run),
        lambda run, workspace: completed_run(workspace, run),
        lambda run, workspace: reaudit(run, workspace, "fairness", nothing),
        lambda run, workspace: explain_row(run, workspace, "1", nothing),
        lambda run, workspace: bundle_run(workspace, run),
        lambda run, workspace: predict(run, workspace, pd.DataFrame(), "rows.csv", nothing),
    ],
    ids=["resume", "gate", "promote", "sign", "audit", "explain", "bundle", "predict"],
)
def test_nothing_is_done_with_a_trial_that_nobody_chose(tmp_path: Path, asked: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        run = trial(workspace, "preparing", "training", "trained")
        with pytest.raises(
            UsageError, match=r"is trial 4 of search made-00000007 and was not chosen; 'raitune tune made"
        ):
            asked(run, workspace)
        assert workspace.decisions(run) == ()
        assert workspace.openings() == {}
        assert workspace.run(run).state == "trained"


@pytest.mark.parametrize(("state", "early"), [("trained", ""), ("pruned", ", stopped early")])
def test_what_is_said_of_a_trial_instead_of_a_verdict(state: str, early: str) -> None:
    found = headline({"state": state}, ())
    assert found.outcome == "insufficient_evidence"
    assert found.sentence == (
        f"The run is a trial of a search{early}. It was not chosen, so the test rows are unopened and there is no verdict."
    )


def test_a_trial_that_is_trained_waits_for_no_resume_and_one_at_work_is_stopped_with_its_search(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        assert look(workspace, trial(workspace, "preparing", "training", "trained")).status == "over"
        at_work = trial(workspace, "preparing", "training")
        with workspace.claim(at_work), pytest.raises(UsageError, match="stop the search itself"):
            cancel(workspace, at_work)


def test_deciding_all_runs_again_does_not_name_every_trial(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        failed = workspace.create_run(name="plain", recipe={}, recipe_digest="d" * 64, policies={}).id
        for _ in range(3):
            trial(workspace, "preparing", "training", "trained")
        pack = load_policy("baseline")
        found = json.loads(redecide(workspace, pack, pack).model_dump_json(by_alias=True))
        assert [item["run_id"] for item in found["skipped"]] == [failed]
        assert found["looked_at"] == 0


def test_a_trial_is_deleted_as_any_run_and_no_rule_then_chooses_it(tmp_path: Path) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        runs = [trial(workspace, "preparing", "training", "trained") for _ in range(2)]
        table = workspace.put_table(pd.DataFrame({"row_id": [0], "score": [0.5]}))
        workspace.attach(runs[0], "validation", table, PARQUET)
        delete_run(workspace, runs[0], "deleted by hand")
        made_search(workspace, "made-00000007", [complete(runs[0], 0.9, 0.1), complete(runs[1], 0.8, 0.2)])
        found = read_search(workspace, "made-00000007")
        assert [(trial.deleted, trial.measured) for trial in found.trials] == [(True, False), (False, True)]
        assert found.trials[0].error.startswith("its texts and model were deleted on ")
        assert list(_choosable(found)) == [1]
        assert front(found.trials, found.directions) == {1}
        with pytest.raises(UsageError, match="no trial that can be chosen"):
            _choosable(replace(found, trials=found.trials[:1]))
