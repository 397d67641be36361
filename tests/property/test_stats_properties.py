"""What holds for every table: order and parts of rows change nothing, a group that vanished never passes, a gap never becomes a number."""

from __future__ import annotations

import json
import math
from functools import reduce

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rai_audits import fairness
from rai_audits.core import Measurement
from rai_audits.fairness.counts import EMPTY, count_partition, group_tables, merge
from rai_audits.stats.cluster import cluster_bootstrap
from rai_audits.stats.differences import difference_bound
from rai_audits.stats.equivalence import equivalent_difference
from rai_audits.stats.power import smallest_detectable_gap
from rai_audits.stats.ranked import auc_bootstrap, ranked
from rai_audits.stats.ratios import ratio_bound
from rai_audits.stats.two_rates import difference_test
from rai_tune.table_audit import TableQuestion, audit_predictions

ROWS_AUDITS = ["group_rates", "score_fairness", "inequality", "task_quality", "calibration", "four_fifths"]
COUNT_AUDITS = ["group_rates", "four_fifths"]
few = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
some = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

row = st.tuples(
    st.sampled_from(["a", "b", "c", None]),
    st.sampled_from([0, 1]),
    st.integers(0, 20).map(lambda part: part / 20),
    st.sampled_from([0.5, 1.0, 3.0]),
)
tables = st.lists(row, min_size=2, max_size=60)


def frame_of(rows, *, weighted=True):
    frame = pd.DataFrame(rows, columns=["group", "hired", "score", "w"])
    # Both outcomes must occur somewhere: a favourable value that never occurs is refused, as it should be.
    frame.loc[0, ["group", "hired", "score"]] = ["a", 0, 0.2]
    frame.loc[1, ["group", "hired", "score"]] = ["a", 1, 0.9]
    return frame if weighted else frame.drop(columns="w")


def measured(table, *, weight="w", **more):
    asked = {"label": "hired", "score": "score", "threshold": 0.5, "favourable": 1, "positive": 1}
    return fairness.audit(table, **asked, groups=more.pop("groups", ["group"]), weight=weight, **more)


def plain(found):
    return sorted(json.dumps(item.to_json(), sort_keys=True) for item in found.measurements)


@few
@given(tables, st.randoms(use_true_random=False))
def test_rows_in_another_order_give_the_same_measurements(rows, random):
    frame = frame_of(rows)
    order = list(range(len(frame)))
    random.shuffle(order)
    mixed = frame.iloc[order].reset_index(drop=True)
    assert plain(measured(frame, audits=ROWS_AUDITS)) == plain(measured(mixed, audits=ROWS_AUDITS))


@few
@given(tables, st.integers(1, 4), st.randoms(use_true_random=False))
def test_rows_in_other_files_give_the_same_measurements(tmp_path_factory, rows, parts, random):
    frame = frame_of(rows)
    where = [random.randrange(parts) for _ in range(len(frame))]
    folder, files = tmp_path_factory.mktemp("parts"), []
    for part in sorted(set(where)):
        files.append(str(folder / f"{part}.parquet"))
        frame[[at == part for at in where]].to_parquet(files[-1], index=False)
    whole = measured(frame, audits=COUNT_AUDITS)
    counted = measured(files, audits=COUNT_AUDITS, max_held_rows=0)
    assert not counted.held
    assert plain(counted) == plain(whole)


@some
@given(tables, st.booleans(), st.lists(st.integers(0, 2), min_size=60, max_size=60))
def test_merge_is_associative_and_commutative_with_a_neutral_value(rows, weighted, where):
    frame = pd.DataFrame(rows, columns=["group:g", "label", "score", "weight"])
    frame["prediction"] = (frame["score"] >= 0.5).astype(int)
    frame["label"] = frame["label"].astype(object).where(frame["score"] != 0.1, None)
    frame = frame if weighted else frame.drop(columns="weight")
    place = np.array(where[: len(frame)])
    one, two, three = (count_partition(frame[place == part], ["g"], ("0", "1")) for part in range(3))
    whole = count_partition(frame, ["g"], ("0", "1"))
    assert merge(merge(one, two), three) == merge(one, merge(two, three)) == whole
    assert merge(one, two) == merge(two, one)
    assert merge(one, EMPTY) == merge(EMPTY, one) == one
    assert reduce(merge, [three, one, two], EMPTY) == whole
    names = ["a", "b", "c", "unknown"]
    tables_of = [group_tables(item, "g", names, ("0", "1")) for item in (one, two, three, whole)]
    np.testing.assert_array_equal(sum(tables_of[:3]), tables_of[3])
    assert tables_of[3].sum() == frame["label"].notna().sum()


