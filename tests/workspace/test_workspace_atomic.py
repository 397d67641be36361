"""Atomic writes: the old file or the new one, and never a leftover."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from rai_tune.core import WorkspaceError
from rai_tune.core.errors import StorageError
from rai_tune.workspace import atomic_file, atomic_write


def _raise(code):
    def refuse(*_args, **_kwargs):
        raise OSError(code, os.strerror(code))

    return refuse


def test_replaces_whole_content(tmp_path):
    path = tmp_path / "state.json"
    atomic_write(path, b"a much longer first version")
    atomic_write(path, b"second")
    assert path.read_bytes() == b"second"
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_readers_see_the_old_content_until_the_block_ends(tmp_path):
    path = tmp_path / "f"
    atomic_write(path, b"old")
    with atomic_file(path) as handle:
        handle.write(b"new")
        handle.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


def test_an_error_inside_the_block_keeps_the_old_file_and_comes_through(tmp_path):
    path = tmp_path / "f"
    atomic_write(path, b"old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as handle:
        handle.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.mark.parametrize("call", ["fsync", "open"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_disk_that_refuses_leaves_the_old_file(tmp_path, monkeypatch, call, code):
    path = tmp_path / "f"
    atomic_write(path, b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, call, _raise(code))
        with pytest.raises(StorageError, match=f"cannot write .*{os.strerror(code)}") as refused:
            atomic_write(path, b"new")
    assert refused.value.exit_code == 1
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_content_is_synced_before_the_rename_and_the_folder_after(tmp_path, monkeypatch):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    seen = []
    real = os.fsync

    def watch(descriptor):
        seen.append((Path(f"/proc/self/fd/{descriptor}").is_dir(), path.read_bytes()))
        real(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc to tell folders from files")
    monkeypatch.setattr(os, "fsync", watch)
    atomic_write(path, b"new")
    assert seen == [(False, b"old"), (True, b"new")]


def test_a_long_name_and_a_missing_folder(tmp_path):
    long_name = tmp_path / ("n" * 250)
    atomic_write(long_name, b"x")
    assert long_name.read_bytes() == b"x"
    with pytest.raises(FileNotFoundError):
        atomic_write(tmp_path / "no" / "f", b"x")
    with pytest.raises(WorkspaceError, match="cannot write"):
        atomic_write(long_name / "f", b"x")


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        atomic_write(tmp_path / "f", b"x")
    finally:
        os.umask(before)
    if os.name == "posix":
        assert (tmp_path / "f").stat().st_mode & 0o777 == 0o640
