"""Rows with roles: sources, templates, groups, splits. Import names from here; heavy libraries load on first use.

Stable API: ``read_source`` and ``SourceTable``, ``prepare`` and ``PreparedData``, ``prepare_frame`` and ``PreparedRows``,
``TextTemplate`` and ``Rendered``, ``template_name``, ``lending_recipe``, ``hiring_recipe``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rai_tune.data.hiring import hiring_recipe
    from rai_tune.data.lending import lending_recipe
    from rai_tune.data.prepared import SPLITS, UNKNOWN, PreparedData, PreparedRows
    from rai_tune.data.preparing import Task, prepare, prepare_frame, prepare_fresh
    from rai_tune.data.source import SourceTable, read_source
    from rai_tune.data.template import Rendered, TextTemplate, template_name

_HOMES = {
    "SPLITS": "prepared",
    "UNKNOWN": "prepared",
    "PreparedData": "prepared",
    "PreparedRows": "prepared",
    "Rendered": "template",
    "SourceTable": "source",
    "TextTemplate": "template",
    "hiring_recipe": "hiring",
    "lending_recipe": "lending",
    "prepare": "preparing",
    "prepare_frame": "preparing",
    "prepare_fresh": "preparing",
    "Task": "preparing",
    "read_source": "source",
    "template_name": "template",
}

__all__ = [
    "SPLITS",
    "UNKNOWN",
    "PreparedData",
    "PreparedRows",
    "Rendered",
    "SourceTable",
    "Task",
    "TextTemplate",
    "hiring_recipe",
    "lending_recipe",
    "prepare",
    "prepare_frame",
    "prepare_fresh",
    "read_source",
    "template_name",
]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562), so that importing this package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
