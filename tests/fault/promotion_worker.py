"""Another process, or several, at one ledger: ``python promotion_worker.py ROLE ROOT``. Started by the tests, one answer a line.

It imports the package once and forks, so that eight processes cost one start. Nothing is open when it forks.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rai_tune.core import ConflictError, RaiError
from rai_tune.promoting import attest_control, promote_run, roll_back, seen_now, sign_run
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.keys import Signer, key_id_of
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, register, revoke
from rai_tune.promotion.serving import current, lay_out
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

PROCESSES, ROUNDS = 8, 8
ROLES = {"Ada": ("author",), "Bo": ("reviewer",), "Cy": ("approver",)}


def load_small() -> Any:
    """The module ``small_run``, by path: this runs as a process of its own too."""
    if "small_run" not in sys.modules:
        path = Path(__file__).parents[1] / "tools" / "small_run.py"
        spec = importlib.util.spec_from_file_location("small_run", path)
        sys.modules["small_run"] = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
        spec.loader.exec_module(sys.modules["small_run"])  # type: ignore[union-attr]
    return sys.modules["small_run"]


def private(name: str) -> Ed25519PrivateKey:
    """A key that every process can make again: it protects nothing."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(f"test key of {name}".encode()).digest())


def signer(name: str) -> Signer:
    key = private(name)
    return Signer(name, frozenset(ROLES[name]), key_id_of(key.public_key()), key)  # type: ignore[arg-type]


def enrol(workspace: Workspace) -> None:
    for name, roles in ROLES.items():
        register(Ledger(workspace), name, roles, private(name).public_key())


def signed_run(workspace: Workspace, name: str, weights: bytes) -> Any:
    run = load_small().complete_run(workspace, name=name, weights=weights)
    sign_run(workspace, run.id, signer("Ada"), "author")
    return run


# Several at once


def together(work: Callable[[int, Any], list[Any]], count: int = PROCESSES) -> list[list[Any]]:
    """What each of several forked processes returns; ``work`` gets its number and a barrier of all of them."""
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(count), context.SimpleQueue()
    processes = [context.Process(target=_answer, args=(work, number, barrier, answers)) for number in range(count)]
    for process in processes:
        process.start()
    found = dict(answers.get() for _ in processes)
    for process in processes:
        process.join()
    return [found[number] for number in range(count)]


def _answer(work: Callable[[int, Any], list[Any]], number: int, barrier: Any, answers: Any) -> None:
    try:
        answers.put((number, work(number, barrier)))
    except BaseException as error:
        barrier.abort()
        answers.put((number, [["broken", f"{type(error).__name__}: {error}"]]))


def attempt(deed: Callable[[], Any]) -> list[Any]:
    """``["won", seq]``, or the name of the error and its exit code."""
    try:
        return ["won", deed().seq]
    except RaiError as error:
        return [type(error).__name__, error.exit_code]


def promotions(root: Path) -> None:
    """Eight rounds in which eight processes that saw the same ledger promote; then each repeats until it is through, beside a reader."""
    with Workspace.open(root) as workspace:
        enrol(workspace)
        run = signed_run(workspace, "small", b"weights").id
        base = Ledger(workspace).head().size

    def rounds(number: int, barrier: Any) -> list[Any]:
        with Workspace.open(root) as own:
            found = []
            for turn in range(ROUNDS):
                barrier.wait(timeout=60)
                deed = lambda seen=base + turn: promote_run(own, run, "production", signer("Cy"), expected=seen)  # noqa: E731
                found.append(attempt(deed))
            return found

    def until_through(number: int, barrier: Any) -> list[Any]:
        with Workspace.open(root) as own:
            barrier.wait(timeout=60)
            if number == PROCESSES:
                return _read_until(own, base + ROUNDS + PROCESSES)
            found: list[Any] = []
            while not found or found[-1][0] != "won":
                found.append(attempt(lambda: promote_run(own, run, "staging", signer("Cy"))))
            return found

    say({"base": base, "run": run, "rounds": together(rounds), "free": together(until_through, PROCESSES + 1)})


def _read_until(workspace: Workspace, size: int) -> list[Any]:
    """Check the whole ledger again and again while others write; returns how often, and the sizes that were seen in order."""
    seen: list[int] = []
    ends = time.monotonic() + 60
    while (not seen or seen[-1] < size) and time.monotonic() < ends:
        seen.append(check_ledger(Ledger(workspace)).entries)
        current(Ledger(workspace), "staging")
    return seen


def beginnings(root: Path) -> None:
    """Processes that all find an empty ledger, and each register a person, in several workspaces one after another."""

    def begin(number: int, barrier: Any) -> list[Any]:
        found = []
        for turn in range(4):
            with Workspace.open(root / str(turn)) as own:
                barrier.wait(timeout=60)
                deed = lambda: register(Ledger(own), f"P{number}", ["author"], private(str(number)).public_key())  # noqa: E731
                found.append(attempt(deed))
        return found

    say({"found": together(begin, 4)})


def revocations(root: Path) -> None:
    """One process revokes a reviewer's key while others keep signing statements with it."""
    small = load_small()
    with Workspace.open(root) as workspace:
        enrol(workspace)
        run = small.complete_run(workspace, small.trial_policy(small.bound_control(), small.attested_control())).id

    def work(number: int, barrier: Any) -> list[Any]:
        with Workspace.open(root) as own:
            barrier.wait(timeout=60)
            if number == 0:
                time.sleep(0.3)
                return [attempt(lambda: revoke(Ledger(own), read_registry(Ledger(own)).named("Bo"), "it was stolen"))]
            found: list[Any] = []
            while not found or (found[-1][0] == "won" and len(found) < 60):
                text = f"The operator may stop the system at any time, says process {number}, the {len(found)}th time."
                found.append(attempt(lambda said=text: attest_control(own, run, signer("Bo"), "T-2", said)))
            return found

    say({"found": together(work, 4)})


