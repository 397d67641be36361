"""kill -9 at any moment, then --resume: the same weights as a run that nobody stopped. Ctrl-C keeps state, exit 130."""

import json
import random
import signal
import subprocess
import sys
import time

import pytest

from rai_tune.workspace import Workspace

COMMAND = [sys.executable, "-c", "from rai_tune.cli.main import main; main()"]
FAST = ["--set", "audits.include=[group_rates]", "--set", "training.checkpoint_every=4", "--set", "training.epochs=6"]


def start(project, workspace, *arguments):
    return subprocess.Popen(
        [*COMMAND, "run", *arguments, "--workspace", str(workspace)],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def weights_of(workspace):
    with Workspace.open(workspace) as store:
        run = store.runs()[0]
        assert run.state == "completed", run.error
        files = store.read_json(store.artifacts(run.id)["model"].digest)["files"]
        return files["adapter_model.safetensors"]


def wait_for_line(process, text):
    for line in process.stderr:
        if line.startswith(text):
            return
    pytest.fail(f"the run ended before {text!r}")


@pytest.mark.slow
def test_killed_at_random_then_resumed_gives_the_same_weights(project):
    whole = start(project, project / "whole", "recipe.yaml", *FAST)
    whole.communicate(timeout=300)
    wanted = weights_of(project / "whole")
    draw = random.Random(11)
    process = start(project, project / "cut", "recipe.yaml", *FAST)
    wait_for_line(process, "training:")
    kills = 0
    for _ in range(3):
        time.sleep(draw.uniform(0.05, 1.0))
        if process.poll() is not None:
            break
        process.kill()
        process.wait()
        kills += 1
        with Workspace.open(project / "cut") as store:
            run = store.runs()[0]
        process = start(project, project / "cut", "--resume", run.id)
        wait_for_line(process, "training:" if run.state == "training" else "")
    process.communicate(timeout=300)
    assert kills >= 1
    assert process.returncode in {3, 4}
    assert weights_of(project / "cut") == wanted


@pytest.mark.slow
def test_ctrl_c_keeps_the_run_and_exits_130(project):
    process = start(project, project / "w", "recipe.yaml", *FAST, "--set", "training.epochs=60")
    wait_for_line(process, "training:")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    with Workspace.open(project / "w") as store:
        assert store.runs()[0].state == "interrupted"


@pytest.mark.slow
def test_a_diverged_run_is_kept_and_never_passes(project):
    sets = ["training.learning_rate=1e30", "training.max_grad_norm=1e30", "training.warmup=0"]
    done = start(project, project / "w", "recipe.yaml", *(part for item in sets for part in ("--set", item)))
    _, err = done.communicate(timeout=120)
    assert done.returncode == 1
    assert "diverged" in err
    with Workspace.open(project / "w") as store:
        run = store.runs()[0]
        assert (run.state, run.verdict) == ("diverged", None)
    report = subprocess.run(
        [*COMMAND, "report", run.id, "--json", "--workspace", str(project / "w")],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(report.stdout)["verdict"] != "pass"
    gate = subprocess.run(
        [*COMMAND, "gate", run.id, "--workspace", str(project / "w")],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert gate.returncode == 4


@pytest.mark.slow
def test_resume_refuses_changed_data(project):
    process = start(project, project / "w", "recipe.yaml", *FAST, "--set", "training.epochs=60")
    wait_for_line(process, "training:")
    process.kill()
    process.wait()
    rows = (project / "rows.csv").read_text().splitlines()
    (project / "rows.csv").write_text("\n".join(rows[:-1]) + "\n")
    with Workspace.open(project / "w") as store:
        run = store.runs()[0]
    again = start(project, project / "w", "--resume", run.id)
    _, err = again.communicate(timeout=120)
    assert again.returncode == 6
    assert "data changed" in err
