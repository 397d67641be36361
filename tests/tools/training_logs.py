"""What training writes to, kept in memory: checkpoints that were recorded, metrics and progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Log:
    """Digests of finished checkpoints by step."""

    def __init__(self) -> None:
        self.kept: dict[int, dict[str, str]] = {}

    def add(self, step: int, manifest: dict[str, str]) -> None:
        self.kept[step] = manifest

    def recorded(self) -> Mapping[int, Mapping[str, str]]:
        return self.kept


class Recorder:
    """Metrics by step. Training is interrupted at step ``stop_at``."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.values: list[tuple[int, Mapping[str, float]]] = []
        self.stop_at = stop_at

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        del epoch
        self.values.append((step, values))

    def progress(self, what: str, done: int, total: int) -> None:
        del what, total
        if self.stop_at and done == self.stop_at:
            raise KeyboardInterrupt
