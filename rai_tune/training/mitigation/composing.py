"""The methods of one run, joined: checked against each other and the data, made, and called as one.

Stable API: ``check_mitigation`` (before anything is stored), ``acts_on_decisions_only``, ``decides``, ``mitigation_notes``, ``apply_mitigation`` and
``Applied``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from rai_tune.core import UsageError, did_you_mean, plain_attributes
from rai_tune.data.groups import CROSS, crossed_groups
from rai_tune.data.prepared import UNKNOWN
from rai_tune.training.mitigation.base import UNKNOWN_GROUP, TrainingRows
from rai_tune.training.mitigation.registry import is_built_in, load_method

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import torch
    from numpy.typing import NDArray

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.tasks.pooled import Head
    from rai_tune.training.mitigation.base import Embedded, LossBatch, MethodCard, Mitigation
    from rai_tune.training.postprocessing import PostProcessing


@dataclass(frozen=True)
class Applied:
    """The methods of a run, and what they make of its training rows. Arrays have shape (rows to learn from,)."""

    methods: tuple[Mitigation, ...]
    rows: TrainingRows
    validation: TrainingRows
    weights: NDArray[np.float64] | None
    sampling: NDArray[np.float64] | None
    pairs: list[tuple[str, ...]] | None

    @property
    def weight_decay(self) -> float | None:
        return next((method.weight_decay for method in self.methods if method.weight_decay is not None), None)

    def loss(self, batch: LossBatch, plain: torch.Tensor) -> torch.Tensor:
        """The loss of a batch: the reduction of the method that has one, else ``plain``, and every penalty.

        With ``training.accumulate`` a method sees each of the batches that are summed into one step. On validation rows
        (``batch.training`` false) the sum is what ``select_best_by: loss`` compares, so each part has to be the same measure at every
        checkpoint: ``plain`` for methods that act on rows, weights or draws, since validation rows are neither copied, reweighed nor drawn;
        all cells alike for ``group_dro``, whose own weights move; the penalty of the running rates for ``fair_loss``; no penalty for
        ``logit_pairing``, since validation rows have no counterfactuals.
        """
        reduced = next((found for method in self.methods if (found := method.reduce(batch)) is not None), plain)
        for method in self.methods:
            added = method.penalty(batch)
            if added is not None:
                reduced = reduced + added
        return reduced

    @property
    def fits_head(self) -> bool:
        """Whether a method fits a head in place of the Trainer."""
        return any("fit" in method.card.slots for method in self.methods)

    def fit_head(self, train: Embedded, validation: Embedded, class_weights: Mapping[str, float]) -> Head:
        """The head that the method of slot ``fit`` gives. Raises ``UsageError`` when it gives none."""
        found = (method.fit_head(train, validation, class_weights) for method in self.methods)
        head = next((head for head in found if head is not None), None)
        if head is None:
            raise UsageError("a mitigation method whose card names the slot 'fit' must return a head from fit_head")
        return head

    def post(self, scores: NDArray[np.float64]) -> PostProcessing | None:
        """How scores of the positive class on validation rows become decisions, where a method says so."""
        found = (method.post(scores, self.validation) for method in self.methods)
        return next((post for post in found if post is not None), None)

    def state(self) -> dict[str, Any]:
        return {method.card.name: method.state() for method in self.methods}

    def load_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        for method in self.methods:
            method.load_state(state[method.card.name])

    def facts(self) -> dict[str, Any]:
        return {method.card.name: method.facts() for method in self.methods}


def check_mitigation(recipe: Recipe, data: PreparedData) -> None:
    """Refuse methods that do not exist, cannot be joined, or lack the groups or classes they need. Raises ``UsageError``."""
    if recipe.mitigation is None:
        return
    specs = [load_method(name) for name in recipe.mitigation.methods]
    cards = [spec.card for spec in specs]
    check_joined(cards)
    attributes = attributes_of(recipe, data)
    for card in cards:
        if (card.groups_at_training or card.groups_at_use) and not attributes:
            raise UsageError(
                f"mitigation {card.name} needs groups, and the recipe declares none: name them under data.groups"
            )
        if card.binary_only and len(data.classes) != 2:
            raise UsageError(f"mitigation {card.name} needs two classes; this data has {len(data.classes)}")
    for split in ("train", "validation"):
        for card in cards:
            if card.groups_at_training:
                _check_groups(card, data.rows[data.rows["split"] == split], attributes, split)
    for spec in specs:
        if spec.check is not None:
            spec.check(recipe, data, attributes)


def check_joined(cards: Sequence[MethodCard]) -> None:
    """Refuse two methods that act in the same place, or that one of them excludes. Raises ``UsageError`` with the reason."""
    for one, other in combinations(cards, 2):
        reason = one.excludes.get(other.name) or other.excludes.get(one.name)
        shared = (set(one.slots) & set(other.slots)) - {"penalty"}
        if reason is None and shared:
            reason = f"both act on the same thing ({', '.join(sorted(shared))}), and only one can"
        if reason is not None:
            raise UsageError(f"mitigation.method: {one.name} and {other.name} cannot be joined: {reason}")


def acts_on_decisions_only(spec: MitigationSpec) -> bool:
    """Whether the model learns as it would without these methods, and only what is decided by its scores is changed."""
    return all(set(load_method(name).card.slots) == {"decision"} for name in spec.methods)


def decides(spec: MitigationSpec) -> bool:
    """Whether a method chooses, on validation rows, how scores become decisions."""
    return any("decision" in load_method(name).card.slots for name in spec.methods)


def mitigation_notes(spec: MitigationSpec | None) -> list[str]:
    """What somebody who runs this recipe should know: settings of methods that it does not name, which change nothing."""
    if spec is None:
        return []
    own = set(type(spec).model_fields) - {"method", "attributes", "options"} - set(spec.methods)
    given = [name for name in own if getattr(spec, name) != type(spec).model_fields[name].default]
    if spec.options and all(is_built_in(name) for name in spec.methods):
        given.append("options")
    names = " and ".join(f"mitigation.{name}" for name in sorted(given))
    return [f"{names}: not used, since the method is {', '.join(spec.methods)}"] if names else []


def attributes_of(recipe: Recipe, data: PreparedData) -> tuple[str, ...]:
    """The attributes whose groups the methods read. Raises ``UsageError`` for a name that the recipe does not declare."""
    assert recipe.mitigation is not None
    known = tuple(data.groups)
    for name in recipe.mitigation.attributes:
        if name not in known:
            told = did_you_mean(name, known) if known else " None is declared under data.groups."
            raise UsageError(f"mitigation.attributes: no group attribute {name!r}.{told}")
    return recipe.mitigation.attributes or tuple(plain_attributes(known))


def crossed(frame: pd.DataFrame, attributes: Sequence[str]) -> list[str]:
    """Group of each row, several attributes joined by ``&``; ``unknown`` where one of them is not known."""
    columns = [frame[f"group:{name}"].astype(str).tolist() for name in attributes]
    return crossed_groups(columns, f"mitigation.attributes {list(attributes)}")


def apply_mitigation(recipe: Recipe, data: PreparedData) -> Applied | None:
    """Make the methods of a recipe and let them act on the training rows; None where the recipe names none."""
    if recipe.mitigation is None:
        return None
    check_mitigation(recipe, data)
    methods = tuple(load_method(name).make(recipe.mitigation) for name in recipe.mitigation.methods)
    attributes = attributes_of(recipe, data)
    frame = data.rows[data.rows["split"] == "train"]
    for method in methods:
        added = method.augment(rows_of(recipe, data, frame, attributes))
        frame = frame if added is None else added
    train = rows_of(recipe, data, frame, attributes, frame)
    validation = rows_of(recipe, data, data.rows[data.rows["split"] == "validation"], attributes, frame)
    for method in methods:
        method.begin(train)
    return Applied(
        methods=methods,
        rows=train,
        validation=validation,
        weights=_first([method.weights(train) for method in methods]),
        sampling=_first([method.sampling(train) for method in methods]),
        pairs=_first([method.pairs(train) for method in methods]),
    )


def rows_of(
    recipe: Recipe,
    data: PreparedData,
    frame: pd.DataFrame,
    attributes: Sequence[str],
    learned_from: pd.DataFrame | None = None,
) -> TrainingRows:
    """The rows of a split as the methods see them. Groups have the same index in every split: they are those of all rows and of ``learned_from``."""
    groups = crossed(frame, attributes) if attributes else [UNKNOWN] * len(frame)
    tables = [data.rows, frame] if learned_from is None else [data.rows, frame, learned_from]
    seen = {group for table in tables for group in crossed(table, attributes)} if attributes else set()
    names = tuple(sorted(seen - {UNKNOWN}))
    places = {name: place for place, name in enumerate(names)} | {UNKNOWN: UNKNOWN_GROUP}
    classes = {name: place for place, name in enumerate(data.classes)}
    rows = TrainingRows(
        frame=frame.reset_index(drop=True),
        labels=np.asarray([classes[label] for label in frame["label"]], dtype=np.int64),
        groups=np.asarray([places[group] for group in groups], dtype=np.int64),
        group_names=names,
        attributes=tuple(attributes),
        classes=data.classes,
        positive=data.positive,
        favourable=data.favourable,
        seed=recipe.seed,
    )
    from rai_tune.training.mitigation.counterfactuals import swapper

    return replace(rows, swaps=swapper(recipe, data, rows.frame, tuple(attributes)))


def _check_groups(card: MethodCard, frame: pd.DataFrame, attributes: Sequence[str], split: str) -> None:
    found = set(crossed(frame, attributes)) - {UNKNOWN}
    if len(found) < 2:
        there = f"only {min(found)!r}" if found else "none that is known"
        raise UsageError(
            f"mitigation {card.name} compares groups of {CROSS.join(attributes)}, and the {split} rows hold {there}; "
            "declare other groups or other splits"
        )


def _first(found: Sequence[Any]) -> Any:
    return next((value for value in found if value is not None), None)
