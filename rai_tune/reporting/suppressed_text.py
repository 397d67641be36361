"""Words for what is suppressed, and sentences without the clauses that would tell it. Internal."""

from __future__ import annotations

_CLAUSE = "; "


def suppressed_reason(k: int) -> str:
    """The words shown in place of a hidden cell: the same for one below k and for one that would give such a cell away."""
    return f"suppressed (k = {k})"


def without(text: str, names: set[str], instead: str) -> str:
    """Drop the clauses that name one of the groups, as it is or escaped as the gate quotes it, and say ``instead``.

    A name that holds the separator itself cannot be told from two clauses, so then nothing of the text is kept.
    """
    spellings = {spelling for name in names for spelling in (name, repr(name)[1:-1])}
    if not any(spelling in text for spelling in spellings):
        return text
    if any(_CLAUSE.strip() in spelling for spelling in spellings):
        return instead
    kept, dropped = [], False
    for clause in text.split(_CLAUSE):
        if any(spelling in clause for spelling in spellings):
            dropped = True
        elif not dropped or "group " in clause:
            # After a dropped clause, one that names no group of its own may still speak of the hidden one.
            kept.append(clause)
    return _CLAUSE.join([*kept, instead])