def reviews(root: Path) -> None:
    """Rounds in which six processes that saw one state sign it: four reviewers, one of them twice, and one who signs another run."""
    people = ("R0", "R1", "R2", "R2", "R3")
    with Workspace.open(root) as workspace:
        enrol(workspace)
        for name in set(people):
            register(Ledger(workspace), name, ("reviewer",), private(name).public_key())
        runs = [signed_run(workspace, f"small {turn}", b"%d" % turn).id for turn in range(3)]
        others = [
            load_small().complete_run(workspace, name=f"other {turn}", weights=b"o%d" % turn).id for turn in range(3)
        ]
        seen = [seen_now(workspace, run) for run in runs]

    def work(number: int, barrier: Any) -> list[Any]:
        with Workspace.open(root) as own:
            found = []
            for turn, run in enumerate(runs):
                barrier.wait(timeout=60)
                if number == len(people):
                    found.append(attempt(lambda other=others[turn]: sign_run(own, other, signer("Ada"), "author")))
                    continue
                name = people[number]
                key = private(name)
                who = Signer(name, frozenset({"reviewer"}), key_id_of(key.public_key()), key)
                found.append(attempt(lambda: sign_run(own, run, who, "reviewer", seen=seen[turn])))  # noqa: B023
            return found

    say({"found": together(work, len(people) + 1), "runs": runs})


def layings_out(root: Path) -> None:
    """Processes that all lay out one promotion to serve it."""
    with Workspace.open(root) as workspace:
        enrol(workspace)
        run = signed_run(workspace, "small", b"weights" * 100_000).id
        promote_run(workspace, run, "production", signer("Cy"))

    def work(number: int, barrier: Any) -> list[Any]:
        with Workspace.open(root) as own:
            promotion = current(Ledger(own), "production")
            assert promotion is not None
            barrier.wait(timeout=60)
            try:
                return [(lay_out(own, promotion) / "model" / "model.safetensors").stat().st_size]
            except Exception as error:
                return [f"{type(error).__name__}: {error}"]

    say({"found": together(work)})


def rollbacks(root: Path) -> None:
    """Processes that all roll back what they saw: one does, and the others are told to look again."""
    with Workspace.open(root) as workspace:
        enrol(workspace)
        for weights in (b"one", b"two"):
            promote_run(workspace, signed_run(workspace, "small", weights).id, "production", signer("Cy"))

    def work(number: int, barrier: Any) -> list[Any]:
        with Workspace.open(root) as own:
            barrier.wait(timeout=60)
            return attempt(lambda: roll_back(own, "production", signer("Cy")))

    say({"found": together(work, 4)})


# Killed in the middle


class _Killer:
    """Kills this process at its n-th write point; counts them."""

    def __init__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def point(self) -> None:
        self.seen += 1
        if self.seen == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """Before and after each call that changes a file, before each changed row and commit, and after each commit."""
        from sqlalchemy import Engine, event
        from sqlalchemy.pool import Pool

        for name in ("replace", "rename", "link", "fsync", "mkdir", "unlink", "chmod", "open", "ftruncate"):
            setattr(os, name, self._around(getattr(os, name)))
        committed: list[bool] = []

        @event.listens_for(Engine, "before_cursor_execute")
        def _statement(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            if statement.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE", "CREATE")):
                self.point()

        @event.listens_for(Engine, "commit")
        def _commit(_connection: Any) -> None:
            committed.append(True)
            self.point()

        @event.listens_for(Pool, "checkin")
        def _after(*_rest: Any) -> None:
            if committed:
                committed.clear()
                self.point()

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if call is not _OPEN or (len(arguments) > 1 and arguments[1] & os.O_CREAT):
                self.point()
            return call(*arguments, **named)

        return wrapped


_OPEN = os.open


def commands(workspace: Workspace, name: str) -> Any:
    """One command of a person, by name, in the workspace that the test made."""
    match name:
        case "promote":
            return promote_run(workspace, workspace.runs()[0].id, "production", signer("Cy"))
        case "sign":
            return sign_run(workspace, workspace.runs()[0].id, signer("Bo"), "reviewer")
        case "rollback":
            return roll_back(workspace, "production", signer("Cy"))
        case "register":
            return register(Ledger(workspace), "Dee", ["approver"], private("Dee").public_key())
        case "serve":
            promotion = current(Ledger(workspace), "production")
            assert promotion is not None
            return lay_out(workspace, promotion)


def kills(_root: Path) -> None:
    """For each line ``COMMAND N ROOT`` run the command in a fork that kills itself at its N-th write point; say how it ended."""
    say("ready")
    for line in sys.stdin:
        name, number, root = line.rstrip("\n").split(" ", 2)
        child = os.fork()
        if child == 0:
            killer = _Killer(int(number))
            try:
                with Workspace.open(Path(root)) as workspace:
                    killer.install()
                    commands(workspace, name)
                os.write(1, f"done {killer.seen}\n".encode())
            except BaseException as error:
                os.write(1, f"broken {type(error).__name__}: {error}\n".encode())
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            say(f"killed {os.WTERMSIG(status)}")


def say(value: Any) -> None:
    print(value if isinstance(value, str) else json.dumps(value), flush=True)


if __name__ == "__main__":
    assert issubclass(ConflictError, RaiError)
    roles = {
        "promotions": promotions,
        "beginnings": beginnings,
        "revocations": revocations,
        "reviews": reviews,
        "layings_out": layings_out,
        "rollbacks": rollbacks,
        "kills": kills,
    }
    roles[sys.argv[1]](Path(sys.argv[2]))
