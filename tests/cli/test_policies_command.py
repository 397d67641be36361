"""``raitune policies``: what it prints, its exit codes, and hostile packs."""

import json
import sys
import unicodedata
from pathlib import Path

import pytest
import yaml

from rai_tune.gate import known_policies, load_policy
from rai_tune.workspace import Workspace

PACK = {
    "schema": "rai-tune/policy/v1",
    "id": "mine",
    "version": "1.0.0",
    "title": "Mine",
    "issuer": "A test",
    "summary": "For tests.",
    "status": "organisation",
    "verified_on": "2026-11-25",
    "sources": ["a test"],
}
LIMIT = {"value": 0.8, "origin": "organisation", "source": "set for a test"}
CHECK = {
    "kind": "bound",
    "audit": "rates",
    "metric": "share",
    "over": "overall",
    "direction": "at_least",
    "threshold": LIMIT,
}
CONTROL = {
    "id": "M-1",
    "reference": "Section 1",
    "title": "A share",
    "asks": "The share is large.",
    "mode": "automated",
    "severity": "block",
    "check": CHECK,
}
FIXTURES = [
    {
        "control": "M-1",
        "expect": outcome,
        "says": f"ends in {outcome}",
        "audit": "rates",
        "metric": "share",
        "readings": [reading],
    }
    for outcome, reading in (
        ("pass", {"estimate": 0.9, "lower": 0.8, "upper": 0.95}),
        ("fail", {"estimate": 0.7, "lower": 0.6, "upper": 0.79}),
        ("insufficient_evidence", {"estimate": 0.85, "lower": 0.7, "upper": 0.9}),
    )
]


class Plain(yaml.SafeDumper):
    """Writes a value twice where it occurs twice: packs hold no aliases."""

    def ignore_aliases(self, data):
        return True


def written(body):
    return yaml.dump(body, Dumper=Plain, allow_unicode=True)


@pytest.fixture
def call(monkeypatch, capsys, tmp_path):
    """Run the command line in this process; returns (exit code, stdout, stderr)."""
    from rai_tune.cli import main

    monkeypatch.delenv("RAITUNE_WORKSPACE", raising=False)

    def run(*arguments):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["raitune", "policies", *map(str, arguments)])
        code = main._guarded()
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture
def pack(tmp_path):
    """Write a pack, with fixtures, and return its path."""

    def write(name="mine.yaml", controls=(CONTROL,), fixtures=FIXTURES, **fields):
        path = tmp_path / name
        path.write_text(written({**PACK, **fields, "controls": list(controls)}), "utf-8")
        if fixtures is not None:
            (tmp_path / "fixtures").mkdir(exist_ok=True)
            body = {"policy": fields.get("id", "mine"), "fixtures": fixtures}
            (tmp_path / "fixtures" / name).write_text(written(body), "utf-8")
        return path

    return write


def test_list_names_every_pack_within_80_columns(call):
    code, out, err = call("list")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line for line in lines if not line.startswith(" ")]
    assert [line.split()[0] for line in heads] == list(known_policies())
    assert any(line.startswith("nyc-ll144 ") and line.endswith(": in force") for line in heads)
    assert any(line.startswith("eeoc-four-fifths ") and line.endswith("guidance, not law") for line in heads)


def test_list_counts_controls_by_mode(call):
    code, out, _ = call("list", "--json")
    assert code == 0
    rows = {row["id"]: row for row in json.loads(out)["policies"]}
    for name in known_policies():
        controls = load_policy(name).policy.controls
        assert rows[name]["controls"] == len(controls) == sum(rows[name]["modes"].values())
        assert rows[name]["modes"]["attestation"] == sum(control.check is None for control in controls)
        assert rows[name]["digest"] == load_policy(name).digest


def test_show_says_who_set_each_number(call, pack):
    code, out, _ = call("show", pack(controls=[{**CONTROL, "binding": True, "sources": ["Where it stands"]}]))
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    flat = " ".join(out.split())
    for words in (
        "M-1: A share The share is large.",
        "reference: Section 1",
        "decided by: evidence",
        "severity: blocks",
        "check: share of the audit rates is at least 0.8, shown by its bounds at alpha 0.05, over all rows on the test split",
        "threshold: 0.8, from the organisation",
        "source of the threshold: set for a test",
        "standing: an organisation's own",
        "binding: law that binds",
        "verified on: 2026-11-25",
        "source: Where it stands",
    ):
        assert words in flat


DATED = {**CONTROL, "id": "M-2", "applies_from": "2027-01-01", "applies_until": "2028-01-01"}


