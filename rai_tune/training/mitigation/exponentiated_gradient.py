"""Method ``exponentiated_gradient``: Fairlearn's reduction (Agarwal et al. 2018) on a frozen encoder's embeddings.

Fairness under a constraint is reduced to a sequence of weighted classifications; the answer is several logistic regressions with a chance each.
Fairlearn draws one of them for every decision. Here their probabilities are averaged instead, so that one person gets one answer and the result is a
score like any other, with a threshold by ``decision.rule``; ``facts`` say how far that is from Fairlearn's expected decisions. Stable API: ``METHOD``.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import UsageError
from rai_tune.data.prepared import UNKNOWN
from rai_tune.training.mitigation.base import MethodCard, Mitigation
from rai_tune.training.mitigation.registry import card_of, mitigation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import ExponentiatedGradientSpec, MitigationSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.tasks.pooled import Head
    from rai_tune.training.mitigation.base import Embedded

PENALTIES = (0.001, 0.01, 0.1, 1.0)
"""Inverse strengths of the L2 penalty that are tried, strongest first: those of the probe of the base."""
_MAX_STEPS = 5000
_SURE = 30.0
"""Logit of a classifier that answers the same to everybody: a probability within 1e-13 of 0 or 1."""
_UNUSED_BY_FIT = frozenset({"weights", "sampling", "reduction", "penalty"})

CARD = MethodCard(
    name="exponentiated_gradient",
    title="Exponentiated gradient reduction",
    does=(
        "A frozen encoder's embeddings are classified by a weighted average of logistic regressions, found so that error rates or rates of decision "
        "are alike between groups of the training rows."
    ),
    slots=("fit",),
    groups_at_training=True,
    groups_at_use=False,
    law=(
        "None known against weighing training rows by group where the data may be held; in the European Union, use of special categories of "
        "personal data needs a ground in Art. 9(2) GDPR."
    ),
    source="Agarwal et al. 2018 (arXiv:1803.02453); Fairlearn ExponentiatedGradient",
    binary_only=True,
)


def _check(recipe: Recipe, data: PreparedData, attributes: tuple[str, ...]) -> None:
    assert recipe.mitigation is not None
    if recipe.model.adapter.method != "frozen":
        raise UsageError(
            f"mitigation exponentiated_gradient fits a head on a frozen encoder, and model.adapter.method is {recipe.model.adapter.method!r}: "
            "set model.adapter.method to frozen"
        )
    if data.positive is None:
        raise UsageError("mitigation exponentiated_gradient needs to know which class is positive: set data.positive")
    if "weight" in data.rows:
        raise UsageError(
            "mitigation exponentiated_gradient sets the weights of rows itself and cannot use those of data.weight: leave that out"
        )
    for name in recipe.mitigation.methods:
        unused = sorted(_UNUSED_BY_FIT & set(card_of(name).slots))
        if unused:
            raise UsageError(
                f"mitigation.method: {name} and exponentiated_gradient cannot be joined: {name} acts on the Trainer ({', '.join(unused)}), "
                "and exponentiated_gradient learns without it"
            )
    _check_labels(data, attributes)


def _check_labels(data: PreparedData, attributes: tuple[str, ...]) -> None:
    from rai_tune.training.mitigation.composing import crossed

    train = data.split("train")
    known = np.asarray(crossed(train, attributes), dtype=object) != UNKNOWN
    found = sorted(set(train["label"][known]))
    if len(found) < 2:
        raise UsageError(
            f"mitigation exponentiated_gradient learns from training rows of known group, and all {int(known.sum()):,} of them are labelled "
            f"{found[0]!r}: name other mitigation.attributes, or fill in the groups"
        )


@mitigation(CARD, _check)
class ExponentiatedGradientHead(Mitigation):
    """Fits the head. ``facts``: classifiers kept, the gap that the search was sure of, and decisions on validation rows beside Fairlearn's."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        self._spec = spec.exponentiated_gradient
        self._facts: dict[str, Any] = {}

    def fit_head(self, train: Embedded, validation: Embedded, class_weights: Mapping[str, float]) -> Head:
        """The mixture of the classifiers that Fairlearn kept. Rows whose group is not known are not learned from."""
        from rai_tune.tasks.pooled import mixture_head

        rows = train.rows
        assert rows.positive is not None  # refused when the run was planned
        positive = rows.classes.index(rows.positive)
        known = rows.groups >= 0
        mean, spread = _scale(train.features[known])
        features = (train.features[known] - mean) / spread
        labels = (rows.labels[known] == positive).astype(int)
        costs = {"fn": class_weights[rows.classes[positive]], "fp": class_weights[rows.classes[1 - positive]]}
        held = (validation.features - mean) / spread
        penalty = _penalty(features, labels, held, validation.rows.labels == positive, costs)
        fitted = reduced(features, labels, np.asarray(rows.group_names)[rows.groups[known]], penalty, self._spec, costs)
        lines = [_line(fitted.predictors_[place], features.shape[1]) for place in fitted.weights_.index]
        coefficients, intercepts = np.stack([line[0] for line in lines]), np.asarray([line[1] for line in lines])
        chances = np.clip(fitted.weights_.to_numpy(dtype=np.float64), 0.0, None)
        head = mixture_head(coefficients, intercepts, chances / chances.sum(), positive, mean, spread)
        self._facts = {
            "constraint": self._spec.constraint,
            "allowed_difference_from_all_rows": self._spec.eps,
            "inverse_penalty": penalty,
            "rows_without_known_group_left_out": int((~known).sum()),
            "classifiers_tried": int(fitted.n_oracle_calls_),
            "classifiers_kept": len(head.bias),
            "duality_gap": float(fitted.best_gap_),
            "validation": _beside_fairlearn(fitted, head, held, validation),
        }
        return head

    def facts(self) -> dict[str, Any]:
        return self._facts


