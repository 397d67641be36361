"""What a reader can work out from an exported report: a linear programme over every table of people that fits the exported numbers.

Written apart from the code that chooses what to hide: it reads the JSON of a report and knows nothing else.
"""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import pytest

from rai_tune.reporting import measurements_json, report_json
from rai_tune.table_audit import TableQuestion, audit_predictions, table_settings

K = 5
# metric -> what a denominator counts, what a success counts: tests on (label, prediction, above the median)
RATES = {
    "group_size": (lambda *_: True, None),
    "selection_rate": (lambda *_: True, lambda _, said, __: said),
    "ll144_selection_rate": (lambda *_: True, lambda _, said, __: said),
    "ll144_scoring_rate": (lambda *_: True, lambda _, __, above: above),
    "true_positive_rate": (lambda label, *_: label is True, lambda label, said, _: label is True and said),
    "false_positive_rate": (lambda label, *_: label is False, lambda label, said, _: label is False and said),
    "positive_predictive_value": (
        lambda label, said, _: label is not None and said,
        lambda label, said, _: label is True and said,
    ),
    "accuracy": (lambda label, *_: label is not None, lambda label, said, _: label is said),
}
LABELLED = {"true_positive_rate", "false_positive_rate"}


class Reader:
    """Unknowns: people by sex, race, label, decision and side of the median. Equations: every exported count, rate or interval."""

    def __init__(self, body: dict, groups: dict[str, list[str]], labels: tuple = (True, False)) -> None:
        self.attributes = list(groups)
        self.kinds = list(product(*groups.values(), labels, (True, False), (True, False)))
        self.rows, self.values = [], []
        for item in body["measurements"]:
            if item["metric"] in RATES and item["reference"] is None and item["status"] != "suppressed":
                self.read(item)
            if item["metric"] == "ll144_unknown_rows" and item["status"] == "ok":
                self.add(self.cells(item["attribute"], "unknown"), item["estimate"])

    def read(self, item: dict) -> None:
        inside = self.cells(item["attribute"], item["group"])
        counted, won = RATES[item["metric"]]
        self.add(inside & self.test(counted), item["n"])
        if won is not None and item["status"] == "ok":
            self.add(inside & self.test(won), item["estimate"] * item["n"])

    def test(self, asks) -> np.ndarray:
        return np.asarray([bool(asks(*kind[len(self.attributes) :])) for kind in self.kinds])

    def cells(self, attribute: str | None, group: str | None) -> np.ndarray:
        if attribute is None:
            return np.ones(len(self.kinds), dtype=bool)
        joiner = next((each for each in (" x ", " & ") if each in attribute), None)
        names = attribute.split(joiner) if joiner else [attribute]
        places = [self.attributes.index(name) for name in names]
        mine = [tuple(kind[place] for place in places) for kind in self.kinds]
        if group == "unknown":
            return np.asarray(["unknown" in cell for cell in mine])
        return np.asarray([(joiner or "").join(cell) == group for cell in mine])

    def add(self, inside: np.ndarray, value: float) -> None:
        self.rows.append(inside.astype(float))
        self.values.append(value)

    def width(self, item: dict) -> float:
        from scipy.optimize import linprog

        counted, _ = RATES[item["metric"]]
        goal = (self.cells(item["attribute"], item["group"]) & self.test(counted)).astype(float)
        ends = []
        for sign in (1, -1):
            found = linprog(sign * goal, A_eq=np.asarray(self.rows), b_eq=self.values, method="highs")
            assert found.status == 0, found.message
            ends.append(sign * found.fun)
        return ends[1] - ends[0]


def table(seed: int, rows: int, *, unknown: float = 0.0, scored: bool = False) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": draw.choice(["female", "male", "other"], rows, p=[0.5, 0.47, 0.03]),
            "race": draw.choice(["Asian", "Black", "Native", "white"], rows, p=[0.08, 0.2, 0.02, 0.7]),
            "label": draw.choice(["1", "0"], rows, p=[0.15, 0.85]),
        }
    )
    score = np.round(draw.beta(1, 4, rows), 6)
    if scored:
        frame["score"] = score
    else:
        frame["hired"] = np.where(score > 0.3, "1", "0")
    for name in ("sex", "race"):
        frame.loc[draw.random(rows) < unknown, name] = None
    return frame


