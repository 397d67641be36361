"""``raitune tune`` as a person types it: what is refused in a sentence, what is recorded while the search goes on, and what lists leave out."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from rai_tune.search.store import newest_named, read_search
from rai_tune.workspace import Workspace

SMALL = "search.space={training.learning_rate: {low: 0.001, high: 0.02, log: true}}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("recipe.yaml", "--objectives", "auc,kindness"), "objective 'kindness' is measured by nobody"),
        (
            ("recipe.yaml", "--set", "search.space={training.epochs: {choices: [2]}}"),
            "search.space.training.epochs",
        ),
        (
            ("recipe.yaml", "--set", "search.space={training.epochs: {low: 2, high: 2, whole: true}}"),
            "a range from 2 to 2 holds no two values",
        ),
        (("recipe.yml", "--trials", "3"), "there is no such recipe file"),
        (("rows.csv", "--trials", "3"), "add --zero-config"),
        (("recipe.yaml", "--sampler", "tpo"), "Did you mean 'tpe'?"),
        (("--choose", "smallest gap"), "name the recipe to search or the id of a search first"),
        (("--resume",), "name the recipe to search or the id of a search first"),
        (
            ("recipe.yaml", "--set", "audits.min_group_rows=100000"),
            "objective equalized_odds_difference cannot be measured on the validation rows",
        ),
        (("recipe.yaml", "--choose", "smallest gap"), "--choose goes with the id of a search alone"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(project, call, arguments, said):
    code, out, err = call("tune", *arguments)
    assert (code, out) == (2, ""), err
    assert said in " ".join(err.split())
    assert not (project / ".raitune" / "searches").exists()


@pytest.mark.slow
def test_groups_that_vanish_in_a_fold_are_said(project, call):
    rows = [line.split(",") for line in (project / "rows.csv").read_text().splitlines()]
    head, body = rows[0], rows[1:]
    race = head.index("race")
    # Everybody in the training rows is white; the other rows hold both.
    folds = ["test" if place % 4 == 0 else "validation" if place % 4 == 1 else "train" for place in range(len(body))]
    for row, fold in zip(body, folds, strict=True):
        row[race] = "white" if fold == "train" else row[race]
    lines = [[*head, "fold"], *([*row, fold] for row, fold in zip(body, folds, strict=True))]
    (project / "rows.csv").write_text("\n".join(map(",".join, lines)) + "\n")
    code, _, err = call(
        "tune", "recipe.yaml", "--trials", "2", "--set", "data.split.column=fold", "--set", "data.groups=[{column: race}]",
        "--set", "search.space={mitigation.method: {choices: [reweigh, group_dro]}}",
    )  # fmt: skip
    assert code == 2, err
    assert "white" in err.splitlines()[-1]


@pytest.mark.slow
def test_a_trial_that_diverges_is_recorded_and_the_search_goes_on(project, call):
    wild = "search.space={training.learning_rate: {choices: [0.01, 1.0e+30]}, training.epochs: {choices: [1, 2]}}"
    code, out, err = call(
        "tune", "recipe.yaml", "--trials", "6", "--sampler", "random", "--json", "--set", wild, "--set",
        "training.max_grad_norm=1.0e+30", "--set", "training.warmup=0",
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    by_rate = {trial["settings"]["training.learning_rate"]: set() for trial in told["trials"]}
    for trial in told["trials"]:
        by_rate[trial["settings"]["training.learning_rate"]].add(trial["state"])
    assert by_rate == {0.01: {"complete"}, 1e30: {"diverged"}}
    assert "training diverged" in next(trial["error"] for trial in told["trials"] if trial["state"] == "diverged")

    # Its runs are counted and not listed, unless asked for.
    listed = json.loads(call("runs", "--json")[1])
    every = json.loads(call("runs", "--trials", "--json")[1])["runs"]
    assert (listed["runs"], listed["trials_left_out"]) == ([], len(every))
    assert {run["state"] for run in every} == {"trained", "diverged"}

    # Another recipe, and other rows, are not added to it; by its id it goes on with its own.
    code, _, err = call("tune", "recipe.yaml", "--resume", "--set", wild)
    assert code == 2
    assert "was begun with other settings: training.max_grad_norm, training.warmup;" in " ".join(err.split())
    code, out, err = call("tune", told["id"], "--resume", "--trials", "7", "--json")
    assert code == 0, err
    assert [trial["number"] for trial in json.loads(out)["trials"]] == list(range(7))
    code, _, err = call("tune", told["id"], "--resume", "--trials", "2")
    assert code == 2
    assert "7 were begun; name at least that many" in " ".join(err.split())
    rows = (project / "rows.csv").read_text().splitlines()
    (project / "rows.csv").write_text("\n".join(rows[:-1]) + "\n")
    code, _, err = call("tune", told["id"], "--resume", "--trials", "8")
    assert code == 2
    assert "was begun with other settings: its data" in " ".join(err.split())


class Started:
    """A search in its own process."""

    def __init__(self, project, *more):
        command = ["tune", "recipe.yaml", "--set", SMALL, "--set", "training.checkpoint_every=4", *more]
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from rai_tune.cli.main import main; main()", *command],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "RAITUNE_WORKSPACE": str(project / "w")},
            start_new_session=True,
            # A shell's background job ignores Ctrl-C, and so would the search that is tested here.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )
        self.project = project

    def training(self):
        """Wait for a trial to have a checkpoint; the process that works on it, and the run."""
        while self.process.poll() is None:
            if (self.project / "w" / "raitune.db").exists():
                with Workspace.open(self.project / "w", create=False) as store:
                    for run in store.runs():
                        if run.state == "training" and store.checkpoints(run.id) and store.is_alive(run.id):
                            return run.pid, run.id
            time.sleep(0.05)
        pytest.fail(f"the search ended first: {self.process.communicate()[1]}")


@pytest.mark.slow
def test_a_trial_whose_process_is_killed_goes_on_in_another(project):
    search = Started(project, "--trials", "1", "--set", "training.epochs=20")
    pid, run_id = search.training()
    os.kill(pid, signal.SIGKILL)
    _, said = search.process.communicate(timeout=300)
    assert search.process.returncode == 0, said
    with Workspace.open(project / "w", create=False) as store:
        (trial,) = read_search(store, newest_named(store, "small").id).trials
        assert (trial.state, trial.run_id) == ("complete", run_id)
        training = store.read_json(store.artifacts(run_id)["training"].digest)
        assert training["resumed_from"] >= 4
        assert not (store.run_dir(run_id) / "checkpoints").exists()


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_leaves_no_process_behind(project):
    search = Started(project, "--trials", "3", "--set", "training.epochs=200")
    pid, _ = search.training()
    os.killpg(search.process.pid, signal.SIGINT)
    _, said = search.process.communicate(timeout=60)
    assert search.process.returncode == 130
    with Workspace.open(project / "w", create=False) as store:
        assert f"'raitune tune {newest_named(store, 'small').id} --resume' goes on" in said
    assert "Traceback" not in said
    assert "raitune run --resume" not in said
    assert not psutil.pid_exists(pid)


@pytest.mark.slow
def test_no_trial_outlives_a_killed_search(project):
    search = Started(project, "--trials", "3", "--set", "training.epochs=200")
    pid, run_id = search.training()
    search.process.kill()
    search.process.communicate(timeout=60)
    until = time.monotonic() + 20
    with Workspace.open(project / "w", create=False) as store:
        while store.is_alive(run_id):
            assert time.monotonic() < until, f"process {pid} still works on a trial that nobody counts"
            time.sleep(0.1)
