"""What people bring to a control: a statement that decides it, or a waiver that lets a model go on without it.

Both count only for exactly this pack (id and digest), this control and this model. Signatures were verified before they came here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.gate.checks.base import Verdict
from rai_tune.gate.checks.days import day_of
from rai_tune.gate.checks.signature import authors_of, same_name
from rai_tune.gate.content import empty_parts

if TYPE_CHECKING:
    from datetime import date

    from rai_tune.gate.checks.base import Asked
    from rai_tune.gate.decision import Attestation, Evidence, Waiver
    from rai_tune.gate.policy import Control


@dataclass(frozen=True)
class Waived:
    """A waiver that holds: its last day and who gave it."""

    until: str
    by: str


def attested(control: Control, evidence: Evidence, asked: Asked) -> Verdict:
    """Pass when somebody made a statement with content about this control of this model; else what is missing.

    The latest statement with content counts. Where there are only placeholders the evidence is insufficient; where there is no
    statement at all, the control waits for one.
    """
    found = [item for item in evidence.attestations if _is_about(item, evidence, asked)]
    latest_first = sorted(found, key=lambda item: (item.at, item.person, item.text), reverse=True)
    sections = control.sections or ()
    settle = f"a statement about {control.id} of this model" + (
        f" with the sections {', '.join(repr(name) for name in sections)}" if sections else ""
    )
    for item in latest_first:
        if not empty_parts(item.text, sections):
            words = f"{item.person} stated this on {item.at[:10]}"
            return Verdict("pass", words, attested_by=item.person)
    if latest_first:
        empty = "; ".join(empty_parts(latest_first[0].text, sections))
        return Verdict(
            "insufficient_evidence",
            f"{latest_first[0].person} made a statement without content: {empty}",
            settle=settle,
        )
    other = [item for item in evidence.attestations if item.control == asked.control_id]
    stale = "; a statement about another model or another text of the pack does not count" if other else ""
    return Verdict("awaiting_signoff", f"a person must attest to this, and nobody has{stale}", settle=settle)


def waiver_of(evidence: Evidence, asked: Asked) -> Waived | None:
    """The waiver that holds longest for this control on the day of the decision, if any does."""
    holding = [
        item for item in evidence.waivers if _is_about(item, evidence, asked) and _holds(item, evidence, asked.as_of)
    ]
    if not holding:
        return None
    longest = max(holding, key=lambda item: (item.until, item.person))
    return Waived(longest.until, longest.person)


def _is_about(item: Attestation | Waiver, evidence: Evidence, asked: Asked) -> bool:
    bound = (item.policy_id, item.policy_digest, item.control, item.model_digest)
    return evidence.model_digest != "" and bound == (
        asked.pack_id,
        asked.pack_digest,
        asked.control_id,
        evidence.model_digest,
    )


def _holds(waiver: Waiver, evidence: Evidence, as_of: date | None) -> bool:
    """Given by somebody who is known not to be an author, for a reason, on or before this day, and not expired."""
    given, until = day_of(waiver.at), _last_day(waiver.until)
    if as_of is None or given is None or until is None or not given <= as_of <= until:
        return False
    authors = authors_of(evidence)
    person = same_name(waiver.person)
    return bool(waiver.reason.strip()) and bool(person) and bool(authors) and person not in authors


def _last_day(text: str) -> date | None:
    from datetime import date

    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
