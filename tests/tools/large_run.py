"""A completed run as large as a run may be, written in the store's own format without training anything.

Predictions and texts are drawn; quality and group rates are measured on them by the audits themselves, and what explanations are measured by is
computed from the drawn attributions. Needs nothing but the package, so benchmarks and tests load it by path. Stable: ``large_run``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rai_audits.core import AuditContext, AuditResult, Measurement, TaskInfo, load_audit, run_audit
from rai_audits.explain.documents import attribution_table, document_table
from rai_audits.explain.folding import FIXED_TEXT, SPECIAL_TOKENS
from rai_audits.explain.identity.measures import mean
from rai_audits.fairness.describe import Describer
from rai_audits.stats.rates import wilson
from rai_tune.core import canonical_json, sha256_bytes, sha256_json
from rai_tune.gate import load_policy
from rai_tune.recipe import Recipe
from rai_tune.stored_run import JSON, PARQUET, attach, decide

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rai_tune.workspace import Workspace

THRESHOLD = 0.5
GROUPS = {"region": ("east", "north", "south", "west"), "age": ("under 40", "40 or more")}
COLUMNS = ("region", "income", "debt", "record", "years", "remark")
LEVELS = ("very low", "low", "fair", "high", "very high")
POOL = 2_000
"""Different fillings of the template; what follows them tells rows apart."""
_FILE, _FILE_DIGITS = "file ", 7
TARGET = "logit(denied) - logit(approved)"
_VERDICT = "Explanations by integrated_gradients passed every check on {n:,} documents."
_CHECKS = {
    "completeness": ("completeness_recheck_failed_share", 0.004, "The attributions of few documents do not sum."),
    "comprehensiveness": ("comprehensiveness_reached", 0.94, "Deleting the named words lowers the probability."),
    "sufficiency": ("sufficiency_reached", 0.97, "Keeping nothing but the named words holds the probability."),
    "randomisation": ("randomisation_similarity", 0.03, "With all weights random, words are ranked otherwise."),
    "harmless_edits": ("edit_similarity", 0.96, "After harmless edits attributions are alike."),
    "agreement": ("method_agreement_rank", 0.61, "The words' ranks correlate with those of occlusion."),
}


def large_run(
    workspace: Workspace,
    predictions: int = 1_000_000,
    explained: int = 5_000,
    seed: int = 0,
    *,
    verdict: str = "trusted",
    audits: Sequence[str] = ("group_rates", "task_quality"),
) -> str:
    """Store a completed run with that many predictions, of which half are test rows, and explained rows; returns its id.

    A million predictions take about a minute and 2 GB of memory. ``explained`` may be 0: then there is no explanation of anything. ``verdict`` is
    ``trusted`` or ``not_trusted``; ``audits`` are those that measure the predictions, none for a run that is stored in a second.
    """
    draw = np.random.default_rng(seed)
    recipe = _recipe()
    policy = load_policy("baseline")
    run = workspace.create_run(
        name=f"large, {predictions:,} predictions",
        recipe=recipe,
        recipe_digest=sha256_json(recipe),
        policies={policy.policy.id: policy.digest},
    )
    attach(workspace, run.id, "context", {"base_dir": str(workspace.root)})
    attach(workspace, run.id, "policy:baseline", policy.policy.model_dump(mode="json", exclude_none=True))
    manifest = _model(workspace, run.id)
    model = sha256_json(manifest)
    attach(workspace, run.id, "model", {"files": manifest, "digest": model})
    table, texts = _predictions(draw, predictions, model), _texts(draw)
    pick = draw.integers(0, POOL, predictions)
    _stored(workspace, run.id, "predictions", table, {"run": run.id})
    rows = pd.DataFrame({"row_id": table["row_id"], "split": table["split"]})
    for name in ("text", "segments"):
        rows[name] = texts[name].to_numpy()[pick]
    rows["text"] += table["row_id"].str.zfill(_FILE_DIGITS)  # no two rows share a text, as in real data
    _stored(workspace, run.id, "rows", rows)
    test_digest = sha256_bytes(run.id.encode())
    workspace.update_run(
        run.id,
        data_digest=sha256_bytes(b"data"),
        base_digest=sha256_json({}),
        model_digest=model,
        predictions_digest=workspace.artifacts(run.id)["predictions"].digest,
        test_digest=test_digest,
    )
    _described(workspace, run.id, table, test_digest)
    found = _measured(workspace, run.id, table, audits)
    if explained:
        found += _explained(workspace, run.id, table, rows, draw, explained, verdict)
    for result in found:
        attach(workspace, run.id, f"audit:{result.audit}", result.to_json())
    for step in ("preparing", "predicting", "auditing", "deciding"):
        workspace.set_state(run.id, step)  # type: ignore[arg-type]
    decide(run.id, workspace, (policy,))
    workspace.set_state(run.id, "completed")
    return run.id


def _recipe() -> dict[str, Any]:
    template = " ".join(f"{name} {{{{ {name} }}}}" for name in COLUMNS)
    given = {
        "name": "large",
        "purpose": "Stands for a run as large as a run may be.",
        "data": {
            "source": {"path": "rows.csv"},
            "template": template,
            "label": "outcome",
            "positive": "denied",
            "favourable": "approved",
            "groups": [{"column": name} for name in GROUPS],
            "id": "id",
        },
        "model": {"base": "minilm"},
        "policies": ["baseline"],
    }
    return Recipe.model_validate(given).model_dump(mode="json")


def _predictions(draw: np.random.Generator, count: int, model: str) -> pd.DataFrame:
    score = draw.beta(2, 3, count)
    label = draw.random(count) < 0.15 + 0.6 * score
    table = pd.DataFrame(
        {
            "row_id": np.arange(1, count + 1).astype(str),
            "split": np.array(["test", "train", "test", "validation"])[np.arange(count) % 4],
            "label": _names(label),
            "prediction": _names(score >= THRESHOLD),
            "score": score,
            "score:approved": 1 - score,
            "score:denied": score,
        }
    )
    for name, groups in GROUPS.items():
        table[f"group:{name}"] = np.array(groups)[draw.integers(0, len(groups), count)]
    return table.assign(base_digest=sha256_json({}), model_digest=model)


def _names(positive: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(positive, "denied", "approved")


def _texts(draw: np.random.Generator) -> pd.DataFrame:
    """Texts of the template with the stretches that its columns fill."""
    made = []
    for number in range(POOL):
        text = ""
        segments: list[list[Any]] = []
        for name in COLUMNS:
            filled = f"{LEVELS[draw.integers(0, len(LEVELS))]} {draw.integers(0, 100)}"
            if name == "remark":
                filled += f" note {number} about someone who called twice"
            segments += [[len(text), len(text) + len(name) + 1, None]]
            text += f"{name} "
            end = len(text) + len(filled)
            segments += [[len(text), end, name], [end, end + 1, None]]
            text += f"{filled} "
        segments.append([len(text), len(text) + len(_FILE) + _FILE_DIGITS, None])
        made.append((text + _FILE, json.dumps(segments)))
    return pd.DataFrame(made, columns=["text", "segments"])


def _model(workspace: Workspace, run_id: str) -> dict[str, str]:
    """Model files that can be hashed; nothing loads them."""
    folder: Path = workspace.run_dir(run_id) / "model"
    folder.mkdir()
    facts = {"schema": "rai-tune/decision-facts/v1", "adapter": False}
    base = {"schema": "rai-tune/base/v1", "name": "minilm", "revision": None, "files": {}}
    files = {
        "model.safetensors": b"weights",
        "config.json": b"{}",
        "decision.json": canonical_json(facts),
        "base.json": canonical_json(base),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return {name: workspace.put_file(folder / name) for name in sorted(files)}


def _stored(
    workspace: Workspace, run_id: str, name: str, table: pd.DataFrame, metadata: dict[str, str] | None = None
) -> str:
    digest = workspace.put_table(table, metadata)
    workspace.attach(run_id, name, digest, PARQUET)
    return digest


def _described(workspace: Workspace, run_id: str, table: pd.DataFrame, test_digest: str) -> None:
    splits = {
        str(name): {"rows": len(rows), "classes": {k: int(v) for k, v in rows["label"].value_counts().items()}}
        for name, rows in table.groupby("split")
    }
    data = {"schema": "rai-tune/data/v1", "origin": "drawn", "rows": len(table), "splits": splits, "notes": []}
    groups = {name: list(values) for name, values in GROUPS.items()}
    attach(workspace, run_id, "data", {**data, "groups": groups, "test_digest": test_digest})
    attach(workspace, run_id, "environment", {"python": "3.11", "packages": {}})
    attach(workspace, run_id, "training", {"threshold": {"value": THRESHOLD, "rule": "fixed"}})
    workspace.open_test_rows(run_id, test_digest)
    opened = {"test_digest": test_digest, "at": workspace.run(run_id).created_at}
    workspace.attach(run_id, "opening", workspace.put_json(opened), JSON)


def _context(table: pd.DataFrame) -> AuditContext:
    task = TaskInfo(("approved", "denied"), "denied", "approved", THRESHOLD, GROUPS, dict.fromkeys(GROUPS, True))
    return AuditContext(predictions=table, task=task, artifacts=_Nowhere(), options={"group_columns": {}})


def _inputs(workspace: Workspace, run_id: str) -> dict[str, str]:
    run = workspace.run(run_id)
    return {"predictions": str(run.predictions_digest), "model": str(run.model_digest)}


def _measured(workspace: Workspace, run_id: str, table: pd.DataFrame, audits: Sequence[str]) -> list[AuditResult]:
    return [run_audit(load_audit(name), _context(table), _inputs(workspace, run_id)) for name in audits]


def _explained(
    workspace: Workspace,
    run_id: str,
    table: pd.DataFrame,
    rows: pd.DataFrame,
    draw: np.random.Generator,
    count: int,
    verdict: str,
) -> list[AuditResult]:
    """The audits of explanations; of some rows also reasons and counterfactuals."""
    context = _context(table)
    test = table[table["split"] == "test"].iloc[:: max(1, len(table) // 2 // count)].iloc[:count]
    documents, units = explained_tables(draw, test, rows.loc[test.index])
    shared: dict[str, Any] = {"version": "1", "seed": 0, "duration_s": 1.0, "suite": "explain"}
    shared["inputs"] = _inputs(workspace, run_id)
    kept = {
        name: _stored(workspace, run_id, f"explanations:{name}", content)
        for name, content in (("documents", documents), ("attributions", units))
    }
    _stored(workspace, run_id, "minimal_counterfactuals:counterfactuals", _counterfactuals(documents))
    _stored(workspace, run_id, "adverse_action_reasons:reasons", _reasons(documents))
    leaning = tuple(_identity(context, documents, units))
    return [
        AuditResult(
            audit="explanations", artifacts=kept, **_explanations(context, documents, units, verdict), **shared
        ),
        AuditResult(audit="identity_reliance", measurements=leaning, facts={}, **shared),
        AuditResult(audit="adverse_action_reasons", measurements=(), facts={"most_reasons": 2}, **shared),
    ]


def _counterfactuals(documents: pd.DataFrame) -> pd.DataFrame:
    """What turns the decision of every second document."""
    own = documents[::2]
    after = np.where(own["prediction"] == "denied", "approved", "denied")
    told = pd.DataFrame({"row_id": own["row_id"], "kind": "columns", "size": 1, "changes": json.dumps(["debt = low"])})
    told = told.assign(before=own["prediction"], after=after, minimal=True, evaluations=34)
    return told.assign(identity_alone=pd.Series(pd.NA, index=own.index, dtype="boolean"))


def _reasons(documents: pd.DataFrame) -> pd.DataFrame:
    """Three factors of each denied document, of which one names a group."""
    own = documents.loc[documents["prediction"] == "denied", "row_id"]
    parts = [("debt", 1, 0.9, 0.7, False), ("region", 2, 0.6, 0.5, True), ("years", 3, 0.4, 0.2, False)]
    return pd.concat(
        pd.DataFrame({"row_id": own, "rank": rank, "kind": "column", "factor": name, "attribution": weight,
                      "removal_effect": effect, "confirmed": True, "identity": identity})
        for name, rank, weight, effect, identity in parts
    )  # fmt: skip


class _Nowhere:
    """Tables of audits that nobody reads here."""

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return sha256_bytes(f"{name} {len(table)}".encode())


def explained_tables(
    draw: np.random.Generator, predictions: pd.DataFrame, rows: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables ``documents`` and ``attributions`` about these rows: words, columns, and special tokens, with drawn weights.

    One in a hundred documents failed its completeness check, one in two hundred is undefined and has no units.
    """
    count = len(predictions)
    status = np.where(np.arange(count) % 100 == 7, "failed", np.where(np.arange(count) % 200 == 3, "undefined", "ok"))
    documents = pd.DataFrame(
        {
            **{name: predictions[name].to_numpy() for name in ("row_id", "label", "prediction", "score")},
            "target": TARGET,
            "output_change": np.where(status == "undefined", np.nan, draw.normal(0, 1, count)),
            "completeness_error": np.where(status == "ok", draw.random(count) / 100, np.nan),
            "method": "integrated_gradients",
            "steps": 14,
            "evaluations": 14,
            "resolved": np.nan,
            "status": status,
            "reason": np.where(status == "ok", "", "drawn to be so"),
            "tokens": 40,
            "truncated": False,
            **{f"group:{name}": predictions[f"group:{name}"].to_numpy() for name in GROUPS},
        }
    )
    empty = document_table([], list(GROUPS))
    documents = documents[list(empty.columns)].astype(empty.dtypes.to_dict())
    parts = [_units(draw, *row) for row in zip(rows["row_id"], rows["text"], rows["segments"], status, strict=True)]
    empty = attribution_table([])
    units = pd.DataFrame([unit for part in parts for unit in part], columns=empty.columns).astype(
        empty.dtypes.to_dict()
    )
    return documents, units


