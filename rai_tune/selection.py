"""What a run keeps of having been chosen from a search: the artifact ``selection``, written before the test rows are opened.

It holds the search as it stood (``rai-tune/search/v1``), the rule, the numbers of the trials that the rule kept, the chosen one first, and by how much
the validation rows are expected to flatter. The audit ``selection`` and the reports read it. Stable API: ``SELECTION``, ``TRIAL``, ``selection_options``,
``check_chosen``, ``unchosen_trials``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_audits.quality.chosen import Wanted
from rai_tune.core import UsageError
from rai_tune.workspace.runs import SELECTION, TRIAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.workspace import Workspace

__all__ = ["SELECTION", "SELECTION_SCHEMA", "TRIAL", "check_chosen", "selection_options", "unchosen_trials"]

SELECTION_SCHEMA = "rai-tune/selection/v1"


def selection_options(told: Mapping[str, Any]) -> dict[str, Any]:
    """The option of the audit ``selection``, from the artifact."""
    search: Mapping[str, Any] = told["search"]
    return {
        "wanted": {name: Wanted(**told["wanted"][name]) for name in told["objectives"] if name in told["wanted"]},
        "expected": dict(told["expected"]),
        "facts": {
            "search": search["id"],
            "trial": told["number"],
            "rule": told["rule"],
            "kept": len(told["kept"]),
            "among": told["among"],
            "trials": len(search["trials"]),
        },
    }


def unchosen_trials(workspace: Workspace) -> frozenset[str]:
    """Runs that are trials of a search and were not chosen."""
    return frozenset(workspace.artifacts_by_run({TRIAL})) - frozenset(workspace.artifacts_by_run({SELECTION}))


def check_chosen(workspace: Workspace, run_id: str) -> None:
    """Refuse (``UsageError``) a trial of a search that nobody chose: going on would open the test rows."""
    artifacts = workspace.artifacts(run_id)
    if TRIAL not in artifacts or SELECTION in artifacts:
        return
    told = workspace.read_json(artifacts[TRIAL].digest)
    raise UsageError(
        f"run {run_id} is trial {told['number']} of search {told['search']} and was not chosen; "
        f"'raitune tune {told['search']} --choose RULE' chooses one, 'raitune tune {told['search']} --resume' goes on with the search"
    )
