"""The wheel: its top-level names, and that it runs a recipe away from the checkout. The same for an editable install."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


@pytest.mark.slow
def test_top_level_names_are_exactly_two(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert tops == {"rai_tune", "rai_audits"}
    for wanted in ("rai_tune/policies/baseline.yaml", "rai_tune/reports/templates/report.typ", "rai_tune/app.py"):
        assert wanted in names
    assert any(name.startswith("rai_tune/workspace/migrations/versions/") for name in names)


@pytest.mark.slow
def test_installed_wheel_runs_a_recipe_away_from_the_checkout(wheel, project, tmp_path):
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    code = (
        "import sys, rai_tune, rai_audits\n"
        f"assert rai_tune.__file__.startswith({str(target)!r}), rai_tune.__file__\n"
        "from rai_tune.cli.main import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "recipe.yaml", "--set", "training.epochs=1", "--json"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {3, 4}, done.stderr
    assert '"controls"' in done.stdout


@pytest.mark.slow
def test_editable_install_finds_packs_and_templates_from_elsewhere(tmp_path):
    code = (
        "from rai_tune.core import resource_path\n"
        "from rai_tune.gate import load_policy\n"
        "print(load_policy('baseline').digest, resource_path('reports', 'templates', 'report.typ'), resource_path('app.py'))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert str(ROOT) in done.stdout
