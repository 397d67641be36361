"""Completed runs whose decisions are given, measured by the audits themselves: nothing is trained. Loaded by path from tests of this folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, TaskInfo, load_audit, run_audit
from rai_tune.core import sha256_bytes, sha256_json
from rai_tune.gate import load_policy
from rai_tune.recipe import Recipe
from rai_tune.stored_run import PARQUET, attach

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.workspace import Workspace

AUDITS = ("group_rates", "task_quality")


def drawn_table(
    groups: Mapping[str, Sequence[str]], count: int = 400, *, lenient: float = 0.0, seed: int = 0
) -> pd.DataFrame:
    """Test rows with drawn labels and scores; ``lenient`` moves the threshold. The same seed draws the same people.

    Groups share the rows evenly, but for one called ``few``, which has three.
    """
    draw = np.random.default_rng(seed)
    label = draw.random(count) < 0.4
    score = np.clip(0.3 * label + draw.normal(0.4, 0.2, count), 0.001, 0.999)
    table = pd.DataFrame(
        {
            "row_id": [f"r{place:05d}" for place in range(count)],
            "split": "test",
            "label": np.where(label, "denied", "approved"),
            "prediction": np.where(score >= 0.5 + lenient, "denied", "approved"),
            "score": score,
            "score:approved": 1 - score,
            "score:denied": score,
        }
    )
    for name, values in groups.items():
        large = [value for value in values if value != "few"]
        cells = np.array(large, dtype=object)[draw.integers(0, len(large), count)]
        if "few" in values:
            cells[:3] = "few"
        table[f"group:{name}"] = cells.astype(str)
    return table.assign(base_digest=sha256_json({}), model_digest="0" * 64)


def store_run(
    workspace: Workspace,
    table: pd.DataFrame,
    groups: Mapping[str, Sequence[str]],
    *,
    name: str = "drawn",
    audits: Sequence[str] = AUDITS,
    options: Mapping[str, Any] | None = None,
    favourable: str = "approved",
    decided: bool = True,
    **settings: Any,
) -> str:
    """Store a run with these predictions, its texts, the results of ``audits`` and the decision of the baseline; returns its id.

    Deciding imports what trains models; tests that need no decision leave it out.
    """
    recipe = _recipe(name, groups, favourable, settings)
    policy = load_policy("baseline")
    frozen = {policy.policy.id: policy.digest}
    run = workspace.create_run(name=name, recipe=recipe, recipe_digest=sha256_json(recipe), policies=frozen)
    attach(workspace, run.id, "policy:baseline", policy.policy.model_dump(mode="json", exclude_none=True))
    digest = workspace.put_table(table, {"run": run.id})
    workspace.attach(run.id, "predictions", digest, PARQUET)
    texts = pd.DataFrame({"row_id": table["row_id"], "split": table["split"], "text": "text of " + table["row_id"]})
    workspace.attach(run.id, "rows", workspace.put_table(texts.assign(segments="[]")), PARQUET)
    test = sha256_bytes(",".join(table["row_id"]).encode())
    facts = {"classes": ["approved", "denied"], "positive": "denied", "favourable": favourable, "rows": len(table)}
    attach(
        workspace,
        run.id,
        "data",
        {**facts, "groups": {key: list(value) for key, value in groups.items()}, "test_digest": test},
    )
    attach(workspace, run.id, "environment", {"python": "3.11", "packages": {"torch": settings.get("torch", "2.9")}})
    attach(workspace, run.id, "training", {"threshold": {"value": 0.5, "rule": "fixed"}})
    workspace.update_run(
        run.id, predictions_digest=digest, model_digest="0" * 64, base_digest=sha256_json({}), test_digest=test
    )
    workspace.open_test_rows(run.id, test)
    task = TaskInfo(("approved", "denied"), "denied", favourable, 0.5, dict(groups), dict.fromkeys(groups, True))
    for audit in audits if groups else ("task_quality",):
        context = AuditContext(
            predictions=table, task=task, artifacts=_Nowhere(), options={"group_columns": {}, **(options or {})}
        )
        found = run_audit(load_audit(audit), context, {"predictions": digest, "model": "0" * 64})
        attach(workspace, run.id, f"audit:{audit}", found.to_json())
    for step in ("preparing", "predicting", "auditing", "deciding"):
        workspace.set_state(run.id, step)  # type: ignore[arg-type]
    if decided:
        from rai_tune.stored_run import decide

        decide(run.id, workspace, (policy,))
    workspace.set_state(run.id, "completed")
    return run.id


def _recipe(
    name: str, groups: Mapping[str, Sequence[str]], favourable: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    given = {
        "name": name,
        "purpose": "A test.",
        "data": {
            "source": {"path": "rows.csv"},
            "text": "text",
            "label": "outcome",
            "positive": "denied",
            "favourable": favourable,
            "groups": [{"column": each} for each in groups],
            "id": "id",
        },
        "model": {"base": "minilm"},
        "policies": ["baseline"],
        "seed": settings.get("seed", 1),
        "audits": settings.get("audits_spec", {}),
    }
    return Recipe.model_validate(given).model_dump(mode="json")


class _Nowhere:
    """Tables of audits that nobody reads here."""

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return sha256_bytes(f"{name} {len(table)}".encode())
