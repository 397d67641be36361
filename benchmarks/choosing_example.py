"""The search and the choice of docs/choosing.md: 600 made-up applications, an encoder of two layers that was never pretrained, 8 trials.

    python benchmarks/choosing_example.py FOLDER

About a minute on two cores. It shows the form of what is printed; that encoder is no model of anything.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEARCH = """\
search:
  objectives: [roc_auc, equalized_odds_difference]
  space:
    training.learning_rate: {low: 0.0005, high: 0.03, log: true}
    training.epochs: {low: 1, high: 2, whole: true}
    model.adapter.rank: {choices: [1, 2, 4]}
"""
RULES = ("auc within 3 of best, smallest gap", "auc within 15 of best, smallest gap")


def main(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location("shared", ROOT / "tests" / "conftest.py")
    assert spec and spec.loader
    shared = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(shared)
    folder.mkdir(parents=True, exist_ok=True)
    base = shared.make_tiny_base(folder / "tiny")
    shared.write_csv(folder / "rows.csv", shared.lending_rows(600))
    recipe = shared.RECIPE.format(base=base).replace("name: small", "name: lending")
    (folder / "recipe.yaml").write_text(recipe + SEARCH, encoding="utf-8")
    raitune(folder, "tune", "recipe.yaml", "--trials", "8")
    search = next((folder / "w" / "searches").iterdir()).name
    for rule in RULES:
        print(f'\n$ raitune tune {search} --choose "{rule}"')
        raitune(folder, "tune", search, "--choose", rule)


def raitune(folder: Path, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-c", "from rai_tune.cli.main import main; main()", *arguments, "--workspace", "w"],
        cwd=folder,
        check=False,  # the exit code is that of the verdict
        env={**os.environ, "COLUMNS": "80", "OMP_NUM_THREADS": "1"},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
