"""Core of the engine: ids, errors, resource paths; re-exports ``rai_audits.core``. Stable API."""

from rai_audits.core import (
    BY_GROUP,
    AuditContext,
    AuditResult,
    Bound,
    ConflictError,
    IntegrityError,
    Measurement,
    RaiError,
    TaskInfo,
    UsageError,
    Value,
    canonical_json,
    did_you_mean,
    plain_attributes,
    sha256_bytes,
    sha256_file,
    sha256_json,
)
from rai_tune.core.errors import DivergedError, PrunedError, StorageError, WorkspaceError
from rai_tune.core.ids import check_run_id, new_run_id
from rai_tune.core.resources import resource_path

__all__ = [
    "BY_GROUP",
    "AuditContext",
    "AuditResult",
    "Bound",
    "ConflictError",
    "DivergedError",
    "IntegrityError",
    "Measurement",
    "PrunedError",
    "RaiError",
    "StorageError",
    "TaskInfo",
    "UsageError",
    "Value",
    "WorkspaceError",
    "canonical_json",
    "check_run_id",
    "did_you_mean",
    "new_run_id",
    "plain_attributes",
    "resource_path",
    "sha256_bytes",
    "sha256_file",
    "sha256_json",
]
