"""Which groups a report hides: names of crossings, complementary groups of each layer, and sentences and stored facts."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from rai_tune.core import Measurement
from rai_tune.reporting import report_json
from rai_tune.reporting.hiding import choose
from rai_tune.reporting.published import EVERYONE, Counts, Line, Names
from rai_tune.reporting.suppression import Hidden, hidden_cells, hide_in_data, is_hidden, keep_notes
from rai_tune.table_audit import TableQuestion, audit_predictions


def sized(attribute: str, group: str, n: int) -> Measurement:
    return Measurement(
        audit="group_rates", metric="group_size", estimate=n, low=n, high=n, method="count", n=n, attribute=attribute,
        group=group, split="test",
    )  # fmt: skip


def counts(lines: dict[Line, int]) -> tuple[Counts, ...]:
    return (Counts("test", tuple((line, (("n", n),)) for line, n in sorted(lines.items())), same_class=True),)


def one_way(**sizes: int) -> dict[Line, int]:
    return {EVERYONE: sum(sizes.values())} | {Line(("g",), (name,)): n for name, n in sizes.items()}


def test_crossings_are_one_line_however_they_are_written() -> None:
    items = [sized("sex", "f", 5), sized("race", "a x b", 5), sized("race", "c", 5), sized("sex & race", "f & c", 5)]
    names = Names([*items, sized("sex x race", "f x a x b", 5), sized("race x sex", "c x f", 5)])
    assert names.line("sex & race", "f & c") == names.line("race x sex", "c x f") == Line(("race", "sex"), ("c", "f"))
    # The name of a group holds the joiner.
    assert names.line("sex x race", "f x a x b") == Line(("race", "sex"), ("a x b", "f"))
    assert names.line("sex & race", "unknown") == Line(("race", "sex"))


def test_a_crossing_of_a_crossing_is_taken_apart() -> None:
    names = Names([sized("sex", "f", 5), sized("sex", "m", 5), sized("race", "a", 5), sized("sex & race", "f & a", 5),
                   sized("sex x sex & race", "f x f & a", 5)])  # fmt: skip
    assert names.line("sex x sex & race", "f x f & a") == Line(("race", "sex"), ("a", "f"))
    assert names.line("sex x sex & race", "m x f & a") is None


@pytest.mark.parametrize(
    ("sizes", "hidden"),
    [
        ({"a": 90, "b": 40}, set()),
        ({"a": 90, "b": 40, "c": 3}, {"b", "c"}),
        ({"a": 90, "b": 40, "c": 3, "d": 4}, {"c", "d"}),
        ({"a": 90, "b": 40, "c": 1, "d": 2}, {"b", "c", "d"}),
        ({"a": 90, "b": 3}, {"a", "b"}),
        ({"a": 90, "unknown": 20, "c": 3}, {"unknown", "c"}),
        ({"a": 3, "empty": 0}, {"a"}),
    ],
)
def test_small_groups_hide_behind_the_next_smallest(sizes: dict[str, int], hidden: set[str]) -> None:
    found = choose(counts(one_way(**sizes)), 5)
    assert {line.values[0] for line in found.hidden} == hidden


def test_a_small_crossed_cell_hides_a_rectangle_and_leaves_the_margins() -> None:
    cells = {("f", "a"): 3, ("f", "b"): 40, ("f", "c"): 60, ("m", "a"): 50, ("m", "b"): 70, ("m", "c"): 90}
    lines: dict[Line, int] = {EVERYONE: sum(cells.values())}
    for (sex, race), n in cells.items():
        lines[Line(("race", "sex"), (race, sex))] = n
        for line in (Line(("sex",), (sex,)), Line(("race",), (race,))):
            lines[line] = lines.get(line, 0) + n
    found = choose(counts(lines), 5)
    assert {line.values for line in found.hidden} == {("a", "f"), ("b", "f"), ("a", "m"), ("b", "m")}


def test_all_groups_that_a_number_pools_go_with_a_hidden_one() -> None:
    hidden = Hidden(5, groups=frozenset({("race", "c"), ("race", "b")}))
    pooled = sized("race", "a", 90).model_copy(update={"metric": "selection_rate_pooled", "audit": "intersections"})
    adjusted = pooled.model_copy(update={"metric": "four_fifths_p_value_adjusted", "audit": "four_fifths"})
    spread = pooled.model_copy(update={"metric": "demographic_parity_difference", "group": None})
    stratified = sized("sex", "f", 90).model_copy(update={"audit": "simpson", "label": "race", "reference": "m"})
    slice_ = spread.model_copy(update={"audit": "slice_discovery", "attribute": None, "label": "race is c"})
    assert all(is_hidden(item, hidden) for item in (pooled, adjusted, spread, stratified, slice_))
    sample = spread.model_copy(update={"audit": "paired_swaps"})
    assert not any(is_hidden(item, hidden) for item in (sample, sized("race", "a", 90), sized("sex", "f", 90)))


def test_a_sample_with_few_rows_of_a_group_hides_that_audits_numbers_alone() -> None:
    rates = [sized("race", name, n) for name, n in (("a", 900), ("b", 400), ("c", 300))]
    parts = [
        sized("race", name, n).model_copy(update={"metric": "identity_reliance", "audit": "explanations"})
        for name, n in (("a", 40), ("b", 18), ("c", 2))
    ]
    from rai_tune.core import AuditResult

    results = tuple(
        AuditResult(audit=name, suite="x", version="1", measurements=tuple(items), seed=0, duration_s=0.0)
        for name, items in (("group_rates", rates), ("explanations", parts))
    )
    hidden = hidden_cells(results, 5)
    assert (hidden.groups, hidden.labels) == (frozenset(), frozenset())
    assert [is_hidden(item, hidden) for item in parts] == [False, True, True]
    assert not any(is_hidden(item, hidden) for item in rates)


def test_small_groups_of_predicted_numbers_hide_behind_the_next_smallest() -> None:
    rows = [
        {"team": team, "said": 10.0 + place, "true": 11.0 + place}
        for team, n in (("a", 50), ("b", 30), ("c", 2))
        for place in range(n)
    ]
    found = audit_predictions(TableQuestion(table=pd.DataFrame(rows), value="said", label="true", groups={"team": ()}))
    told = [item for item in report_json(found.inputs)["measurements"] if item["attribute"] == "team"]
    assert {item["group"] for item in told if item["status"] == "ok"} == {"a"}
    assert {"b", "c"} <= {item["group"] for item in told if item["status"] == "suppressed"}


def test_stored_facts_lose_the_counts_and_notes_of_an_attribute_with_a_hidden_group(make_inputs: Any) -> None:
    data = {
        "rows": 996,
        "counts": {"groups": {"race": {"test": {"other": 3}}, "sex": {"test": {"f": 500}}}, "unknown": {"race": 2, "sex": 0}, "rows": 996},
        "notes": ["race: fewer than 10 rows in the test split: 'other (3)'.", "1 row without a label was left out."],
    }  # fmt: skip
    told = report_json(make_inputs(data=data))["data"]
    assert told["counts"] == {
        "groups": {"race": "suppressed", "sex": {"test": {"f": 500}}}, "unknown": {"race": "suppressed", "sex": 0}, "rows": 996
    }  # fmt: skip
    assert told["notes"] == ["1 row without a label was left out."]
    assert hide_in_data(data, Hidden(5)) == data


def test_notes_of_a_table_that_count_the_unknown_go_with_them() -> None:
    notes = [
        "3 rows have no value in the group column 'race'; they are counted as unknown.",
        "7 rows have no value in the group column 'sex'; they are counted as unknown.",
        "No positive class was named; '1', the favourable one, was taken.",
    ]
    assert keep_notes(notes, Hidden(5, groups=frozenset({("race", "unknown")}))) == notes[1:]
