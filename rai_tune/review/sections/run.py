"""The whole run page, top to bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rai_tune.review.reading import open_workspace, read_run
from rai_tune.review.sections.background import show_background
from rai_tune.review.sections.controls import show_controls, show_open
from rai_tune.review.sections.leaning import show_explained, show_leaning
from rai_tune.review.sections.measurements import show_groups, show_quality
from rai_tune.review.sections.verdict import show_next, show_verdict

if TYPE_CHECKING:
    from rai_tune.review.reading import RunPage


def show_run(run_id: str) -> None:
    """Read everything, then draw: nothing is on the page before the evidence was checked."""
    with open_workspace() as workspace:
        page = read_run(workspace, run_id)
    _draw(page)


def _draw(page: RunPage) -> None:
    show_verdict(page)
    show_open(page.view)
    show_controls(page.view)
    show_quality(page.view)
    show_groups(page.view)
    show_leaning(page.view)
    show_explained(page.explained)
    show_next(page.view)
    show_background(page.view)
