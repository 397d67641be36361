"""What a report says of learning from a few rows of each class: which rows, how the encoder was warmed up, and how much hangs on the draw.

Stable API: ``few_shot_facts`` and ``spread_facts``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rai_tune.reporting.model import Fact

if TYPE_CHECKING:
    from rai_tune.reporting.model import ReportView

_MEASURES = {"roc_auc": "ROC AUC", "macro_f1": "Macro F1", "accuracy": "Accuracy"}
_OVER = " over draws of the shots"


def few_shot_facts(training: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Facts of the training chapter; empty where the model learned from all training rows."""
    told = training.get("few_shot")
    if not isinstance(told, Mapping):
        return ()
    facts = [
        Fact(
            "Rows learned from",
            f"{told['rows_learned_from']:,} of {told['training_rows']:,} training rows: {told['shots']:,} of each class, drawn by the seed",
        ),
        Fact("Warm start", _warm(told.get("warm_start"))),
        Fact("Chosen on validation rows", ", ".join(told.get("chosen_on_validation", ())) or "nothing"),
    ]
    draws = told.get("draws")
    return (*facts, *_spread(told.get("spread"), draws if isinstance(draws, Sequence) else (), told))


def spread_facts(view: ReportView) -> tuple[Fact, ...]:
    """The facts about the draws alone, each named by its measure."""
    return tuple(Fact(fact.name.removesuffix(_OVER), fact.text) for fact in view.training if fact.name.endswith(_OVER))


def _warm(warm: Any) -> str:
    if not isinstance(warm, Mapping):
        return "none: the encoder is frozen"
    return (
        f"{warm['loss']}, {warm['epochs']:,} passes in {warm['steps']:,} steps, learning rate {warm['learning_rate']:g}"
    )


def _spread(spread: Any, draws: Sequence[Mapping[str, Any]], told: Mapping[str, Any]) -> list[Fact]:
    if not isinstance(spread, Mapping) or not spread:
        return [Fact("Draws of the shots", "one, so how much hangs on the draw is not known")]
    facts = []
    for name, words in _MEASURES.items():
        if name in spread:
            found = spread[name]
            each = ", ".join(f"{draw[name]:.3f}" for draw in draws)
            facts.append(
                Fact(
                    f"{words}{_OVER}",
                    f"median {found['median']:.3f}, {found['lowest']:.3f} to {found['highest']:.3f} on "
                    f"{told['validation_rows']:,} validation rows (kept: {draws[0][name]:.3f}; all {found['draws']}: {each})",
                )
            )
    return facts
