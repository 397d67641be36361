"""From a table to a proposed recipe: which column is the text, the label, a group of people, an identity.

Stable API: ``propose_recipe`` and the ``Proposal`` it returns. The proposal always loads; what it is unsure of is asked (``Proposal.questions``) or marked
``CHECK`` in the file. Group columns stay out of the text unless a person decides otherwise.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rai_tune.core import UsageError
from rai_tune.recipe import hints, roles
from rai_tune.recipe.load import parse_recipe
from rai_tune.recipe.outcomes import Outcome, guess_label, guess_outcome
from rai_tune.recipe.proposal import Draft, Proposal
from rai_tune.recipe.sample import read_sample
from rai_tune.recipe.schema import RECIPE_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.recipe.sample import ColumnSample, TableSample

__all__ = ["Proposal", "propose_recipe"]

TEMPLATE = "(a line made from the other columns)"


def propose_recipe(path: Path, answers: Mapping[str, str] | None = None, base_dir: Path | None = None) -> Proposal:
    """Propose a recipe for a CSV, Parquet or JSON Lines file, from its first 20,000 rows.

    ``answers`` settle questions of an earlier proposal, by their field. ``base_dir`` is the folder that the recipe will be
    written to (default: the table's own); the path of the table is given relative to it.
    Raises ``UsageError`` for a file that is no such table, when no column could be the label, or when nothing is left to read.
    """
    table = read_sample(Path(path))
    draft = Draft(answers or {})
    base = base_dir or table.path.parent
    mapping = _recipe(table, _relative(table.path, base), draft)
    parse_recipe(mapping, f"the recipe proposed for {table.path}", base)
    notes = {place: tuple(texts) for place, texts in draft.notes.items()}
    return Proposal(
        table.path, table.rows, mapping, tuple(draft.choices), tuple(draft.questions), notes, dict(draft.answers), base
    )


def _recipe(table: TableSample, source: str, draft: Draft) -> dict[str, Any]:
    texts = [column for column in table.columns if column.free_text and len(column.name) <= roles.MAX_NAME]
    asked = draft.answers.get("data.label")
    groups = [column for column in table.columns if roles.is_group(column) and column.name != asked]
    identities = [column for column in table.columns if roles.is_identity(column) and column.name != asked]
    weights = [column for column in table.columns if roles.is_weight(column) and column.name != asked]
    taken = frozenset(column.name for column in (*texts, *groups, *identities, *weights))
    label = guess_label(table, taken, draft)
    texts, groups, identities = _without(texts, label), _without(groups, label), _without(identities, label)
    unread = {label.name, *(column.name for column in (*groups, *identities))}
    unread |= {column.name for column in weights if hints.whole(column.name) != "weight"}
    rest = [column for column in table.columns if column.name not in unread]
    text = _text_column(texts, rest, draft)
    reading = {"text": text.name} if text else {"template": roles.template_line(table, rest, label, draft)}
    specs = roles.group_specs(groups, draft)
    outcome = guess_outcome(label, has_groups=bool(specs), draft=draft)
    if not specs:
        draft.note("data.groups", "no column looks like an attribute of people (sex, age, ...); name those to measure.")
    data = {
        "source": {"path": source},
        **reading,
        "label": label.name,
        **_outcome_fields(outcome),
        "groups": specs,
        "hide_groups": True,
        **roles.guess_identities(identities, draft),
        **roles.guess_weight(weights, draft),
    }
    decision = {"decision": {"rule": "match_base_rate"}} if len(outcome.classes) == 2 else {}
    draft.note("purpose", "say what the model is for and who it decides about; the report prints it.")
    return {
        "schema": RECIPE_SCHEMA,
        "name": _run_name(table.path),
        "purpose": "",
        "task": "text_classification",
        "data": data,
        "model": {"base": "minilm"},
        "training": {"epochs": 3},
        **decision,
        "policies": ["baseline"],
        "seed": 0,
    }


def _without(columns: Sequence[ColumnSample], label: ColumnSample) -> list[ColumnSample]:
    return [column for column in columns if column.name != label.name]


def _text_column(texts: list[ColumnSample], rest: Sequence[ColumnSample], draft: Draft) -> ColumnSample | None:
    """The column of free text to read, or None for a line made from the columns."""
    texts = [column for column in texts if column in rest]
    if not texts:
        return None
    named = [column for column in texts if hints.TEXT_WORDS & set(hints.words_of(column.name))]
    best = max(named or texts, key=lambda column: column.median_words)
    others = len([column for column in rest if column not in texts])
    sure = (len(texts) == 1 or len(named) == 1) and (bool(named) or others <= 2)
    answer = draft.decide(
        "data.text",
        best.name,
        "it holds long text, different in each row",
        sure=sure,
        question="What should the model read?",
        options=(*(column.name for column in texts), TEMPLATE),
    )
    return None if answer == TEMPLATE else next(column for column in texts if column.name == answer)


def _outcome_fields(outcome: Outcome) -> dict[str, Any]:
    fields: dict[str, Any] = {"label_names": outcome.label_names} if outcome.label_names else {}
    if outcome.positive is not None:
        fields["positive"] = outcome.positive
    if outcome.favourable is not None:
        fields["favourable"] = outcome.favourable
    return fields


def _run_name(path: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:40].strip("-") or "run"


def _relative(path: Path, base: Path) -> str:
    try:
        text = Path(os.path.relpath(path.absolute(), base.absolute())).as_posix()
    except ValueError:  # another drive
        text = path.absolute().as_posix()
    if not text.isprintable():
        raise UsageError(f"{str(path)!r}: the file name holds characters that cannot be shown; rename it.")
    return text
