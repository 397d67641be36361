"""What the runs of a workspace hold in bytes, and who else needs the same. Stable API: ``Holdings``, ``Item``.

Artifacts are shared: two runs on the same rows store them once. Bytes go only when no run that still holds them, no model and no
promotion is left that needs them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import sha256_file
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.serving import promotions
from rai_tune.promotion.statement import MODEL
from rai_tune.stored_run import PARQUET

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.workspace import RunRecord, Workspace

_STATED = frozenset({"base.json", "decision.json", "postprocessing.json"})
"""Model files that stay: what decisions were made by is told from them, and they hold digests and settings only."""


@dataclass(frozen=True)
class Item:
    """Something that a run can give up. ``needed_by`` says who keeps the bytes where they are; None when nobody does.

    ``scratch`` tells a file of the run's own folder from an artifact.
    """

    name: str
    digest: str
    size: int
    needed_by: str | None = None
    scratch: bool = False


class Holdings:
    """A look at who holds what, taken once; ``released`` is run id -> digests that it gave up, as the ledger says."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self.released: dict[str, set[str]] = {}
        for entry in workspace.deletions():
            self.released.setdefault(entry.run_id, set()).update(entry.digests.values())
        every = promotions(Ledger(workspace))
        self._promoted = {item.run_id for item in every}
        self._served = {
            digest: f"the promotion of run {item.run_id} (ledger entry {item.seq})"
            for item in every
            for digest in item.files.values()
        }
        self._models = {
            run_id: frozenset(workspace.read_json(refs["model"].digest)["files"].items())
            for run_id, refs in workspace.artifacts_by_run(("model",)).items()
        }
        # An audit of what is in use names the model of the run that it is a child of; it has none of its own.
        self._children = {run.id for run in workspace.runs() if run.parent is not None}
        self._modelled: dict[str, set[str]] = {}
        for run_id, files in self._models.items():
            for _, digest in () if run_id in self._children else files:
                self._modelled.setdefault(digest, set()).add(run_id)

    def was_promoted(self, run: RunRecord) -> bool:
        """Whether the run ever went through the door; it keeps its model then, because a rollback serves it again."""
        return run.id in self._promoted

    def items(self, run: RunRecord) -> tuple[Item, ...]:
        """Everything that is there and that a run would give up, each digest once, by name."""
        found: dict[str, Item] = {}
        current = {ref.digest for ref in self._workspace.artifacts(run.id).values()}
        for ref in self._workspace.artifact_history(run.id):
            if ref.media_type == PARQUET:
                name = ref.name if ref.digest in current else f"{ref.name} (superseded, {ref.digest[:8]})"
                self._add(found, run, name, ref.digest)
        if not self.was_promoted(run) and run.id not in self._children:
            for name, digest in sorted(self._models.get(run.id, ())):
                if name not in _STATED:
                    self._add(found, run, f"{MODEL}{name}", digest)
        for item in self._scratch(run):
            found.setdefault(item.digest, item)
        return tuple(sorted(found.values(), key=lambda item: item.name))

    def _add(self, found: dict[str, Item], run: RunRecord, name: str, digest: str) -> None:
        # What is lost already is no deletion: it stays missing, and whoever reads it is told so.
        size = self._workspace.size_of(digest)
        if size is not None:
            found.setdefault(digest, Item(name, digest, size, self._needed_by(run, digest)))

    def _scratch(self, run: RunRecord) -> list[Item]:
        """Files of the run's own folder; those whose digests were recorded when they were written are not hashed again."""
        recorded = {f"{MODEL}{name}": digest for name, digest in self._models.get(run.id, ())}
        for checkpoint in self._workspace.checkpoints(run.id):
            recorded |= {f"checkpoint-{checkpoint.step}/{name}": digest for name, digest in checkpoint.manifest.items()}
        return [
            Item(f"scratch/{name}", _digest(name, path, recorded), path.stat().st_size, scratch=True)
            for name, path in self._workspace.scratch_files(run.id).items()
            if not (name.startswith(MODEL) and (self.was_promoted(run) or name.removeprefix(MODEL) in _STATED))
        ]

    def _needed_by(self, run: RunRecord, digest: str) -> str | None:
        if digest in self._served:
            return self._served[digest]
        holders = self._modelled.get(digest, set()) | self._workspace.holders(digest)
        for other in sorted(holders - {run.id}):
            if digest not in self.released.get(other, set()):
                return f"run {other}"
        return None


def _digest(name: str, path: Path, recorded: dict[str, str]) -> str:
    place = name[name.find("checkpoint-") :] if "checkpoint-" in name else name
    return recorded.get(place) or sha256_file(path)
