"""Mitigation: methods that reduce a measured harm while the model learns or after it. One file a method.

Stable API: ``MethodCard``, ``Mitigation``, ``known_methods``, ``load_method``, ``mitigation``, ``card_of``.
"""

from rai_tune.training.mitigation.base import LossBatch, MethodCard, Mitigation, TrainingRows
from rai_tune.training.mitigation.registry import MethodSpec, card_of, known_methods, load_method, mitigation

__all__ = [
    "LossBatch",
    "MethodCard",
    "MethodSpec",
    "Mitigation",
    "TrainingRows",
    "card_of",
    "known_methods",
    "load_method",
    "mitigation",
]
