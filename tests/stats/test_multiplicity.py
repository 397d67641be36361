"""Adjusted p-values against hand-worked examples and scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from rai_audits.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli, holm

P = hnp.arrays(float, st.integers(1, 30), elements=st.floats(0, 1))


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_never_reports_a_smaller_value_for_a_larger_p():
    assert holm([0.4, 0.3, 0.02]).tolist() == pytest.approx([0.6, 0.6, 0.06])


def test_benjamini_hochberg_on_their_own_example():
    # Benjamini and Hochberg (1995), section 4: the first four of fifteen hypotheses are rejected at 0.05, Holm's three.
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    assert int((benjamini_hochberg(p) <= 0.05).sum()) == 4
    assert int((holm(p) <= 0.05).sum()) == 3


@settings(deadline=None, max_examples=60)
@given(P)
def test_false_discovery_rates_match_scipy(p):
    np.testing.assert_allclose(
        benjamini_hochberg(p), stats.false_discovery_control(p, method="bh"), rtol=1e-12, atol=1e-300
    )
    np.testing.assert_allclose(
        benjamini_yekutieli(p), stats.false_discovery_control(p, method="by"), rtol=1e-12, atol=1e-300
    )


@settings(deadline=None, max_examples=60)
@given(P, st.randoms())
def test_order_of_tests_does_not_matter_and_holm_lies_between_p_and_bonferroni(p, random):
    order = list(range(p.size))
    random.shuffle(order)
    adjusted = holm(p)
    np.testing.assert_array_equal(holm(p[order]), adjusted[order])
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(p * p.size, 1.0) + 1e-15).all()


@settings(deadline=None, max_examples=60)
@given(P, st.floats(0.001, 0.2))
def test_holm_rejects_something_exactly_when_the_most_extreme_passes_alpha_over_m(p, alpha):
    assert bool((holm(p) <= alpha).any()) == bool(p.min() * p.size <= alpha)


def test_no_tests_and_wrong_values():
    assert holm([]).size == 0
    assert benjamini_yekutieli([]).size == 0
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, float("nan")])
    with pytest.raises(ValueError, match="one-dimensional"):
        holm([[0.5]])
