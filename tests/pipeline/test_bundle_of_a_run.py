"""A tiny model, really trained and judged under every pack that comes with the tool: its bundle, documents included, holds."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

import small_run as small
from rai_tune import pipeline
from rai_tune.bundling import bundle_run
from rai_tune.gate import known_policies
from rai_tune.promoting import sign_run
from rai_tune.promotion.bundle import unpack
from rai_tune.promotion.deciding_again import verify_bundle
from rai_tune.promotion.ledger import Ledger
from rai_tune.recipe import load_recipe
from rai_tune.workspace import Workspace

pytestmark = pytest.mark.slow


def by_path(name: str, path: Path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bundled(tmp_path_factory, tiny_base) -> tuple[bytes, str, str]:
    """The bundle, the head when it was made, and the run's id."""
    folder, tests = tmp_path_factory.mktemp("bundled"), Path(__file__).resolve().parent.parent
    shared = by_path("shared_fixtures", tests / "conftest.py")
    shared.write_csv(folder / "rows.csv", shared.lending_rows())
    (folder / "recipe.yaml").write_text(shared.RECIPE.format(base=tiny_base), encoding="utf-8")
    sets = ["training.epochs=1", f"policies=[{', '.join(known_policies())}]"]
    with Workspace.open(folder / "w") as workspace:
        planned = pipeline.plan(load_recipe(folder / "recipe.yaml", sets))
        outcome = pipeline.start(planned, workspace, lambda *_: None)
        sign_run(workspace, outcome.run_id, small.person(workspace, "Ada", "author"), "author")
        data = bundle_run(workspace, outcome.run_id)
        return data, Ledger(workspace).head().root, outcome.run_id


def test_it_holds_and_the_engine_decides_alike(bundled) -> None:
    data, root, run = bundled
    report = verify_bundle(data, root)
    assert [check for check in report.checks if check.ok is False] == []
    assert report.run == run
    says = {check.name: check.says for check in report.checks}
    assert says["decided again"].count("again") == len(known_policies())
    assert "4 documents" in says["documents"]


def test_its_documents_are_what_they_say(bundled) -> None:
    contents = unpack(bundled[0])
    assert contents.files["documents/report.pdf"].startswith(b"%PDF-")
    assert json.loads(contents.files["documents/ml-bom.json"])["bomFormat"] == "CycloneDX"
    assert contents.files["documents/model-card.md"].startswith(b"---\n")
    assert b"Annex IV" in contents.files["documents/annex-iv.md"]


def test_no_text_of_a_row_and_no_path_is_in_it(bundled) -> None:
    contents = unpack(bundled[0])
    for name, content in contents.files.items():
        if not name.endswith(".pdf"):
            assert b"rows.csv" not in content or name.startswith("documents/"), name
            assert b"/tmp/" not in content, name
            assert b"debt high record" not in content, name
