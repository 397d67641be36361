"""The study of benchmarks/explanation_checks.py on its evaluation seeds, which set no threshold: the first 100 of its 200 tiny models with a planted cue.

With fewer documents a check than the script. In two parts that can run side by side. Each part must meet the target by itself, so both together do.
"""

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RUNS = 50
KINDS = ("sound", "shuffled", "random weights")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import explanation_checks

        yield explanation_checks
        del sys.modules["explanation_checks"]


@pytest.mark.parametrize("part", range(2))
def test_wrong_explanations_are_rejected_and_sound_ones_are_not(study, part):
    first = study.EVALUATION + part * RUNS
    runs = [study.run(seed, KINDS, options=study.LIGHT) for seed in range(first, first + RUNS)]
    assert np.mean([item.cue_first for item in runs]) >= 0.90
    rejected = {kind: np.mean([item.checks[kind].outcome == "not_trusted" for item in runs]) for kind in KINDS}
    assert rejected["sound"] <= 0.05
    assert rejected["shuffled"] >= 0.95
    assert rejected["random weights"] >= 0.95
    # Never rejecting would be easy if nothing were ever trusted.
    assert np.mean([item.checks["sound"].outcome == "trusted" for item in runs]) >= 0.5
    assert not any(item.checks[kind].outcome == "trusted" for item in runs for kind in KINDS[1:])
