"""Core of the measuring library: values, digests, errors and the audit registry. Stable API."""

from rai_audits.core.crossings import plain_attributes
from rai_audits.core.deciding import BY_GROUP, GroupCutoffs
from rai_audits.core.digest import canonical_json, sha256_bytes, sha256_file, sha256_json
from rai_audits.core.errors import ConflictError, IntegrityError, RaiError, UsageError, did_you_mean
from rai_audits.core.measurement import AuditResult, Bound, Measurement, Value, undefined
from rai_audits.core.plugins import (
    ArtifactSink,
    AuditContext,
    AuditOutput,
    AuditSpec,
    BaseDecisions,
    PlainDecisions,
    TaskInfo,
    audit,
    known_audits,
    load_audit,
    run_audit,
)

__all__ = [
    "BY_GROUP",
    "ArtifactSink",
    "AuditContext",
    "AuditOutput",
    "AuditResult",
    "AuditSpec",
    "BaseDecisions",
    "Bound",
    "ConflictError",
    "GroupCutoffs",
    "IntegrityError",
    "Measurement",
    "PlainDecisions",
    "RaiError",
    "TaskInfo",
    "UsageError",
    "Value",
    "audit",
    "canonical_json",
    "did_you_mean",
    "known_audits",
    "load_audit",
    "plain_attributes",
    "run_audit",
    "sha256_bytes",
    "sha256_file",
    "sha256_json",
    "undefined",
]
