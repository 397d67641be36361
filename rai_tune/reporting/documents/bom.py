"""The model's bill of materials: CycloneDX 1.6 JSON with a model card. Stable API: ``ml_bom``.

Components are the model (every file with its SHA-256), the base model it was tuned from, the data set (digests, never rows) and the
packages of the environment that trained it. The same run gives the same bytes: the serial number is a UUIDv5 of the model's digest,
the time is the run's own, and every list is sorted. The ledger's head is not in it, for that moves on while the run stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from rai_tune.reporting.documents.bom_card import model_card
from rai_tune.reporting.documents.names import base_name, data_name
from rai_tune.reporting.documents.subject import subject_of
from rai_tune.reporting.text import clean, sentence

if TYPE_CHECKING:
    from rai_tune.reporting.documents.subject import Subject
    from rai_tune.reporting.inputs import ReportInputs

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
Json = dict[str, Any]


def ml_bom(inputs: ReportInputs) -> bytes:
    """The bill of materials as JSON in UTF-8. Raises ``UsageError`` when the run has no trained model."""
    subject = subject_of(inputs, "ML-BOM")
    model, base, data = _model(subject), _base(subject), _data(subject)
    libraries = _libraries(inputs.environment)
    body = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, 'urn:rai-tune:model:' + subject.digest('model_digest'))}",
        "version": 1,
        "metadata": {
            **_timestamp(inputs.run),
            "tools": {"components": [_tool(inputs.environment)]},
            "component": model,
            "properties": _properties(
                {
                    "run": subject.run_id,
                    "recipe_digest": subject.digest("recipe_digest"),
                    "evidence_digest": subject.view.evidence_digest,
                    "statement": clean(inputs.statement, 140),
                }
            ),
        },
        "components": [base, data, *libraries],
        "dependencies": _dependencies(model, base, data, libraries),
    }
    return (json.dumps(body, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _model(subject: Subject) -> Json:
    training = subject.real.training
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{subject.digest('model_digest')}",
        "name": clean(subject.recipe.name),
        "version": subject.digest("model_digest")[:12],
        "description": sentence(subject.recipe.purpose),
        "pedigree": {
            "ancestors": [_ancestor(subject)],
            "notes": f"Trained on top of the base model: {_fact(subject, 'Trained on top')}.",
        },
        "components": _files(training.get("files"), "model"),
        "modelCard": model_card(subject, data_ref=_data_ref(subject)),
        "properties": _properties(
            {
                "model_digest": subject.digest("model_digest"),
                "model_digest_of": "the list of the model's files with the SHA-256 of each",
            }
        ),
    }


def _base(subject: Subject) -> Json:
    found = subject.real.training.get("base")
    base = found if isinstance(found, Mapping) else {}
    return {
        **_ancestor(subject),
        "bom-ref": _base_ref(subject),
        "components": _files(base.get("files"), "base"),
        "properties": _properties(
            {
                "base_digest": subject.digest("base_digest"),
                "base_digest_of": "the list of the base model's files with the SHA-256 of each",
            }
        ),
    }


def _ancestor(subject: Subject) -> Json:
    found = subject.real.training.get("base")
    base = found if isinstance(found, Mapping) else {}
    revision = base.get("revision")
    return {
        "type": "machine-learning-model",
        "name": base_name(subject),
        "version": clean(revision) if revision else subject.digest("base_digest")[:12] or "not recorded",
    }


def _data(subject: Subject) -> Json:
    data = subject.real.data
    name = data_name(subject)
    kept = _properties(
        {
            "rows": data.get("rows"),
            "data_digest": subject.digest("data_digest"),
            "source_digest": data.get("source_digest"),
            "test_digest": data.get("test_digest"),
            **_split_rows(data.get("splits")),
        }
    )
    return {
        "type": "data",
        "bom-ref": _data_ref(subject),
        "name": name,
        "version": subject.digest("data_digest")[:12] or "not recorded",
        "description": "Rows as the run read them; the hash is of their canonical form, not of a file.",
        **_hashes(subject.digest("data_digest")),
        "data": [{"type": "dataset", "name": name, "contents": {"properties": kept}}],
    }


def _split_rows(splits: object) -> dict[str, object]:
    if not isinstance(splits, Mapping):
        return {}
    return {f"rows_{name}": each.get("rows") for name, each in splits.items() if isinstance(each, Mapping)}


def _files(found: object, owner: str) -> list[Json]:
    if not isinstance(found, Mapping):
        return []
    return [
        {
            "type": "file",
            "bom-ref": f"{owner}/{clean(name, 200)}:{found[name]}",
            "name": clean(name, 200),
            **_hashes(str(found[name])),
        }
        for name in sorted(found, key=str)
    ]


def _libraries(environment: Mapping[str, Any]) -> list[Json]:
    packages = environment.get("packages")
    if not isinstance(packages, Mapping):
        return []
    named = {_normalised(str(name)): clean(packages[name]) for name in sorted(packages, key=str)}
    return [
        {
            "type": "library",
            "bom-ref": purl(name, version),
            "name": name,
            "version": version,
            "purl": purl(name, version),
        }
        for name, version in sorted(named.items())
    ]


def purl(name: str, version: str) -> str:
    """Package URL of a Python package; the purl specification has the name in lower case with hyphens."""
    return f"pkg:pypi/{quote(name, safe='.-_~')}@{quote(version, safe='.-_~')}"


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", clean(name)).lower()


def _dependencies(model: Json, base: Json, data: Json, libraries: list[Json]) -> list[Json]:
    needs = sorted([base["bom-ref"], data["bom-ref"], *(each["bom-ref"] for each in libraries)])
    rest = [{"ref": each["bom-ref"]} for each in (base, data, *libraries)]
    return [{"ref": model["bom-ref"], "dependsOn": needs}, *sorted(rest, key=lambda each: str(each["ref"]))]


def _base_ref(subject: Subject) -> str:
    return f"base:{subject.digest('base_digest') or base_name(subject)}"


def _data_ref(subject: Subject) -> str:
    return f"data:{subject.digest('data_digest') or data_name(subject)}"


def _hashes(digest: str) -> Json:
    return {"hashes": [{"alg": "SHA-256", "content": digest}]} if _SHA256.fullmatch(digest) else {}


def _properties(values: Mapping[str, object]) -> list[Json]:
    """Named texts; what is not recorded is left out."""
    kept = {key: value for key, value in values.items() if value is not None and value != ""}
    return [{"name": f"rai-tune:{clean(key)}", "value": clean(kept[key], 200)} for key in sorted(kept)]


def _timestamp(run: Mapping[str, Any]) -> Json:
    """When the run began, never the present; nothing where that is not recorded."""
    try:
        found = datetime.fromisoformat(str(run.get("created_at", "")))
    except ValueError:
        return {}
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return {"timestamp": aware.astimezone(UTC).isoformat().replace("+00:00", "Z")}


def _fact(subject: Subject, name: str) -> str:
    return next((fact.text for fact in subject.view.system if fact.name == name), "not recorded")


def _tool(environment: Mapping[str, Any]) -> Json:
    """The tool that made the evidence, in the version that the run recorded: a later version writes the same bytes."""
    packages = environment.get("packages")
    version = packages.get("rai-tune") if isinstance(packages, Mapping) else None
    return {"type": "application", "name": "rai-tune", **({"version": clean(version)} if version else {})}
