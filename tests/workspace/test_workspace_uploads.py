"""Tables that people hand in: kept by content, or refused in one sentence that names no place of the server."""

from __future__ import annotations

import errno
import io
import os
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rai_tune.core import StorageError, UsageError, sha256_bytes
from rai_tune.workspace import uploads
from rai_tune.workspace.uploads import keep_table, listed_files, read_listed

if TYPE_CHECKING:
    from pathlib import Path

GOOD = b"text,label\n=1+1,yes\n@sum(a),no\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def parquet(folder: Path, frame: pd.DataFrame) -> bytes:
    frame.to_parquet(folder / "made.parquet")
    return (folder / "made.parquet").read_bytes()


def test_a_table_is_kept_by_its_bytes_and_its_name_is_no_path(tmp_path: Path) -> None:
    first = keep_table(tmp_path, GOOD, "../../etc/<b>rows</b>.CSV")
    second = keep_table(tmp_path, GOOD, "other.csv")
    assert first.path == second.path == tmp_path / "uploads" / f"{sha256_bytes(GOOD)}.csv"
    assert first.source == f"uploads/{sha256_bytes(GOOD)}.csv"
    assert first.path.read_bytes() == GOOD  # formulas are cells like others
    assert first.shown == "../../etc/<b>rows</b>.CSV"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [first.path.name]
    assert (first.sample.rows, first.sample.names) == (2, ("text", "label"))


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("rows.csv", PNG, "not a table but a PNG image"),
        ("rows.csv", b"PK\x03\x04rest", "Excel workbook; save the sheet as CSV"),
        ("rows.csv", b"a,b\n1,\x00\n", "bytes that no text has"),
        ("rows.csv", b"", "the file is empty"),
        ("rows.csv", b"  \n\n", "the file is empty"),
        ("rows.csv", b"text,label\n", "no rows below the header"),
        ("rows.csv", "text,label\nÄrger,yes\n".encode("latin-1"), "not UTF-8 text: byte 0xc4 at offset 11, line 2"),
        ("rows.csv", "text,label\nÄrger,yes\n".encode("utf-16"), "not UTF-8"),
        ("rows.csv", b'text,label\n"open,yes\nb,no\n', "not valid CSV"),
        ("rows.csv", b"text,text\na,b\n", "the column name 'text' is used twice"),
        ("rows.csv", b"a;b\n1;2\n", "not separated by commas"),
        ("rows.jsonl", b'{"a": 1}\n[2]\n', "line 2: a JSON object is needed"),
        ("rows.parquet", GOOD, "named like a Parquet file and is none"),
        ("rows.txt", GOOD, "should end in .csv"),
        ("rows", GOOD, "should end in .csv"),
    ],
)
def test_what_is_no_table_is_a_sentence_and_nothing_is_kept(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    with pytest.raises(UsageError) as refused:
        keep_table(tmp_path, data, name)
    assert said in str(refused.value)
    assert str(tmp_path) not in str(refused.value)
    assert sha256_bytes(data) not in str(refused.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_parquet_file_named_csv_is_told_apart(tmp_path: Path) -> None:
    data = parquet(tmp_path, pd.DataFrame({"a": [1, 2]}))
    with pytest.raises(UsageError, match=r"a Parquet file and named \.csv"):
        keep_table(tmp_path, data, "rows.csv")
    assert keep_table(tmp_path, data, "rows.pq").sample.rows == 2


def test_three_thousand_columns_are_too_many_to_check(tmp_path: Path) -> None:
    names = ",".join(f"c{number}" for number in range(3000))
    with pytest.raises(UsageError, match="3,000 columns, and nobody can check the roles of so many; at most 500"):
        keep_table(tmp_path, f"{names}\n{','.join('1' * 3000)}\n".encode(), "wide.csv")


def test_size_and_rows_are_checked_here_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_BYTES", 2**20)
    with pytest.raises(UsageError, match="the file has 3 MB; at most 1 MB"):
        keep_table(tmp_path, b"a,b\n" + b"1,2\n" * (3 * 2**18), "large.csv")
    (tmp_path / "large.csv").write_bytes(b"a,b\n" + b"1,2\n" * (3 * 2**18))
    with pytest.raises(UsageError, match="the file has 3 MB"):
        read_listed(tmp_path, "large.csv")
    monkeypatch.setattr(uploads, "MAX_ROWS", 20_000)
    with pytest.raises(UsageError, match="more than 20,000 rows"):
        keep_table(tmp_path, b"a,b\n" + b"1,2\n" * 20_001, "long.csv")


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        keep_table(tmp_path, GOOD, "rows.csv")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_only_what_lies_in_the_data_folder_is_listed(tmp_path: Path) -> None:
    home, outside = tmp_path / "data", tmp_path / "outside.csv"
    (home / "below").mkdir(parents=True)
    for name in ("b.csv", "a.parquet", ".hidden.csv", "notes.txt", "below/c.csv"):
        (home / name).write_bytes(GOOD)
    outside.write_bytes(GOOD)
    (home / "link.csv").symlink_to(outside)
    assert listed_files(home) == ("a.parquet", "b.csv")
    assert read_listed(home, "b.csv") == GOOD
    for name in ("link.csv", "../outside.csv", "below/c.csv", str(outside), ".hidden.csv"):
        with pytest.raises(UsageError, match="is not in the data folder"):
            read_listed(home, name)
    assert listed_files(tmp_path / "nowhere") == ()


@pytest.mark.slow
def test_a_small_file_that_would_fill_the_memory_is_refused_before_it_does(tmp_path: Path) -> None:
    one = "x" * 1_000_000
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 4000, pa.int32()), pa.array([one]))
    buffer = io.BytesIO()
    pq.write_table(pa.table({"note": repeated, "deny": ["yes", "no"] * 2000}), buffer, compression="zstd")
    assert len(buffer.getvalue()) < 5000
    sparse = "\n".join(f'{{"k{place}": 1}}' for place in range(10_000)).encode()
    members, count = io.BytesIO(), 101_000_000
    many = pa.ListArray.from_arrays(pa.array([0, count], pa.int32()), pa.array(np.zeros(count, np.int8)))
    pq.write_table(pa.table({"many": many, "deny": ["yes"]}), members, compression="zstd")
    for name, data, said in (
        ("t.parquet", buffer.getvalue(), "more than 1 GB of memory"),
        ("t.jsonl", sparse, "more than can be read"),
        ("t.parquet", members.getvalue(), "more than can be read"),
    ):
        with pytest.raises(UsageError, match=said):
            keep_table(tmp_path, data, name)
    assert list((tmp_path / "uploads").iterdir()) == []


