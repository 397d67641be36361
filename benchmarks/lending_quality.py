"""Quality of the lending demo beside logistic regression on the same columns and the same split.

Three seeds; each seed makes its own split, initial weights and order of rows. Prints the test AUC of both and the difference of the means.

    python benchmarks/lending_quality.py [--seeds 0 1 2] [--blind]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

NUMBERS = ("pirat", "hirat", "lvrat", "unemp")
LEVELS = ("chist", "mhist", "phist", "selfemp", "insurance", "condomin", "hschool")
GROUP_COLUMNS = ("afam", "single")


def logistic(rows: Any, *, blind: bool) -> float:
    """Test AUC of one-hot levels and scaled numbers."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    levels = [f"col:{name}" for name in (LEVELS if blind else (*LEVELS, *GROUP_COLUMNS))]
    numbers = [f"col:{name}" for name in NUMBERS]
    table = rows.copy()
    table[numbers] = table[numbers].astype(float)
    table[levels] = table[levels].astype(str)
    # The encoder chooses its checkpoint and threshold on validation rows; the regression may learn from them instead.
    train, test = table[table["split"] != "test"], table[table["split"] == "test"]
    columns = make_column_transformer((StandardScaler(), numbers), (OneHotEncoder(handle_unknown="ignore"), levels))
    model = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(train, train["label"] == "denied")
    return float(roc_auc_score(test["label"] == "denied", model.predict_proba(test)[:, 1]))


def one_seed(seed: int, *, blind: bool) -> tuple[float, float, float]:
    from sklearn.metrics import roc_auc_score

    from rai_tune import pipeline
    from rai_tune.data import lending_recipe
    from rai_tune.recipe import parse_recipe
    from rai_tune.reporting.stored import stored_table
    from rai_tune.workspace import Workspace

    with tempfile.TemporaryDirectory() as scratch:
        sets = [f"seed={seed}", "audits.include=[data_profile, task_quality, group_rates]"]
        planned = pipeline.plan(parse_recipe(lending_recipe(blind), "lending", Path(scratch), sets))
        workspace = Workspace.open(Path(scratch) / "w")
        started = time.perf_counter()
        outcome = pipeline.start(planned, workspace, lambda *_: None)
        seconds = time.perf_counter() - started
        table = stored_table(workspace, outcome.run_id, "predictions")
        workspace.close()
    test = table[table["split"] == "test"]
    ours = float(roc_auc_score(test["label"] == "denied", test["score"]))
    return ours, logistic(planned.data.rows, blind=blind), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--blind", action="store_true")
    options = parser.parse_args()
    print(f"lending{' --blind' if options.blind else ''}: test AUC")
    print(f"{'seed':>6} {'encoder':>9} {'logistic':>9} {'seconds':>8}")
    results = []
    for seed in options.seeds:
        results.append(one_seed(seed, blind=options.blind))
        ours, theirs, seconds = results[-1]
        print(f"{seed:>6} {ours:9.3f} {theirs:9.3f} {seconds:8.0f}", flush=True)
    ours, theirs = (statistics.mean(row[place] for row in results) for place in (0, 1))
    print(f"{'mean':>6} {ours:9.3f} {theirs:9.3f}")
    print(f"encoder minus logistic regression: {ours - theirs:+.3f}")


if __name__ == "__main__":
    main()
