"""What benchmarks/fairness_intervals.py compares, in small: the same points as MetricFrame, draws like rows drawn with replacement."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def study():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        import fairness_intervals

        yield fairness_intervals
        del sys.modules["fairness_intervals"]


@pytest.fixture(scope="module")
def frame(study):
    return study.table(rows=2_000, groups=3, seed=5)


def test_points_are_metric_frames(study, frame):
    np.testing.assert_allclose(study.our_points(frame), study.their_points(frame), rtol=1e-12)


@pytest.mark.slow
def test_intervals_are_metric_frames_within_its_own_noise(study, frame):
    low, high = (item.to_numpy(dtype=float) for item in study.their_frame(frame, 60).by_group_ci)
    ours = study.our_intervals(frame, 4_000)
    # The 2.5 % quantile of 60 replicates itself varies by about a third of the half-width.
    half = (ours.high - ours.low) / 2
    assert np.abs((ours.low - low) / half).max() < 1.0
    assert np.abs((ours.high - high) / half).max() < 1.0
    assert np.abs(((ours.low - low) / half).mean()) < 0.2


def test_draws_are_rows_drawn_with_replacement(study, frame):
    draws = 4_000
    # 1 in 1,000 for the largest of the 18 distances between samples of one law.
    limit = np.sqrt(-np.log(0.001 / 18 / 2) / draws)
    assert study.largest_distance(frame, draws) < limit < 0.06


def test_rows_without_a_label_are_no_cell(study, frame):
    unlabelled = frame.astype({"label": object})
    unlabelled.loc[:9, "label"] = None
    assert study.our_cells(unlabelled, study.names(frame)).sum() == len(frame) - 10
