"""kill -9 at every write point of a command at the door: the old state or the new one, and repeating the command goes on."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rai_tune.core import ConflictError, sha256_bytes
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry
from rai_tune.promotion.serving import current, lay_out
from rai_tune.promotion.signed import signed_about
from rai_tune.workspace import Workspace

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes of these tests are forks"),
]
PATH = Path(__file__).with_name("promotion_worker.py")


def _load_worker():
    spec = importlib.util.spec_from_file_location("promotion_worker", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worker = _load_worker()


class Killing:
    """A process that runs one command in a fork of itself, and kills the fork at its n-th write point."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PATH), "kills", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n"

    def at(self, point: int, command: str, root: Path) -> bool:
        """Whether the command ended by itself, because it has fewer write points."""
        self.process.stdin.write(f"{command} {point} {root}\n")
        self.process.stdin.flush()
        said = self.process.stdout.readline()
        assert said == "killed 9\n" or said.startswith("done "), said
        return said.startswith("done ")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def killing():
    started = Killing()
    yield started
    started.close()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def made(tmp_path):
    """A workspace in which a first run is in production and a second one is signed; its weights are not on the shelf yet."""
    root = tmp_path / "made"
    with Workspace.open(root) as workspace:
        worker.enrol(workspace)
        first = worker.signed_run(workspace, "first", b"one")
        worker.promote_run(workspace, first.id, "production", worker.signer("Cy"))
        worker.signed_run(workspace, "second", b"two")
        workspace.path_of(sha256_bytes(b"two")).unlink()
    return root


def _every_point(killing, command, made, tmp_path, check, most=150):
    """Copy, kill at the n-th point, check, repeat the command; until it is not killed. Returns how many points there were."""
    for point in range(1, most):
        root = tmp_path / f"at-{point}"
        shutil.copytree(made, root)
        done = killing.at(point, command, root)
        with Workspace.open(root) as workspace:
            check_ledger(Ledger(workspace))
            check(workspace, done)
        shutil.rmtree(root)
        if done:
            return point - 1
    pytest.fail(f"{command} still has write points after {most}")


def _served(workspace):
    promotion = current(Ledger(workspace), "production")
    return workspace.run(promotion.run_id).name, Ledger(workspace).head().size


def test_a_promotion_killed_anywhere_is_not_there_or_there(killing, made, tmp_path):
    with Workspace.open(made) as workspace:
        old = _served(workspace)
    new = ("second", old[1] + 1)
    seen = []

    def check(workspace, done):
        seen.append(_served(workspace))
        assert seen[-1] in ({new} if done else {old, new})
        worker.commands(workspace, "promote")
        assert _served(workspace)[0] == "second"
        check_ledger(Ledger(workspace))
        served = lay_out(workspace, current(Ledger(workspace), "production"))
        assert (served / "model" / "model.safetensors").read_bytes() == b"two"

    points = _every_point(killing, "promote", made, tmp_path, check)
    assert points >= 12  # a copied file, four protected ones, two rows, a commit
    assert seen == sorted(seen, key=[old, new].index)
    assert seen.count(old) >= 10
    assert seen.count(new) >= 2, "no kill came after the commit"


def test_a_rollback_killed_anywhere_is_not_there_or_there(killing, made, tmp_path):
    with Workspace.open(made) as workspace:
        worker.commands(workspace, "promote")
        old = _served(workspace)
    new = ("first", old[1] + 1)
    seen = []

    def check(workspace, done):
        seen.append(_served(workspace))
        assert seen[-1] in ({new} if done else {old, new})
        worker.commands(workspace, "rollback")
        assert _served(workspace) == (("first", old[1] + 1) if seen[-1] == old else ("second", old[1] + 2))

    assert _every_point(killing, "rollback", made, tmp_path, check) >= 7
    assert {old, new} == set(seen)


def test_a_signature_killed_anywhere_counts_or_does_not(killing, made, tmp_path):
    counted = set()

    def check(workspace, done):
        newest = workspace.runs()[0].id
        people = [item.person for item in signed_about(Ledger(workspace), newest).signoffs]
        assert people in ([["Ada", "Bo"]] if done else [["Ada"], ["Ada", "Bo"]])
        counted.add("Bo" in people)
        try:
            worker.commands(workspace, "sign")
        except ConflictError:
            assert "Bo" in people  # a signature that is there is not given twice
        assert _served(workspace)[0] == "first"
        assert signed_about(Ledger(workspace), newest).signoffs[-1].person == "Bo"

    assert _every_point(killing, "sign", made, tmp_path, check) >= 3
    assert counted == {True, False}


def test_a_first_registration_killed_anywhere_leaves_no_ledger_or_a_sound_one(killing, tmp_path):
    empty = tmp_path / "empty"
    Workspace.open(empty).close()
    sizes = set()

    def check(workspace, done):
        size = Ledger(workspace).head().size
        sizes.add(size)
        assert size in ({2} if done else {0, 1, 2})
        try:
            worker.commands(workspace, "register")
        except ConflictError:
            assert size == 2
        assert [key.person for key in read_registry(Ledger(workspace)).keys] == ["Dee"]
        assert check_ledger(Ledger(workspace)).entries == 2
        key = workspace.root / "keys" / "workspace.pem"
        assert key.stat().st_mode & 0o777 == 0o600

    assert _every_point(killing, "register", empty, tmp_path, check) >= 10
    assert sizes == {0, 1, 2}


def test_a_laying_out_killed_anywhere_is_made_again(killing, made, tmp_path):
    def check(workspace, done):
        promotion = current(Ledger(workspace), "production")
        folder = workspace.root / "served" / promotion.model_digest
        assert folder.is_dir() or not done
        laid = lay_out(workspace, promotion)
        assert (laid / "model" / "model.safetensors").read_bytes() == b"one"

    assert _every_point(killing, "serve", made, tmp_path, check) >= 6
