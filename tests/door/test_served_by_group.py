"""A model with a fitted head and cutoffs by group goes through the door whole: run, promoted, served, bundled, and never without its groups."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from rai_tune.cli.main import main
from rai_tune.core import UsageError
from rai_tune.promotion.keys import new_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import register
from rai_tune.workspace import Workspace

PHRASE = "a long enough passphrase"
LENIENT = """\
schema: rai-tune/policy/v1
id: lenient
version: 1.0.0
title: Lenient
issuer: A test
summary: Asks only that the decisions were measured.
status: organisation
verified_on: 2026-11-25
sources: [a test]
controls:
  - id: L-1
    reference: "1"
    title: Measured
    asks: The quality of the decisions was measured.
    mode: automated
    severity: block
    check: {kind: presence, audits: [task_quality]}
"""
METHODS = '["exponentiated_gradient", "threshold"]'


@pytest.fixture
def command(project, monkeypatch, capsys):
    """The command line in this process: ten processes would load torch ten times."""
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    (project / "lenient.yaml").write_text(LENIENT)
    text = (project / "recipe.yaml").read_text()
    text = text.replace(" {{ race }}", "")  # the text hides the group; the cutoff reads it all the same
    text = text.replace("adapter: {method: lora, rank: 4}", "adapter: {method: frozen}")
    text = text.replace("audits: {explain: {documents: 6}}", "audits: {include: [task_quality, paired_swaps]}")
    text += f"policies: [{project / 'lenient.yaml'}]\n"
    text += f"mitigation: {{method: {METHODS}, attributes: [race]}}\n"
    (project / "recipe.yaml").write_text(text)
    monkeypatch.chdir(project)
    monkeypatch.setenv("RAITUNE_KEY_PASSPHRASE", PHRASE)

    def call(*arguments: str) -> SimpleNamespace:
        monkeypatch.setattr(sys, "argv", ["raitune", *arguments, "--workspace", "w"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        told = capsys.readouterr()
        return SimpleNamespace(returncode=ended.value.code or 0, stdout=told.out, stderr=told.err)

    return call


@pytest.mark.slow
def test_a_model_that_decides_by_group_goes_through_the_door_whole(project, command):
    import pandas as pd

    import rai_tune

    refused = command("run", "recipe.yaml", "--merge", "merged")
    assert refused.returncode == 2
    assert "exponentiated_gradient fits a head on embeddings" in refused.stderr
    ran = command("run", "recipe.yaml")
    assert ran.returncode == 0, ran.stderr
    with Workspace.open(project / "w") as store:
        for name, role in (("ada", "author"), ("cy", "approver")):
            register(Ledger(store), name, [role], new_key(project / f"{name}.pem", PHRASE))
    for step in (
        ("sign", "latest", "--as", "author", "--key", "ada.pem"),
        ("promote", "latest", "--to", "production", "--key", "cy.pem"),
    ):
        done = command(*step)
        assert done.returncode == 0, done.stderr

    rows = pd.read_csv(project / "rows.csv", dtype=str)
    with Workspace.open(project / "w") as store:
        run = store.runs()[0]
        served = rai_tune.load("production", store)
        assert {"model/postprocessing.json", "model/pooled.json", "model/model.safetensors"} <= set(
            served.promotion.files
        )
        post = served.loaded.post
        table = served.predict(rows)
        assert post.without_rule(table) == {}
        expected = [post.rules[race].cutoffs[0] if race in post.rules else post.default for race in rows["race"]]
        assert table["cutoff"].tolist() == expected
        assert (table["prediction"] == "denied").tolist() == (table["score"] >= table["cutoff"]).tolist()
        again = served.predict(rows.iloc[::-1]).iloc[::-1].reset_index(drop=True)
        assert again["prediction"].tolist() == table["prediction"].tolist()
        with pytest.raises(UsageError, match="decides by group of 'race'"):
            served.predict(rows.drop(columns="race"))
        (swaps,) = [
            item
            for item in store.read_json(store.artifacts(run.id)["audit:paired_swaps"].digest)["measurements"]
            if item["metric"] == "swap_any_flip_rate" and item["attribute"] == "race"
        ]
        assert swaps["threshold"] == "by group"
    # Sex decides nothing here, and a group spelt in another way is told.
    spelt = rows.head(6).drop(columns="sex").assign(race=["black", "Black", "Black", "", "white", "asian"])
    spelt.to_csv(project / "spelt.csv", index=False)
    asked = command("predict", "latest", "spelt.csv", "--output", "out.csv")
    assert asked.returncode == 0, asked.stderr
    told = " ".join(asked.stderr.split())
    assert "4 of 6 rows are of no group with a cutoff of its own" in told
    assert "Black (2), asian (1), unknown (1). Groups with a cutoff: black, white" in told
    bundled = command("bundle", "latest", "--output", "proof.zip")
    assert bundled.returncode == 0, bundled.stderr
    verified = command("verify", "proof.zip")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    told = command("report", "latest", "--ml-bom", "bom.json", "--model-card", "card.md", "--markdown", "report.md")
    assert told.returncode == 0, told.stderr
    for name in ("bom.json", "report.md"):
        assert "by group of race" in (project / name).read_text(), name
    files = {item["name"] for item in _components(json.loads((project / "bom.json").read_text()))}
    assert any("postprocessing.json" in name for name in files)
    assert "by group of race" in (project / "card.md").read_text()


def _components(found):
    if isinstance(found, dict):
        if "name" in found and "hashes" in found:
            yield found
        for value in found.values():
            yield from _components(value)
    elif isinstance(found, list):
        for value in found:
            yield from _components(value)
