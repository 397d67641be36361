from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from rai_tune.core import UsageError, safe_yaml
from rai_tune.core.safe_yaml import load_yaml, load_yaml_file


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case runs on both of PyYAML's scanners: they must agree."""
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML was built without libyaml")
    monkeypatch.setattr(safe_yaml, "_loader", lambda: getattr(yaml, request.param))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", {"a": "yes"}),
        ("a: No", {"a": "No"}),
        ("a: [on, off, y, n]", {"a": ["on", "off", "y", "n"]}),
        ("a: true", {"a": True}),
        ("a: FALSE", {"a": False}),
        ("a: 1:30", {"a": "1:30"}),
        ("a: 190:20:30", {"a": "190:20:30"}),
        ("a: 2024-01-31", {"a": "2024-01-31"}),
        ("a: 2024-01-31 10:00:00", {"a": "2024-01-31 10:00:00"}),
        ("a: 1e-3", {"a": 0.001}),
        ("a: 1.", {"a": 1.0}),
        ("a: 007", {"a": "007"}),
        ("a: 0x1F", {"a": "0x1F"}),
        ("a: 1_000", {"a": "1_000"}),
        ("a: '1'", {"a": "1"}),
        ("a: |\n  12\n", {"a": "12\n"}),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("a: 9007199254740991", {"a": 2**53 - 1}),
        ("1: denied\n0: approved", {"1": "denied", "0": "approved"}),
        ("true: x\n1.10: y\nnull: z\nno: w", {"true": "x", "1.10": "y", "null": "z", "no": "w"}),
        ("'<<': 1", {"<<": 1}),
        ("=: 1", {"=": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("# nothing", None),
        ("---\na: 1\n...\n", {"a": 1}),
    ],
)
def test_values_are_what_a_person_wrote(text: str, value: Any) -> None:
    read = load_yaml(text, "r.yaml")
    assert repr(read) == repr(value)  # repr, because 1 == True == 1.0


def laughs(depth: int) -> str:
    lines = ["a0: &a0 [lol, lol]"]
    lines += [f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}]" for i in range(1, depth)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(9), "r.yaml: line 1, column 5: anchors are not allowed (&a0)"),
        ("a: *b", "r.yaml: line 1, column 4: aliases are not allowed (*b)"),
        ("x: 1\na: !!python/object/apply:os.system [ls]", "r.yaml: line 2, column 4: tags are not allowed"),
        ("a: !!str 1", "line 1, column 4: tags are not allowed"),
        ("a: !custom x", "line 1, column 4: tags are not allowed (!custom)"),
        ("!!map {a: 1}", "line 1, column 1: tags are not allowed"),
        ("!x a: 1", "line 1, column 1: tags are not allowed"),
        ("&k a: 1", "line 1, column 1: anchors are not allowed"),
        ("<<: {a: 1}", "line 1, column 1: merge keys (<<) are not allowed"),
        ("a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is here a second time"),
        ("x: {1: a, '1': b}", "line 1, column 11: the key '1' is here a second time"),
        ("a: .inf", "line 1, column 4: .inf is not a finite number"),
        ("a: -.INF", "line 1, column 4: -.INF is not a finite number"),
        ("a: .NaN", "line 1, column 4: .NaN is not a finite number"),
        ("a: 1e999", "line 1, column 4: 1e999 is not a finite number"),
        ("a: 9007199254740992", "line 1, column 4: the integer 9007199254740992 is larger than JSON can hold"),
        ("a: " + "9" * 5000, "larger than JSON can hold"),
        ("[" * 51, "line 1, column 51: nested deeper than 50 levels"),
        ("- " * 60 + "x", "line 1, column 101: nested deeper than 50 levels"),
        ("[" * 100_000, "nest"),  # libyaml looks ahead and stops at 1,000
        ("[\n" * 50_000, "line 51, column 1: nested deeper than 50 levels"),
        ("? [a, b]\n: 1", "line 1, column 3: a key must be text"),
        ("? {a: b}\n: 1", "line 1, column 3: a key must be text"),
        ("? \n: 1", "line 1, column 2: a key is missing before ':'"),
        ("a: 1\n---\nb: 2", "line 2, column 1: a second document begins here"),
        ("a: \x07", "line 1, column 4: the character U+0007 is not allowed"),
        ("a:\n  b: \ud800", "line 2, column 6: the character U+D800 is not allowed"),
        ('a: "\\uD800"', "line 1, column"),
        ('a: "\\UFFFFFFFF"', "r.yaml: "),
        ("a:\n\tb: 1", "(indent with spaces, not tabs)"),
        ("a: @home", "(put text that begins with @ in quotes)"),
        ("a: [1,\nb: 2", "r.yaml: line"),
        ("a: b: c", "r.yaml: line 1, column 5: mapping values are not allowed"),
    ],
)
def test_refusals_name_source_line_and_column(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_yaml(text, "r.yaml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("r.yaml: ")
    assert len(str(caught.value)) < 300
    assert "\n" not in str(caught.value)


def test_exactly_50_levels_are_read() -> None:
    value = load_yaml("[" * 50 + "]" * 50, "r.yaml")
    depth = 0
    while isinstance(value, list):
        depth, value = depth + 1, value[0] if value else None
    assert depth == 50


@pytest.mark.parametrize(
    ("data", "byte", "offset"),
    [(b"a: caf\xe9", "0xe9", 6), (b"\xff\xfea\x00", "0xff", 0), (b"a: \xed\xa0\x80", "0xed", 3)],
)
def test_other_encodings_name_the_byte_offset(data: bytes, byte: str, offset: int) -> None:
    with pytest.raises(UsageError, match=rf"r\.yaml: not UTF-8 text: byte {byte} at offset {offset}"):
        load_yaml(data, "r.yaml")


def test_written_floats_keep_their_text() -> None:
    value = load_yaml("1.10", "r.yaml", written=True)
    assert value == 1.1
    assert value.text == "1.10"


def test_size_is_counted_in_bytes() -> None:
    assert load_yaml("é" * 5, "r.yaml", 10) == "é" * 5
    with pytest.raises(UsageError, match=r"r\.yaml: 12 bytes of YAML; the limit is 10 bytes"):
        load_yaml("é" * 6, "r.yaml", 10)


def test_two_megabytes_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"# padding\n" * 200_000)
    opened: list[Path] = []
    monkeypatch.setattr(Path, "open", lambda self, *_: opened.append(self))
    with pytest.raises(UsageError) as caught:
        load_yaml_file(big)
    assert str(caught.value) == f"{big}: 2,000,000 bytes of YAML; the limit is 262,144 bytes."
    assert opened == []


def test_a_device_without_a_size_is_read_to_the_limit_only() -> None:
    with pytest.raises(UsageError, match="more than 1,000 bytes"):
        load_yaml_file("/dev/zero", max_bytes=1000)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        load_yaml_file(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="this is a folder"):
        load_yaml_file(tmp_path)
