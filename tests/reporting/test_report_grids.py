"""What belongs side by side is a table: one row a group, one column a measure; nothing is shown twice or lost count of."""

from rai_tune.reporting.chapters import chapters, measured
from rai_tune.reporting.grids import LAYOUTS, MOST_ROWS, grids
from rai_tune.reporting.wording import words_for


def ll144(kit, categories):
    found = [kit.number("ll144", "ll144_assessed_rows", 90, 90, 90, 90)]
    for place, name in enumerate(categories):
        where = {"attribute": "sex", "group": name}
        found.append(kit.rate("ll144", "ll144_selection_rate", 10 + place % 20, 40, **where))
        found.append(kit.number("ll144", "ll144_impact_ratio", 0.9, 0.5, 1.4, 80, **where, reference="man"))
    return kit.result("ll144", "fairness", found)


def test_a_category_is_one_row_with_its_rate_and_ratio(kit):
    (table,) = grids(ll144(kit, ["woman", "man"]))
    assert (table.title, table.columns) == ("Selection by sex", ("Selection rate", "Impact ratio"))
    assert [(row.name, row.n_text, [cell.text for cell in row.cells]) for row in table.rows] == [
        ("woman", "40", ["25.0 %", "0.900"]),
        ("man", "40", ["27.5 %", "0.900"]),
    ]
    assert "Selection rate: share of the category that was selected." in table.legend


def test_what_is_in_a_table_is_not_in_the_list_and_all_of_it_is_counted(kit):
    result = ll144(kit, [f"g{place:02}" for place in range(MOST_ROWS + 2)])
    (chapter,) = chapters((result,))
    assert [row.name for row in chapter.rows] == ["People assessed"]
    assert (len(chapter.grids[0].rows), chapter.grids[0].left_out, chapter.left_out) == (MOST_ROWS, 2, 4)
    assert measured(chapter) == len(result.measurements)


def test_a_pair_stands_once_and_a_missing_number_has_words(kit):
    where = {"attribute": "race", "label": "job"}
    found = [
        kit.number("simpson", "selection_rate_difference_marginal", 0.1, 0.0, 0.2, 50, **where, group="a", reference="b"),
        kit.number("simpson", "selection_rate_difference_marginal", -0.1, -0.2, 0.0, 50, **where, group="b", reference="a"),
        kit.number("simpson", "simpson_reversal", 0.0, 0.0, 1.0, 50, **where, group="a", reference="b"),
    ]  # fmt: skip
    (table,) = grids(kit.result("simpson", "fairness", found))
    assert table.title == "Gap in the favourable rate by race, within job"
    (row,) = table.rows
    assert row.name == "a / b"
    assert [cell.text if cell else None for cell in row.cells] == ["10.0 pp", None, "no"]


def test_every_column_is_a_metric_that_has_words_of_its_own(kit):
    from rai_tune.reporting.audit_words import METRICS

    for layouts in LAYOUTS.values():
        for layout in layouts:
            for metric in layout.columns:
                assert metric in METRICS or words_for(metric, METRICS).meaning, metric
