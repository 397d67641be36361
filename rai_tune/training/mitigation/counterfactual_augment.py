"""Method ``counterfactual_augment``: training rows are learned from a second time, as rows about other people with the same label.

A copy differs from its row in nothing but the words and columns that say whom it is about; label and weight stay. Only training rows are
copied. Stable API: ``METHOD``.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError, sha256_json
from rai_tune.training.mitigation.base import MethodCard, Mitigation
from rai_tune.training.mitigation.counterfactuals import check_counterfactuals
from rai_tune.training.mitigation.registry import mitigation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from rai_tune.data import PreparedData
    from rai_tune.recipe.mitigation import MitigationSpec
    from rai_tune.recipe.schema import Recipe
    from rai_tune.training.mitigation.base import TrainingRows
    from rai_tune.training.mitigation.counterfactuals import Counterfactual

CARD = MethodCard(
    name="counterfactual_augment",
    title="Counterfactual augmentation",
    does=(
        "Training rows are added about every other group with the same label: templates are rendered again with the group's column changed, "
        "and free text has the words of the term lists replaced."
    ),
    slots=("rows",),
    groups_at_training=False,
    groups_at_use=False,
    law=(
        "None known against such training rows. A template that shows a group's column makes it an input of every decision, which credit "
        "law forbids for a prohibited basis (12 CFR 1002.6(b)); free text needs no such column."
    ),
    source="Zhao et al. 2018 (arXiv:1804.06876), Kaushik, Hovy and Lipton 2020 (arXiv:1909.12434)",
)


def _check(recipe: Recipe, data: PreparedData, attributes: tuple[str, ...]) -> None:
    assert recipe.mitigation is not None
    share = recipe.mitigation.counterfactual_augment.share
    chosen = chosen_rows(data.split("train")["row_id"].tolist(), share, recipe.seed)
    if share < 1:
        # With every row in hand the reason is the data, not the share.
        check_counterfactuals(CARD.name, recipe, data, attributes)
    try:
        check_counterfactuals(CARD.name, recipe, data, attributes, chosen)
    except UsageError as error:
        if share == 1:
            raise
        raise UsageError(
            f"mitigation {CARD.name}: none of the {len(chosen):,} training rows that counterfactual_augment.share {share:g} chooses can be "
            "changed, though others can: raise the share"
        ) from error


@mitigation(CARD, _check)
class CounterfactualAugment(Mitigation):
    """Adds the rows that training learns from. ``facts``: rows that got copies, copies, and copies by attribute and group."""

    card = CARD

    def __init__(self, spec: MitigationSpec) -> None:
        self._share = spec.counterfactual_augment.share
        self._chosen = 0
        self._changed = 0
        self._added: Counter[tuple[str, str]] = Counter()

    def augment(self, rows: TrainingRows) -> pd.DataFrame:
        """The rows, and after them the copies, in the order of the rows they were made from."""
        import pandas as pd

        chosen = chosen_rows(rows.frame["row_id"].tolist(), self._share, rows.seed)
        found = [(position, other) for position in chosen for other in rows.swaps(position)]
        self._chosen, self._changed = len(chosen), len({position for position, _other in found})
        self._added = Counter((other.attribute, other.group) for _position, other in found)
        return pd.concat([rows.frame, _copies(rows.frame, found)], ignore_index=True) if found else rows.frame

    def facts(self) -> dict[str, Any]:
        """Counts of rows. ``rows_chosen`` is the share's; a chosen row that nothing can be changed in has no copy."""
        added = {f"{attribute}={group}": count for (attribute, group), count in sorted(self._added.items())}
        return {
            "rows_chosen": self._chosen,
            "rows_copied": self._changed,
            "rows_added": sum(added.values()),
            "rows_added_by_group": added,
        }


METHOD = CounterfactualAugment


def chosen_rows(row_ids: Sequence[str], share: float, seed: int) -> list[int]:
    """Positions, in order, of ``share`` of the rows (at least one): chosen by seed and row id, whatever the order of rows."""
    wanted = max(1, round(share * len(row_ids)))
    drawn = sorted(range(len(row_ids)), key=lambda position: _draw(seed, str(row_ids[position])))
    return sorted(drawn[:wanted])


def _draw(seed: int, row_id: str) -> bytes:
    return sha256(f"{seed}\n{row_id}".encode()).digest()


def _copies(frame: pd.DataFrame, found: Sequence[tuple[int, Counterfactual]]) -> pd.DataFrame:
    import pandas as pd

    copies = frame.iloc[[position for position, _other in found]].reset_index(drop=True)
    for name in dict.fromkeys(name for _position, other in found for name in other.changes):
        kept = copies[name].tolist()
        cells = [other.changes.get(name, cell) for (_position, other), cell in zip(found, kept, strict=True)]
        copies[name] = pd.Series(cells, dtype=object if copies[name].dtype == object else None)
    ids = zip(copies["row_id"].tolist(), (other for _position, other in found), strict=True)
    # A digest, so that no id of the data can be one of these.
    copies["row_id"] = [
        "about:" + sha256_json([row_id, other.attribute, other.group, other.text]) for row_id, other in ids
    ]
    return copies
