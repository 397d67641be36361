"""The one formatter: a Measurement in, a displayed number out. No other module turns a measurement into digits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import Ref, Shown
from rai_tune.reporting.text import clean, sentence

if TYPE_CHECKING:
    from rai_tune.core import Measurement

RATES = frozenset(
    {
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "positive_predictive_value",
        "representation",
        "label_rate",
        "favourable_label_rate",
        "accuracy",
        "balanced_accuracy",
        "precision",
        "recall",
        "identity_reliance",
        "base_accuracy",
        "before_accuracy",
        "after_accuracy",
        "before_balanced_accuracy",
        "after_balanced_accuracy",
        "selection_rate_pooled",
    }
)
"""Shown in percent, as is every metric whose name ends in ``_rate`` or ``_share``."""

POINTS = frozenset(
    {
        "demographic_parity_difference",
        "equalized_odds_difference",
        "equal_opportunity_difference",
        "accuracy_change",
        "balanced_accuracy_change",
        "before_demographic_parity_difference",
        "after_demographic_parity_difference",
        "demographic_parity_difference_change",
        "before_equalized_odds_difference",
        "after_equalized_odds_difference",
        "equalized_odds_difference_change",
        "accuracy_gap_change",
        "four_fifths_difference",
        "smallest_detectable_gap",
        "selection_rate_difference_marginal",
        "selection_rate_difference_adjusted",
        "positive_predictive_value_difference",
        "accuracy_difference",
    }
)
"""Differences of rates, shown in percentage points, as is every metric whose name ends in ``_rate_difference`` or is the change of one."""

_POINT_ENDINGS = ("_rate_difference", "_rate_change", "_rate_gap_change")

FLAGS = frozenset({"simpson_reversal", "four_fifths_disagreement"})
"""1 or 0, shown as yes or no; an interval from 0 to 1 says that it is not settled."""

COUNTS = frozenset({"group_size", "ll144_assessed_rows", "ll144_unknown_rows", "ll144_excluded_categories"})

FINE = frozenset({"completeness_error"})
"""Shares that are far below one percent when all is well: percent with three decimals."""

STATUS_WORDS = {
    "not_estimable": "not estimable",
    "not_applicable": "not applicable",
    "suppressed": "suppressed",
}


def unit_of(metric: str) -> str:
    """``percent``, ``fine`` (percent with three decimals), ``points``, ``count``, ``flag`` (yes or no) or ``number``."""
    if metric in FINE:
        return "fine"
    if metric in FLAGS:
        return "flag"
    if metric in COUNTS:
        return "count"
    if metric in POINTS or metric.endswith(_POINT_ENDINGS):
        return "points"
    if metric in RATES or metric.endswith(("_rate", "_share")):
        return "percent"
    return "number"


def ref_of(measurement: Measurement) -> Ref:
    """The reference by which a displayed number is found again in the evidence."""
    return Ref(
        audit=measurement.audit,
        metric=measurement.metric,
        attribute=measurement.attribute,
        group=measurement.group,
        reference=measurement.reference,
        label=measurement.label,
        split=measurement.split,
    )


def show(measurement: Measurement) -> Shown:
    """Display one measurement: the estimate and its interval, or the words why there is none."""
    unit = _unit(measurement)
    shown: dict[str, Any] = {
        "status": measurement.status,
        "confidence": measurement.confidence,
        "method": clean(measurement.method),
        "ref": ref_of(measurement),
    }
    if measurement.status == "suppressed":
        text = clean(measurement.reason or STATUS_WORDS["suppressed"])
        return Shown(
            text=text, interval="", n=None, n_text="–", reason=text, estimate=None, low=None, high=None, **shown
        )
    if isinstance(measurement.estimate, str):
        return Shown(
            text=STATUS_WORDS[measurement.status],
            interval="",
            n=measurement.n,
            n_text=f"{measurement.n:,}",
            reason=sentence(measurement.reason or ""),
            estimate=None,
            low=None,
            high=None,
            **shown,
        )
    return Shown(
        text=digits(measurement.estimate, unit),
        interval=interval(measurement.low, measurement.high, unit),
        n=measurement.n,
        n_text=f"{measurement.n:,}",
        reason="",
        estimate=measurement.estimate,
        low=_number(measurement.low),
        high=_number(measurement.high),
        **shown,
    )


def _unit(measurement: Measurement) -> str:
    """That of the metric; of a choice that of what was looked for, which the label names."""
    flattered = measurement.metric in {"winners_curse", "winners_curse_expected"}
    if measurement.label is None or not (flattered or measurement.metric in {"chosen_on_validation", "chosen_on_test"}):
        return unit_of(measurement.metric)
    unit = unit_of(measurement.label)
    return "points" if flattered and unit == "percent" else unit


def digits(value: float, unit: str) -> str:
    """A number in its unit: 64.4 %, +3.1 pp, 1,234 or 0.702. A tiny or nearly full share never reads as none or all."""
    if unit == "flag":
        return "yes" if value >= 0.5 else "no"
    if unit == "count":
        return f"{value:,.0f}"
    if unit == "points":
        return f"{_signless(f'{100 * value:.1f}')} pp"
    if unit == "fine":
        return f"{100 * value:.3f} %"
    if unit == "percent":
        if 0 < value < 0.0005:
            return "< 0.1 %"
        if 0.9995 <= value < 1:
            return "> 99.9 %"
        return f"{_signless(f'{100 * value:.1f}')} %"
    if value and abs(value) < 0.0005:
        return f"{value:.1e}"
    return _signless(f"{value:.3f}")


def interval(low: float | str, high: float | str, unit: str) -> str:
    """``56.0 to 72.0 %``; empty without a lower end; ``0.512 and up`` when the data set no upper limit."""
    if isinstance(low, str) or unit == "count":
        return ""
    if isinstance(high, str):
        return f"{digits(low, unit)} and up" if high == "unbounded" else ""
    if low == high:
        return ""
    if unit == "flag":
        return "not settled"
    if unit == "fine":
        return f"{100 * low:.3f} to {100 * high:.3f} %"
    if unit == "percent":
        return f"{100 * low:.1f} to {100 * high:.1f} %"
    if unit == "points":
        return f"{_signless(f'{100 * low:.1f}')} to {_signless(f'{100 * high:.1f}')} pp"
    return f"{digits(low, unit)} to {digits(high, unit)}"


def beside(value: float, threshold: float, unit: str) -> str:
    """A number printed with enough digits to be told from ``threshold``, so that 0.7996 never reads as 0.800."""
    plain = digits(value, unit)
    if value == threshold or plain != digits(threshold, unit):
        return plain
    for places in range(2, 9):
        scale, suffix = (1, "") if unit in {"number", "count"} else (100, " pp" if unit == "points" else " %")
        text = f"{scale * value:.{places}f}{suffix}"
        if text != f"{scale * threshold:.{places}f}{suffix}" and (places > 3 or unit != "number"):
            return text
    return repr(value)


def _number(value: float | str) -> float | None:
    return None if isinstance(value, str) else value


def _signless(text: str) -> str:
    """A rounded zero carries no minus; a negative number carries a real one."""
    if text.startswith("-"):
        return text[1:] if not text.strip("-0.") else "−" + text[1:]
    return text
