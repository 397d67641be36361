"""Tasks: what a model of each kind predicts and how its scores become decisions. One file per task type."""

from rai_tune.tasks.registry import known_tasks, load_task

__all__ = ["known_tasks", "load_task"]
