"""Audit ``minimal_counterfactuals``: the smallest change of a text that turns its decision.

A templated row is rendered again with values that occur in its columns; of free text words are taken away, which leaves texts unlike those that the model was
trained on. Columns that name a group of people are left as they are, since nobody can be asked to change them; whether changing nothing else turns the decision is
reported by itself. Sets of one and two changes are searched in full as far as the budget of texts allows, larger ones greedily (see ``flips``).

Options: ``render_columns`` (row, {column: value}) -> (text, segments) or None; ``group_columns``; ``counterfactual_documents`` (20) and
``counterfactual_evaluations`` (400). Leaves the table ``counterfactuals``.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditOutput, Measurement, audit
from rai_audits.core.deciding import cutoffs_of, swapped_cutoffs
from rai_audits.explain.encoding import encode_text
from rai_audits.explain.engine import Engine, Row, opened
from rai_audits.explain.explained import explained
from rai_audits.explain.factors import factors_of, without
from rai_audits.explain.flips import Change, smallest_flip
from rai_audits.explain.intervals import MEDIAN_METHOD, median_of_errors
from rai_audits.explain.options import whole_option
from rai_audits.fairness.describe import Describer
from rai_audits.quality.measure import measured_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from rai_audits.explain.documents import Document
    from rai_audits.explain.factors import Factor

NAME = "minimal_counterfactuals"
DOCUMENTS = 20
EVALUATIONS = 400
VALUES = 6
"""Values of a column that are tried: the most frequent ones of the evaluated rows."""
_COLUMN = "col:"


@dataclass(frozen=True)
class Counterfactual:
    """One decision and what turns it. ``before`` and ``after`` are decisions; ``identity_alone`` is None where no text about another group can be made."""

    row_id: str
    kind: str
    changes: tuple[str, ...]
    before: str
    after: str | None
    minimal: bool
    evaluations: int
    identity_alone: bool | None


@dataclass(frozen=True)
class Decider:
    """How logits become a decision, and by how much it stands: above 0 while it is ``kept``."""

    classes: tuple[str, ...]
    positive: str | None
    threshold: float | None

    def margins(self, logits: npt.NDArray[np.float64], kept: str) -> npt.NDArray[np.float64]:
        """Distance in probability to the next decision, one number a row."""
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        chances = shifted / shifted.sum(axis=1, keepdims=True)
        if self.positive is not None and self.threshold is not None and len(self.classes) == 2:
            above = np.asarray(chances[:, self.classes.index(self.positive)] - self.threshold, dtype=np.float64)
            # At the threshold itself the decision is positive, so a negative one must be strictly below it.
            return above + 1e-12 if kept == self.positive else np.negative(above)
        own = self.classes.index(kept)
        return np.asarray(chances[:, own] - np.delete(chances, own, axis=1).max(axis=1))

    def decided(self, logits: npt.NDArray[np.float64]) -> str:
        """The decision of one row."""
        margins = {name: float(self.margins(logits[None, :], name)[0]) for name in self.classes}
        return max(margins, key=margins.__getitem__)


def decider_of(context: AuditContext, document: Document) -> Decider:
    """The rule by which the run decides this document, over the classes in the order of the model."""
    cutoffs = cutoffs_of(context.task, pd.DataFrame([document.row]))
    threshold = context.task.threshold if cutoffs is None else float(cutoffs[0])
    return Decider(tuple(context.model.classes), context.task.positive, threshold)


def measure(context: AuditContext) -> AuditOutput:
    """Search a counterfactual for some of the explained documents, drawn by a hash of their row ids."""
    limit = whole_option(context.options, "counterfactual_documents", DOCUMENTS)
    budget = whole_option(context.options, "counterfactual_evaluations", EVALUATIONS, least=2)
    found = explained(context)
    documents = [item for item in found.documents if item.encoded.content_tokens]
    documents = sorted(documents, key=lambda item: sha256(f"{context.seed}\n{NAME}\n{item.row_id}".encode()).digest())[
        :limit
    ]
    values = column_values(context)
    results = []
    with opened(found.model, found.settings.tokens_per_pass) as engine:
        for place, document in enumerate(documents):
            results.append(nearest(context, engine, document, values, budget))
            context.progress("counterfactuals", place + 1, len(documents))
    describe = Describer(NAME, context, weighted=False)
    return AuditOutput(
        measurements=tuple(_measured(context, describe, results)),
        artifacts={"counterfactuals": context.artifacts.put_table("counterfactuals", _table(results))},
        facts={
            "documents": len(results),
            "evaluations": sum(item.evaluations for item in results),
            "changes": "values of columns that occur in the evaluated rows"
            if any(item.templated for item in documents)
            else "words taken away; the texts that this leaves are unlike those the model was trained on",
            "smallest": sum(item.minimal for item in results),
            "left_as_they_are": sorted(context.options.get("group_columns", {}).values()),
        },
    )


AUDIT = audit(NAME, suite="explain", needs_model=True, ignores_weights=True)(measure)


def column_values(context: AuditContext) -> dict[str, tuple[Any, ...]]:
    """Column of the source -> the values tried for it, the most frequent of the evaluated rows first."""
    if context.rows is None:
        return {}
    rows = context.rows
    if "split" in rows:
        rows = rows[rows["split"].astype(str) == context.eval_split]
    found = {}
    for name in map(str, rows.columns):
        if name.startswith(_COLUMN):
            counts = Counter(rows[name].dropna().tolist())
            ranked = sorted(counts, key=lambda value: (-counts[value], str(value)))
            found[name.removeprefix(_COLUMN)] = tuple(ranked[:VALUES])
    return found


def nearest(
    context: AuditContext,
    engine: Engine,
    document: Document,
    values: Mapping[str, tuple[Any, ...]],
    evaluations: int,
) -> Counterfactual:
    """The smallest change found for one document, and what changing its groups alone does."""
    decider = decider_of(context, document)
    before = decider.decided(engine.logits([Row(document.encoded.ids)])[0])
    render = context.options.get("render_columns")
    if document.templated and render is not None:
        kept = set(context.options.get("group_columns", {}).values())
        changes = _column_changes(document, values, kept)

        def rows_of(sets: Sequence[tuple[Change[Any], ...]]) -> list[Row | None]:
            return [_rendered(engine, render, document, {each.part: each.what for each in changed}) for changed in sets]

        flip = smallest_flip(changes, _margins(engine, decider, before, rows_of), evaluations)
        last = rows_of([flip.changes])[0] if flip.changes else None
        told = tuple(f"{each.part} = {each.what}" for each in flip.changes)
        kind = "columns"
    else:
        words = _word_changes(context, document, before)

        def rows_without(sets: Sequence[tuple[Change[Factor], ...]]) -> list[Row | None]:
            return [without(document, [each.what for each in changed]) for changed in sets]

        flip = smallest_flip(words, _margins(engine, decider, before, rows_without), evaluations)
        last = rows_without([flip.changes])[0] if flip.changes else None
        told = tuple(each.what.name for each in flip.changes)
        kind = "words"
    after = decider.decided(engine.logits([last])[0]) if last is not None else None
    identity = _identity_alone(context, engine, document, decider, before)
    return Counterfactual(document.row_id, kind, told, before, after, flip.minimal, flip.evaluations, identity)


def _margins(
    engine: Engine,
    decider: Decider,
    before: str,
    rows_of: Callable[[Sequence[tuple[Change[Any], ...]]], list[Row | None]],
) -> Callable[[Sequence[tuple[Change[Any], ...]]], npt.NDArray[np.float64]]:
    def margins(sets: Sequence[tuple[Change[Any], ...]]) -> npt.NDArray[np.float64]:
        rows = rows_of(sets)
        made = [place for place, row in enumerate(rows) if row is not None]
        found = np.full(len(rows), np.inf)
        if made:
            logits = engine.logits([row for row in rows if row is not None])
            found[made] = np.where(np.isfinite(logits).all(axis=1), decider.margins(logits, before), np.inf)
        return found

    return margins


def _column_changes(document: Document, values: Mapping[str, tuple[Any, ...]], kept: set[str]) -> list[Change[Any]]:
    """Other values of the columns that the text was made from."""
    assert document.segments is not None
    read = {part for segment in document.segments if segment.column for part in segment.column.split("+")}
    return [
        Change(column, value)
        for column in sorted(read - kept)
        for value in values.get(column, ())
        if str(value) != str(document.row.get(_COLUMN + column))
    ]


def _word_changes(context: AuditContext, document: Document, before: str) -> list[Change[Factor]]:
    """Words, those that hold the decision up first."""
    place = context.model.classes.index(before)
    sign = -1.0 if document.target.weights[place] < 0 else 1.0
    factors = sorted(factors_of(document), key=lambda item: -sign * item.attribution)
    return [Change(f"{number}", factor) for number, factor in enumerate(factors)]


def _rendered(engine: Engine, render: Any, document: Document, changes: Mapping[str, Any]) -> Row | None:
    made = render(document.row, dict(changes))
    return None if made is None else Row(encode_text(engine.model, made[0]).ids)


def _identity_alone(
    context: AuditContext, engine: Engine, document: Document, decider: Decider, before: str
) -> bool | None:
    """Whether the same row about another group, and nothing else, is decided otherwise."""
    render = context.options.get("render")
    render = render if document.templated else None
    if render is None and context.task.by_group is None:
        return None
    texts, deciders = [], []
    for attribute, groups in context.task.groups.items():
        decides = context.task.decides_by(attribute)
        for group in groups:
            if group == document.groups.get(attribute):
                continue
            text = render(document.row, attribute, group) if render is not None else None
            if decides and text is None:
                text = document.encoded.text
            if text is not None and (decides or text != document.encoded.text):
                texts.append(text)
                deciders.append(_decider_about(context, document, decider, attribute, group))
    if not texts:
        return None
    logits = engine.logits([Row(encode_text(engine.model, text).ids) for text in texts])
    margins = [own.margins(line[None, :], before)[0] for own, line in zip(deciders, logits, strict=True)]
    return bool(min(margins) < 0)


def _decider_about(context: AuditContext, document: Document, decider: Decider, attribute: str, group: str) -> Decider:
    """The rule that would decide the same person if they belonged to another group."""
    if not context.task.decides_by(attribute):
        return decider
    cutoffs = swapped_cutoffs(context.task, pd.DataFrame([document.row]), attribute, [group])
    return decider if cutoffs is None else replace(decider, threshold=float(cutoffs[0]))


def _measured(context: AuditContext, describe: Describer, results: Sequence[Counterfactual]) -> Iterator[Measurement]:
    shared: dict[str, Any] = {
        "audit": NAME,
        "split": context.eval_split,
        "positive": context.task.positive,
        "favourable": context.task.favourable,
        "threshold": context.task.stated_threshold,
    }
    turned = [item for item in results if item.after is not None]
    yield measured_rate(
        context, len(turned), len(results), metric="counterfactual_found_share",
        empty=f"split {context.eval_split!r} has no rows to explain", **shared,
    )  # fmt: skip
    if turned:
        sizes = [float(len(item.changes)) for item in turned]
        median = median_of_errors(sizes, confidence=context.confidence, alphas=context.alphas)
        high = np.inf if isinstance(median.high, str) else median.high
        yield describe.number(
            "counterfactual_size",
            median.value,
            median.low,
            high,
            method=MEDIAN_METHOD,
            bounds=median.bounds,
            n=len(turned),
        )
    else:
        yield describe.gap("counterfactual_size", "no decision was turned", method=MEDIAN_METHOD, n=0)
    swapped = [item.identity_alone for item in results if item.identity_alone is not None]
    yield measured_rate(
        context, sum(swapped), len(swapped), metric="counterfactual_identity_share",
        empty="no explained text can be rendered about another group", **shared,
    )  # fmt: skip


def _table(results: Sequence[Counterfactual]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "row_id": pd.Series([item.row_id for item in results], dtype="str"),
            "kind": pd.Series([item.kind for item in results], dtype="str"),
            "size": pd.Series(
                [len(item.changes) if item.after is not None else None for item in results], dtype="Int64"
            ),
            "changes": pd.Series([json.dumps(item.changes, ensure_ascii=False) for item in results], dtype="str"),
            "before": pd.Series([item.before for item in results], dtype="str"),
            "after": pd.Series([item.after for item in results], dtype="str"),
            "minimal": pd.Series([item.minimal for item in results], dtype="bool"),
            "evaluations": pd.Series([item.evaluations for item in results], dtype="int64"),
        }
    )
    table["identity_alone"] = pd.Series([item.identity_alone for item in results], dtype="boolean")
    return table
