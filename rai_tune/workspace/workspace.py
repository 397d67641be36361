"""The workspace: one folder that remembers every run, its evidence and its decisions. Stable API.

Layout: ``raitune.db`` (SQLite, or another database by ``RAITUNE_DATABASE_URL``), ``artifacts/`` (content-addressed, or
elsewhere by ``RAITUNE_ARTIFACTS_URL``), ``runs/<id>/`` (scratch of one run: checkpoints, logs and its lock). Several
processes may use one workspace; one process at a time works on a run (``claim``).
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select

from rai_tune.core import IntegrityError, WorkspaceError, check_run_id, new_run_id
from rai_tune.core.errors import DeletedArtifactError, MissingArtifactError
from rai_tune.workspace import chain, deletions, logbook, runs
from rai_tune.workspace.artifacts import ArtifactStore
from rai_tune.workspace.atomic import storage_errors
from rai_tune.workspace.database import Database
from rai_tune.workspace.deletions import read_deletion
from rai_tune.workspace.locks import hold, is_held
from rai_tune.workspace.migrate import migrate
from rai_tune.workspace.progress import PROGRESS_FILE, read_progress
from rai_tune.workspace.records import ArtifactRef
from rai_tune.workspace.schema import RunRow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    import pandas as pd

    from rai_tune.workspace.chain import ChainHead, ChainRow, ChainText
    from rai_tune.workspace.deletions import Deletion
    from rai_tune.workspace.progress import RunProgress
    from rai_tune.workspace.records import CheckpointRecord, MetricPoint, RunRecord, RunState

DATABASE_FILE = "raitune.db"
_OPEN_LOCK = ".open.lock"
_LOCK = "lock"
_OWN = frozenset({_LOCK, PROGRESS_FILE})
"""Files of a run's folder that hold nothing of its data and stay."""

_OPEN_WAIT_S = 60.0


