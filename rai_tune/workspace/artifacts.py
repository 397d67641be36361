"""Content-addressed artifacts: a file's name is the SHA-256 of its bytes, so nothing stored can change unnoticed.

``<root>/artifacts/<2 hex>/<sha256>`` on a local disk, or the same layout under any fsspec URL (``s3://...``,
``memory://...``). Every read is verified. Stable API.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from rai_tune.core import ConflictError, IntegrityError, UsageError, canonical_json, sha256_bytes, sha256_file
from rai_tune.core.errors import MissingArtifactError, StorageError
from rai_tune.workspace.atomic import atomic_file, fsync_directory, storage_errors

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

_DIGEST = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20

_ROWS_AT_ONCE = 50_000
"""Rows of a row group: what is read, at least, to show a single row of a long table."""


class _Shelf(Protocol):
    """Where bytes lie. ``key`` is ``<2 hex>/<sha256>``."""

    def size(self, key: str) -> int | None: ...
    def write(self, key: str, source: BinaryIO) -> None: ...
    def read(self, key: str) -> bytes: ...
    def fetch(self, key: str) -> Path: ...
    def local(self, key: str) -> Path: ...
    def protect(self, key: str) -> None: ...
    def remove(self, key: str) -> None: ...
    def where(self, key: str) -> str: ...


class ArtifactStore:
    """Puts and gets artifacts by digest. ``url`` is an fsspec URL, or None for the folder ``root / "artifacts"``."""

    def __init__(self, root: Path, url: str | None = None) -> None:
        self._shelf: _Shelf = _RemoteShelf(url, root / "cache") if url else _LocalShelf(root / "artifacts")

    def put_bytes(self, data: bytes) -> str:
        """Store bytes; returns their SHA-256. What is already there is not written again."""
        return self._put(sha256_bytes(data), len(data), io.BytesIO(data))

    def put_file(self, path: Path) -> str:
        """Store a copy of a file. Raises ``UsageError`` if there is none, ``ConflictError`` if it changes meanwhile."""
        if not path.is_file():
            raise UsageError(f"{path} is not a file")
        digest = sha256_file(path)
        with path.open("rb") as source:
            return self._put(digest, path.stat().st_size, source)

    def put_json(self, value: Any) -> str:
        """Store canonical JSON (RFC 8785). Non-finite numbers raise ``rfc8785.FloatDomainError``."""
        return self.put_bytes(canonical_json(value))

    def put_table(self, table: pd.DataFrame, metadata: dict[str, str] | None = None) -> str:
        """Store a table as Parquet (zstd); equal tables give equal bytes under one pyarrow. The index is not stored.

        ``metadata`` lands in the file's own key-value metadata; ``table_metadata`` reads it back.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        arrow = pa.Table.from_pandas(table, preserve_index=False)
        if metadata:
            ours = {key.encode(): value.encode() for key, value in sorted(metadata.items())}
            arrow = arrow.replace_schema_metadata({**(arrow.schema.metadata or {}), **ours})
        buffer = io.BytesIO()
        pq.write_table(arrow, buffer, compression="zstd", version="2.6", row_group_size=_ROWS_AT_ONCE)
        return self.put_bytes(buffer.getvalue())

    def size(self, digest: str) -> int:
        """Size in bytes. Raises ``IntegrityError`` when it is not there."""
        key = _key(digest)
        size = self._shelf.size(key)
        if size is None:
            raise MissingArtifactError(f"artifact {digest} is missing: nothing at {self._shelf.where(key)}")
        return size

    def read_bytes(self, digest: str) -> bytes:
        """The bytes, after checking that they hash to ``digest``; else ``IntegrityError``."""
        key = _key(digest)
        try:
            data = self._shelf.read(key)
        except FileNotFoundError as error:
            raise MissingArtifactError(f"artifact {digest} is missing: nothing at {self._shelf.where(key)}") from error
        self._verify(digest, sha256_bytes(data))
        return data

    def path_of(self, digest: str) -> Path:
        """A local file with these bytes (fetched from a remote store), verified now. Do not write to it."""
        key = _key(digest)
        try:
            path = self._shelf.fetch(key)
            found = sha256_file(path)
        except FileNotFoundError as error:
            raise MissingArtifactError(f"artifact {digest} is missing: nothing at {self._shelf.where(key)}") from error
        self._verify(digest, found)
        return path

    def local(self, digest: str) -> Path:
        """Where the local copy of these bytes lies, or would: unverified, and perhaps not there."""
        return self._shelf.local(_key(digest))

    def protect(self, digest: str) -> None:
        """Make an artifact read-only where the store has such a thing; what is promoted is not overwritten by a slip."""
        self._shelf.protect(_key(digest))

    def delete(self, digest: str) -> None:
        """Remove an artifact's bytes and every local copy of them; one that is not there is fine."""
        self._shelf.remove(_key(digest))

    def find(self, digest: str) -> int | None:
        """Size in bytes of what lies under this digest, unverified; None where nothing does."""
        return self._shelf.size(_key(digest))

    def _put(self, digest: str, size: int, source: BinaryIO) -> str:
        key = _key(digest)
        # One of another size is damaged, and the right bytes are at hand.
        if self._shelf.size(key) != size:
            try:
                self._shelf.write(key, source)
            except _MismatchError as error:
                raise ConflictError("a file changed while it was being stored; store it again") from error
        return digest

    def _verify(self, digest: str, found: str) -> None:
        if found != digest:
            where = self._shelf.where(_key(digest))
            raise IntegrityError(f"artifact {digest} was changed: the bytes at {where} hash to {found}")


