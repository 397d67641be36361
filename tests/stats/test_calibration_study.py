"""The study of docs/calibration.md on its reduced grid: the same targets, on a seed that neither settings nor report used."""

import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from rai_audits.stats.ratios import ratio_bound

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SEED = 7

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def calibration():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import calibration

        yield calibration
        for name in [name for name in sys.modules if name.split("_")[0] == "calibration"]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def study(calibration):
    return calibration.run(SEED, reduced=True)


@pytest.mark.parametrize("method", ["Wilson", "Jeffreys", "Clopper-Pearson"])
def test_rates_are_covered_on_average_and_in_every_cell_with_five_expected(study, method):
    assert study.rates.mean(method) >= 0.945
    assert study.rates.worst(method, enough=True).coverage >= 0.915


def test_the_percentile_bootstrap_of_a_rate_is_short(study):
    # Observed zero successes resample to zero only, so (0.99)^20 of samples cover nothing.
    assert study.rates.mean("percentile bootstrap") < 0.92
    worst = study.rates.worst("percentile bootstrap", enough=False)
    assert (worst.n, worst.rate) == (20, 0.01)
    assert worst.coverage <= 1 - 0.99**20


@pytest.mark.parametrize("gate", ["rule, fixed", "rule, all pairs"])
@pytest.mark.parametrize("ratio", [0.8, 0.79, 0.75])
def test_no_cell_of_the_ratio_gate_passes_wrongly_above_six_percent(study, gate, ratio):
    assert study.ratio.worst(gate, ratio).chance <= 0.06


def test_the_controls_pass_wrongly_far_more_often(study):
    assert study.ratio.worst("log-ratio, fixed", 0.8).chance > 0.12
    assert study.ratio.worst("point, all pairs", 0.8).chance > 0.5


def test_the_power_that_the_rule_pays_at_135_and_817_rows(study):
    assert study.ratio.power("rule, fixed", 135, 817, 0.7) == pytest.approx(0.945, abs=0.001)
    assert study.ratio.power("rule, all pairs", 135, 817, 0.7) == pytest.approx(0.940, abs=0.001)


def test_shortcuts_of_the_enumeration_change_nothing(calibration):
    n1, n2, p1, p2 = 40, 90, 0.48, 0.6
    k1, k2 = np.meshgrid(np.arange(n1 + 1), np.arange(n2 + 1), indexing="ij")
    lower = ratio_bound(k1, n1, k2, n2, alpha=0.05, side="lower").low >= 0.8
    upper = ratio_bound(k1, n1, k2, n2, alpha=0.05, side="upper").high >= 0.8
    assert (calibration.ratio.clears(n1, n2, 0.05, "lower") == lower).all()
    assert (calibration.ratio.clears(n1, n2, 0.05, "upper") == upper).all()
    mass = np.outer(stats.binom.pmf(np.arange(n1 + 1), n1, p1), stats.binom.pmf(np.arange(n2 + 1), n2, p2))
    assert calibration.ratio.chance(lower, np.array([p1]), np.array([p2]))[0] == pytest.approx(mass[lower].sum())


def test_claims_about_many_groups_err_at_most_at_their_level(calibration, study):
    allowed = 0.05 + 3 * calibration.groups.standard_error(study.samples)
    assert max(claim.passed for claim in study.claims) <= allowed
    assert max(claim.failed for claim in study.claims) <= allowed
    assert max(claim.failed_uncorrected for claim in study.claims) > 0.3


def test_a_reference_picked_as_the_highest_observed_rate_passes_wrongly(study):
    pairs, highest = study.bad_case
    assert pairs <= 0.05
    assert highest > 0.2


def test_the_bootstrapped_spread_finds_a_gap_where_there_is_none_and_the_pairs_do_not(study):
    eight = [cell for cell in study.spreads if cell.groups == 8]
    assert min(cell.bootstrap for cell in eight) > 0.98
    # 3 standard errors at 200 samples above the 2.5 % of one end.
    assert max(cell.pairs for cell in study.spreads) <= 0.025 + 3 * (0.025 * 0.975 / 200) ** 0.5


def test_false_discoveries_stay_at_the_nominal_share_and_planted_slices_are_found(study):
    for cell in study.slices:
        assert cell.corrected <= 0.05 + 3 * cell.corrected_error
    assert study.slices[0].uncorrected > 0.6
    assert study.slices[-1].found > 0.85


def test_the_vectorised_fisher_test_is_scipys(calibration):
    tables = np.array([[3, 10, 20, 200], [0, 50, 90, 100], [7, 9, 3, 9], [0, 4, 0, 9], [30, 300, 25, 300]], dtype=float)
    expected = [stats.fisher_exact([[k, n - k], [r, m - r]]).pvalue for k, n, r, m in tables]
    assert calibration.screens.fisher_two_sided(*tables.T) == pytest.approx(expected, rel=1e-6)
