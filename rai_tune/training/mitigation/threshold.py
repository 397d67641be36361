"""Method ``threshold``: cutoffs by group, chosen on validation rows after training (Hardt et al. 2016).

The scores stay as they are, and so does every area under a curve; decisions change. ``randomised: true`` is Fairlearn's ``ThresholdOptimizer``,
whose draws hang on the row's id and the run's seed; the default gives each group one cutoff (see ``cutoff_search``), so that people alike in
score and group are decided alike. ``decision.rule`` still chooses one threshold: it decides for people whose group is not known, and for
groups that validation rows say too little of. Stable API: ``METHOD``, ``LEAST_ROWS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import UsageError
from rai_tune.data.prepared import UNKNOWN
from rai_tune.training.mitigation.base import MethodCard, Mitigation
from rai_tune.training.mitigation.cutoff_search import common_cutoff, curve_of, search
from rai_tune.training.mitigation.drawn_thresholds import drawn_rules
from rai_tune.training.mitigation.registry import mitigation
from rai_tune.training.postprocessing import GroupRule, PostProcessing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import MitigationSpec, ThresholdSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.mitigation.base import TrainingRows

LEAST_ROWS = 10
"""Validation rows that a group needs for a cutoff of its own, and at least one of each label: with fewer, one row moves a rate by over a tenth."""

CARD = MethodCard(
    name="threshold",
    title="Thresholds by group",
    does=(
        "After training, each group gets its own cutoff, or a draw between cutoffs, chosen on validation rows so that error rates or rates of "
        "decision are alike; the scores do not change."
    ),
    slots=("decision",),
    groups_at_training=True,
    groups_at_use=True,
    law=(
        "Different cutoffs by race, color, religion, sex or national origin are unlawful for employment-related tests in the United States "
        "(42 U.S.C. 2000e-2(l)); a lender may not treat applicants differently on a prohibited basis (15 U.S.C. 1691(a)(1), 12 CFR 1002.4(a)); "
        "in the European Union, use of special categories of personal data needs a ground in Art. 9(2) GDPR."
    ),
    source="Hardt, Price and Srebro 2016 (arXiv:1610.02413); Fairlearn ThresholdOptimizer",
    binary_only=True,
)


def _check(recipe: Recipe, data: PreparedData, attributes: tuple[str, ...]) -> None:
    from rai_tune.training.mitigation.composing import crossed

    del recipe
    if data.positive is None:
        raise UsageError("mitigation threshold needs to know which class is positive: set data.positive")
    rows = data.rows[data.rows["split"] == "validation"]
    groups = crossed(rows, attributes)
    counted = _counted(groups, np.asarray(rows["label"] == data.positive), tuple(sorted(set(groups) - {UNKNOWN})))
    usable = [group for group, rows in counted.items() if rows.reason is None]
    if len(usable) < 2:
        told = "; ".join(f"{group}: {rows.reason}" for group, rows in counted.items() if rows.reason)
        raise UsageError(
            f"mitigation threshold needs two groups of {' & '.join(attributes)} with at least {LEAST_ROWS} validation rows each and both labels "
            f"among them ({told or 'there are fewer groups'}); enlarge data.split's validation part or name other mitigation.attributes"
        )


@mitigation(CARD, _check)
class GroupThresholds(Mitigation):
    """Chooses the rules. ``facts``: for each group its rows, rule and rates on validation rows; the gap and quality with one cutoff and with these."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        self._spec = spec.threshold
        self._facts: dict[str, Any] = {}

    def post(self, scores: NDArray[np.float64], rows: TrainingRows) -> PostProcessing:
        """The rules, with ``default`` the best common cutoff on the same rows, in place of which training puts the one of ``decision.rule``."""
        assert rows.positive is not None  # refused when the run was planned
        data = _Scored(
            np.asarray(scores, dtype=np.float64),
            np.asarray(rows.labels == rows.classes.index(rows.positive)),
            np.asarray([rows.group_names[place] if place >= 0 else "" for place in rows.groups], dtype=object),
            rows.frame["weight"].to_numpy(dtype=float) if "weight" in rows.frame else np.ones(len(scores)),
        )
        counted = _counted(list(data.groups), data.labels, rows.group_names)
        usable = tuple(group for group, found in counted.items() if found.reason is None)
        if len(usable) < 2:
            raise UsageError(
                f"mitigation threshold needs two groups with at least {LEAST_ROWS} validation rows each and both labels among them"
            )
        searched = data.only(usable)
        near = common_cutoff(*searched.measured, self._spec.grid, self._spec.objective)
        rules = _rules(searched, usable, near, self._spec)
        self._facts = _facts(searched, rules, near, counted, self._spec)
        return PostProcessing(
            method=CARD.name,
            constraint=self._spec.constraint,
            attributes=rows.attributes,
            rules=rules,
            default=near,
            salt=str(rows.seed),
        )

    def facts(self) -> dict[str, Any]:
        return self._facts


METHOD = GroupThresholds


