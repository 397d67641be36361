"""Guessing the label, its positive class and the outcome a person wants. Internal to ``raitune init``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import UsageError
from rai_tune.recipe import hints

if TYPE_CHECKING:
    from rai_tune.recipe.proposal import Draft
    from rai_tune.recipe.sample import ColumnSample, TableSample

MAX_CLASSES = 10
MAX_NAME = 120


@dataclass(frozen=True)
class Outcome:
    """Readable names of raw label values (possibly none), the classes by readable name, and the two words."""

    label_names: dict[str, str]
    classes: tuple[str, ...]
    positive: str | None
    favourable: str | None


def guess_label(table: TableSample, taken: frozenset[str], draft: Draft) -> ColumnSample:
    """The column with the outcome to learn. Raises ``UsageError`` when no column could be one."""
    scores = {
        column.name: _label_score(column, last=column is table.columns[-1])
        for column in table.columns
        if column.name not in taken and _could_be_label(column)
    }
    ranked = sorted(scores, key=lambda name: -scores[name])
    best = ranked[0] if ranked else ""
    single = any(hints.whole(column.name) in hints.LABEL_WORDS and column.distinct == 1 for column in table.columns)
    if "data.label" not in draft.answers and (not scores or (single and scores[best] < 4)):
        raise UsageError(f"{table.path}: no column could be the label. {_why_no_label(table)}")
    lead = scores.get(best, 0) - (scores[ranked[1]] if len(ranked) > 1 else 0)
    sure = scores.get(best, 0) >= 4 and lead >= 2
    why = "its name is that of a label" if scores.get(best, 0) >= 4 else "few distinct values"
    if table.columns[-1].name == best:
        why += " and it is the last column"
    chosen = draft.decide(
        "data.label",
        best,
        why,
        sure=sure,
        question="Which column holds the outcome to learn?",
        options=ranked[:8],
        allowed=table.names,
    )
    column = table.column(chosen)
    if not 2 <= column.distinct <= 100:
        raise UsageError(
            f"{table.path}: column {chosen!r} cannot be the label: it has {column.distinct} distinct "
            f"value{'' if column.distinct == 1 else 's'}; 2 to 100 classes are needed."
        )
    if column.missing:
        draft.note(
            "data.label", f"it is empty in {column.missing:,} rows; fill or remove them, a run refuses an empty label."
        )
    return column


def _could_be_label(column: ColumnSample) -> bool:
    usable = not column.nested and 0 < len(column.name) <= MAX_NAME and 2 <= column.distinct <= MAX_CLASSES
    return usable and all(len(value) <= MAX_NAME for value in column.counts)


def _label_score(column: ColumnSample, *, last: bool) -> int:
    words = hints.words_of(column.name)
    named = 4 if hints.whole(column.name) in hints.LABEL_WORDS else 2 if hints.LABEL_WORDS & set(words) - {"y"} else 0
    return named + (column.distinct == 2) + last


def _why_no_label(table: TableSample) -> str:
    for column in sorted(table.columns, key=lambda column: column.distinct):
        if hints.whole(column.name) in hints.LABEL_WORDS and column.present:
            if column.distinct < 2:
                return f"{column.name!r} is named like one but has only one value; two classes are needed."
            return (
                f"{column.name!r} is named like one but has {column.distinct:,} distinct values; make classes of them."
            )
    return f"A label has 2 to {MAX_CLASSES} distinct values; the columns are {', '.join(map(repr, table.names[:20]))}."


def guess_outcome(column: ColumnSample, *, has_groups: bool, draft: Draft) -> Outcome:
    """Name the classes, and say which is positive and which is favourable."""
    raw = sorted(column.counts, key=lambda value: (-column.counts[value], value))
    label_names, wanted = _readable(column)
    counts = {label_names.get(value, value): column.counts[value] for value in raw}
    classes = tuple(counts)
    positive = _positive(column, classes, label_names, draft) if len(classes) == 2 else None
    if wanted is None:
        wanted = _wanted_by_word(classes)
    if wanted is None and not has_groups and "data.favourable" not in draft.answers:
        return Outcome(label_names, classes, positive, None)
    favourable = draft.decide(
        "data.favourable",
        wanted or positive or classes[0],
        "the word says so" if wanted else "nothing in the data says which one it is",
        sure=wanted is not None,
        question="Which outcome does a person want? Selection rates and impact ratios speak of it.",
        options=classes,
        aliases=label_names,
    )
    return Outcome(label_names, classes, positive, favourable)


def _yes_and_no(values: object) -> tuple[str, str] | None:
    pair = list(values) if isinstance(values, list | tuple | dict) else []
    if len(pair) != 2:
        return None
    for yes, no in (pair, reversed(pair)):
        if yes.casefold() in hints.YES and no.casefold() in hints.NO:
            return yes, no
    return None


def _readable(column: ColumnSample) -> tuple[dict[str, str], str | None]:
    """Names for a yes-or-no label whose column name says what yes means, and the one that a person wants."""
    pair = _yes_and_no(column.counts)
    words = [hints.whole(column.name), *hints.words_of(column.name)]
    hint = next((hints.OUTCOMES[word] for word in words if word in hints.OUTCOMES), None)
    if pair is None or hint is None or {"not", "no", "non"} & set(words):
        return {}, None
    return {pair[0]: hint.yes, pair[1]: hint.no}, hint.wanted


def _positive(column: ColumnSample, classes: tuple[str, ...], label_names: dict[str, str], draft: Draft) -> str:
    if pair := _yes_and_no(column.counts):
        guess, reason = label_names.get(pair[0], pair[0]), f"the column says {pair[0]!r}"
    elif named := _by_word(classes):
        guess, reason = named, "the word says so"
    else:
        guess, reason = classes[-1], "it is the rarer class"
    return draft.decide(
        "data.positive",
        guess,
        reason,
        sure=reason != "it is the rarer class",
        question="Which class is the positive one? True positive rate, precision and AUC speak of it.",
        options=classes,
        aliases=label_names,
    )


def _by_word(classes: tuple[str, ...]) -> str | None:
    one, other = classes
    if hints.denies(one, other) or hints.denies(other, one):
        return other if hints.denies(one, other) else one
    for words in (hints.UNFAVOURABLE_WORDS, hints.FAVOURABLE_WORDS):
        found = [value for value in classes if _plain(value) in words]
        if len(found) == 1:
            return found[0]
    return None


def _wanted_by_word(classes: tuple[str, ...]) -> str | None:
    """The one class a person wants, by its word, or by the word that the other of two classes is or denies."""
    good = [value for value in classes if _plain(value) in hints.FAVOURABLE_WORDS]
    bad = [value for value in classes if _plain(value) in hints.UNFAVOURABLE_WORDS]
    if len(good) == 1:
        return good[0]
    if len(classes) == 2 and len(bad) == 1 and not good:
        return next(value for value in classes if value not in bad)
    return None


def _plain(value: str) -> str:
    return " ".join(value.casefold().replace("_", " ").replace("-", " ").split())
