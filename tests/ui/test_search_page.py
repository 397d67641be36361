"""The page about searches: none, at work, done, chosen, all failed; hostile text stays text, and long ones are paged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import small_run
from rai_tune.review.sections.search import AT_ONCE, EMPTY
from rai_tune.search.trial import Outcome
from rai_tune.workspace import Workspace
from searched import complete, made_search

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "<img src=x onerror=alert(1)> $x$ :red[y] \u202egnorw"


def told(test: Any, shown: Any) -> list[str]:
    assert not test.exception
    return shown(test)


def test_without_a_search_the_page_says_how_to_begin_one(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w"):
        pass
    assert EMPTY in told(app(tmp_path / "w", page="search"), shown)


def test_a_search_at_work_shows_what_it_has(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        made_search(workspace, "made-00000001", [complete(None, 0.8, 0.2), None, None])
    assert "3 of 9 trials: 1 complete, 2 at work" in told(app(tmp_path / "w", page="search"), shown)
    one = told(app(tmp_path / "w", page="search", search="made-00000001"), shown)
    assert "0.750 to 0.850" in one and one.count("at work") == 2
    assert "none yet: no trial has seen the test rows" in one


def test_trials_lead_to_their_runs_and_a_chosen_one_comes_first(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        runs = [small_run.complete_run(workspace, name=f"run{place}").id for place in range(3)]
        small_run.attach(workspace, runs[2], "selection", {"search": "made-00000002"})
        values = ((0.70, 0.30), (0.90, 0.20), (0.80, 0.25))
        made_search(workspace, "made-00000002", [complete(run, *each) for run, each in zip(runs, values, strict=True)])
    strings = told(app(tmp_path / "w", page="search", search="made-00000002"), shown)
    places = [strings.index(word) for word in ("◆ chosen", "● beaten by none")]
    assert places == sorted(places)
    assert set(runs) <= set(strings)
    # The chosen one is beaten by trial 1, and is not counted among those that are not.
    assert any(text.startswith("Of 3 measured trials, one is beaten by none") for text in strings)


def test_where_all_failed_each_says_why(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        failed = [Outcome("failed", error=f"no rows {HOSTILE}"), Outcome("diverged", error="the loss became nan")]
        made_search(workspace, "made-00000003", failed, name=HOSTILE)
    strings = told(app(tmp_path / "w", page="search", search="made-00000003"), shown)
    assert "No trial has a number for every objective yet." in strings
    assert any("the loss became nan" in text for text in strings)
    assert any("onerror" in text for text in strings)
    assert not any("\u202e" in text for text in strings)


def test_an_unknown_search_is_said_with_the_near_one(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        made_search(workspace, "made-00000004", [])
    strings = told(app(tmp_path / "w", page="search", search="made-00000005"), shown)
    assert "No such search" in strings and any("made-00000004" in text for text in strings)
    assert "No such search" in told(app(tmp_path / "w", page="search", search="../../etc"), shown)


def test_many_trials_are_paged(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        trials = [complete(None, 0.5 + 0.004 * place, 0.1 + 0.004 * place) for place in range(AT_ONCE + 3)]
        made_search(workspace, "made-00000006", trials, asked=50)
    strings = told(app(tmp_path / "w", page="search", search="made-00000006"), shown)
    # All are on the front, in the order of their numbers; the last three are on the next page.
    assert str(AT_ONCE - 1) in strings and str(AT_ONCE + 1) not in strings


def test_a_trial_that_nobody_chose_says_so_and_leads_to_its_search(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        run = workspace.create_run(
            name="t", recipe=small_run.whole_recipe("t", "baseline"), recipe_digest="d" * 64, policies={}
        ).id
        for state in ("preparing", "training", "trained"):
            workspace.set_state(run, state)  # type: ignore[arg-type]
        small_run.attach(workspace, run, "trial", {"search": "made-00000007", "number": 4})
    strings = told(app(tmp_path / "w", run, page="run"), shown)
    assert any(text.startswith("This run is trial 4 of a search. It was not chosen") for text in strings)
    assert "Stopped" not in strings
    inbox = told(app(tmp_path / "w"), shown)
    assert "1 run is a trial of a search and is not listed here." in inbox and run not in inbox


def test_a_trial_that_was_killed_is_not_gone_on_with_from_its_page(tmp_path: Path, app: Any, shown: Any) -> None:
    with Workspace.open(tmp_path / "w") as workspace:
        run = workspace.create_run(
            name="t", recipe=small_run.whole_recipe("t", "baseline"), recipe_digest="d" * 64, policies={}
        ).id
        for state in ("preparing", "training"):
            workspace.set_state(run, state)  # type: ignore[arg-type]
        small_run.attach(workspace, run, "trial", {"search": "made-00000008", "number": 2})
    page = app(tmp_path / "w", run, page="run")
    strings = told(page, shown)
    assert "Stopped" in strings
    assert any("'raitune tune made-00000008 --resume' goes on with the search" in text for text in strings)
    assert not any(button.key == "progress-resume" for button in page.button)
