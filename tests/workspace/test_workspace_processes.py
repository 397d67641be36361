"""Several processes in one workspace: all may write, one works on a run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rai_tune.core import ConflictError
from rai_tune.workspace import Workspace
from rai_tune.workspace.locks import hold, is_held

WORKER = Path(__file__).with_name("workspace_worker.py")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("RAITUNE_WORKSPACE", "RAITUNE_DATABASE_URL", "RAITUNE_ARTIFACTS_URL"):
        monkeypatch.delenv(name, raising=False)


def _start(*arguments):
    return subprocess.Popen(
        [sys.executable, str(WORKER), *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _run(workspace):
    return workspace.create_run(name="demo", recipe={}, recipe_digest="0" * 64, policies={})


def test_two_processes_open_a_fresh_workspace_at_once_and_create_twenty_runs_each(tmp_path):
    root = tmp_path / "ws"
    workers = [_start("create", root, 20) for _ in range(2)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    created = [worker.communicate(timeout=60)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0]
    with Workspace.open(root) as workspace:
        runs = workspace.runs()
        assert sorted(run.id for run in runs) == sorted(created[0] + created[1])
        assert len({run.id for run in runs}) == 40
        assert {run.state for run in runs} == {"preparing"}
        for run in runs:
            assert workspace.metrics(run.id)[0].values == {"loss": run.recipe["n"]}
            assert workspace.read_bytes(workspace.artifacts(run.id)["shared"].digest) == b"the same bytes everywhere"


def test_a_run_is_claimed_by_one_process_and_free_again_when_that_is_killed(tmp_path):
    workspace = Workspace.open(tmp_path)
    run = _run(workspace)
    assert not workspace.is_alive(run.id)
    worker = _start("claim", tmp_path, run.id)
    try:
        assert worker.stdout.readline() == "claimed\n"
        assert workspace.is_alive(run.id)
        assert workspace.run(run.id).pid == worker.pid
        holder = f"run {run.id} is in use by process {worker.pid} on "
        with pytest.raises(ConflictError, match=holder) as refused, workspace.claim(run.id):
            pytest.fail("two processes hold one run")
        assert refused.value.exit_code == 7
    finally:
        worker.kill()
        worker.communicate()
    assert not workspace.is_alive(run.id)
    with workspace.claim(run.id):
        assert workspace.run(run.id).pid == os.getpid()
        assert workspace.is_alive(run.id)
    assert not workspace.is_alive(run.id)


def test_a_claim_ends_with_an_error_in_the_block_and_other_runs_stay_free(tmp_path):
    workspace = Workspace.open(tmp_path)
    run, other = _run(workspace), _run(workspace)
    with pytest.raises(ZeroDivisionError), workspace.claim(run.id):
        assert not workspace.is_alive(other.id)
        with workspace.claim(other.id):
            pass
        raise ZeroDivisionError
    assert not workspace.is_alive(run.id)


def test_asking_whether_a_run_is_alive_never_makes_a_claim_fail(tmp_path):
    path = tmp_path / "lock"
    path.touch()
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            is_held(path)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(100):
            with hold(path, "it"):
                pass
    finally:
        stop.set()
        asker.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_neither_keeps_a_claim_nor_shares_a_connection(tmp_path):
    workspace = Workspace.open(tmp_path)
    run = _run(workspace)
    read, write = os.pipe()
    with workspace.claim(run.id):
        child = os.fork()
        if child == 0:
            try:
                os.close(write)
                workspace.add_metrics(run.id, 1, 0.1, {"from_child": 1.0})
                os.read(read, 1)  # lives on until the parent has let go
            finally:
                os._exit(0)
        os.close(read)
    try:
        assert not workspace.is_alive(run.id)
        workspace.add_metrics(run.id, 2, 0.2, {"from_parent": 2.0})
    finally:
        os.close(write)
        os.waitpid(child, 0)
    assert [point.step for point in workspace.metrics(run.id)] == [1, 2]


def test_threads_share_a_workspace(tmp_path):
    workspace = Workspace.open(tmp_path)
    run = _run(workspace)

    def log(first):
        for step in range(first, first + 20):
            workspace.add_metrics(run.id, step, 0.0, {"x": step})

    threads = [threading.Thread(target=log, args=(first,)) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(workspace.metrics(run.id)) == 60
