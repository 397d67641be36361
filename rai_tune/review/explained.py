"""One explained row as its page shows it: the text in pieces with weights, and the same numbers as a table.

A row whose attributions did not add up, or that could not be explained, has its text but no weights: it is shown as failed,
never as an explanation.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from rai_audits.explain.folding import read_segments
from rai_tune.core import IntegrityError, UsageError
from rai_tune.reporting.decision_form import CheckRow, signed
from rai_tune.reporting.numbers import digits
from rai_tune.reporting.text import clean, sentence
from rai_tune.reporting.wording import CHECK_OUTCOMES
from rai_tune.review.components.heatmap import Piece

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.reporting.decision_form import DecisionForm

State = Literal["trusted", "complete", "not_trusted", "failed", "undefined"]

CUT_AT = 20_000
"""Characters of a text that are shown; what a model reads is far shorter."""

_STATES: dict[str, State] = {"failed": "failed"}
_OF_VERDICT: dict[str, State] = {"trusted": "trusted", "not_trusted": "not_trusted"}
WORDS: dict[State, str] = {
    "trusted": "trusted",
    "complete": "adds up, not known whether to trust",
    "not_trusted": "not trusted",
    "failed": "failed its check",
    "undefined": "could not be explained",
}
_SHOWN = frozenset({"trusted", "complete"})
_NOT_PLAIN = re.compile(r"[^\x20-\x7e\n]")


@dataclass(frozen=True)
class UnitLine:
    """A word or column with its number in words, for the table beside the heatmap."""

    unit: str
    attribution: str
    direction: str


@dataclass(frozen=True)
class Folding:
    """One way to read the same attributions: by words, or by the columns of a template."""

    kind: Literal["words", "columns"]
    pieces: tuple[Piece, ...]
    lines: tuple[UnitLine, ...]


@dataclass(frozen=True)
class ExplainedRow:
    """One explained row. ``state`` and ``sentence`` say how far to believe it; without ``foldings`` there are no numbers to show.

    ``plain`` is empty where the text is not stored. ``checks`` are those of this explanation alone.
    """

    row_id: str
    title: str
    state: State
    word: str
    sentence: str
    target: str
    facts: tuple[tuple[str, str], ...]
    plain: tuple[Piece, ...]
    foldings: tuple[Folding, ...]
    checks: tuple[CheckRow, ...]


def state_of(status: str, verdict: str) -> State:
    """How far to believe an explanation of this status, where the explanations of the run have this verdict."""
    return _OF_VERDICT.get(verdict, "complete") if status == "ok" else _STATES.get(status, "undefined")


def explained_row(
    document: Mapping[Any, Any], row: Mapping[Any, Any] | None, units: Sequence[Mapping[Any, Any]], verdict: str
) -> ExplainedRow:
    """A stored row of ``documents`` with its text and units. ``row`` is None where the text is not stored.

    ``verdict`` is that on the explanations of the run: numbers of a method that failed its checks are not shown. Raises ``IntegrityError`` for
    segments or places of words that do not fit the text.
    """
    state = state_of(str(document["status"]), verdict)
    text = None if row is None else str(row["text"])
    prediction, score = clean(document["prediction"]), _optional(document["score"])
    return ExplainedRow(
        row_id=str(document["row_id"]),
        title=f"Row {clean(document['row_id'])}: decided {prediction}",
        state=state,
        word=WORDS[state],
        sentence=_sentence(state, document),
        target=clean(document["target"]),
        facts=(
            ("Decided", prediction),
            ("Label in the data", clean(document["label"])),
            ("Score", "not recorded" if score is None else digits(score, "number")),
            ("Explained output", clean(document["target"])),
            (
                "Text",
                f"{int(document['tokens']):,} tokens read" + (", the rest was cut" if document["truncated"] else ""),
            ),
            *((f"Group: {clean(name[6:])}", clean(value)) for name, value in document.items() if _is_group(name)),
        ),
        plain=plain_pieces(text),
        foldings=foldings(text, _segments(row), units) if text is not None and state in _SHOWN else (),
        checks=(_adds_up(document),),
    )


def fresh_row(form: DecisionForm, text: str, segments: str | None) -> ExplainedRow:
    """A row that was explained just now. An explanation that fails a check of its own is shown as failed, without its numbers."""
    state: State = state_of("ok" if form.explained else "undefined", form.verdict)
    failed = [check.name for check in form.checks if check.outcome == "failed"]
    told = f"It cannot be explained. {form.reason}"
    if form.explained:
        state = "failed" if failed else state
        told = _sentence(state, {"reason": f"failed: {', '.join(failed)}"})
    units = [{"unit_kind": unit.kind, **vars(unit)} for unit in form.units]
    return ExplainedRow(
        row_id=form.row,
        title=f"Row {form.row}: decided {form.decided}",
        state=state,
        word=WORDS[state],
        sentence=told,
        target=form.target,
        facts=tuple(
            ("Split", form.split) if fact is None else (fact.name.capitalize(), fact.text)
            for fact in (None, *form.facts)
        ),
        plain=plain_pieces(text),
        foldings=foldings(text, segments, units) if state in _SHOWN else (),
        checks=form.checks,
    )


def with_own_checks(row: ExplainedRow, form: DecisionForm) -> ExplainedRow:
    """A stored row after its explanation was made and checked once more; one that fails a check of its own loses its numbers."""
    failed = [check.name for check in form.checks if check.outcome == "failed"]
    if not failed or row.state not in _SHOWN:
        return replace(row, checks=form.checks or row.checks)
    told = _sentence("failed", {"reason": f"failed just now: {', '.join(failed)}"})
    return replace(row, state="failed", word=WORDS["failed"], sentence=told, foldings=(), checks=form.checks)


def visible(text: str) -> str:
    """The text with its line breaks, and with characters that hide or reorder others as visible code points."""
    return _NOT_PLAIN.sub(lambda match: clean(match[0]) or " ", text)


def plain_pieces(text: str | None) -> tuple[Piece, ...]:
    """The text without weights, cut with a note; nothing where there is none."""
    return () if text is None else (Piece(visible(text[:CUT_AT]) + _cut_note(text)),)


def foldings(text: str, segments: str | None, units: Sequence[Mapping[Any, Any]]) -> tuple[Folding, ...]:
    """The ways to read the attributions of one text: by columns where it is a template, and by words. ``segments`` is JSON."""
    if not all(math.isfinite(float(unit["attribution"])) for unit in units):
        raise IntegrityError("a stored attribution is not a finite number")
    words = [unit for unit in units if unit["unit_kind"] == "word"]
    columns = [unit for unit in units if unit["unit_kind"] == "column"]
    special = [unit for unit in units if unit["unit_kind"] == "special"]
    by_words = Folding("words", _pieces(text, _word_spans(words), words), _lines([*words, *special]))
    if not columns or segments is None:
        return (by_words,)
    spans = _column_spans(text, segments, columns)
    return (Folding("columns", _pieces(text, spans, columns), _lines([*columns, *special])), by_words)


Span = tuple[int, int, "Mapping[Any, Any]"]


def _word_spans(words: Sequence[Mapping[Any, Any]]) -> list[Span]:
    return [(int(unit["start"]), int(unit["end"]), unit) for unit in words]


def _column_spans(text: str, stored: str, columns: Sequence[Mapping[Any, Any]]) -> list[Span]:
    """Each stretch of the text with the unit of its column: units are numbered by the first appearance of their column."""
    try:
        segments = read_segments(json.loads(stored), text, "the row")
    except (TypeError, ValueError, UsageError) as error:
        raise IntegrityError(f"the stored columns of a row do not fit its text: {error}") from error
    numbered = {int(unit["position"]): unit for unit in columns}
    order: dict[str | None, int] = {}
    for segment in segments:
        order.setdefault(segment.column, len(order))
    return [
        (segment.start, segment.end, numbered[order[segment.column]])
        for segment in segments
        if segment.end > segment.start and order[segment.column] in numbered
    ]


def _segments(row: Mapping[Any, Any] | None) -> str | None:
    found = None if row is None else row.get("segments")
    return found if isinstance(found, str) and found else None


def _pieces(text: str, spans: Sequence[Span], units: Sequence[Mapping[Any, Any]]) -> tuple[Piece, ...]:
    """The whole text: spans with a weight relative to the strongest unit, and what lies between them without one."""
    strongest = max((abs(float(unit["attribution"])) for unit in units), default=0.0)
    pieces: list[Piece] = []
    reached = 0
    for start, end, unit in sorted(spans, key=lambda span: span[0]):
        if start < reached or start >= CUT_AT:
            continue
        if start > reached:
            pieces.append(Piece(visible(text[reached:start])))
        value = float(unit["attribution"])
        weight = value / strongest if strongest > 0 else 0.0
        pieces.append(Piece(visible(text[start:end]), weight, f"{clean(unit['unit'])}: {signed(value)}"))
        reached = end
    rest = text[reached : max(CUT_AT, reached)]
    return (*pieces, *((Piece(visible(rest) + _cut_note(text)),) if rest else ()))


def _lines(units: Sequence[Mapping[Any, Any]]) -> tuple[UnitLine, ...]:
    """The numbers in the order of the text."""
    return tuple(
        UnitLine(clean(unit["unit"]), signed(float(unit["attribution"])), _direction(float(unit["attribution"])))
        for unit in units
    )


def _sentence(state: State, document: Mapping[Any, Any]) -> str:
    if state == "trusted":
        return (
            "The parts add up to the change in the score, and the explanations of this run passed their checks as a whole "
            "(see above). A single one may still mislead; below it can be checked by itself."
        )
    if state == "complete":
        return (
            "The parts add up to the change in the score. Whether the explanations of this run can be relied on is not known: "
            "read this as arithmetic about the model."
        )
    if state == "not_trusted":
        return (
            "The explanations of this run failed their checks, so those of this decision are not shown and must not be relied on. "
            "The artifact 'attributions' keeps the numbers."
        )
    reason = sentence(document["reason"]).rstrip(".")
    because = f": {reason}" if reason else ""
    if state == "failed":
        return (
            f"This explanation failed a check of its own{because}. Its numbers are not shown and must not be relied on."
        )
    return f"This decision could not be explained{because}. There are no numbers to show."


def _adds_up(document: Mapping[Any, Any]) -> CheckRow:
    error, status = _optional(document["completeness_error"]), str(document["status"])
    outcome = {"ok": "passed", "failed": "failed"}.get(status, "not_applicable")
    told = (
        "No error could be computed."
        if error is None
        else f"They miss the change in the output by {digits(error, 'fine')} of it."
    )
    if outcome == "not_applicable":
        told = "There are no parts to add up."
    return CheckRow("The parts add up", outcome, *CHECK_OUTCOMES[outcome], told)


def _direction(value: float) -> str:
    return "raises" if value > 0 else "lowers" if value < 0 else "neither"


def _cut_note(text: str) -> str:
    return f" … ({len(text) - CUT_AT:,} more characters)" if len(text) > CUT_AT else ""


def _is_group(name: object) -> bool:
    return isinstance(name, str) and name.startswith("group:")


def _optional(value: Any) -> float | None:
    """A number, or None for a missing cell of whatever kind."""
    import pandas as pd

    return None if pd.isna(value) else float(value)
