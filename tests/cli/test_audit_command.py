"""``raitune audit``: verdicts, exit codes, JSON and refusals, on tables that a person could have."""

import json

import numpy as np
import pandas as pd
import pytest

ASKED = ("--label", "hired", "--score", "score", "--threshold", "0.5", "--groups", "sex", "--favourable", "1")

POLICY = """\
schema: rai-tune/policy/v1
id: house
version: 1.0.0
title: House rule
issuer: A test
summary: Groups are selected alike and are large enough.
status: organisation
verified_on: 2026-11-24
sources: [A test]
controls:
  - id: HOUSE-01
    reference: one
    title: Groups are large enough
    asks: Each group has at least 30 rows.
    mode: automated
    severity: block
    check:
      kind: coverage
      audit: group_rates
      metric: group_size
      threshold: {value: 30, origin: organisation, source: A test}
  - id: HOUSE-02
    reference: two
    title: Groups are selected alike
    asks: Each group is selected at least 0.8 times as often as each other.
    mode: automated
    severity: block
    check:
      kind: bound
      audit: group_rates
      metric: impact_ratio
      over: pairs
      direction: at_least
      threshold: {value: 0.8, origin: guidance, source: 29 CFR 1607.4(D)}
"""


def scored(path, share_f, share_m, rows=4000):
    """Half women, half men, with exact shares of scores above 0.5."""
    half = rows // 2
    score = [0.9 if place < share * half else 0.1 for share in (share_f, share_m) for place in range(half)]
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"score": score, "sex": ["f"] * half + ["m"] * half, "hired": draw.integers(0, 2, rows)})
    frame.insert(0, "person", range(rows))
    frame.to_csv(path / "scored.csv", index=False)
    return frame


@pytest.fixture
def house(tmp_path):
    (tmp_path / "house.yaml").write_text(POLICY)
    return "./house.yaml"


@pytest.mark.parametrize(
    ("shares", "expect", "code", "word"),
    [
        ((0.5, 0.5), (), 0, "PASSED"),
        ((0.2, 0.5), (), 3, "REFUSED"),
        ((0.42, 0.5), (), 4, "NOT ENOUGH EVIDENCE"),
        ((0.5, 0.5), ("--expect", "sex=f,m,x"), 4, "NOT ENOUGH EVIDENCE"),
    ],
)
def test_the_policy_decides(call, tmp_path, house, shares, expect, code, word):
    scored(tmp_path, *shares)
    found, out, err = call("audit", "--predictions", "scored.csv", *ASKED, *expect, "--policy", house)
    assert found == code, err
    assert word in out
    assert max(map(len, out.splitlines())) <= 80
    if expect:
        assert "'x'" in out


def test_without_a_policy_there_is_no_verdict(call, tmp_path):
    scored(tmp_path, 0.2, 0.5)
    code, out, _ = call("audit", "--predictions", "scored.csv", *ASKED)
    assert code == 0
    assert "NO VERDICT" in out
    assert "No policy was asked" in out
    assert "'hired=1' by sex" in out
    assert "f / m" in out
    assert "0.400" in out
    for foreign in ("minilm", "LoRA", "raitune run", "lean on"):
        assert foreign not in out


def test_json_is_the_only_thing_on_standard_output(call, tmp_path, house):
    scored(tmp_path, 0.2, 0.5)
    code, out, _ = call("audit", "--predictions", "scored.csv", *ASKED, "--policy", house, "--json")
    body = json.loads(out)
    assert code == 3
    assert body["schema"] == "rai-tune/report/v1"
    assert body["verdict"] == body["verdict"] | {"outcome": "fail", "exit_code": 3}
    [ratio] = [
        item
        for item in body["measurements"]
        if item["metric"] == "impact_ratio" and (item["group"], item["reference"]) == ("f", "m")
    ]
    assert ratio["estimate"] == pytest.approx(0.4)
    assert {control["id"]: control["outcome"] for control in body["controls"]} == {
        "HOUSE-01": "pass",
        "HOUSE-02": "fail",
    }
    assert body["decisions"][0]["redecision"] is False
    assert body["table"]["rows"] == 4000
    code, out, _ = call("audit", "--predictions", "scored.csv", *ASKED, "--json")
    body = json.loads(out)
    assert code == 0
    assert body["controls"] == []
    assert body["verdict"]["outcome"] == "no_verdict"


def test_the_report_is_a_pdf_about_a_table(call, tmp_path, house):
    pikepdf = pytest.importorskip("pikepdf")
    scored(tmp_path, 0.2, 0.5)
    code, out, _ = call("audit", "--predictions", "scored.csv", *ASKED, "--policy", house, "--pdf", "out.pdf")
    assert code == 3
    assert "REFUSED" in out
    with pikepdf.open(tmp_path / "out.pdf") as pdf:
        titles = []

        def walk(items):
            for item in items:
                titles.append(item.title)
                walk(item.children)

        with pdf.open_outline() as outline:
            walk(outline.root)
        assert any("What was audited" in title for title in titles)
        assert not any("Training" in title or "lean on" in title for title in titles)
        assert "measurements.json" in pdf.attachments


def test_numbers_and_small_groups(call, tmp_path, house):
    pd.DataFrame({"y": [1], "p": [1], "g": ["x"]}).to_csv(tmp_path / "one.csv", index=False)
    asked = ("--label", "y", "--prediction", "p", "--groups", "g", "--favourable", "1")
    code, out, _ = call("audit", "--predictions", "one.csv", *asked, "--policy", house)
    assert code == 4
    assert "suppressed (k = 5)" in out


