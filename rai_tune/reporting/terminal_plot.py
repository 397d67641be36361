"""Dots with interval bars, drawn in characters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rai_tune.reporting.model import Shown


@dataclass(frozen=True)
class Axis:
    """The values at the left and right end of a plot."""

    low: float
    high: float

    def at(self, value: float, width: int) -> int:
        """Column of a value; what lies outside sits on the edge."""
        share = (value - self.low) / (self.high - self.low)
        return min(max(round(share * (width - 1)), 0), width - 1)

    def label(self, width: int) -> str:
        """Both ends in percent, for the head of the plot's column."""
        left, right = f"{100 * self.low:.0f} %", f"{100 * self.high:.0f} %"
        return left + " " * max(width - len(left) - len(right), 1) + right


def axis_for(shown: Iterable[Shown | None]) -> Axis:
    """An axis in whole tens of percent that holds all intervals; 0 to 100 % when there is none."""
    drawn = [item for item in shown if item is not None and item.estimate is not None]
    lows = [item.low if item.low is not None else item.estimate for item in drawn]
    highs = [item.high if item.high is not None else item.estimate for item in drawn]
    low = math.floor(10 * min((value for value in lows if value is not None), default=0.0)) / 10
    high = math.ceil(10 * max((value for value in highs if value is not None), default=1.0)) / 10
    return Axis(low, high if high > low else low + 0.1)


def dot_and_bar(shown: Shown, axis: Axis, width: int, mark: float | None = None) -> str:
    """``  ├──●──┤`` in ``width`` characters; empty without a number.

    An open end runs to the edge. ``mark`` draws a line at a value, behind the rest.
    """
    if shown.estimate is None:
        return ""
    cells = [" "] * width
    if mark is not None:
        cells[axis.at(mark, width)] = "┊"
    if shown.low is not None:
        left = axis.at(shown.low, width)
        right = axis.at(shown.high, width) if shown.high is not None else width - 1
        cells[left : right + 1] = "─" * (right - left + 1)
        cells[left] = "├"
        if shown.high is not None:
            cells[right] = "┤"
    cells[axis.at(shown.estimate, width)] = "●"
    return "".join(cells).rstrip()


def bar(shown: Shown, largest: float, width: int) -> str:
    """A bar as long as the value's share of the largest one; at least one mark for a value above zero."""
    if shown.estimate is None or shown.estimate <= 0 or largest <= 0:
        return ""
    return "█" * max(round(width * shown.estimate / largest), 1)
