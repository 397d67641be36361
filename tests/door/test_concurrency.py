"""Several processes at one ledger: one winner for each place, on SQLite and on PostgreSQL; nobody sees half a state."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry
from rai_tune.promotion.serving import current, promotions
from rai_tune.workspace import Workspace

WORKER = Path(__file__).parents[1] / "fault" / "promotion_worker.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes of these tests are forks"),
]


def _schema(url: str, worker: str) -> str:
    """An empty schema of this test process alone, and the URL that sees nothing else."""
    from sqlalchemy import create_engine, make_url, text

    name = f"door_{worker}"
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f'DROP SCHEMA IF EXISTS "{name}" CASCADE'))
        connection.execute(text(f'CREATE SCHEMA "{name}"'))
    engine.dispose()
    narrowed = make_url(url).update_query_dict({"options": f"-c search_path={name}"})
    return narrowed.render_as_string(hide_password=False)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def root(request, tmp_path, monkeypatch, worker_id):
    """A folder for a workspace; its database is SQLite, or PostgreSQL where ``RAITUNE_TEST_POSTGRES`` names one."""
    if request.param == "postgresql":
        url = os.environ.get("RAITUNE_TEST_POSTGRES")
        if not url:
            pytest.skip("RAITUNE_TEST_POSTGRES names no PostgreSQL database to test against")
        monkeypatch.setenv("RAITUNE_DATABASE_URL", _schema(url, worker_id))
    return tmp_path / "ws"


def _work(role, root):
    done = subprocess.run(
        [sys.executable, str(WORKER), role, str(root)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_of_sixty_four_promotions_one_wins_each_place(root):
    told = _work("promotions", root)
    base, rounds = told["base"], told["rounds"]
    for turn in range(8):
        answers = [mine[turn] for mine in rounds]
        assert Counter(word for word, _ in answers) == {"won": 1, "ConflictError": 7}, answers
        assert {code for word, code in answers if word == "ConflictError"} == {7}
        assert [seq for word, seq in answers if word == "won"] == [base + turn]
    *free, sizes = told["free"]
    assert {word for mine in free for word, _ in mine} <= {"won", "ConflictError"}
    late = sorted(mine[-1][1] for mine in free)
    assert late == list(range(base + 8, base + 16))
    # The reader checked the whole ledger beside them, and never met half a state or one that went back.
    assert sizes == sorted(sizes)
    assert sizes[-1] == base + 16
    with Workspace.open(root) as workspace:
        ledger = Ledger(workspace)
        assert check_ledger(ledger).entries == base + 16
        assert [entry.seq for entry in ledger.entries()] == list(range(base + 16))
        assert [head.size for head in workspace.chain_heads()] == list(range(1, base + 17))
        assert [item.seq for item in promotions(ledger, "production")] == list(range(base, base + 8))
        assert [item.seq for item in promotions(ledger, "staging")] == late
        assert current(ledger, "production").run_id == told["run"]


def test_processes_that_begin_a_ledger_at_once_agree_on_one_key(tmp_path):
    for turn in range(4):
        Workspace.open(tmp_path / str(turn)).close()
    found = _work("beginnings", tmp_path)["found"]
    assert {word for mine in found for word, _ in mine} == {"won"}, found
    for turn in range(4):
        with Workspace.open(tmp_path / str(turn)) as workspace:
            ledger = Ledger(workspace)
            assert [entry.kind for entry in ledger.entries()] == ["workspace", *["key"] * 4]
            assert sorted(key.person for key in read_registry(ledger).keys) == ["P0", "P1", "P2", "P3"]
            assert check_ledger(ledger).entries == 5
            assert sorted(path.name for path in (workspace.root / "keys").iterdir()) == ["workspace.pem"]


def test_a_key_that_is_revoked_beside_its_signatures_leaves_a_sound_ledger(root):
    (revoked, *signed) = _work("revocations", root)["found"]
    assert revoked[0][0] == "won"
    assert {mine[-1][0] for mine in signed} == {"UsageError"}, "a signature came after the revocation"
    with Workspace.open(root) as workspace:
        ledger = Ledger(workspace)
        assert check_ledger(ledger).entries == ledger.head().size
        assert ledger.entries()[-1].kind == "revocation"


def test_of_several_reviewers_who_saw_one_state_one_signs_and_other_runs_disturb_nobody(root):
    told = _work("reviews", root)
    *reviewers, another = told["found"]
    for turn in range(len(told["runs"])):
        answers = [mine[turn] for mine in reviewers]
        assert Counter(word for word, _ in answers) == {"won": 1, "ChangedError": 4}, answers
        assert {code for word, code in answers if word == "ChangedError"} == {7}
    assert [word for word, _ in another] == ["won"] * 3
    with Workspace.open(root) as workspace:
        ledger = Ledger(workspace)
        assert check_ledger(ledger).entries == ledger.head().size
        for run in told["runs"]:
            signed = [entry.predicate["role"] for entry in ledger.entries(("signoff",), run)]
            assert signed == ["author", "reviewer"]


def test_processes_that_lay_out_one_promotion_all_serve_it(tmp_path):
    assert _work("layings_out", tmp_path / "ws")["found"] == [[700_000]] * 8
    (folder,) = (tmp_path / "ws" / "served").iterdir()
    assert len(folder.name) == 64


def test_of_several_rollbacks_of_one_promotion_one_is_entered(root):
    found = _work("rollbacks", root)["found"]
    assert Counter(word for word, _ in found) == {"won": 1, "ConflictError": 3}, found
    with Workspace.open(root) as workspace:
        first, second, back = promotions(Ledger(workspace), "production")
        assert (back.run_id, back.rollback_of) == (first.run_id, second.seq)
