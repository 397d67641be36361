"""The whole gate on simulated truth, reduced: the figures in full come from ``benchmarks/gate_honesty.py``."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
ALPHA, ONE_POINT = 0.05, 0.01


@pytest.fixture
def honesty(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import gate_honesty

    yield gate_honesty
    sys.modules.pop("gate_honesty", None)


@pytest.mark.slow
def test_wrong_passes_stay_at_alpha_and_the_price_is_insufficient_evidence(honesty):
    samples = 400
    limit, holds = honesty.TRUTHS[1], honesty.TRUTHS[5]
    wrong = honesty.shares(limit, samples, seed=3)
    noise = 3 * math.sqrt(ALPHA * (1 - ALPHA) / samples)
    assert wrong.passed <= ALPHA + ONE_POINT + noise
    assert wrong.passed_by_point > 0.3
    right = honesty.shares(holds, samples, seed=4)
    assert right.failed == 0
    assert right.passed > 0.75
    assert right.passed + right.insufficient == pytest.approx(1)


@pytest.mark.slow
def test_dividing_alpha_by_the_openings_keeps_many_tries_at_one_alpha(honesty):
    teams = 80
    found = honesty.several_tries(honesty.TRUTHS[0], teams, seed=5)
    noise = 3 * math.sqrt(ALPHA * (1 - ALPHA) / teams)
    assert found["divided, after all were tried"] <= ALPHA + ONE_POINT + noise
    assert found["divided, after all were tried"] <= found["divided, the first that passes"] <= found["not divided"]
    assert found["not divided"] > 2 * ALPHA
