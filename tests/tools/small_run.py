"""A completed run of a few hundred bytes: real store, real ledger, real gate; only the model is nothing but bytes.

Imported by path from conftest files and from worker processes, so it needs nothing but the package.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rai_tune.core import AuditResult, Bound, Measurement, canonical_json, sha256_bytes, sha256_json
from rai_tune.gate import LoadedPolicy, Policy, policy_digest
from rai_tune.promotion.keys import Signer, key_id_of
from rai_tune.promotion.ledger import Ledger
from rai_tune.promotion.people import register

if TYPE_CHECKING:
    from pathlib import Path

    from rai_tune.workspace import Workspace

JSON, PARQUET = "application/json", "application/vnd.apache.parquet"
LIMIT = {"value": 0.8, "origin": "organisation", "source": "set for a test"}


def bound_control(control_id: str = "T-1", **fields: Any) -> dict[str, Any]:
    """A blocking control on the overall accuracy."""
    return {
        "id": control_id,
        "reference": "1",
        "title": "Accurate enough",
        "asks": "The model is right often enough.",
        "mode": "automated",
        "severity": "block",
        "check": {
            "kind": "bound",
            "audit": "task_quality",
            "metric": "accuracy",
            "over": "overall",
            "direction": "at_least",
            "threshold": LIMIT,
        },
        **fields,
    }


def attested_control(control_id: str = "T-2", **fields: Any) -> dict[str, Any]:
    """A blocking control that a person decides."""
    return {
        "id": control_id,
        "reference": "2",
        "title": "Oversight",
        "asks": "A person can stop the system.",
        "mode": "attestation",
        "severity": "block",
        **fields,
    }


def trial_policy(*controls: dict[str, Any], **fields: Any) -> LoadedPolicy:
    """A small pack; without controls it holds one on accuracy."""
    from pathlib import Path

    body = {
        "id": "trial",
        "version": "1.0.0",
        "title": "Trial",
        "issuer": "A test",
        "summary": "For tests.",
        "status": "organisation",
        "verified_on": "2026-11-25",
        "sources": ["a test"],
        **fields,
        "controls": list(controls) or [bound_control()],
    }
    policy = Policy.model_validate(body)
    return LoadedPolicy(policy, policy_digest(policy), Path("trial.yaml"))


def accuracy(estimate: float = 0.9, lower: float | str = 0.85, upper: float | str = 0.95, **fields: Any) -> Measurement:
    """The measurement that ``bound_control`` reads."""
    bounds = [
        Bound.model_validate(
            {"side": side, "alpha": 0.05, "value": value, "method": "by hand", "correction": "none", "family": 1}
        )
        for side, value in (("lower", lower), ("upper", upper))
    ]
    filled = {"low": lower, "high": upper, "method": "by hand", "n": 500, "split": "test", "status": "ok", **fields}
    return Measurement(audit="task_quality", metric="accuracy", estimate=estimate, bounds=tuple(bounds), **filled)


@dataclass(frozen=True)
class SmallRun:
    """Ids and digests of a stored run."""

    id: str
    model_digest: str
    predictions_digest: str
    policies: tuple[LoadedPolicy, ...]


def complete_run(
    workspace: Workspace,
    *policies: LoadedPolicy,
    name: str = "small",
    weights: bytes = b"weights",
    measurements: tuple[Measurement, ...] | None = None,
    results: tuple[AuditResult, ...] | None = None,
    context: dict[str, Any] | None = None,
    test: bytes = b"test rows",
    state: str = "completed",
    system: dict[str, Any] | None = None,
    recipe: dict[str, Any] | None = None,
    parent: str | None = None,
) -> SmallRun:
    """Store a run as the pipeline would: model files, predictions, packs, audits, in state ``completed``.

    ``recipe`` stands in for the few fields that the door reads of one; ``whole_recipe`` is one that a report can read.
    """
    packs = policies or (trial_policy(),)
    run = workspace.create_run(
        name=name,
        recipe=recipe
        or {
            "name": name,
            "data": {"source": {"path": "rows.csv"}, "text": "text", "label": "label"},
            "policies": [pack.policy.id for pack in packs],
            "audits": {"suppress_below": 5},
            **({"system": system} if system else {}),
        },
        recipe_digest=sha256_json({"name": name}),
        policies={pack.policy.id: pack.digest for pack in packs},
        parent=parent,
    )
    attach(workspace, run.id, "context", {"base_dir": str(workspace.root), **(context or {})})
    for pack in packs:
        attach(workspace, run.id, f"policy:{pack.policy.id}", pack.policy.model_dump(mode="json", exclude_none=True))
    attach(workspace, run.id, "data", {"groups": {}, "rows": 500})
    attach(workspace, run.id, "environment", {"python": "3.11"})
    attach(workspace, run.id, "training", {"threshold": {"value": 0.5}})
    manifest = _model(workspace, run.id, weights)
    digest = sha256_json(manifest)
    attach(workspace, run.id, "model", {"files": manifest, "digest": digest})
    table = pd.DataFrame({"row_id": ["a", "b"], "score": [0.1, 0.9], "text": ["first row", "second row"]})
    predictions = workspace.put_table(table, {"run": run.id})
    workspace.attach(run.id, "predictions", predictions, PARQUET)
    workspace.update_run(
        run.id,
        data_digest=sha256_bytes(b"data"),
        base_digest=sha256_json({}),
        model_digest=digest,
        predictions_digest=predictions,
        test_digest=sha256_bytes(test),
    )
    _opened_just_now(workspace, run.id, sha256_bytes(test))
    workspace.open_test_rows(run.id, sha256_bytes(test))
    if results is None:
        found = (accuracy(),) if measurements is None else measurements
        results = (audit_result(predictions, digest, *found),)
    for result in results:
        attach(workspace, run.id, f"audit:{result.audit}", result.to_json())
    for step in ("preparing", "predicting", "auditing", "deciding", "completed"):
        workspace.set_state(run.id, step)  # type: ignore[arg-type]
        if step == state:
            break
    return SmallRun(run.id, digest, predictions, packs)


def whole_recipe(name: str, *policies: str) -> dict[str, Any]:
    """A recipe as the pipeline resolves one, for a run whose model is nothing but bytes."""
    from rai_tune.recipe import Recipe

    data = {
        "source": {"path": "rows.csv"},
        "text": "text",
        "label": "label",
        "positive": "denied",
        "favourable": "approved",
    }
    given = {
        "name": name,
        "purpose": "A run for tests.",
        "data": data,
        "model": {"base": "minilm"},
        "policies": list(policies),
    }
    return Recipe.model_validate(given).model_dump(mode="json")


def audit_result(predictions: str, model: str, *measurements: Measurement, **fields: Any) -> AuditResult:
    """A result of ``task_quality`` on these predictions."""
    filled = {
        "audit": "task_quality",
        "suite": "quality",
        "version": "1",
        "inputs": {"predictions": predictions, "model": model},
        "seed": 0,
        "duration_s": 0.5,
        **fields,
    }
    return AuditResult(measurements=measurements, **filled)


def attach(workspace: Workspace, run_id: str, name: str, value: Any) -> None:
    """Store a JSON value under a name of the run."""
    workspace.attach(run_id, name, workspace.put_json(value), JSON)


def _opened_just_now(workspace: Workspace, run_id: str, test: str) -> None:
    from datetime import UTC, datetime

    attach(
        workspace, run_id, "opening", {"test_digest": test, "at": datetime.now(UTC).isoformat(timespec="microseconds")}
    )


def _model(workspace: Workspace, run_id: str, weights: bytes) -> dict[str, str]:
    """Model files that the door can hash and serve; nothing loads them."""
    folder: Path = workspace.run_dir(run_id) / "model"
    folder.mkdir()
    files = {
        "model.safetensors": weights,
        "config.json": b"{}",
        "decision.json": canonical_json({"schema": "rai-tune/decision-facts/v1", "adapter": False}),
        "base.json": canonical_json({"schema": "rai-tune/base/v1", "name": "tiny", "revision": None, "files": {}}),
    }
    manifest = {}
    for name, data in files.items():
        (folder / name).write_bytes(data)
        manifest[name] = workspace.put_file(folder / name)
    return dict(sorted(manifest.items()))


def person(workspace: Workspace, name: str, *roles: str) -> Signer:
    """A person with a registered key of their own."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    found = register(Ledger(workspace), name, roles, private.public_key())
    return Signer(found.person, found.roles, key_id_of(private.public_key()), private)


def canonical(value: Any) -> str:
    """Canonical JSON text."""
    return canonical_json(json.loads(json.dumps(value))).decode()
