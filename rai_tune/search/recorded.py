"""What the study says of its trials, held against what their runs recorded. Stable API: ``check_as_recorded``.

The study is a file that anybody with access to the folder may edit, and its numbers decide which trial is chosen. Each trial's run keeps the same numbers under a digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError
from rai_tune.search.trial import TRIAL, VALUES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from rai_tune.search.result import SearchResult, TrialResult
    from rai_tune.workspace import Workspace


def check_as_recorded(workspace: Workspace, found: SearchResult) -> None:
    """Raise ``IntegrityError`` naming a trial whose state, settings, values or constraints are not those that its run recorded, or a run that is left out.

    Deleted ones are passed over: they can no longer be chosen.
    """
    for trial in found.trials:
        if trial.run_id is not None and not trial.deleted:
            differs = _difference(workspace, found, trial)
            if differs:
                raise IntegrityError(
                    f"search {found.id}: trial {trial.number} is not as its run recorded it ({differs}); nothing was chosen"
                )
    untold = _untold(workspace, found)
    if untold:
        raise IntegrityError(
            f"search {found.id}: run {untold} is a measured trial of it, and the study does not say so; nothing was chosen. "
            f"Where the search was killed, 'raitune tune {found.id} --resume' tells it first"
        )


def _untold(workspace: Workspace, found: SearchResult) -> str | None:
    """A run that was measured for this search and that the study does not name."""
    named = {trial.run_id for trial in found.trials} | {item.run_id for item in workspace.deletions()}
    for run_id, artifacts in workspace.artifacts_by_run({TRIAL, VALUES}).items():
        measured = run_id not in named and {TRIAL, VALUES} <= set(artifacts)
        if measured and workspace.read_json(artifacts[TRIAL].digest)["search"] == found.id:
            return run_id
    return None


def _difference(workspace: Workspace, found: SearchResult, trial: TrialResult) -> str:
    """What differs, empty where nothing does."""
    artifacts = workspace.artifacts(str(trial.run_id))
    if TRIAL not in artifacts:
        return "its run is no trial"
    marker = workspace.read_json(artifacts[TRIAL].digest)
    # The number may be another's: a trial with the settings of an earlier one has that one's run.
    if (marker["search"], marker["settings"]) != (found.id, trial.settings):
        return "its run is that of other settings"
    if VALUES not in artifacts:
        return "its run has no values" if trial.state == "complete" else ""
    return _of_values(workspace.read_json(artifacts[VALUES].digest), trial, found.directions)


def _of_values(recorded: Mapping[str, Any], trial: TrialResult, objectives: Collection[str]) -> str:
    told = {
        "state": trial.state,
        "values": {name: value.to_json() for name, value in trial.values.items()},
        "constraints": trial.constraints,
    }
    differ = [name for name, value in told.items() if recorded[name] != value]
    return ", ".join(differ) or ("" if set(trial.values) == set(objectives) else "objectives")
