"""What counts as a base model, and what is refused before it is opened."""

import json
import shutil
import struct
from pathlib import Path

import pytest

from rai_tune.core import UsageError
from rai_tune.training.base_model import check_safetensors, find_base


def test_local_folder_is_named_by_its_bytes(tiny_base, tmp_path):
    copy = shutil.copytree(tiny_base, tmp_path / "copy")
    first, second = find_base(str(tiny_base), None, Path()), find_base("copy", None, tmp_path)
    assert first.digest == second.digest
    (copy / "config.json").write_text((copy / "config.json").read_text() + " ")
    assert find_base("copy", None, tmp_path).digest != first.digest


def test_pickled_weights_are_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UsageError, match=r"pytorch_model\.bin.*safetensors"):
        find_base(str(tmp_path), None, Path())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"abc", "too short"),
        (struct.pack("<Q", 2**62) + b"{}", "header claims"),
        (struct.pack("<Q", 4) + b"nope", "cannot be read"),
        (
            struct.pack("<Q", 80)
            + json.dumps({"w": {"dtype": "F32", "shape": [9], "data_offsets": [0, 36]}}).encode().ljust(80)
            + b"\0" * 8,
            "do not fill",
        ),
    ],
)
def test_broken_safetensors_are_refused(tmp_path, content, says):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        check_safetensors(path)


def test_unknown_alias_suggests_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'minilm'"):
        find_base("minilmm", None, Path())


def test_folder_without_config(tmp_path):
    with pytest.raises(UsageError, match=r"no config\.json"):
        find_base(str(tmp_path), None, Path())
