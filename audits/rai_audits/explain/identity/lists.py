"""Words of free text that name a group: the word lists of ``swap_terms``, and names of the task's own groups. Internal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.fairness.swapping import UNKNOWN, TermSwaps
from rai_audits.fairness.term_swaps import merged_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rai_audits.core import AuditContext

_NO_NAMES = frozenset({UNKNOWN, "yes", "no", "not", "none", "other", "others", "true", "false", "all", "any", "and"})
_SHORTEST = 3


def identity_lists(context: AuditContext) -> dict[str, TermSwaps]:
    """Swaps of each attribute that has words: the packaged lists and ``swap_terms``; then attributes of the task by their groups' names.

    An attribute of the task that already has a list keeps it. Names that are no words of a group ("yes", numbers, under 3 letters) are left
    out, and an attribute with fewer than two names has none.
    """
    lists = dict(merged_terms(context.options.get("swap_terms") or {}))
    for attribute, groups in context.task.groups.items():
        names = [name for name in groups if _names_people(name)]
        if attribute not in lists and len(names) > 1:
            lists[attribute] = {name: (_spoken(name),) for name in names}
    return {attribute: TermSwaps(attribute, words) for attribute, words in lists.items()}


def known_groups(groups: Sequence[str]) -> tuple[str, ...]:
    """The groups without ``unknown``."""
    return tuple(name for name in groups if name != UNKNOWN)


def _names_people(name: str) -> bool:
    spoken = _spoken(name)
    letters = sum(character.isalpha() for character in spoken)
    return spoken.casefold() not in _NO_NAMES and letters >= max(_SHORTEST, len(spoken.replace(" ", "")) / 2)


def _spoken(name: str) -> str:
    return " ".join(name.replace("_", " ").split())
