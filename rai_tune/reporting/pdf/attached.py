"""The files that travel inside a report. Stable API: ``Attachment``, ``attachments_of``.

Nothing attached says more than the pages do: where small cells are suppressed, the evidence statement goes in without what they could be
read from, and says so. Its digest is printed in either case, so a reader can match it with the statement in a bundle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import canonical_json, sha256_bytes, sha256_json
from rai_tune.reporting.export import measurements_json
from rai_tune.reporting.suppression import shown

if TYPE_CHECKING:
    from rai_tune.reporting.inputs import ReportInputs

MEASUREMENTS, STATEMENT = "measurements.json", "statement.json"
REDACTED_SCHEMA = "rai-tune/redacted-statement/v1"
_TELLING = ("measurements", "results", "facts", "groups")
"""What of a statement is measured or counted; the rest names files, times, policies and the environment."""


@dataclass(frozen=True)
class Attachment:
    """A file inside a PDF. ``relationship`` is its AFRelationship (ISO 19005-3), in Typst's spelling: data, source, supplement."""

    name: str
    body: bytes
    relationship: str
    description: str
    mime_type: str = "application/json"

    @property
    def digest(self) -> str:
        """SHA-256 in hex."""
        return sha256_bytes(self.body)


def measurements_file(body: bytes) -> Attachment:
    """The measurements as every report carries them."""
    return Attachment(MEASUREMENTS, body, "data", "All measurements of the run, small cells suppressed")


def attachments_of(inputs: ReportInputs) -> tuple[Attachment, ...]:
    """Measurements, and the evidence statement where there is one."""
    found = [measurements_file(measurements_json(inputs))]
    if inputs.evidence:
        found.append(_statement(inputs))
    return tuple(found)


def _statement(inputs: ReportInputs) -> Attachment:
    """The in-toto statement that people sign; what suppression hides is replaced by its digest."""
    timeless = {name: value for name, value in inputs.evidence["predicate"].items() if name != "at"}
    told = shown(inputs)
    if told.results == inputs.results and told.data == inputs.data:
        # Without the time at which it is made, as its digest is defined: the file's SHA-256 is the digest that people sign.
        what = "The evidence statement that people sign (in-toto Statement v1), whole; its SHA-256 is the statement's digest"
        return Attachment(STATEMENT, canonical_json({**inputs.evidence, "predicate": timeless}), "source", what)
    left_out = [name for name in _TELLING if name in timeless]
    body: dict[str, Any] = {
        "schema": REDACTED_SCHEMA,
        "statement_digest": inputs.statement,
        "left_out": [f"/predicate/{name}" for name in left_out],
        "why": "small cells are suppressed in this report; each part left out is given by the SHA-256 of its canonical JSON",
        "statement": {
            **inputs.evidence,
            "predicate": {**timeless, **{name: {"sha256": sha256_json(timeless[name])} for name in left_out}},
        },
    }
    what = (
        "The evidence statement that people sign, with its measurements, results, facts and groups replaced by digests because "
        "small cells are suppressed; the whole statement is in the bundle"
    )
    return Attachment(STATEMENT, canonical_json(body), "source", what)
