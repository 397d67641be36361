"""Another process in a workspace: ``python workspace_worker.py ROLE ROOT [ARGUMENT]``. Started by the tests."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from rai_tune.workspace import Workspace, atomic_write


def say(*words: object) -> None:
    print(*words, flush=True)


def create(root: Path, count: str) -> None:
    """Wait for a line, so that several workers start at once, then create runs with some of everything."""
    say("ready")
    sys.stdin.readline()
    workspace = Workspace.open(root)
    for index in range(int(count)):
        run = workspace.create_run(name="many", recipe={"n": index}, recipe_digest="0" * 64, policies={})
        workspace.add_metrics(run.id, 1, 0.5, {"loss": float(index)})
        workspace.attach(run.id, "shared", workspace.put_bytes(b"the same bytes everywhere"), "text/plain")
        workspace.set_state(run.id, "preparing")
        say(run.id)


def claim(root: Path, run_id: str) -> None:
    with Workspace.open(root).claim(run_id):
        say("claimed")
        time.sleep(60)


def write_forever(root: Path, run_id: str) -> None:
    """Say a number once everything written under it is saved, until killed."""
    workspace = Workspace.open(root)
    step = max((point.step for point in workspace.metrics(run_id)), default=0)
    while True:
        step += 1
        atomic_write(root / "state.bin", step.to_bytes(8, "big") * 50_000)
        digest = workspace.put_bytes(os.urandom(200_000) + step.to_bytes(8, "big"))
        workspace.attach(run_id, "latest", digest, "application/octet-stream")
        workspace.add_metrics(run_id, step, step / 10, {"a": step, "b": -step, "c": float("inf")})
        say(step)


def die_in_migration(root: Path, before_statement: str) -> None:
    """Kill this process just before its n-th CREATE statement."""
    from sqlalchemy import Engine, event

    seen = 0

    @event.listens_for(Engine, "before_cursor_execute")
    def _count(_connection, _cursor, statement, *_rest):  # type: ignore[no-untyped-def]
        nonlocal seen
        seen += statement.lstrip().startswith("CREATE")
        if seen == int(before_statement):
            os.kill(os.getpid(), signal.SIGKILL)

    Workspace.open(root)


def big_artifact(root: Path, limit: str) -> None:
    """Store an artifact larger than the file size that the system allows this process; report what is raised."""
    import resource

    workspace = Workspace.open(root)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        workspace.put_bytes(b"x" * (2 * int(limit)))
    except Exception as error:
        say(type(error).__name__, str(error))


if __name__ == "__main__":
    roles = {
        "create": create,
        "claim": claim,
        "write_forever": write_forever,
        "die_in_migration": die_in_migration,
        "big_artifact": big_artifact,
    }
    roles[sys.argv[1]](Path(sys.argv[2]), sys.argv[3])
