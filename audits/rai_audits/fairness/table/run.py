"""Audit a table: read it, choose the audits that its columns allow, run them. Stable: ``audit_table``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from rai_audits.core import (
    AuditContext,
    AuditResult,
    TaskInfo,
    UsageError,
    known_audits,
    load_audit,
    run_audit,
)
from rai_audits.fairness.counts import EMPTY, count_partition, merge, weights_differ
from rai_audits.fairness.metric_frame import AUDIT_NAME as METRICS_AUDIT
from rai_audits.fairness.metric_frame import metrics_audit
from rai_audits.fairness.table.cells import written
from rai_audits.fairness.table.digests import Tables, content_digest, counts_digest
from rai_audits.fairness.table.frames import SPLIT, frames, unordered_frame, whole_frame
from rai_audits.fairness.table.join import join_table
from rai_audits.fairness.table.meaning import meaning
from rai_audits.fairness.table.outcome import TableAudit
from rai_audits.fairness.table.source import open_source
from rai_audits.fairness.table.spec import CROSS, TableSpec
from rai_audits.fairness.table.survey import survey
from rai_audits.fairness.table.tally import merged, tally

if TYPE_CHECKING:
    import pandas as pd

    from rai_audits.core import AuditSpec
    from rai_audits.fairness.counts import GroupCounts
    from rai_audits.fairness.table.join import Joined
    from rai_audits.fairness.table.meaning import Meaning
    from rai_audits.fairness.table.source import Source
    from rai_audits.fairness.table.survey import Survey

Options = Mapping[str, Any] | Callable[[str], Mapping[str, Any]]
"""Options of audits: the same for all, or by suite."""

MAX_HELD_ROWS = 2_000_000
"""Longer tables are counted part by part, and audits that need every row at once do not run."""

_MOST_ROWS = {"task_quality": 200_000}
"""Audits that resample scores: beyond this many rows they take minutes, so there they run only when asked for by name."""

_SUITES = ("fairness", "quality", "robustness")
_FIRST = ("group_rates", "task_quality")
_VALUES = ("regression_gaps",)
_PERHAPS_UNKNOWN = frozenset({"na", "n/a", "none", "null", "?", "-", "missing", "not known"})


def audit_table(
    table: Any,
    spec: TableSpec,
    *,
    join: Any = None,
    on: str | None = None,
    options: Options | None = None,
    audits: Sequence[str] | None = None,
    metrics: Mapping[str, Callable[..., Any]] | None = None,
    alphas: tuple[float, ...] = (0.05,),
    confidence: float = 0.95,
    seed: int = 0,
    max_held_rows: int = MAX_HELD_ROWS,
) -> TableAudit:
    """Measure what a table of predictions says about groups of people. See ``rai_audits.fairness.audit``."""
    spec = replace(spec, favourable=written(spec.favourable), positive=written(spec.positive))
    source = open_source(table)
    joined = _join(source, spec, join, on)
    for role, column in _roles(spec, joined):
        source.need(column, role)
    found = survey(source, spec, joined)
    meant = meaning(source, spec, found)
    chosen = tuple(load_audit(name) for name in (audits if audits is not None else _names(spec)))
    own = (metrics_audit(metrics),) if metrics else ()
    return _Running(source, spec, joined, found, meant, found.rows <= max_held_rows).audit(
        (*chosen, *own), options or {}, alphas, confidence, seed, asked=audits is not None
    )


def _join(source: Source, spec: TableSpec, other: Any, on: str | None) -> Joined | None:
    if other is None:
        if on is not None:
            raise UsageError("on names the key of a join; give the second table with join")
        return None
    if on is None:
        raise UsageError("join needs on: the column that both tables have")
    second = open_source(other)
    source.need(on, "the key of the join")
    brought = [name for name in spec.groups if name not in source.columns]
    if not brought:
        raise UsageError(f"join brings no group column: {source.origin} has all of them")
    for name in brought:
        second.need(name, "group; the first table has no such column either")
    return join_table(second, on, brought)


def _roles(spec: TableSpec, joined: Joined | None) -> list[tuple[str, str]]:
    roles = {"label": spec.label, "prediction": spec.prediction, "score": spec.score, "value": spec.value}
    roles |= {"id": spec.row_id, "weight": spec.weight}
    brought = joined.columns if joined is not None else ()
    named = [(role, column) for role, column in roles.items() if column is not None]
    return named + [("group", name) for name in spec.groups if name not in brought]


def _names(spec: TableSpec) -> tuple[str, ...]:
    """Audits that might apply to a table of this shape: of values, or of decisions (with labels or without)."""
    known = known_audits()
    if spec.value is not None:
        there = tuple(name for name in _VALUES if name in known)
        if not there:
            raise UsageError("no audit of predicted numbers is installed")
        return there
    first = tuple(name for name in _FIRST if spec.label is not None or name != "task_quality")
    rest = [name for name in known if name not in (*_FIRST, *_VALUES)]
    return (*first, *(name for name in rest if load_audit(name).suite in _SUITES))


@dataclass(frozen=True)
class _Running:
    """A table that was looked through and is ready to be measured."""

    source: Source
    spec: TableSpec
    joined: Joined | None
    found: Survey
    meant: Meaning
    short: bool

    @property
    def held(self) -> bool:
        """Whether all rows are in memory: those of a short table, and predicted numbers, which add up in any order."""
        return self.short or self.spec.value is not None

    def audit(
        self,
        audits: Sequence[AuditSpec],
        options: Options,
        alphas: tuple[float, ...],
        confidence: float,
        seed: int,
        *,
        asked: bool,
    ) -> TableAudit:
        import pandas as pd

        sink = Tables({})
        frame = self._rows() if self.held else pd.DataFrame()
        counts, tallied = (EMPTY, None) if self.held or self.spec.value is not None else self._count(audits)
        task = self._task(frame, counts)
        digest = self.source.digest or (content_digest(frame) if self.held else counts_digest(counts))
        context = AuditContext(
            predictions=frame,
            task=task,
            artifacts=sink,
            options={},
            seed=seed,
            confidence=confidence,
            alphas=alphas,
            eval_split=SPLIT,
        )
        results: list[AuditResult] = []
        not_run: dict[str, str] = {}
        for audit in audits:
            if not asked and self.found.rows > _MOST_ROWS.get(audit.name, self.found.rows):
                not_run[audit.name] = f"it resamples scores, which takes minutes beyond {_MOST_ROWS[audit.name]:,} rows"
                continue
            own = replace(context, options=dict(options(audit.suite) if callable(options) else options))
            result = self._run(audit, own, counts, tallied, {"predictions": digest})
            why = _does_not_apply(result, asked=asked or audit.name in (*_FIRST, METRICS_AUDIT))
            if why is not None:
                not_run[audit.name] = why
            elif isinstance(result, AuditResult):
                results.append(result)
        if not results:
            why = "; ".join(sorted(set(not_run.values()))) or "none was asked for"
            raise UsageError(f"{self.source.origin}: no audit can measure this table: {why}")
        return TableAudit(
            origin=self.source.origin,
            rows=self.found.rows,
            task=task,
            spec=self.spec,
            results=tuple(results),
            predictions_digest=digest,
            held=self.held,
            notes=self._notes(),
            not_run=not_run,
            tables=sink.kept,
        )

    def _rows(self) -> pd.DataFrame:
        build = whole_frame if self.short else unordered_frame
        return build(self.source, self.spec, self.joined, self.meant)

    def _count(self, audits: Sequence[AuditSpec]) -> tuple[GroupCounts, pd.DataFrame | None]:
        """Counts by attribute, and the tally of all of them where an audit reads it, in one look at the table."""
        attributes, classes = tuple(self.meant.task.groups), self.meant.task.classes
        counts = EMPTY
        if not any(audit.reads_tallies and audit.from_counts is None for audit in audits):
            parts = frames(self.source, self.spec, self.joined, self.meant, ids=False)
            return reduce(merge, (count_partition(part, attributes, classes) for part in parts), EMPTY), None

        def tallies() -> Iterator[pd.DataFrame]:
            nonlocal counts
            for part in frames(self.source, self.spec, self.joined, self.meant, ids=False):
                counts = merge(counts, count_partition(part, attributes, classes))
                yield tally(part)

        tallied = tallies()
        found = merged(tallied, SPLIT)
        for _ in tallied:  # too many combinations for a tally: the counts still need the rest
            continue
        if found is not None and self.spec.score is not None:
            found = found.assign(score=float("nan"))  # there are scores, and they are not in the tally
        return counts, found

    def _run(
        self,
        spec: AuditSpec,
        context: AuditContext,
        counts: GroupCounts,
        tallied: pd.DataFrame | None,
        inputs: Mapping[str, str],
    ) -> AuditResult | str:
        if spec.needs_model:
            return "it needs a model"
        if self.held:
            return run_audit(spec, context, inputs)
        from_counts = spec.from_counts
        if from_counts is None and spec.reads_tallies and tallied is not None:
            return run_audit(spec, replace(context, predictions=tallied), inputs, weighted=counts.weighted)
        if from_counts is None:
            return f"it needs every row at once, and the table is too long to hold ({self.found.rows:,} rows)"
        counted = _counted_spec(spec, lambda given: from_counts(given, counts))
        return run_audit(counted, context, inputs, weighted=weights_differ(counts))

    def _task(self, frame: pd.DataFrame, counts: GroupCounts) -> TaskInfo:
        """The task, with the groups of crossings as they were met."""
        groups = dict(self.meant.task.groups)
        for crossing in self.spec.crossings:
            name = CROSS.join(crossing)
            seen = (
                set(frame[f"group:{name}"].unique())
                if self.held
                else {str(key.group) for key in counts.cells if key.attribute == name}
            )
            groups[name] = tuple(sorted(seen))
        task = self.meant.task
        return TaskInfo(task.classes, task.positive, task.favourable, task.threshold, groups)

    def _notes(self) -> tuple[str, ...]:
        notes = list(self.meant.notes)
        if self.joined is not None and self.found.unmatched:
            notes.append(
                f"{self.found.unmatched:,} of {self.found.rows:,} rows have no match in {self.joined.origin}; their groups are unknown."
            )
        notes += [
            f"{count:,} rows have no value in the group column {name!r}; they are counted as unknown."
            for name, count in self.found.unknown.items()
            if count and (self.joined is None or name not in self.joined.columns)
        ]
        notes += [
            f"The group column {name!r} holds {value!r}, which is taken for a group; leave such cells empty where they mean that nobody knows."
            for name, seen in self.found.groups.items()
            for value in seen
            if value.casefold() in _PERHAPS_UNKNOWN
        ]
        if not self.held:
            notes.append(
                f"The table has {self.found.rows:,} rows, so it was counted part by part: audits that need every score or text "
                "at once did not run."
            )
        return tuple(notes)


def _counted_spec(spec: AuditSpec, run: Any) -> AuditSpec:
    return replace(spec, run=run)


def _does_not_apply(result: AuditResult | str, *, asked: bool) -> str | None:
    """Why an audit has nothing to say about this table, or None when it has. One that was asked for is always shown."""
    if isinstance(result, str):
        return result
    if asked:
        return None
    if result.status == "error" and str(result.reason).startswith("UsageError: "):
        return str(result.reason).removeprefix("UsageError: ")
    if result.status == "ok" and all(item.status == "not_applicable" for item in result.measurements):
        reasons = {item.reason for item in result.measurements}
        return "; ".join(sorted(str(reason) for reason in reasons)) or "it measured nothing"
    return None