@dataclass(frozen=True)
class _Counted:
    """Validation rows of a group, those of the positive class, and why it gets no cutoff of its own."""

    rows: int
    positive_rows: int

    @property
    def reason(self) -> str | None:
        if self.rows < LEAST_ROWS:
            return f"{self.rows} validation rows, fewer than {LEAST_ROWS}"
        if self.positive_rows in (0, self.rows):
            return f"all {self.rows} validation rows have one label"
        return None


@dataclass(frozen=True)
class _Scored:
    """Validation rows; arrays of shape (rows,)."""

    scores: NDArray[np.float64]
    labels: NDArray[np.bool_]
    groups: NDArray[np.object_]
    weights: NDArray[np.float64]

    @property
    def measured(self) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
        return self.scores, self.labels, self.weights

    def only(self, groups: tuple[str, ...]) -> _Scored:
        kept = np.isin(self.groups.astype(str), groups)
        return _Scored(self.scores[kept], self.labels[kept], self.groups[kept], self.weights[kept])


def _counted(groups: list[str], labels: NDArray[np.bool_], names: tuple[str, ...]) -> dict[str, _Counted]:
    cells = np.asarray(groups, dtype=object)
    return {name: _Counted(int((cells == name).sum()), int(labels[cells == name].sum())) for name in names}


def _rules(data: _Scored, groups: tuple[str, ...], near: float, spec: ThresholdSpec) -> dict[str, GroupRule]:
    if spec.randomised:
        return drawn_rules(data.scores, data.labels, list(data.groups), spec.constraint, spec.objective, spec.grid)
    curves = [curve_of(*data.only((group,)).measured, spec.grid) for group in groups]
    found = search(curves, spec.constraint, spec.objective, near)
    return {group: GroupRule((cutoff,), (1.0,)) for group, cutoff in zip(groups, found.cutoffs, strict=True)}


def _facts(
    data: _Scored, rules: Mapping[str, GroupRule], near: float, counted: Mapping[str, _Counted], spec: ThresholdSpec
) -> dict[str, Any]:
    one = {group: GroupRule((near,), (1.0,)) for group in rules}
    groups = {}
    for group, rule in rules.items():
        rates = _rates(data.only((group,)), rule)
        groups[group] = {
            "rows": counted[group].rows,
            "positive_rows": counted[group].positive_rows,
            "cutoffs": list(rule.cutoffs),
            "chances": list(rule.chances),
            **rates,
        }
    return {
        "constraint": spec.constraint,
        "randomised": spec.randomised,
        "objective": spec.objective,
        "chosen_by": (
            "Fairlearn's ThresholdOptimizer: the highest objective at equal rates; row weights not used"
            if spec.randomised
            else "the largest objective less gap, over one cutoff a group"
        ),
        "groups": groups,
        "at_default": {group: found.reason for group, found in counted.items() if found.reason is not None},
        "validation": {
            "common_cutoff": near,
            "gap_at_common_cutoff": _gap(data, one, spec),
            "gap": _gap(data, rules, spec),
            f"{spec.objective}_at_common_cutoff": _quality(data, one, spec),
            spec.objective: _quality(data, rules, spec),
        },
    }


def _chance(data: _Scored, rules: Mapping[str, GroupRule]) -> NDArray[np.float64]:
    """Chance of each row to be decided positive, shape (rows,)."""
    found = np.zeros(len(data.scores))
    for group, rule in rules.items():
        own = data.groups == group
        above = data.scores[own][:, None] >= np.asarray(rule.cutoffs)[None, :]
        found[own] = above @ np.asarray(rule.chances)
    return found


def _rates(data: _Scored, rule: GroupRule) -> dict[str, float]:
    """Expected rates of the rows of one group."""
    chance = _chance(data, dict.fromkeys(set(data.groups.tolist()), rule))
    return {
        "true_positive_rate": float(np.average(chance[data.labels], weights=data.weights[data.labels])),
        "false_positive_rate": float(np.average(chance[~data.labels], weights=data.weights[~data.labels])),
        "positive_decision_rate": float(np.average(chance, weights=data.weights)),
    }


def _gap(data: _Scored, rules: Mapping[str, GroupRule], spec: ThresholdSpec) -> float:
    """Largest difference between groups of the rates that are made alike."""
    rates = [_rates(data.only((group,)), rule) for group, rule in rules.items()]
    names = (
        ("positive_decision_rate",)
        if spec.constraint == "demographic_parity"
        else ("true_positive_rate", "false_positive_rate")
    )
    return max(float(np.ptp([each[name] for each in rates])) for name in names)


def _quality(data: _Scored, rules: Mapping[str, GroupRule], spec: ThresholdSpec) -> float:
    chance = _chance(data, rules)
    right = np.where(data.labels, chance, 1.0 - chance)
    if spec.objective == "accuracy":
        return float(np.average(right, weights=data.weights))
    parts = [np.average(right[label], weights=data.weights[label]) for label in (data.labels, ~data.labels)]
    return float(np.mean(parts))
