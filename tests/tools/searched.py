"""A search with trials made by hand: the real store and study, only nothing was trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.search.store import OUTCOME, SearchRecord, open_study, write
from rai_tune.search.trial import Outcome

if TYPE_CHECKING:
    from rai_tune.workspace import Workspace

OBJECTIVES = ("roc_auc", "equalized_odds_difference")


def value(estimate: float, half: float = 0.05) -> dict[str, Any]:
    """A value with its interval, as a trial leaves it."""
    return {
        "estimate": estimate,
        "low": estimate - half,
        "high": estimate + half,
        "n": 200,
        "status": "ok",
        "reason": "",
    }


def complete(run_id: str | None, area: float, gap: float, **more: Any) -> Outcome:
    """A trial with both values."""
    return Outcome("complete", run_id, {"roc_auc": value(area), "equalized_odds_difference": value(gap)}, **more)


def made_search(
    workspace: Workspace, search_id: str, outcomes: list[Outcome | None], *, name: str = "made", asked: int = 9
) -> str:
    """Store a search with these trials; None is a trial at work."""
    import optuna

    record = SearchRecord(
        id=search_id,
        name=name,
        recipe={},
        recipe_digest="d" * 64,
        base_dir=str(workspace.root),
        objectives=OBJECTIVES,
        space={},
        constraints=(),
        sampler="random",
        prune=True,
        seed=3,
        threads=1,
        trials=asked,
        created_at=f"2026-11-26T00:00:00+00:00-{search_id}",
    )
    write(workspace, record)
    study = open_study(workspace, record)
    states = optuna.trial.TrialState
    for number, outcome in enumerate(outcomes):
        attributes: dict[str, Any] = {"settings": {"training.learning_rate": 0.001 * (number + 1)}}
        if outcome is None:
            study.add_trial(optuna.trial.create_trial(state=states.RUNNING, user_attrs=attributes))
            continue
        attributes[OUTCOME] = outcome.to_json()
        done = outcome.state == "complete"
        values = [outcome.values[each]["estimate"] for each in OBJECTIVES] if done else None
        state = states.COMPLETE if done else states.FAIL
        study.add_trial(optuna.trial.create_trial(state=state, values=values, user_attrs=attributes))
    return search_id
