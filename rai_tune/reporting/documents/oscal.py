"""Decisions as OSCAL assessment results (NIST, version 1.1). Stable API: ``oscal_results``.

One result for each policy pack. A control that is met is ``satisfied``; any other that applies is ``not-satisfied``, and its remarks say
whether the evidence spoke against it, was not enough, or waits for a person. A control that does not apply has no finding. Observations
carry the SHA-256 of what was read. Ids are UUIDv5, so the same evidence gives the same bytes.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from rai_tune.core import UsageError, sha256_json
from rai_tune.reporting.documents.markdown import literal
from rai_tune.reporting.documents.subject import subject_of
from rai_tune.reporting.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rai_tune.gate.decision import ControlOutcome, Decision
    from rai_tune.reporting.documents.subject import Subject
    from rai_tune.reporting.inputs import ReportInputs
    from rai_tune.reporting.model import ControlRow, DecisionView

OSCAL_VERSION = "1.1.3"
NAMESPACE = "urn:rai-tune:oscal"
_TOKEN = re.compile(r"[^\W\d][\w.-]*")
_REASONS = {"pass": "pass", "fail": "fail"}
_REMARKS = {
    "insufficient_evidence": "Not enough evidence to say whether it is met: missing evidence never passes.",
    "awaiting_signoff": "Waiting for a person: what is measured does not speak against it.",
    "fail": "The evidence speaks against it.",
}
Json = dict[str, Any]


def oscal_results(inputs: ReportInputs) -> bytes:
    """The document as JSON in UTF-8. Raises ``UsageError`` when the run has no trained model or no policy has decided on it."""
    subject = subject_of(inputs, "OSCAL assessment results")
    if not subject.real.decisions:
        raise UsageError(
            f"OSCAL assessment results: no policy has decided on run {subject.run_id}; run 'raitune gate' first"
        )
    decided = list(zip(subject.real.decisions, subject.told.decisions, subject.view.decisions, strict=True))
    results = [_Result(subject, real, told, view) for real, told, view in decided]
    body = {
        "assessment-results": {
            "uuid": _uuid(subject.view.evidence_digest, "assessment-results"),
            "metadata": {
                "title": f"Decisions on run {literal(subject.run_id)}",
                "last-modified": _when(subject),
                "version": subject.view.evidence_digest[:12],
                "oscal-version": OSCAL_VERSION,
                "props": _props(
                    {
                        "run": subject.run_id,
                        "model-sha256": subject.digest("model_digest"),
                        "evidence-sha256": subject.view.evidence_digest,
                        "statement-sha256": subject.view.ledger.statement,
                        "ledger-size": str(subject.view.ledger.size),
                        "ledger-root": subject.view.ledger.root,
                    }
                ),
                "remarks": "Evidence for controls; it does not state that a law is met.",
            },
            "import-ap": {
                "href": f"#{results[0].pack_uuid}",
                "remarks": "The policy packs in the back matter stand in for an assessment plan.",
            },
            "results": [each.to_json() for each in results],
            "back-matter": {"resources": [*(each.pack() for each in results), *_audits(subject)]},
        }
    }
    return (json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


class _Result:
    """One decision: ``real`` as stored, ``told`` with small cells hidden, ``view`` the same in words."""

    def __init__(self, subject: Subject, real: Decision, told: Decision, view: DecisionView) -> None:
        self.subject, self.real, self.told, self.view = subject, real, told, view
        self.digest = sha256_json(real.to_json())
        self.pack_uuid = _uuid(real.policy_digest, "policy pack")

    def to_json(self) -> Json:
        rows = list(zip(self.told.controls, self.view.controls, strict=True))
        applies = [(control, row) for control, row in rows if control.outcome != "not_applicable"]
        rest = [row.id for control, row in rows if control.outcome == "not_applicable"]
        observed = [self._observation(control, row) for control, row in applies]
        body: Json = {
            "uuid": _uuid(self.digest, "result"),
            "title": f"{literal(self.view.title)} {literal(self.view.version)}",
            "description": f"{literal(self.view.word)}. Decided from stored evidence alone.",
            "start": _when(self.subject),
            "props": _props(
                {"outcome": self.told.outcome, "decision-sha256": self.digest, "as-of": self.told.as_of or ""}
            ),
            "reviewed-controls": {"control-selections": [_selection(row.id for _, row in rows)]},
        }
        if applies:
            body["observations"] = observed
            body["findings"] = [self._finding(control, row) for control, row in applies]
        notes = [*self.view.notes, *([f"Does not apply, so without a finding: {', '.join(rest)}."] if rest else [])]
        return {**body, "remarks": " ".join(map(literal, notes))} if notes else body

    def _finding(self, control: ControlOutcome, row: ControlRow) -> Json:
        status: Json = {
            "state": "satisfied" if control.outcome == "pass" else "not-satisfied",
            "reason": _REASONS.get(control.outcome, "other"),
        }
        remarks = [_REMARKS.get(control.outcome, ""), row.settle and f"Would settle it: {row.settle}"]
        if control.waived_until:
            remarks.append(f"Waived until {control.waived_until} by {control.waived_by}; the outcome stays.")
        told = " ".join(literal(each) for each in remarks if each)
        return {
            "uuid": self._id(control, "finding"),
            "title": f"{literal(row.id)} {literal(row.title)}",
            "description": literal(row.reason) or literal(row.word),
            "props": _props({"outcome": control.outcome, "severity": control.severity, "mode": control.mode}),
            "target": {
                "type": "objective-id",
                "target-id": token(row.id),
                "title": literal(row.reference),
                "status": {**status, "remarks": told} if told else status,
            },
            "related-observations": [{"observation-uuid": self._id(control, "observation")}],
        }

    def _observation(self, control: ControlOutcome, row: ControlRow) -> Json:
        audits = sorted({reading.audit for reading in control.readings})
        results = {each.audit: each for each in self.subject.real.results}
        sources = {name: sha256_json(results[name].to_json()) for name in audits if name in results}
        read = [_reading(each.what, each.value.text, each.value.interval, each.bound) for each in row.readings]
        if row.readings_left_out:
            read.append(f"{row.readings_left_out:,} more readings are in the stored decision.")
        by_person = control.mode == "attestation" or control.attested_by is not None
        return {
            "uuid": self._id(control, "observation"),
            "description": " ".join(read) or f"Read for {literal(row.id)}: {literal(row.reason) or literal(row.word)}",
            "props": _props({"decision-sha256": self.digest, "attested-by": control.attested_by or ""}),
            "methods": ["EXAMINE" if by_person else "TEST"],
            "types": ["control-objective"],
            "relevant-evidence": [
                {
                    "href": f"#{_uuid(digest, 'audit')}",
                    "description": f"Result of the audit {literal(name)}",
                    "props": _props({"sha256": digest}),
                }
                for name, digest in sources.items()
            ]
            or [{"description": "The stored decision", "props": _props({"sha256": self.digest})}],
            "collected": _when(self.subject),
        }

    def _id(self, control: ControlOutcome, what: str) -> str:
        return _uuid(self.digest, f"{what} {control.id}")

    def pack(self) -> Json:
        """The policy pack as a resource, by its digest."""
        return {
            "uuid": self.pack_uuid,
            "title": f"Policy pack {literal(self.view.policy)} {literal(self.view.version)}",
            "props": _props({"sha256": self.real.policy_digest}),
        }


def _audits(subject: Subject) -> list[Json]:
    found = {each.audit: sha256_json(each.to_json()) for each in subject.real.results}
    return [
        {
            "uuid": _uuid(found[name], "audit"),
            "title": f"Audit {literal(name)}",
            "props": _props({"sha256": found[name]}),
        }
        for name in sorted(found)
    ]


def _reading(what: str, text: str, interval: str, bound: str) -> str:
    more = [f"({interval})" if interval else "", f"bound read {bound}" if bound else ""]
    return literal(" ".join(each for each in (f"{what}: {text}", *more) if each)) + "."


def _selection(ids: Iterable[str]) -> Json:
    return {"include-controls": [{"control-id": token(each)} for each in ids]}


def token(name: str) -> str:
    """A control's id as an OSCAL token, which begins with a letter or an underscore."""
    return name if _TOKEN.fullmatch(name) else f"_{name}"


def _props(values: Mapping[str, str]) -> list[Json]:
    """Properties in the order of their names; an empty value is left out."""
    return [
        {"name": name, "ns": NAMESPACE, "value": clean(values[name], 200)} for name in sorted(values) if values[name]
    ]


def _uuid(digest: str, what: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{NAMESPACE}:{what}:{digest}"))


def _when(subject: Subject) -> str:
    """The run's own start; the beginning of 1970 where that is not recorded, never the present."""
    try:
        found = datetime.fromisoformat(str(subject.real.run.get("created_at", "")))
    except ValueError:
        return "1970-01-01T00:00:00Z"
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")
