"""Which stored runs would be decided differently under another pack: the evidence is read again, nothing is measured again.

Stable API: ``redecide``, ``stored_policy``. Only the controls whose outcome can have changed are decided under both packs, on only the
audits that they read; the rest of a pack is decided, once, where the overall outcome hangs on it. Nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from rai_tune.core import IntegrityError, UsageError, Value
from rai_tune.core.errors import MissingArtifactError
from rai_tune.gate import LoadedPolicy, Policy, evaluate, overall
from rai_tune.gate.checks import BoundCheck, CoverageCheck, PresenceCheck
from rai_tune.gate.decision import Outcome, Overall  # noqa: TC001  (pydantic reads them)
from rai_tune.gate.diffing import bound_to_digest, changed_controls, with_read, with_readers
from rai_tune.promotion import collect_evidence
from rai_tune.promotion.bulk import BulkEvidence
from rai_tune.reporting.stored import stored_results
from rai_tune.selection import unchosen_trials

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import date

    from rai_tune.gate import Control, ControlOutcome, Evidence
    from rai_tune.workspace import RunRecord, Workspace

REDECISIONS_SCHEMA = "rai-tune/redecisions/v1"
POLICY = "policy:"
LEAST_DIGITS = 8

_IDLE = frozenset({"pass", "not_applicable"})


class OutcomeChange(Value):
    """A control of one run that would end otherwise. None: the pack does not have the control."""

    control: str
    old: Outcome | None
    new: Outcome | None
    because: Literal["control", "digest"]
    """``control``: what the packs say of it differs. ``digest``: it was frozen or attested for the old pack, and not for the new."""


class RunChange(Value):
    """A run that would be decided differently."""

    run_id: str
    old: Overall
    new: Overall
    named: bool
    """Whether the run's recipe named a pack of the old one's id."""
    controls: tuple[OutcomeChange, ...]

    @property
    def only_digest(self) -> bool:
        """Whether every control differs only because the new pack was not the one that was frozen or attested for."""
        return bool(self.controls) and all(item.because == "digest" for item in self.controls)


class SkippedRun(Value):
    """A run that was not decided again. ``damaged``: stored bytes are not those that were recorded."""

    run_id: str
    reason: str
    damaged: bool = False


class Redecisions(Value):
    """What became of all runs of a workspace, newest first."""

    schema_: str = Field(default=REDECISIONS_SCHEMA, alias="schema")
    looked_at: int
    changed: tuple[RunChange, ...]
    skipped: tuple[SkippedRun, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


def redecide(workspace: Workspace, old: LoadedPolicy, new: LoadedPolicy, as_of: date | None = None) -> Redecisions:
    """Decide every completed run of a workspace under both packs, as far as the packs differ.

    A run is named when its overall outcome differs or that of a control which both packs have, or when a control that only one
    of them has is anything but passed. ``as_of`` is the day of the decision; without one no evidence is fresh. Reads only.
    """
    # Nobody decided on trials of a search that nobody chose, and there may be thousands.
    trials = unchosen_trials(workspace)
    runs = [run for run in workspace.runs() if run.id not in trials]
    again = _Again(workspace, old, new, as_of)
    changed: list[RunChange] = []
    skipped: list[SkippedRun] = []
    for run in runs:
        if run.state != "completed":
            skipped.append(SkippedRun(run_id=run.id, reason=f"the run is {run.state}"))
            continue
        try:
            found = again.compare(run)
        except IntegrityError as error:
            # What is simply not there may have been deleted on purpose.
            damaged = not isinstance(error, MissingArtifactError)
            skipped.append(SkippedRun(run_id=run.id, reason=str(error), damaged=damaged))
            continue
        except ValidationError as error:
            skipped.append(SkippedRun(run_id=run.id, reason=_unreadable("its stored evidence", error)))
            continue
        if found is not None:
            changed.append(found)
    return Redecisions(looked_at=len(runs) - len(skipped), changed=tuple(changed), skipped=tuple(skipped))


def stored_policy(workspace: Workspace, digits: str) -> LoadedPolicy:
    """The pack that was stored with a run, by its digest or at least the first 8 digits of it.

    Raises ``UsageError`` when none or several fit, ``IntegrityError`` when its bytes were changed.
    """
    if len(digits) < LEAST_DIGITS:
        raise UsageError(f"{digits!r}: give at least {LEAST_DIGITS} digits of a pack's digest")
    found = {ref.digest: ref for ref in workspace.artifacts_named(POLICY, digits.lower())}
    if not found:
        raise UsageError(f"no run here was decided under a pack whose digest begins with {digits}")
    if len(found) > 1:
        names = ", ".join(f"{ref.name.removeprefix(POLICY)} {digest[:16]}" for digest, ref in sorted(found.items()))
        raise UsageError(f"{len(found)} stored packs have a digest that begins with {digits}: {names}")
    ((digest, ref),) = found.items()
    try:
        policy = Policy.model_validate_json(workspace.read_bytes(digest))
    except ValidationError as error:
        # A pack of a later version of this code; the stored bytes themselves were verified.
        raise UsageError(_unreadable(f"the stored pack {digest[:16]}", error)) from error
    return LoadedPolicy(policy=policy, digest=digest, path=Path(ref.name))


class _Again:
    """Two packs over the evidence of a workspace, with what can be worked out once for all runs."""

    def __init__(self, workspace: Workspace, old: LoadedPolicy, new: LoadedPolicy, as_of: date | None) -> None:
        self.workspace, self.old, self.new, self.as_of = workspace, old, new, as_of
        self._words = self._with_readers(changed_controls(old.policy, new.policy))
        other = old.digest != new.digest or old.policy.id != new.policy.id
        bound = [control for control in self._controls() if bound_to_digest(control)] if other else []
        self._attested = frozenset(control.id for control in bound if control.mode != "automated")
        self._always = self._words | {control.id for control in bound if control.mode == "automated"}
        facts = any(_reads_facts(control) for control in self._controls())
        self._bulk = BulkEvidence(workspace, _wanted(self._controls()), facts=facts)

    def compare(self, run: RunRecord) -> RunChange | None:
        """The run's change, or None when both packs decide it alike."""
        signed = run.id in self._bulk.signed_runs
        ids = self._with_readers(self._always | (self._attested if signed else frozenset()))
        if not ids:
            return None
        ids = with_read(ids, self.old.policy, self.new.policy)
        evidence = self._evidence(run, [item for item in self._controls() if item.id in ids], signed=signed)
        before, after = (self._decide(pack, ids, evidence) for pack in (self.old, self.new))
        if not _may_differ(before, after):
            return None
        rest = () if _fails_anyway(before, after) else self._rest(run, ids, evidence, signed=signed)
        old, new = (overall((*found.values(), *rest)) for found in (before, after))
        controls = tuple(self._outcome_changes(before, after))
        if old == new and not controls:
            return None
        return RunChange(run_id=run.id, old=old, new=new, named=self.old.policy.id in run.policies, controls=controls)

    def _rest(
        self, run: RunRecord, ids: Collection[str], evidence: Evidence, *, signed: bool
    ) -> tuple[ControlOutcome, ...]:
        """Outcomes of the blocking controls that both packs decide alike."""
        others = {item.id for item in self.new.policy.controls if item.id not in ids and item.severity == "block"}
        needed = with_read(others, self.new.policy)
        controls = [item for item in self.new.policy.controls if item.id in needed]
        whole = evidence if evidence.statement else self._evidence(run, controls, signed=signed)
        return tuple(item for name, item in self._decide(self.new, needed, whole).items() if name in others)

    def _evidence(self, run: RunRecord, controls: Collection[Control], *, signed: bool) -> Evidence:
        """What these controls read of a run. Signatures are on its statement, which is about every audit."""
        if signed and any(item.check is not None and item.check.kind == "signature" for item in controls):
            return collect_evidence(self.workspace, run.id, stored_results(self.workspace, run.id))
        return self._bulk.of(run, _wanted(controls))

    def _decide(self, pack: LoadedPolicy, ids: Collection[str], evidence: Evidence) -> dict[str, ControlOutcome]:
        chosen = tuple(control for control in pack.policy.controls if control.id in ids)
        part = pack.policy.model_copy(update={"controls": chosen})
        return {found.id: found for found in evaluate((part, pack.digest), evidence, self.as_of).controls}

    def _outcome_changes(
        self, before: dict[str, ControlOutcome], after: dict[str, ControlOutcome]
    ) -> list[OutcomeChange]:
        changes = []
        for name in dict.fromkeys((*before, *after)):
            old, new = (found[name].outcome if name in found else None for found in (before, after))
            both = old is not None and new is not None
            if old == new or (not both and (old or new) in _IDLE):
                continue
            because: Any = "control" if name in self._words else "digest"
            changes.append(OutcomeChange(control=name, old=old, new=new, because=because))
        return changes

    def _with_readers(self, ids: Collection[str]) -> frozenset[str]:
        return with_readers(ids, self.old.policy, self.new.policy)

    def _controls(self) -> tuple[Control, ...]:
        return (*self.old.policy.controls, *self.new.policy.controls)


