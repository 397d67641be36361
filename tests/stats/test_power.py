"""Power: against full enumeration, the calibration study, published sample sizes, and where nothing could be seen."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rai_audits.stats import power
from rai_audits.stats.power import (
    difference_gate_power,
    power_of_gap,
    ratio_gate_power,
    smallest_detectable_gap,
    smallest_detectable_ratio,
)
from rai_audits.stats.two_rates import difference_test

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def enumerated(rate_1, n1, rate_2, n2, alpha=0.05):
    k1, k2 = np.arange(n1 + 1)[:, None], np.arange(n2 + 1)
    rejects = difference_test(k1, n1, k2, n2, alternative="less").p_value <= alpha / 2
    return stats.binom.pmf(k1.ravel(), n1, rate_1) @ rejects @ stats.binom.pmf(k2, n2, rate_2)


@pytest.mark.parametrize(
    ("n1", "rate", "n2", "gap"),
    [(135, 0.92, 300, 0.1), (40, 0.5, 60, 0.3), (20, 0.1, 150, 0.08), (30, 0.95, 30, 0.4)],
)
def test_the_chance_to_see_a_gap_is_the_sum_over_all_tables(n1, rate, n2, gap):
    assert power_of_gap(gap, n1, rate, n2) == pytest.approx(enumerated(rate - gap, n1, rate, n2), abs=2e-3)


def test_the_smallest_gap_is_seen_as_often_as_asked_and_a_smaller_one_less_often():
    gap = smallest_detectable_gap(135, 0.92, 817, power=0.8)
    # The normal approximation says 0.0802.
    assert gap == pytest.approx(0.0800, abs=5e-4)
    assert power_of_gap(gap, 135, 0.92, 817) == pytest.approx(0.8, abs=1e-6)
    assert power_of_gap(gap - 0.01, 135, 0.92, 817) < 0.75
    assert smallest_detectable_gap(135, 0.92, 817, power=0.5) < gap < smallest_detectable_gap(60, 0.92, 817)
    assert smallest_detectable_ratio(135, 0.92, 817) == pytest.approx(1 - gap / 0.92)


def test_the_normal_approximation_is_that_of_r(monkeypatch):
    # R 4, help page of power.prop.test: n = 50, 0.50 against 0.75, power 0.740; 76.7 rows in each group give 0.90.
    monkeypatch.setattr(power, "NORMAL_FROM", 1.0)
    assert power_of_gap(0.25, 50, 0.75, 50) == pytest.approx(0.740, abs=5e-4)
    assert power_of_gap(0.25, 76, 0.75, 76) < 0.90 < power_of_gap(0.25, 77, 0.75, 77)


def test_the_normal_approximation_takes_over_without_a_step(monkeypatch):
    def at(limit):
        monkeypatch.setattr(power, "NORMAL_FROM", limit)
        return np.array([power_of_gap(gap, 8_000, 0.4, 9_000) for gap in (0.005, 0.01, 0.02)])

    assert np.abs(at(1e9) - at(1.0)).max() < 2e-3


def test_a_gap_that_cannot_be_seen_is_none():
    # Five rows, reference at 10 %: even no success at all says nothing.
    assert smallest_detectable_gap(5, 0.1, 5000) is None
    assert smallest_detectable_ratio(5, 0.1, 5000) is None
    assert smallest_detectable_gap(0, 0.5, 100) is None
    assert smallest_detectable_gap(100, 0.0, 100) is None
    assert power_of_gap(0.1, 0, 0.5, 100) == 0.0


def test_power_of_the_ratio_gate_is_the_studys():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import calibration_ratio as study

        for n1, n2, p1, p2 in ((20, 135, 0.7, 0.7), (135, 60, 0.9, 0.8), (60, 135, 0.4, 0.8)):
            one, two = np.array([p1]), np.array([p2])
            found = ratio_gate_power(p1, n1, p2, n2)
            assert found.passes == pytest.approx(
                study.chance(study.clears(n1, n2, 0.05, "lower"), one, two)[0], abs=2e-3
            )
            assert found.fails == pytest.approx(
                study.chance(~study.clears(n1, n2, 0.05, "upper"), one, two)[0], abs=2e-3
            )
        del sys.modules["calibration_ratio"]
    # docs/calibration.md: 135 and 817 rows at equal rates of 0.7 pass in 94.5 % of samples.
    found = ratio_gate_power(0.7, 135, 0.7, 817)
    assert found.passes == pytest.approx(0.945, abs=2e-3)
    assert found.passes + found.fails + found.insufficient == pytest.approx(1.0)


def test_power_of_the_difference_gate_at_its_margin_is_its_error():
    at_margin = difference_gate_power(0.5, 200, 0.6, 300, -0.1)
    assert 0.03 < at_margin.passes <= 0.06 and 0.03 < at_margin.fails <= 0.06
    assert difference_gate_power(0.6, 200, 0.6, 300, -0.1).passes > 0.7
    assert difference_gate_power(0.3, 200, 0.6, 300, -0.1, fail_alpha=0.01).fails > 0.95


def test_what_is_no_rate_is_refused():
    with pytest.raises(ValueError, match="reference rate"):
        smallest_detectable_gap(10, 1.2, 10)
    with pytest.raises(ValueError, match="power"):
        smallest_detectable_gap(10, 0.5, 10, power=1.0)
    with pytest.raises(ValueError, match="less the gap"):
        power_of_gap(0.6, 10, 0.5, 10)
    with pytest.raises(ValueError, match="rows"):
        ratio_gate_power(0.5, -1, 0.5, 10)
