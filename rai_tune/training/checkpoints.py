"""Checkpoints that a killed run can trust.

A checkpoint counts only after every file in it was hashed and the list was recorded. HF checkpoints hold pickles
(optimiser and random state), so none is opened whose bytes are not the ones this workspace recorded itself.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import TYPE_CHECKING, Protocol

from rai_tune.core import canonical_json, sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from rai_tune.training.mitigation.composing import Applied

PREFIX = "checkpoint-"
STATE_FILE = "mitigation.json"
SPENT_FILE = "spent.json"


class CheckpointLog(Protocol):
    """Where the digests of finished checkpoints are kept."""

    def add(self, step: int, manifest: dict[str, str]) -> None: ...

    def recorded(self) -> Mapping[int, Mapping[str, str]]: ...


def file_manifest(folder: Path) -> dict[str, str]:
    """Digest of every file below ``folder``, by relative POSIX path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}


def flush_to_disk(folder: Path) -> None:
    """Ask the disk to keep what was written to ``folder``, so that a recorded digest never outlives its bytes."""
    for path in folder.rglob("*"):
        if path.is_file():
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def save_state(mitigation: Applied, folder: Path) -> None:
    """Write what the mitigation methods carry from batch to batch into a checkpoint, before its digests are taken."""
    (folder / STATE_FILE).write_bytes(canonical_json(mitigation.state()))


def load_state(mitigation: Applied, folder: Path) -> None:
    """Let the mitigation methods go on from a sound checkpoint."""
    mitigation.load_state(json.loads((folder / STATE_FILE).read_text(encoding="utf-8")))


def save_spent(cpu_s: float, folder: Path) -> None:
    """Write the CPU seconds that went into training so far into a checkpoint, before its digests are taken."""
    (folder / SPENT_FILE).write_bytes(canonical_json({"cpu_s": cpu_s}))


def spent(folder: Path) -> float:
    """CPU seconds that went into training up to a sound checkpoint, those of processes that were killed included."""
    path = folder / SPENT_FILE
    return float(json.loads(path.read_text(encoding="utf-8"))["cpu_s"]) if path.is_file() else 0.0


def newest_sound(folder: Path, recorded: Mapping[int, Mapping[str, str]]) -> Path | None:
    """Return the newest checkpoint whose bytes are as recorded; remove every other half-written one."""
    sound = [step for step in _steps(folder) if step in recorded and _matches(folder, step, recorded[step])]
    for step in _steps(folder):
        if step not in sound:
            shutil.rmtree(folder / f"{PREFIX}{step}")
    return folder / f"{PREFIX}{max(sound)}" if sound else None


def _steps(folder: Path) -> Iterable[int]:
    names = [path.name for path in folder.glob(f"{PREFIX}*") if path.is_dir()]
    return [int(name.removeprefix(PREFIX)) for name in names if name.removeprefix(PREFIX).isdigit()]


def _matches(folder: Path, step: int, manifest: Mapping[str, str]) -> bool:
    return file_manifest(folder / f"{PREFIX}{step}") == dict(manifest)


def says_disk_is_full(error: BaseException) -> bool:
    """Whether an error means a full disk: torch and safetensors say so only in words."""
    number = getattr(error, "errno", None)
    text = str(error).lower()
    return number == errno.ENOSPC or "no space left" in text or "os error 28" in text or "failed writing file" in text
