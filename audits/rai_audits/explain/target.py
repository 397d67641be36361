"""The explained number: one linear function of a model's logits.

Two classes with a named positive one: logit(positive) - logit(other), the log-odds, so that an attribution above 0
always means "toward positive", whatever was decided. Otherwise: the logit of one class, the predicted one unless
another is named, so that an attribution above 0 means "toward that class".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_audits.core import UsageError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Target:
    """``weights`` has one entry per class; the explained number is their inner product with the logits."""

    name: str
    weights: tuple[float, ...]


def contrast_target(classes: Sequence[str], positive: str) -> Target:
    """Log-odds of the positive class among two. Raises ``UsageError`` for an unknown class or more than two."""
    _check_known(classes, positive)
    if len(classes) != 2:
        raise UsageError(f"the logit difference needs two classes, the model has {len(classes)}")
    other = next(name for name in classes if name != positive)
    return Target(
        name=f"logit({positive}) - logit({other})",
        weights=tuple(1.0 if name == positive else -1.0 for name in classes),
    )


def class_target(classes: Sequence[str], name: str) -> Target:
    """Logit of one class. Raises ``UsageError`` for a class that the model does not have."""
    _check_known(classes, name)
    return Target(name=f"logit({name})", weights=tuple(1.0 if item == name else 0.0 for item in classes))


def _check_known(classes: Sequence[str], name: str) -> None:
    if name not in classes:
        raise UsageError(f"the model has no class {name!r}.{did_you_mean(name, classes)}")