def _fails_anyway(before: dict[str, ControlOutcome], after: dict[str, ControlOutcome]) -> bool:
    return all(overall(found.values()) == "fail" for found in (before, after))


def _may_differ(before: dict[str, ControlOutcome], after: dict[str, ControlOutcome]) -> bool:
    if before.keys() != after.keys():
        return True
    return any(
        (item.outcome, item.severity) != (after[name].outcome, after[name].severity) for name, item in before.items()
    )


def _wanted(controls: Iterable[Control]) -> dict[str, frozenset[str]]:
    """Audit -> the metrics that the checks of these controls read of it. Checks of other kinds read no audit."""
    wanted: dict[str, frozenset[str]] = {}
    for control in controls:
        check = control.check
        audits: tuple[str, ...] = ()
        metrics: frozenset[str] = frozenset()
        if isinstance(check, (BoundCheck, CoverageCheck)):
            audits, metrics = (check.audit,), frozenset({check.metric})
        elif isinstance(check, PresenceCheck):
            audits, metrics = check.audits, frozenset(check.metrics)
        for audit in audits:
            wanted[audit] = wanted.get(audit, frozenset()) | metrics
    return wanted


def _reads_facts(control: Control) -> bool:
    kind = control.check.kind if control.check is not None else ""
    return control.when is not None or kind not in {"", "bound", "coverage", "presence"}


def _unreadable(what: str, error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{what} cannot be read by this version: {place}: {first['msg']}"
