"""Attribution methods by registered name, behind one interface.

A method is a function of an opened model and measured texts that yields each text with its token attributions as it finishes. A
configuration names a method, never an import path; an unknown name suggests the nearest. Stable API: ``METHODS``, ``load_method``, ``Method``.
"""

from __future__ import annotations

from importlib import import_module

from rai_audits.core import UsageError, did_you_mean
from rai_audits.explain.methods.base import Method

METHODS = ("integrated_gradients", "gradient_shap", "partition_shap", "occlusion", "random_baseline")
"""The registered names; each is a module of this package that holds one ``METHOD``."""

__all__ = ["METHODS", "Method", "load_method"]


def load_method(name: str) -> Method:
    """Look a method up. Raises ``UsageError`` naming the nearest known one."""
    if name not in METHODS:
        raise UsageError(f"unknown attribution method {name!r}.{did_you_mean(name, METHODS)}")
    method = import_module(f"{__name__}.{name}").METHOD
    assert isinstance(method, Method)
    return method
