"""The YAML block at the head of a model card, in the form that the Hugging Face hub reads. Internal.

``model-index`` carries the measured numbers of the test rows with their intervals: the task's quality, then each group's rates. A number
that is undefined or not to be shown is left out. Nothing is marked as verified: that word belongs to the hub's own evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from rai_tune.reporting.documents.measured import repeatable
from rai_tune.reporting.documents.names import base_name, data_name
from rai_tune.reporting.evidence import GROUPS
from rai_tune.reporting.evidence import QUALITY as QUALITY_AUDIT
from rai_tune.reporting.text import clean, named
from rai_tune.reporting.wording import QUALITY, words_for

if TYPE_CHECKING:
    from rai_tune.core import Measurement
    from rai_tune.reporting.documents.subject import Subject

_GROUP_METRICS = frozenset(
    {"selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value", "accuracy"}
)
_TASK = "text-classification"
Json = dict[str, Any]


def front_matter(subject: Subject) -> str:
    """The block with its two lines of dashes."""
    return f"---\n{yaml.safe_dump(metadata(subject), sort_keys=False, allow_unicode=True, width=1000)}---\n"


def metadata(subject: Subject) -> Json:
    """The fields of the block, in the order in which they are written."""
    overall = _overall(subject)
    results = [_result(subject, overall), *_by_group(subject)]
    adapter = subject.recipe.model.adapter.method
    whole = adapter in {"full", "frozen"}
    return {
        "library_name": "transformers" if whole else "peft",
        "base_model": base_name(subject),
        "base_model_relation": "finetune" if whole else "adapter",
        "pipeline_tag": _TASK,
        "tags": [_TASK, "rai-tune", *([] if whole else [clean(adapter)])],
        "metrics": list(dict.fromkeys(item.metric for item in overall)),
        "model-index": [{"name": clean(subject.recipe.name), "results": [each for each in results if each["metrics"]]}],
    }


def _overall(subject: Subject) -> list[Measurement]:
    return [
        item
        for item in repeatable(subject)
        if item.audit == QUALITY_AUDIT and item.attribute is None and item.split == "test"
    ]


def _by_group(subject: Subject) -> list[Json]:
    found: dict[tuple[str, str], list[Measurement]] = {}
    for item in repeatable(subject):
        rate = item.audit == GROUPS and item.metric in _GROUP_METRICS and item.split == "test" and not item.reference
        if rate and item.attribute is not None and item.group is not None:
            found.setdefault((item.attribute, item.group), []).append(item)
    return [_result(subject, items, {named(attribute): named(group)}) for (attribute, group), items in found.items()]


def _result(subject: Subject, items: list[Measurement], group: dict[str, str] | None = None) -> Json:
    revision = subject.digest("data_digest")
    dataset: Json = {"type": data_name(subject), "name": data_name(subject), "split": "test", "revision": revision}
    if group:
        dataset["args"] = group
    return {
        "task": {"type": _TASK, "name": _TASK.replace("-", " ")},
        "dataset": dataset,
        "metrics": [_metric(item) for item in items],
    }


def _metric(item: Measurement) -> Json:
    name = words_for(item.metric, QUALITY).name
    told: Json = {"n": item.n, "confidence": item.confidence, "low": item.low, "high": item.high, "method": item.method}
    if item.label is not None:
        told["label"] = named(item.label)
        name = f"{name}, {named(item.label)}"
    kept = {key: value for key, value in told.items() if value not in {"unbounded", "not_estimable", "not_applicable"}}
    return {"type": item.metric, "name": name, "value": item.value, "args": kept}