def test_many_columns_are_told_in_no_time(tmp_path: Path) -> None:
    names = ",".join(f"c{place}" for place in range(60_000))
    began = time.monotonic()
    with pytest.raises(UsageError, match="60,000 columns"):
        keep_table(tmp_path, f"{names}\n{names}\n".encode(), "t.csv")
    assert time.monotonic() - began < 5


def test_texts_that_repeat_are_read_as_they_are(tmp_path: Path) -> None:
    cells = ["low", None, "high"] * 5000
    table = pa.table({"debt": pa.array(cells).dictionary_encode(), "note": pa.array(cells), "n": range(15_000)})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=5000)
    sample = keep_table(tmp_path, buffer.getvalue(), "t.parquet").sample
    assert sample.column("debt").cells == sample.column("note").cells == tuple(cells)
    assert (sample.rows, sample.complete, sample.column("n").cells[-1]) == (15_000, True, "14999")


def test_names_that_come_after_the_first_rows_do_not_fill_the_memory_either() -> None:
    from rai_tune.data.files import read_jsonl

    sparse = "\n".join(f'{{"k{place}": 1}}' for place in range(16_000)).encode()
    with pytest.raises(UsageError, match=r"rows\.jsonl: 16,000 different names in 16,000 rows"):
        read_jsonl(sparse, "rows.jsonl")
