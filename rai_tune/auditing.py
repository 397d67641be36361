"""The audits of a run: what each may read, run in order, every result stored. Used by the pipeline and by re-audits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rai_audits.core import AuditContext, BaseDecisions, GroupCutoffs, load_audit, run_audit
from rai_tune.core import TaskInfo
from rai_tune.data.groups import CROSS
from rai_tune.data.rationales import read_rationales
from rai_tune.data.rerender import column_renderer, rerenderer
from rai_tune.planning import Plan, device_of
from rai_tune.selection import SELECTION, selection_options
from rai_tune.stored_run import PARQUET, attach
from rai_tune.without_mitigation import stored_before

if TYPE_CHECKING:
    import pandas as pd

    from rai_tune.data.rationales import Spans
    from rai_tune.training.postprocessing import PostProcessing
    from rai_tune.training.saved_model import LoadedModel
    from rai_tune.workspace import RunRecord, Workspace

Progress = Callable[[str, int, int], None]


def names_of(planned: Plan, workspace: Workspace, run_id: str) -> tuple[str, ...]:
    """The audits of a run: those of its recipe, and that of its choice where it was chosen from a search."""
    asked = planned.recipe.audit_names
    chosen = SELECTION in workspace.artifacts(run_id)
    return (*asked, SELECTION) if chosen and SELECTION not in asked else asked


def run_audits(
    names: Sequence[str],
    planned: Plan,
    workspace: Workspace,
    run: RunRecord,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    progress: Progress,
) -> tuple[str, ...]:
    """Run audits and store their results; returns the names of those stored.

    An audit that the recipe does not name and that says it cannot read this run (``UsageError``) leaves nothing.
    """
    stored = []
    inputs = {
        "predictions": run.predictions_digest or "",
        "model": run.model_digest or "",
        "data": run.data_digest or "",
    }
    shared: dict[str, Any] = {}
    openings = workspace.open_test_rows(run.id, run.test_digest) if run.test_digest else 1
    chosen = workspace.artifacts(run.id).get(SELECTION)
    for place, name in enumerate(names):
        progress(f"audit: {name}", place, len(names))
        spec = load_audit(name)
        context = audit_context(planned, workspace, loaded, predictions, spec.suite, shared, progress, openings)
        if planned.recipe.mitigation is not None and run.parent is None:
            context = replace(context, before=lambda: stored_before(workspace, run.id))
        read = inputs
        if name == SELECTION and chosen is not None:
            options = selection_options(workspace.read_json(chosen.digest))
            context = replace(context, options={**context.options, SELECTION: options})
            read = {**inputs, SELECTION: chosen.digest}
        result = run_audit(spec, context, read)
        refused = result.status == "error" and str(result.reason).startswith("UsageError: ")
        if refused and name not in planned.recipe.audit_names:
            continue
        stored.append(name)
        attach(workspace, run.id, f"audit:{name}", result.to_json())
        for artifact, digest in result.artifacts.items():
            workspace.attach(run.id, f"{name}:{artifact}", digest, PARQUET)
    progress("audits", len(names), len(names))
    return tuple(stored)


def audit_context(
    planned: Plan,
    workspace: Workspace,
    loaded: LoadedModel,
    predictions: pd.DataFrame,
    suite: str,
    shared: dict[str, Any],
    progress: Progress,
    openings: int = 1,
) -> AuditContext:
    """What an audit of this suite may read of a run. ``shared`` is one dictionary for all audits that run together.

    ``openings`` is the number of runs that have opened the test rows, this one included.
    """
    from rai_audits.explain import TextModel

    recipe, data, facts = planned.recipe, planned.data, loaded.facts
    options = {**recipe.audits.options(suite), "group_columns": dict(data.group_columns)}
    if suite in {"fairness", "explain"}:
        options["render"] = rerenderer(recipe.data, data.rows)
        options["render_columns"] = column_renderer(recipe.data, data.rows)
    if suite == "explain":
        options["rationales"] = _rationales(planned)
    return AuditContext(
        predictions=predictions,
        task=TaskInfo(
            classes=facts.classes,
            positive=facts.positive,
            favourable=facts.favourable,
            threshold=facts.threshold if loaded.post is None else None,
            groups=data.groups,
            seen_by_model=_seen(data.seen_by_model, loaded.post),
            by_group=None if loaded.post is None else GroupCutoffs(loaded.post.attributes, loaded.post.cutoffs),
        ),
        artifacts=_Sink(workspace),
        rows=data.rows,
        base=lambda: _base_decisions(planned, facts.max_tokens, progress),
        model=TextModel(loaded.model, loaded.tokenizer, facts.classes, facts.max_tokens, device_of(recipe)),
        options=options,
        seed=recipe.seed,
        confidence=recipe.audits.confidence,
        alphas=planned.alphas(openings),
        progress=progress,
        shared=shared,
    )


def _seen(in_text: Mapping[str, bool], post: PostProcessing | None) -> dict[str, bool]:
    """Attributes that a decision reads: in the text, or by a cutoff of their groups, which a text that hides them does not change."""
    read = () if post is None else [part for name in post.attributes for part in (name, *name.split(CROSS))]
    return {attribute: seen or attribute in read for attribute, seen in in_text.items()}


def _rationales(planned: Plan) -> dict[str, Spans]:
    """Human rationales of the rows, none where the recipe names no file."""
    named = planned.recipe.audits.explain.rationales
    if named is None:
        return {}
    rows = planned.data.rows
    texts = dict(zip(rows["row_id"].astype(str), rows["text"].astype(str), strict=True))
    return read_rationales(planned.loaded.base_dir / named, texts)


def _base_decisions(planned: Plan, max_tokens: int, progress: Progress) -> BaseDecisions:
    from rai_tune.training.probe import probe_base

    probed = probe_base(
        planned.recipe,
        planned.data,
        planned.base,
        max_tokens=max_tokens,
        device=device_of(planned.recipe),
        progress=lambda done, total: progress("embedding with the base", done, total),
    )
    return BaseDecisions(probed.predictions, probed.facts)


@dataclass(frozen=True)
class _Sink:
    """Audit artifacts, kept in the workspace."""

    workspace: Workspace

    def put_table(self, name: str, table: pd.DataFrame) -> str:
        return self.workspace.put_table(table, {"name": name})
