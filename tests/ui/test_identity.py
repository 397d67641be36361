"""Who acts in a browser session: a key of the keys folder, unlocked there, and nothing left behind."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from streamlit.testing.v1 import AppTest

from rai_tune.promotion.keys import new_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, register, revoke
from rai_tune.review import identity as session
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "twelve and more"

pytestmark = pytest.mark.slow


@pytest.fixture
def keyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace with Bo as reviewer, whose key lies in the keys folder, beside one that nobody registered."""
    monkeypatch.setattr("rai_tune.promotion.identity.key_folder", lambda: tmp_path / "keys")
    monkeypatch.delenv("RAITUNE_KEY", raising=False)
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(tmp_path / "w"))
    with Workspace.open(tmp_path / "w") as workspace:
        register(Ledger(workspace), "Bo", ["reviewer"], new_key(tmp_path / "keys" / "bo.pem", PASSPHRASE))
        new_key(tmp_path / "keys" / "stranger.pem", PASSPHRASE)
    yield tmp_path / "w"


def app() -> AppTest:
    return AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()


def notices(test: AppTest) -> list[str]:
    found = []
    for part in test.get("bidi_component"):
        found += [block["text"] for block in json.loads(part.proto.json).get("blocks", []) if block["kind"] == "notice"]
    return found


def unlock(test: AppTest, name: str = "bo.pem", passphrase: str = PASSPHRASE) -> AppTest:
    test.selectbox(key="identity-file").set_value(name)
    test.text_input(key="identity-passphrase").set_value(passphrase)
    return next(button for button in test.button if button.label == "Unlock").click().run()


def test_nobody_signs_until_a_key_is_unlocked_and_the_passphrase_is_kept_nowhere(keyed: Path) -> None:
    test = app()
    assert notices(test) == ["Nobody signs in this session: pages are for reading."]
    unlock(test)
    assert not test.exception
    assert notices(test) == ["Bo (reviewer) signs here, with a key unlocked in this browser session."]
    assert PASSPHRASE not in repr(test.session_state)
    test.button(key="identity-lock").click().run()
    assert notices(test) == ["Nobody signs in this session: pages are for reading."]


@pytest.mark.parametrize(
    ("name", "passphrase", "word"),
    [
        ("bo.pem", "wrong wrong wrong", "Wrong passphrase"),
        ("bo.pem", "", "needs its passphrase"),
        ("stranger.pem", PASSPHRASE, "not registered"),
    ],
)
def test_a_key_that_does_not_open_or_is_not_known_is_a_sentence(
    keyed: Path, name: str, passphrase: str, word: str
) -> None:
    test = unlock(app(), name, passphrase)
    assert not test.exception
    assert any(word.lower() in text.lower() for text in notices(test)), notices(test)
    assert notices(test)[0].startswith("Nobody signs")
    assert not any(str(keyed.parent) in text for text in notices(test))


def test_a_key_that_was_revoked_since_is_gone_at_once(keyed: Path) -> None:
    test = unlock(app())
    with Workspace.open(keyed) as workspace:
        revoke(Ledger(workspace), read_registry(Ledger(workspace)).named("Bo"), "left")
    test.run()
    assert notices(test)[0].startswith("Nobody signs")
    assert "revoked" in notices(test)[0]


def test_a_key_that_was_not_used_for_long_is_locked(keyed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    test = unlock(app())
    now = time.monotonic()
    monkeypatch.setattr(session.time, "monotonic", lambda: now + 60 * session.IDLE_MINUTES + 5)
    test.run()
    assert "locked again" in notices(test)[0]


def test_only_names_that_are_listed_are_taken(keyed: Path) -> None:
    from rai_tune.core import UsageError

    with Workspace.open(keyed) as workspace:
        for name in ("../keys/bo.pem", str(keyed.parent / "keys" / "bo.pem"), "bo", ""):
            with pytest.raises(UsageError, match="no key file of that name"):
                session.unlock_here(workspace, name, PASSPHRASE)
