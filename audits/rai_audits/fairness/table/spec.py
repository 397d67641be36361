"""Which column of a table plays which part, checked before anything is read. Stable: ``TableSpec``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rai_audits.core import UsageError

CROSS = " & "


@dataclass(frozen=True)
class TableSpec:
    """Roles of the columns of a table of predictions.

    ``label`` is the true outcome. A decision is ``prediction`` (a class), or ``score`` (the probability of ``positive``) at or above
    ``threshold``; ``value`` instead is a predicted number, and the label is then a number too. ``groups`` maps each group column to the
    """

    label: str | None = None
    prediction: str | None = None
    score: str | None = None
    threshold: float | None = None
    value: str | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    favourable: str | None = None
    positive: str | None = None
    row_id: str | None = None
    weight: str | None = None
    intersections: bool = False

    def __post_init__(self) -> None:
        """Raise ``UsageError`` for parts that do not go together."""
        if self.value is not None:
            self._check_value()
        else:
            self._check_decision()
        roles = {"label": self.label, "prediction": self.prediction, "score": self.score, "value": self.value}
        roles |= {"id": self.row_id, "weight": self.weight} | {f"group {name}": name for name in self.groups}
        taken: dict[str, str] = {}
        for role, column in roles.items():
            if column is not None and taken.setdefault(column, role) != role:
                raise UsageError(f"column {column!r} is both {taken[column]} and {role}")

    @staticmethod
    def declared(groups: Sequence[str] | Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        """Group columns with the groups that must be there: of a mapping those it names, of a list none."""
        return {str(name): tuple(map(str, groups[name])) if isinstance(groups, Mapping) else () for name in groups}

    def _check_value(self) -> None:
        extra = [name for name in ("prediction", "score", "threshold", "favourable", "positive") if getattr(self, name)]
        if extra:
            raise UsageError(f"value is a predicted number; {extra[0]} is for decisions, so give one or the other")
        if self.label is None:
            raise UsageError("value needs label: the column with the true number")

    def _check_decision(self) -> None:
        if self.prediction is None and self.score is None:
            raise UsageError("name what was decided: prediction (a class), score with threshold, or value (a number)")
        if self.prediction is None and self.threshold is None:
            raise UsageError("score needs threshold: a score at or above it decides for the positive class")
        if self.threshold is not None and (self.prediction is not None or self.score is None):
            raise UsageError("threshold turns score into decisions; it goes with score and without prediction")
        if self.threshold is not None and not 0.0 <= self.threshold <= 1.0:
            raise UsageError(f"threshold {self.threshold:g} is outside 0 to 1, where probabilities lie")
        if self.favourable is None:
            raise UsageError("say which outcome is favourable, the one that a person wants, such as favourable=1")

    @property
    def crossings(self) -> tuple[tuple[str, str], ...]:
        """Pairs of attributes to cross, when intersections are asked for."""
        names = list(self.groups)
        if not self.intersections:
            return ()
        return tuple((one, other) for place, one in enumerate(names) for other in names[place + 1 :])