METHOD = ExponentiatedGradientHead


def reduced(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    groups: NDArray[Any],
    penalty: float,
    spec: ExponentiatedGradientSpec,
    costs: Mapping[str, float],
) -> Any:
    """Fairlearn's own object, fitted. ``costs`` are those of a false negative ``fn`` and a false positive ``fp``."""
    from fairlearn.reductions import DemographicParity, EqualizedOdds, ErrorRate, ExponentiatedGradient
    from sklearn.linear_model import LogisticRegression

    constraint = EqualizedOdds if spec.constraint == "equalized_odds" else DemographicParity
    found = ExponentiatedGradient(
        LogisticRegression(C=penalty, max_iter=_MAX_STEPS),
        constraint(difference_bound=spec.eps),
        objective=ErrorRate(costs={"fn": float(costs["fn"]), "fp": float(costs["fp"])}),
        eps=spec.eps,
        max_iter=spec.max_iter,
    )
    with warnings.catch_warnings():
        # Fairlearn 0.15 makes rows and columns in ways that pandas 3.1 means to refuse one day; no user can act on it.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        return found.fit(features, labels, sensitive_features=groups)


def _scale(features: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    spread = features.std(axis=0)
    return features.mean(axis=0), np.where(spread > 0, spread, 1.0)


def _penalty(
    features: NDArray[np.float64],
    labels: NDArray[np.int64],
    held: NDArray[np.float64],
    held_labels: NDArray[np.bool_],
    costs: Mapping[str, float],
) -> float:
    """The penalty of the lowest weighted log loss on validation rows, without any constraint; the stronger one where two are equal."""
    from sklearn.linear_model import LogisticRegression

    weights, held_weights = (np.where(yes, costs["fn"], costs["fp"]) for yes in (labels == 1, held_labels))
    losses = []
    for penalty in PENALTIES:
        model = LogisticRegression(C=penalty, max_iter=_MAX_STEPS).fit(features, labels, sample_weight=weights)
        right = np.where(held_labels, *model.predict_proba(held).T[::-1])
        losses.append(float(np.average(-np.log(np.clip(right, 1e-12, 1.0)), weights=held_weights)))
    return PENALTIES[int(np.argmin(losses))]


def _line(predictor: Any, width: int) -> tuple[NDArray[np.float64], float]:
    """Coefficients and intercept of a classifier; Fairlearn puts in one that always answers the same where no row had the other label."""
    if hasattr(predictor, "coef_"):
        return np.asarray(predictor.coef_[0], dtype=np.float64), float(predictor.intercept_[0])
    return np.zeros(width), _SURE if int(predictor.predict(np.zeros((1, width)))[0]) == 1 else -_SURE


def _beside_fairlearn(fitted: Any, head: Head, held: NDArray[np.float64], validation: Embedded) -> dict[str, float]:
    """On validation rows of known group: the mean distance of the averaged score's decisions at 0.5 from Fairlearn's chances, and the rates' gaps."""
    from scipy.special import expit

    known = validation.rows.groups >= 0
    assert head.chances is not None
    averaged = (expit(held @ head.weight.T + head.bias) @ head.chances >= 0.5)[known].astype(np.float64)
    expected = np.asarray(fitted._pmf_predict(held))[:, 1][known]
    labels, groups = validation.rows.labels[known] == head.positive, validation.rows.groups[known]
    return {
        "mean_distance_from_expected_decisions": float(np.abs(averaged - expected).mean()),
        **_named("gap_of_expected_decisions", _gaps(expected, labels, groups)),
        **_named("gap_of_averaged_decisions", _gaps(averaged, labels, groups)),
    }


def _gaps(decided: NDArray[np.float64], labels: NDArray[np.bool_], groups: NDArray[np.int64]) -> dict[str, float]:
    """Largest difference of rates between groups, of those that are defined in at least two."""
    found = {}
    for name, rows in (
        ("true_positive_rate", labels),
        ("false_positive_rate", ~labels),
        ("decision_rate", labels | ~labels),
    ):
        rates = [float(decided[rows & (groups == group)].mean()) for group in np.unique(groups[rows])]
        if len(rates) > 1:
            found[name] = max(rates) - min(rates)
    return found


def _named(prefix: str, found: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}:{name}": value for name, value in found.items()}
