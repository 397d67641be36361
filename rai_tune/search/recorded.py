"""What the study says of its trials, held against what their runs recorded. Stable API: ``check_as_recorded``.

The study is a file that anybody with access to the folder may edit, and its numbers decide which trial is chosen. Each trial's run keeps the same numbers under a digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError
from rai_tune.search.trial import TRIAL, VALUES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.search.result import SearchResult, TrialResult
    from rai_tune.workspace import Workspace


def check_as_recorded(workspace: Workspace, found: SearchResult) -> None:
    """Raise ``IntegrityError`` naming a trial whose state, settings, values or constraints are not those that its run recorded.

    Deleted ones are passed over: they can no longer be chosen.
    """
    for trial in found.trials:
        if trial.run_id is not None and not trial.deleted:
            differs = _difference(workspace, found.id, trial)
            if differs:
                raise IntegrityError(
                    f"search {found.id}: trial {trial.number} is not as its run recorded it ({differs}); nothing was chosen"
                )


def _difference(workspace: Workspace, search_id: str, trial: TrialResult) -> str:
    """What differs, empty where nothing does."""
    artifacts = workspace.artifacts(str(trial.run_id))
    if TRIAL not in artifacts:
        return "its run is no trial"
    marker = workspace.read_json(artifacts[TRIAL].digest)
    # The number may be another's: a trial with the settings of an earlier one has that one's run.
    if (marker["search"], marker["settings"]) != (search_id, trial.settings):
        return "its run is that of other settings"
    if VALUES not in artifacts:
        return "its run has no values" if trial.state == "complete" else ""
    return _of_values(workspace.read_json(artifacts[VALUES].digest), trial)


def _of_values(recorded: Mapping[str, Any], trial: TrialResult) -> str:
    told = {
        "state": trial.state,
        "values": {name: value.to_json() for name, value in trial.values.items()},
        "constraints": trial.constraints,
    }
    return ", ".join(name for name, value in told.items() if recorded[name] != value)
