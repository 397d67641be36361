"""A workspace in which one thing is broken, and the register of all such faults. Loaded by path, as ``small_run`` is."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.core import sha256_bytes
from rai_tune.promoting import promote_run, sign_run
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, revoke
from rai_tune.promotion.signed import About, waive

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from rai_tune.workspace import Workspace

SMALL = Path(__file__).parents[1] / "tools" / "small_run.py"
OTHER = "0" * 64
TEXT = "The operator on duty may stop the system at any time with the switch beside the screen."
REASON = "The clinic needs it before the next run."
PHRASE = "a long enough passphrase"


def load_small():
    """The module ``small_run``, by path, because tests are not packages."""
    if "small_run" not in sys.modules:
        spec = importlib.util.spec_from_file_location("small_run", SMALL)
        sys.modules["small_run"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules["small_run"])
    return sys.modules["small_run"]


small = load_small()


@dataclass
class Case:
    """A workspace with Ada (author), Bo (reviewer) and Cy (approver, author), and what is to be tried in it."""

    ws: Workspace
    people: dict[str, Any]
    patch: pytest.MonkeyPatch
    tmp: Path
    run: Any = None
    alias: str = "production"
    signer: Any = None
    deed: Callable[[], Any] | None = None
    """What a person tries before the promotion, and is refused for the cause; None when the promotion itself is."""
    unlock: Callable[[], Any] | None = None
    allowed: set[int] = field(default_factory=set)
    """Promotions of the fault's own making, before anything was broken."""

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.ws)

    def complete(self, *controls: dict[str, Any], policy: dict[str, Any] | None = None, **run: Any) -> None:
        """A completed run under a pack of these controls; without any it asks for an accuracy of 0.8 and has 0.85 to 0.95."""
        self.run = small.complete_run(self.ws, small.trial_policy(*controls, **(policy or {})), **run)

    def sign(self, who: str = "ada", role: str = "author") -> None:
        sign_run(self.ws, self.run.id, self.people[who], role)

    def ready(self, *controls: dict[str, Any], **more: Any) -> None:
        self.complete(*controls, **more)
        self.sign()

    def failing(self, *controls: dict[str, Any], **more: Any) -> None:
        self.ready(*controls, measurements=(small.accuracy(0.7, 0.6, 0.75),), **more)

    def promote(self) -> Any:
        signer = self.unlock() if self.unlock else self.signer or self.people["cy"]
        return promote_run(self.ws, self.run.id, self.alias, signer)

    def attach(self, name: str, value: Any) -> None:
        small.attach(self.ws, self.run.id, name, value)

    def result(self, *measurements: Any, **fields: Any) -> Any:
        return small.audit_result(self.run.predictions_digest, self.run.model_digest, *measurements, **fields)

    def store(self, result: Any, name: str = "audit:task_quality") -> None:
        self.attach(name, result.to_json())

    def sql(self, statement: str, *values: Any) -> None:
        connection = sqlite3.connect(self.ws.root / "raitune.db")
        with connection:
            changed = connection.execute(statement, values).rowcount
        connection.close()
        assert changed > 0, "the fault changed nothing"

    def about(self, **other: str) -> About:
        pack = self.run.policies[0]
        bound = {
            "run_id": self.run.id,
            "model_digest": self.run.model_digest,
            "policy_id": "trial",
            "policy_digest": pack.digest,
            "control": "T-1",
        }
        return About(**{**bound, **other})

    def waive(self, who: str = "cy", **other: str) -> None:
        """Enter a waiver as the door would, but bound to something else."""
        until = date(2099, 1, 1)
        waive(self.ledger, self.people[who], self.about(**other), REASON, until, date(2026, 1, 1), None)

    def forge(self, kind: str, who: str, **fields: Any) -> None:
        """Enter what no command would: a statement that this person's key signs without being asked anything."""
        body = self.about().statement(kind, self.people[who], **fields)
        self.ledger.append(kind, body, self.people[who], run_id=self.run.id)

    def revoke(self, name: str) -> None:
        revoke(self.ledger, read_registry(self.ledger).named(name), "the laptop was stolen")

    def days_later(self, days: int) -> None:
        later = datetime.now(UTC).date() + timedelta(days=days)
        self.patch.setattr("rai_tune.promoting.today", lambda: later)

    def opened(self, at: str) -> None:
        self.attach("opening", {"test_digest": sha256_bytes(b"test rows"), "at": at})

    def opened_now(self) -> None:
        """To the microsecond: the pack froze less than a second before."""
        self.opened(datetime.now(UTC).isoformat())

    def stored(self, name: str) -> Path:
        return self.ws.path_of(self.ws.artifacts(self.run.id)[name].digest)

    def model_file(self, name: str) -> Path:
        return self.ws.run_dir(self.run.id) / "model" / name


@dataclass(frozen=True)
class Fault:
    name: str
    cause: str
    """What the refusal must say, as a regular expression."""
    exit_code: int
    break_: Callable[[Case], None]
    evidence: bool
    """Whether the fault lies in what was measured or stated, so that no decision may pass."""


FAULTS: list[Fault] = []


def fault(cause: str, exit_code: int, *, evidence: bool = False) -> Callable[[Callable[[Case], None]], Any]:
    def note(break_: Callable[[Case], None]) -> Callable[[Case], None]:
        FAULTS.append(Fault(break_.__name__, cause, exit_code, break_, evidence))
        return break_

    return note