def _units(
    draw: np.random.Generator, row_id: str, text: str, segments: str, status: str
) -> list[tuple[str, str, int, str, int, int, float]]:
    if status == "undefined":
        return []
    made, start = [], 0
    for word in text.split(" "):
        made.append((row_id, "word", len(made), word, start, start + len(word), float(draw.normal(0, 0.3))))
        start += len(word) + 1
    names = list(dict.fromkeys(name for _, _, name in json.loads(segments)))
    made += [
        (row_id, "column", place, FIXED_TEXT if name is None else name, -1, -1, float(draw.normal(0, 0.5)))
        for place, name in enumerate(names)
    ]
    return [*made, (row_id, "special", len(made), SPECIAL_TOKENS, -1, -1, float(draw.normal(0, 0.05)))]


def _explanations(context: AuditContext, documents: pd.DataFrame, units: pd.DataFrame, outcome: str) -> dict[str, Any]:
    describe = Describer("explanations", context, weighted=False)
    shares = _column_shares(documents, units)
    measured = [
        Measurement(audit="explanations", metric=metric, estimate=value, low=value - 0.003, high=value + 0.003,
                    method="drawn", n=len(documents), split="test", bounds=())
        for metric, value, _ in _CHECKS.values()
    ]  # fmt: skip
    measured.append(_failed_share(describe, documents))
    if outcome == "trusted":
        measured += [mean(describe, "column_attribution_share", shares[name].tolist(), label=name) for name in COLUMNS]
    told = {
        name: {"outcome": "passed", "sentence": sentence, "threshold": 0.5}
        for name, (_, _, sentence) in _CHECKS.items()
    }
    verdict = {"outcome": outcome, "sentence": _VERDICT.format(n=len(documents)), "checks": told, "masking": "drawn"}
    if outcome != "trusted":
        verdict["sentence"] = "Explanations by integrated_gradients failed a check: agreement."
        told["agreement"] = {**told["agreement"], "outcome": "failed"}
    counts = documents["status"].value_counts()
    return {
        "measurements": tuple(measured),
        "facts": {
            "method": "integrated_gradients",
            "method_title": "drawn numbers",
            "target": TARGET,
            "documents": len(documents),
            "failed": int(counts.get("failed", 0)),
            "undefined": int(counts.get("undefined", 0)),
            "truncated": 0,
            "steps": {"14": len(documents)},
            "checks": verdict,
        },
    }


