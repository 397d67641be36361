"""Errors of the engine, beside those of the measuring library."""

from __future__ import annotations

from rai_audits.core import IntegrityError, RaiError, UsageError


class DivergedError(RaiError):
    """Training produced a loss that is not a finite number; the run is kept as ``diverged`` (exit 1)."""


class PrunedError(RaiError):
    """A trial of a search was stopped early because it is worse than earlier ones; the run is kept as ``pruned``."""


class WorkspaceError(UsageError):
    """The workspace cannot be opened or written (exit 2); what it held is untouched."""


class StorageError(RaiError):
    """The disk refused a write (full, failing); the old state is intact (exit 1)."""


class MissingArtifactError(IntegrityError):
    """A stored artifact is not there (exit 6): lost, or deleted on purpose, as opposed to changed."""


class DeletedArtifactError(MissingArtifactError):
    """A stored artifact was deleted on purpose, as an entry of the ledger says; what needs it cannot be done (exit 2)."""

    exit_code = UsageError.exit_code
