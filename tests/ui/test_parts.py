"""The values and components behind the pages."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rai_tune.reporting.charts import Mark
from rai_tune.review.components import Cell, Table
from rai_tune.review.components.dot_plot import dot_chart
from rai_tune.review.components.literal import MAX_TABLE_ROWS, Bullets, Paragraph, _chunks
from rai_tune.review.listing import age, minute

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59, seconds=59), "59 minutes ago"),
        (timedelta(hours=1), "1 hour ago"),
        (timedelta(hours=47), "1 day ago"),
        (timedelta(days=60), "60 days ago"),
        (timedelta(days=61), "2026-09-24"),
        (timedelta(days=-2), "2026-11-26"),
    ],
)
def test_ages_in_words(passed: timedelta, words: str) -> None:
    assert age((NOW - passed).isoformat().replace("+00:00", "Z"), NOW) == words


def test_an_unreadable_time_has_no_age() -> None:
    assert age("yesterday", NOW) == "unknown"


def test_moments_are_read_to_the_minute_in_utc() -> None:
    assert minute("2026-11-24T22:34:29.123456Z") == "2026-11-24 22:34 UTC"
    assert minute("2026-11-24T23:34:29+01:00") == "2026-11-24 22:34 UTC"
    assert minute("yesterday") == "unknown"


def test_the_chart_draws_intervals_and_n_and_reads_no_data_as_markup() -> None:
    dots = [Mark("a" * 50 + "1", "24", 0.5, 0.25, 0.75), Mark("a" * 50 + "2", "24", 0.4, None, None)]
    spec = dot_chart(dots, axis="Share").to_dict()
    (rows,) = spec["datasets"].values()
    assert len({row["label"] for row in rows}) == 2
    assert all("(n = 24)" in row["label"] for row in rows)
    assert [(row["low"], row["estimate"], row["high"]) for row in rows] == [(0.25, 0.5, 0.75), (0.4, 0.4, 0.4)]
    assert not {"href", "url"} & set(re.findall(r'"(\w+)":', json.dumps(spec)))
    assert all(layer["mark"]["tooltip"] is None for layer in spec["layer"])


def test_a_long_table_goes_to_the_data_grid_and_an_empty_list_leaves_nothing() -> None:
    rows = tuple((Cell(str(number)),) for number in range(MAX_TABLE_ROWS + 1))
    long, short = Table("long", {"a": ""}, rows), Table("short", {"a": ""}, rows[:1])
    assert _chunks([Paragraph("x"), Bullets(()), short, long, short]) == [[Paragraph("x"), short], long, [short]]


def test_components_set_text_and_never_markup() -> None:
    scripts = sorted((ROOT / "rai_tune" / "review" / "components").glob("*.js"))
    assert {"literal.js", "heatmap.js", "choices.js"} <= {path.name for path in scripts}
    for path in scripts:
        forbidden = re.search(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|fetch\(|\.src\b", path.read_text()
        )
        assert forbidden is None, f"{path.name}: {forbidden}"


def test_pages_use_nothing_that_reads_markup_on_data() -> None:
    for path in sorted((ROOT / "rai_tune" / "review").rglob("*.py")):
        found = re.search(
            r"st\.(markdown|html|write|caption|metric|table|error|warning|info|success|toast)\(", path.read_text()
        )
        assert found is None, f"{path.name}: {found}"


def test_the_entry_is_short_and_the_app_stays_on_this_machine() -> None:
    assert len((ROOT / "app.py").read_text().splitlines()) <= 30
    config = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())
    assert config["client"]["showErrorDetails"] == "none"
    assert config["server"]["address"] == "localhost"
    assert config["server"]["enableXsrfProtection"] is True
    assert config["browser"]["gatherUsageStats"] is False
