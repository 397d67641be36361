"""Edits of a text that should not change a decision, by registered name.

Stable API: ``EDITS``, ``apply_edit``. An edit is a function of a text, the words it must leave alone and a seeded generator; the same
seed, row id and edit give the same text. An edit that finds nothing to change returns the text as it is.
"""

from __future__ import annotations

import random
from hashlib import sha256
from typing import TYPE_CHECKING

from rai_audits.core import UsageError
from rai_audits.core.errors import did_you_mean
from rai_audits.robustness.edits.case import change_case
from rai_audits.robustness.edits.paraphrase import add_frame
from rai_audits.robustness.edits.punctuation import change_punctuation
from rai_audits.robustness.edits.typos import make_typos

if TYPE_CHECKING:
    from collections.abc import Callable

    Edit = Callable[[str, frozenset[str], random.Random], str]

EDITS: dict[str, Edit] = {
    "typos": make_typos,
    "case": change_case,
    "punctuation": change_punctuation,
    "paraphrase": add_frame,
}
"""Edits by name. ``frozenset`` holds words, case-folded, that stay as they are, such as those naming the row's group."""


def apply_edit(name: str, text: str, *, row_id: str, seed: int, protected: frozenset[str] = frozenset()) -> str:
    """Return the edited text. Raises ``UsageError`` naming the nearest known edit."""
    if name not in EDITS:
        raise UsageError(f"unknown edit {name!r}.{did_you_mean(name, EDITS)}")
    digest = sha256(f"{seed}\n{name}\n{row_id}".encode()).digest()
    return EDITS[name](text, protected, random.Random(int.from_bytes(digest[:8], "big")))  # noqa: S311
