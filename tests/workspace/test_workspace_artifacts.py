"""Artifacts: what goes in comes out, verified, on a local disk and on an fsspec file system."""

from __future__ import annotations

import hashlib
import json
import math
import uuid

import pandas as pd
import pytest

from rai_tune.core import ConflictError, IntegrityError, UsageError
from rai_tune.workspace import Workspace
from rai_tune.workspace.artifacts import ArtifactStore


@pytest.fixture(params=["local", "memory"])
def workspace(request, tmp_path, monkeypatch):
    monkeypatch.delenv("RAITUNE_DATABASE_URL", raising=False)
    monkeypatch.delenv("RAITUNE_ARTIFACTS_URL", raising=False)
    if request.param == "memory":
        monkeypatch.setenv("RAITUNE_ARTIFACTS_URL", f"memory://bucket-{uuid.uuid4().hex}/raitune")
    with Workspace.open(tmp_path / "ws") as opened:
        yield opened


def _tamper(workspace, digest, data):
    """Put other bytes where the artifact lies; None removes it."""
    shelf = workspace._artifacts._shelf
    key = f"{digest[:2]}/{digest}"
    if hasattr(shelf, "_fs"):
        shelf._fs.rm(shelf._path(key)) if data is None else shelf._fs.pipe_file(shelf._path(key), data)
    elif data is None:
        (workspace.root / "artifacts" / key).unlink()
    else:
        (workspace.root / "artifacts" / key).write_bytes(data)


def test_bytes_are_named_by_their_hash(workspace):
    data = bytes(range(256)) * 10
    digest = workspace.put_bytes(data)
    assert digest == hashlib.sha256(data).hexdigest()
    assert workspace.read_bytes(digest) == data
    assert workspace.put_bytes(b"") == hashlib.sha256(b"").hexdigest()
    assert workspace.read_bytes(hashlib.sha256(b"").hexdigest()) == b""


def test_files_are_copied_not_moved_or_linked(workspace, tmp_path):
    source = tmp_path / "weights.bin"
    source.write_bytes(b"w" * 3_000_000)
    digest = workspace.put_file(source)
    source.write_bytes(b"other")
    path = workspace.path_of(digest)
    assert path.read_bytes() == b"w" * 3_000_000
    assert path.name == digest
    with pytest.raises(UsageError, match="is not a file"):
        workspace.put_file(tmp_path / "absent")


def test_json_is_canonical_so_key_order_does_not_matter(workspace):
    digest = workspace.put_json({"b": [1, 2.5, None], "a": "é"})
    assert digest == workspace.put_json({"a": "é", "b": [1, 2.5, None]})
    assert workspace.read_bytes(digest) == '{"a":"é","b":[1,2.5,null]}'.encode()
    assert workspace.read_json(digest) == {"a": "é", "b": [1, 2.5, None]}
    with pytest.raises(ValueError, match=r"(?i)nan|domain|float"):
        workspace.put_json({"x": math.nan})


def test_tables_keep_types_gaps_and_metadata_and_give_the_same_bytes_twice(workspace):
    table = pd.DataFrame(
        {
            "row_id": ["a", "b", None],
            "score": [0.1 + 0.2, math.nan, 1e-300],
            "count": pd.array([1, None, 3], dtype="Int64"),
            "flag": [True, False, True],
            "group": pd.Categorical(["x", "y", "x"], categories=["y", "x", "unseen"]),
        },
        index=[7, 8, 9],
    )
    digest = workspace.put_table(table, metadata={"schema": "rai-tune/predictions/v1", "model": "m" * 64})
    assert (
        workspace.put_table(table.copy(), metadata={"model": "m" * 64, "schema": "rai-tune/predictions/v1"}) == digest
    )
    pd.testing.assert_frame_equal(workspace.read_table(digest), table.reset_index(drop=True))
    assert workspace.table_metadata(digest) == {"schema": "rai-tune/predictions/v1", "model": "m" * 64}
    assert workspace.put_table(table) != digest
    assert workspace.put_table(table.iloc[::-1], metadata={"model": "m" * 64}) != digest


