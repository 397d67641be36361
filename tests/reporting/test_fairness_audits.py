"""Audits of fairness for the screen: whole, sorted, and silent about none."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import AuditResult, Measurement
from rai_tune.reporting.chapters import MOST_ROWS as ON_PAPER
from rai_tune.reporting.fairness_audits import ORDER, about, fairness_audits, meant, measuring

if TYPE_CHECKING:
    from collections.abc import Callable

    from rai_tune.reporting.fairness_audits import FairnessAudit
    from rai_tune.reporting.inputs import ReportInputs

    Make = Callable[..., ReportInputs]

MEANING = {"split": "test", "positive": "denied", "favourable": "approved"}


def number(audit: str, metric: str, estimate: float, n: int = 100, **where: Any) -> Measurement:
    return Measurement(
        audit=audit, metric=metric, estimate=estimate, low=estimate - 0.05, high=estimate + 0.05, method="by hand", n=n,
        **{**MEANING, **where},
    )  # fmt: skip


def result(audit: str, *found: Measurement, **more: Any) -> AuditResult:
    return AuditResult(
        audit=audit, suite="fairness", version="1", measurements=found, inputs={}, seed=0, duration_s=1.0, **more
    )


def crossed(cells: int, attribute: str = "race x sex") -> AuditResult:
    found = []
    for place in range(cells):
        where = {"attribute": attribute, "group": f"g{place:03d}"}
        found += [
            number("intersections", "selection_rate", 0.9 - place / 1000, n_pos=50, n_neg=50, **where),
            number("intersections", "selection_rate_pooled", 0.4 + place / 1000, **where),
        ]
    return result("intersections", *found)


def audits_of(inputs: ReportInputs, *results: AuditResult) -> dict[str, FairnessAudit]:
    return {audit.audit: audit for audit in fairness_audits(replace(inputs, results=(*inputs.results, *results)))}


def test_every_audit_is_measured_failed_empty_or_absent_and_the_absent_come_last(make_inputs: Make) -> None:
    inputs = make_inputs()
    ran = {each.audit for each in inputs.results}
    failed = result("simpson", status="error", reason="a column is missing")
    nothing = result("slice_discovery", facts={"tested": 12, "confirmed": 0, "false_discovery_rate": 0.05})
    found = audits_of(inputs, failed, nothing, crossed(4))
    assert set(found) == set(ORDER)
    assert found["simpson"].state == "failed"
    assert found["simpson"].sentence == "The audit stopped with an error: a column is missing."
    assert found["slice_discovery"].state == "nothing"
    assert found["slice_discovery"].sentence.endswith(
        "12 slices tested; 0 confirmed at 5 % false discoveries (Benjamini-Hochberg)."
    )
    assert found["intersections"].state == "measured"
    absent = [name for name, audit in found.items() if audit.state == "absent"]
    assert absent == [name for name in ORDER if name not in ran | {"simpson", "slice_discovery", "intersections"}]
    assert list(found)[-len(absent) :] == absent


def test_crossings_are_whole_and_sorted_by_the_pooled_rate(make_inputs: Make) -> None:
    (grid,) = audits_of(make_inputs(), crossed(130))["intersections"].chapter.grids  # type: ignore[union-attr]
    assert len(grid.rows) == 130 > ON_PAPER
    assert grid.left_out == 0
    # As counted they fall while the pooled rates rise: the pooled ones decide.
    assert [row.name for row in grid.rows][:2] == ["g000", "g001"]
    without = crossed(3).measurements[::2]
    (plain,) = audits_of(make_inputs(), result("intersections", *without))["intersections"].chapter.grids  # type: ignore[union-attr]
    assert [row.name for row in plain.rows] == ["g002", "g001", "g000"]


def test_slices_are_sorted_by_size_and_say_how_much_was_searched(make_inputs: Make) -> None:
    found = [
        number("slice_discovery", "slice_error_rate_difference", estimate, label=f"s{place}")
        for place, estimate in enumerate((0.1, -0.3, 0.2))
    ]
    facts = {"tested": 40, "confirmed": 3, "false_discovery_rate": 0.05, "rows_to_find": 313, "rows_to_test": 283}
    audit = audits_of(make_inputs(), result("slice_discovery", *found, facts=facts))["slice_discovery"]
    assert audit.chapter is not None
    assert audit.chapter.rows == ()
    assert "40 slices tested, found on 313 rows and tested on 283 others; 3 confirmed" in audit.sentence
    (listed,) = audit.listed
    assert [row.name for row in listed.rows] == ["s1", "s2", "s0"]
    assert [mark.name for mark in listed.chart.marks] == ["s1", "s2", "s0"]
    assert listed.chart.equal == 0.0


def test_a_small_cell_of_a_crossing_stays_hidden(make_inputs: Make) -> None:
    small = [
        number("intersections", metric, 0.5, n=3, n_pos=n_pos, n_neg=n_neg, attribute="race x sex", group="tiny")
        for metric, n_pos, n_neg in (("selection_rate", 1, 2), ("selection_rate_pooled", None, None))
    ]
    audit = audits_of(make_inputs(), result("intersections", *crossed(6).measurements, *small))["intersections"]
    assert audit.chapter is not None
    row = next(row for row in audit.chapter.grids[0].rows if row.name == "tiny")
    assert {cell.text for cell in row.cells if cell is not None} == {"suppressed (k = 5)"}
    assert audit.chapter.grids[0].rows[-1].cells[1].estimate is None  # type: ignore[union-attr]
    (chart,) = audit.charts
    assert chart is not None
    assert next(mark for mark in chart.marks if mark.name == "tiny").said == "suppressed (k = 5)"


def test_an_audit_is_cut_to_one_attribute_and_its_crossings(make_inputs: Make) -> None:
    both = result("intersections", *crossed(3).measurements, *crossed(3, "age & town").measurements)
    audit = audits_of(make_inputs(), both)["intersections"]
    of_sex = about(audit, "sex")
    assert of_sex.chapter is not None
    assert [grid.title for grid in of_sex.chapter.grids] == ["Favourable rate by race x sex"]
    assert len(of_sex.charts) == 1
    assert of_sex.others == ("age & town",)
    of_town = about(audit, "town")
    assert of_town.chapter is not None and len(of_town.chapter.grids) == 1
    nobody = about(audit, "hair")
    assert nobody.chapter is not None
    assert (nobody.chapter.grids, nobody.charts, nobody.chapter.rows) == ((), (), ())
    assert nobody.others == ("age & town", "race x sex")


def test_a_bias_audit_by_law_stays_whole(make_inputs: Make) -> None:
    found = [
        number("ll144", "ll144_selection_rate", 0.4, n_pos=40, n_neg=60, attribute="sex", group=group)
        for group in ("man", "woman")
    ]
    audit = audits_of(make_inputs(), result("ll144", *found))["ll144"]
    assert about(audit, "race") == audit


def test_what_would_measure_the_absent_depends_on_the_run(make_inputs: Make) -> None:
    inputs = make_inputs()
    sentence, command = measuring(inputs, parent=None)
    assert command == f"raitune audit {inputs.run['id']} --suite fairness"
    assert "re-decision" in sentence
    assert measuring(inputs, parent="another-run")[1] == ""
    training = replace(inputs, run={**inputs.run, "state": "training"})
    assert measuring(training, parent=None) == (
        "The run is training; audits run once a model has made its predictions.",
        "",
    )
    bare = inputs.recipe.model_copy(update={"data": inputs.recipe.data.model_copy(update={"groups": ()})})
    assert measuring(replace(inputs, recipe=bare), parent=None)[1] == ""


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"positive": "deny", "favourable": "ok"}, "Favourable: 'ok'; positive: 'deny'."),
        ({}, "Favourable: 'approved'; positive: 'denied'."),
    ],
)
def test_both_words_are_those_of_the_data_before_those_of_the_recipe(
    make_inputs: Make, data: dict[str, str], words: str
) -> None:
    assert meant(replace(make_inputs(), data=data)).sentence == words
