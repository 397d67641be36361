"""Before and after in words and in a terminal of 80 columns: every measure can be told from every other, and no reason is cut off."""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console

from rai_tune.reporting.audit_words import METRICS
from rai_tune.reporting.grids import LAYOUTS
from rai_tune.reporting.model import BeforeAfter, MitigationView, Ref, Shown
from rai_tune.reporting.terminal_mitigation import mitigation_rows


def shown(text: str, interval: str = "", status: str = "ok") -> Shown:
    return Shown(text, interval, None, None, None, None, "", status, "", 0.95, "", Ref("mitigation_effect", "m"))


HIDDEN = shown("suppressed (k = 5): the numbers rest on fewer than 5 rows", status="suppressed")
NONE = shown("not estimable", status="not_estimable")


def printed(*rows: BeforeAfter) -> list[str]:
    console = Console(width=78, file=io.StringIO(), legacy_windows=False)
    console.print(mitigation_rows(MitigationView("", (), rows, ())))
    return console.file.getvalue().splitlines()


def test_two_attributes_of_one_measure_read_differently() -> None:
    change = shown("−43.8 pp", "−100.0 to −88.9 pp")
    lines = printed(
        *(
            BeforeAfter(f"Equalized odds difference by {name}", shown("66.7 pp"), shown("22.9 pp"), change)
            for name in ("race", "marital status")
        )
    )
    words = [" ".join(line[:24].split()) for line in lines]
    told = " ".join(word for word in words if word)
    assert told == "Equalized odds difference by race Equalized odds difference by marital status"
    assert sum("66.7 pp    22.9 pp    −43.8 pp   −100.0 to −88.9 pp" in line for line in lines) == 2
    assert max(map(cell_len, lines)) <= 78


def test_a_number_that_is_not_shown_says_why_in_a_word() -> None:
    text = "\n".join(printed(BeforeAfter("Accuracy", HIDDEN, NONE, HIDDEN)))
    assert text.count("suppressed") == 2
    assert "not" in text and "estimable" in text and "…" not in text


def test_words_of_this_audit_do_not_speak_of_fine_tuning() -> None:
    metrics = {metric for layout in LAYOUTS["mitigation_effect"] for metric in layout.columns}
    assert "favourable_gained_share" in metrics
    for metric in metrics & set(METRICS):
        assert "base" not in METRICS[metric].meaning and "fine-tuning" not in METRICS[metric].meaning, metric
