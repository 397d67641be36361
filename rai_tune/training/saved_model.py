"""The saved model: every file that shapes a decision in one folder, named by one digest.

``decision.json`` holds what turns a row into a decision (template, label map, threshold); ``base.json`` binds an
adapter to the bytes of its base. The model digest is the digest of the manifest of all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rai_tune.core import IntegrityError, UsageError, canonical_json, sha256_json
from rai_tune.tasks import load_task
from rai_tune.training.adapters import quiet_peft
from rai_tune.training.base_model import base_at, find_base
from rai_tune.training.checkpoints import file_manifest
from rai_tune.training.postprocessing import PostProcessing, read_postprocessing
from rai_tune.training.tokens import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rai_tune.training.base_model import BaseModel

DECISION_FILE = "decision.json"
BASE_FILE = "base.json"
_LATER = frozenset({"head", "layers"})


@dataclass(frozen=True)
class DecisionFacts:
    """What turns a row into a decision, beside the weights."""

    task: str
    classes: tuple[str, ...]
    positive: str | None
    favourable: str | None
    threshold: float | None
    threshold_rule: str
    text: str | None
    template: str | None
    columns: tuple[str, ...]
    max_tokens: int
    adapter: bool
    head: str | None = None
    """``linear`` or ``mixture`` where the head was fitted on embeddings (see ``rai_tune.tasks.pooled``); None for a transformers classifier."""
    layers: int | None = None
    """Encoder layers that were kept, counted from the first; None for all of them."""


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to score texts."""

    model: Any
    tokenizer: Any
    facts: DecisionFacts
    digest: str
    post: PostProcessing | None = None
    """How scores become decisions by group, where the model has such rules."""


def save_model(
    model: Any,
    tokenizer: Any,
    facts: DecisionFacts,
    base: BaseModel,
    folder: Path,
    post: PostProcessing | None = None,
) -> dict[str, str]:
    """Write the model to ``folder`` as safetensors and JSON; return its manifest (file to SHA-256)."""
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder), safe_serialization=True) if facts.adapter else model.save_pretrained(str(folder))
    _drop_local_paths(folder, base)
    tokenizer.save_pretrained(str(folder))
    (folder / DECISION_FILE).write_bytes(canonical_json({"schema": "rai-tune/decision-facts/v1", **_plain(facts)}))
    (folder / BASE_FILE).write_bytes(
        canonical_json(
            {
                "schema": "rai-tune/base/v1",
                "name": base.name,
                "revision": base.revision,
                "digest": base.digest,
                "files": base.files,
            }
        )
    )
    if post is not None:
        post.save(folder)
    return file_manifest(folder)


def manifest_digest(manifest: dict[str, str]) -> str:
    """Digest that stands for the whole model."""
    return sha256_json(manifest)


def load_saved(
    folder: Path, expected: dict[str, str], base_dir: Path, *, base_folder: Path | None = None
) -> LoadedModel:
    """Load a saved model after re-hashing every file, its base's too. Raises ``IntegrityError`` on any difference.

    The base is found by its name as from ``base_dir``, or it lies in ``base_folder``.
    """
    found = file_manifest(folder)
    if found != expected:
        changed = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise IntegrityError(f"the saved model is not the one that was recorded: {changed[0]} differs")
    facts = _read_facts(folder)
    model = _load_adapter(folder, facts, base_dir, base_folder) if facts.adapter else _load_full(folder, facts)
    model.eval()
    return LoadedModel(model, load_tokenizer(str(folder)), facts, manifest_digest(found), read_postprocessing(folder))


def merge_adapter(loaded: LoadedModel, folder: Path) -> Path:
    """Write a plain transformers model with the adapter folded into the base's weights, and its thresholds by group beside it where it has some.

    Raises ``UsageError`` for a model with a fitted head: no class of transformers holds one.
    """
    if loaded.facts.head is not None:
        raise UsageError(
            f"this model has a {loaded.facts.head} head on the mean of its encoder's last hidden states, which no transformers class holds, so it "
            "cannot be written as one; use the run's own model folder, or 'raitune predict'"
        )
    merged = loaded.model.merge_and_unload() if loaded.facts.adapter else loaded.model
    folder.mkdir(parents=True, exist_ok=True)
    merged.save_pretrained(str(folder))
    loaded.tokenizer.save_pretrained(str(folder))
    if loaded.post is not None:
        loaded.post.save(folder)
    return folder


def recorded_base(recorded: Mapping[str, Any], base_dir: Path, base_folder: Path | None = None) -> BaseModel:
    """The base that a saved model names in its ``base.json``, found and hashed. ``IntegrityError`` when it has other bytes now."""
    name, revision = recorded["name"], recorded["revision"]
    base = base_at(base_folder, name, revision) if base_folder else find_base(name, revision, base_dir)
    if base.digest != recorded["digest"]:
        raise IntegrityError(
            f"base model {base.name!r} at {base.path} is not the one this adapter was trained on "
            f"(digest {base.digest[:12]}, recorded {recorded['digest'][:12]})"
        )
    return base


def _load_adapter(folder: Path, facts: DecisionFacts, base_dir: Path, base_folder: Path | None) -> Any:
    from peft import PeftModel

    recorded = json.loads((folder / BASE_FILE).read_text(encoding="utf-8"))
    base = recorded_base(recorded, base_dir, base_folder)
    model = load_task(facts.task).load_base(str(base.path), facts.classes, facts.layers)
    with quiet_peft():
        return PeftModel.from_pretrained(model, str(folder), use_safetensors=True)


def _load_full(folder: Path, facts: DecisionFacts) -> Any:
    if facts.head is not None:
        from rai_tune.tasks.pooled import load_pooled

        model = load_pooled(folder)
        if model.kind != facts.head or model.classes != len(facts.classes):
            raise UsageError(f"{folder}: its head is not the one that {DECISION_FILE} names")
        return model
    return load_task(facts.task).load_base(str(folder), facts.classes)


def _read_facts(folder: Path) -> DecisionFacts:
    body = json.loads((folder / DECISION_FILE).read_text(encoding="utf-8"))
    body.pop("schema")
    return DecisionFacts(**{**body, "classes": tuple(body["classes"]), "columns": tuple(body["columns"])})


def _plain(facts: DecisionFacts) -> dict[str, Any]:
    """As JSON; a field that is later than the first models is left out where it says nothing, so that their digests stay."""
    body = {**vars(facts), "classes": list(facts.classes), "columns": list(facts.columns)}
    return {name: value for name, value in body.items() if name not in _LATER or value is not None}


def _drop_local_paths(folder: Path, base: BaseModel) -> None:
    """Name the base by its recipe name: a path of the training machine in the files would make the digest differ."""
    for name in ("adapter_config.json", "config.json"):
        file = folder / name
        if file.is_file():
            body = json.loads(file.read_text(encoding="utf-8"))
            for key in ("base_model_name_or_path", "_name_or_path"):
                if key in body:
                    body[key] = base.name
            if isinstance(body.get("target_modules"), list):
                # peft holds them as a set, whose order is another in each process.
                body["target_modules"] = sorted(body["target_modules"])
            file.write_text(json.dumps(body, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    readme = folder / "README.md"
    readme.unlink(missing_ok=True)
