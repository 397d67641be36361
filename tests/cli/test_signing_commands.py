"""keys, sign, attest, waive, promote, rollback, status and ledger as a person types them, with bad input."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

import small_run as small
from commands import run, sit_down
from rai_tune.workspace import Workspace

LATER = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A folder with a workspace that holds one passing run, and Ada's and Bo's keys; made once, because keys take a while."""
    folder = tmp_path_factory.mktemp("signing")
    with pytest.MonkeyPatch.context() as patch:
        sit_down(patch, folder)
        with Workspace.open(folder / "w") as workspace:
            small.complete_run(workspace, small.trial_policy(small.bound_control(), small.attested_control()))
        assert run("keys", "new", "Ada", "--role", "author", "--out", "ada.pem")[0] == 0
        assert run("keys", "new", "Bo", "--role", "approver", "--role", "reviewer", "--out", "bo.pem")[0] == 0
    (folder / "oversight.md").write_text("The operator on duty can stop the system with one switch.\n")
    return folder


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    """A copy of the folder, and the current one."""
    shutil.copytree(template, tmp_path / "project")
    sit_down(monkeypatch, tmp_path / "project")
    return tmp_path / "project"


def test_from_keys_to_production_and_what_status_and_ledger_say(project):
    assert run("sign", "latest", "--as", "author", "--key", "ada.pem")[0] == 0
    code, said = run("promote", "latest", "--to", "production", "--key", "bo.pem")
    assert (code, "T-2 (awaiting signoff)" in said) == (5, True)
    assert run("attest", "latest", "--control", "T-2", "--file", "oversight.md", "--key", "bo.pem")[0] == 0
    code, said = run("promote", "latest", "--to", "production", "--key", "bo.pem")
    assert (code, "is in production" in said) == (0, True)
    status = json.loads(run("status", "--json")[1])
    served = {item["alias"]: item["promotion"] for item in status["aliases"]}
    assert served["staging"] is None
    assert served["production"]["person"] == "Bo"
    assert run("status")[1].count("nothing was promoted yet") == 1
    head = json.loads(run("ledger", "head", "--json")[1])
    assert head["root"] == status["ledger"]["root"]
    assert "nothing before it was changed" in run("ledger", "verify", "--head", head["root"])[1]
    assert json.loads(run("ledger", "verify", "--json")[1])["entries"] == head["size"]
    kinds = [entry["kind"] for entry in json.loads(run("ledger", "show", "--json")[1])["entries"]]
    assert kinds == ["workspace", "key", "key", "evidence", "signoff", "attestation", "promotion"]
    assert len(run("ledger", "show", "--run", "latest")[1].splitlines()) == 4
    assert max(len(line) for line in run("ledger", "show")[1].splitlines()) <= 80


def test_keys_are_listed_added_vouched_for_and_revoked(project):
    assert run("keys", "new", "Cy", "--out", "cy.pem")[0] == 0
    assert run("keys", "add", "cy.pub", "--person", "Cy", "--role", "reviewer")[0] == 0
    assert run("keys", "vouch", "di@example.org", "--role", "reviewer")[0] == 0
    assert run("keys", "revoke", "Cy", "--reason", "left the house")[0] == 0
    listed = run("keys", "list")[1]
    assert "revoked: left the house" in listed
    assert "by single sign-on" in listed
    found = json.loads(run("keys", "list", "--json")[1])["keys"]
    assert [(key["person"], key["roles"]) for key in found] == [
        ("Ada", ["author"]),
        ("Bo", ["approver", "reviewer"]),
        ("Cy", ["reviewer"]),
        ("di@example.org", ["reviewer"]),
    ]
    code, said = run("sign", "latest", "--as", "reviewer", "--key", "cy.pem")
    assert (code, "was revoked" in said) == (2, True)


BAD = [
    (("keys", "new", "Eve", "--role", "boss", "--out", "eve.pem"), 2, "role 'boss' is not one of"),
    (("keys", "new", "Eve", "--out", "ada.pem"), 7, "a key is never replaced"),
    (("keys", "new", "<Eve>", "--out", "eve.pem"), 2, "is not a name"),
    (("keys", "add", "oversight.md", "--person", "Eve", "--role", "author"), 2, "no public key in PEM form"),
    (("keys", "add", "none.pub", "--person", "Eve", "--role", "author"), 2, "no such file"),
    (("keys", "revoke", "Eve", "--reason", "gone"), 2, "no key is registered"),
    (("sign", "latest", "--as", "boss", "--key", "ada.pem"), 2, "is not one of author"),
    (("sign", "latest", "--as", "reviewer", "--key", "ada.pem"), 2, "registered as author"),
    (("sign", "latest", "--as", "reviewer", "--key", "bo.pem"), 2, "no author signed"),
    (("sign", "latest", "--as", "author"), 2, "say whose key signs"),
    (("attest", "latest", "--control", "T-2", "--key", "bo.pem"), 2, "give the statement with --file"),
    (("attest", "latest", "--control", "T-2", "--file", "none.md", "--key", "bo.pem"), 2, "no such file"),
    (("attest", "latest", "--control", "T-9", "--file", "oversight.md", "--key", "bo.pem"), 2, "Did you mean"),
    (
        ("waive", "latest", "--control", "T-2", "--reason", "we need it", "--until", "soon", "--key", "bo.pem"),
        2,
        "not a day",
    ),
    (
        ("waive", "latest", "--control", "T-2", "--reason", "ok", "--until", LATER, "--key", "bo.pem"),
        2,
        "in a sentence",
    ),
    (
        ("waive", "latest", "--control", "T-2", "--reason", "we need it", "--until", LATER, "--key", "ada.pem"),
        2,
        "not as approver",
    ),
    (("promote", "latest", "--to", "prod", "--key", "bo.pem"), 2, "staging and production"),
    (("promote", "latest", "--to", "production", "--key", "ada.pem"), 2, "only an approver promotes"),
    (("promote", "nobody-00000000", "--to", "production", "--key", "bo.pem"), 2, "there is no run"),
    (("rollback", "production", "--key", "bo.pem"), 2, "nothing was ever promoted"),
    (("ledger", "verify", "--head", "12"), 2, "is no head of a ledger"),
    (("ledger", "verify", "--head", "0" * 64), 6, "never had that head"),
    (("ledger", "verify", "--head", "99:" + "0" * 64), 6, "it was cut"),
]


@pytest.mark.parametrize(
    ("arguments", "code", "message"), BAD, ids=[" ".join(each[0][:3])[:40] + f" {each[2][:18]}" for each in BAD]
)
def test_bad_input_is_named_and_changes_nothing(project, arguments, code, message):
    before, files = run("ledger", "head")[1], sorted(path.name for path in project.iterdir())
    found, said = run(*arguments)
    assert (found, message in said) == (code, True), said
    assert run("ledger", "head")[1] == before
    assert sorted(path.name for path in project.iterdir()) == files


def test_a_run_that_names_a_key_without_its_public_half_is_refused_before_it_begins(project, monkeypatch):
    from rai_tune.core import UsageError
    from rai_tune.promotion.identity import named_key_id

    monkeypatch.setenv("RAITUNE_KEY", str(project / "ada.pem"))
    ada = json.loads(run("keys", "list", "--json")[1])["keys"][0]
    assert named_key_id() == ada["key_id"]
    (project / "ada.pub").unlink()
    with pytest.raises(UsageError, match="there is no public key"):
        named_key_id()
