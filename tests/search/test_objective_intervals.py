"""Intervals of gaps hold the gap of all people as often as they say, also where there is none: the widest of several gaps is always above 0 in a sample."""

import numpy as np
import pandas as pd
import pytest

from rai_tune.core import TaskInfo
from rai_tune.recipe import parse_recipe
from rai_tune.search.objectives import ValidationView, load_objectives, measure

ROWS, DRAWS = 150, 40
TASK = TaskInfo(("no", "yes"), "yes", "no", 0.5, {"g": ("a", "b", "c")})
EQUAL = {"a": (0.7, 0.3), "b": (0.7, 0.3), "c": (0.7, 0.3)}
APART = {"a": (0.8, 0.4), "b": (0.7, 0.3), "c": (0.6, 0.2)}
"""True and false positive rates by group; half of each group is labelled yes, so both gaps are 0.2 where they are apart."""


def drawn(seed, rates):
    draw = np.random.default_rng(seed)
    frames = []
    for group, (hit, alarm) in rates.items():
        label = draw.random(ROWS) < 0.5
        said = draw.random(ROWS) < np.where(label, hit, alarm)
        words = np.asarray(["no", "yes"])
        frames.append(
            pd.DataFrame(
                {
                    "row_id": [f"{group}{place}" for place in range(ROWS)],
                    "split": "validation",
                    "label": words[label.astype(int)],
                    "prediction": words[said.astype(int)],
                    "score": said * 1.0,
                    "score:no": 1.0 - said,
                    "score:yes": said * 1.0,
                    "group:g": group,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


@pytest.mark.slow
@pytest.mark.parametrize(("rates", "gap"), [(EQUAL, 0.0), (APART, 0.2)])
def test_the_gap_is_in_its_interval(tmp_path, rates, gap):
    data = {
        "source": {"path": "a.csv"},
        "text": "t",
        "label": "l",
        "favourable": "no",
        "groups": [{"column": "g"}],
    }
    recipe = parse_recipe({"name": "small", "data": data}, "small", tmp_path).recipe
    names = ("demographic_parity_difference", "equalized_odds_difference")
    found = [
        measure(load_objectives(names), ValidationView(drawn(seed, rates), TASK, {}, recipe)) for seed in range(DRAWS)
    ]
    for name in names:
        held = sum(values[name].low <= gap + 1e-12 and gap <= values[name].high for values in found)
        # At 95 % fewer than 35 of 40 come up once in 70 such tests; an interval from resampled gaps holds 0 in hardly any.
        assert held >= 35
        assert all(values[name].low <= values[name].estimate <= values[name].high for values in found)
        assert np.mean([values[name].high - values[name].low for values in found]) < 0.45
