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


class Started:
    """A run in its own process, its progress in a file."""

    def __init__(self, project, workspace, *arguments):
        self.log = workspace.with_suffix(f".{time.monotonic_ns()}.log")
        with self.log.open("w") as errors:
            self.process = subprocess.Popen(
                [*COMMAND, "run", *arguments, "--workspace", str(workspace)],
                cwd=project,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                # A shell's background job ignores Ctrl-C, and so would the run that is tested here.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
            )

    @property
    def said(self):
        return self.log.read_text()

    def wait_for(self, text):
        while text not in self.said:
            if self.process.poll() is not None:
                pytest.fail(f"the run ended before {text!r}: {self.said}")
            time.sleep(0.02)

    def finish(self):
        return self.process.wait(timeout=300)

    def kill(self):
        self.process.kill()
        self.process.wait()


def only_run(workspace):
    with Workspace.open(workspace) as store:
        return store.runs()[0]


def weights_of(workspace):
    with Workspace.open(workspace) as store:
        run = store.runs()[0]
        assert run.state == "completed", run.error
        return store.read_json(store.artifacts(run.id)["model"].digest)["files"]["adapter_model.safetensors"]


@pytest.mark.slow
def test_killed_at_random_then_resumed_gives_the_same_weights(project):
    Started(project, project / "whole", "recipe.yaml", *FAST).finish()
    wanted = weights_of(project / "whole")
    draw = random.Random(11)
    run = Started(project, project / "cut", "recipe.yaml", *FAST)
    run.wait_for("training:")
    kills = 0
    for _ in range(3):
        time.sleep(draw.uniform(0.05, 0.8))
        if run.process.poll() is not None:
            break
        run.kill()
        kills += 1
        record = only_run(project / "cut")
        run = Started(project, project / "cut", "--resume", record.id)
        if record.state == "completed":
            break  # the kill came after the last write: the resumed command only says the verdict again
        run.wait_for(":")
    assert run.finish() in {3, 4}, run.said
    assert kills >= 1
    assert weights_of(project / "cut") == wanted


@pytest.mark.slow
def test_ctrl_c_keeps_the_run_and_exits_130(project):
    run = Started(project, project / "w", "recipe.yaml", *FAST, "--set", "training.epochs=60")
    run.wait_for("training:")
    time.sleep(0.3)
    run.process.send_signal(signal.SIGINT)
    assert run.finish() == 130
    assert "--resume" in run.said
    assert only_run(project / "w").state == "interrupted"


@pytest.mark.slow
def test_a_diverged_run_is_kept_and_never_passes(project):
    sets = ["training.learning_rate=1e30", "training.max_grad_norm=1e30", "training.warmup=0"]
    run = Started(project, project / "w", "recipe.yaml", *(part for item in sets for part in ("--set", item)))
    assert run.finish() == 1
    assert "diverged" in run.said
    record = only_run(project / "w")
    assert (record.state, record.verdict) == ("diverged", None)

    def command(*arguments):
        return subprocess.run(
            [*COMMAND, *arguments, "--workspace", str(project / "w")],
            cwd=project,
            capture_output=True,
            text=True,
            check=False,
        )

    assert json.loads(command("report", record.id, "--json").stdout)["verdict"] != "pass"
    assert command("gate", record.id).returncode == 4


@pytest.mark.slow
def test_resume_refuses_changed_data(project):
    run = Started(project, project / "w", "recipe.yaml", *FAST, "--set", "training.epochs=60")
    run.wait_for("training:")
    run.kill()
    rows = (project / "rows.csv").read_text().splitlines()
    (project / "rows.csv").write_text("\n".join(rows[:-1]) + "\n")
    again = Started(project, project / "w", "--resume", only_run(project / "w").id)
    assert again.finish() == 6
    assert "data changed" in again.said
