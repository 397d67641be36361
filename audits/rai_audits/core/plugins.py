"""The audit registry: audits are functions found by name, never by an import path from a configuration file.

A built-in audit decorates itself; a third party ships an entry point in the group ``rai_audits.audits`` whose object is
a decorated function. Names are frozen after first look-up, so a name means one thing for the life of a process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rai_audits.core.deciding import BY_GROUP, CROSS, GroupCutoffs
from rai_audits.core.errors import UsageError, did_you_mean
from rai_audits.core.measurement import AuditResult, Measurement

if TYPE_CHECKING:
    import pandas as pd

ENTRY_POINT_GROUP = "rai_audits.audits"
UNWEIGHTED = ", row weights not used"
"""Ends the method of a measurement that counts every row once although the rows have weights."""

_BUILT_IN = {
    "data_profile": "rai_audits.data.profile",
    "task_quality": "rai_audits.quality.audit",
    "selection": "rai_audits.quality.selection",
    "group_rates": "rai_audits.fairness.group_rates",
    "score_fairness": "rai_audits.fairness.score_fairness",
    "inequality": "rai_audits.fairness.inequality",
    "unknown_demographics": "rai_audits.fairness.unknowns",
    "simpson": "rai_audits.fairness.simpson",
    "intersections": "rai_audits.fairness.pooling",
    "regression_gaps": "rai_audits.fairness.regression_gaps",
    "paired_swaps": "rai_audits.fairness.paired_swaps",
    "base_vs_tuned": "rai_audits.fairness.base_vs_tuned",
    "mitigation_effect": "rai_audits.fairness.mitigation_effect",
    "four_fifths": "rai_audits.fairness.four_fifths",
    "ll144": "rai_audits.fairness.ll144",
    "explanations": "rai_audits.explain.audit",
    "identity_reliance": "rai_audits.explain.identity.audit",
    "global_attributions": "rai_audits.explain.global_picture",
    "adverse_action_reasons": "rai_audits.explain.reasons",
    "minimal_counterfactuals": "rai_audits.explain.counterfactuals",
    "plausibility": "rai_audits.explain.plausibility",
    "calibration": "rai_audits.robustness.calibration",
    "harmless_edits": "rai_audits.robustness.harmless_edits",
    "slice_discovery": "rai_audits.fairness.slices",
    "near_duplicates": "rai_audits.data.near_duplicates",
    "label_noise": "rai_audits.data.label_noise",
    "pii": "rai_audits.data.pii",
}


class ArtifactSink(Protocol):
    """Where an audit leaves tables that are too large for measurements. Returns the digest of the stored bytes."""

    def put_table(self, name: str, table: pd.DataFrame) -> str: ...


@dataclass(frozen=True)
class TaskInfo:
    """What the predictions mean.

    ``positive`` is the class that TPR, FPR, precision and AUC speak of; ``favourable`` is the outcome that a person
    wants, of which selection rates and impact ratios speak. Either may be None when the task has no such notion.
    """

    classes: tuple[str, ...]
    positive: str | None
    favourable: str | None
    threshold: float | None
    groups: Mapping[str, tuple[str, ...]]
    seen_by_model: Mapping[str, bool] = field(default_factory=dict)
    by_group: GroupCutoffs | None = None
    """How the model cuts scores where that hangs on a person's group; ``threshold`` is None then."""

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def stated_threshold(self) -> float | Literal["by group"] | None:
        """What a measurement says it was decided by."""
        return self.threshold if self.by_group is None else BY_GROUP

    def decides_by(self, attribute: str) -> bool:
        """Whether the cutoff of a person hangs on their group of this attribute, by itself or in a crossing."""
        if self.by_group is None:
            return False
        return any(attribute == name or attribute in name.split(CROSS) for name in self.by_group.attributes)


@dataclass(frozen=True)
class BaseDecisions:
    """What the model would decide without its fine-tuning, about the rows of the evaluated split.

    ``predictions`` has the columns of ``AuditContext.predictions``, the same rows in the same order. ``facts`` say how an untrained
    base was made to decide: plain JSON values.
    """

    predictions: pd.DataFrame
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class PlainDecisions:
    """What the same recipe without its mitigation decides about the rows of the evaluated split.

    ``predictions`` has the columns of ``AuditContext.predictions``, the same rows in the same order. ``facts`` say where they came from:
    plain JSON values.
    """

    predictions: pd.DataFrame
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class AuditContext:
    """Everything an audit may read.

    ``predictions`` has the columns ``row_id``, ``split``, ``label``, ``prediction``, ``score`` (probability of the
    positive class), ``score:<class>`` for every class, ``group:<attribute>`` for every attribute, optionally ``weight``, and ``cutoff`` (score at and
    above which a row is decided positive) where the model decides by group.
    ``rows`` has ``row_id``, ``split``, ``text``, the source columns, and (for templated rows) ``segments``.
    ``model`` is a ``rai_audits.explain.TextModel`` or None when the audit runs on a table of predictions alone.
    ``base`` makes the decisions of the base model, at the cost of a pass over the rows, or is None where there is no base.
    ``before`` gives the decisions of the same recipe without its mitigation, or is None where there is no mitigation.
    ``shared`` is one dictionary for all audits of a run, so that what several of them need is computed once.
    """

    predictions: pd.DataFrame
    task: TaskInfo
    artifacts: ArtifactSink
    rows: pd.DataFrame | None = None
    model: Any = None
    base: Callable[[], BaseDecisions] | None = None
    before: Callable[[], PlainDecisions] | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    confidence: float = 0.95
    alphas: tuple[float, ...] = (0.05,)
    eval_split: str = "test"
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    shared: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AuditOutput:
    """What an audit function returns; the runner adds inputs, seed and duration."""

    measurements: tuple[Measurement, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)


