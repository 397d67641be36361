"""A table whose rows can be chosen: the first cell of each row is a button, reached with the keyboard. Text is set by ``textContent``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.components.assets import component

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.review.components.literal import ColumnKind


def choices(
    key: str,
    caption: str,
    columns: Mapping[str, ColumnKind],
    rows: Mapping[str, Sequence[str]],
    *,
    chosen: str | None,
    action: str,
) -> str | None:
    """Draw the rows, id to cells, and return the id that was chosen just now. ``action`` is what each button does, before the first cell: ``Show row``."""
    data = {
        "caption": caption,
        "columns": [{"text": text, "kind": kind} for text, kind in columns.items()],
        "rows": [{"id": name, "cells": list(cells)} for name, cells in rows.items()],
        "chosen": chosen,
        "action": action,
    }
    asked = component("choices")(key=key, data=data, on_choice_change=_decided_below).get("choice")
    # What the browser sends is held against what was offered.
    return asked if isinstance(asked, str) and asked in rows else None


def _decided_below() -> None:
    """Streamlit wants a callback for each value that a component sends; what to do about a choice is decided after it."""
