"""The workspace: runs database, content-addressed artifacts, locks and atomic writes. Stable API."""

from rai_tune.workspace.atomic import atomic_file, atomic_write
from rai_tune.workspace.records import ArtifactRef, CheckpointRecord, MetricPoint, RunRecord, RunState
from rai_tune.workspace.workspace import Workspace

__all__ = [
    "ArtifactRef",
    "CheckpointRecord",
    "MetricPoint",
    "RunRecord",
    "RunState",
    "Workspace",
    "atomic_file",
    "atomic_write",
]
