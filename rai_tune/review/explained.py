"""Explained rows as values that the page draws: the text in pieces with weights, and the same numbers as a table.

A row whose attributions did not add up, or that could not be explained, has its text but no weights: it is shown as failed,
never as an explanation.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rai_audits.explain.folding import read_segments
from rai_tune.reporting.numbers import digits
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components.heatmap import Piece

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

State = Literal["trusted", "complete", "not_trusted", "failed", "undefined"]

CUT_AT = 20_000
"""Characters of a text that are shown; what a model reads is far shorter."""

_STATES: dict[str, State] = {"failed": "failed"}
_OF_VERDICT: dict[str, State] = {"trusted": "trusted", "not_trusted": "not_trusted"}
_WORDS: dict[State, str] = {
    "trusted": "trusted",
    "complete": "adds up, not known whether to trust",
    "not_trusted": "not trusted",
    "failed": "failed its check",
    "undefined": "could not be explained",
}
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
    """One explained row. ``option`` names it in a list; ``state`` and ``sentence`` say how far to believe it."""

    row_id: str
    option: str
    state: State
    word: str
    sentence: str
    target: str
    facts: tuple[tuple[str, str], ...]
    plain: tuple[Piece, ...]
    foldings: tuple[Folding, ...]


def explained_rows(
    documents: pd.DataFrame | None,
    attributions: pd.DataFrame | None,
    rows: pd.DataFrame | None,
    verdict: str = "not_checked",
) -> tuple[ExplainedRow, ...]:
    """Every explained row whose text is stored, in the order in which they were drawn.

    ``verdict`` is that on the explanations of the run: numbers of a method that failed its checks are not shown.
    """
    if documents is None or attributions is None or rows is None:
        return ()
    texts = {str(row["row_id"]): row for row in rows.to_dict("records")}
    units: dict[str, list[dict[Any, Any]]] = {}
    for unit in attributions.to_dict("records"):
        units.setdefault(str(unit["row_id"]), []).append(unit)
    return tuple(
        _explained(document, texts[row_id], units.get(row_id, []), verdict)
        for document in documents.to_dict("records")
        if (row_id := str(document["row_id"])) in texts
    )


def visible(text: str) -> str:
    """The text with its line breaks, and with characters that hide or reorder others as visible code points."""
    return _NOT_PLAIN.sub(lambda match: clean(match[0]) or " ", text)


def _explained(
    document: Mapping[Any, Any], row: Mapping[Any, Any], units: Sequence[Mapping[Any, Any]], verdict: str
) -> ExplainedRow:
    text = str(row["text"])
    adds_up = str(document["status"]) == "ok"
    state = _OF_VERDICT.get(verdict, "complete") if adds_up else _STATES.get(str(document["status"]), "undefined")
    prediction, score = clean(document["prediction"]), _optional(document["score"])
    return ExplainedRow(
        row_id=clean(document["row_id"]),
        option=f"Row {clean(document['row_id'])}: decided {prediction}, {_WORDS[state]}",
        state=state,
        word=_WORDS[state],
        sentence=_sentence(state, document),
        target=clean(document["target"]),
        facts=(
            ("Row", clean(document["row_id"])),
            ("Decided", prediction),
            ("Label in the data", clean(document["label"])),
            ("Score", "not recorded" if score is None else digits(score, "number")),
            ("Explained output", clean(document["target"])),
            ("Completeness error", _error(document)),
            (
                "Text",
                f"{int(document['tokens']):,} tokens read" + (", the rest was cut" if document["truncated"] else ""),
            ),
            *((f"Group: {clean(name[6:])}", clean(value)) for name, value in document.items() if _is_group(name)),
        ),
        plain=(Piece(visible(text[:CUT_AT]) + _cut_note(text)),),
        foldings=_foldings(text, row, units) if state in {"trusted", "complete"} else (),
    )


def _foldings(text: str, row: Mapping[Any, Any], units: Sequence[Mapping[Any, Any]]) -> tuple[Folding, ...]:
    words = [unit for unit in units if unit["unit_kind"] == "word"]
    columns = [unit for unit in units if unit["unit_kind"] == "column"]
    special = [unit for unit in units if unit["unit_kind"] == "special"]
    by_words = Folding("words", _pieces(text, _word_spans(words), words), _lines([*words, *special]))
    if not columns or not row.get("segments"):
        return (by_words,)
    spans = _column_spans(text, row, columns)
    return (Folding("columns", _pieces(text, spans, columns), _lines([*columns, *special])), by_words)


Span = tuple[int, int, "Mapping[Any, Any]"]


def _word_spans(words: Sequence[Mapping[Any, Any]]) -> list[Span]:
    return [(int(unit["start"]), int(unit["end"]), unit) for unit in words]


def _column_spans(text: str, row: Mapping[Any, Any], columns: Sequence[Mapping[Any, Any]]) -> list[Span]:
    """Each stretch of the text with the unit of its column: units are numbered by the first appearance of their column."""
    segments = read_segments(json.loads(str(row["segments"])), text, f"row {row['row_id']!r}")
    numbered = {int(unit["position"]): unit for unit in columns}
    order: dict[str | None, int] = {}
    for segment in segments:
        order.setdefault(segment.column, len(order))
    return [
        (segment.start, segment.end, numbered[order[segment.column]])
        for segment in segments
        if segment.end > segment.start and order[segment.column] in numbered
    ]


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
        pieces.append(Piece(visible(text[start:end]), weight, f"{clean(unit['unit'])}: {_signed(value)}"))
        reached = end
    rest = text[reached : max(CUT_AT, reached)]
    return (*pieces, *((Piece(visible(rest) + _cut_note(text)),) if rest else ()))


def _lines(units: Sequence[Mapping[Any, Any]]) -> tuple[UnitLine, ...]:
    """The numbers in the order of the text."""
    return tuple(
        UnitLine(clean(unit["unit"]), _signed(float(unit["attribution"])), _direction(float(unit["attribution"])))
        for unit in units
    )


def _sentence(state: State, document: Mapping[Any, Any]) -> str:
    if state == "trusted":
        return (
            "The parts add up to the change in the score, and the explanations of this run passed their checks as a whole "
            "(see above). A single one may still mislead: 'raitune explain' checks one decision by itself."
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
        return f"This explanation failed its completeness check{because}. Its numbers are not shown and must not be relied on."
    return f"This decision could not be explained{because}. There are no numbers to show."


def _error(document: Mapping[Any, Any]) -> str:
    error = _optional(document["completeness_error"])
    return "not estimable" if error is None else f"{digits(error, 'fine')} of the change in the output"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + digits(value, "number")


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
