"""``raitune report --pdf --sign`` and ``raitune verify report.pdf`` as a person types them, with bad input."""

from __future__ import annotations

import json
import shutil

import pytest

import small_run as small
from commands import run, sit_down
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A workspace with a run, two people with keys, and a report that both signed."""
    folder = tmp_path_factory.mktemp("signed")
    with pytest.MonkeyPatch.context() as patch:
        sit_down(patch, folder)
        with Workspace.open(folder / "w") as workspace:
            small.complete_run(workspace, recipe=small.whole_recipe("small", "trial"))
        assert run("keys", "new", "Ada", "--role", "author", "--out", "ada.pem")[0] == 0
        assert run("keys", "new", "Bo", "--role", "approver", "--out", "bo.pem")[0] == 0
        assert run("report", "latest", "--pdf", "unsigned.pdf")[0] == 0
        assert run("report", "latest", "--pdf", "report.pdf", "--sign", "ada.pem")[0] == 0
        first = (folder / "report.pdf").read_bytes()
        code, said = run("report", "latest", "--pdf", "report.pdf", "--sign", "bo.pem")
        assert (code, "signed report.pdf as Bo" in said) == (0, True), said
        assert (folder / "report.pdf").read_bytes().startswith(first)
    return folder


@pytest.fixture
def project(template, tmp_path, monkeypatch):
    """A copy of the folder, and the current one."""
    shutil.copytree(template, tmp_path / "project")
    sit_down(monkeypatch, tmp_path / "project")
    return tmp_path / "project"


def test_a_report_that_two_people_signed_is_verified_with_and_without_the_workspace(project, monkeypatch):
    code, said = run("verify", "report.pdf")
    assert (code, said.count(": holds; ")) == (0, 2)
    assert "Ada (ledger of this workspace)" in said and "covers the whole file" in said
    found = json.loads(run("verify", "report.pdf", "--json")[1])
    assert (found["schema"], found["ok"], found["ledger"]) == ("rai-tune/report-check/v1", True, True)
    assert [(item["field"], item["registered_as"], item["ok"]) for item in found["signatures"]] == [
        ("author 1", "Ada", True),
        ("approver 1", "Bo", True),
    ]
    monkeypatch.setenv("RAITUNE_WORKSPACE", str(project / "nowhere"))
    code, said = run("verify", "report.pdf")
    assert (code, "Ada (the certificate's own word)" in said, "No workspace was asked" in said) == (0, True, True)
    code, said = run("verify", "report.pdf", "--workspace", "nowhere")
    assert code == 2


def cut(body):
    return body[: len(body) // 2]


def flipped(body):
    return body[:2000] + bytes([body[2000] ^ 1]) + body[2001:]


BAD_FILES = [
    (lambda body: b"no PDF at all", "cannot be read as a PDF"),
    (lambda body: b"", "cannot be read as a PDF"),
    (cut, "cannot be read as a PDF"),
    (flipped, "does not hold"),
    (lambda body: body + b"more", "DOES NOT HOLD"),
]


@pytest.mark.parametrize(("change", "message"), BAD_FILES, ids=["text", "empty", "cut", "flipped", "appended"])
def test_a_damaged_report_exits_6_in_a_sentence(project, change, message):
    path = project / "report.pdf"
    path.write_bytes(change(path.read_bytes()))
    code, said = run("verify", "report.pdf")
    assert (code, "does not hold" in said) == (6, True), said
    assert message in said and "Traceback" not in said
    assert json.loads(run("verify", "report.pdf", "--json")[1])["ok"] is False


def test_an_unsigned_report_and_a_missing_one(project):
    code, said = run("verify", "unsigned.pdf")
    assert (code, "it holds no signature" in said) == (6, True)
    code, said = run("verify", "none.pdf")
    assert (code, "there is no such file" in said) == (2, True)


def test_a_revoked_key_is_named_where_the_ledger_is_asked(project):
    assert run("keys", "revoke", "Bo", "--reason", "lost on a train")[0] == 0
    code, said = run("verify", "report.pdf")
    assert (code, "lost on a train" in said, "author 1: holds" in said) == (6, True, True), said


BAD = [
    (("--sign", "ada.pem"), 2, "--sign needs --pdf"),
    (("--pdf", "report.pdf", "--sign", "ada.pem"), 2, "Ada signed this file already"),
    (("--pdf", "report.pdf"), 7, "holds signatures"),
    (("--pdf", "new.pdf", "--sign", "none.pem"), 2, "none.pem"),
    (("--pdf", "new.pdf", "--sign", "unsigned.pdf"), 2, "unsigned.pdf"),
    (("--pdf", "new.pdf", "--sign", "ada.pem", "--policy", "nyc-ll144"), 2, "nyc-ll144"),
]


@pytest.mark.parametrize(("options", "code", "message"), BAD, ids=[" ".join(each[0])[:40] for each in BAD])
def test_bad_input_is_named_and_writes_nothing(project, options, code, message):
    before = {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()}
    found, said = run("report", "latest", *options)
    assert (found, message in said) == (code, True), said
    assert {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()} == before
