"""Faults in stored bytes, weights, keys, the ledger and the clock. Loaded by path; importing it registers them."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization as serial
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from promotion_case import PHRASE, fault, small

from rai_tune.core import canonical_json, sha256_bytes
from rai_tune.promoting import promote_run
from rai_tune.promotion import merkle
from rai_tune.promotion.identity import unlocked_signer
from rai_tune.promotion.keys import new_key, unlock, write_private
from rai_tune.promotion.people import register
from rai_tune.promotion.records import SIGNOFF
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from promotion_case import Case

# Stored bytes


@fault("artifact .* is missing", 6, evidence=True)
def missing_audit_artifact(case):
    case.ready()
    case.stored("audit:task_quality").unlink()


@fault("artifact .* was changed", 6, evidence=True)
def changed_audit_artifact(case):
    case.ready()
    path = case.stored("audit:task_quality")
    path.write_bytes(path.read_bytes().replace(b"0.85", b"0.95"))


@fault("artifact .* was changed", 6)
def truncated_predictions(case):
    case.ready()
    path = case.stored("predictions")
    path.write_bytes(path.read_bytes()[:-100])


@fault("artifact .* is missing", 6)
def missing_predictions(case):
    case.ready()
    case.stored("predictions").unlink()


@fault("its predictions are not those that were recorded", 6, evidence=True)
def other_predictions_under_the_name(case):
    case.ready()
    case.ws.attach(case.run.id, "predictions", case.ws.put_bytes(b"other predictions"), small.PARQUET)


@fault("is not the evidence that was signed", 5)
def audit_replaced_after_signing(case):
    case.ready()
    case.store(case.result(small.accuracy(0.99, 0.98, 1.0)))


@fault("is not the evidence that was signed", 5)
def model_replaced_after_signing(case):
    case.ready()
    other = small.complete_run(case.ws, name="other", weights=b"WEIGHTS")
    manifest = case.ws.artifacts(other.id)["model"].digest
    case.ws.attach(case.run.id, "model", manifest, small.JSON)
    for name in ("model.safetensors", "config.json"):
        shutil.copyfile(case.ws.run_dir(other.id) / "model" / name, case.model_file(name))


@fault("model/model.safetensors is not the file that was measured", 6)
def weights_changed(case):
    case.ready()
    case.model_file("model.safetensors").write_bytes(b"WEIGHTS")


@fault("model/model.safetensors is to be served and is not there", 6)
def weights_missing(case):
    case.ready()
    case.model_file("model.safetensors").unlink()


@fault("model/decision.json is not the file that was measured", 6)
def threshold_changed(case):
    case.ready()
    case.model_file("decision.json").write_bytes(b'{"adapter":false,"threshold":0.1}')


@fault("artifact .* was changed", 6)
def stored_weights_changed(case):
    case.ready()
    case.ws.path_of(sha256_bytes(b"weights")).write_bytes(b"WEIGHTS")


@fault("artifact .* was changed", 6)
def stored_list_of_model_files_changed(case):
    case.ready()
    path = case.stored("model")
    path.write_bytes(path.read_bytes().replace(b"model.safetensors", b"other.safetensors"))


# Keys


def with_key_file(case: Case) -> Path:
    """A key file of Dee, who may approve."""
    case.ready()
    path = case.tmp / "dee.pem"
    register(case.ledger, "Dee", ["approver"], new_key(path, PHRASE))
    case.patch.setenv("RAITUNE_KEY_PASSPHRASE", PHRASE)
    case.unlock = lambda: unlocked_signer(case.ledger, path, str)
    return path


def other_key(path: Path, private: Any) -> None:
    lock = serial.BestAvailableEncryption(PHRASE.encode())
    path.write_bytes(private.private_bytes(serial.Encoding.PEM, serial.PrivateFormat.PKCS8, lock))
    path.chmod(0o600)


@fault("a key of another type; only Ed25519", 2)
def rsa_key(case):
    other_key(with_key_file(case), rsa.generate_private_key(65537, 2048))


@fault("a key of another type; only Ed25519", 2)
def elliptic_curve_key(case):
    other_key(with_key_file(case), ec.generate_private_key(ec.SECP256R1()))


@fault("wrong passphrase", 2)
def wrong_passphrase(case):
    with_key_file(case)
    case.patch.setenv("RAITUNE_KEY_PASSPHRASE", PHRASE[:-1])


@fault("others on this machine may read this key", 2)
def key_file_that_others_may_read(case):
    with_key_file(case).chmod(0o640)


@fault("there is no key file", 2)
def key_file_missing(case):
    with_key_file(case).unlink()


@fault("is not registered in this workspace", 2)
def key_that_nobody_registered(case):
    path = with_key_file(case)
    path.unlink()
    new_key(path, PHRASE)


@fault("Dee was revoked", 2)
def revoked_key_unlocked_again(case):
    with_key_file(case)
    case.revoke("Dee")


# The ledger and the clock


@fault("the clock was moved back", 6)
def clock_moved_back(case):
    case.ready()

    class Earlier(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(2020, 1, 1, tzinfo=UTC)

    case.patch.setattr("rai_tune.promotion.ledger.datetime", Earlier)


@fault("the ledger has no entry 2", 6)
def entry_removed(case):
    case.ready()
    case.sql("DELETE FROM ledger WHERE seq = 2")


@fault("the ledger has 5 entries and a head of size 6", 6)
def last_entry_removed(case):
    case.ready()
    case.sql("DELETE FROM ledger WHERE seq = 5")


@fault("entry 3 of the ledger was changed", 6)
def entry_edited(case):
    case.ready()
    case.sql("UPDATE ledger SET entry = replace(entry, 'key', 'kez') WHERE seq = 3")


@fault("not those that its head was signed over", 6)
def entry_edited_with_its_hash(case):
    case.ready()
    row = case.ledger.entries()[3]
    entry = row.entry.replace(row.at, "2020-01-01T00:00:00.000000Z")
    leaf = merkle.leaf_hash(entry.encode()).hex()
    case.sql("UPDATE ledger SET entry = ?, leaf = ?, at = ? WHERE seq = 3", entry, leaf, "2020-01-01T00:00:00.000000Z")


@fault("entry 1 of the ledger was re-labelled", 6)
def entries_reordered(case):
    case.ready()
    case.sql("UPDATE ledger SET seq = CASE seq WHEN 1 THEN -2 ELSE -1 END WHERE seq IN (1, 2)")
    case.sql("UPDATE ledger SET seq = -seq WHERE seq < 0")


@fault("the ledger has 6 entries and a head of size 5", 6)
def head_removed(case):
    case.ready()
    case.sql("DELETE FROM ledger_heads WHERE size = 6")


@fault("the ledger has entries and no head", 6)
def every_head_removed(case):
    case.ready()
    case.sql("DELETE FROM ledger_heads")


@fault("does not fit what it signs|not in canonical form", 6)
def head_signature_changed(case):
    case.ready()
    head = json.loads(case.ws.chain_head().envelope)
    sign = head["signatures"][0]["sig"]
    head["signatures"][0]["sig"] = ("A" if sign[0] != "A" else "B") + sign[1:]
    case.sql("UPDATE ledger_heads SET envelope = ? WHERE size = 6", canonical_json(head).decode())


@fault("signed by key .*, not by", 6)
def head_of_another_ledger(case):
    case.ready()
    with Workspace.open(case.tmp / "other") as other:
        for name in ("Ann", "Ben", "Con", "Don", "Eva"):
            small.person(other, name, "author")
        head = other.chain_head()
    assert head.size == 6
    case.sql("UPDATE ledger_heads SET envelope = ?, root = ? WHERE size = 6", head.envelope, head.root)


@fault("do not belong together", 6)
def envelope_replaced(case):
    case.ready()
    case.sign("bo", "reviewer")
    other = case.ledger.entries((SIGNOFF,))[1].envelope
    case.sql("UPDATE ledger SET envelope = ? WHERE seq = 5", other)


@fault("another workspace key than the one that lies here", 6)
def workspace_key_replaced(case):
    case.ready()
    path = case.ws.root / "keys" / "workspace.pem"
    path.unlink()
    write_private(path, ed25519.Ed25519PrivateKey.generate(), None)


@fault("the key of this workspace is not here", 2)
def workspace_key_lost(case):
    case.ready()
    (case.ws.root / "keys" / "workspace.pem").unlink()


@fault("entry 6 of the ledger was re-labelled", 6)
def revocation_under_another_name(case):
    case.ready()
    case.revoke("Ada")
    case.sql("UPDATE ledger SET kind = 'deletion' WHERE kind = 'revocation'")


@fault("entry 5 of the ledger was re-labelled", 6)
def entry_under_another_time(case):
    case.ready()
    case.sql("UPDATE ledger SET at = '2020-01-01T00:00:00.000000Z' WHERE seq = 5")


@fault("Cy is an author of this run", 2)
def author_hidden_under_another_run(case):
    case.ready()
    case.sign("cy")
    case.sql("UPDATE ledger SET run_id = NULL WHERE seq = 6")


@fault("it was replayed", 6)
def promotion_replayed(case):
    case.ready()
    earlier = promote_run(case.ws, case.run.id, "staging", case.people["cy"])
    case.allowed = {earlier.seq}
    own = unlock(case.ws.root / "keys" / "workspace.pem", None)
    case.ledger._place("promotion", earlier.envelope, own, case.run.id, None)


@fault("'live' is no place to promote to; there are staging and production", 2)
def an_alias_that_does_not_exist(case):
    case.ready()
    case.alias = "live"
