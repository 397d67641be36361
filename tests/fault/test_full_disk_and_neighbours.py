"""A disk that fills up in the middle of a run, and two runs at once in one workspace."""

import os
import subprocess
import sys

import pytest

from rai_tune.workspace import Workspace

COMMAND = [sys.executable, "-c", "from rai_tune.cli.main import main; main()"]
QUICK = ["--set", "audits.include=[group_rates]", "--set", "training.epochs=1"]


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 3 MB, which needs root."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.slow
def test_full_disk_is_a_sentence_and_the_old_state_stays(project, small_disk):
    first = subprocess.run(
        [*COMMAND, "run", "recipe.yaml", *QUICK, "--workspace", str(small_disk)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert first.returncode in {3, 4}, first.stderr
    with Workspace.open(small_disk) as store:
        finished = store.runs()[0]
    free = os.statvfs(small_disk)
    (small_disk / "ballast").write_bytes(b"\0" * max(free.f_bavail * free.f_frsize - 150_000, 0))
    second = subprocess.run(
        [*COMMAND, "run", "recipe.yaml", *QUICK, "--set", "seed=2", "--workspace", str(small_disk)],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1, second.stderr
    assert "disk" in second.stderr
    assert "Traceback" not in second.stderr
    (small_disk / "ballast").unlink()
    with Workspace.open(small_disk) as store:
        kept = store.run(finished.id)
        assert (kept.state, kept.verdict) == ("completed", finished.verdict)
        for ref in store.artifacts(kept.id).values():
            store.read_bytes(ref.digest)


@pytest.mark.slow
def test_two_runs_at_once_in_one_workspace(project):
    running = [
        subprocess.Popen(
            [*COMMAND, "run", "recipe.yaml", *QUICK, "--set", f"seed={seed}", "--workspace", "shared"],
            cwd=project,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in (1, 2)
    ]
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode in {3, 4} for process in running] == [True, True], errors
    with Workspace.open(project / "shared") as store:
        runs = store.runs()
    assert {run.state for run in runs} == {"completed"}
    assert len({run.model_digest for run in runs}) == 2
