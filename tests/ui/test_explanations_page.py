"""The page on explanations: what it says in each state, what it reads, and how one decision is found, shown and asked about."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from large_run import large_run
from rai_tune.core import UsageError
from rai_tune.review.explain_now import Answer, explain_now
from rai_tune.review.explained_list import Chosen, explained_table, lines, narrowed
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A workspace with a run whose explanations are trusted, one where they failed, and one without any."""
    root = tmp_path_factory.mktemp("explained") / "store"
    build = large_run
    with Workspace.open(root) as workspace:
        made = {
            "trusted": build(workspace, 400, 60, audits=()),
            "failed": build(workspace, 400, 60, audits=(), verdict="not_trusted"),
            "none": build(workspace, 400, 0, audits=()),
        }
    return root, made


@pytest.fixture
def opened(runs: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open the page about one of the runs; ``row`` is the row that the address names."""

    def open_page(run: str, row: str | None = None, root: Path | None = None) -> AppTest:
        monkeypatch.setenv("RAITUNE_WORKSPACE", str(root or runs[0]))
        test = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        test.switch_page(str(ROOT / "rai_tune" / "review" / "pages" / "explanations.py"))
        test.query_params["run"] = runs[1][run]
        if row is not None:
            test.query_params["row"] = row
        test.run()
        assert not test.exception
        return test

    return open_page


def parts(test: AppTest) -> list[dict[str, Any]]:
    """What the components of a page were given, in its order."""
    return [json.loads(part.proto.json) for part in test.get("bidi_component")]


def table(test: AppTest, caption: str) -> list[list[str]]:
    """The cells of a table of the page; none where there is no such table."""
    for part in parts(test):
        for block in part.get("blocks", ()):
            if block["kind"] == "table" and block["caption"] == caption:
                return [[cell["text"] for cell in row] for row in block["rows"]]
    return []


def listed(test: AppTest) -> list[str]:
    return next(([row["id"] for row in part["rows"]] for part in parts(test) if "chosen" in part), [])


def heatmaps(test: AppTest) -> list[dict[str, Any]]:
    return [part for part in parts(test) if "pieces" in part]


def frame(runs: tuple[Path, dict[str, str]], run: str, name: str) -> pd.DataFrame:
    with Workspace.open(runs[0], create=False) as workspace:
        return workspace.read_table(workspace.artifacts(runs[1][run])[name].digest)


def a_row(runs: tuple[Path, dict[str, str]], status: str, **of: str) -> str:
    documents = frame(runs, "trusted", "explanations:documents")
    own = documents[(documents["status"] == status)]
    for name, value in of.items():
        own = own[own[name] == value]
    return str(own["row_id"].iloc[0])


@pytest.mark.slow
def test_the_verdict_comes_first_then_each_check_with_its_number(opened: Callable[..., AppTest]) -> None:
    test = opened("trusted")
    banners = [block for part in parts(test) for block in part.get("blocks", ()) if block["kind"] == "banner"]
    assert (banners[1]["word"], banners[1]["tone"]) == ("Trusted", "pass")
    rows = table(test, "Checks that the explanations were put to")
    assert rows[0][:3] == ["It adds up", "✓ passed", "0.4 %"]
    assert len(rows) == 6
    assert heatmaps(test) == []  # nothing is read of any text before a row is chosen


@pytest.mark.slow
def test_explanations_that_failed_show_the_failed_check_and_no_number_of_theirs(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]]
) -> None:
    test = opened("failed", row=a_row(runs, "ok"))
    rows = {row[0]: row[1] for row in table(test, "Checks that the explanations were put to")}
    assert (rows["Another method agrees"], rows["It adds up"]) == ("✗ failed", "✓ passed")
    (text,) = heatmaps(test)
    assert {piece["weight"] for piece in text["pieces"]} == {None}
    said = json.dumps(parts(test))
    assert "must not be relied on" in said and "What decisions lean on is therefore not shown" in said
    assert "Confirmed reasons" not in said
    # The audit of identity ran by itself and kept its numbers; the page does not.
    ((_, reliance, *_),) = table(test, "Reliance on identity beside the effect of a swap, on the same explained texts")
    assert reliance == "not estimable"


@pytest.mark.slow
def test_a_run_without_explanations_says_so_in_each_part(opened: Callable[..., AppTest]) -> None:
    test = opened("none")
    said = json.dumps(parts(test))
    for words in ("Not checked", "was not measured", "No explained rows are stored"):
        assert words in said
    assert [box.label for box in test.selectbox] == []


@pytest.mark.slow
def test_one_decision_has_its_text_numbers_checks_reasons_and_counterfactual(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]]
) -> None:
    documents = frame(runs, "trusted", "explanations:documents")
    row_id = str(documents[(documents["status"] == "ok") & (documents["prediction"] == "denied")]["row_id"].iloc[0])
    test = opened("trusted", row=row_id)
    texts = frame(runs, "trusted", "rows").set_index("row_id")["text"]
    units = frame(runs, "trusted", "explanations:attributions")
    own = units[(units["row_id"] == row_id) & (units["unit_kind"] == "column")]
    (text,) = heatmaps(test)
    assert "".join(piece["text"] for piece in text["pieces"]) == texts[row_id]
    numbers = table(
        test, "Attribution of each of the columns to logit(denied) - logit(approved), in the order of the text"
    )
    assert [row[0] for row in numbers] == [*own["unit"], "(special tokens)"]
    assert float(numbers[0][1].replace("−", "-")) == pytest.approx(own["attribution"].iloc[0], abs=0.001)
    assert [row[0] for row in table(test, "Confirmed reasons, the strongest first")] == ["debt", "years"]
    test.radio(key="explained-folding").set_value("words").run()
    words = units[(units["row_id"] == row_id) & (units["unit_kind"] == "word")]
    (text,) = heatmaps(test)
    assert sum(piece["weight"] is not None for piece in text["pieces"]) == len(words)
    assert max(abs(piece["weight"]) for piece in text["pieces"] if piece["weight"] is not None) == pytest.approx(1.0)


@pytest.mark.slow
def test_a_stored_counterfactual_is_shown_without_being_asked_for(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]]
) -> None:
    found = frame(runs, "trusted", "minimal_counterfactuals:counterfactuals")
    with_one, documents = found["row_id"].iloc[0], frame(runs, "trusted", "explanations:documents")
    without = next(name for name in documents["row_id"] if name not in set(found["row_id"]))
    said = json.dumps(parts(opened("trusted", row=with_one)))
    assert f"With debt = low: {found['after'].iloc[0]}" in said
    test = opened("trusted", row=without)
    assert "With debt = low" not in json.dumps(parts(test))
    assert test.button(key="asked-now").label == "Find the nearest counterfactual"


@pytest.mark.slow
@pytest.mark.parametrize(("status", "words"), [("failed", "Failed its check"), ("undefined", "Could not be explained")])
def test_a_row_that_failed_has_its_text_and_no_numbers(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]], status: str, words: str
) -> None:
    test = opened("trusted", row=a_row(runs, status))
    banner = [block for part in parts(test) for block in part.get("blocks", ()) if block["kind"] == "banner"][-1]
    assert (banner["word"], banner["tone"]) == (words, "fail")
    assert {piece["weight"] for piece in heatmaps(test)[0]["pieces"]} == {None}


@pytest.mark.slow
def test_the_list_is_paged_and_narrowed(opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]]) -> None:
    documents = frame(runs, "trusted", "explanations:documents")
    ids = documents["row_id"].tolist()
    test = opened("trusted")
    assert listed(test) == ids[:10]
    test.button(key="explained-Next").click().run()
    assert listed(test) == ids[10:20]
    test.checkbox(key="explained-wrong").check().run()
    wrong = documents[documents["label"] != documents["prediction"]]
    assert listed(test) == wrong["row_id"].tolist()[:10]
    test.selectbox(key="explained-prediction").set_value(2).run()
    assert listed(test) == wrong[wrong["prediction"] == "denied"]["row_id"].tolist()[:10]


@pytest.mark.slow
def test_a_row_is_found_by_its_id_and_one_that_is_not_explained_can_be(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    test = opened("trusted")
    row_id = a_row(runs, "ok")
    test.text_input(key="explained-id").set_value(row_id).run()
    assert test.query_params["row"] in (row_id, [row_id])
    assert len(heatmaps(test)) == 1
    hostile = "<b>nobody</b>\u202e"
    test.text_input(key="explained-id").set_value(hostile).run()
    assert "Row <b>nobody</b>[U+202E] is not among the explained rows" in json.dumps(parts(test), ensure_ascii=False)

    asked: list[str] = []

    def refuse(_run: str, _workspace: Workspace, row: str, _progress: object) -> None:
        asked.append(row)
        raise UsageError("the model was deleted")

    monkeypatch.setattr("rai_tune.explaining.explain_row", refuse)
    test.button(key="asked-now").click().run()
    assert asked == [hostile]
    banner = [block for part in parts(test) for block in part.get("blocks", ()) if block["kind"] == "banner"][-1]
    assert (banner["word"], banner["sentence"]) == ("The decision was not explained", "The model was deleted.")
    assert test.text_input(key="explained-id").value == hostile


@pytest.mark.slow
def test_what_was_found_on_request_stays_on_the_page(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rai_tune.reporting.decision_form import CheckRow, DecisionForm

    form = DecisionForm(
        "9", "denied", "test", "logit", "m", True, "", "", (), (), (CheckRow("Another method agrees", "failed", "failed", "✗", "No."),),
        "trusted", "Trusted", "✓", "", ("With debt = low: approved",),
    )  # fmt: skip
    monkeypatch.setattr("rai_tune.review.sections.asked.explain_now", lambda *_: Answer(form))
    documents = frame(runs, "trusted", "explanations:documents")
    row_id = documents.loc[(documents["status"] == "ok") & (documents.index % 2 == 1), "row_id"].iloc[0]
    test = opened("trusted", row=row_id)
    assert None not in {piece["weight"] for piece in heatmaps(test)[0]["pieces"]}
    test.button(key="asked-now").click().run()
    assert "With debt = low: approved" in json.dumps(parts(test))
    # One that fails a check of its own is shown as failed and loses its numbers.
    assert {piece["weight"] for piece in heatmaps(test)[0]["pieces"]} == {None}
    assert [row[1] for row in table(test, "Checks of this explanation by itself")] == ["✗ failed"]
    assert not [button for button in test.button if button.key == "asked-now"]


@pytest.mark.slow
def test_deleted_rows_are_named_as_deleted(
    opened: Callable[..., AppTest], runs: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Workspace.open(runs[0], create=False) as workspace:
        refs = workspace.artifacts(runs[1]["trusted"])
    gone = SimpleNamespace(
        digests={name: refs[name].digest for name in refs if name.startswith("explanations:") or name == "rows"},
        sentence="deleted on 2026-11-20 by pat",
    )
    monkeypatch.setattr(Workspace, "deletions", lambda *_: (gone,))
    test = opened("trusted", row="1")
    said = json.dumps(parts(test))
    assert "The explained rows of this run were deleted on 2026-11-20 by pat." in said
    assert heatmaps(test) == []


def test_every_error_of_an_explanation_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("/somewhere/of/this/machine is missing")

    monkeypatch.setattr("rai_tune.explaining.explain_row", fails)
    answer = explain_now(None, "run", "1", lambda *_: None)  # type: ignore[arg-type]
    assert answer.form is None
    assert answer.problem.startswith("Something unexpected went wrong (OSError).")
    assert "somewhere" not in answer.problem


def documents(count: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row_id": [str(place) for place in range(count)],
            "label": ["yes", "no"] * (count // 2),
            "prediction": "yes",
            "score": [0.5, None] * (count // 2),
            "state": ["trusted", "failed"] * (count // 2),
            "wrong": [False, True] * (count // 2),
        }
    )


def test_filters_narrow_and_nothing_is_lost_without_them() -> None:
    table = documents(10)
    assert len(narrowed(table, Chosen())) == 10
    assert narrowed(table, Chosen(label="no", wrong=True, state="failed"))["row_id"].tolist() == [
        "1",
        "3",
        "5",
        "7",
        "9",
    ]
    assert narrowed(table, Chosen(prediction="no")).empty
    assert [(line.row_id, line.score, line.wrong) for line in lines(table[:2])] == [
        ("0", 0.5, False),
        ("1", None, True),
    ]


@pytest.mark.slow
def test_5000_explained_rows_are_listed_and_one_is_read_without_building_the_others(tmp_path: Path) -> None:
    from rai_tune.review.rows import rows_by_id

    with Workspace.open(tmp_path / "store") as workspace:
        run_id = large_run(workspace, 12_000, 5_000, audits=())
        first = explained_table(workspace, run_id, "trusted")
        assert first is not None and len(first) == 5_000
        started = time.perf_counter()
        table = explained_table(workspace, run_id, "trusted")
        assert table is first  # kept by its digest
        page = lines(narrowed(table, Chosen(wrong=True, state="trusted")).iloc[:20])
        units = rows_by_id(workspace, run_id, "explanations:attributions", [page[0].row_id])
        seconds = time.perf_counter() - started
        assert explained_table(workspace, run_id, "not_trusted")["state"].unique().tolist() == [
            "not_trusted",
            "undefined",
            "failed",
        ]
    assert set(units["row_id"]) == {page[0].row_id}
    assert seconds < 1.0
