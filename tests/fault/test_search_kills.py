"""A search that is killed at any moment ends with the trials of one that was not: none lost, none counted twice, the same to the last bit."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from rai_tune.search.store import read_search, search_ids
from rai_tune.search.trial import TRIAL, VALIDATION
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow

SPACE = (
    "search.space={training.learning_rate: {low: 0.001, high: 0.02, log: true}, model.adapter.layer_ranks: {choices: [[2, 0], [0, 4], [1, 1]]},"
    " training.max_grad_norm: {choices: [1.0, 1.0e+30]}}"
)
ASKED = (
    "--trials",
    "5",
    "--sampler",
    "random",
    "--objectives",
    "auc,equalized_odds_difference",
    "--set",
    SPACE,
    "--set",
    "search.prune=false",
)


def started(project, workspace, *more):
    return subprocess.Popen(
        [sys.executable, "-c", "from rai_tune.cli.main import main; main()", "tune", "recipe.yaml", *ASKED, *more],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RAITUNE_WORKSPACE": str(workspace)},
    )


def told(path):
    """What each trial tried and came to, its validation predictions by digest, and how many runs carry the mark of a trial."""
    with Workspace.open(path, create=False) as workspace:
        (search,) = search_ids(workspace)
        found = read_search(workspace, search)
        predictions = {
            trial.number: workspace.read_table(workspace.artifacts(trial.run_id)[VALIDATION].digest)["score"].tolist()
            for trial in found.trials
            if trial.state == "complete"
        }
        openings = [run for run in workspace.runs() if "opening" in workspace.artifacts(run.id)]
        assert openings == []
        marked = workspace.artifacts_by_run({TRIAL})
        trials = [
            (
                trial.number,
                trial.state,
                json.dumps(trial.settings),
                {name: value.estimate for name, value in trial.values.items()},
            )
            for trial in found.trials
        ]
        return trials, predictions, len(marked)


def test_killed_at_random_it_ends_as_one_that_was_not(project, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    process = started(project, whole, "--workers", "2")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    draw = random.Random(20261126)
    resume = ()
    for _ in range(3):
        process = started(project, cut, *resume)
        # Spread over reading, starting the worker, training and telling.
        time.sleep(draw.uniform(4.0, 14.0))
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        if cut.is_dir() and any((cut / "searches").glob("*/search.json")):
            resume = ("--resume",)
    process = started(project, cut, *resume)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    expected, found = told(whole), told(cut)
    assert found == expected
    assert [trial[0] for trial in found[0]] == [0, 1, 2, 3, 4]
    assert found[2] == 5