BAD = {
    "no table": ((), "give a table with --predictions"),
    "run without suite": (("latest",), "name the suite"),
    "table with suite": (("--predictions", "scored.csv", "--suite", "fairness", *ASKED), "--suite is for a stored run"),
    "no file": (("--predictions", "gone.csv", *ASKED), "gone.csv: there is no such file"),
    "near column": (("--predictions", "scored.csv", *ASKED, "--weight", "scor"), "Did you mean 'score'"),
    "unknown policy": (("--predictions", "scored.csv", *ASKED, "--policy", "baselin"), "Did you mean 'baseline'"),
    "expect of no group": (("--predictions", "scored.csv", *ASKED, "--expect", "se=f"), "Did you mean 'sex'"),
    "id with repeats": (("--predictions", "scored.csv", *ASKED, "--id", "score"), "both score and id"),
    "many groups": (("--predictions", "scored.csv", *ASKED[:-4], "--groups", "person", "--favourable", "1"), "4,000"),
    "set of a recipe": (("--predictions", "scored.csv", *ASKED, "--set", "seed=3"), "only settings of audits"),
    "unknown setting": (("--predictions", "scored.csv", *ASKED, "--set", "audits.min_group_row=3"), "min_group_rows"),
    "pdf nowhere": (("--predictions", "scored.csv", *ASKED, "--pdf", "no/out.pdf"), "there is no folder"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_sentence_and_exit_2(call, tmp_path, case):
    arguments, says = BAD[case]
    scored(tmp_path, 0.5, 0.5)
    code, out, err = call("audit", *arguments)
    assert code == 2, err
    assert says in err
    assert out == ""
    assert "Traceback" not in err
    assert not (tmp_path / ".raitune").exists()


def test_text_of_a_table_is_never_markup(call, tmp_path):
    frame = scored(tmp_path, 0.2, 0.5)
    frame["sex"] = frame["sex"].map({"f": "[bold red]f[/]", "m": "#strong[m]\x1b[31m"})
    frame.to_csv(tmp_path / "scored.csv", index=False)
    code, out, _ = call("audit", "--predictions", "scored.csv", *ASKED, "--pdf", "out.pdf")
    assert code == 0
    assert "[bold red]f[/]" in out
    assert "\x1b" not in out


@pytest.mark.slow
def test_a_stored_run_is_audited_again(call, project):
    code, _, err = call("run", "recipe.yaml", "--set", "audits.include=[data_profile, task_quality, group_rates]")
    assert code in {0, 3, 4}, err
    code, out, err = call("report", "latest", "--json")
    before = json.loads(out)
    code, out, err = call("audit", "latest", "--suite", "fairness", "--json")
    assert code in {3, 4}, err
    body = json.loads(out)
    assert body["decisions"][0]["redecision"] is True
    assert any("were run again: " in note and "group_rates" in note for note in body["decisions"][0]["notes"])
    rates = [[m for m in each["measurements"] if m["audit"] == "group_rates"] for each in (before, body)]
    assert rates[0] == rates[1]
    code, out, err = call("gate", "latest", "--json")
    assert json.loads(out)["decisions"][0]["redecision"] is True
    code, _, err = call("audit", "latest", "--suite", "fairnes")
    assert code == 2
    assert "Did you mean 'fairness'" in err
    from rai_tune.workspace import Workspace

    with Workspace.open(project / ".raitune", create=False) as store:
        run = store.run("latest")
        artifact = store.artifacts(run.id)["predictions"]
        path = store.path_of(artifact.digest)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    code, _, err = call("audit", "latest", "--suite", "fairness")
    assert code == 6, err


@pytest.mark.slow
def test_a_stored_run_is_explained_again_with_other_settings(call, project):
    code, _, err = call("run", "recipe.yaml", "--set", "audits.include=[data_profile, task_quality, group_rates]")
    assert code in {0, 3, 4}, err
    chosen = ("--set", "audits.explain.documents=8", "--set", "audits.explain.method=occlusion")
    code, _, err = call("audit", "latest", "--suite", "explain", *chosen, "--json")
    assert code in {3, 4}, err
    from rai_tune.reporting.stored import stored_results, stored_table
    from rai_tune.workspace import Workspace

    with Workspace.open(project / ".raitune", create=False) as store:
        run = store.run("latest")
        results = stored_results(store, run.id)
        documents = stored_table(store, run.id, "explanations:documents")
        settings = store.read_json(store.artifacts(run.id)["reaudits"].digest)["settings"]
    facts = next(result.facts for result in results if result.audit == "explanations")
    assert (facts["documents"], facts["method"]) == (8, "occlusion")
    assert set(documents.method) == {"occlusion"}
    assert settings == {"explain": ["audits.explain.documents=8", "audits.explain.method=occlusion"]}
    for override, message in {
        "training.epochs=9": "only settings of the suite (audits.explain.*) change",
        "audits.explain.methd=x": "methd",
        "audits.explain.method=oclusion": "Did you mean 'occlusion'",
        "audits.explain.documents=0": "greater than or equal to 1",
    }.items():
        code, _, err = call("audit", "latest", "--suite", "explain", "--set", override)
        assert (code, message in err) == (2, True), err
