"""Serving what was promoted, and nothing else. Stable API: ``load``, ``Served``.

import rai_tune
model = rai_tune.load("production")
model.predict(frame)             # the run's own template, label map and threshold
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rai_tune.core import IntegrityError, UsageError
from rai_tune.data.preparing import prepare_frame
from rai_tune.planning import device_of
from rai_tune.promotion.door import check_alias
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.serving import Promotion, current, lay_out
from rai_tune.promotion.statement import BASE, MODEL
from rai_tune.stored_run import stored_recipe
from rai_tune.training.predictions import predictions_table
from rai_tune.training.saved_model import LoadedModel, load_saved
from rai_tune.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from rai_tune.recipe import LoadedRecipe


@dataclass(frozen=True)
class Served:
    """A promoted model, loaded. ``promotion`` says which bytes, by whom and on which decisions."""

    promotion: Promotion
    loaded: LoadedModel
    recipe: LoadedRecipe
    base_digest: str

    def predict(self, frame: pd.DataFrame, source: str = "the given rows") -> pd.DataFrame:
        """Decide about rows with the columns of the training data; returns one row each with scores and decision."""
        rows = prepare_frame(frame, self.recipe.recipe.data, source=source)
        table, _ = predictions_table(
            self.loaded,
            rows.rows,
            base_digest=self.base_digest,
            batch_size=self.recipe.recipe.training.eval_batch_size,
            device=device_of(self.recipe.recipe),
        )
        return table


def load(alias: str, workspace: Workspace | Path | None = None) -> Served:
    """Load what an alias stands for, after checking the ledger, the promotion's signature and every byte.

    Raises ``UsageError`` for an alias without a promotion, ``IntegrityError`` for anything that is not what was promoted.
    """
    place = check_alias(alias)
    store = workspace if isinstance(workspace, Workspace) else Workspace.open(workspace, create=False)
    promotion = current(Ledger(store), place)
    if promotion is None:
        raise UsageError(f"nothing was ever promoted to {place}; 'raitune promote RUN --to {place}' does")
    return load_promotion(store, promotion)


def load_promotion(workspace: Workspace, promotion: Promotion) -> Served:
    """Load the model of one promotion from its own laid-out folder."""
    folder = lay_out(workspace, promotion)
    run = workspace.run(promotion.run_id)
    recipe = stored_recipe(workspace, run)
    if recipe.digest != promotion.recipe_digest:
        raise IntegrityError(f"run {run.id}: its recipe is not the one that was promoted with the model")
    manifest = {name.removeprefix(MODEL): digest for name, digest in promotion.files.items() if name.startswith(MODEL)}
    based = any(name.startswith(BASE) for name in promotion.files)
    loaded = load_saved(folder / "model", manifest, recipe.base_dir, base_folder=folder / "base" if based else None)
    return Served(promotion, loaded, recipe, run.base_digest or "")
