"""The gaps that a table is too small to show, from the audit to the terminal: real measurements, nothing told of hidden groups."""

from __future__ import annotations

import pandas as pd
import pytest
from rich.cells import cell_len

from rai_audits.stats.power import smallest_detectable_gap
from rai_tune.reporting.terminal import summary_text
from rai_tune.reporting.view import build_view
from rai_tune.table_audit import TableQuestion, audit_predictions


def summary(counts: dict[str, tuple[int, int]]) -> str:
    rows = [
        {"race": group, "said": said}
        for group, (selected, everyone) in counts.items()
        for said, many in ((1, selected), (0, everyone - selected))
        for _ in range(many)
    ]
    question = TableQuestion(table=pd.DataFrame(rows), prediction="said", groups={"race": ()}, favourable="1")
    return summary_text(build_view(audit_predictions(question).inputs))


def test_the_terminal_says_how_large_a_gap_goes_unseen() -> None:
    text = summary({"white": (752, 817), "Black": (86, 135), "Asian": (33, 40)})
    gap = smallest_detectable_gap(135, 752 / 817, 817)
    assert gap is not None
    told = " ".join(line.strip() for line in text.splitlines())
    assert f"Black, 135 rows: a gap to white below {100 * gap:.1f} pp goes unseen 1 time in 5 or more" in told
    assert told.index("Asian, 40 rows:") < told.index("Black, 135 rows:")
    assert max(cell_len(line) for line in text.splitlines()) == 80


def test_a_group_in_which_nothing_could_be_seen_is_named() -> None:
    told = " ".join(line.strip() for line in summary({"white": (80, 800), "Black": (6, 12)}).splitlines())
    assert "Black, 12 rows: a gap to white of any size may go unseen" in told


@pytest.mark.parametrize("small", [(1, 3), (2, 4)])
def test_nothing_is_told_of_groups_that_are_hidden(small: tuple[int, int]) -> None:
    text = summary({"white": (300, 400), "Black": (60, 100), "Asian": (30, 40), "other": small})
    section = text.split("What these rows would miss by race")[-1].split("\n\n")[0]
    assert "other" not in section and "Asian" not in section
    assert "Black, 100 rows: " in " ".join(line.strip() for line in section.splitlines())
