"""The two runs that a comparison is about: chosen by id or by what an alias serves, and read one at a time, so that damage to one says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from rai_tune.core import IntegrityError, RaiError, UsageError
from rai_tune.promotion.door import ALIASES
from rai_tune.reporting.text import clean, sentence
from rai_tune.review.components import Banner, Cell, Paragraph, Table, literal
from rai_tune.review.listing import minute
from rai_tune.review.navigation import parameter
from rai_tune.review.reading import read_run
from rai_tune.review.sections.choosing import choose
from rai_tune.review.telling import without_folders
from rai_tune.review.tones import tone_of
from rai_tune.selection import unchosen_trials
from rai_tune.waiting import served_as

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rai_tune.review.reading import RunPage
    from rai_tune.workspace import RunRecord, Workspace

CANDIDATE, AGAINST = "run", "with"
_NOBODY = ""


@dataclass(frozen=True)
class Side:
    """One of the two. ``page`` is None where its evidence cannot be read, and ``problem`` says why; ``damaged`` if it is not what it was."""

    run: RunRecord
    page: RunPage | None
    problem: str = ""
    damaged: bool = False
    serves: tuple[str, ...] = ()


def choose_sides(workspace: Workspace) -> tuple[Side, Side] | None:
    """Two boxes, and the two runs that they name; None, with a sentence, until there are two."""
    trials = unchosen_trials(workspace)
    runs = {run.id: run for run in workspace.runs() if run.id not in trials}
    served = served_as(workspace)
    serving = {alias: run_id for run_id, aliases in served.items() for alias in aliases}
    named = {run_id: f"{clean(run.name)} · {run_id} · {run.state}" for run_id, run in runs.items()}
    with st.container(horizontal=True, key="compare-choices"):
        candidate = choose("Candidate", CANDIDATE, {_NOBODY: "Choose a run", **named})
        others: dict[str, str] = {alias: _alias(alias, serving, runs) for alias in ALIASES}
        default = "production" if serving.get("production") not in {None, candidate} else None
        against = choose("Against", AGAINST, {_NOBODY: "Choose a run or what is in use", **others, **named}, default)
    unknown = [_unknown(workspace, name, (*named, *ALIASES)) for name in (CANDIDATE, AGAINST)]
    if any(unknown):
        literal("compare-unknown", *(Paragraph(text) for text in unknown if text))
        return None
    if not candidate or not against:
        few = len(runs) < 2
        words = (
            "There are fewer than two runs here, so there is nothing to compare."
            if few
            else "Choose two runs to compare."
        )
        literal("compare-choose", Paragraph(words))
        return None
    if against in ALIASES and against not in serving:
        literal(
            "compare-choose", Paragraph(f"Nothing was ever promoted to {against}, so there is nothing to compare with.")
        )
        return None
    ids = candidate, serving.get(against, against)
    first, second = (_side(workspace, runs[run_id], served.get(run_id, ())) for run_id in ids)
    return first, second


def show_sides(sides: Sequence[Side]) -> None:
    """Both runs beside each other: name, verdict, state, begin, and what they serve."""
    rows = (
        (Cell("Run"), *(Cell(clean(side.run.name), side.run.id, run=side.run.id, page="run") for side in sides)),
        (Cell("Verdict"), *(_verdict(side) for side in sides)),
        (Cell("State"), *(Cell(side.run.state) for side in sides)),
        (Cell("Began"), *(Cell(minute(side.run.created_at)) for side in sides)),
        (Cell("Serves now"), *(Cell(" and ".join(side.serves) or "nothing") for side in sides)),
    )
    literal("compare-sides", Table("The two runs", {"": "", "Candidate": "wide", "Against": "wide"}, rows))
    for place, side in enumerate(sides):
        if side.problem:
            word = "Evidence damaged" if side.damaged else "Cannot be read"
            literal(f"compare-problem-{place}", Banner("fail", "✗", word, f"Run {side.run.id}: {side.problem}"))


def _alias(alias: str, serving: Mapping[str, str], runs: Mapping[str, RunRecord]) -> str:
    run_id = serving.get(alias)
    if run_id is None:
        return f"{alias}: nothing was promoted yet"
    return f"{alias}: {clean(runs[run_id].name)} · {run_id}" if run_id in runs else f"{alias}: {run_id}"


def _unknown(workspace: Workspace, name: str, known: Sequence[str]) -> str:
    """Why what the address names cannot be chosen; empty when it can, or when it names nothing."""
    asked = parameter(name)
    if asked is None or asked in known:
        return ""
    try:
        workspace.run(asked)
    except UsageError as error:
        return without_folders(error)
    return sentence(f"{asked!r} is no full id of a run")


def _side(workspace: Workspace, run: RunRecord, serves: tuple[str, ...]) -> Side:
    try:
        return Side(run, read_run(workspace, run.id), serves=serves)
    except IntegrityError as error:
        return Side(run, None, without_folders(error), damaged=True, serves=serves)
    except RaiError as error:
        return Side(run, None, without_folders(error), serves=serves)


def _verdict(side: Side) -> Cell:
    if side.page is None:
        return Cell("✗ No verdict", tone="fail")
    verdict = side.page.view.headline
    note = "would not be given today" if side.page.inputs.taken_back else ""
    return Cell(f"{verdict.icon} {verdict.word}", note, tone_of(verdict.outcome))
