"""Single sign-on in a real browser, against a provider on this machine; and settings that must let nobody in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import oidc_provider
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import vouch
from rai_tune.review import single_sign_on
from rai_tune.workspace import Workspace
from signable import signable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

COOKIE_SECRET = "a-cookie-secret-of-more-than-thirty-two-characters"
SOUND = {
    "redirect_uri": "https://audit.example.org/oauth2callback",
    "cookie_secret": COOKIE_SECRET,
    "client_id": "rai-tune",
    "client_secret": "another secret",
    "server_metadata_url": "https://sso.example.org/.well-known/openid-configuration",
}


@pytest.fixture(scope="module")
def provider() -> Iterator[Any]:
    with oidc_provider.providing(oidc_provider.Provider({})) as found:
        yield found


@pytest.fixture(scope="module")
def signed_app(
    watched: ModuleType, provider: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Any]]:
    """The app with single sign-on; alice is vouched for as reviewer, nobody else."""
    folder = tmp_path_factory.mktemp("sso")
    with Workspace.open(folder / "w") as workspace:
        vouch(Ledger(workspace), "alice@example.org", ["reviewer"])
    port = watched.free_port()
    settings = {
        "redirect_uri": f"http://localhost:{port}/oauth2callback",
        "cookie_secret": COOKIE_SECRET,
        "client_id": oidc_provider.CLIENT,
        "client_secret": oidc_provider.SECRET,
        "server_metadata_url": provider.metadata_url,
    }
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
    (folder / "secrets.toml").write_text(f"[auth]\n{lines}\n", encoding="utf-8")
    options = ("--secrets.files", str(folder / "secrets.toml"))
    with watched.serving(folder / "w", port=port, options=options) as address:
        yield address, provider


@pytest.mark.slow
@pytest.mark.browser
def test_people_sign_in_are_named_and_sign_out_again(
    watched: ModuleType, chromium: Any, signed_app: tuple[str, Any]
) -> None:
    address, provider = signed_app
    provider.claims = {"email": "alice@example.org", "email_verified": True}
    seen = watched.fresh_page(chromium, address)
    page = seen.open("/ledger")
    assert page.get_by_role("heading", name="Sign in").is_visible()
    assert page.get_by_text("Head of the ledger").count() == 0
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("alice@example.org (reviewer) signs here, by single sign-on").wait_for()
    assert page.get_by_text("Unlock a key").count() == 0
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert seen.complaints() == []


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": "bob@example.org", "email_verified": True}, "bob@example.org is signed in and may read"),
        ({"email": "alice@example.org", "email_verified": False}, "does not call verified"),
        ({"email": "alice@example.org"}, "does not call verified"),
        ({"name": "Alice"}, "names nobody"),
    ],
)
def test_who_is_not_vouched_for_reads_and_who_is_not_named_is_not_admitted(
    watched: ModuleType, chromium: Any, signed_app: tuple[str, Any], claims: dict[str, Any], said: str
) -> None:
    address, provider = signed_app
    provider.claims = claims
    page = watched.fresh_page(chromium, address).open("/ledger")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(said).first.wait_for()
    assert page.get_by_text("signs here").count() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"client_secret": ""}, "lacks client_secret"),
        ({"cookie_secret": "short"}, "at least 32 characters"),
        ({"client_secret": COOKIE_SECRET}, "must differ"),
        ({"server_metadata_url": "http://sso.example.org/x"}, "must begin with https"),
        ({"redirect_uri": "http://audit.example.org/oauth2callback"}, "must begin with https"),
        ({"redirect_uri": "javascript:alert(1)"}, "must begin with https"),
    ],
)
def test_settings_that_let_nobody_in_say_why(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], said: str
) -> None:
    monkeypatch.setattr(single_sign_on, "settings", lambda: SOUND)
    assert single_sign_on.problem() is None
    monkeypatch.setattr(single_sign_on, "settings", lambda: {**SOUND, **change})
    found = single_sign_on.problem()
    assert found is not None
    assert said in found


@pytest.mark.parametrize(
    ("admit", "name", "may"),
    [
        (None, "eve@elsewhere.org", True),
        (["@example.org"], "alice@example.org", True),
        (["@example.org"], "Alice@EXAMPLE.org", True),
        (["@example.org"], "eve@elsewhere.org", False),
        (["@example.org"], "eve@notexample.org", False),
        (["alice@example.org"], "alice@example.org", True),
        (["alice@example.org"], "malice@example.org", False),
        ([], "alice@example.org", False),
        ("@example.org", "alice@example.org", False),
    ],
)
def test_a_list_of_who_is_admitted_admits_nobody_else(
    monkeypatch: pytest.MonkeyPatch, admit: Any, name: str, may: bool
) -> None:
    monkeypatch.setattr(single_sign_on, "settings", lambda: SOUND if admit is None else {**SOUND, "admit": admit})
    assert single_sign_on._admitted(name) is may


@pytest.mark.slow
@pytest.mark.parametrize("auth", ["[auth]\n", "[auth]\ncookie_secret = 'x'\n", "this is no TOML ["])
def test_unsound_settings_show_no_page(auth: str, tmp_path: Path, app: Any, shown: Any) -> None:
    """Fails closed: a section [auth] that is empty, incomplete or unreadable is not the same as none."""
    from streamlit import config
    from streamlit.runtime.secrets import secrets_singleton

    Workspace.open(tmp_path / "w").close()
    (tmp_path / "secrets.toml").write_text(auth, encoding="utf-8")
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(tmp_path / "secrets.toml")])
    secrets_singleton._reset()
    try:
        test = app(tmp_path / "w")
        words = " ".join(shown(test))
        assert not test.exception
        assert "Inbox" not in words
        assert "Nobody can sign in" in words or "cannot be read" in words
    finally:
        config.set_option("secrets.files", before)
        secrets_singleton._reset()


@pytest.mark.slow
@pytest.mark.parametrize(("person", "may"), [("bob@example.org", False), ("alice@example.org", True)])
def test_who_is_signed_in_without_a_role_reads_and_starts_stops_and_enters_nothing(
    person: str, may: bool, tmp_path: Path, app: Any, shown: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = signable(tmp_path)
    done = found.complete("done", 0.9)
    recipe = {"name": "at work", "data": {"source": {"path": "rows.csv"}, "text": "text", "label": "label"}}
    with found.open() as workspace:
        stopped = workspace.create_run(name="at work", recipe=recipe, recipe_digest="0" * 64, policies={}).id
        workspace.set_state(stopped, "preparing")
        vouch(Ledger(workspace), "alice@example.org", ["reviewer"])
    for name, value in {"configured": True, "problem": None, "signed_in": True, "person": person}.items():
        monkeypatch.setattr(single_sign_on, name, lambda value=value: value)
    new = app(found.root, page="new")
    assert bool(new.file_uploader) is may
    run = app(found.root, stopped, "run")
    assert any(button.key == "progress-resume" for button in run.button) is may
    exports = app(found.root, done, "exports")
    files = {part.proto.label for part in exports.get("download_button")}
    assert ("Download bundle" in files) is may
    assert "Download PDF" in files
    for test in (new, run, exports):
        assert not test.exception
        assert ("Who signs in without a role here may read" in " ".join(shown(test))) is not may
