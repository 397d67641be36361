"""Who signed, stated or waived what about a run, as every report prints it. Stable API: ``People``, ``people_of``.

Only what was verified comes here. A person's words are shown as they are, line by line, as literal text; long ones are cut with a note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.reporting.text import clean, sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rai_tune.reporting.inputs import ReportInputs

MAX_LINES = 40
MAX_CHARACTERS = 4_000
_LONGEST_LINE = 600


@dataclass(frozen=True)
class SignedRow:
    """One signed deed of one person.

    ``about`` is the role of a sign-off, or policy and control; ``entry`` is "ledger entry 12" or empty; ``until`` the last day of a
    waiver; ``standing`` says whether it counts for the evidence as it stands; ``lines`` are the person's own words and ``cut`` says
    what of them is left out.
    """

    person: str
    about: str
    at: str
    entry: str
    key: str
    standing: str
    until: str
    lines: tuple[str, ...]
    cut: str


@dataclass(frozen=True)
class People:
    """All signed deeds about a run, in the order in which they were signed."""

    signoffs: tuple[SignedRow, ...] = ()
    attestations: tuple[SignedRow, ...] = ()
    waivers: tuple[SignedRow, ...] = ()


NOBODY = People()


def people_of(inputs: ReportInputs) -> People:
    """What people signed, those deeds included that hold for an earlier model, pack or state of the evidence: each says so."""
    return People(
        signoffs=tuple(_signoffs(inputs)), attestations=tuple(_attestations(inputs)), waivers=tuple(_waivers(inputs))
    )


def _signoffs(inputs: ReportInputs) -> Iterator[SignedRow]:
    for item, entry in zip(inputs.signoffs, _entries(inputs, "signoff", inputs.signoffs), strict=True):
        holds = bool(inputs.statement) and item.statement == inputs.statement
        standing = "of this evidence" if holds else "of an earlier state of the evidence: does not count for this one"
        yield SignedRow(
            clean(item.person), clean(item.role), clean(item.at), entry, clean(item.key_id), standing, "", (), ""
        )


def _attestations(inputs: ReportInputs) -> Iterator[SignedRow]:
    for item, entry in zip(inputs.attestations, _entries(inputs, "attestation", inputs.attestations), strict=True):
        lines, cut = quoted_lines(item.text)
        standing = _bound(inputs, item.policy_id, item.policy_digest, item.model_digest)
        about = f"{clean(item.policy_id)}, {clean(item.control)}"
        yield SignedRow(clean(item.person), about, clean(item.at), entry, clean(item.key_id), standing, "", lines, cut)


def _waivers(inputs: ReportInputs) -> Iterator[SignedRow]:
    for item, entry in zip(inputs.waivers, _entries(inputs, "waiver", inputs.waivers), strict=True):
        lines, cut = quoted_lines(item.reason)
        standing = _bound(inputs, item.policy_id, item.policy_digest, item.model_digest)
        about = f"{clean(item.policy_id)}, {clean(item.control)}"
        yield SignedRow(
            clean(item.person),
            about,
            clean(item.at),
            entry,
            clean(item.key_id),
            standing,
            clean(item.until),
            lines,
            cut,
        )


def _entries(inputs: ReportInputs, kind: str, items: Sequence[object]) -> tuple[str, ...]:
    """The ledger entries of deeds of one kind; empty texts where they are not known."""
    found = inputs.entries.get(kind, ())
    return tuple(f"ledger entry {seq}" for seq in found) if len(found) == len(items) else ("",) * len(items)


def _bound(inputs: ReportInputs, policy: str, policy_digest: str, model_digest: str) -> str:
    if model_digest != inputs.run.get("model_digest"):
        return "of another model: does not count for this one"
    decided = {each.policy_digest for each in inputs.decisions if each.policy_id == policy}
    if decided and policy_digest not in decided:
        return "of another version of the policy: does not count for this one"
    return "of this model and policy" if decided else "of this model; the policy has not decided"


def quoted_lines(text: str) -> tuple[tuple[str, ...], str]:
    """A person's words as clean lines, and a note where they are cut."""
    whole = text.strip()
    lines = [clean(line, _LONGEST_LINE) for line in whole[:MAX_CHARACTERS].splitlines()]
    kept = tuple(lines[:MAX_LINES])
    full = (
        len(whole) <= MAX_CHARACTERS
        and len(lines) <= MAX_LINES
        and all(len(line) <= _LONGEST_LINE for line in whole.splitlines())
    )
    return kept, "" if full else sentence(f"Cut here; the ledger holds all {len(whole):,} characters.")
