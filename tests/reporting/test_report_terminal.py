"""The terminal summary: 80 columns, loud, and inert whatever the data say."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from rai_tune.reporting.model import Ref, Shown
from rai_tune.reporting.terminal import print_decisions, print_summary, summary_text
from rai_tune.reporting.terminal_plot import Axis, axis_for, bar, dot_and_bar
from rai_tune.reporting.view import build_view

EVIL = {
    "[red]x[/red] [link=http://a.example]b[/link]": (100, 50, (5, 10), (5, 90)),
    "\u202egroup\x1b[31m\x07": (100, 60, (5, 10), (5, 90)),
    "中文組" * 30: (100, 70, (5, 10), (5, 90)),
    "w" * 100_000: (100, 80, (5, 10), (5, 90)),
    ":smile: {{ 7*7 }} ${x}": (100, 90, (5, 10), (5, 90)),
}


def shown(estimate: float | None, low: float | None = None, high: float | None = None) -> Shown:
    return Shown("", "", estimate, low, high, 10, "10", "ok", "", 0.95, "", Ref("a", "m"))


def test_the_summary_is_exactly_80_columns_wide_and_says_the_verdict_twice(make_inputs: Any) -> None:
    text = summary_text(build_view(make_inputs()))
    assert max(cell_len(line) for line in text.splitlines()) == 80
    assert text.count("✗ REFUSED") == 2
    assert "'approved' by race" in text
    for line in ("Black            135    64.4 %   56.1 to 72.0 %", "other            –"):
        assert any(line in printed for printed in text.splitlines())
    assert "suppressed (k = 5)" in text
    assert "raitune report lending-0a1b2c3d --pdf report.pdf" in text


@pytest.mark.parametrize("state", ["failed", "diverged", "interrupted", "completed"])
def test_empty_evidence_prints_within_80_columns(make_inputs: Any, state: str) -> None:
    inputs = make_inputs(run={"state": state, "error": "x" * 300}, results=(), decisions=(), training={}, data={})
    text = summary_text(build_view(inputs))
    assert "NOT ENOUGH EVIDENCE" in text
    assert max(cell_len(line) for line in text.splitlines()) <= 80


def test_text_from_data_is_inert_and_every_line_fits(make_inputs: Any, kit: Any) -> None:
    name = "[bold]Run[/bold] \u202e" + "r" * 500
    inputs = make_inputs(
        table={"race": EVIL}, run={"name": name, "error": None}, recipe=kit.lending_recipe(purpose="[red]p[/red]")
    )
    text = summary_text(build_view(inputs))
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    assert "[red]x[/red] [l…" in text
    assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
    assert ":smile:" in text and "😄" not in text


def test_a_console_without_unicode_gets_ascii(make_inputs: Any) -> None:
    buffer = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    print_summary(build_view(make_inputs()), Console(file=buffer, width=100))
    buffer.flush()
    text = buffer.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "x REFUSED" in text
    assert max(map(len, text.splitlines())) == 80


def test_colour_adds_codes_and_takes_no_words(make_inputs: Any) -> None:
    view = build_view(make_inputs())
    colourful = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80)
    print_summary(view, colourful)
    assert "\x1b[" in colourful.file.getvalue()  # type: ignore[attr-defined]
    assert "✗ BASE-04" in summary_text(view)


def test_decisions_print_alone(make_inputs: Any) -> None:
    console = Console(file=io.StringIO(), width=120)
    print_decisions(make_inputs().decisions, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "✗ REFUSED" in text and "BASE-08" in text
    assert "3 rows" not in text
    assert max(cell_len(line) for line in text.splitlines()) == 80


def test_a_dot_sits_where_its_value_is() -> None:
    axis = Axis(0.0, 1.0)
    assert dot_and_bar(shown(0.5, 0.2, 0.8), axis, 11) == "  ├──●──┤"
    assert dot_and_bar(shown(0.5, 0.2, None), axis, 11) == "  ├──●─────"
    assert dot_and_bar(shown(0.0), axis, 11) == "●"
    assert dot_and_bar(shown(None), axis, 11) == ""
    assert dot_and_bar(shown(0.2), axis, 11, mark=1.0) == "  ●       ┊"


def test_the_axis_holds_all_intervals_in_tens_of_percent() -> None:
    assert axis_for([shown(0.64, 0.561, 0.72), shown(0.92, 0.9, 0.937), None, shown(None)]) == Axis(0.5, 1.0)
    assert axis_for([]) == Axis(0.0, 1.0)
    assert axis_for([shown(0.0, 0.0, 0.0)]) == Axis(0.0, 0.1)


def test_a_bar_for_something_is_never_empty() -> None:
    assert bar(shown(0.001), 0.5, 20) == "█"
    assert bar(shown(0.25), 0.5, 20) == "█" * 10
    assert bar(shown(0.0), 0.5, 20) == ""