@few
@given(tables)
def test_a_declared_group_that_vanished_has_no_numbers_and_never_passes(rows):
    frame = frame_of(rows, weighted=False)
    declared = {"group": ("a", "b", "c", "ghost")}
    found = measured(frame, weight=None, groups=declared, audits=["group_rates"])
    ghost = [item for item in found.measurements if item.group == "ghost"]
    metrics = {item.metric: item for item in ghost}
    assert metrics["group_size"].value == 0
    for metric in ("selection_rate", "true_positive_rate", "impact_ratio", "selection_rate_difference", "accuracy"):
        assert metrics[metric].status == "not_estimable" and metrics[metric].reason
        assert metrics[metric].bounds == ()
    question = TableQuestion(
        table=frame, label="hired", score="score", threshold=0.5, groups=declared, favourable="1", positive="1"
    )
    decided = audit_predictions(question, ("eeoc-four-fifths",))
    [decision] = decided.decisions
    outcomes = {control.id: control.outcome for control in decision.controls}
    assert outcomes["UGESP-4A"] == "insufficient_evidence"
    assert outcomes["UGESP-4D-ratio"] in {"insufficient_evidence", "fail"}
    assert decided.exit_code in {3, 4}


@few
@given(st.lists(row, min_size=2, max_size=12))
def test_what_is_undefined_is_a_word_with_a_reason_and_survives_storage(rows):
    found = measured(frame_of(rows), groups={"group": ("a", "b", "c", "ghost")})
    assert found.measurements
    for item in found.measurements:
        stored = json.loads(json.dumps(item.to_json(), allow_nan=False))
        assert Measurement(**stored) == item
        if item.status == "ok":
            assert math.isfinite(item.value) and isinstance(item.low, float | str)
            assert all(each.value == "unbounded" or math.isfinite(each.value) for each in item.bounds)
        else:
            assert item.estimate == item.low == item.high == item.status
            assert item.reason and item.bounds == ()
            with pytest.raises(ValueError, match=item.status):
                _ = item.value
    # A rate has a number exactly where something was there to be counted.
    for item in found.measurements:
        if (
            item.audit == "group_rates"
            and item.reference is None
            and item.metric.endswith(("_rate", "_value", "accuracy"))
        ):
            assert (item.status == "ok") == (item.n > 0)


counts = st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@some
@given(counts, counts, st.sampled_from([0.01, 0.05, 0.2]))
def test_bounds_hold_the_estimate_and_agree_with_their_tests(first, second, alpha):
    (k1, n1), (k2, n2) = first, second
    for method, worst in ((difference_bound, (-1.0, 1.0)), (ratio_bound, (0.0, math.inf))):
        both = method(k1, n1, k2, n2, alpha=alpha)
        low, high = (
            method(k1, n1, k2, n2, alpha=alpha / 2, side="lower"),
            method(k1, n1, k2, n2, alpha=alpha / 2, side="upper"),
        )
        assert (float(both.low), float(both.high)) == (float(low.low), float(high.high))
        assert not np.isnan([both.low, both.high]).any()
        if n1 == 0 or n2 == 0:
            assert (float(both.low), float(both.high)) == worst
    if n1 and n2:
        gap = k1 / n1 - k2 / n2
        found = difference_bound(k1, n1, k2, n2, alpha=alpha)
        assert float(found.low) - 1e-9 <= gap <= float(found.high) + 1e-9
    p = float(difference_test(k1, n1, k2, n2, difference=-0.1).p_value)
    assert 0 <= p <= 1 and (p == 1.0 or (n1 > 0 and n2 > 0))
    claim = equivalent_difference(k1, n1, k2, n2, 0.3, alpha=alpha)
    assert bool(claim.holds) == (float(claim.low) >= -0.3 and float(claim.high) <= 0.3)


@some
@given(st.integers(0, 300), st.floats(0, 1), st.integers(0, 300))
def test_more_rows_never_hide_a_gap(trials, rate, reference_trials):
    gap = smallest_detectable_gap(trials, rate, reference_trials)
    assert gap is None or 0 < gap <= rate
    larger = smallest_detectable_gap(4 * trials, rate, 4 * reference_trials)
    # Counts are whole, so the size at which an exact test rejects moves in steps: the gap may grow by a little, never come back.
    if gap is not None:
        assert larger is not None and larger <= gap + 0.02


@some
@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=30), st.randoms(use_true_random=False)
)
def test_bootstraps_do_not_see_the_order_of_rows(rows, random):
    mixed = list(rows)
    random.shuffle(mixed)
    one, other = (auc_bootstrap(ranked(*map(list, zip(*item, strict=True))), 20) for item in (rows, mixed))
    assert str(one) == str(other)
    vectors, moved = ([[score, 9 - score] for score, _ in item] for item in (rows, mixed))

    def share(pooled):
        return pooled[..., 0] / pooled.sum(axis=-1)

    assert str(cluster_bootstrap(vectors, share, 20)) == str(cluster_bootstrap(moved, share, 20))
