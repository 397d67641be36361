"""Two runs compared: what stays hidden, what cannot be compared and why, and the words that terminal and app share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import drawn_runs as DRAWN
from rai_tune.core import UsageError
from rai_tune.reporting.comparing import compare_runs
from rai_tune.reporting.comparing_view import comparison_view, flips_sentence, metric_chart, overall_chart
from rai_tune.stored_run import PARQUET
from rai_tune.workspace import Workspace
from rai_tune.workspace.deletions import Deletion

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = {"sex": ("man", "other", "woman")}


def store(workspace: Workspace, table: Any, groups: Any = GROUPS, **more: Any) -> str:
    return str(DRAWN.store_run(workspace, table, groups, decided=False, **more))


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workspace, str, str]]:
    """The same 200 people twice, decided more leniently by the candidate; 40 of group ``other``."""
    with Workspace.open(tmp_path_factory.mktemp("pair")) as workspace:
        tables = [DRAWN.drawn_table(GROUPS, 200, lenient=lenient) for lenient in (0.1, 0.0)]
        for table in tables:
            table["group:sex"] = ["other" if place < 40 else "man" if place % 2 else "woman" for place in range(200)]
        yield workspace, *(store(workspace, table) for table in tables)


def test_every_row_that_is_decided_otherwise_is_named(pair: tuple[Workspace, str, str]) -> None:
    workspace, new, old = pair
    tables = [workspace.read_table(workspace.artifacts(run)["predictions"].digest) for run in (new, old)]
    differ = tables[0]["prediction"] != tables[1]["prediction"]
    found = compare_runs(workspace, new, old)
    assert 0 < differ.sum() < 200
    assert found.changed == tuple(tables[0].loc[differ, "row_id"])
    view = comparison_view(found, "the other run")
    assert flips_sentence(view) == (
        f"{differ.sum()} of 200 rows in both are decided differently. {differ.sum()} gained 'approved' and 0 lost it."
    )
    assert view.rows == "200 test rows in both; 0 only in the candidate's, 0 only in the other run's"
    assert view.words == "Favourable: 'approved'; positive: 'denied'."


def test_charts_have_a_zero_line_and_words_for_both_sides(pair: tuple[Workspace, str, str]) -> None:
    view = comparison_view(compare_runs(*pair))
    overall = overall_chart(view)
    assert overall is not None
    assert [mark.name for mark in overall.marks] == [
        row.name for row in view.overall if row.value.ref.metric != "roc_auc_change"
    ]
    assert (overall.equal, overall.ends) == (0.0, ("lower with the candidate", "higher with the candidate"))
    (attribute,) = view.attributes
    assert [metric.metric for metric in attribute.metrics] == [
        "selection_rate", "accuracy", "true_positive_rate", "false_positive_rate",
    ]  # fmt: skip
    chart = metric_chart(view, attribute, attribute.metrics[0])
    assert chart is not None
    assert [mark.name for mark in chart.marks] == ["man", "other", "woman"]
    assert chart.ends[1] == "the candidate decides 'approved' more often"
    assert all(mark.estimate is not None and mark.estimate > 0 for mark in chart.marks)


def test_what_either_report_hides_stays_hidden(pair: tuple[Workspace, str, str]) -> None:
    """The candidate shows groups of 40; the other run's recipe hides what has fewer than 60 rows."""
    workspace, new, _ = pair
    table = workspace.read_table(workspace.artifacts(new)["predictions"].digest)
    strict = store(workspace, table, audits_spec={"suppress_below": 60})
    for found in (compare_runs(workspace, new, strict), compare_runs(workspace, strict, new)):
        assert found.suppress_below == 60
        (other,) = [
            item
            for item in found.found.measurements
            if item.metric == "selection_rate_change" and item.group == "other"
        ]
        assert other.status == "suppressed"
        assert "other" not in {flip.group for flip in found.found.flips}
    shown = compare_runs(workspace, new, pair[2])
    assert "other" in {flip.group for flip in shown.found.flips}


def test_what_is_hidden_for_the_sake_of_another_group_in_a_report_stays_hidden(
    pair: tuple[Workspace, str, str],
) -> None:
    """The report of the candidate hides 30 rows of ``other`` beside 3 of ``man``; among the rows in both it would be ``woman``."""
    workspace = pair[0]
    sizes = {"man": 3, "other": 30, "woman": 100}
    table = DRAWN.drawn_table(GROUPS, 133)
    table["group:sex"] = [group for group, size in sizes.items() for _ in range(size)]
    new = store(workspace, table)
    old = store(workspace, table.iloc[:53].reset_index(drop=True))
    found = compare_runs(workspace, new, old)
    assert found.rows.only_candidate == 80
    told = {item.group: item.status for item in found.found.measurements if item.metric == "selection_rate_change"}
    assert told == {None: "ok", "man": "suppressed", "other": "suppressed", "woman": "suppressed"}
    assert {flip.group for flip in found.found.flips} == {None}


def test_a_change_that_is_hidden_is_not_told_by_its_flips(pair: tuple[Workspace, str, str]) -> None:
    """Of 12 rows of ``other``, 4 are labelled positive: too few to show a change that depends on it, so nothing of the group is shown."""
    workspace = pair[0]
    runs = []
    for lenient in (0.1, 0.0):
        table = DRAWN.drawn_table(GROUPS, 200, lenient=lenient)
        table["group:sex"] = ["other" if place < 12 else "man" if place % 2 else "woman" for place in range(200)]
        runs.append(store(workspace, table))
    found = compare_runs(workspace, *runs)
    told = {item.group: item.status for item in found.found.measurements if item.metric == "selection_rate_change"}
    hidden = {group for group, status in told.items() if status == "suppressed"}
    assert "other" in hidden
    assert {flip.group for flip in found.found.flips} == set(told) - hidden


def test_deleted_predictions_are_a_sentence(pair: tuple[Workspace, str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, new, old = pair
    gone = Deletion(
        8, "2026-11-26T10:00:00+00:00", old, {"predictions": workspace.artifacts(old)["predictions"].digest}
    )
    monkeypatch.setattr(Workspace, "deletions", lambda _self, run_id=None: (gone,) if run_id == old else ())
    with pytest.raises(UsageError, match=r"predictions of run .* were deleted on 2026-11-26 \(ledger entry 8\)"):
        compare_runs(workspace, new, old)


def test_a_table_without_what_is_compared_is_a_sentence(pair: tuple[Workspace, str, str]) -> None:
    workspace, new, _ = pair
    table = DRAWN.drawn_table({}, 20)
    run = store(workspace, table, {})
    workspace.attach(run, "predictions", workspace.put_table(table.drop(columns="split")), PARQUET)
    with pytest.raises(UsageError, match="have no column split, so no row can be compared"):
        compare_runs(workspace, new, run)
    other = store(workspace, table, {})
    workspace.attach(other, "data", workspace.put_json({"rows": 20}), "application/json")
    with pytest.raises(UsageError, match="does not record the classes of its data"):
        compare_runs(workspace, other, new)