def _column_shares(documents: pd.DataFrame, units: pd.DataFrame) -> pd.DataFrame:
    """Share of each column in the |attribution| of all, one row a sound document."""
    sound = documents.loc[documents["status"] == "ok", "row_id"]
    own = units[(units["unit_kind"] == "column") & (units["unit"] != FIXED_TEXT) & units["row_id"].isin(sound)]
    sizes = own.assign(size=own["attribution"].abs()).pivot_table(index="row_id", columns="unit", values="size")
    return sizes.div(sizes.sum(axis=1), axis=0).fillna(0.0)


def _failed_share(describe: Describer, documents: pd.DataFrame) -> Measurement:
    failed, count = int((documents["status"] != "ok").sum()), len(documents)
    ends = wilson(failed, count, alpha=0.05)
    where: Mapping[str, Any] = {"n": count, "n_pos": failed, "n_neg": count - failed}
    return describe.number(
        "completeness_failed_share", failed / count, float(ends.low), float(ends.high), method="wilson", **where
    )


def _identity(context: AuditContext, documents: pd.DataFrame, units: pd.DataFrame) -> Sequence[Measurement]:
    describe = Describer("identity_reliance", context, weighted=False)
    shares = _column_shares(documents, units)["region"].tolist()
    changes = (np.asarray(shares) / 4).tolist()
    return [
        mean(describe, "identity_reliance", shares, attribute="region"),
        mean(describe, "swap_probability_change", changes, attribute="region"),
    ]
