"""The end-of-run summary for a terminal of 80 columns. Stable API: ``print_summary``, ``print_decisions``, ``summary_text``.

All text is put into ``rich.text.Text``, which never reads markup, and was cleaned when the view was built. Colour is
an addition: every state has a word and an icon, and the plots read the same without it.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich import box
from rich.cells import cell_len
from rich.console import Console, Group
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rai_tune.reporting.controls import decision_view
from rai_tune.reporting.evidence import SWAPS
from rai_tune.reporting.few_shot import spread_facts
from rai_tune.reporting.suppression import hidden_cells, hidden_readings, hide_small_readings
from rai_tune.reporting.terminal_chapters import base_rows, other_chapters
from rai_tune.reporting.terminal_chosen import chosen_rows
from rai_tune.reporting.terminal_controls import STYLES, controls_of
from rai_tune.reporting.terminal_gaps import missed_gaps
from rai_tune.reporting.terminal_hiring import four_fifths_rows, ll144_rows
from rai_tune.reporting.terminal_mitigation import mitigation_rows
from rai_tune.reporting.terminal_plot import Axis, axis_for, bar, dot_and_bar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from rai_tune.core import AuditResult
    from rai_tune.gate.decision import Decision
    from rai_tune.reporting.model import Command, DecisionView, GroupTable, MeasureRow, ReportView

WIDTH = 80
_PLOT = 26
_MAX_QUALITY = 6
_MAX_PAIRS = 3
_MAX_LEANS = 6
_MAX_SWAPS = 8
_SWAP_METRICS = frozenset({"swap_any_flip_rate", "swap_favourable_rate_change"})
_ASCII = str.maketrans(
    {"✗": "x", "✓": "v", "…": ".", "–": "-", "−": "-", "●": "o", "━": "=", "█": "#", "·": ".", "┊": ":", "├": "|", "┤": "|", "─": "-"}
    | dict.fromkeys("┏┓┗┛╭╮╰╯", "+") | dict.fromkeys("┃│", "|")
)  # fmt: skip


def print_summary(view: ReportView, console: Console | None = None) -> None:
    """Print the summary, 80 columns wide or less, in the characters that the console can show."""
    _print(summary(view), console)


def print_decisions(
    decisions: Sequence[Decision],
    console: Console | None = None,
    *,
    results: tuple[AuditResult, ...] = (),
    suppress_below: int = 5,
) -> None:
    """Print what ``raitune gate`` decided: per policy the verdict, then each control.

    ``results`` and ``suppress_below`` (the recipe's) say what to hide; without results, what the controls themselves read does.
    """
    hidden = hidden_cells(results, suppress_below) if results else hidden_readings(decisions, suppress_below)
    told = [hide_small_readings(decision, hidden) for decision in decisions]
    _print(Group(*(_decision(decision_view(decision, 0.95)) for decision in told)), console)


def print_lines(lines: Sequence[str], console: Console | None = None) -> None:
    """Print finished lines as literal text, in the characters that the console can show."""
    target = console or Console()
    text = "\n".join(lines)
    if not target.encoding.lower().replace("-", "").startswith("utf"):
        text = text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    target.print(Text(text), soft_wrap=True)


def summary_text(view: ReportView, *, width: int = WIDTH, color: bool = False, ascii_only: bool = False) -> str:
    """The summary as text. With ``color`` it holds ANSI codes; with ``ascii_only`` it holds nothing beyond ASCII."""
    return _as_text(summary(view), width=width, color=color, ascii_only=ascii_only)


def _print(renderable: RenderableType, console: Console | None) -> None:
    target = console or Console()
    width = min(WIDTH, target.width)
    if target.encoding.lower().replace("-", "").startswith("utf"):
        target.print(renderable, width=width)
    else:
        plain = _as_text(renderable, width=width, color=False, ascii_only=True)
        target.print(Text(plain), end="", soft_wrap=True)


def _as_text(renderable: RenderableType, *, width: int, color: bool, ascii_only: bool) -> str:
    buffer = io.StringIO()
    console = Console(
        file=buffer,
        width=width,
        force_terminal=color,
        color_system="truecolor" if color else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        markup=False,
    )
    console.print(renderable)
    lines = "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"
    return lines.translate(_ASCII).encode("ascii", "replace").decode("ascii") if ascii_only else lines


def _decision(decision: DecisionView) -> Group:
    style = STYLES[decision.outcome]
    body = Text(f"{decision.icon} {decision.word.upper()}\n", style=style)
    body.append(f"{decision.title} {decision.version}", style="not bold default")
    for note in decision.notes:
        body.append(f"\n{note}", style="not bold default")
    return Group(
        Panel(body, box=box.HEAVY, border_style=style, padding=(0, 1)), controls_of(decision.controls, whole=True)
    )


def summary(view: ReportView) -> Group:
    """The summary as one rich renderable: verdict first, evidence between, verdict again with the next commands."""
    parts: list[RenderableType] = [_title(view), _verdict(view)]
    for heading, body in _sections(view):
        parts += [Text(), Text(heading, style="bold", no_wrap=True, overflow="ellipsis"), Padding(body, (0, 0, 0, 2))]
    parts += [Text(), *_ledger(view), _last_line(view), Text("Next:"), *map(_command, view.commands)]
    return Group(*parts)


def _title(view: ReportView) -> Text:
    what = f"run {view.run_id} · {view.state}" if view.kind == "run" else view.run_name
    return Text(f"rai-tune · {what}", style="dim", no_wrap=True, overflow="ellipsis")


def _verdict(view: ReportView) -> Panel:
    head = view.headline
    style = STYLES[head.outcome]
    body = Text(f"{head.icon} {head.word.upper()}\n", style=style)
    body.append(head.sentence, style="not bold default")
    for notice in head.notices:
        body.append(f"\n{notice}", style="not bold default")
    return Panel(body, box=box.HEAVY, border_style=style, padding=(0, 1))


def _sections(view: ReportView) -> Iterator[tuple[str, RenderableType]]:
    tested = [row for row in view.quality if row.split in {"test", ""}]
    if tested:
        what = "Quality on test rows" if view.kind == "run" else "Quality of the decisions"
        yield f"{what}, with interval", _quality(tested[:_MAX_QUALITY])
    yield from _over_draws(view)
    for table in view.groups:
        yield f"'{table.rate_name}' by {table.attribute}", _groups(table)
        if table.pairs:
            yield f"Impact ratios by {table.attribute}, lowest first", _pairs(table)
        if any(row.value.status != "suppressed" for row in table.detectable):
            yield f"What these rows would miss by {table.attribute}", missed_gaps(table)
    if view.mitigation is not None:
        yield "What mitigation did: with minus without, same test rows", mitigation_rows(view.mitigation)
    if view.search is not None:
        yield "Chosen from a search: the choice on validation rows, and on test rows", chosen_rows(view.search)
    yield from _audits(view)
    if view.explanations.rows:
        yield "What decisions lean on", _leaning(view)
    for decision in view.decisions:
        yield f"Controls of {decision.policy} {decision.version}", controls_of(decision.controls)


def _audits(view: ReportView) -> Iterator[tuple[str, RenderableType]]:
    rule = four_fifths_rows(view.other)
    if rule is not None:
        yield "Four fifths of the highest rate (guidance), beside Fisher's test", rule
    local_law = ll144_rows(view.other)
    if local_law is not None:
        yield "Tables of NYC Local Law 144", local_law
    swaps = [row for row in view.other if row.value.ref.audit == SWAPS and row.value.ref.metric in _SWAP_METRICS]
    if swaps:
        yield "The same text about another group", _swaps(swaps)
    changed = base_rows(view.other, view.groups[0].rate_name if view.groups else "favourable")
    if changed is not None:
        yield "What fine-tuning did: tuned minus base, same test rows", changed
    others = other_chapters(view)
    if others is not None:
        yield "Other measurements", others


def _grid(*widths: int | None) -> Table:
    """A table without lines; None takes what is left. Cells are cut with an ellipsis and never wrap."""
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for width in widths:
        table.add_column(width=width, ratio=None if width else 1, no_wrap=True, overflow="ellipsis")
    return table


def _quality(rows: list[MeasureRow]) -> Table:
    table = _grid(24, 16, 20, None)
    for row in rows:
        table.add_row(Text(row.name), Text(row.value.text), Text(row.value.interval), Text(f"n {row.value.n_text}"))
    return table


def _over_draws(view: ReportView) -> Iterator[tuple[str, RenderableType]]:
    """Median and range of each measure over draws of a few-shot run; the report lists every draw."""
    facts = spread_facts(view)
    if facts:
        table = _grid(24, None)
        for fact in facts:
            table.add_row(Text(fact.name), Text(fact.text.split(" on ", maxsplit=1)[0]))
        yield "Over draws of the shots, on validation rows", table


def _swaps(rows: list[MeasureRow]) -> Group:
    """Decisions that change with the group alone, then which way; the report has every number."""
    table = _grid(40, 14, None)
    for row in rows[:_MAX_SWAPS]:
        table.add_row(Text(_swap_name(row)), Text(row.value.text), Text(row.value.interval))
    more = len(rows) - _MAX_SWAPS
    return Group(table, *([Text(f"{more} more in the report", style="dim")] if more > 0 else []))


def _swap_name(row: MeasureRow) -> str:
    head = row.name.split(": ", maxsplit=1)[0].removeprefix("Swap of ")
    return f"{head}: {'decisions that change' if row.value.ref.group is None else 'favourable'}"


def _groups(table: GroupTable) -> Table:
    axis = axis_for([row.selection_rate for row in table.rows])
    # Millions of rows need a wider count; the names of groups make room for it.
    counts = [row.rows.text for row in table.rows if row.rows is not None and row.rows.estimate is not None]
    count_width = max([6, *map(cell_len, counts)])
    grid = _grid(22 - count_width, count_width, 8, 17, None)
    head = table.rate_name if cell_len(table.rate_name) <= 8 else "rate"
    grid.add_row(*_dim("group", "n", head, "interval", axis.label(_PLOT)))
    for row in table.rows:
        rate, count = row.selection_rate, row.rows
        drawn = dot_and_bar(rate, axis, _PLOT) if rate is not None else ""
        text, interval = (rate.text, rate.interval) if rate is not None and row.measured else ("–", "")
        grid.add_row(
            Text(row.group),
            Text(count.text if count is not None and count.estimate is not None else "–"),
            Text(text),
            Text(interval),
            Text(drawn if row.measured else (rate.text if rate is not None else "not measured")),
        )
    return grid


def _pairs(table: GroupTable) -> Group:
    """The lowest ratios; the same pair the other way round says nothing new and is left to the report."""
    drawn = [pair for pair in table.pairs if pair.ratio.estimate is not None]
    lowest = [pair for pair in drawn if (pair.ratio.estimate or 0.0) <= 1.0] or drawn
    axis = Axis(0.0, 1.25)
    grid = _grid(30, 7, 17, None)
    width = _PLOT - 6
    grid.add_row(*_dim("group / against", "ratio", "interval", "0" + "1".rjust(axis.at(1.0, width))))
    for pair in lowest[:_MAX_PAIRS]:
        grid.add_row(
            Text(f"{pair.group} / {pair.reference}"),
            Text(pair.ratio.text),
            Text(pair.ratio.interval),
            Text(dot_and_bar(pair.ratio, axis, width, mark=1.0)),
        )
    missing = len(table.pairs) - len(drawn)
    note = [Text(f"{missing} more without a number: suppressed or not estimable", style="dim")] if missing else []
    return Group(grid, *note)


def _leaning(view: ReportView) -> Group:
    told = view.explanations
    grid = _grid(24, 9, 17, None)
    largest = max((row.value.estimate or 0.0 for row in told.rows if row.value is not None), default=0.0)
    for row in told.rows[:_MAX_LEANS]:
        name = f"{row.name} (identity)" if row.identity else row.name
        if row.value is None:
            grid.add_row(Text(name), Text(""), Text(""), Text(row.text))
        else:
            grid.add_row(Text(name), Text(row.text), Text(row.value.interval), Text(bar(row.value, largest, _PLOT - 2)))
    tests = _grid(2, 45, None)
    for test in told.tests:
        tests.add_row(Text(test.icon), Text(test.name), Text(test.word))
    verdict = Text(f"{told.icon} {told.word}", style=_TRUST_STYLES[told.verdict])
    return Group(grid, verdict, *([tests] if told.tests else []), Text(told.sentence, style="dim"))


_TRUST_STYLES = {
    "trusted": STYLES["pass"],
    "not_trusted": STYLES["fail"],
    "insufficient_evidence": STYLES["insufficient_evidence"],
    "not_checked": STYLES["insufficient_evidence"],
}


def _last_line(view: ReportView) -> Text:
    head = view.headline
    return Text(f"{head.icon} {head.word.upper()}", style=STYLES[head.outcome])


def _ledger(view: ReportView) -> tuple[Text, ...]:
    """The head of the ledger, its root whole on a line of its own so that it can be copied."""
    head = view.ledger
    return _dim(head.text, *([f"  root {head.root}"] if head.root else [])) if head.text else ()


def _command(command: Command) -> Text:
    """A command on a line of its own, so that it can be copied, with its reason behind it where there is room."""
    line = Text(f"  {command.line}")
    fits = cell_len(command.line) + cell_len(command.why) + 6 <= WIDTH
    line.append(f"  # {command.why}" if fits else f"\n    # {command.why}", style="dim")
    return line


def _dim(*texts: str) -> tuple[Text, ...]:
    return tuple(Text(text, style="dim") for text in texts)
