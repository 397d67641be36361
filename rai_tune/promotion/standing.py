"""Whether a promotion in the ledger kept the rules of the door at its place. Stable API: ``Standing``.

The door checks before it writes; this checks what was written, so that an entry which came into the ledger in another way is neither
served nor shown as sound: an approver who is no author, the evidence that an author signed, decisions without an open blocking control, the quorum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError
from rai_tune.promotion.keys import different_people, same_person
from rai_tune.promotion.people import Registry, signed_by_workspace, verified
from rai_tune.promotion.records import EVIDENCE, SIGNOFF, statement_digest, subject_of
from rai_tune.promotion.statement import MODEL, PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.promotion.ledger import Ledger, LedgerEntry


class Standing:
    """The evidence and sign-offs of a ledger, each read and verified once, to hold promotions against."""

    def __init__(self, ledger: Ledger, registry: Registry) -> None:
        self._ledger, self._registry = ledger, registry
        self._evidence: dict[str, dict[str, tuple[int, dict[str, Any]]]] = {}
        self._signoffs: dict[str, list[tuple[LedgerEntry, dict[str, Any]]]] = {}

    def check(self, entry: LedgerEntry, body: Mapping[str, Any]) -> dict[str, Any]:
        """Check one promotion, whose signature was verified; returns its evidence statement. ``IntegrityError`` says what does not hold."""
        predicate = body["predicate"]
        place = f"ledger entry {entry.seq}, a promotion by {predicate['person']}"
        evidence = self._evidence_before(entry, str(predicate["statement"]), place)
        self._people(entry, predicate, evidence, place)
        self._files(body, evidence, place)
        _decisions(predicate, evidence, place)
        return evidence

    def _evidence_before(self, entry: LedgerEntry, digest: str, place: str) -> dict[str, Any]:
        run_id = entry.run_id or ""
        if run_id not in self._evidence:
            found: dict[str, tuple[int, dict[str, Any]]] = {}
            for item in self._ledger.entries((EVIDENCE,), run_id):
                body = signed_by_workspace(item, self._registry)
                found.setdefault(statement_digest(body), (item.seq, body))
            self._evidence[run_id] = found
        seq, body = self._evidence[run_id].get(digest, (entry.seq, {}))
        if seq >= entry.seq:
            raise IntegrityError(f"{place}: it rests on evidence of run {run_id} that was not in the ledger before it")
        return body

    def _people(
        self, entry: LedgerEntry, predicate: Mapping[str, Any], evidence: Mapping[str, Any], place: str
    ) -> None:
        person, run_id = str(predicate["person"]), entry.run_id or ""
        if predicate["run"] != run_id:
            raise IntegrityError(f"{place}: it is about run {predicate['run']}")
        key = self._registry.find(entry.key_id, person)
        if key is None or "approver" not in key.roles:
            raise IntegrityError(f"{place}: the key does not hold the role approver")
        signed = [(item, each) for item, each in self._signoffs_of(run_id) if item.seq < entry.seq]
        authors = [str(each["person"]) for _, each in signed if each["role"] == "author"]
        started = self._registry.find(str(evidence["predicate"]["run"].get("author_key") or ""))
        if any(same_person(person, author) for author in [*authors, *([started.person] if started else [])]):
            raise IntegrityError(f"{place}: {person} is an author of the run, and an author never approves it")
        current = [
            each for item, each in signed if subject_of(item.statement).get("evidence") == predicate["statement"]
        ]
        if not any(each["role"] == "author" for each in current):
            raise IntegrityError(f"{place}: no author had signed the evidence that it rests on")
        self._quorum(predicate, current, place)

    def _quorum(self, predicate: Mapping[str, Any], current: list[dict[str, Any]], place: str) -> None:
        reviewers = [str(each["person"]) for each in current if each["role"] != "author"]
        people = different_people([str(predicate["person"]), *reviewers])
        wanted = max((self._quorum_of(str(item["policy_digest"])) for item in predicate["decisions"]), default=1)
        if len(people) < wanted:
            raise IntegrityError(
                f"{place}: {wanted} people besides the author had to stand for it, and {len(people)} did"
            )

    def _quorum_of(self, policy_digest: str) -> int:
        """The quorum of a frozen pack, whose artifact is named by the digest; 1 where the run stored none."""
        try:
            return int(self._ledger.workspace.read_json(policy_digest).get("quorum") or 1)
        except IntegrityError:
            return 1

    def _signoffs_of(self, run_id: str) -> list[tuple[LedgerEntry, dict[str, Any]]]:
        if run_id not in self._signoffs:
            entries = self._ledger.entries((SIGNOFF,), run_id)
            self._signoffs[run_id] = [(item, verified(item, self._registry)["predicate"]) for item in entries]
        return self._signoffs[run_id]

    def _files(self, body: Mapping[str, Any], evidence: Mapping[str, Any], place: str) -> None:
        """Every model file that was measured is served, base files too or none of them, and nothing else."""
        measured, served = subject_of(evidence), subject_of(body)
        measured.pop(PREDICTIONS, None)
        model = {name: digest for name, digest in measured.items() if name.startswith(MODEL)}
        if served not in (measured, model):
            raise IntegrityError(f"{place}: it serves other files than those that its evidence speaks of")
        if body["predicate"]["model_digest"] != evidence["predicate"]["model_digest"]:
            raise IntegrityError(f"{place}: it names another model than its evidence")


def _decisions(predicate: Mapping[str, Any], evidence: Mapping[str, Any], place: str) -> None:
    decided = predicate["decisions"]
    if {item["policy_id"]: item["policy_digest"] for item in decided} != evidence["predicate"][
        "policies"
    ] or not decided:
        raise IntegrityError(f"{place}: its decisions are not those of the policies that froze with the run")
    for decision in decided:
        for control in decision["controls"]:
            met = control["outcome"] in {"pass", "not_applicable"} or control.get("waived_until")
            if control["severity"] == "block" and not met:
                raise IntegrityError(f"{place}: {control['id']} was {control['outcome']} and not waived")
    if not any(decision["promotable"] for decision in decided):
        raise IntegrityError(f"{place}: no decision let the model through")
