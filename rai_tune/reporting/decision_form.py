"""One explained decision in finished words, for the terminal and for the app. Stable API: ``decision_form``, ``stored_turned``, ``given_reasons``.

A renderer shows these texts as literal text and decides nothing; numbers beside them are for drawing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_audits.explain.methods import load_method
from rai_tune.core import IntegrityError
from rai_tune.reporting.model import Fact
from rai_tune.reporting.numbers import digits
from rai_tune.reporting.text import clean, named, sentence
from rai_tune.reporting.wording import CHECK_OUTCOMES, TRUST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from rai_audits.explain.folding import Unit
    from rai_audits.explain.single import One

_CHECKS = {
    "completeness": "The parts add up",
    "deletion": "Its strongest words move the score",
    "agreement": "Another method agrees",
}


@dataclass(frozen=True)
class UnitRow:
    """A word, a column or all special tokens, with its part of the explained number in logits. ``start`` and ``end`` are -1 for no single stretch."""

    kind: str
    position: int
    unit: str
    start: int
    end: int
    attribution: float
    identity: bool


@dataclass(frozen=True)
class CheckRow:
    """One check of one explanation: its outcome in a word, and what was found."""

    name: str
    outcome: str
    word: str
    icon: str
    sentence: str


@dataclass(frozen=True)
class ReasonRow:
    """A factor that weighed against the person, in the order of weight. ``attribution`` and ``effect`` are in logits."""

    name: str
    kind: str
    attribution: str
    effect: str


@dataclass(frozen=True)
class DecisionForm:
    """One decision with what it leans on. ``explained`` is False where it cannot be explained, and ``reason`` says why.

    ``cut`` is a sentence where the model did not read the whole text. ``verdict`` is that on the explanations of the run, ``word`` and ``icon`` say it.
    ``turned`` are sentences on what would have turned the decision; empty where nothing was searched.
    """

    row: str
    decided: str
    split: str
    target: str
    method: str
    explained: bool
    reason: str
    cut: str
    facts: tuple[Fact, ...]
    units: tuple[UnitRow, ...]
    checks: tuple[CheckRow, ...]
    verdict: str
    word: str
    icon: str
    told: str
    turned: tuple[str, ...]


def decision_form(one: One, *, split: str, threshold: float | None, verdict: str, told: str) -> DecisionForm:
    """Everything that was found about one decision. ``told`` is the sentence of the run's verdict."""
    document, found = one.document, one.document.attribution
    word, icon = TRUST.get(verdict, TRUST["not_checked"])
    cut = f"The text was cut: the model read its first {found.tokens:,} tokens, and nothing is said of the rest."
    turned = one.counterfactual
    return DecisionForm(
        row=clean(document.row_id),
        decided=clean(one.decided),
        split=clean(split),
        target=clean(found.target),
        method=load_method(one.method).title,
        explained=found.status == "ok",
        reason=_said(found.reason),
        cut=cut if found.truncated else "",
        facts=tuple(_facts(one, threshold)),
        units=tuple(
            UnitRow(unit.kind, unit.position, unit.unit, unit.start, unit.end, unit.attribution, is_identity(unit, one))
            for unit in (*found.words, *(unit for unit in found.columns if unit.kind == "column"))
        ),
        checks=tuple(
            CheckRow(
                _CHECKS.get(item.name, item.name), item.outcome, *CHECK_OUTCOMES[item.outcome], _said(item.sentence)
            )
            for item in one.checks
        ),
        verdict=verdict if verdict in TRUST else "not_checked",
        word=word,
        icon=icon,
        told=sentence(told),
        turned=()
        if turned is None
        else turned_sentences(
            turned.changes,
            kind=turned.kind,
            after=turned.after,
            minimal=turned.minimal,
            evaluations=turned.evaluations,
            identity_alone=turned.identity_alone,
        ),
    )


def turned_sentences(
    changes: Sequence[str],
    *,
    kind: str,
    after: str | None,
    minimal: bool,
    evaluations: int,
    identity_alone: bool | None,
) -> tuple[str, ...]:
    """What would have turned a decision, in sentences. ``after`` is None where no change that was tried does."""
    return tuple(_turned(changes, kind, after, minimal, evaluations, identity_alone))


def stored_turned(table: pd.DataFrame | None) -> tuple[str, ...]:
    """The same from a stored row of ``minimal_counterfactuals``; empty without one. Raises ``IntegrityError`` for a row that cannot be read."""
    if table is None or table.empty:
        return ()
    row: Mapping[Any, Any] = table.to_dict("records")[0]
    try:
        changes = [str(change) for change in json.loads(str(row["changes"]))]
        return turned_sentences(
            changes,
            kind=str(row["kind"]),
            after=_text_or_none(row["after"]),
            minimal=bool(row["minimal"]),
            evaluations=int(row["evaluations"]),
            identity_alone=None if _is_missing(row["identity_alone"]) else bool(row["identity_alone"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"a stored counterfactual cannot be read: {error}") from error


def given_reasons(table: pd.DataFrame | None, most: int) -> tuple[ReasonRow, ...]:
    """The reasons that may be given of a stored row of ``adverse_action_reasons``: confirmed, none that names a group, ``most`` at most."""
    if table is None or table.empty:
        return ()
    try:
        kept = table[table["confirmed"].astype(bool) & ~table["identity"].astype(bool)].sort_values("rank")[:most]
        return tuple(
            ReasonRow(
                named(row["factor"]),
                clean(row["kind"]),
                signed(float(row["attribution"])),
                signed(float(row["removal_effect"])),
            )
            for row in kept.to_dict("records")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"a stored reason cannot be read: {error}") from error


def signed(value: float) -> str:
    """A part of an explained number with its sign: ``+0.412``."""
    return ("+" if value > 0 else "") + digits(value, "number")


def is_identity(unit: Unit, one: One) -> bool:
    """Whether a unit is a column, or a word of this text, that names a group."""
    names = one.identity
    return unit.unit in names or (unit.kind == "column" and any(part in names for part in unit.unit.split("+")))


def _facts(one: One, threshold: float | None) -> Iterator[Fact]:
    document = one.document
    yield Fact("label", clean(document.label))
    if document.score is not None:
        whose = "threshold of the group" if "cutoff" in document.row else "threshold"
        cut = "" if threshold is None else f" ({whose} {digits(threshold, 'number')})"
        yield Fact("score", f"{digits(document.score, 'number')}{cut}")
    for name, value in document.groups.items():
        yield Fact(clean(name), clean(value))


def _turned(
    changes: Sequence[str], kind: str, after: str | None, minimal: bool, evaluations: int, identity_alone: bool | None
) -> Iterator[str]:
    if after is None:
        yield f"No change that was tried turns the decision ({evaluations:,} changed texts)."
    else:
        smallest = "the smallest there is among those tried" if minimal else "found, not shown to be the smallest"
        doing = "With" if kind == "columns" else "Without the words"
        told = f"{doing} {', '.join(clean(change) for change in changes)}: {clean(after)}"
        yield f"{told} ({smallest}; {evaluations:,} changed texts)."
        if kind == "words":
            yield "Words were taken away: the model was not trained on texts with gaps."
    if identity_alone is not None:
        does = "turns" if identity_alone else "does not turn"
        yield f"Changing nothing but the group {does} the decision."


def _said(text: str) -> str:
    words = sentence(text).rstrip(".")
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _text_or_none(value: object) -> str | None:
    return None if _is_missing(value) else str(value)


def _is_missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))
