"""What fine-tuning did, and the first lines of every other audit, as the terminal shows them. Internal to the reporting room."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rai_tune.recipe.audits import AuditsSpec
from rai_tune.reporting.chapters import measured
from rai_tune.reporting.evidence import SWAPS
from rai_tune.reporting.terminal_hiring import FOUR_FIFTHS, LL144
from rai_tune.reporting.text import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from rai_tune.reporting.model import Chapter, MeasureRow, ReportView, Shown

BASE = "base_vs_tuned"
MITIGATION = "mitigation_effect"
CHOSEN = "selection"
_MOST = 3
_MOST_GROUPS = 10
_OVERALL = (
    ("ROC AUC", "base_roc_auc", "roc_auc_change"),
    ("Accuracy", "base_accuracy", "accuracy_change"),
)
_TOLD = frozenset({FOUR_FIFTHS, LL144, SWAPS, BASE, MITIGATION, CHOSEN})
_IN_EVERY_RUN = frozenset(AuditsSpec().include)


def base_rows(rows: Sequence[MeasureRow], favourable: str) -> Group | None:
    """The base, the change, and who gained and lost the favourable outcome; None where the audit did not run."""
    own = [row.value for row in rows if row.value.ref.audit == BASE]
    if not own:
        return None
    found = {(value.ref.metric, value.ref.attribute, value.ref.group, value.ref.reference): value for value in own}
    grid = _grid(29, 7, 9, 19, None)
    grid.add_row(*_dim("", "base", "change", "interval", "won / lost"))
    for name, base, change in (*_OVERALL, (f"'{favourable}'", "base_selection_rate", "selection_rate_change")):
        if (change, None, None, None) in found:
            grid.add_row(*_cells(name, found, base, change, None, None))
    groups = [value.ref for value in own if value.ref.metric == "selection_rate_change" and value.ref.group is not None]
    for ref in groups[:_MOST_GROUPS]:
        told = f"'{favourable}', {named(ref.group or '')}"
        grid.add_row(*_cells(told, found, "base_selection_rate", "selection_rate_change", ref.attribute, ref.group))
    gaps = [value for value in own if value.ref.metric == "selection_rate_gap_change" and value.estimate is not None]
    for value in gaps[:_MOST_GROUPS]:
        told = f"gap {named(value.ref.group or '')} − {named(value.ref.reference or '')}"
        grid.add_row(Text(told), Text(""), Text(value.text), Text(value.interval), Text(""))
    return Group(grid, *_note(len(groups) - _MOST_GROUPS + max(0, len(gaps) - _MOST_GROUPS)))


def other_chapters(view: ReportView) -> Group | None:
    """The first few measurements of each audit that nothing above showed; None without any.

    In a run the audits of every run are left to the report.
    """
    skipped = _TOLD | (_IN_EVERY_RUN if view.kind == "run" else frozenset())
    shown = [chapter for chapter in view.chapters if chapter.audit not in skipped]
    if not shown:
        return None
    parts = [part for chapter in shown for part in _chapter(chapter)]
    more = sum(max(0, measured(chapter) - _MOST) for chapter in shown)
    return Group(*parts, *([Text(f"{more:,} more in --json and --pdf", style="dim")] if more > 0 else []))


def _chapter(chapter: Chapter) -> Iterator[RenderableType]:
    yield Text(chapter.title, style="dim")
    grid = _grid(None, 13, 18, 7)
    grid.columns[0].no_wrap = False
    grid.columns[0].overflow = "fold"
    for name, value in islice(_numbers(chapter), _MOST):
        grid.add_row(
            Padding(Text(name), (0, 0, 0, 2)), Text(value.text), Text(value.interval), Text(f"n {value.n_text}")
        )
    yield grid


def _numbers(chapter: Chapter) -> Iterator[tuple[str, Shown]]:
    """Its tables by their first column, then its list."""
    for table in chapter.grids:
        for row in table.rows:
            if row.cells[0] is not None:
                yield f"{table.title}, {_within_words(table.columns[0])}: {row.name}", row.cells[0]
    for line in chapter.rows:
        yield line.name, line.value


def _within_words(head: str) -> str:
    """The head of a column inside a sentence; an acronym keeps its capitals."""
    return head if head[1:2].isupper() else head[:1].lower() + head[1:]


def _cells(
    name: str,
    found: dict[tuple[str, str | None, str | None, str | None], Shown],
    base: str,
    change: str,
    attribute: str | None,
    group: str | None,
) -> tuple[Text, ...]:
    before, moved = found.get((base, attribute, group, None)), found[change, attribute, group, None]
    gained = found.get(("favourable_gained_share", attribute, group, None))
    lost = found.get(("favourable_lost_share", attribute, group, None))
    flips = ""
    if change == "selection_rate_change" and gained is not None and lost is not None and gained.estimate is not None:
        flips = f"{_count(gained):,} / {_count(lost):,}"
    return (
        Text(name),
        Text(before.text if before is not None and before.estimate is not None else ""),
        Text(moved.text),
        Text(moved.interval),
        Text(flips),
    )


def _count(share: Shown) -> int:
    """The count behind a share of rows."""
    return round((share.estimate or 0.0) * (share.n or 0))


def _note(more: int) -> list[Text]:
    return [Text(f"{more} more in the report", style="dim")] if more > 0 else []


def _grid(*widths: int | None) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for width in widths:
        table.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    return table


def _dim(*texts: str) -> tuple[Text, ...]:
    return tuple(Text(text, style="dim") for text in texts)
