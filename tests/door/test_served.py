"""What is served is what was promoted: swapped bytes are refused at every step, and a real model decides as it did when measured."""

from __future__ import annotations

import shutil

import pytest

from rai_tune.core import IntegrityError, UsageError, sha256_bytes
from rai_tune.promoting import promote_run, sign_run
from rai_tune.promotion import serving
from rai_tune.promotion.keys import new_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import register
from rai_tune.promotion.serving import current, lay_out, promotions
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


def _swap(path):
    """Other bytes of the same length under the same name."""
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def test_weights_swapped_between_hash_and_copy_are_refused(workspace, people, small, monkeypatch):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    hashed = serving.sha256_file

    def then_swap(path):
        found = hashed(path)
        if path.name == "model.safetensors":
            _swap(path)
        return found

    monkeypatch.setattr(serving, "sha256_file", then_swap)
    with pytest.raises(IntegrityError, match=r"model/model.safetensors changed while it was copied") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == 6
    assert promotions(Ledger(workspace)) == ()


def test_weights_swapped_while_they_are_copied_are_refused(workspace, people, small, monkeypatch):
    from rai_tune.workspace import artifacts

    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    workspace.path_of(sha256_bytes(b"weights")).unlink()  # so that there is something to copy
    hashed = artifacts.sha256_file

    def then_swap(path):
        found = hashed(path)
        if path.name == "model.safetensors":
            _swap(path)
        return found

    monkeypatch.setattr(artifacts, "sha256_file", then_swap)
    with pytest.raises(IntegrityError, match=r"model/model.safetensors changed while it was copied") as refused:
        promote_run(workspace, run.id, "production", people["cy"])
    assert refused.value.exit_code == 6
    assert promotions(Ledger(workspace)) == ()


def test_weights_swapped_in_the_store_after_promotion_are_not_laid_out(workspace, people, small):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    promote_run(workspace, run.id, "production", people["cy"])
    stored = workspace.path_of(sha256_bytes(b"weights"))
    assert stored.stat().st_mode & 0o222 == 0, "what is promoted is read-only"
    _swap(stored)
    promotion = current(Ledger(workspace), "production")
    with pytest.raises(IntegrityError, match="was changed"):
        lay_out(workspace, promotion)
    assert not (workspace.root / "served" / promotion.model_digest).exists()


@pytest.mark.parametrize("added", [True, False])
def test_a_file_more_or_less_in_the_served_folder_is_refused(workspace, people, small, added):
    run = small.complete_run(workspace)
    sign_run(workspace, run.id, people["ada"], "author")
    promote_run(workspace, run.id, "production", people["cy"])
    promotion = current(Ledger(workspace), "production")
    model = lay_out(workspace, promotion) / "model"
    (model / "adapter.safetensors").write_bytes(b"x") if added else (model / "config.json").unlink()
    with pytest.raises(IntegrityError, match="is not promoted" if added else "is missing"):
        lay_out(workspace, promotion)


def test_nothing_is_served_that_was_never_promoted(workspace, people, small):
    import rai_tune

    small.complete_run(workspace)
    with pytest.raises(UsageError, match="nothing was ever promoted to staging"):
        rai_tune.load("staging", workspace)
    with pytest.raises(UsageError, match="no place to promote to"):
        rai_tune.load("latest", workspace)


@pytest.fixture
def ready(project, cli, monkeypatch):
    """A real small run, signed by Ada; Cy's key promotes it by ``promote()``, whose exit code and words come back."""
    for name in ("RAITUNE_ARTIFACTS_URL", "RAITUNE_DATABASE_URL", "RAITUNE_KEY", "RAITUNE_WORKSPACE_KEY"):
        monkeypatch.delenv(name, raising=False)
    (project / "lenient.yaml").write_text(LENIENT)
    recipe = (project / "recipe.yaml").read_text()
    # A base of its own, which the test may change.
    base = next(line for line in recipe.splitlines() if line.startswith("model:")).split("base: ")[1].split(",")[0]
    shutil.copytree(base, project / "base")
    text = recipe.replace(base, str(project / "base")).replace("epochs: 2", "epochs: 1")
    text = text.replace("audits: {explain: {documents: 6}}", "audits: {include: [task_quality]}")
    (project / "recipe.yaml").write_text(f"{text}policies: [{project / 'lenient.yaml'}]\n")
    ran = cli("run", "recipe.yaml", "--workspace", "w", cwd=project)
    assert ran.returncode == 0, ran.stderr
    with Workspace.open(project / "w") as store:
        for name, role in (("ada", "author"), ("cy", "approver")):
            register(Ledger(store), name, [role], new_key(project / f"{name}.pem", PHRASE))

    def command(*arguments):
        return cli(*arguments, "--workspace", "w", cwd=project, RAITUNE_KEY_PASSPHRASE=PHRASE)

    signed = command("sign", "latest", "--as", "author", "--key", "ada.pem")
    assert signed.returncode == 0, signed.stderr
    return project, lambda: command("promote", "latest", "--to", "production", "--key", "cy.pem")


@pytest.mark.slow
def test_a_real_model_is_refused_when_swapped_and_else_decides_as_it_was_measured(ready):
    import pandas as pd

    import rai_tune
    from rai_tune import pipeline

    project, promote = ready
    with Workspace.open(project / "w") as store:
        run = store.runs()[0]
        adapter = store.run_dir(run.id) / "model" / "adapter_model.safetensors"
        base = project / "base" / "model.safetensors"
        for weights in (adapter, base):
            kept = weights.read_bytes()
            _swap(weights)
            refused = promote()
            assert refused.returncode == 6, refused.stderr
            assert "base model" in refused.stderr or "adapter_model.safetensors" in refused.stderr
            weights.write_bytes(kept)
        assert promotions(Ledger(store)) == ()
        let_in = promote()
        assert let_in.returncode == 0, let_in.stderr

        rows = pd.read_csv(project / "rows.csv", dtype=str).head(20)
        measured = pipeline.predict(run.id, store, rows, "rows", lambda *_: None)
        # What is served needs neither the run's folder nor the base it was trained from.
        shutil.rmtree(store.run_dir(run.id) / "model")
        shutil.rmtree(project / "base")
        served = rai_tune.load("production", store)
        pd.testing.assert_frame_equal(served.predict(rows), measured)
        assert served.promotion.run_id == run.id

        folder = store.root / "served" / served.promotion.model_digest
        for name in ("model/adapter_model.safetensors", "base/model.safetensors", "model/decision.json"):
            kept = (folder / name).read_bytes()
            _swap(folder / name)
            with pytest.raises(IntegrityError, match="is not the file that was promoted"):
                rai_tune.load("production", store)
            (folder / name).write_bytes(kept)
        rai_tune.load("production", store)
