"""An audit that counts every row once says so where the rows have weights."""

import pandas as pd
import pytest

from rai_audits.core import AuditContext, TaskInfo, known_audits, load_audit, run_audit

TASK = TaskInfo(("no", "yes"), "yes", "yes", 0.5, {"sex": ("f", "m"), "race": ("a", "b")})
NOT_USED = "row weights not used"


class Sink:
    def put_table(self, name, table):
        return f"{name} of {len(table)} rows"


def context(weights):
    frame = pd.DataFrame(
        {
            "row_id": [f"r{place}" for place in range(80)],
            "split": "test",
            "label": ["yes" if place % 3 else "no" for place in range(80)],
            "prediction": ["yes" if place % 4 else "no" for place in range(80)],
            "score": [0.9 if place % 4 else 0.1 for place in range(80)],
            "group:sex": ["f" if place % 2 else "m" for place in range(80)],
            "group:race": ["a" if place % 5 < 3 else "b" for place in range(80)],
            "weight": weights,
        }
    )
    return AuditContext(frame, TASK, Sink())


@pytest.mark.parametrize(
    "name",
    ["simpson", "intersections", "inequality", "score_fairness", "unknown_demographics", "four_fifths", "calibration"],
)
def test_audits_without_weights_say_so_only_where_there_are_some(name):
    methods = [item.method for item in run_audit(load_audit(name), context([1.0, 3.0] * 40), {}).measurements]
    assert methods
    assert all(method.endswith(NOT_USED) for method in methods)
    plain = run_audit(load_audit(name), context([2.0] * 80), {}).measurements
    assert not any(NOT_USED in item.method for item in plain)


def test_audits_that_use_weights_name_the_effective_n():
    found = run_audit(load_audit("group_rates"), context([1.0, 3.0] * 40), {}).measurements
    rate = next(item for item in found if item.metric == "selection_rate")
    assert "effective n" in rate.method
    assert not any(NOT_USED in item.method for item in found)


def test_every_fairness_audit_either_uses_weights_or_says_that_it_does_not():
    using = {"group_rates"}
    own_words = {"base_vs_tuned", "mitigation_effect"}
    fairness = {name for name in known_audits() if load_audit(name).suite == "fairness"}
    assert {name for name in fairness if not load_audit(name).ignores_weights} == using | own_words
