"""A suite of audits, run again on a stored run. Stable API: ``reaudit``, ``check_overrides``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rai_audits.core import known_audits, load_audit
from rai_tune.auditing import run_audits
from rai_tune.core import UsageError, did_you_mean
from rai_tune.planning import plan
from rai_tune.selection import check_chosen
from rai_tune.stored_run import RunOutcome, attach, check_trained, decide, load_model, same_inputs, stored_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_tune.auditing import Progress
    from rai_tune.workspace import Workspace


def reaudit(
    run_id: str, workspace: Workspace, suite: str, progress: Progress, overrides: Sequence[str] = ()
) -> RunOutcome:
    """Run every audit of a suite again on a run's stored predictions, and judge again; earlier results stay, superseded.

    ``overrides`` such as ``audits.explain.documents=500`` change the settings of this suite and are recorded with it. The model, the predictions and the data must be the bytes that were recorded. What follows is a re-decision, since the choice
    of audits came after the first look. Raises ``UsageError`` for a suite without audits, a run that did not complete, or an override of anything
    but the suite's own settings.
    """
    run = workspace.run(run_id)
    names = _suite(suite)
    check_overrides(suite, overrides)
    check_chosen(workspace, run.id)
    if run.state != "completed":
        raise UsageError(f"run {run.id} is {run.state}; only a completed run is audited again")
    check_trained(run, "is audited again; give the rows to 'raitune audit production --data FILE' once more")
    with workspace.claim(run.id):
        planned = plan(stored_recipe(workspace, run, overrides))
        same_inputs(planned, run, policies=False)
        loaded = load_model(workspace, run)
        artifacts = workspace.artifacts(run.id)
        predictions = workspace.read_table(artifacts["predictions"].digest)
        stored = run_audits(names, planned, workspace, run, loaded, predictions, progress)
        before = workspace.read_json(artifacts["reaudits"].digest) if "reaudits" in artifacts else {}
        attach(
            workspace,
            run.id,
            "reaudits",
            {
                "audits": sorted({*before.get("audits", ()), *stored}),
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "settings": {**before.get("settings", {}), suite: list(overrides)},
            },
        )
        outcome = decide(run.id, workspace, planned.policies)
        workspace.update_run(run.id, verdict=outcome.outcome)
    return outcome


def check_overrides(suite: str, overrides: Sequence[str]) -> None:
    """Refuse an override of anything but the settings of this suite (``UsageError``)."""
    own = f"audits.{suite}."
    for override in overrides:
        if not override.strip().startswith(own):
            raise UsageError(
                f"--set {override!r}: a stored run keeps its recipe; only settings of the suite ({own}*) change for a new audit"
            )


def _suite(suite: str) -> tuple[str, ...]:
    """Names of the audits of a suite that can be loaded here."""
    suites = {name: load_audit(name).suite for name in known_audits()}
    names = tuple(name for name, of in suites.items() if of == suite)
    if not names:
        raise UsageError(f"no audit belongs to a suite {suite!r}.{did_you_mean(suite, set(suites.values()))}")
    return names