class Workspace:
    """A door to one workspace. Safe for threads; after a fork it reconnects by itself."""

    def __init__(self, root: Path, database: Database, artifacts: ArtifactStore) -> None:
        self.root = root
        self._database = database
        self._artifacts = artifacts

    @classmethod
    def open(cls, path: Path | None = None, *, create: bool = True) -> Workspace:
        """Open the workspace at ``path``, else ``RAITUNE_WORKSPACE``, else ``.raitune`` in the current folder.

        Makes it when there is none, unless ``create`` is false. Raises ``WorkspaceError`` when it cannot be written,
        does not exist, or has a newer schema than this code; nothing is changed then.
        """
        root = Path(path or os.environ.get("RAITUNE_WORKSPACE") or ".raitune").expanduser().absolute()
        url = os.environ.get("RAITUNE_DATABASE_URL")
        _check_folder(root, None if url else root / DATABASE_FILE, create=create)
        database = Database(url or f"sqlite:///{(root / DATABASE_FILE).as_posix()}")
        try:
            with hold(root / _OPEN_LOCK, f"the workspace {root}", wait_s=_OPEN_WAIT_S):
                migrate(database, create=create)
            return cls(root, database, ArtifactStore(root, os.environ.get("RAITUNE_ARTIFACTS_URL")))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Close database connections; a later call opens them again."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    # Runs

    def create_run(
        self,
        *,
        name: str,
        recipe: dict[str, Any],
        recipe_digest: str,
        policies: dict[str, str],
        parent: str | None = None,
        named: Sequence[ArtifactRef] = (),
    ) -> RunRecord:
        """Record a new run in state ``created``. ``policies`` (id -> digest) freeze here and never change again.

        ``named`` are artifacts, stored before, that the run has from its first moment: there is no run without them.
        """
        moment = runs.now()
        with self._database.write() as session:
            if parent is not None:
                runs.find(session, parent)
            row = RunRow(
                id=new_run_id(name, recipe_digest, moment),
                name=name,
                state="created",
                recipe=recipe,
                recipe_digest=recipe_digest,
                created_at=moment,
                updated_at=moment,
                policies=dict(policies),
                policies_frozen_at=moment,
                parent=parent,
                host=socket.gethostname(),
                pid=os.getpid(),
            )
            session.add(row)
            session.flush()
            for ref in named:
                logbook.attach(session, row.id, ref)
            return runs.to_record(row)

    def run(self, run_id: str) -> RunRecord:
        """A run by its full id, or the newest by ``latest``. Raises ``UsageError`` naming near ids when unknown."""
        with self._database.read() as session:
            return runs.to_record(runs.newest(session) if run_id == runs.LATEST else runs.find(session, run_id))

    def runs(self, limit: int | None = None) -> tuple[RunRecord, ...]:
        """Runs, newest first; all of them without ``limit``."""
        with self._database.read() as session:
            rows = session.scalars(select(RunRow).order_by(RunRow.seq.desc()).limit(limit))
            return tuple(runs.to_record(row) for row in rows)

    def set_state(self, run_id: str, state: RunState, *, error: str | None = None) -> None:
        """Move a run to ``state``; raises ``ConflictError`` when that may not follow. ``error`` replaces the old one."""
        with self._database.write() as session:
            runs.move(session, run_id, state, error)

    def update_run(self, run_id: str, **facts: str | None) -> None:
        """Set any of the digests and the verdict, by the names in ``RunRecord``. ``TypeError`` for another name."""
        with self._database.write() as session:
            runs.set_facts(session, run_id, facts)

    @contextmanager
    def claim(self, run_id: str) -> Iterator[None]:
        """Be the only process that works on a run. Raises ``ConflictError`` naming the process that already does.

        The lock lies in the workspace folder, so it holds between processes that share that folder.
        """
        with hold(self.run_dir(run_id) / _LOCK, f"run {run_id}"):
            with self._database.write() as session:
                runs.sign(session, run_id)
            yield

    def is_alive(self, run_id: str) -> bool:
        """Whether a process has claimed this run now. A killed process has not."""
        return is_held(self._run_dir(run_id) / _LOCK)

    def progress(self, run_id: str) -> RunProgress | None:
        """How far the run said it was, whether or not anybody still works on it; None when that is not known."""
        return read_progress(self._run_dir(run_id))

    def run_dir(self, run_id: str) -> Path:
        """Scratch folder of a run, made when missing."""
        with self._database.read() as session:
            runs.find(session, run_id)
        folder = self._run_dir(run_id)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _run_dir(self, run_id: str) -> Path:
        return self.root / "runs" / check_run_id(run_id)

    # Artifacts

    def put_bytes(self, data: bytes) -> str:
        """Store bytes; returns their SHA-256."""
        return self._artifacts.put_bytes(data)

    def put_file(self, path: Path) -> str:
        """Store a copy of a file; returns its SHA-256."""
        return self._artifacts.put_file(path)

    def put_json(self, value: Any) -> str:
        """Store canonical JSON; returns its SHA-256. Non-finite numbers raise ``ValueError``."""
        return self._artifacts.put_json(value)

    def put_table(self, table: pd.DataFrame, metadata: dict[str, str] | None = None) -> str:
        """Store a table as Parquet, without its index; returns the SHA-256 of the file."""
        return self._artifacts.put_table(table, metadata)

    def protect(self, digest: str) -> None:
        """Make a stored artifact read-only, where the store can."""
        self._artifacts.protect(digest)

    def attach(self, run_id: str, name: str, digest: str, media_type: str) -> None:
        """Name a stored artifact in a run; the one that had the name stays, marked superseded."""
        with self._database.write() as session:
            # Looked at under the lock under which ``discard`` removes: nothing is named that is about to go.
            ref = ArtifactRef(name, digest, self._artifacts.size(digest), media_type)
            logbook.attach(session, run_id, ref)

    def artifacts(self, run_id: str) -> dict[str, ArtifactRef]:
        """Current artifacts of a run by name."""
        with self._database.read() as session:
            return logbook.artifacts(session, run_id)

    def artifact_history(self, run_id: str) -> tuple[ArtifactRef, ...]:
        """Every artifact that a run ever named, superseded ones too, oldest first."""
        with self._database.read() as session:
            return logbook.artifact_history(session, run_id)

    def holders(self, digest: str) -> frozenset[str]:
        """Ids of the runs that name an artifact or once did."""
        with self._database.read() as session:
            return logbook.holders(session, digest)

    def size_of(self, digest: str) -> int | None:
        """Size of an artifact in bytes, None where it is not there; reading it is what verifies it."""
        return self._artifacts.find(digest)

    def discard(self, digest: str, released: Collection[str]) -> bool:
        """Remove an artifact's bytes for good, unless a run other than those that ``released`` it names it; returns whether they are gone.

        Who calls it has put the deletion into the ledger before.
        """
        with self._database.write() as session:
            if logbook.holders(session, digest) - set(released):
                return False
            self._artifacts.delete(digest)
        return True

    def scratch_files(self, run_id: str) -> dict[str, Path]:
        """Files in a run's scratch folder by relative name, lock and progress left out: checkpoints, logs, the model as it was saved."""
        folder = self._run_dir(run_id)
        found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
        return {name: path for name, path in found.items() if name not in _OWN}

    def clear_scratch(self, run_id: str, keep: Collection[str] = ()) -> None:
        """Empty a run's scratch folder, but for the files and folders named, its progress, and the lock, which the caller holds."""
        folder = self._run_dir(run_id)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name in {*_OWN, *keep}:
                continue
            with storage_errors(path):
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)

    def deletions(self, run_id: str | None = None) -> tuple[Deletion, ...]:
        """What the ledger says was deleted from a run, or from any, oldest first."""
        return tuple(read_deletion(row) for row in self.chain_rows(kinds=(deletions.KIND,), run_id=run_id))

    def artifacts_by_run(self, names: Collection[str] | None = None) -> dict[str, dict[str, ArtifactRef]]:
        """Current artifacts of all runs by run id and name, or only those of these names, in one query."""
        with self._database.read() as session:
            return logbook.artifacts_by_run(session, names)

    def artifacts_named(self, prefix: str, digest_prefix: str = "") -> tuple[ArtifactRef, ...]:
        """Artifacts of any run whose name and digest begin so, each name and digest once."""
        with self._database.read() as session:
            return logbook.artifacts_named(session, prefix, digest_prefix)

    def read_bytes(self, digest: str) -> bytes:
        """An artifact's bytes, verified. Raises ``IntegrityError`` naming it when missing or changed."""
        with self._naming(digest):
            return self._artifacts.read_bytes(digest)

    def read_json(self, digest: str) -> Any:
        """A JSON artifact, verified and parsed."""
        return json.loads(self.read_bytes(digest))

    def read_table(self, digest: str) -> pd.DataFrame:
        """A Parquet artifact, verified, as a data frame with a fresh index."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        frame: pd.DataFrame = pq.read_table(pa.BufferReader(self.read_bytes(digest))).to_pandas()
        return frame

    def table_metadata(self, digest: str) -> dict[str, str]:
        """The metadata given to ``put_table``, verified."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = pq.read_schema(pa.BufferReader(self.read_bytes(digest))).metadata or {}
        return {key.decode(): value.decode() for key, value in found.items() if key != b"pandas"}

    def path_of(self, digest: str) -> Path:
        """A local file with an artifact's bytes, verified now. Do not write to it."""
        with self._naming(digest):
            return self._artifacts.path_of(digest)

    def local_path(self, digest: str) -> Path:
        """Where the local copy of an artifact lies, or would: unverified, for a reader that verified it before and has seen no write since."""
        return self._artifacts.local(digest)

    @contextmanager
    def _naming(self, digest: str) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            with self._database.read() as session:
                names = logbook.names_of(session, digest)
            if isinstance(error, MissingArtifactError):
                self._deleted(digest, names)
            raise type(error)(f"{error} (used as {', '.join(names)})" if names else str(error)) from error

    def _deleted(self, digest: str, names: Sequence[str]) -> None:
        """Raise ``DeletedArtifactError`` when a deletion names these bytes; else nobody knows why they are gone."""
        for deletion in self.deletions():
            name = next((name for name, gone in deletion.digests.items() if gone == digest), None)
            if name is not None:
                used = names[0] if names else f"{name!r} of run {deletion.run_id}"
                raise DeletedArtifactError(f"{used} was {deletion.sentence}; digests and decisions are what is kept")

    # Records

    def add_metrics(self, run_id: str, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Log values at a step; a repeated step replaces values of the same name. NaN and infinities are kept."""
        with self._database.write() as session:
            logbook.add_metrics(session, run_id, step, epoch, values)

    def metrics(self, run_id: str) -> tuple[MetricPoint, ...]:
        """Metric history, one point per step, by step."""
        with self._database.read() as session:
            return logbook.metrics(session, run_id)

    def add_checkpoint(self, run_id: str, step: int, manifest: dict[str, str]) -> None:
        """Record a checkpoint whose files have these SHA-256 digests; only such files may be loaded again."""
        with self._database.write() as session:
            logbook.add_checkpoint(session, run_id, step, manifest)

    def checkpoints(self, run_id: str) -> tuple[CheckpointRecord, ...]:
        """Checkpoints of a run, by step."""
        with self._database.read() as session:
            return logbook.checkpoints(session, run_id)

    def save_decision(self, run_id: str, decision: dict[str, Any]) -> int:
        """Append a decision about a run; returns its number in this workspace."""
        with self._database.write() as session:
            return logbook.save_decision(session, run_id, decision)

    def decisions(self, run_id: str) -> tuple[dict[str, Any], ...]:
        """Decisions about a run, newest first, each with ``created_at``."""
        with self._database.read() as session:
            return logbook.decisions(session, run_id)

    def openings(self) -> dict[str, int]:
        """Digest of test rows -> how many runs opened them; ``open_test_rows`` records, this only counts."""
        with self._database.read() as session:
            return logbook.openings(session)

    def open_test_rows(self, run_id: str, test_digest: str) -> int:
        """Record once that a run opened these test rows; returns how many distinct runs of this workspace have."""
        with self._database.write() as session:
            return logbook.open_test_rows(session, run_id, test_digest)

    # Ledger rows; their meaning is in rai_tune.promotion.ledger

    def chain_append(self, row: ChainRow, head: ChainHead) -> None:
        """Append a ledger entry and its head in one transaction; ``ConflictError`` when the place is not the next one."""
        with self._database.write() as session:
            chain.append(session, row, head)

    def chain_rows(
        self, *, kinds: Collection[str] | None = None, run_id: str | None = None, first: int = 0
    ) -> tuple[ChainRow, ...]:
        """Ledger entries by place, with their envelopes."""
        with self._database.read() as session:
            return chain.rows(session, kinds=kinds, run_id=run_id, first=first)

    def chain_newest(
        self, *, kinds: Collection[str] | None = None, run_id: str | None = None, offset: int = 0, count: int
    ) -> tuple[ChainRow, ...]:
        """Some ledger entries, the newest first, with their envelopes."""
        with self._database.read() as session:
            return chain.newest(session, kinds=kinds, run_id=run_id, offset=offset, count=count)

    def chain_number(self, *, kinds: Collection[str] | None = None, run_id: str | None = None) -> int:
        """How many ledger entries there are."""
        with self._database.read() as session:
            return chain.number(session, kinds=kinds, run_id=run_id)

    def chain_run_ids(self) -> tuple[str, ...]:
        """Runs that ledger entries are about, the run of the newest entry first."""
        with self._database.read() as session:
            return chain.run_ids(session)

    def chain_entries(self) -> tuple[ChainText, ...]:
        """Every ledger row by place, without envelopes."""
        with self._database.read() as session:
            return chain.entry_texts(session)

    def chain_heads(self) -> tuple[ChainHead, ...]:
        """Every signed head by size."""
        with self._database.read() as session:
            return chain.heads(session)

    def chain_head(self) -> ChainHead | None:
        """The newest signed head; None for an empty ledger."""
        with self._database.read() as session:
            return chain.newest_head(session)


def _check_folder(root: Path, database: Path | None, *, create: bool) -> None:
    if not create and not (root.is_dir() if database is None else database.is_file()):
        raise WorkspaceError(f"there is no workspace in {root}; 'raitune run' makes one")
    with storage_errors(root):
        try:
            root.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise WorkspaceError(f"cannot make a workspace in {root}: it is a file") from error
        except FileNotFoundError as error:  # a place where the system lets nobody make a folder, such as /proc
            raise WorkspaceError(f"cannot make a workspace in {root}: {error.strerror}") from error
    if database is not None and database.exists() and not os.access(database, os.W_OK):
        raise WorkspaceError(f"cannot write {database}")
