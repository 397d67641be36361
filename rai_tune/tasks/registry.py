"""Tasks by name. A recipe names a task; it never names a module."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from rai_tune.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from rai_tune.tasks.text_classification import TextClassification

_TASKS = {"text_classification": "rai_tune.tasks.text_classification"}


def known_tasks() -> tuple[str, ...]:
    """Names of all task types, sorted."""
    return tuple(sorted(_TASKS))


def load_task(name: str) -> TextClassification:
    """Load a task type. Raises ``UsageError`` naming the nearest known one."""
    if name not in _TASKS:
        raise UsageError(f"unknown task {name!r}.{did_you_mean(name, known_tasks())}")
    task: TextClassification = import_module(_TASKS[name]).TASK
    return task
