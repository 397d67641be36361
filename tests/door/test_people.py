"""Keys and who they speak for: files, registration, single sign-on, revocation."""

from __future__ import annotations

import stat

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rai_tune.core import ConflictError, UsageError
from rai_tune.promoting import promote_run, sign_run
from rai_tune.promotion.checking import check_ledger
from rai_tune.promotion.identity import unlocked_signer
from rai_tune.promotion.keys import check_person, key_id_of, new_key, same_person, unlock, workspace_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import read_registry, register, revoke, signer_for, vouch, vouched_signer

PASSPHRASE = "the kettle is on the hob"


def test_a_key_file_is_encrypted_and_its_owners_alone(tmp_path):
    path = tmp_path / "keys" / "ada.pem"
    public = new_key(path, PASSPHRASE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in path.read_bytes()
    assert key_id_of(unlock(path, PASSPHRASE).public_key()) == key_id_of(public)
    before = path.read_bytes()
    with pytest.raises(ConflictError, match="a key is never replaced"):
        new_key(path, PASSPHRASE)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["ada.pem"]


@pytest.mark.parametrize(
    ("passphrase", "message"), [("another one entirely", "wrong passphrase"), (None, "needs its passphrase")]
)
def test_a_wrong_or_missing_passphrase_opens_nothing(tmp_path, passphrase, message):
    new_key(tmp_path / "a.pem", PASSPHRASE)
    with pytest.raises(UsageError, match=message):
        unlock(tmp_path / "a.pem", passphrase)


def test_a_short_passphrase_makes_no_key(tmp_path):
    with pytest.raises(UsageError, match="at least 12 characters"):
        new_key(tmp_path / "a.pem", "short")
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_others_may_read_is_refused(tmp_path):
    new_key(tmp_path / "a.pem", PASSPHRASE)
    (tmp_path / "a.pem").chmod(0o640)
    with pytest.raises(UsageError, match="others on this machine may read this key"):
        unlock(tmp_path / "a.pem", PASSPHRASE)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_of_another_type_is_refused(tmp_path, kind):
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "a.pem"
    path.write_bytes(
        key.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(PASSPHRASE.encode()))
    )
    path.chmod(0o600)
    with pytest.raises(UsageError, match="a key of another type; only Ed25519"):
        unlock(path, PASSPHRASE)


def test_a_key_id_is_what_openssl_would_say(tmp_path):
    import subprocess

    public = new_key(tmp_path / "a.pem", PASSPHRASE)
    pem = tmp_path / "a.pub"
    pem.write_bytes(public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo))
    try:
        der = subprocess.run(
            ["openssl", "pkey", "-pubin", "-in", str(pem), "-outform", "DER"], capture_output=True, check=True
        ).stdout
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    import hashlib

    assert hashlib.sha256(der).hexdigest() == key_id_of(public)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 121, "<b>", "\u202eevil", "../x", "[red]x"])
def test_odd_names_are_refused(name):
    with pytest.raises(UsageError, match="is not a name"):
        check_person(name)


def test_spelling_does_not_make_another_person():
    assert same_person("Ada  LOVELACE", "ada lovelace")
    assert same_person("\uff21da", "Ada")
    assert not same_person("Ada", "Adam")


def test_a_role_is_one_that_exists(workspace):
    with pytest.raises(UsageError, match="role 'owner' is not one of author, reviewer, approver"):
        register(Ledger(workspace), "Ada", ["owner"], Ed25519PrivateKey.generate().public_key())


def test_a_key_is_registered_once_and_never_again_after_revocation(workspace):
    ledger, key = Ledger(workspace), Ed25519PrivateKey.generate()
    register(ledger, "Ada", ["author"], key.public_key())
    with pytest.raises(ConflictError, match="is registered for Ada already"):
        register(ledger, "Eve", ["approver"], key.public_key())
    revoke(ledger, read_registry(ledger).named("ada"), "left the house")
    with pytest.raises(ConflictError, match="and was revoked"):
        register(ledger, "Ada", ["author"], key.public_key())
    with pytest.raises(UsageError, match="was revoked: left the house"):
        signer_for(ledger, key)


def test_an_unknown_key_signs_nothing(workspace):
    with pytest.raises(UsageError, match="is not registered in this workspace"):
        signer_for(Ledger(workspace), Ed25519PrivateKey.generate())


def test_without_a_key_the_command_says_how_to_name_one(workspace, monkeypatch, tmp_path):
    monkeypatch.delenv("RAITUNE_KEY", raising=False)
    with pytest.raises(UsageError, match="say whose key signs"):
        unlocked_signer(Ledger(workspace), None, lambda _: "")
    with pytest.raises(UsageError, match="there is no key file"):
        unlocked_signer(Ledger(workspace), tmp_path / "none.pem", lambda _: "")


def test_people_behind_single_sign_on_sign_with_the_workspaces_key_and_are_named(workspace, small):
    ledger = Ledger(workspace)
    vouch(ledger, "alice@example.org", ["author"])
    vouch(ledger, "bo@example.org", ["approver"])
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, vouched_signer(ledger, "alice@example.org"), "author")
    with pytest.raises(UsageError, match="registered as author"):
        promote_run(workspace, run.id, "production", vouched_signer(ledger, "alice@example.org"))
    entry = promote_run(workspace, run.id, "production", vouched_signer(ledger, "bo@example.org"))
    assert entry.predicate["person"] == "bo@example.org"
    assert check_ledger(ledger).entries == ledger.head().size
    with pytest.raises(UsageError, match="is not registered here"):
        vouched_signer(ledger, "eve@example.org")
    revoke(ledger, read_registry(ledger).named("bo@example.org"), "left")
    with pytest.raises(UsageError, match="may no longer sign"):
        vouched_signer(ledger, "bo@example.org")
    vouched_signer(ledger, "alice@example.org")


def test_the_workspaces_key_is_nobodys_own(workspace):
    ledger = Ledger(workspace)
    vouch(ledger, "alice@example.org", ["approver"])
    own = workspace_key(workspace.root, create=False)
    with pytest.raises(UsageError, match="is not registered"):
        signer_for(ledger, own)
    with pytest.raises(UsageError, match="the workspace's own key"):
        register(ledger, "Eve", ["approver"], own.public_key())
