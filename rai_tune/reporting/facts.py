"""The parts of the view that are not measurements: system, training, environment, digests, audits, method notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rai_tune.core import sha256_json
from rai_tune.reporting.few_shot import few_shot_facts
from rai_tune.reporting.model import Fact, HistoryRow
from rai_tune.reporting.text import clean, sentence
from rai_tune.reporting.wording import METHODS

if TYPE_CHECKING:
    from rai_tune.core import AuditResult
    from rai_tune.recipe.schema import Recipe

_DIGESTS = {
    "recipe_digest": "Recipe",
    "data_digest": "Data",
    "base_digest": "Base model",
    "model_digest": "Tuned model",
    "predictions_digest": "Predictions",
}
RULES = {
    "fixed": "fixed in the recipe",
    "match_base_rate": "chosen on validation rows to match the base rate",
    "max_f1": "chosen on validation rows for the highest F1",
    "max_youden": "chosen on validation rows for the highest Youden J",
    "max_accuracy": "chosen on validation rows for the highest accuracy",
}
MAX_HISTORY = 14


def system_facts(recipe: Recipe, training: Mapping[str, Any]) -> tuple[Fact, ...]:
    """What was built: task, base model, adapter, threshold."""
    base = training.get("base")
    name = base.get("name") if isinstance(base, Mapping) else None
    adapter = recipe.model.adapter
    method = (
        f"LoRA, rank {adapter.rank}, alpha {adapter.alpha:g}" if adapter.method == "lora" else clean(adapter.method)
    )
    facts = [
        Fact("Task", clean(recipe.task).replace("_", " ")),
        Fact("Base model", clean(name or recipe.model.base)),
        Fact("Trained on top", method),
        Fact("Longest text", f"{recipe.model.max_tokens:,} tokens"),
        Fact("Decision threshold", threshold_text(training)),
        Fact("Policies", ", ".join(clean(policy) for policy in recipe.policies)),
        Fact("Seed", str(recipe.seed)),
    ]
    return tuple(facts)


def threshold_text(training: Mapping[str, Any]) -> str:
    """The threshold, who chose it and on what; where the model decides by group, the cutoffs of each."""
    by_group = _by_group(training)
    if by_group is not None:
        cuts = "; ".join(f"{clean(group)}: {_cut(rule)}" for group, rule in by_group.get("rules", {}).items())
        return f"by group of {clean(' & '.join(by_group.get('attributes', [])))}: {cuts}; other groups and people of unknown group: {_one_threshold(training)}"
    return _one_threshold(training)


def _by_group(training: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was saved with the model about cutoffs by group, None where it has one threshold."""
    mitigation = training.get("mitigation")
    found = mitigation.get("postprocessing") if isinstance(mitigation, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _cut(rule: Mapping[str, Any]) -> str:
    """A group's cutoff, or those among which its decisions are drawn; below 0 is everybody, above 1 nobody."""
    cutoffs, chances = rule.get("cutoffs", []), rule.get("chances", [])
    if len(cutoffs) == 1:
        return _cutoff(cutoffs[0])
    return "drawn, " + ", ".join(
        f"{_cutoff(cut)} in {100 * chance:.3g} %" for cut, chance in zip(cutoffs, chances, strict=True)
    )


def _cutoff(value: float) -> str:
    return "always" if value < 0 else "never" if value > 1 else f"{value:.4g}"


def _one_threshold(training: Mapping[str, Any]) -> str:
    found = training.get("threshold")
    if not isinstance(found, Mapping) or not _is_number(found.get("value")):
        return "none recorded"
    rule = str(found.get("rule", ""))
    detail = f" ({sentence(found['detail'])})" if found.get("detail") else ""
    return f"{found['value']:.4g}, {RULES.get(rule, clean(rule))}{detail}"


def training_facts(recipe: Recipe, training: Mapping[str, Any]) -> tuple[Fact, ...]:
    """How the model learned; empty when training left no record."""
    if not training:
        return ()
    spec = recipe.training
    facts = [
        Fact("Device", _joined(training.get("device"), training.get("precision"))),
        Fact("Threads", _count(training.get("threads"))),
        *_steps(recipe, training),
        Fact("Class weights", spec.class_weights if isinstance(spec.class_weights, str) else "given in the recipe"),
        Fact("Duration", _duration(training.get("duration_s"))),
        Fact("Real tokens a second", _count(training.get("tokens_per_second"))),
    ]
    parameters = training.get("parameters")
    if isinstance(parameters, Mapping):
        trained, total = parameters.get("trained"), parameters.get("total")
        facts.append(Fact("Parameters trained", f"{_count(trained)} of {_count(total)}"))
    return tuple(facts)


def _steps(recipe: Recipe, training: Mapping[str, Any]) -> Iterator[Fact]:
    """How the weights were found: by a fitted head, or by steps of the Trainer."""
    spec = recipe.training
    if training.get("head"):
        yield Fact("Head", f"{clean(str(training['head']))}, fitted on the mean of the encoder's last hidden states")
        yield from few_shot_facts(training)
        return
    yield Fact("Epochs done", _number(training.get("epochs_done")) + f" of {spec.epochs}")
    yield Fact("Best step", _count(training.get("best_step")))
    yield Fact("Stopped early", "yes" if training.get("stopped_early") else "no")
    yield Fact("Batch size", f"{spec.batch_size}, {spec.accumulate} a step")
    yield Fact("Learning rate", f"{spec.learning_rate:g}, {spec.schedule}")


def history_rows(training: Mapping[str, Any]) -> tuple[HistoryRow, ...]:
    """Evaluations during training, the last 14. A loss that is not finite is shown in words."""
    history = training.get("history")
    if not isinstance(history, Sequence) or isinstance(history, str):
        return ()
    entries = [entry for entry in history if isinstance(entry, Mapping)]
    evaluated = [entry for entry in entries if "eval_loss" in entry] or entries
    best = training.get("best_step")
    losses = {entry.get("step"): entry["loss"] for entry in entries if "loss" in entry}
    return tuple(
        HistoryRow(
            step=_count(entry.get("step")),
            epoch=_number(entry.get("epoch")),
            loss=_number(entry.get("loss", losses.get(entry.get("step"))), 4),
            eval_loss=_number(entry.get("eval_loss"), 4),
            eval_roc_auc=_number(entry.get("eval_roc_auc"), 4),
            best=best is not None and entry.get("step") == best,
        )
        for entry in evaluated[-MAX_HISTORY:]
    )


def environment_facts(environment: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Python, platform, processor, threads."""
    names = {"python": "Python", "platform": "Platform", "cpu": "Processor", "threads": "Threads"}
    return tuple(Fact(name, sentence(environment[key])) for key, name in names.items() if key in environment)


def package_facts(environment: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Package versions, by name."""
    packages = environment.get("packages")
    if not isinstance(packages, Mapping):
        return ()
    return tuple(Fact(clean(name), clean(packages[name])) for name in sorted(packages, key=str))


def digest_facts(
    run: Mapping[str, Any], training: Mapping[str, Any], data: Mapping[str, Any], results: Sequence[AuditResult]
) -> tuple[Fact, ...]:
    """SHA-256 of everything that the evidence is bound to."""
    facts = [Fact(name, clean(run[key], 140)) for key, name in _DIGESTS.items() if run.get(key)]
    if data.get("source_digest"):
        facts.append(Fact("Source of the data", clean(data["source_digest"], 140)))
    files = training.get("files")
    if isinstance(files, Mapping):
        facts += [Fact(f"File {clean(path)}", clean(files[path], 140)) for path in sorted(files, key=str)]
    facts += [Fact(f"Audit {clean(result.audit)}", sha256_json(result.to_json())) for result in results]
    return tuple(facts)


def audit_facts(results: Sequence[AuditResult]) -> tuple[Fact, ...]:
    """Which audits ran, with what outcome."""
    return tuple(
        Fact(
            clean(result.audit).replace("_", " "),
            f"{len(result.measurements):,} measurements in {_duration(result.duration_s)}"
            if result.status == "ok"
            else f"stopped with an error: {sentence(result.reason or 'no reason recorded')}",
        )
        for result in results
    )


def method_notes(recipe: Recipe, training: Mapping[str, Any]) -> tuple[Fact, ...]:
    """How to read the numbers, in plain words, filled in with this run's settings."""
    audits = recipe.audits
    found = training.get("threshold")
    recorded = isinstance(found, Mapping) and _is_number(found.get("value"))
    k = audits.suppress_below
    values = {
        "confidence": f"{100 * audits.confidence:g} %",
        "positive": clean(recipe.data.positive or "positive"),
        "favourable": clean(recipe.data.favourable or "favourable"),
        "threshold": f"{found['value']:.4g}" if recorded and isinstance(found, Mapping) else "",
        "rule": RULES.get(str(found.get("rule")), "") if isinstance(found, Mapping) else "",
        "suppression": f"Cells about fewer than {k} people are suppressed here and in exports, and with them cells from which such a number could be "
        "worked out; the gate read them all."
        if k > 1
        else "No cell is suppressed: the recipe turned that off.",
    }
    by_group = _by_group(training)
    values["cutoffs"] = threshold_text(training) if by_group is not None else ""
    left_out = {"threshold"} if not recorded or by_group is not None else set()
    left_out |= {"cutoffs"} if by_group is None else set()
    if not recipe.data.groups:
        left_out |= {"pairs", "spread"}
    return tuple(
        Fact(words.name, _fill(words.meaning, values)) for key, words in METHODS.items() if key not in left_out
    )


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Put values into a sentence in one pass, so that a brace inside a value is never read again."""
    return text.format(**values)


def _joined(*parts: object) -> str:
    return ", ".join(clean(part) for part in parts if part is not None) or "not recorded"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "not recorded"


def _number(value: object, places: int = 2) -> str:
    if isinstance(value, str):
        return clean(value)
    if not isinstance(value, int | float):
        return "–"
    return f"{value:.{places}f}".rstrip("0").rstrip(".") if places <= 2 else f"{value:.{places}f}"


def _duration(value: object) -> str:
    if not isinstance(value, int | float):
        return "not recorded"
    return f"{value:.1f} s" if value < 120 else f"{value / 60:.1f} min"