def asked(frame: pd.DataFrame, *settings: str, intersections: bool) -> dict:
    scored = "score" in frame
    question = TableQuestion(
        table=frame,
        label="label",
        favourable="1",
        groups={"sex": (), "race": ()},
        intersections=intersections,
        **({"score": "score", "threshold": 0.3} if scored else {"prediction": "hired"}),
    )
    found = audit_predictions(question, ("eeoc-four-fifths", "nyc-ll144"), table_settings(settings))
    assert json.loads(measurements_json(found.inputs))["measurements"] == json.loads(
        json.dumps(report_json(found.inputs)["measurements"])
    )
    return report_json(found.inputs)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "rows", "unknown", "scored", "intersections"),
    [
        (1, 160, 0.0, False, False),
        pytest.param(2, 300, 0.04, False, True, marks=pytest.mark.slow),
        (3, 120, 0.02, True, False),
        pytest.param(4, 700, 0.0, True, True, marks=pytest.mark.slow),
        (5, 60, 0.1, False, True),
    ],
)
def test_no_small_count_can_be_worked_out_from_an_exported_report(seed, rows, unknown, scored, intersections) -> None:
    frame = table(seed, rows, unknown=unknown, scored=scored)
    body = asked(frame, intersections=intersections)
    levels = {name: sorted({*frame[name].dropna(), *(["unknown"] if unknown else [])}) for name in ("sex", "race")}
    reader = Reader(body, levels)
    suppressed = [item for item in body["measurements"] if item["status"] == "suppressed"]
    assert suppressed
    counted = frame.fillna("unknown")
    hidden = set()
    for item in suppressed:
        assert (item["estimate"], item["low"], item["high"], item["n"]) == ("suppressed",) * 3 + (0,)
        assert (item["n_pos"], item["n_neg"], item["bounds"]) == (None, None, [])
        if item["reference"] is None and item["metric"] in {"group_size", *LABELLED}:
            hidden.add((item["metric"], item["attribute"], item["group"]))
    for metric, attribute, group in hidden:
        if metric in LABELLED and ("group_size", attribute, group) in hidden:
            continue
        width = reader.width({"metric": metric, "attribute": attribute, "group": group})
        assert width >= K - 1e-6, (metric, attribute, group, width)
    for name in ("sex", "race"):
        for group, size in counted[name].value_counts().items():
            assert size >= K or ("group_size", name, group) in hidden


def test_a_table_too_large_to_check_hides_its_crossing_and_what_tells_labels(monkeypatch) -> None:
    from rai_tune.reporting import hiding

    monkeypatch.setattr(hiding, "MOST_VARIABLES", 10)
    hiding.choose.cache_clear()
    test_no_small_count_can_be_worked_out_from_an_exported_report(5, 60, 0.1, False, True)
    body = asked(table(5, 60, unknown=0.1), intersections=True)
    hiding.choose.cache_clear()
    shown = [item for item in body["measurements"] if item["status"] == "ok" and item["group"] is not None]
    assert not [item for item in shown if item["attribute"] in {"sex x race", "sex & race"}]
    assert not [item for item in shown if item["metric"] in LABELLED | {"accuracy"}]
    assert [item for item in shown if item["metric"] == "selection_rate"]


def test_the_reader_of_this_test_finds_a_count_that_is_not_protected() -> None:
    frame = table(1, 160)
    body = asked(frame, "audits.suppress_below=0", intersections=False)
    levels = {name: sorted(frame[name].unique()) for name in ("sex", "race")}
    alone = [
        {**item, "status": "suppressed"} if (item["attribute"], item["group"]) == ("sex", "other") else item
        for item in body["measurements"]
    ]
    reader = Reader({"measurements": alone}, levels)
    assert reader.width({"metric": "group_size", "attribute": "sex", "group": "other"}) == pytest.approx(0.0, abs=1e-6)
