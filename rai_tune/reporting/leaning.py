"""What decisions lean on over all explained texts: identity beside its swap, and the global picture. Internal to the reporting room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_audits.explain.trust import NOT_TRUSTED
from rai_tune.core import Measurement
from rai_tune.reporting.evidence import IDENTITY, of_audit
from rai_tune.reporting.model import NO_PICTURE, DifferenceRow, Picture, PictureRow, RelianceRow
from rai_tune.reporting.numbers import show
from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from typing import Literal

    from rai_tune.core import AuditResult
    from rai_tune.reporting.model import Shown

    Level = Literal["high", "low", "open", "missing"]

PICTURE = "global_attributions"
RELIANCE_LINE = 0.10
"""Share of attribution above which reliance is called high: the number of the pack ``baseline`` (BASE-08), set by the organisation."""
FLIPS_LINE = 0.05
"""Share of decisions above which the effect of a swap is called high: the number of the pack ``fair-lending``, set by the organisation."""
RELIANCE_NOTE = (
    "A share is called high where its whole interval is above, and low where it is below, 10 % of attribution or 5 % of decisions: lines that the "
    "organisation set in the packs baseline and fair-lending. Here they choose words and decide nothing."
)
_OF_ATTRIBUTIONS: Mapping[str, frozenset[str]] = {
    "explanations": frozenset({"column_attribution_share"}),
    IDENTITY: frozenset(
        {"identity_reliance", "identity_reliance_ratio", "reliance_swap_correlation", "proxy_attribution_share"}
    ),
    PICTURE: frozenset(
        {
            "mean_attribution",
            "mean_absolute_attribution",
            "mean_attribution_p_value_adjusted",
            "attribution_difference",
            "attribution_difference_p_value_adjusted",
        }
    ),
}
"""Audit -> metrics that are made of attributions, and mean nothing where those failed their checks."""

_TOGETHER: Mapping[tuple[Level, Level], str] = {
    ("high", "high"): "Both say that decisions depend on it.",
    ("low", "low"): "Both say that decisions depend little on it, as far as the intervals tell.",
    ("high", "low"): (
        "They disagree: explanations put weight on it, yet changing nothing else changes few decisions. Other words may say the same and carry the "
        "decision without it (look for proxies), or the scores lie far from the threshold. The share of attribution is no effect on people; the swap is."
    ),
    ("low", "high"): (
        "They disagree: explanations put little weight on it, yet changing nothing else changes decisions. The explanations understate it here; go by "
        "the swap, which is what happens to the decision."
    ),
}


def withheld(results: tuple[AuditResult, ...]) -> tuple[AuditResult, ...]:
    """The results without the numbers that are made of attributions. An audit that ran by itself could not know of the failed checks."""
    return tuple(
        result.model_copy(
            update={"measurements": tuple(_without(item) if _rests(item) else item for item in result.measurements)}
        )
        if result.audit in _OF_ATTRIBUTIONS
        else result
        for result in results
    )


def reliance(results: tuple[AuditResult, ...]) -> tuple[RelianceRow, ...]:
    """Each attribute whose reliance was measured, or said not to apply, with its swap on the same texts."""
    overall: dict[str, dict[str, Measurement]] = {}
    for item in of_audit(results, IDENTITY):
        if item.attribute is not None and item.group is None and item.label is None:
            overall.setdefault(item.attribute, {})[item.metric] = item
    return tuple(_reliance(name, found) for name, found in overall.items() if "identity_reliance" in found)


def picture(results: tuple[AuditResult, ...], identity: Collection[str]) -> Picture:
    """The global picture; empty where the audit did not run or no unit was measured. ``identity`` names the columns of groups."""
    measured = [item for item in of_audit(results, PICTURE) if item.label is not None]
    units: dict[str, dict[str, Measurement]] = {}
    pairs: dict[tuple[str, ...], dict[str, Measurement]] = {}
    for item in measured:
        if item.reference is not None:
            place = (item.label or "", item.attribute or "", item.group or "", item.reference)
            pairs.setdefault(place, {})[item.metric] = item
        elif item.group is None:
            units.setdefault(item.label or "", {})[item.metric] = item
    rows = [
        PictureRow(
            name=named(name),
            size=show(found["mean_absolute_attribution"]),
            signed=_shown(found, "mean_attribution"),
            p=_shown(found, "mean_attribution_p_value_adjusted"),
            identity=name in identity,
        )
        for name, found in units.items()
        if "mean_absolute_attribution" in found
    ]
    if not rows:
        return NO_PICTURE
    rows.sort(key=lambda row: (row.size.estimate is None, -(row.size.estimate or 0.0)))
    return Picture(tuple(rows), _differences(pairs), _picture_sentence(rows))


def _differences(pairs: Mapping[tuple[str, ...], Mapping[str, Measurement]]) -> tuple[DifferenceRow, ...]:
    """The surest first."""
    rows = [
        DifferenceRow(
            name=named(label),
            attribute=named(attribute),
            group=named(group),
            reference=named(reference),
            difference=show(found["attribution_difference"]),
            p=_shown(found, "attribution_difference_p_value_adjusted"),
        )
        for (label, attribute, group, reference), found in pairs.items()
        if "attribution_difference" in found
    ]
    return tuple(sorted(rows, key=lambda row: 2.0 if row.p is None or row.p.estimate is None else row.p.estimate))


def _picture_sentence(rows: Sequence[PictureRow]) -> str:
    first = next((row for row in rows if row.size.estimate is not None), None)
    if first is None:
        return "No mean attribution could be computed."
    return (
        "A dot for each column or word: the mean size of its attribution in logits, either way, with interval, the strongest first. "
        f"'{first.name}' weighs most, {first.size.text} on average. Texts are drawn evenly over label and group, so these are not means over all rows."
    )


def _reliance(attribute: str, found: Mapping[str, Measurement]) -> RelianceRow:
    own, flips = show(found["identity_reliance"]), _shown(found, "swap_any_flip_rate")
    return RelianceRow(
        attribute=named(attribute),
        reliance=own,
        words=_shown(found, "identity_word_share"),
        flips=flips,
        shift=_shown(found, "swap_probability_change"),
        agreement=_shown(found, "reliance_swap_correlation"),
        sentence=_together(own, flips, _shown(found, "swap_logit_change")),
    )


def _together(own: Shown, flips: Shown | None, shift: Shown | None) -> str:
    """What reliance and swap mean beside each other; a missing one is never read as low."""
    one, other = _level(own, RELIANCE_LINE), _level(flips, FLIPS_LINE)
    if one == "missing" and other == "missing":
        return f"Neither can be read here: {own.reason or own.text}."
    if one == "missing":
        return f"The share of attribution cannot be read ({own.reason or own.text}); the swap stands alone."
    if other == "missing":
        told = next((item.reason or item.text for item in (flips, shift) if item is not None), "not measured")
        return f"What changing only this does was not measured here ({told}); the share of attribution stands alone and is no effect on people."
    return _TOGETHER.get(
        (one, other),
        "The intervals leave open whether they agree: "
        f"reliance is {_said(one)}, the effect of the swap {_said(other)}. More explained texts would narrow them.",
    )


def _level(shown: Shown | None, line: float) -> Level:
    if shown is None or shown.estimate is None:
        return "missing"
    if shown.low is not None and shown.low > line:
        return "high"
    return "low" if shown.high is not None and shown.high < line else "open"


def _said(level: Level) -> str:
    return "not settled" if level == "open" else level


def _shown(found: Mapping[str, Measurement], metric: str) -> Shown | None:
    return show(found[metric]) if metric in found else None


def _rests(item: Measurement) -> bool:
    return item.metric in _OF_ATTRIBUTIONS.get(item.audit, ()) and item.status == "ok"


def _without(item: Measurement) -> Measurement:
    gone = {"estimate": "not_estimable", "low": "not_estimable", "high": "not_estimable", "status": "not_estimable"}
    return Measurement.model_validate({**item.model_dump(exclude={"bounds"}), **gone, "reason": NOT_TRUSTED})
