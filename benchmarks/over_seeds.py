"""How results over seeds are compared: paired intervals, an exact test for few seeds, hypervolume, and plain tables.

Used by ``mitigation.py``, ``mitigation_cost.py``, ``search.py`` and ``few_shot.py``; not run by itself.
"""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Paired:
    """Differences of two arms over the same seeds: their mean, its 95 % t interval, and the exact two-sided sign-flip p-value.

    ``low`` and ``high`` are NaN with one seed: there is no interval.
    """

    n: int
    mean: float
    low: float
    high: float
    p: float

    def shown(self, digits: int = 3, scale: float = 1.0) -> str:
        """As in a table: mean, interval and p."""
        mean, low, high = (f"{value * scale:+.{digits}f}" for value in (self.mean, self.low, self.high))
        return f"{mean} ({low} to {high}; p {self.p:.3f})" if self.n > 1 else f"{mean} (one seed)"


def paired(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> Paired:
    """``first`` minus ``second``, seed by seed. Raises ``ValueError`` when they are not in step or empty.

    The interval is Student's, which holds for differences that are near normal. The p-value asks nothing of their shape but symmetry
    under no difference (Fisher 1935): the share of all 2^n ways to turn their signs that give a mean at least as far from 0. With 3 seeds it cannot be below 0.25.
    """
    from scipy.stats import t

    if len(first) != len(second) or not first:
        raise ValueError(f"paired arms need the same seeds, at least one; got {len(first)} and {len(second)}")
    differences = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    n, mean = len(differences), float(differences.mean())
    half = math.nan
    if n > 1:
        half = float(t.ppf((1 + confidence) / 2, n - 1) * differences.std(ddof=1) / math.sqrt(n))
    return Paired(n, mean, mean - half, mean + half, sign_flip(differences))


def sign_flip(differences: Iterable[float], most: int = 20) -> float:
    """Exact two-sided p-value; more than ``most`` differences would take too long and raise ``ValueError``."""
    values = np.asarray(list(differences), dtype=float)
    observed = abs(float(values.sum()))
    if len(values) > most:
        raise ValueError(f"{len(values)} differences have too many signs to list; at most {most}")
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return float((np.abs(sums) >= observed - 1e-12 * max(1.0, float(np.abs(values).sum()))).mean())


def hypervolume(points: Iterable[Sequence[float]], reference: Sequence[float]) -> float:
    """Volume that the points dominate above ``reference``, all objectives to be maximised (Zitzler and Thiele 1998). Exact, in 2 or 3 dimensions.

    A point that is not above the reference in every objective adds nothing. Raises ``ValueError`` for other dimensions and for values that are not numbers.
    """
    given = [tuple(float(value) for value in point) for point in points]
    if len(reference) not in (2, 3) or any(len(point) != len(reference) for point in given):
        raise ValueError("hypervolume is for points of 2 or 3 objectives, as many as the reference has")
    if any(math.isnan(value) for point in given for value in point):
        raise ValueError("a point has a value that is not a number")
    above = [
        tuple(value - least for value, least in zip(point, reference, strict=True))
        for point in given
        if all(value > least for value, least in zip(point, reference, strict=True))
    ]
    return _area(above) if len(reference) == 2 else _volume(above)


def _area(points: list[tuple[float, ...]]) -> float:
    """Union of boxes from the origin: from the widest down, each adds what stands above those before it."""
    total = height = 0.0
    for width, tall in sorted(points, reverse=True):
        if tall > height:
            total, height = total + width * (tall - height), tall
    return total


def _volume(points: list[tuple[float, ...]]) -> float:
    """Slices between successive heights of the third objective, each with the area of the points that reach it."""
    total = 0.0
    heights = sorted({point[2] for point in points})
    for below, top in zip([0.0, *heights], heights, strict=False):
        total += (top - below) * _area([point[:2] for point in points if point[2] >= top])
    return total


def spread(values: Sequence[float], digits: int = 3, scale: float = 1.0) -> str:
    """Mean and standard deviation over seeds, as in a table."""
    scaled = [value * scale for value in values]
    if len(scaled) == 1:
        return f"{scaled[0]:.{digits}f}"
    return f"{statistics.mean(scaled):.{digits}f} ± {statistics.stdev(scaled):.{digits}f}"


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are set right."""
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join(["---", *["---:"] * (len(header) - 1)]) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


@dataclass(frozen=True)
class Lines:
    """Results in a file of JSON lines, written as they come, so that a script that was stopped goes on where it was."""

    path: Path

    def read(self) -> list[dict[str, Any]]:
        """All results; a last line that was cut short is left out, and done again."""
        found = []
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.is_file() else ():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return found

    def has(self, **key: Any) -> bool:
        """Whether there is a result with these values."""
        return any(all(row.get(name) == value for name, value in key.items()) for row in self.read())

    def add(self, row: dict[str, Any]) -> None:
        """Append one result."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        cut = self.path.is_file() and not self.path.read_bytes().endswith(b"\n") and self.path.stat().st_size > 0
        with self.path.open("a", encoding="utf-8") as handle:
            handle.write(("\n" if cut else "") + json.dumps(row, sort_keys=True) + "\n")


def by_seed(rows: Iterable[dict[str, Any]], value: str, **key: Any) -> dict[int, float]:
    """One value for each seed, of the rows with these keys."""
    return {
        int(row["seed"]): float(row[value])
        for row in rows
        if all(row.get(name) == wanted for name, wanted in key.items())
    }


def compared(first: dict[int, float], second: dict[int, float]) -> Paired | None:
    """Paired over the seeds that both have; None when they share none."""
    shared = sorted(set(first) & set(second))
    return paired([first[seed] for seed in shared], [second[seed] for seed in shared]) if shared else None
