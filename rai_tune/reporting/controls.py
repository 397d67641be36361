"""The verdict and the controls behind it, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import ControlRow, Deciding, DecisionView, Headline, ReadingRow, Ref, Shown
from rai_tune.reporting.numbers import STATUS_WORDS, beside, digits, interval, unit_of
from rai_tune.reporting.text import clean, full_sentence, named, sentence
from rai_tune.reporting.wording import CONTROL_OUTCOMES, ORIGINS, OUTCOMES, QUALITY, SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rai_tune.gate.decision import ControlOutcome, Decision, Reading

WORST_FIRST = ("fail", "insufficient_evidence", "awaiting_signoff", "pass")
MAX_READINGS = 12
_READ_FIRST = ("fail", "insufficient_evidence", "awaiting_signoff", "pass", "not_applicable")
_DIRECTIONS = {"at_least": "at least", "at_most": "at most"}
_COUNTED = {"retention": ("day", "days"), "freshness": ("day", "days"), "signature": ("person", "people")}


def overall_outcome(state: str, decisions: Sequence[Decision]) -> str:
    """The worst outcome of all decisions. Without a decision, or for a run that did not complete, never better than insufficient."""
    outcomes = {decision.outcome for decision in decisions}
    if not decisions or state != "completed":
        outcomes.add("insufficient_evidence")
    return next(outcome for outcome in WORST_FIRST if outcome in outcomes)


def headline(run: Mapping[str, Any], decisions: Sequence[Decision]) -> Headline:
    """The verdict in a word, a sentence that says why, and the controls that decided."""
    state = str(run.get("state", "unknown"))
    outcome = overall_outcome(state, decisions)
    word, icon = OUTCOMES[outcome]
    blocking = [
        (d, c) for d in decisions for c in d.controls if c.severity == "block" and c.outcome != "not_applicable"
    ]
    deciding = [(d, c) for d, c in blocking if c.outcome == outcome and outcome != "pass"]
    return Headline(
        outcome=outcome,
        word=word,
        icon=icon,
        sentence=sentence(
            _why(outcome, run, len(blocking), [c for _, c in deciding], decided=bool(decisions))
            + _waived(decisions, outcome)
        ),
        deciding=tuple(
            Deciding(policy=clean(d.policy_title), title=clean(c.title, 160), reason=plain_reason(c, c.reason))
            for d, c in deciding
        ),
        notices=tuple(_notices(state, decisions)),
    )


def decision_view(decision: Decision, confidence: float) -> DecisionView:
    """One decision, control by control, in the order of the policy. ``confidence`` is the level of the intervals read."""
    word, icon = OUTCOMES[decision.outcome]
    dated = [f"Decided as of {clean(decision.as_of)}."] if decision.as_of else []
    first = {
        0: ["How often these rows were looked at before is not recorded."],
        1: ["This is the first run that opened these test rows."],
    }.get(decision.test_openings, [])
    return DecisionView(
        policy=clean(decision.policy_id),
        title=clean(decision.policy_title, 160),
        version=clean(decision.policy_version),
        digest=clean(decision.policy_digest),
        outcome=decision.outcome,
        word=word,
        icon=icon,
        notes=(*first, *(sentence(note) for note in decision.notes), *dated),
        controls=tuple(_control(control, confidence) for control in decision.controls),
    )


def _why(
    outcome: str, run: Mapping[str, Any], blocking: int, deciding: Sequence[ControlOutcome], *, decided: bool
) -> str:
    state = str(run.get("state", "unknown"))
    if state != "completed" and outcome == "insufficient_evidence":
        error = f": {sentence(run['error'])}" if run.get("error") else ""
        if state in {"trained", "pruned"}:
            early = ", stopped early" if state == "pruned" else ""
            return f"The run is a trial of a search{early}. It was not chosen, so the test rows are unopened and there is no verdict."
        return f"The run is {clean(state)}, so there is nothing to pass on{error.rstrip('.')}."
    if not decided:
        return "No policy has decided on this evidence yet."
    table = "question_digest" in run
    named = "; ".join(clean(control.title, 120) for control in deciding)
    some = f"{len(deciding)} of {blocking} blocking controls" if blocking != 1 else "The one blocking control"
    be = "are" if len(deciding) > 1 else "is"
    held = all(control.waived_until for control in deciding)
    if outcome == "fail":
        return f"{some} {be} not met: {named}." + ("" if table or held else " The model must not be promoted.")
    if outcome == "insufficient_evidence":
        if not deciding:
            return "No blocking control applies to this run, so there is nothing to pass on."
        never = "Missing evidence never passes." if table or held else "Nothing is promoted on missing evidence."
        return f"{some} cannot be decided from this evidence: {named}. {never}"
    if outcome == "awaiting_signoff":
        return f"The measurements are met; a person must still attest to: {named}."
    met = f"all {blocking} blocking controls" if blocking != 1 else "the one blocking control"
    return f"The evidence meets {met}, by its bounds and not only by its estimates."


def _waived(decisions: Sequence[Decision], outcome: str) -> str:
    """What to add where every control that stands in the way is waived on the day of the decision."""
    if outcome == "pass" or not decisions or not all(decision.promotable for decision in decisions):
        return ""
    return " Waivers hold for every blocking control that is not met: they change no outcome, and a promotion would rest on them."


def _notices(state: str, decisions: Sequence[Decision]) -> Iterator[str]:
    if state != "completed":
        yield f"Run state: {clean(state)}."
    for decision in decisions:
        if decision.redecision:
            yield f"{clean(decision.policy_title)}: a re-decision: its policy, or an audit it reads, came after the run."
    openings = max((decision.test_openings for decision in decisions), default=0)
    if openings > 1:
        yield f"{openings:,} runs have opened these test rows; every further look makes a chance pass likelier."


def _control(control: ControlOutcome, confidence: float) -> ControlRow:
    word, icon = CONTROL_OUTCOMES[control.outcome]
    ordered = sorted(control.readings, key=lambda reading: _READ_FIRST.index(reading.outcome))
    threshold = control.threshold
    return ControlRow(
        id=clean(control.id),
        reference=clean(control.reference),
        title=clean(control.title, 160),
        asks=sentence(control.asks),
        mode=clean(control.mode),
        severity=SEVERITIES[control.severity],
        outcome=control.outcome,
        word=word if control.waived_until is None else _waived_word(control),
        icon=icon,
        reason=plain_reason(control, control.reason),
        threshold=_threshold(control),
        origin=ORIGINS[threshold.origin] if threshold else "",
        source=sentence(threshold.source) if threshold else "",
        settle=plain_reason(control, control.settle or ""),
        standing=_standing(control),
        condition=sentence(control.condition or ""),
        people=tuple(_people(control)),
        sources=tuple(sentence(source) for source in control.sources),
        readings=tuple(_reading(reading, control, confidence) for reading in ordered[:MAX_READINGS]),
        readings_left_out=max(len(ordered) - MAX_READINGS, 0),
        limit=threshold.value if threshold is not None and control.kind == "bound" else None,
    )


def _threshold(control: ControlOutcome) -> str:
    if control.threshold is None:
        return ""
    value = control.threshold.value
    if control.kind in _COUNTED:
        one, many = _COUNTED[control.kind]
        number = f"{value:,.0f} {one if value == 1 else many}"
    elif control.kind == "expression":
        number = f"{value:,g}"
    else:
        number = digits(value, unit_of(control.readings[0].metric if control.readings else ""))
    return f"{_DIRECTIONS.get(control.direction or '', '')} {number}".strip()


def _waived_word(control: ControlOutcome) -> str:
    """``fail (waived until 2027-01-31)``: the outcome by its own name, so that nobody takes the waiver for another outcome."""
    return f"{control.outcome.replace('_', ' ')} (waived until {clean(control.waived_until)})"


def _people(control: ControlOutcome) -> Iterator[str]:
    if control.attested_by:
        yield f"Attested by {clean(control.attested_by)}."
    if control.waived_until:
        yield f"Waived by {clean(control.waived_by)} until {clean(control.waived_until)}; the outcome stays what it is."


def _standing(control: ControlOutcome) -> str:
    parts = [clean(control.status).replace("_", " "), "binding" if control.binding else "not binding"]
    if control.applies_from:
        parts.append(f"applies from {clean(control.applies_from)}")
    if control.applies_until:
        parts.append(f"applies until {clean(control.applies_until)}")
    if control.verified_on:
        parts.append(f"source checked on {clean(control.verified_on)}")
    return ", ".join(parts)


def _reading(reading: Reading, control: ControlOutcome, confidence: float) -> ReadingRow:
    word, _ = CONTROL_OUTCOMES[reading.outcome]
    unit = unit_of(reading.metric)
    bound = reading.bound
    limit = control.threshold.value if control.threshold else None
    if isinstance(bound, float | int):
        bound = beside(float(bound), limit, unit) if limit is not None else digits(float(bound), unit)
    return ReadingRow(
        what=_what(reading),
        value=_reading_value(reading, unit, limit, confidence),
        bound=clean(bound) if bound is not None else "",
        word=word,
        note=full_sentence(reading.note) if reading.note else "",
    )


def _what(reading: Reading) -> str:
    name = metric_words(reading.metric)
    if reading.group is None:
        return name + (f", {named(reading.attribute)}" if reading.attribute else "")
    pair = f" against {named(reading.reference)}" if reading.reference is not None else ""
    return f"{named(reading.group)}{pair}" + (f" ({named(reading.attribute)})" if reading.attribute else "")


def _reading_value(reading: Reading, unit: str, limit: float | None, confidence: float) -> Shown:
    number = None if isinstance(reading.estimate, str) else reading.estimate
    hidden = reading.status == "suppressed"
    if number is None:
        text = clean(reading.note) if hidden else STATUS_WORDS.get(reading.status, clean(reading.estimate))
    else:
        text = beside(number, limit, unit) if limit is not None else digits(number, unit)
    return Shown(
        text=text,
        interval="" if number is None else interval(reading.low, reading.high, unit),
        estimate=number,
        low=None if isinstance(reading.low, str) else reading.low,
        high=None if isinstance(reading.high, str) else reading.high,
        n=None if hidden else reading.n,
        n_text="–" if hidden else f"{reading.n:,}",
        status=reading.status,
        reason="" if number is not None else sentence(reading.note),
        confidence=confidence,
        method="",
        ref=Ref(
            audit=reading.audit,
            metric=reading.metric,
            attribute=reading.attribute,
            group=reading.group,
            reference=reading.reference,
        ),
    )


def plain_reason(control: ControlOutcome, text: str) -> str:
    """A sentence of the gate with the names of metrics in words; names from data stay as they are."""
    for metric in sorted({reading.metric for reading in control.readings}, key=len, reverse=True):
        words = metric_words(metric)
        # Only whole names, and only where the gate puts one: a group or column of the same name keeps its own.
        pattern = rf"(?<![\w'\"]){re.escape(metric)}(?= of |: | \(now|,|$)"
        text = re.sub(pattern, words.replace("\\", r"\\"), text)
    return full_sentence(text)


def metric_words(metric: str) -> str:
    """A metric inside a sentence: ``ROC AUC``, ``impact ratio``."""
    return QUALITY[metric].name if metric in QUALITY else clean(metric).replace("_", " ")
