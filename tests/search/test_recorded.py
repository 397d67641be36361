"""What decides a choice is what the runs recorded: an edited study chooses nothing, and a choice that is refused leaves no trace."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.search.choice import choose
from rai_tune.search.recorded import check_as_recorded
from rai_tune.search.result import Value
from rai_tune.search.store import folder_of, read_search
from rai_tune.selection import SELECTION
from rai_tune.workspace import Workspace
from rai_tune.workspace.locks import hold
from tests.tools import small_run
from tests.tools.searched import complete, made_search

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rai_tune.search.result import SearchResult, TrialResult

SEARCH = "made-00000009"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[tuple[Workspace, SearchResult]]:
    """Two trials with what their runs recorded, and a third with the settings of the first."""
    with Workspace.open(tmp_path / "w") as workspace:
        outcomes = []
        for number, each in enumerate(((0.8, 0.3), (0.7, 0.1))):
            recipe = small_run.whole_recipe("t", "baseline")
            run = workspace.create_run(name="t", recipe=recipe, recipe_digest="d" * 64, policies={}).id
            for state in ("preparing", "training", "trained"):
                workspace.set_state(run, state)  # type: ignore[arg-type]
            settings = {"training.learning_rate": 0.001 * (number + 1)}
            small_run.attach(workspace, run, "trial", {"search": SEARCH, "number": number, "settings": settings})
            outcome = complete(run, *each, constraints={"p:c": 0.1, "p:d": None})
            small_run.attach(workspace, run, "trial_values", outcome.to_json())
            small_run.attach(workspace, run, "context", {"base_dir": str(tmp_path)})
            outcomes.append(outcome)
        made_search(workspace, SEARCH, outcomes)
        yield workspace, read_search(workspace, SEARCH)


def edited(found: SearchResult, **changes: Any) -> SearchResult:
    """The search with its first trial changed."""
    return replace(found, trials=(replace(found.trials[0], **changes), *found.trials[1:]))


def test_what_the_runs_recorded_is_taken(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    check_as_recorded(workspace, found)
    # Settings that were tried before have the run of that trial.
    check_as_recorded(workspace, replace(found, trials=(*found.trials, replace(found.trials[0], number=2))))


def better(trial: TrialResult) -> dict[str, Value]:
    return {**trial.values, "roc_auc": Value(0.95, 0.9, 1.0, 200)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (lambda trial: {"values": better(trial)}, "values"),
        (lambda trial: {"constraints": {}}, "constraints"),
        (lambda trial: {"constraints": {"p:c": 0.1, "p:d": 0.0}}, "constraints"),
        (lambda trial: {"state": "failed"}, "state"),
        (lambda trial: {"settings": {}}, "its run is that of other settings"),
    ],
)
def test_an_edited_study_is_refused(made: tuple[Workspace, SearchResult], changes: Any, said: str) -> None:
    workspace, found = made
    with pytest.raises(IntegrityError, match=rf"trial 0 is not as its run recorded it \({said}\)"):
        check_as_recorded(workspace, edited(found, **changes(found.trials[0])))


def test_a_run_that_is_no_trial_of_this_search_is_refused(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    other = workspace.create_run(name="t", recipe={}, recipe_digest="d" * 64, policies={}).id
    with pytest.raises(IntegrityError, match="its run is no trial"):
        check_as_recorded(workspace, edited(found, run_id=other))
    with pytest.raises(IntegrityError, match="that of other settings"):
        check_as_recorded(workspace, edited(found, run_id=found.trials[1].run_id))
    with pytest.raises(IntegrityError, match="that of other settings"):
        check_as_recorded(workspace, replace(found, id="made-0000000a"))


def test_a_measured_trial_cannot_be_left_out(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    first, second = found.trials
    for hidden in (replace(first, state="failed", run_id=None, values={}), replace(first, run_id=second.run_id)):
        with pytest.raises(IntegrityError):
            check_as_recorded(workspace, replace(found, trials=(hidden, second)))
    at_work = replace(first, state="running", run_id=None, values={}, constraints={})
    for trials in ((second,), (at_work, second)):
        with pytest.raises(
            IntegrityError, match=rf"run {first.run_id} is a measured trial of it, and the study does not"
        ):
            check_as_recorded(workspace, replace(found, trials=trials))


def test_an_outcome_that_was_taken_out_of_the_study_is_missed(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    path = folder_of(workspace, SEARCH) / "study.db"
    with closing(sqlite3.connect(path)) as study, study:
        study.execute("DELETE FROM trial_user_attributes WHERE key = 'outcome' AND trial_id = 1")
    first = read_search(workspace, SEARCH).trials[0]
    assert (first.state, first.error) == ("failed", "the study does not say what came of it")
    with pytest.raises(IntegrityError, match=f"run {found.trials[0].run_id} is a measured trial"):
        choose(workspace, SEARCH, "largest auc", lambda *_: None)


def test_a_search_of_an_earlier_version_is_looked_at_and_no_more(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    path = folder_of(workspace, SEARCH) / "search.json"
    path.write_text(path.read_text().replace('"inputs":{}', '"data_digest":null'))
    assert read_search(workspace, SEARCH).trials == found.trials
    with pytest.raises(UsageError, match="begun by an earlier version"):
        choose(workspace, SEARCH, "largest auc", lambda *_: None)
    path.write_text(path.read_text().replace('"data_digest":null', '"of_tomorrow":1'))
    with pytest.raises(IntegrityError, match="written by another version"):
        read_search(workspace, SEARCH)


def test_objectives_that_were_taken_out_are_missed(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    with pytest.raises(IntegrityError, match=r"\(objectives\)"):
        check_as_recorded(workspace, replace(found, directions={"roc_auc": "maximise"}))


@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda _data: b"no database at all", lambda _data: b""]
)
def test_a_study_that_cannot_be_read_is_said(made: tuple[Workspace, SearchResult], damage: Any) -> None:
    workspace, _ = made
    path = folder_of(workspace, SEARCH) / "study.db"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(IntegrityError, match=rf"study\.db does not hold the trials of search {SEARCH}"):
        read_search(workspace, SEARCH)


def test_a_choice_that_is_refused_leaves_no_trace(made: tuple[Workspace, SearchResult]) -> None:
    workspace, found = made
    # The recipe of these runs is not the one whose digest was recorded, so the run cannot go on.
    with pytest.raises(IntegrityError, match="its stored recipe is not the one"):
        choose(workspace, SEARCH, "largest auc", lambda *_: None)
    assert all(SELECTION not in workspace.artifacts(str(trial.run_id)) for trial in found.trials)
    assert read_search(workspace, SEARCH).chosen == ()


def test_one_at_a_time_chooses(made: tuple[Workspace, SearchResult]) -> None:
    workspace, _ = made
    with (
        hold(folder_of(workspace, SEARCH) / ".choose.lock", "it"),
        pytest.raises(ConflictError, match=f"choosing from search {SEARCH}"),
    ):
        choose(workspace, SEARCH, "largest auc", lambda *_: None)
