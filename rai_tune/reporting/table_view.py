"""The report about a table of predictions: the view of a run, without what only a trained model has. Internal.

A run's view asks a recipe for names; ``recipe_of_table`` writes one that holds just those. What it does not say (a base model, a
text template, training) is taken out of the view again, so that nothing appears that nobody chose.
"""

from __future__ import annotations

import shlex
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rai_tune.recipe import Recipe
from rai_tune.reporting.model import Command, DataView, Fact, GroupTable, Headline, ReportView
from rai_tune.reporting.text import clean, named, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rai_tune.core import TaskInfo
    from rai_tune.recipe.audits import AuditsSpec

NO_VERDICT = "no_verdict"
_ROLES = {
    "label": "True outcome",
    "prediction": "Decision",
    "score": "Score",
    "value": "Predicted number",
    "id": "Row id",
    "weight": "Weight",
}
_BARE = frozenset({"0", "1", "-1", "yes", "no", "true", "false"})
_LEFT_OUT = frozenset({"What decisions lean on", "Decision threshold"})


@dataclass(frozen=True)
class TableFacts:
    """What was asked of a table. ``columns`` maps a role to its column; ``not_run`` an audit to the reason why it had nothing to say."""

    origin: str
    rows: int
    task: TaskInfo
    columns: Mapping[str, str]
    notes: tuple[str, ...] = ()
    not_run: Mapping[str, str] = field(default_factory=dict)
    policies: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "columns": dict(self.columns), "not_run": dict(self.not_run)}


def recipe_of_table(facts: TableFacts, settings: AuditsSpec) -> Recipe:
    """A recipe with the names of a table's task and nothing else that means anything."""
    task = facts.task
    groups = [name for name in task.groups if " & " not in name] if task.favourable is not None else []
    return Recipe.model_validate(
        {
            "name": "table",
            "data": {
                "source": {"kind": "csv", "path": facts.origin},
                "text": "text that a model read",
                "label": facts.columns.get("label", "label"),
                "positive": task.positive,
                "favourable": task.favourable,
                "groups": [{"column": name} for name in groups],
            },
            "audits": settings.model_dump(),
        }
    )


def as_table_view(view: ReportView, facts: TableFacts) -> ReportView:
    """The view of a run, turned into that of a table."""
    return replace(
        view,
        kind="table",
        headline=view.headline if view.decisions else no_verdict(),
        system=_system(facts),
        data=DataView(
            facts=_data(facts), splits=(), groups=view.data.groups, checks=(), notes=tuple(map(sentence, facts.notes))
        ),
        groups=tuple(_group_table(table, facts) for table in view.groups),
        training=(),
        history=(),
        audits=(*view.audits, *_not_run(facts)),
        method_notes=(
            *(note for note in view.method_notes if note.name not in _LEFT_OUT),
            *_threshold_note(facts),
        ),
        commands=_commands(facts, view),
    )


def _group_table(table: GroupTable, facts: TableFacts) -> GroupTable:
    """Say which column a bare 1 or yes belongs to, and no split where there is none."""
    said = table.rate_name
    column = facts.columns.get("label") or facts.columns.get("prediction")
    name = f"{clean(column)}={said}" if column is not None and said.lower() in _BARE else said

    def told(text: str) -> str:
        return text.replace(f"'{said}'", f"'{name}'", 1).replace(" the test rows ", " the rows ", 1)

    return replace(
        table,
        rate_name=name,
        title=table.title.replace(said, name, 1),
        basis=told(table.basis),
        seen_by_model=None,
    )


def no_verdict() -> Headline:
    """The headline where no policy was asked."""
    return Headline(
        outcome=NO_VERDICT,
        word="No verdict",
        icon="–",
        sentence="No policy was asked, so nothing was judged; these are measurements. --policy names one.",
        deciding=(),
        notices=(),
    )


def _system(facts: TableFacts) -> tuple[Fact, ...]:
    task = facts.task
    kind = "predicted numbers" if "value" in facts.columns else f"decisions between {len(task.classes)} classes"
    found = [
        Fact("What was audited", f"a table of {kind}; no model was loaded"),
        Fact("Classes", ", ".join(named(name) for name in task.classes)) if task.classes else None,
        Fact("Positive class", named(task.positive)) if task.positive is not None else None,
        Fact("Favourable outcome", named(task.favourable)) if task.favourable is not None else None,
        Fact("Decision threshold", f"a score of at least {task.threshold:g}") if task.threshold is not None else None,
        Fact("Policies", ", ".join(map(clean, facts.policies)) or "none"),
    ]
    return tuple(fact for fact in found if fact is not None)


def _data(facts: TableFacts) -> tuple[Fact, ...]:
    columns = [Fact(_ROLES[role], f"column {clean(name)}") for role, name in facts.columns.items()]
    groups = ", ".join(named(name) for name in facts.task.groups) or "none named"
    return (
        Fact("Origin", sentence(facts.origin)),
        Fact("Rows", f"{facts.rows:,}"),
        *columns,
        Fact("Groups", groups),
    )


def _not_run(facts: TableFacts) -> tuple[Fact, ...]:
    return tuple(
        Fact(clean(name).replace("_", " "), f"does not apply: {sentence(why)}") for name, why in facts.not_run.items()
    )


def _threshold_note(facts: TableFacts) -> tuple[Fact, ...]:
    task = facts.task
    if task.threshold is None:
        return ()
    words = (
        f"A score at or above {task.threshold:g} decides '{named(task.positive or '')}'. Every rate here depends on it."
    )
    return (Fact("Decision threshold", words),)


def _commands(facts: TableFacts, view: ReportView) -> tuple[Command, ...]:
    again = f"raitune audit --predictions {shlex.quote(facts.origin)} ..."
    report = Command(f"{again} --pdf report.pdf", "one file to send and archive")
    judge = Command(f"{again} --policy eeoc-four-fifths", "a verdict under a policy; a file of your own works too")
    bare = Command(f"{again} --set audits.suppress_below=0", "every number, also of small cells: for your eyes only")
    first = report if view.decisions or facts.task.favourable is None else judge
    hidden = any(
        row.selection_rate is not None and row.selection_rate.status == "suppressed"
        for table in view.groups
        for row in table.rows
    )
    return (first, bare) if hidden else (first,)
