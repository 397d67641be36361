"""Load what the first chart and the first table need while somebody still reads the first page: once in the life of the server."""

from __future__ import annotations

import importlib
import threading
from functools import cache

_SLOW_TO_LOAD = ("altair", "pyarrow.parquet", "rai_tune.reporting.view")


@cache
def warm() -> None:
    """Begin to load in the background. A module that cannot be loaded is found by the page that needs it."""
    threading.Thread(target=_load, name="rai-tune-warming", daemon=True).start()


def _load() -> None:
    for name in _SLOW_TO_LOAD:
        importlib.import_module(name)
