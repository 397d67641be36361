"""From a run to the door and back: what the commands ``sign``, ``attest``, ``waive``, ``promote``, ``rollback`` and ``status`` do.

Stable API. Composes the rooms: the run's frozen policies, its evidence as it stands, the files that would be served, and the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, UsageError, did_you_mean, sha256_json
from rai_tune.gate import LoadedPolicy, Policy, evaluate, load_policy
from rai_tune.promotion import collect_evidence
from rai_tune.promotion.door import Candidate, check_alias, promote
from rai_tune.promotion.evidence import author_key
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.serving import Promotion, current, promotions
from rai_tune.promotion.signed import About, attest, sign_off, waive
from rai_tune.promotion.statement import BASE, MODEL, evidence_statement, model_files
from rai_tune.reporting.stored import stored_results
from rai_tune.stored_run import stored_recipe
from rai_tune.training.saved_model import recorded_base
from rai_tune.workspace.runs import now

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.core import AuditResult
    from rai_tune.gate import Control, Decision
    from rai_tune.gate.decision import Role
    from rai_tune.promotion.keys import Signer
    from rai_tune.promotion.ledger import LedgerEntry
    from rai_tune.workspace import RunRecord, Workspace


@dataclass(frozen=True)
class AliasStatus:
    """What an alias serves, and how its decisions would come out today. ``today`` holds no decision where they could not be made."""

    alias: str
    promotion: Promotion | None
    today: tuple[Decision, ...] = ()
    problem: str | None = None


def today() -> date:
    """The day by which waivers end and clauses begin: UTC, so that everybody means the same one."""
    return datetime.now(UTC).date()


def frozen_policies(workspace: Workspace, run: RunRecord) -> tuple[LoadedPolicy, ...]:
    """The packs that froze when the run began, as they were then. ``IntegrityError`` when one is not to be had unchanged."""
    return tuple(_frozen(workspace, run, name, digest) for name, digest in run.policies.items())


def sign_run(workspace: Workspace, run_id: str, signer: Signer, role: Role, comment: str = "") -> LedgerEntry:
    """Sign the evidence of a completed run as it stands, and what its policies say of it today."""
    ledger, run = Ledger(workspace), _completed(workspace, run_id)
    if role == "author":
        _no_production_audit(run, "has no author")
    results = stored_results(workspace, run.id)
    evidence = evidence_statement(workspace, run.id, results, now())
    decisions = decisions_today(workspace, run, results=results)
    return sign_off(ledger, signer, role, evidence, decisions, author_key(workspace, run.id), comment)


def attest_control(
    workspace: Workspace, run_id: str, signer: Signer, control: str, text: str, policy: str | None = None
) -> LedgerEntry:
    """State something about a control of the run's policies. A placeholder is refused: it would decide nothing."""
    from rai_tune.gate.content import empty_parts

    run = _completed(workspace, run_id)
    pack, found = _control(workspace, run, control, policy)
    if found.mode == "automated":
        raise UsageError(f"{control} is decided by evidence alone; a statement would not be read")
    missing = empty_parts(text, found.sections or ())
    if missing:
        raise UsageError(f"this is no statement about {control} yet: {'; '.join(missing)}")
    return attest(Ledger(workspace), signer, _about(run, pack, control), text)


def statement_template(workspace: Workspace, run_id: str, control: str, policy: str | None = None) -> str:
    """Markdown to be filled in for a control: what it asks, and the headings that a statement must hold. It is no statement itself."""
    _, found = _control(workspace, workspace.run(run_id), control, policy)
    if found.mode == "automated":
        raise UsageError(f"{control} is decided by evidence alone; a statement would not be read")
    parts = [f"# {found.id}: {found.title}", f"<!-- {found.reference}. {found.asks} -->"]
    for name in found.sections or ("Statement",):
        parts += [f"## {name}", "[to be written]"]
    return "\n\n".join(parts)


def waive_control(
    workspace: Workspace, run_id: str, signer: Signer, control: str, reason: str, until: date, policy: str | None = None
) -> LedgerEntry:
    """Accept until a day that a control of this model is not met."""
    run = _completed(workspace, run_id)
    pack, _ = _control(workspace, run, control, policy)
    about = _about(run, pack, control)
    return waive(Ledger(workspace), signer, about, reason, until, today(), author_key(workspace, run.id))


def promote_run(
    workspace: Workspace,
    run_id: str,
    alias: str,
    signer: Signer,
    *,
    rollback_of: int | None = None,
    expected: int | None = None,
) -> LedgerEntry:
    """Let a run through the door to an alias, or raise saying why not.

    ``expected`` is the size of the ledger that the caller looked at, now when left out: any entry since makes ``ConflictError``.
    """
    place = check_alias(alias)
    ledger = Ledger(workspace)
    seen = ledger.head().size if expected is None else expected
    run = workspace.run(run_id)
    _no_production_audit(run, "is never promoted")
    _model_is_kept(workspace, run)
    policies = frozen_policies(workspace, run)
    # One reading for the statement and the decisions: an audit that is stored in between changes neither.
    results = stored_results(workspace, run.id)
    candidate = Candidate(
        run_id=run.id,
        state=run.state,
        evidence=evidence_statement(workspace, run.id, results),
        decisions=decisions_today(workspace, run, policies, results),
        quorum=max((pack.policy.quorum or 1 for pack in policies), default=1),
        sources=_sources(workspace, run),
    )
    return promote(ledger, place, candidate, signer, expected=seen, rollback_of=rollback_of)


