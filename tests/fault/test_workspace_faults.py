"""Killed processes and full disks: the workspace holds the old state or the new one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rai_tune.core.errors import StorageError
from rai_tune.workspace import Workspace, atomic_write

WORKER = Path(__file__).resolve().parent.parent / "workspace" / "workspace_worker.py"
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("RAITUNE_WORKSPACE", "RAITUNE_DATABASE_URL", "RAITUNE_ARTIFACTS_URL"):
        monkeypatch.delenv(name, raising=False)


def _worker(*arguments):
    return subprocess.Popen([sys.executable, str(WORKER), *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def _kill_writer(root, run_id, seconds):
    """Kill -9 the writer so long after its first success; returns the last step that it said was saved."""
    worker = _worker("write_forever", root, run_id)
    first = worker.stdout.readline()
    time.sleep(seconds)
    worker.kill()
    said = [int(line) for line in (first + worker.communicate()[0]).splitlines(keepends=True) if line.endswith("\n")]
    assert worker.returncode == -signal.SIGKILL
    return said[-1]


def _check(root, run_id, saved):
    with sqlite3.connect(root / "raitune.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    connection.close()
    with Workspace.open(root) as workspace:
        points = workspace.metrics(run_id)
        assert points[-1].step in {saved, saved + 1}
        assert [point.step for point in points] == list(range(1, points[-1].step + 1))
        assert all(point.values == {"a": point.step, "b": -point.step, "c": float("inf")} for point in points)
        latest = workspace.read_bytes(workspace.artifacts(run_id)["latest"].digest)
        assert int.from_bytes(latest[-8:], "big") in {saved, saved + 1}
        assert not workspace.is_alive(run_id)
    state = (root / "state.bin").read_bytes()
    step = int.from_bytes(state[:8], "big")
    assert step in {saved, saved + 1}
    assert state == step.to_bytes(8, "big") * 50_000


def _kill_again_and_again(root, times, seed):
    drawn = random.Random(seed)
    with Workspace.open(root) as workspace:
        run = workspace.create_run(name="victim", recipe={}, recipe_digest="0" * 64, policies={})
    for _ in range(times):
        _check(root, run.id, _kill_writer(root, run.id, drawn.uniform(0.0, 0.25)))


def test_a_killed_writer_leaves_every_saved_step_and_no_half_one(tmp_path):
    _kill_again_and_again(tmp_path, times=2, seed=1)


@pytest.mark.slow
def test_a_writer_killed_forty_times(tmp_path):
    _kill_again_and_again(tmp_path, times=40, seed=2)


@pytest.mark.parametrize("statement", [1, 9])
def test_a_process_killed_inside_the_first_migration_leaves_a_workspace_that_opens(tmp_path, statement):
    worker = _worker("die_in_migration", tmp_path, statement)
    worker.communicate(timeout=60)
    assert worker.returncode == -signal.SIGKILL
    with sqlite3.connect(tmp_path / "raitune.db") as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
    with Workspace.open(tmp_path) as workspace:
        run = workspace.create_run(name="x", recipe={}, recipe_digest="0" * 64, policies={})
        assert workspace.runs() == (run,)


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 2 MB."""
    mount = shutil.which("mount")
    if not sys.platform.startswith("linux") or mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root on Linux")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_keeps_what_was_there_and_says_so(small_disk):
    with Workspace.open(small_disk) as workspace:
        run = workspace.create_run(name="x", recipe={}, recipe_digest="0" * 64, policies={})
        workspace.add_metrics(run.id, 1, 0.1, {"loss": 1.0})
        kept = workspace.put_bytes(b"kept")
        workspace.attach(run.id, "kept", kept, "text/plain")
        atomic_write(small_disk / "state", b"old")
        with pytest.raises(StorageError, match="No space left"):
            workspace.put_bytes(os.urandom(4_000_000))
        with pytest.raises(StorageError, match="No space left") as refused:
            atomic_write(small_disk / "state", bytes(4_000_000))
        assert refused.value.exit_code == 1
        # Both gave their space back; now fill the disk for good.
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as handle:
            while True:
                handle.write(bytes(4096))
        with pytest.raises(StorageError, match=r"cannot write .*raitune\.db") as refused:
            for step in range(2, 500):
                workspace.add_metrics(run.id, step, 0.1, {f"name {i}": 1.0 for i in range(50)})
        assert refused.value.exit_code == 1
        reached = workspace.metrics(run.id)[-1].step
        filler.unlink()
        workspace.add_metrics(run.id, 1000, 0.1, {"loss": 0.5})
        assert [point.step for point in workspace.metrics(run.id)] == [*range(1, reached + 1), 1000]
        assert workspace.read_bytes(kept) == b"kept"
        assert workspace.run(run.id) == run
    assert (small_disk / "state").read_bytes() == b"old"
    assert not list(small_disk.rglob("*.tmp"))


def test_a_disk_that_is_full_before_the_workspace_exists(small_disk):
    with (small_disk / "filler").open("wb", buffering=0) as handle, pytest.raises(OSError, match="No space left"):
        while True:
            handle.write(bytes(4096))
    with pytest.raises(StorageError, match="cannot write") as refused:
        Workspace.open(small_disk / "ws")
    assert refused.value.exit_code == 1
    (small_disk / "filler").unlink()
    assert Workspace.open(small_disk / "ws").runs() == ()


def test_a_file_size_limit_is_met_like_a_full_disk(tmp_path):
    pytest.importorskip("resource")
    worker = _worker("big_artifact", tmp_path, 1_000_000)
    said, _ = worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert said.startswith("StorageError cannot write ")
    assert "File too large" in said
    assert not [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
