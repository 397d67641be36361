"""Deciding again from a bundle alone: the engine on the statement's measurements and the bundle's packs. Stable API: ``verify_bundle``.

``verify.py`` checks that a decision agrees with what it rests on; this adds that the gate, given the same evidence, packs and day,
comes to the same outcome for every control.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rai_tune.core import AuditResult, Measurement
from rai_tune.gate import Decision, Evidence, Policy, evaluate, policy_digest
from rai_tune.gate.decision import Attestation, SignOff, Waiver
from rai_tune.promotion import verify
from rai_tune.promotion.facts import read_back

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "decided again"


def verify_bundle(data: bytes, head: str | None = None, key: str | None = None) -> verify.Report:
    """Every check of ``verify.py``, and every decision in the bundle taken again. Raises ``verify.NotABundle`` as ``verify`` does."""
    seen = verify.begin(data, head, key)
    found = tuple(verify.checks(seen))
    if any(check.ok is False for check in found):
        again = verify.Check(NAME, False, "not possible while another check does not hold")
    else:
        again = _decide_again(seen)
    return verify.report_of(seen, (*found, again))


def _decide_again(seen: verify.Seen) -> verify.Check:
    words = []
    try:
        for where, decision, statement, end in _decisions(seen):
            problem = _difference(seen, decision, statement, end)
            if problem:
                return verify.Check(NAME, False, f"{where}: {problem}")
            words.append(f"{where}: {decision.policy_id} is {decision.outcome} again")
    except (ValidationError, verify.Refused, ValueError, KeyError, TypeError, AttributeError) as error:
        return verify.Check(NAME, False, f"the engine cannot read what the bundle holds: {error}")
    return verify.Check(NAME, True, "; ".join(words) or "there is no decision in the bundle")


def _decisions(seen: verify.Seen) -> Iterator[tuple[str, Decision, str, int]]:
    """(where, decision, digest of the statement that it is about, size of the ledger when it was made)."""
    for name in sorted(seen.files):
        if name.startswith("decisions/"):
            yield name, _decision(verify.parse(seen.files[name], name)), seen.current, len(seen.index)
    for entry in seen.of_kind("promotion"):
        for body in entry.predicate["decisions"]:
            yield entry.where, _decision(body), str(entry.predicate["statement"]), entry.seq


def _decision(body: dict[str, Any]) -> Decision:
    return Decision.model_validate({name: value for name, value in body.items() if name != "digest"})


def _difference(seen: verify.Seen, decision: Decision, statement: str, end: int) -> str | None:
    """What the engine says otherwise, or None."""
    policy = Policy.model_validate(seen.packs[decision.policy_digest])
    if policy_digest(policy) != decision.policy_digest:
        return f"this version of rai-tune reads the pack {policy.id} otherwise than the one that decided"
    evidence = _evidence(seen, decision, statement, end)
    again = evaluate(
        (policy, decision.policy_digest), evidence, date.fromisoformat(decision.as_of) if decision.as_of else None
    )
    then, now = _without_words(decision), _without_words(again)
    for control, other in zip(then.pop("controls"), now.pop("controls"), strict=True):
        for name, value in control.items():
            if value != other[name]:
                return f"control {control['id']}: {name} is {_short(value)}, and the engine says {_short(other[name])}"
    return next(
        (
            f"{name} is {_short(value)}, and the engine says {_short(now[name])}"
            for name, value in then.items()
            if value != now[name]
        ),
        None,
    )


def _without_words(decision: Decision) -> dict[str, Any]:
    """The decision without its sentences, which a later version may word otherwise."""
    body = decision.to_json()
    del body["notes"]
    for control in body["controls"]:
        del control["reason"], control["settle"]
        for reading in control["readings"]:
            del reading["note"]
    return body


def _short(value: Any) -> str:
    return repr(value)[:80]


def _evidence(seen: verify.Seen, decision: Decision, statement: str, end: int) -> Evidence:
    """What the gate may read, from the statement and from what people had signed by then and counts."""
    body = seen.evidence(statement)
    facts = read_back(body["facts"])
    facts.setdefault("run", {})["test_openings"] = decision.test_openings
    authors = sorted(verify.authors(seen, end))
    return Evidence(
        run_id=seen.run,
        state="completed",
        results=_results(body),
        groups={name: tuple(values) for name, values in body["groups"].items()},
        model_digest=body["model_digest"],
        predictions_digest=body["predictions_digest"],
        frozen_policies=body["policies"],
        test_openings=decision.test_openings,
        frozen_at=body["frozen_at"],
        evaluation_started_at=body["evaluation_started_at"],
        reaudited=tuple(body["reaudited"]),
        facts=facts,
        author=authors[0] if authors else None,
        statement=statement,
        signoffs=tuple(_signoff(deed) for deed in _counted(seen, "signoff", end)),
        attestations=tuple(
            Attestation(**_bound(deed), text=deed.field("text")) for deed in _counted(seen, "attestation", end)
        ),
        waivers=tuple(
            Waiver(**_bound(deed), reason=deed.field("reason"), until=deed.field("until"))
            for deed in _counted(seen, "waiver", end)
        ),
    )


def _results(body: dict[str, Any]) -> tuple[AuditResult, ...]:
    measurements = [Measurement.model_validate(item) for item in body["measurements"]]
    return tuple(
        AuditResult(
            **{
                name: result[name]
                for name in ("audit", "suite", "version", "status", "reason", "inputs", "artifacts", "seed")
            },
            measurements=tuple(item for item in measurements if item.audit == result["audit"]),
            duration_s=0.0,
        )
        for result in body["results"]
    )


def _counted(seen: verify.Seen, kind: str, end: int) -> list[verify.Deed]:
    return [deed for deed in verify.deeds(seen, kind, end) if deed.out is None]


def _signoff(deed: verify.Deed) -> SignOff:
    return SignOff.model_validate(
        {"role": deed.field("role"), "statement": next(iter(deed.entry.subject.values())), **_signed(deed)}
    )


def _signed(deed: verify.Deed) -> dict[str, str]:
    return {"person": deed.person, "key_id": deed.entry.envelope.key_id, "at": deed.entry.at}


def _bound(deed: verify.Deed) -> dict[str, str]:
    return {
        "policy_id": deed.field("policy"),
        **{name: deed.field(name) for name in ("policy_digest", "control", "model_digest")},
        **_signed(deed),
    }