def roll_back(workspace: Workspace, alias: str, signer: Signer, to: int | None = None) -> LedgerEntry:
    """Promote again what the alias stood for before, through the same door. ``to`` names the ledger entry of an earlier promotion."""
    place = check_alias(alias)
    ledger = Ledger(workspace)
    expected = ledger.head().size
    history = promotions(ledger, place)
    if not history:
        raise UsageError(f"nothing was ever promoted to {place}")
    served = history[-1]
    if to is None:
        earlier = [item for item in history if item.model_digest != served.model_digest]
        if not earlier:
            raise UsageError(f"{place} never served another model than that of run {served.run_id}")
        target = earlier[-1]
    else:
        found = [item for item in history if item.seq == to]
        if not found:
            raise UsageError(f"ledger entry {to} is no promotion to {place}; 'raitune status' lists them")
        target = found[0]
    return promote_run(workspace, target.run_id, place, signer, rollback_of=served.seq, expected=expected)


def status_of(workspace: Workspace, alias: str) -> AliasStatus:
    """What an alias serves and what would be decided about it today, waivers that ended since included."""
    found = current(Ledger(workspace), alias)
    if found is None:
        return AliasStatus(alias, None)
    try:
        decided = decisions_today(workspace, workspace.run(found.run_id))
    except (IntegrityError, UsageError) as error:
        return AliasStatus(alias, found, (), str(error))
    return AliasStatus(alias, found, decided)


def decisions_today(
    workspace: Workspace,
    run: RunRecord,
    policies: tuple[LoadedPolicy, ...] | None = None,
    results: tuple[AuditResult, ...] | None = None,
) -> tuple[Decision, ...]:
    """Today's decisions under the policies that froze with the run; nothing is stored."""
    packs = frozen_policies(workspace, run) if policies is None else policies
    evidence = collect_evidence(workspace, run.id, stored_results(workspace, run.id) if results is None else results)
    return tuple(evaluate(pack, evidence, as_of=today()) for pack in packs)


def _frozen(workspace: Workspace, run: RunRecord, name: str, digest: str) -> LoadedPolicy:
    from pathlib import Path

    ref = workspace.artifacts(run.id).get(f"policy:{name}")
    if ref is not None:
        body = workspace.read_json(ref.digest)
        if sha256_json(body) == digest:
            return LoadedPolicy(Policy.model_validate(body), digest, Path(f"{name}.yaml"))
        raise IntegrityError(f"run {run.id}: the stored pack {name} is not the one that froze when the run began")
    # Runs of the first versions stored the digest alone; the pack then has to be at hand, unchanged.
    loaded = load_policy(name)
    if loaded.digest != digest:
        raise IntegrityError(f"run {run.id}: the pack {name} was edited since the run began; start a new run")
    return loaded


def _completed(workspace: Workspace, run_id: str) -> RunRecord:
    run = workspace.run(run_id)
    if run.state != "completed":
        raise UsageError(f"run {run.id} is {run.state}; people sign what a completed run leaves")
    return run


def _model_is_kept(workspace: Workspace, run: RunRecord) -> None:
    """Refuse a run that gave up its model, also while a deletion that was entered has not reached every byte."""
    for deletion in workspace.deletions(run.id):
        if any(name.startswith(MODEL) for name in deletion.digests):
            raise UsageError(f"the model of run {run.id} was {deletion.sentence}; there is nothing to serve")


def _no_production_audit(run: RunRecord, fate: str) -> None:
    if run.parent is not None:
        raise UsageError(
            f"run {run.id} is an audit of run {run.parent} in use: it trained nothing and {fate}; name the run that trained the model"
        )


def _control(workspace: Workspace, run: RunRecord, control: str, policy: str | None) -> tuple[LoadedPolicy, Control]:
    """A control of the run's policies, or of another pack that is named: what is signed about that one serves re-decisions."""
    packs = [pack for pack in frozen_policies(workspace, run) if policy in {None, pack.policy.id}]
    if not packs and policy is not None:
        packs = [load_policy(policy)]
    found = [(pack, each) for pack in packs for each in pack.policy.controls if each.id == control]
    if not found:
        known = [each.id for pack in packs for each in pack.policy.controls]
        elsewhere = "" if policy else " A pack that the recipe does not name is given with --policy."
        raise UsageError(
            f"no policy of run {run.id} has a control {control!r}.{did_you_mean(control, known)}{elsewhere}"
        )
    if len(found) > 1:
        names = ", ".join(pack.policy.id for pack, _ in found)
        raise UsageError(f"{control} is a control of {names}; say which with --policy")
    return found[0]


def _about(run: RunRecord, pack: LoadedPolicy, control: str) -> About:
    return About(run.id, run.model_digest or "", pack.policy.id, pack.digest, control)


def _sources(workspace: Workspace, run: RunRecord) -> dict[str, Path]:
    """A local file for every name that may be served: the run's own folder where it still lies there, else the artifacts."""
    files = model_files(workspace, run.id)
    folder = workspace.run_dir(run.id) / "model"
    sources = {
        name: folder / name.removeprefix(MODEL) if folder.is_dir() else workspace.path_of(digest)
        for name, digest in files.items()
        if name.startswith(MODEL)
    }
    if workspace.read_json(files[f"{MODEL}decision.json"])["adapter"]:
        recorded = workspace.read_json(files[f"{MODEL}base.json"])
        base = recorded_base(recorded, stored_recipe(workspace, run).base_dir)
        sources |= {f"{BASE}{name}": base.path / name for name in base.files}
    return sources
