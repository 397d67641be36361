"""Runs as processes of their own: who starts them may go, double starts are one, cancel and kill lose nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune import detached
from rai_tune.core import UsageError
from rai_tune.detached import launching, starts
from rai_tune.detached.watching import duration, latest_start, look
from rai_tune.recipe import load_recipe, parse_recipe
from rai_tune.workspace import Workspace
from rai_tune.workspace.processes import mark_of
from rai_tune.workspace.progress import ProgressLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rai_tune.detached import Start
    from rai_tune.recipe import LoadedRecipe

QUICK = ["audits.include=[group_rates]", "training.epochs=1"]
LONG = ["audits.include=[group_rates]", "training.epochs=400", "training.checkpoint_every=20"]


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    with Workspace.open(tmp_path / "w") as opened:
        yield opened
        for start in detached.all_starts(opened):  # whatever a failed test left behind
            process = starts.read(starts.folder_of(opened, start.token) / starts.PROCESS)
            if process and process["mark"] and mark_of(process["pid"]) == process["mark"]:
                os.kill(process["pid"], signal.SIGKILL)


def until(seen: Callable[[], Any], seconds: float = 120) -> Any:
    last = time.monotonic() + seconds
    while not (found := seen()):
        assert time.monotonic() < last, "it did not come"
        time.sleep(0.05)
    return found


def pid_of(workspace: Workspace, start: Start) -> int:
    return int((starts.read(starts.folder_of(workspace, start.token) / starts.PROCESS) or {})["pid"])


def over(workspace: Workspace, token: str) -> Start:
    until(lambda: detached.find_start(workspace, token).state != "working")
    return detached.find_start(workspace, token)


@pytest.mark.slow
def test_a_run_outlives_who_started_it_twice_under_one_token(
    project: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = detached.new_token()
    script = (
        "import sys\nfrom pathlib import Path\nfrom rai_tune.detached import start_detached\n"
        "from rai_tune.recipe import load_recipe\nfrom rai_tune.workspace import Workspace\n"
        "loaded = load_recipe(Path('recipe.yaml'), sys.argv[3:])\n"
        "store = Workspace.open(Path(sys.argv[1]))\n"
        "print(start_detached(store, loaded, token=sys.argv[2], author_key='ab' * 32).token)\n"
    )
    command = [sys.executable, "-c", script, str(workspace.root), token, *QUICK]
    secret = {"RAITUNE_KEY": "/keys/ada.pem", "RAITUNE_KEY_PASSPHRASE": "open sesame"}
    both = [
        subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True, env={**os.environ, **secret})
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120)[0] for process in both] == [f"{token}\n"] * 2
    if sys.platform == "linux":
        pid = pid_of(workspace, detached.find_start(workspace, token))
        told = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"RAITUNE_KEY" not in told
        assert b"sesame" not in told
        assert os.getsid(pid) == pid  # no terminal's hang-up reaches it
    start = over(workspace, token)
    assert (start.state, start.error, start.name) == ("ended", None, "small")
    assert len(workspace.runs()) == 1
    run = workspace.run(str(start.run_id))
    assert (run.state, run.verdict in {"fail", "insufficient_evidence"}) == ("completed", True)
    assert workspace.read_json(workspace.artifacts(run.id)["context"].digest)["author_key"] == "ab" * 32
    seen = look(workspace, run.id)
    assert (seen.status, [line.state for line in seen.stages]) == ("over", ["done"] * 5)
    assert (workspace.run_dir(run.id) / "detached.log").is_file()
    assert (starts.folder_of(workspace, token) / starts.LOG).read_text() == ""
    with pytest.raises(UsageError, match="is completed; there is nothing to cancel"):
        detached.cancel(workspace, run.id)
    with pytest.raises(UsageError, match="is completed and cannot be resumed"):
        detached.resume_detached(workspace, run.id)


@pytest.mark.slow
def test_cancel_then_kill_then_on_to_the_end(project: Path, workspace: Workspace) -> None:
    loaded = load_recipe(project / "recipe.yaml", LONG)
    start = detached.wait_for_run(workspace, detached.start_detached(workspace, loaded).token, 120)
    run_id = str(start.run_id)
    assert [run.id for run in detached.at_work(workspace)] == [run_id]
    until(lambda: workspace.checkpoints(run_id))
    until(lambda: "step" in look(workspace, run_id).now)  # said at most once a second
    seen = look(workspace, run_id)
    assert (seen.status, seen.stages[1].state) == ("working", "now")
    assert "step" in seen.now
    detached.cancel(workspace, run_id)
    assert detached.wait_until_stopped(workspace, run_id, 60)
    assert workspace.run(run_id).state == "interrupted"
    assert look(workspace, run_id).status == "stopped"
    before = max(record.step for record in workspace.checkpoints(run_id))

    first = detached.resume_detached(workspace, run_id)
    assert detached.resume_detached(workspace, run_id).token == first.token
    until(lambda: max(record.step for record in workspace.checkpoints(run_id)) > before)
    os.kill(pid_of(workspace, first), signal.SIGKILL)
    until(lambda: look(workspace, run_id).status == "stopped")
    assert workspace.run(run_id).state == "training"
    assert "is gone" in look(workspace, run_id).now

    (project / "rows.csv").write_text("\n".join((project / "rows.csv").read_text().splitlines()[:-1]) + "\n")
    refused = over(workspace, detached.resume_detached(workspace, run_id).token)
    assert (refused.state, refused.run_id) == ("failed", run_id)
    assert "its data changed since it began" in str(refused.error)
    assert latest_start(workspace, run_id) == refused


@pytest.mark.slow
def test_what_only_the_process_finds_is_told_without_a_run(
    project: Path, workspace: Workspace, cli: Callable[..., Any]
) -> None:
    wrong = load_recipe(project / "recipe.yaml", ["data.favourable=nobody"])
    start = over(workspace, detached.start_detached(workspace, wrong).token)
    assert (start.state, start.run_id) == ("failed", None)
    assert str(start.error).startswith("data.favourable is 'nobody', which never occurs in column 'deny'")
    assert workspace.runs() == ()

    store = ("--workspace", str(workspace.root))
    said = cli(
        "run",
        "recipe.yaml",
        "--detach",
        "--json",
        *store,
        *(part for item in QUICK for part in ("--set", item)),
        cwd=project,
    )
    assert said.returncode == 0, said.stderr
    run_id = json.loads(said.stdout)["run"]
    watched = cli("runs", "watch", run_id, *store, cwd=project)
    run = workspace.run(run_id)
    assert watched.returncode == {"fail": 3, "insufficient_evidence": 4}[str(run.verdict)], watched.stderr
    assert f"run {run_id} is completed, verdict {str(run.verdict).replace('_', ' ')}" in watched.stdout


def a_recipe(folder: Path) -> LoadedRecipe:
    return parse_recipe({"data": {"source": {"path": "rows.csv"}, "text": "text", "label": "label"}}, "x", folder)


def test_a_process_that_dies_before_it_says_anything_is_lost(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching.sys, "executable", "/bin/false")
    start = over(workspace, detached.start_detached(workspace, a_recipe(tmp_path)).token)
    assert (start.state, start.run_id, start.error) == ("lost", None, None)


def test_a_process_that_cannot_be_started_is_said(
    tmp_path: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launching.sys, "executable", "/nowhere/python")
    token = detached.new_token()
    with pytest.raises(OSError, match="No such file"):
        detached.start_detached(workspace, a_recipe(tmp_path), token=token)
    found = detached.find_start(workspace, token)
    assert (found.state, "could not be started" in str(found.error)) == ("failed", True)


def a_run(workspace: Workspace) -> str:
    run = workspace.create_run(name="x", recipe={}, recipe_digest="0" * 64, policies={})
    workspace.set_state(run.id, "preparing")
    workspace.set_state(run.id, "training")
    return run.id


def test_cancel_touches_no_process_but_the_one_that_has_the_run(workspace: Workspace) -> None:
    run_id = a_run(workspace)
    with pytest.raises(UsageError, match="no process works on run"):
        detached.cancel(workspace, run_id)
    asked: list[tuple[int, str]] = []
    with pytest.MonkeyPatch.context() as patch, workspace.claim(run_id):
        patch.setattr("rai_tune.detached.stopping.interrupt", lambda pid, mark: asked.append((pid, mark)) or True)
        with pytest.raises(UsageError, match="has not said yet which process it is"):
            detached.cancel(workspace, run_id)
        log = ProgressLog(workspace.run_dir(run_id), lambda *_: None)
        log.enter("training")
        path = workspace.run_dir(run_id) / "progress.json"
        said = json.loads(path.read_text())
        for other in ({"pid": said["pid"] + 1}, {"host": "elsewhere"}, {"mark": ""}):
            path.write_text(json.dumps({**said, **other}))
            with pytest.raises(UsageError, match="has not said yet which process it is"):
                detached.cancel(workspace, run_id)
        assert asked == []
        path.write_text(json.dumps(said))
        detached.cancel(workspace, run_id)
        assert asked == [(os.getpid(), mark_of(os.getpid()))]
        path.write_text(json.dumps({**said, "mark": "ticks 1"}))
        patch.undo()
        # The real thing: this very process has the number and another mark, and is not interrupted.
        with pytest.raises(UsageError, match="ended meanwhile"):
            detached.cancel(workspace, run_id)


def test_a_look_says_what_is_known_and_no_more(workspace: Workspace) -> None:
    run_id = a_run(workspace)
    assert look(workspace, run_id).status == "stopped"
    with workspace.claim(run_id):
        bare = look(workspace, run_id)
        assert (bare.status, bare.left, bare.heard) == ("working", "not known", "nothing yet")
        assert [line.state for line in bare.stages] == ["done before", "now", "to come", "to come", "to come"]
        log = ProgressLog(workspace.run_dir(run_id), lambda *_: None)
        log.enter("training")
        (workspace.run_dir(run_id) / "progress.json").write_text("{torn")
        assert look(workspace, run_id).left == "not known"
    workspace.set_state(run_id, "diverged", error="the loss is NaN")
    assert look(workspace, run_id).status == "over"


@pytest.mark.parametrize("token", ["", "x", "../../etc", "ABCDEF0123456789", "0" * 65, "<script>"])
def test_a_token_is_no_path(workspace: Workspace, token: str) -> None:
    with pytest.raises(UsageError, match="names no start"):
        detached.find_start(workspace, token)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.2, "1 second"),
        (7.4, "7 seconds"),
        (12, "10 seconds"),
        (44, "45 seconds"),
        (100, "2 minutes"),
        (3599, "60 minutes"),
        (9000, "2.5 hours"),
    ],
)
def test_a_time_is_as_exact_as_an_expectation(seconds: float, said: str) -> None:
    assert duration(seconds) == said