@pytest.mark.parametrize(
    ("day", "standing", "applies"),
    [
        ("2026-12-31", "future", False),
        ("2027-01-01", "in_force", True),
        ("2027-12-31", "in_force", True),
        ("2028-01-01", "superseded", False),
    ],
)
def test_show_as_of_a_day_says_what_applies(call, pack, day, standing, applies):
    path = pack(controls=[CONTROL, DATED], status="in_force")
    code, out, _ = call("show", path, "--as-of", day, "--json")
    assert code == 0
    shown = json.loads(out)
    assert shown["as_of"] == day
    assert [item["standing"] for item in shown["policy"]["controls"]] == ["in_force", standing]
    assert [item["applies"] for item in shown["policy"]["controls"]] == [True, applies]
    _, text, _ = call("show", path, "--as-of", day)
    assert ("blocks, when it applies" in text) is not applies


def test_show_has_words_for_every_control_of_every_pack(call):
    for name in known_policies():
        code, out, _ = call("show", name)
        assert code == 0
        for control in load_policy(name).policy.controls:
            assert f"\n{control.id}: " in out


def test_texts_of_a_pack_are_shown_as_they_are_and_do_no_harm(call, pack):
    hostile = "[red]<b>*x*\x85\u202egnp\u200b {{ 7*7 }}"
    path = pack(controls=[{**CONTROL, "title": hostile, "asks": hostile}], title=hostile)
    for command in (("show", path), ("diff", path, "baseline")):
        code, out, err = call(*command)
        assert code == 0, err
        assert "[red]<b>*x*" in out
        assert "[U+202E]gnp[U+200B]" in out
        assert "{{ 7*7 }}" in out
        assert not {unicodedata.category(character) for character in out.replace("\n", "")} & {"Cc", "Cf"}


def test_test_says_one_line_a_pack(call):
    code, out, err = call("test", "baseline", "nyc-ll144")
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["baseline", "nyc-ll144"]
    assert all(line.endswith("all hold") for line in out.splitlines())


def test_test_names_each_broken_fixture_and_exits_3(call, pack, tmp_path):
    moved = {**CONTROL, "check": {**CHECK, "threshold": {**LIMIT, "value": 0.81}}}
    code, out, _ = call("test", pack(), pack("moved.yaml", [moved], FIXTURES[:2]))
    assert code == 3
    flat = " ".join(out.split())
    assert "mine 1.0.0: 3 fixtures, all hold" in flat
    assert "mine 1.0.0: 2 of 3 fixtures broken or missing" in flat
    assert "M-1: ends in pass: expected pass, found insufficient_evidence" in flat
    assert "a fixture in which M-1 ends in insufficient_evidence" in flat
    code, out, _ = call("test", tmp_path / "moved.yaml", "--json")
    assert code == 3
    (row,) = json.loads(out)["policies"]
    assert (row["holds"], row["fixtures"], len(row["broken"])) == (False, 3, 2)