@pytest.mark.parametrize("read", ["read_bytes", "path_of", "read_json", "read_table"])
@pytest.mark.parametrize("damage", [b"other bytes, same length..", b"", None])
def test_a_changed_or_missing_artifact_is_never_handed_out(workspace, read, damage):
    run = workspace.create_run(name="x", recipe={}, recipe_digest="0" * 64, policies={})
    digest = workspace.put_bytes(b"the bytes of the evidence.")
    workspace.attach(run.id, "evidence", digest, "text/plain")
    _tamper(workspace, digest, damage)
    with pytest.raises(IntegrityError, match="missing" if damage is None else "changed") as refused:
        getattr(workspace, read)(digest)
    assert refused.value.exit_code == 6
    assert digest in str(refused.value)
    assert f"'evidence' of run {run.id}" in str(refused.value)


def test_a_truncated_artifact_is_healed_by_the_right_bytes(workspace):
    digest = workspace.put_bytes(b"complete")
    _tamper(workspace, digest, b"comp")
    assert workspace.put_bytes(b"complete") == digest
    assert workspace.read_bytes(digest) == b"complete"


def test_a_digest_that_is_a_path_is_refused(workspace):
    for bad in ("../../etc/passwd", "", "A" * 64, "0" * 63, "0" * 64 + "\n"):
        with pytest.raises(IntegrityError, match="not an artifact digest"):
            workspace.read_bytes(bad)


def test_a_file_that_changes_while_it_is_stored_is_a_conflict(workspace, tmp_path, monkeypatch):
    source = tmp_path / "growing.csv"
    source.write_bytes(b"first")
    monkeypatch.setattr("rai_tune.workspace.artifacts.sha256_file", lambda _path: hashlib.sha256(b"older").hexdigest())
    with pytest.raises(ConflictError, match="changed while"):
        workspace.put_file(source)
    with pytest.raises(IntegrityError, match="missing"):
        workspace.read_bytes(hashlib.sha256(b"older").hexdigest())


def test_local_artifacts_are_not_written_twice(tmp_path):
    store = ArtifactStore(tmp_path)
    digest = store.put_bytes(b"once")
    path = tmp_path / "artifacts" / digest[:2] / digest
    before = path.stat()
    store.put_bytes(b"once")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [p.name for p in path.parent.iterdir()] == [digest]


def test_a_remote_store_keeps_no_local_copy_until_a_path_is_asked_for(tmp_path, monkeypatch):
    url = f"memory://bucket-{uuid.uuid4().hex}"
    store = ArtifactStore(tmp_path, url)
    digest = store.put_bytes(b"far away")
    assert list(tmp_path.iterdir()) == []
    path = store.path_of(digest)
    assert path.read_bytes() == b"far away"
    path.write_bytes(b"spoiled!")
    assert store.path_of(digest).read_bytes() == b"far away"
    assert ArtifactStore(tmp_path / "elsewhere", url).read_bytes(digest) == b"far away"
    names = store._shelf._fs.find(store._shelf._folder)
    assert [name.rpartition("/")[2] for name in names] == [digest]


def test_an_unknown_artifact_protocol_is_a_usage_error(tmp_path, monkeypatch):
    monkeypatch.setenv("RAITUNE_ARTIFACTS_URL", "gopher://somewhere/x")
    with pytest.raises(UsageError, match="RAITUNE_ARTIFACTS_URL gopher://"):
        Workspace.open(tmp_path)


def test_read_json_agrees_with_json(workspace):
    value = {"nested": [{"deep": 'text with "quotes" and \u2028'}], "n": 12}
    assert json.loads(workspace.read_bytes(workspace.put_json(value))) == value
