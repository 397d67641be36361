"""What decides a choice is what the runs recorded: an edited study chooses nothing, and a choice that is refused leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from rai_tune.core import ConflictError, IntegrityError
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
    check_as_recorded(workspace, edited(found, run_id=other, deleted=True))


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