BAD = {
    "unknown kind": ({"check": {**CHECK, "kind": "bond"}}, "controls[0] (M-1).check", "Did you mean 'bound'"),
    "threshold without origin": (
        {"check": {**CHECK, "threshold": {"value": 0.8, "source": "x"}}},
        "controls[0] (M-1).check.threshold.origin",
        "required",
    ),
    "unknown key": ({"severty": "block"}, "controls[0] (M-1).severty", "severity"),
    "condition that names itself": ({"when": 'outcomes["M-1"] == "pass"'}, "M-1", "itself"),
    "condition that names nothing known": ({"when": "system.weather == 'fair'"}, "M-1", "weather"),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("command", ["show", "test", "diff"])
def test_a_pack_that_cannot_be_read_is_named_with_control_and_field(call, pack, case, command):
    change, place, says = BAD[case]
    path = pack(controls=[{**CONTROL, **change}])
    code, out, err = call(command, path, *(["baseline"] if command == "diff" else []))
    assert (code, out) == (2, "")
    assert "mine.yaml" in err
    assert place in err
    assert says in err
    assert "Traceback" not in err


def test_other_bad_input(call, pack):
    for arguments, says in (
        (("show", "baselin"), "Did you mean 'baseline'"),
        (("show", "../../etc/passwd"), "passwd"),
        (("show", "baseline", "--as-of", "tomorrow"), "--as-of 'tomorrow' is not a date"),
        (("test", pack(fixtures=None)), "fixtures"),
        (("diff", "baseline", "0123456789abcdef"), "no workspace"),
        (("diff", "baseline", "baseline", "--workspace", "nowhere"), "no workspace"),
    ):
        code, out, err = call(*arguments)
        assert (code, out) == (2, ""), arguments
        assert says in err


def changed(value, version="1.1.0"):
    return {"controls": [{**CONTROL, "check": {**CHECK, "threshold": {**LIMIT, "value": value}}}], "version": version}


def test_diff_without_a_workspace_says_what_changed(call, pack):
    code, out, err = call("diff", pack(), pack("new.yaml", **changed(0.9)))
    assert (code, err) == (0, "")
    assert "\nM-1\n  threshold: 0.8 -> 0.9 (stricter)\n" in out
    assert "1.0.0 -> 1.1.0 is a minor step." in " ".join(out.split())
    assert "There is no workspace here" in out
    code, out, _ = call("diff", pack(), pack("new.yaml", **changed(0.7)))
    assert code == 0
    assert "(looser)" in out
    assert "That does not fit." in out


def test_diff_of_equal_packs(call, pack):
    code, out, _ = call("diff", pack(), pack("same.yaml"))
    assert code == 0
    assert "The packs are the same" in out


@pytest.fixture
def stored(tmp_path, pack):
    """A workspace with three runs under the pack, which is stored with each, and one that stopped."""
    workspace = Workspace.open(tmp_path / ".raitune")
    loaded = load_policy(pack())
    body = loaded.policy.model_dump(mode="json", exclude_none=True)
    runs = []
    for value, state in ((0.95, "completed"), (0.88, "completed"), (0.3, "completed"), (0.9, "failed")):
        run = workspace.create_run(name="small", recipe={}, recipe_digest="0" * 64, policies={"mine": loaded.digest})
        artifacts = {"data": {"groups": {}, "rows": 9}, "policy:mine": body, "audit:rates": measured(value)}
        for name, stored in artifacts.items():
            workspace.attach(run.id, name, workspace.put_json(stored), "application/json")
        workspace.update_run(run.id, model_digest="1" * 64, predictions_digest="2" * 64)
        for step in ("preparing", *(["deciding"] if state == "completed" else []), state):
            workspace.set_state(run.id, step)
        runs.append(run.id)
    yield workspace, loaded, runs
    workspace.close()


def measured(value):
    bounds = [("lower", value - 0.05), ("upper", value + 0.04)]
    return {
        "audit": "rates",
        "suite": "fairness",
        "version": "1",
        "seed": 0,
        "duration_s": 1,
        "inputs": {"predictions": "2" * 64, "model": "1" * 64},
        "measurements": [
            {
                "audit": "rates",
                "metric": "share",
                "estimate": value,
                "low": value - 0.06,
                "high": value + 0.05,
                "method": "by hand",
                "n": 100,
                "split": "test",
                "bounds": [{"side": side, "alpha": 0.05, "value": end, "method": "by hand"} for side, end in bounds],
            }
        ],
    }


def test_diff_names_the_runs_that_would_be_decided_differently(call, pack, stored):
    _, loaded, runs = stored
    new = pack("new.yaml", **changed(0.89))
    code, out, err = call("diff", loaded.digest[:8], new)
    assert (code, err) == (0, "")
    assert "3 stored runs decided again, 1 skipped; 1 would be decided differently." in out
    assert f"  {runs[1]}: pass -> insufficient evidence\n    M-1: pass -> insufficient evidence\n" in out
    assert f"  {runs[3]} skipped: the run is failed" in out
    code, out, _ = call("diff", loaded.digest, new, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["schema"] == "rai-tune/policy-diff/v1"
    assert [change["field"] for change in found["changes"]] == ["version", "check.threshold.value"]
    assert [(run["run_id"], run["old"], run["new"], run["named"]) for run in found["runs"]["changed"]] == [
        (runs[1], "pass", "insufficient_evidence", True)
    ]
    assert (found["runs"]["looked_at"], [run["run_id"] for run in found["runs"]["skipped"]]) == (3, [runs[3]])


def test_diff_over_changed_evidence_says_so_and_exits_6(call, pack, stored):
    workspace, loaded, runs = stored
    path = workspace.path_of(workspace.artifacts(runs[0])["audit:rates"].digest)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"0.95", b"0.85"))
    code, out, err = call("diff", loaded.path, pack("new.yaml", **changed(0.89)))
    assert code == 6
    assert "2 stored runs decided again, 2 skipped; 1 would be decided differently." in out
    assert f"{runs[0]} skipped: artifact" in out
    assert err.startswith("error: stored evidence was changed")


def test_the_pack_in_the_docs_holds(call, tmp_path):
    text = (Path(__file__).resolve().parents[2] / "docs" / "policies.md").read_text("utf-8")
    pack, veto, fixtures = (part.partition("```")[0] for part in text.split("```yaml\n")[1:])
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "our-policy.yaml").write_text(pack, "utf-8")
    (tmp_path / "fixtures" / "our-policy.yaml").write_text(fixtures, "utf-8")
    assert call("test", "our-policy.yaml") == (0, "our-lending 1.0.0: 7 fixtures, all hold\n", "")
    (tmp_path / "our-policy.yaml").write_text(pack + veto, "utf-8")
    code, out, _ = call("show", "our-policy.yaml")
    said = " ".join(out.split())
    assert code == 0
    assert "OUR-3: One cutoff for everybody" in said
    assert "check: the run did not use the mitigation method threshold; no mitigation method of the run needs" in said
    (tmp_path / "our-policy.yaml").write_text(pack + veto.replace("[threshold]", "[treshold]"), "utf-8")
    code, _, told = call("show", "our-policy.yaml")
    assert code == 2
    assert "Did you mean 'threshold'?" in told
