"""What every release left behind still verifies: its bundle, by script and by engine, and its ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rai_tune.core import IntegrityError
from rai_tune.promotion import verify
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.deciding_again import verify_bundle
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.serving import current
from rai_tune.workspace import Workspace
from rai_tune.workspace.chain import ChainHead, ChainRow

RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "known.json").is_file())


def test_there_is_a_release() -> None:
    assert "0.1.0" in {folder.name for folder in RELEASES}


@pytest.fixture(params=RELEASES, ids=lambda folder: folder.name)
def release(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def known(release: Path) -> dict[str, str]:
    return json.loads((release / "known.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("head", ["head", "early_head"])
def test_its_bundle_holds(release: Path, known: dict[str, str], head: str) -> None:
    report = verify_bundle((release / "evidence.zip").read_bytes(), known[head], known["key"])
    assert [check for check in report.checks if not check.ok] == []
    assert {check.name for check in report.checks} >= {name for name, _ in verify.CHECKS}


def test_its_bundle_does_not_hold_another_head(release: Path) -> None:
    problem = verify.first_problem((release / "evidence.zip").read_bytes(), "0" * 64)
    assert problem is not None
    assert problem.startswith("outside head")


@pytest.fixture
def ledger(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The ledger of the release in a new workspace, without the key that signed it."""
    for name in ("RAITUNE_DATABASE_URL", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    body = json.loads((release / "ledger.json").read_text(encoding="utf-8"))
    with Workspace.open(tmp_path / "w") as workspace:
        for entry, head in zip(body["entries"], body["heads"], strict=True):
            workspace.chain_append(ChainRow(**entry), ChainHead(**head))
        yield Ledger(workspace)


def test_its_ledger_holds(ledger: Ledger, known: dict[str, str]) -> None:
    size = int(known["head"].partition(":")[0])
    assert check_ledger(ledger, known["head"]).known_size == size
    assert check_ledger(ledger, known["early_head"]).known_size == 5
    promoted = current(ledger, "production")
    assert promoted is not None
    assert promoted.run_id == "hiring-demo-1a2b3c4d"
    with pytest.raises(IntegrityError, match="never had that head"):
        check_ledger(ledger, "0" * 64)
