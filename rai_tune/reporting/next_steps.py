"""What to do after a run: commands that can be pasted, with a reason each."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import Command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.recipe.schema import Recipe

_UNFINISHED = frozenset(
    {"created", "preparing", "training", "predicting", "auditing", "deciding", "interrupted", "failed"}
)


def next_commands(run: Mapping[str, Any], recipe: Recipe, outcome: str) -> tuple[Command, ...]:
    """Commands for the state the run is in. Ids are quoted for a shell."""
    run_id = shlex.quote(str(run.get("id", "RUN")))
    state = str(run.get("state", ""))
    look = Command("raitune ui", "look at the run in the review app")
    if state == "diverged":
        lower = f"raitune run recipe.yaml --set training.learning_rate={recipe.training.learning_rate / 10:g}"
        return (Command(lower, "train again with a tenth of the learning rate"), look)
    if state in _UNFINISHED:
        return (Command(f"raitune run recipe.yaml --resume {run_id}", "go on from the last checkpoint"), look)
    if state in {"trained", "pruned"}:
        return (Command("raitune tune", "the searches of this workspace; a trial goes on when it is chosen"), look)
    commands = [look, Command(f"raitune report {run_id} --pdf report.pdf", "one file to send and archive")]
    policy = shlex.quote(recipe.policies[0])
    if outcome == "insufficient_evidence":
        commands.append(Command(f"raitune gate {run_id} --policy {policy}", "what would settle each open control"))
    elif outcome != "pass":
        commands.append(Command(f"raitune gate {run_id} --policy {policy}", "each control, what it read and why"))
    return tuple(commands)
