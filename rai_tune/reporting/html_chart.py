"""Where the parts of a chart lie in an SVG drawing; the template draws them. Internal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rai_tune.reporting.paper.blocks import Chart

LEFT, WIDTH, RIGHT, LANE = 200, 300, 220, 26
_LONGEST_NAME = 28


@dataclass(frozen=True)
class Lane:
    """One mark: its words, and where its dot and interval are; ``x``, ``start`` and ``end`` are None where nothing is drawn."""

    y: float
    name: str
    text: str
    interval: str
    x: float | None
    start: float | None
    end: float | None


@dataclass(frozen=True)
class Drawing:
    """Lanes, ticks (x and text) and lines (x), in SVG units."""

    width: int
    height: int
    left: int
    values: int
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]
    lines: tuple[float, ...]


def drawn(chart: Chart) -> Drawing:
    """Place a chart of at least one mark with a number."""
    low, high = _axis(chart)

    def place(value: float) -> float:
        return round(LEFT + WIDTH * min(1.0, max(0.0, (value - low) / (high - low))), 2)

    lanes = tuple(
        Lane(
            LANE * row + LANE / 2,
            mark.name if len(mark.name) <= _LONGEST_NAME else f"{mark.name[: _LONGEST_NAME - 1]}…",
            mark.text,
            mark.interval,
            None if mark.estimate is None else place(mark.estimate),
            None if mark.low is None else place(mark.low),
            None if mark.low is None else place(high if mark.high is None else mark.high),
        )
        for row, mark in enumerate(chart.marks)
    )
    step = 10 ** math.floor(math.log10(high - low)) / (
        2 if (high - low) < 4 * 10 ** math.floor(math.log10(high - low)) else 1
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    ticks = tuple((place(at * step), _tick(at * step, chart.unit)) for at in range(first, last + 1))
    return Drawing(
        LEFT + WIDTH + RIGHT,
        LANE * len(lanes) + 22,
        LEFT,
        LEFT + WIDTH + 12,
        lanes,
        ticks,
        tuple(place(line.value) for line in chart.lines if low <= line.value <= high),
    )


def _axis(chart: Chart) -> tuple[float, float]:
    ends = [value for mark in chart.marks for value in (mark.estimate, mark.low, mark.high) if value is not None]
    ends += [line.value for line in chart.lines]
    low = 0.0 if chart.from_zero else math.floor(10 * min(ends) + 1e-9) / 10
    high = math.ceil(10 * max(ends) - 1e-9) / 10
    return low, high if high > low else low + 0.1


def _tick(value: float, unit: str) -> str:
    return (
        f"{100 * value:.0f} %" if unit == "percent" else f"{100 * value:.0f} pp" if unit == "points" else f"{value:.4g}"
    )
