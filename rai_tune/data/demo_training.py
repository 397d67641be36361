"""How the demos split and train, which is the same for all of them. Internal to the data room."""

from __future__ import annotations

from typing import Any


def demo_split() -> dict[str, float]:
    """Shares of the rows of a demo."""
    return {"train": 0.6, "validation": 0.15, "test": 0.25}


def demo_training() -> dict[str, Any]:
    """The parts ``model`` and ``training`` of a demo's recipe."""
    return {
        "model": {"base": "minilm", "adapter": {"method": "lora", "rank": 16, "target_modules": "all-linear"}},
        "training": {
            "epochs": 2,
            "batch_size": 32,
            "learning_rate": 1e-3,
            # One application in eight was denied, one resume in twelve called back. Unweighted, some seeds stayed for epochs at the
            # base rate (test AUC 0.63); weighted, each learned in the first. Scores then sit higher; the threshold rule takes that up.
            "class_weights": "balanced",
            "schedule": "cosine",
            "warmup": 0.1,
            "select_best_by": "roc_auc",
        },
    }
