"""The page on mitigation names every built-in method with what its card says of groups and of where it acts."""

from __future__ import annotations

from rai_tune.core import resource_path
from rai_tune.training.mitigation import card_of
from rai_tune.training.mitigation.registry import _BUILT_IN


def test_the_table_of_the_page_is_that_of_the_cards():
    page = (resource_path("policies").parent / "docs" / "mitigation.md").read_text(encoding="utf-8")
    lines = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 6]
    rows = {
        cells[1].strip(" `"): [cell.strip() for cell in cells[3:6]] for cells in (line.split("|") for line in lines)
    }
    assert rows == {
        name: [
            ", ".join(card.slots),
            "yes" if card.groups_at_training else "no",
            "yes" if card.groups_at_use else "no",
        ]
        for name, card in ((name, card_of(name)) for name in _BUILT_IN)
    }