AuditFunction = Callable[[AuditContext], AuditOutput]
CountFunction = Callable[[AuditContext, Any], AuditOutput]
"""The same from ``rai_audits.fairness.counts.GroupCounts``, for tables too long to hold; the context then has no rows."""


@dataclass(frozen=True)
class AuditSpec:
    """A registered audit. One that counts every row once, whatever the rows weigh, ``ignores_weights``; its results then say so.

    One that ``reads_tallies`` also takes distinct rows whose column ``times`` says how many people each stands for.
    """

    name: str
    suite: str
    version: str
    run: AuditFunction
    needs_model: bool = False
    ignores_weights: bool = False
    reads_tallies: bool = False
    from_counts: CountFunction | None = None


def audit(
    name: str,
    *,
    suite: str,
    version: str = "1",
    needs_model: bool = False,
    ignores_weights: bool = False,
    reads_tallies: bool = False,
    from_counts: CountFunction | None = None,
) -> Callable[[AuditFunction], AuditSpec]:
    """Decorate a function as an audit. ``suite`` groups audits for ``--suite``; ``from_counts`` measures the same from counts."""

    def wrap(function: AuditFunction) -> AuditSpec:
        return AuditSpec(
            name=name,
            suite=suite,
            version=version,
            run=function,
            needs_model=needs_model,
            ignores_weights=ignores_weights,
            reads_tallies=reads_tallies,
            from_counts=from_counts,
        )

    return wrap


def known_audits() -> tuple[str, ...]:
    """Names of all audits that can be loaded here, sorted."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=ENTRY_POINT_GROUP))}))


def load_audit(name: str) -> AuditSpec:
    """Load one audit by registered name. Raises ``UsageError`` naming the nearest known audit."""
    if name in _BUILT_IN:
        module = import_module(_BUILT_IN[name])
        spec = module.AUDIT
    else:
        points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == name]
        if not points:
            raise UsageError(f"unknown audit {name!r}.{did_you_mean(name, known_audits())}")
        spec = points[0].load()
    if not isinstance(spec, AuditSpec):
        raise UsageError(f"audit {name!r} is not decorated with rai_audits.core.audit")
    return spec


def run_audit(
    spec: AuditSpec, context: AuditContext, inputs: Mapping[str, str], *, weighted: bool | None = None
) -> AuditResult:
    """Run one audit. A crash becomes a result with status ``error``: evidence that is missing, never a pass.

    ``weighted`` says whether the rows differ in weight, where ``context.predictions`` does not hold them.
    """
    import time

    started = time.perf_counter()
    try:
        output = spec.run(context)
    except Exception as error:
        return AuditResult(
            audit=spec.name,
            suite=spec.suite,
            version=spec.version,
            status="error",
            reason=f"{type(error).__name__}: {error}",
            inputs=dict(inputs),
            seed=context.seed,
            duration_s=time.perf_counter() - started,
        )
    return AuditResult(
        audit=spec.name,
        suite=spec.suite,
        version=spec.version,
        measurements=_disclosed(spec, output, has_weights(context.predictions) if weighted is None else weighted),
        artifacts=dict(output.artifacts),
        inputs=dict(inputs),
        facts=dict(output.facts),
        seed=context.seed,
        duration_s=time.perf_counter() - started,
    )


def has_weights(rows: pd.DataFrame) -> bool:
    """Whether rows carry weights that differ, so that counting each once gives another answer."""
    return "weight" in rows and len(rows) > 0 and bool(rows["weight"].min() < rows["weight"].max())


def _disclosed(spec: AuditSpec, output: AuditOutput, weighted: bool) -> tuple[Measurement, ...]:
    if not (spec.ignores_weights and weighted):
        return output.measurements
    return tuple(item.model_copy(update={"method": item.method + UNWEIGHTED}) for item in output.measurements)