def _key(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise IntegrityError(f"{digest!r} is not an artifact digest")
    return f"{digest[:2]}/{digest}"


class _MismatchError(Exception):
    """The bytes are not those of the key; ends a write without a result."""


def _copy(source: BinaryIO, target: Any, key: str) -> None:
    digest = hashlib.sha256()
    while chunk := source.read(_CHUNK):
        digest.update(chunk)
        target.write(chunk)
    if digest.hexdigest() != key[-64:]:
        raise _MismatchError


class _LocalShelf:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def size(self, key: str) -> int | None:
        try:
            return (self._folder / key).stat().st_size
        except FileNotFoundError:
            return None

    def write(self, key: str, source: BinaryIO) -> None:
        path = self._folder / key
        if not path.parent.is_dir():
            with storage_errors(path.parent):
                path.parent.mkdir(parents=True, exist_ok=True)
                fsync_directory(self._folder)
        with atomic_file(path) as target:
            _copy(source, target, key)

    def read(self, key: str) -> bytes:
        return (self._folder / key).read_bytes()

    def fetch(self, key: str) -> Path:
        return self.local(key)

    def local(self, key: str) -> Path:
        return self._folder / key

    def protect(self, key: str) -> None:
        (self._folder / key).chmod(0o444)

    def remove(self, key: str) -> None:
        path = self._folder / key
        with storage_errors(path):
            with suppress(FileNotFoundError):
                if os.name == "nt":
                    path.chmod(0o666)  # a protected file cannot be removed there
                path.unlink()
            if path.parent.is_dir():
                fsync_directory(path.parent)

    def where(self, key: str) -> str:
        return str(self._folder / key)


class _RemoteShelf:
    def __init__(self, url: str, cache: Path) -> None:
        from fsspec.core import url_to_fs

        try:
            self._fs, folder = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"RAITUNE_ARTIFACTS_URL {urlsplit(url).scheme}://: {error}") from error
        self._folder = str(folder).rstrip("/")
        self._cache = _LocalShelf(cache)

    def size(self, key: str) -> int | None:
        try:
            return int(self._fs.size(self._path(key)))
        except FileNotFoundError:
            return None

    def write(self, key: str, source: BinaryIO) -> None:
        path = self._path(key)
        temporary = f"{path}.{secrets.token_hex(6)}.tmp"
        try:
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            with self._fs.open(temporary, "wb") as target:
                _copy(source, target, key)
            self._fs.mv(temporary, path)
        except (OSError, _MismatchError) as error:
            with suppress(Exception):
                self._fs.rm(temporary)
            if isinstance(error, OSError):
                raise StorageError(f"cannot write {self.where(key)}: {error}") from error
            raise

    def read(self, key: str) -> bytes:
        data: bytes = self._fs.cat_file(self._path(key))
        return data

    def fetch(self, key: str) -> Path:
        path = self.local(key)
        if not path.is_file() or sha256_file(path) != path.name:
            try:
                with self._fs.open(self._path(key), "rb") as source:
                    self._cache.write(key, source)
            except _MismatchError as error:
                raise IntegrityError(f"artifact {path.name} was changed: see {self.where(key)}") from error
        return path

    def local(self, key: str) -> Path:
        return self._cache.local(key)

    def protect(self, key: str) -> None:
        """Object stores have no mode; their own retention locks are set outside."""

    def remove(self, key: str) -> None:
        self._cache.remove(key)
        try:
            self._fs.rm_file(self._path(key))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"cannot delete {self.where(key)}: {error}") from error

    def where(self, key: str) -> str:
        return str(self._fs.unstrip_protocol(self._path(key)))

    def _path(self, key: str) -> str:
        return f"{self._folder}/{key}"
